"""Route-AUC: what a ranking of the runs buys, in USD and solved tasks, swept over the share that is escalated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from featrouter.training.metrics import Floats, clustered


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
    tasks: npt.NDArray[np.object_]


class Undefined(ValueError):
    """Route-AUC has no meaning here; the message says why."""


def check_pair(arms: Arms) -> None:
    """Raises Undefined when strong is not surely better than weak (two standard errors, over tasks), or not dearer."""
    gain, error, n = clustered(arms.y_strong - arms.y_weak, arms.tasks)
    if n < 2:
        raise Undefined("fewer than two tasks hold both outcomes")
    if not gain > 2 * error:
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
        return np.full(len(weights), np.nan)
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


def random_areas(arms: Arms, draws: int = 400, seed: int = 0) -> Floats:
    """Route-AUC of so many random scores on the same runs, sorted; NaN left out."""
    rng = np.random.default_rng(seed)
    one = np.ones((1, len(arms.y_weak)))
    areas = np.array([route_auc(rng.random(one.shape[1]), arms, one)[0] for _ in range(draws)])
    return np.sort(areas[~np.isnan(areas)])


def oracle_scores(arms: Arms) -> Floats:
    """Escalation order of one who knows both outcomes: gains first, cheapest first; then what costs least to lose.

    Before all, what harms nobody and costs nothing; harm (weak solves, strong does not) comes last.
    """
    gain = arms.y_strong - arms.y_weak
    dearer = arms.spent + arms.cost_strong - arms.cost_weak
    spread = float(np.ptp(dearer)) or 1.0
    free = (gain >= 0) & (dearer <= 0)
    return np.asarray(gain * 10 + free * 20 - (dearer - dearer.min()) / spread)
