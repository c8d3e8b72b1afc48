"""What the numbers mean: discrimination, calibration, and what a routing policy buys. Task bootstrap throughout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def task_weights(tasks: npt.NDArray[np.object_], draws: int, seed: int = 0) -> Floats:
    """Bootstrap by task: (draws + 1, n) row weights; row 0 is all ones (the sample itself), each other a resample."""
    if not len(tasks):
        return np.ones((draws + 1, 0))
    _, codes = np.unique(tasks.astype(str), return_inverse=True)
    n_tasks = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n_tasks, np.full(n_tasks, 1.0 / n_tasks), size=draws).astype(np.float64)
    return np.vstack([np.ones(len(codes)), counts[:, codes]])


def interval(samples: Floats, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap samples; NaN samples (a resample of one class) are left out."""
    known = samples[np.isfinite(samples)]
    if len(known) < 2:
        return float("nan"), float("nan")
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return float(low), float(high)


def auroc(scores: Floats, labels: Floats, weights: Floats) -> Floats:
    """Area under the ROC curve, ties counted half, for each row of `weights` (m, n) -> (m,); NaN with one class."""
    if not len(scores):
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    positive = np.add.reduceat(weights[:, order] * labels[order], starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * (1 - labels[order]), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, (positive * below).sum(axis=1) / pairs, np.nan)


def brier(probabilities: Floats, labels: Floats, weights: Floats | None = None) -> float:
    """Mean squared error of a probability (Brier 1950)."""
    return float(np.average((probabilities - labels) ** 2, weights=weights)) if len(labels) else float("nan")


def logloss(probabilities: Floats, labels: Floats, weights: Floats | None = None) -> float:
    """Mean negative log-likelihood, natural logarithm; probabilities are kept 1e-6 away from 0 and 1."""
    if not len(labels):
        return float("nan")
    p = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return float(np.average(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)), weights=weights))


@dataclass(frozen=True)
class Arms:
    """What each run costs (USD) and solves (0/1) when kept (`weak`), and when escalated after turn k.

    Arrays of shape (n,). `alive`: the run was still going at turn k; the others are done, and stay with weak.
    `spent`: USD of the k weak turns, which an escalated run has paid.
    """

    y_weak: Floats
    y_strong: Floats
    cost_weak: Floats
    cost_strong: Floats
    spent: Floats
    alive: npt.NDArray[np.bool_]


class Undefined(ValueError):
    """Route-AUC has no meaning here; the message says why."""


def check_pair(arms: Arms) -> None:
    """Raises Undefined when strong is not surely better than weak (two standard errors), or not dearer."""
    difference = arms.y_strong - arms.y_weak
    n = len(difference)
    if n < 2:
        raise Undefined("fewer than two tasks hold both outcomes")
    error = float(np.std(difference, ddof=1) / np.sqrt(n))
    if not difference.mean() > 2 * error:
        raise Undefined(
            f"strong solves {arms.y_strong.mean():.1%} and weak {arms.y_weak.mean():.1%}: "
            f"within two standard errors ({2 * error:.1%}) of each other"
        )
    if not np.isfinite(arms.cost_strong).all() or not np.isfinite(arms.cost_weak).all():
        raise Undefined("the logs do not hold the cost of every run of both models")
    if not arms.cost_strong.mean() > arms.cost_weak.mean():
        raise Undefined(
            f"strong costs {arms.cost_strong.mean():.3g} USD a task, weak {arms.cost_weak.mean():.3g}: "
            "strong is not dearer, so always use it"
        )


def route_auc(scores: Floats, arms: Arms, weights: Floats) -> Floats:
    """Area under resolved against cost, swept over the threshold on `scores` (escalate the highest first).

    method.md section 2: x = (cost - all-weak) / (all-strong - all-weak) in USD, with the k weak turns of escalated
    runs charged; y the same of resolved; runs of equal score are escalated together (a straight line). The area is
    that over x in [0, 1], and where all candidates are escalated before x = 1, the rest is flat: there is nothing
    left to buy. One area a row of `weights` (m, n) -> (m,).
    """
    alive = np.flatnonzero(arms.alive)
    order = alive[np.argsort(-scores[alive], kind="stable")]
    cost_span = weights @ (arms.cost_strong - arms.cost_weak)
    gain_span = weights @ (arms.y_strong - arms.y_weak)
    if not len(order):
        return np.zeros(len(weights))
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) < 0])
    dearer = (arms.spent + arms.cost_strong - arms.cost_weak)[order]
    better = (arms.y_strong - arms.y_weak)[order]
    chosen = weights[:, order]
    zero = np.zeros((len(weights), 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.hstack([zero, np.cumsum(np.add.reduceat(chosen * dearer, starts, axis=1), axis=1) / cost_span[:, None]])
        y = np.hstack([zero, np.cumsum(np.add.reduceat(chosen * better, starts, axis=1), axis=1) / gain_span[:, None]])
    area = _area(x, y)
    area[~((cost_span > 0) & (gain_span > 0))] = np.nan
    return area


def _area(x: Floats, y: Floats) -> Floats:
    """The path's signed area over x in [0, 1] (an escalation may also make a run cheaper: the path then turns back)."""
    step = np.diff(x, axis=1)
    low, high = np.clip(x[:, :-1], 0, 1), np.clip(x[:, 1:], 0, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(step != 0, np.diff(y, axis=1) / np.where(step != 0, step, 1.0), 0.0)
    middle = y[:, :-1] + slope * ((low + high) / 2 - x[:, :-1])
    inside = np.sum((high - low) * middle, axis=1)
    rest = 1 - np.clip(x[:, -1], 0, 1)
    return np.asarray(inside + rest * y[:, -1])


def random_band(arms: Arms, draws: int = 200, seed: int = 0) -> tuple[float, float]:
    """The middle 95 % of the Route-AUC of random scores on the same runs."""
    rng = np.random.default_rng(seed)
    one = np.ones((1, len(arms.y_weak)))
    return interval(np.array([route_auc(rng.random(one.shape[1]), arms, one)[0] for _ in range(draws)]))


def oracle_scores(arms: Arms) -> Floats:
    """Escalation order of one who knows both outcomes: gains first, cheapest first; then what costs least to lose.

    Before all, what harms nobody and costs nothing; harm (weak solves, strong does not) comes last.
    """
    gain = arms.y_strong - arms.y_weak
    dearer = arms.spent + arms.cost_strong - arms.cost_weak
    spread = float(np.ptp(dearer)) or 1.0
    free = (gain >= 0) & (dearer <= 0)
    return np.asarray(gain * 10 + free * 20 - (dearer - dearer.min()) / spread)
