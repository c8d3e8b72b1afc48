"""Router: a loaded bundle, shared by threads. It never raises in the loop of whoever it serves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from featrouter.batch import decide_many
from featrouter.bundle import Bundle, BundleError, refuse_outdated
from featrouter.calibration import between
from featrouter.conversations import Conversations, keys_of
from featrouter.decision import CHOICES, Costs, Decision
from featrouter.extractor import Wanted
from featrouter.messages import trajectory_of
from featrouter.policy import Policy
from featrouter.reference import Reference
from featrouter.resources import place
from featrouter.session import Session, noted
from featrouter.stage import Stage
from featrouter.trajectory import Trajectory


class Router:
    """A trained router. Immutable: threads may share it, and a hot swap is one assignment.

    `costs`: what the user is willing to pay (see Costs); the bundle's own estimates fill what is not given.
    `default`: the choice when the numbers cannot be trusted. `guard=False` trusts rows unlike any training row.
    `harness`: whose runs these are, where the bundle knows several; of one that it does not know nothing can be said, and
    every decision is the default until the bundle is adapted (featrouter adapt).
    `policy`: one of the bundle's policies by name, or `fixed:TURN`; without it the one it was trained for. `epsilon`:
    the share of decisions that explore, choosing evenly between the arms; the draw depends on `seed` and on what was observed
    alone, so the same run asked again at the same turn draws the same. `latch`: an escalation stays, whatever the
    policy says of that, and the session looks at every turn by itself. ValueError for what is none of these.

    A policy that made a promise on harm never stops, does not explore, and escalates what cannot be trusted.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        costs: Costs | None = None,
        default: str = "continue",
        guard: bool = True,
        harness: str | None = None,
        policy: str | None = None,
        epsilon: float = 0.0,
        seed: int = 0,
        latch: bool = False,
    ) -> None:
        if default not in CHOICES:
            raise ValueError(f"default must be one of {', '.join(CHOICES)}, not {default!r}")
        if not 0 <= epsilon <= 1:
            raise ValueError(f"epsilon is the share of decisions that explore, 0 to 1, not {epsilon!r:.40}")
        name = policy or bundle.policy
        known = bundle.policies.get(name) or Policy.named(name)
        if known is None:
            has = ", ".join(sorted(bundle.policies))
            raise ValueError(f"policy {name!r:.40} is not in this bundle; it has {has}, and every one has fixed:TURN")
        if epsilon and known.promise:
            raise ValueError(f"policy {name} made a promise on harm, which leaves no room for exploring: drop epsilon")
        refuse_outdated(bundle)
        self.bundle = bundle
        self.costs = costs or Costs()
        self.default = default
        self.policy = replace(known, latch=latch or known.latch)
        self.epsilon = epsilon
        self.seed = seed
        self.guarded = guard
        try:
            self.wanted = Wanted.of(bundle.features)
        except KeyError as unknown:
            raise BundleError(f"this bundle wants the feature {unknown}, which this version does not compute") from None
        try:
            self.stages = {ended: Stage(bundle, ended=ended) for ended in (False, True)}
        except ValueError as error:
            raise BundleError(f"{error}; train a smaller one") from None
        self.value, strong = float(bundle.costs["value"]), bundle.costs["strong"]
        self.strong = float("nan") if strong is None else float(strong)
        self._conversations = Conversations()
        self._turns = [float(turn) for turn, _ in bundle.costs["weak_remaining"]]
        self._usd = [float(usd) for _, usd in bundle.costs["weak_remaining"]]
        self.harness = harness

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        sha256: str | None = None,
        costs: Costs | None = None,
        default: str = "continue",
        guard: bool = True,
        harness: str | None = None,
        policy: str | None = None,
        epsilon: float = 0.0,
        seed: int = 0,
        latch: bool = False,
    ) -> Router:
        """Open a bundle; without `path` the shipped default. `sha256` pins the file. Raises BundleError."""
        path = place("models/default/default.featrouter") if path is None else path
        bundle = Bundle.load(path, sha256)
        return cls(
            bundle,
            costs=costs,
            default=default,
            guard=guard,
            harness=harness,
            policy=policy,
            epsilon=epsilon,
            seed=seed,
            latch=latch,
        )

    def unlatched(self) -> Router:
        """The same router for who only looks on: it is asked anew at every turn, and no escalation stays."""
        other = copy(self)
        other.policy, other._conversations = replace(self.policy, latch=False), Conversations()
        return other

    def session(
        self, task: str = "", *, costs: Costs | None = None, run: str = "", harness: str | None = None
    ) -> Session:
        """One agent run on one task (its problem text), on the router's harness or another that the bundle knows.

        `run` names it where the router explores: runs of one name and task draw alike. Without either, by chance.
        """
        return Session(self, task, costs or self.costs, run, self.harness if harness is None else harness)

    def decide(
        self,
        messages: Iterable[Any] | Trajectory,
        *,
        task: str = "",
        costs: Costs | None = None,
        run: str = "",
        harness: str | None = None,
    ) -> Decision:
        """The decision after the last turn of a trajectory or a message list (OpenAI, Anthropic, Responses, LangChain).

        Stateless to its caller; a conversation that comes back with more turns is gone on with where it was left.
        """
        try:
            messages = read = _read(messages, task)
            if self.epsilon and not (read.task or run):
                raise TypeError("runs without a name draw by chance, each for itself")
            keys = keys_of(read.task, (costs, run, harness), read.turns)
        except Exception:  # what cannot be told apart for sure is read from its start, and there fails in words
            return self.replay(messages, task=task, costs=costs, run=run, harness=harness).decide()
        seen, session = self._conversations.take(keys)
        if session is None:
            session = self.session(read.task, costs=costs, run=run, harness=harness)
        self._walk(session, read, seen)
        decision = session.decide()
        if not (read.ended or session.failed):
            self._conversations.put(keys[-1], session)
        return decision

    def decide_many(self, sessions: Sequence[Session]) -> list[Decision]:
        """What each of these sessions decides, in their order: one pass over the trees for all that are alike."""
        return decide_many(self, sessions)

    def replay(
        self,
        messages: Iterable[Any] | Trajectory,
        *,
        task: str = "",
        costs: Costs | None = None,
        run: str = "",
        harness: str | None = None,
    ) -> Session:
        """A session that has observed all turns of a message list or a trajectory.

        A router that explores has decided at the start and after each turn on the way, as if asked there.
        """

        try:
            read = _read(messages, task)
        except Exception as error:
            session = self.session(costs=costs, run=run, harness=harness)
            session.failed = f"messages could not be read: {noted(error)}"
            return session
        session = self.session(read.task, costs=costs, run=run, harness=harness)
        self._walk(session, read, 0)
        return session

    def _walk(self, session: Session, read: Trajectory, seen: int) -> None:
        for turn in read.turns[seen:]:
            if self.epsilon:
                session.decide()
            session.observe(turn)
        if read.ended:
            if self.epsilon:
                session.decide()
            session.end()

    def remaining(self, turn: int) -> float:
        """The mean cost that weak runs still had after so many turns, in USD; NaN where the bundle knows none."""
        return between(turn, self._turns, self._usd) if self._turns else float("nan")

    def reference(self, harness: str | None) -> Reference | str:
        """What is known of a harness, or in words why nothing is. Without a name: the only one the bundle knows."""
        known = self.bundle.references
        if harness is None and len(known) == 1:
            return next(iter(known.values()))
        if isinstance(harness, str) and harness in known:
            return known[harness]
        names = ", ".join(repr(name) for name in sorted(known))
        told = "no harness is named" if harness is None else f"harness {harness!r:.60} is not known to this bundle"
        return f"{told}: give harness= one of {names}, or fit it to your own runs (featrouter adapt)"


def _read(messages: Iterable[Any] | Trajectory, task: str) -> Trajectory:
    told = messages if isinstance(messages, Trajectory) else trajectory_of(messages)
    return Trajectory(task or told.task, tuple(told), bool(told.ended))
