"""What every host needs around a router: conversations that stay where they were sent, a log, and no exception."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from featrouter.decision import Costs, Decision
from featrouter.integrations.runlog import RunLog
from featrouter.integrations.source import RouterFile, anew_after_fork
from featrouter.logs.run import Run
from featrouter.logs.writing import name_of
from featrouter.messages import trajectory_of
from featrouter.router import Router
from featrouter.session import noted
from featrouter.trajectory import Trajectory, Turn

#: So many conversations are remembered; one that comes back after that is read anew, and decided as before.
MOST = 4096
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer of a model took: tokens, USD, seconds; None where nobody tells."""

    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    cost: float | None = None
    latency: float | None = None


class Route(NamedTuple):
    """Where a request goes. `run`: the name to tell `answered`; `handed_over`: after so many turns, None if it was not."""

    run: str
    decision: Decision
    handed_over: int | None = None

    @property
    def escalate(self) -> bool:
        return self.decision.escalate

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        told = {name: value for name, value in self.decision.as_dict().items() if not name.endswith("_interval")}
        return {"run": self.run, "handed_over": self.handed_over, **told}


@dataclass(slots=True)
class _Conversation:
    """What is remembered of one: where it was sent, how long it was, and what the answers that began its turns took."""

    run: str
    name: str
    number: int = 1
    length: int = 0
    escalated: Decision | None = None
    usage: dict[int, Usage] = field(default_factory=dict)
    task_id: str = ""
    models: tuple[str, str] = ("", "")

    def spent(self, first: int, last: int) -> float | None:
        """USD of the answers that began these turns; None when there is none, or not every one is known."""
        told = [self.usage.get(turn) for turn in range(first, last + 1)]
        costs = [usage.cost for usage in told if usage and usage.cost is not None]
        return sum(costs) if costs and len(costs) == len(told) else None


class Escalator:
    """A router for all conversations of a host. Threads may share it; no method but the makers ever raises.

    An escalation latches: the conversation stays with the strong model, also when the bundle is exchanged or, with a
    `log`, when the process starts anew. On any doubt the router's `default` is the choice.
    """

    def __init__(self, router: Router | RouterFile, *, log: str | os.PathLike[str] | None = None) -> None:
        self._router = router
        self._log = RunLog(log) if log else None
        self._conversations: OrderedDict[str, _Conversation] = OrderedDict()
        self._latest: dict[str, str] = {}
        self._lock = threading.Lock()
        anew_after_fork(self, "_lock")

    @classmethod
    def load(
        cls,
        bundle: str | os.PathLike[str] | None = None,
        *,
        log: str | os.PathLike[str] | None = None,
        value: float | None = None,
        handover: float = 0.0,
        **options: Any,
    ) -> Escalator:
        """An escalator that follows a bundle file, with the options of Router.load; `value` and `handover` as of Costs.

        Raises BundleError, ValueError.
        """
        told = {"latch": True, "costs": Costs(value=value, handover=handover)} | options
        return cls(RouterFile(bundle, **told), log=log)

    @property
    def router(self) -> Router:
        """The router now: of a bundle file that changed, the new one."""
        return self._router.current() if isinstance(self._router, RouterFile) else self._router

    def reload(self) -> None:
        """Load the bundle file again without waiting for its change. Raises BundleError and keeps the old one."""
        if isinstance(self._router, RouterFile):
            self._router.reload()

    def decide(
        self,
        messages: Iterable[Any] | Trajectory,
        run: str,
        *,
        task_id: str = "",
        models: tuple[str, str] = ("", ""),
        costs: Costs | None = None,
    ) -> Route:
        """Where the next request of the conversation `run` goes: to the strong model if `escalate`, else to the weak.

        `messages` as Router.decide takes them. `task_id` (else the run's name) and `models`, (weak, strong), are for
        the log. `costs` stand in for the router's. Asked again after the same turn it answers the same. A conversation of
        that name that begins again is another run (`run#2`).
        """
        try:
            read = messages if isinstance(messages, Trajectory) else trajectory_of(messages)
            run, task_id = name_of(run), name_of(task_id) if task_id else ""
            with self._lock:
                known = self._begun(run, len(read))
            known.task_id, known.models = task_id or run, models
            read = replace(read, turns=tuple(_told(turn, known.usage.get(n)) for n, turn in enumerate(read, 1)))
            if known.escalated:
                decision = known.escalated._replace(turn=len(read))
            else:
                decision = self.router.decide(read, run=known.run, costs=costs)
                if decision.escalate:
                    known.escalated = decision
            handed_over = known.escalated.turn if known.escalated else None
            if self._log:
                with self._lock:
                    self._log.turns(known.run, read.turns[:handed_over], decision=decision)
                    self._log.run(self._row(known, len(read), decision.propensity, read.task))
            return Route(known.run, decision, handed_over)
        except Exception as error:
            return Route(run, Decision(self.router.default, *(_NAN,) * 6, 0, fallback=str(noted(error))))

    def answered(self, run: str, turn: int, usage: Usage, *, final: str | None = None) -> None:
        """What the answer that began a turn took. `final`: its text, when it asked for no tool and so ends the run."""
        try:
            run = name_of(run)
            with self._lock:
                known = self._known(run, run)
                known.usage[turn] = usage
                known.length = max(known.length, turn)
                if self._log and final is not None and turn > 0:
                    if not known.escalated or turn <= known.escalated.turn:
                        self._log.turns(run, (_told(Turn(final), usage),), turn)
                    self._log.run(self._row(known, turn))
        except Exception as error:
            noted(error)

    def _begun(self, name: str, turns: int) -> _Conversation:
        """The conversation of that name that has so many turns: without any, a new one after one that had some."""
        known = self._known(self._latest.get(name, name), name)
        while turns == 0 and known.length > 0:
            number = known.number + 1
            known = self._known(name_of(f"{name}#{number}"), name)
            known.number, self._latest[name] = number, known.run
        known.length = max(known.length, turns)
        return known

    def _known(self, run: str, name: str) -> _Conversation:
        known = self._conversations.get(run)
        if known is None:
            known = self._conversations[run] = _Conversation(run, name)
            before = self._log.last(run) if self._log else None
            if before:
                known.length = before.turns or 0
            if before and before.route == "strong":
                turn = before.route_turn or 0
                chance = 1.0 if before.propensity is None else before.propensity
                known.escalated = Decision("escalate", *(_NAN,) * 6, turn, fallback="as logged", propensity=chance)
            while len(self._conversations) > MOST:
                gone = self._conversations.popitem(last=False)[1]
                if self._latest.get(gone.name) == gone.run:
                    del self._latest[gone.name]
        self._conversations.move_to_end(run)
        return known

    def _row(self, known: _Conversation, turns: int, chance: float | None = None, task: str = "") -> Run:
        weak = min(turns, known.escalated.turn) if known.escalated else turns
        return Run(
            known.run,
            known.task_id or known.run,
            task=task,
            harness=self.router.harness or "",
            weak_model=known.models[0],
            cost_weak=known.spent(1, weak),
            strong_model=known.models[1],
            cost_strong=known.spent(weak + 1, turns),
            route="strong" if known.escalated else "weak",
            propensity=chance,
            route_turn=known.escalated.turn if known.escalated else None,
            turns=turns,
        )


def _told(turn: Turn, usage: Usage | None) -> Turn:
    """The turn with what its answer took, where the messages do not tell."""
    if usage is None or turn.prompt_tokens is not None or turn.cost is not None:
        return turn
    return replace(
        turn,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost=usage.cost,
        latency=usage.latency,
    )
