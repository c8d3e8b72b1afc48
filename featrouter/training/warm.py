"""Building on a base bundle: how much of its score, and how much of one's own, is learned from these runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from featrouter.head import Head
from featrouter.training.fit import HeldOut, Rows
from featrouter.training.metrics import Floats
from featrouter.training.spread import scores_of

#: How sure one is beforehand that the base alone is right: the inverse variance of either weight around 0 and 1, in
#: log-odds. Some 40 runs say as much, and ten times as many are heard over it.
PRIOR = 4.0


@dataclass(frozen=True)
class Weights:
    """A head's score: own * the score learned from these runs + base * the base's score + intercept."""

    own: float
    base: float
    intercept: float


def weigh(own: Floats, base: Floats, y: Floats, weights: Floats) -> Weights:
    """Logistic regression of labels on two scores, each (n,), drawn towards own = 0 and base = 1; none below 0.

    `weights` (n,) count runs. Without an own score (NaN throughout) its weight is 0.
    """
    known = not np.isnan(own).any()
    x = np.column_stack([own if known else np.zeros(len(y)), base, np.ones(len(y))])
    prior, centre = np.diag([PRIOR, PRIOR, 1e-9]), np.array([0.0, 1.0, 0.0])
    free = np.array([known, True, True])
    while True:
        theta = np.where(free, centre, 0.0)
        for _ in range(50):
            z = x @ theta
            p = 1 / (1 + np.exp(-np.clip(z, -50, 50)))
            slope = x.T @ (weights * (p - y)) + prior @ (theta - centre)
            curve = x.T @ (x * (weights * p * (1 - p))[:, None]) + prior
            step = np.zeros(3)
            step[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
            theta = theta - np.clip(step, -2, 2)
            if np.abs(step).max() < 1e-10:
                break
        wrong = free[:2] & (theta[:2] < 0)
        if not wrong.any():
            return Weights(*(float(f"{number:.6g}") for number in theta))
        free[:2] &= ~wrong


def on_base(rows: Rows, own: Head | None, held: HeldOut, base: Head) -> tuple[Head, HeldOut, Weights]:
    """The head of both scores, and what it says of rows held out: each fold's weights are those of the other folds."""
    score = scores_of([base], rows.x)[:, 0]
    runs = len(np.unique(rows.runs.astype(str)))
    unit = rows.weights * runs / rows.weights.sum()
    known = ~np.isnan(rows.y)
    scores, heads = np.full(len(rows), np.nan), []
    for number, head in enumerate(held.heads):
        test = held.fold == number
        rest = known & ~test & (held.fold >= 0)
        found = weigh(held.scores[rest], score[rest], rows.y[rest], unit[rest])
        scores[test] = found.own * held.scores[test] + found.base * score[test] + found.intercept
        heads.append(_joined(head, base, found))
    seen = known & (held.fold >= 0) if held.heads else known
    found = weigh(held.scores[seen], score[seen], rows.y[seen], unit[seen])
    return _joined(own, base, found), HeldOut(scores, held.fold, tuple(heads)), found


def _joined(own: Head | None, base: Head, weights: Weights) -> Head:
    name = base.name if own is None else own.name
    parts = [base.scaled(weights.base)] if weights.base else []
    parts += [own.scaled(weights.own)] if own is not None and weights.own else []
    whole = Head.joined(parts) if parts else Head.constant(name, "logit", 0.0)
    return replace(whole, name=name, intercept=whole.intercept + weights.intercept)
