"""Replay: a run as a router sees it, at its start, after every turn, and once the answer is in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from featrouter.catalogue import feature_set, number
from featrouter.decision import Decision, Reason
from featrouter.extractor import Row
from featrouter.router import Router
from featrouter.session import Session
from featrouter.trajectory import Trajectory

#: Reasons that are named at each step; the others are told as one sum.
REASONS = 8


@dataclass(frozen=True, slots=True)
class Change:
    """A feature that this turn has changed: its values before and after it (NaN: unknown), and what they mean."""

    feature: str
    before: float
    after: float
    meaning: str

    def words(self) -> str:
        return f"{_known(self.before)} → {_known(self.after)}"


@dataclass(frozen=True, slots=True)
class Step:
    """What the router said at one decision point, and why; effects are log-odds, above 0 they speak for escalating.

    `threshold`: what y2 - y1 must exceed here, infinite where the policy does not look. The effects of `reasons` and
    `rest` (of `n_rest` more features) are added to `expected`.
    """

    decision: Decision
    threshold: float
    expected: float
    reasons: list[Reason]
    rest: float
    n_rest: int
    changes: list[Change]


def replay(router: Router, run: Trajectory, harness: str | None = None) -> Iterator[Step]:
    """The steps of a run, `len(run) + 1` of them, and one more where it has ended.

    Each tells what the numbers are there: an escalation does not silence those after it.
    """
    bare = router.unlatched()
    session = bare.session(run.task, harness=harness)
    before = session.row.copy()
    for turn in (None, *run.turns):
        if turn is not None:
            session.observe(turn)
        after = session.row.copy()
        yield _step(bare, session, [] if turn is None else _changes(bare, before, after))
        before = after
    if run.ended:
        session.end()
        yield _step(bare, session, [])


def _step(router: Router, session: Session, changes: list[Change]) -> Step:
    decision = session.decide()
    reasons = session.explain(len(router.bundle.features))
    named, others = reasons[:REASONS], reasons[REASONS:]
    threshold = router.policy.threshold(decision.turn, ended=decision.ended)
    rest = sum(reason.effect for reason in others)
    return Step(decision, threshold, session.expected, named, rest, len(others), changes)


def _changes(router: Router, before: Row, after: Row) -> list[Change]:
    known = feature_set().by_name
    moved = np.flatnonzero((before != after) & ~(np.isnan(before) & np.isnan(after)))
    names = router.bundle.features
    return [Change(names[i], float(before[i]), float(after[i]), known[names[i]].meaning) for i in moved]


def _known(value: float) -> str:
    return "unknown" if math.isnan(value) else number(value)
