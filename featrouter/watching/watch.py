"""Watch: what a router says of a growing run, turn by turn, and what it has said when the run is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from featrouter.decision import Decision, Reason
from featrouter.router import Router
from featrouter.session import Session
from featrouter.trajectory import Turn
from featrouter.watching.sources import Snapshot, Source

#: A source that takes long to read is read the more seldom: at most a quarter of the time goes into it.
_REST = 3


class Said(NamedTuple):
    """A decision and its reasons, after a turn that is new or has changed."""

    decision: Decision
    reasons: list[Reason]


@dataclass
class Watch:
    """What has been said so far. `note` is told what happens beside the turns: that one changed, that the run began anew."""

    router: Router
    note: Callable[[str], None]
    harness: str | None = None
    task: str = ""
    reasons: int = 1
    turns: tuple[Turn, ...] = ()
    escalated: Decision | None = None
    over: bool = False
    _session: Session | None = None
    _on: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.router = self.router.unlatched()

    def take(self, snapshot: Snapshot) -> Iterator[Said]:
        """What is said of the turns that are new in this snapshot; of a run that is over, of its answer, too."""
        told = snapshot.run.turns
        turns = told if snapshot.over else told[: len(told) - _pending(told)]
        task = self.task or snapshot.run.task
        same = next((n for n, (a, b) in enumerate(zip(self.turns, turns, strict=False)) if a != b), None)
        kept = len(turns) if same is None else same
        on = self.harness or (snapshot.harness if snapshot.harness in self.router.bundle.references else None)
        if self._session is None or kept < len(self.turns) or on != self._on:
            yield from self._begin(task, turns[: min(kept, len(self.turns))], on)
        for turn in turns[len(self.turns) :]:
            self._observe(turn)
            yield self._say()
        if snapshot.over and not self.over and self._session:
            self.over = True
            self._session.end()
            yield self._say()

    def _begin(self, task: str, turns: tuple[Turn, ...], on: str | None) -> Iterator[Said]:
        """Start, or start over: turns that were shown before are taken in without a word."""
        if self._session is not None:
            self.note(f"turn {len(turns) + 1} changed" if turns else "the run begins anew")
        if not task and turns == () and self._session is None:
            self.note("the task is not in what is written: --task tells it, and features of the task are blank without")
        first = self._session is None or not turns
        self._session, self._on = self.router.session(task, harness=on), on
        self.turns, self.over, self.escalated = (), False, None
        if first:
            yield self._say()
        for turn in turns:
            self._observe(turn)
            self._mark(self._session.decide())

    def _observe(self, turn: Turn) -> None:
        if self._session:
            self._session.observe(turn)
        self.turns = (*self.turns, turn)

    def _say(self) -> Said:
        assert self._session is not None  # made by whoever calls
        decision = self._session.decide()
        self._mark(decision)
        return Said(decision, self._session.explain(self.reasons))

    def _mark(self, decision: Decision) -> None:
        if decision.escalate and self.escalated is None:
            self.escalated = decision


def follow(
    source: Source,
    watch: Watch,
    *,
    poll: float = 0.5,
    idle: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Said]:
    """All that is said of a source until its run is over, or nothing has changed for `idle` seconds.

    `poll`: seconds between two looks. ValueError for lines that cannot be read.
    """
    changed, waited_for = time.monotonic(), ""
    while not watch.over:
        began = time.monotonic()
        snapshot = source.snapshot()
        if snapshot is not None:
            yield from watch.take(snapshot)
            changed = time.monotonic()
        elif source.missing and source.missing != waited_for and not watch.turns:
            waited_for = source.missing
            watch.note(waited_for)
        if watch.over or (idle is not None and time.monotonic() - changed >= idle):
            return
        sleep(max(poll, _REST * (time.monotonic() - began)))


def _pending(turns: tuple[Turn, ...]) -> int:
    """1 where the last turn is still being written: nothing has come back from what it did."""
    if not turns:
        return 0
    calls = turns[-1].each_call()
    return int(not calls or any(not call.observation for call in calls))
