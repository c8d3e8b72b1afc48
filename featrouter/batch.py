"""Many sessions decided at once: one pass over the trees for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from featrouter.calibration import Floats
from featrouter.decision import Decision
from featrouter.session import Session, noted
from featrouter.stage import Stage

if TYPE_CHECKING:
    from featrouter.router import Router


def decide_many(router: Router, sessions: Sequence[Session]) -> list[Decision]:
    """What each of these sessions of one router decides, in their order; no failure leaves it.

    A session whose numbers are not to be trusted decides by itself, and so does each where the router explores or its
    policy made a promise.
    """
    answers: list[Decision | None] = [None] * len(sessions)
    if not (router.epsilon or router.policy.promise):
        try:
            _decide_alike(router, sessions, answers)
        except Exception as error:
            noted(error)  # who has no answer yet is asked alone, and knows how to fail
    return [decision or session.decide() for decision, session in zip(answers, sessions, strict=True)]


def _decide_alike(router: Router, sessions: Sequence[Session], answers: list[Decision | None]) -> None:
    """Answer those that share a pass: at one stage; then a group for each reference and Costs object."""
    for ended, stage in router.stages.items():
        if not (stage.r1 and stage.r2):
            continue
        alike = [n for n, session in enumerate(sessions) if session._ended is ended and _is_plain(router, session)]
        if not alike:
            continue
        scores = stage.forest.score(np.array([sessions[n].places for n in alike]))
        kin: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place, n in enumerate(alike):
            kin[id(sessions[n]._reference), id(sessions[n]._costs)].append(place)
        for places in kin.values():
            group = [sessions[alike[place]] for place in places]
            with np.errstate(all="ignore"):  # absurd amounts become infinite without a word, as they do one by one
                found = _decided(router, stage, group, scores[places])
            for place, decision in zip(places, found, strict=True):
                answers[alike[place]] = decision


def _is_plain(router: Router, session: Session) -> bool:
    return not session.failed and session._latched is None and session._router is router and session.familiar


def _decided(router: Router, stage: Stage, group: Sequence[Session], scores: Floats) -> list[Decision]:
    """The arithmetic of `Session.decide` in columns, for sessions of one reference and one Costs object."""
    first, policy, r1_arm, r2_arm = group[0], router.policy, stage.r1, stage.r2
    assert first._reference and r1_arm and r2_arm
    ended, costs, shifts = first._ended, first._costs, first._reference.shifts
    turns = [session._extractor.turn for session in group]
    r1, r2 = r1_arm.probabilities(scores, shifts), r2_arm.probabilities(scores, shifts)
    c1: Any = costs.weak
    c2: Any = costs.strong
    if ended:
        c1 = 0.0
    elif c1 is None:
        c1 = (
            stage.usds("c1", scores, shifts)
            if "c1" in stage.priced
            else np.array([router.remaining(turn) for turn in turns])
        )
    if c2 is None:
        c2 = stage.usds("c2", scores, shifts) if "c2" in stage.priced else router.strong
    if costs.handover:
        c2 = c2 + np.array([session.switch for session in group])
    c1, c2 = np.broadcast_to(c1, len(group)), np.broadcast_to(c2, len(group))
    value = costs.value or router.value
    y1, y2 = (r - np.where(c == c, c / value, 0.0) for r, c in ((r1, c1), (r2, c2)))
    thresholds = {turn: policy.threshold(turn, ended=ended) for turn in set(turns)}
    threshold = np.array([thresholds[turn] for turn in turns])
    gives_up = (y1 < 0) & (y2 < 0) & (threshold < np.inf) & (costs.allow_stop or policy.allow_stop)
    onward, stop = ("accept", "accept") if ended else ("continue", "stop")
    names = (onward, "escalate", stop)
    choices = [names[at] for at in np.where(gives_up, 2, y2 - y1 > threshold).tolist()]
    told = [column.tolist() for column in (r1, r2, y1, y2, c1, c2)]
    rows = scores.tolist()
    intervals = [
        [arm.interval(row, shifts) for row in rows] if arm.splits else repeat(None) for arm in (r1_arm, r2_arm)
    ]
    outside = [session._outside for session in group]
    columns = choices, *told, turns, repeat(ended), repeat(""), *intervals, repeat(1.0), outside
    found = list(map(Decision._make, zip(*columns, strict=False)))
    if policy.latch:
        for session, decision in zip(group, found, strict=True):
            session._latched = decision if decision.escalate else None
    return found
