"""Fitting policies on held-out predictions: the best single turn, thresholds by turn, a promise on harm."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from featrouter.policy import NEVER, Policy
from featrouter.training.fit import Names, one_of_each
from featrouter.training.metrics import Floats
from featrouter.training.worth import Walks, follow

#: Turns that share a threshold: dense where decisions are made, so that each rests on many runs.
STEPS = (0, 1, 2, 3, 6, 12, 24, 64)
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_SWEEPS = 3
#: Standard errors by which a change must pay.
_ERRORS = 2.0
#: A turn is a candidate for `fixed` only where as many runs still go on.
_LEAST_ALIVE = 20


def fit_fixed(runs: Walks, value: float, *, allow_stop: bool = False) -> Policy:
    """The single turn at which deciding by y1 >= y2 earned most (USD a run); ties to the earliest."""
    turns = [int(turn) for turn, n in zip(runs.turns, runs.alive.sum(axis=0), strict=False) if n >= _LEAST_ALIVE]
    found = [Policy.fixed(turn, allow_stop=allow_stop) for turn in turns or [0]]
    return max(found, key=lambda policy: round(float(_net(policy, runs, value).mean()), 9))


def fit_end(*, allow_stop: bool = False) -> Policy:
    """The cascade: the weak run goes on to its end, and its answer is accepted or the task escalated."""
    return Policy("anytime", (), 0.0, latch=True, allow_stop=allow_stop)


def fit_anytime(runs: Walks, value: float, *, allow_stop: bool = False) -> Policy:
    """Thresholds by turn and at the end, by coordinate ascent on what the runs earn (resolved * value - cost).

    It starts from the better of the two constants (never, and always at the start). Another plain schedule takes their
    place, and a threshold moves, only where that earns more than two standard errors (over tasks) more: many are
    tried, and what is learned should not be the noise of these runs.
    """
    n = len(STEPS)
    never, always = [NEVER] * n, [-NEVER] + [NEVER] * (n - 1)
    best, earned = max(
        ((p, _net(p, runs, value)) for p in (_schedule(t, NEVER, allow_stop) for t in (never, always))),
        key=lambda one: float(one[1].mean()),
    )
    once = [[NEVER] * at + [0.0] + [NEVER] * (n - at - 1) for at in range(n)]
    onward = [[NEVER] * at + [0.0] * (n - at) for at in range(n)]
    for thresholds in (never, *once, *onward):
        for end in (0.0, NEVER):
            policy = _schedule(thresholds, end, allow_stop)
            found = _net(policy, runs, value)
            if _surely_more(found, earned, runs.tasks):
                best, earned = policy, found
    for _ in range(_SWEEPS):
        moved = False
        for place in range(len(STEPS) + 1):
            for policy in _moves(best, place, runs, value):
                found = _net(policy, runs, value)
                if _surely_more(found, earned, runs.tasks):
                    best, earned, moved = policy, found, True
        if not moved:
            break
    return best


def _net(policy: Policy, runs: Walks, value: float) -> Floats:
    return follow(policy, runs, value).net(value)


def _schedule(thresholds: list[float], end: float, allow_stop: bool) -> Policy:
    return Policy("anytime", tuple(zip(STEPS, thresholds, strict=True)), end, latch=True, allow_stop=allow_stop)


def _moves(policy: Policy, place: int, runs: Walks, value: float) -> Iterator[Policy]:
    y1, y2 = runs.y(value)
    if place == len(STEPS):
        margins = (y2 - y1)[runs.alive[:, -1], -1]
    else:
        after = STEPS[place + 1] if place + 1 < len(STEPS) else math.inf
        columns = np.flatnonzero((runs.turns >= STEPS[place]) & (runs.turns < after))
        margins = (y2 - y1)[:, columns][runs.alive[:, columns]]
    margins = margins[~np.isnan(margins)]
    if not len(margins):
        return
    for threshold in [NEVER, 0.0, -NEVER, *(float(f"{q:.6g}") for q in np.quantile(margins, _QUANTILES))]:
        if place == len(STEPS):
            yield replace(policy, end=threshold)
        else:
            steps = [*policy.turns[:place], (STEPS[place], threshold), *policy.turns[place + 1 :]]
            yield replace(policy, turns=tuple(steps))


def _surely_more(earned: Floats, before: Floats, tasks: Names) -> bool:
    gain = earned - before
    if not gain.any():
        return False
    _, codes = np.unique(tasks.astype(str), return_inverse=True)
    totals = np.bincount(codes, gain)
    error = float(np.std(totals, ddof=1) * np.sqrt(len(totals))) if len(totals) > 1 else math.inf
    return float(totals.sum()) > _ERRORS * error


ASSUMPTION = (
    "the tasks to come are exchangeable with the held-out ones: the same mix of repositories, agents and models; "
    "a new repository, harness or model breaks it"
)


def fit_risk_controlled(
    runs: Walks, value: float, *, turn: int, max_harm: float, confidence: float | None = None
) -> Policy:
    """The cheapest threshold on y2 - y1, at `turn` and at the end, whose harm on held-out runs keeps the promise.

    Harm: the run was not escalated, weak failed, and strong would have solved the task. Without `confidence` conformal
    risk control (Angelopoulos, Bates, Fisch, Lei, Schuster 2022, arXiv 2208.02814): (n R + 1) / (n + 1) <= max_harm,
    which bounds the expected harm. With it an upper confidence bound (Bates et al. 2021, arXiv 2101.02703; exact
    binomial, Clopper-Pearson): the harm exceeds max_harm with probability at most 1 - confidence. Runs must not have
    taught the heads; one run of each task is used. ValueError where even zero harm among so few tasks is no evidence.
    """
    if not 0 < max_harm < 1 or (confidence is not None and not 0 < confidence < 1):
        raise ValueError(f"max_harm {max_harm} and confidence {confidence} must lie between 0 and 1")
    runs = runs.where(np.isin(np.arange(len(runs)), one_of_each(runs.tasks, 0)))
    n = len(runs)
    allowed = _allowed(n, max_harm, confidence)
    if allowed < 0:
        raise ValueError(
            f"a harm of at most {max_harm:g} cannot be promised on {n} held-out tasks: even without a single harm among "
            f"them it would take {_needed(max_harm, confidence)}; give more tasks, or allow more harm"
        )
    y1, y2 = runs.y(value)
    columns = [*np.flatnonzero(runs.turns == turn), runs.alive.shape[1] - 1]
    # Where a margin is not known the run would just go on.
    margin = np.nan_to_num(np.where(runs.alive[:, columns], (y2 - y1)[:, columns], -NEVER), nan=-NEVER).max(axis=1)
    harmful = np.sort(margin[(runs.y_weak == 0) & (runs.y_strong == 1)])
    # Harm sets in where the threshold reaches a harmful run's margin: stay just below the first one too many.
    threshold = math.nextafter(float(harmful[allowed]), -NEVER) if allowed < len(harmful) else NEVER
    promise: dict[str, Any] = {
        "max_harm": max_harm,
        "confidence": confidence,
        "tasks": n,
        "harmed": int((harmful <= threshold).sum()),
        "turn": turn,
        "value": value,
        "assumption": ASSUMPTION,
    }
    return Policy("risk-controlled", ((turn, threshold), (turn + 1, NEVER)), threshold, latch=True, promise=promise)


def _allowed(n: int, max_harm: float, confidence: float | None) -> int:
    """The most harms among n held-out tasks that keep the promise; -1 where none does."""
    if confidence is None:
        return math.floor(max_harm * (n + 1) - 1 + 1e-9)
    from scipy.stats import beta

    harms = np.arange(n)
    return int((beta.ppf(confidence, harms + 1, n - harms) <= max_harm).sum()) - 1


def _needed(max_harm: float, confidence: float | None) -> int:
    if confidence is None:
        return math.ceil(1 / max_harm - 1)
    return math.ceil(math.log(1 - confidence) / math.log(1 - max_harm))


def promise_words(promise: dict[str, Any]) -> str:
    """The promise as a sentence."""
    bound = (
        "the expected share of tasks"
        if promise["confidence"] is None
        else f"with {promise['confidence']:.0%} confidence the share of tasks"
    )
    return (
        f"promise: {bound} that weak keeps and fails although strong would have solved them is at most "
        f"{promise['max_harm']:g} ({promise['harmed']} of {promise['tasks']} held-out tasks), with the bundle's costs and "
        f"{promise['value']:g} USD a solved task, as long as {promise['assumption']}"
    )
