"""What the two arms are expected to cost from here: regression heads where the log has prices a turn, else means."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from featrouter.head import Head
from featrouter.training.fit import Names, Recipe, fit_head, out_of_fold, rows_of, weights_of
from featrouter.training.metrics import Floats
from featrouter.training.table import Table

Knots = list[list[float]]

#: Cost heads get fewer trees than the probabilities: they carry less of the decision.
_RECIPE = Recipe(params={"members": 2, "trees": 60})
#: A run that has all but ended still costs something, and its logarithm must not carry the fit: a share of the mean.
_LEAST = 0.01
_LEAST_ROWS = 100


@dataclass(frozen=True)
class CostModel:
    """`heads`: c1 and c2, each only where it beats the mean out of fold. `strong`: mean USD of a strong run or None.

    `weak_remaining`: [[turn, mean USD still to be spent by weak], …], for where there is no c1 head. `shifts`: by head
    and harness, of several, what makes the mean of its predictions there the mean cost.
    """

    heads: tuple[Head, ...]
    strong: float | None
    weak_remaining: Knots
    shifts: dict[str, dict[str, float]] = field(default_factory=dict)


def remaining(table: Table) -> Floats:
    """USD that the weak run still cost after the row's turn, (n,).

    NaN where the log does not price its turns, and for runs that were handed over: what they would have cost is not known.
    """
    meta = table.meta
    left = (meta["cost_weak_usd"] - meta["spent_usd"]).clip(lower=0.0)
    return np.asarray(left.where(_priced(table) & _came_to_its_end(table)), dtype=np.float64)


def spent(table: Table) -> Floats:
    """USD spent up to the row's turn, (n,): as logged, or the run's cost shared out evenly over its turns."""
    meta = table.meta
    turns = meta.groupby("run_id")["k"].transform("max")
    even = meta["cost_weak_usd"] * meta["k"] / turns.where(turns > 0, 1.0)
    return np.asarray(meta["spent_usd"].where(_priced(table), even), dtype=np.float64)


def _came_to_its_end(table: Table) -> npt.NDArray[np.bool_]:
    return np.asarray((table.meta["at_end"] == 1).groupby(table.meta["run_id"]).transform("any"))


def _priced(table: Table) -> npt.NDArray[np.bool_]:
    """Rows of runs whose every turn has its price."""
    known = table.meta["spent_usd"].notna()
    return np.asarray(known.groupby(table.meta["run_id"]).transform("all") & table.meta["cost_weak_usd"].notna())


def weak_knots(table: Table) -> Knots:
    """[[k, mean USD that runs still going at turn k had yet to spend], …]; empty where the log has no weak costs."""
    left = table.meta["cost_weak_usd"].to_numpy() - spent(table)
    k = table.meta["k"].to_numpy()
    alive = (table.meta["at_end"].to_numpy() == 0) & ~np.isnan(left) & _came_to_its_end(table)
    # a run's turns may be priced above the run itself: nothing is left then, not less than nothing
    return [[float(at), max(0.0, float(f"{np.mean(left[alive & (k == at)]):.6g}"))] for at in np.unique(k[alive])]


def at_knots(knots: Knots, k: Floats) -> Floats:
    """The expected remaining weak cost at turns k, by straight lines between the knots; NaN without knots."""
    if not knots:
        return np.full(len(k), np.nan)
    turns, usd = np.array(knots).T
    return np.asarray(np.interp(k, turns, usd))


def fit_costs(table: Table, groups: Names) -> tuple[CostModel, Floats, Floats]:
    """Cost heads and means from all rows, and out-of-fold c1, c2 (n,) USD; NaN where the log knows no cost.

    A head predicts the logarithm, as costs are skewed, and is moved so that on held-out rows the mean of what it says
    is the mean cost: the mean of e to the power of a predicted logarithm would be too low. It is kept where its squared error on
    held-out rows, in USD, is below that of the mean.
    """
    going = (table.meta["at_end"] == 0).to_numpy()
    strong = _strong_costs(table)
    known = ~np.isnan(strong)
    mean = float(np.average(strong[known], weights=_even(table)[known])) if known.any() else None
    knots = weak_knots(table)
    constants = (at_knots(knots, table.meta["k"].to_numpy()), np.full(len(table), np.nan if mean is None else mean))
    heads, told = [], []
    shifts: dict[str, dict[str, float]] = {}
    harness = table.meta["harness"].to_numpy()
    for name, target, among, constant in zip(
        ("c1", "c2"), (remaining(table), strong), (going, np.ones(len(table), bool)), constants, strict=True
    ):
        rows = among & ~np.isnan(target)
        predicted = constant.copy()
        if rows.sum() > 1 and target[rows].mean() > 0:
            overall, level = float(target[rows].mean()), np.ones(len(table))
            for group in np.unique(harness[rows]):
                level[harness == group] = target[rows & (harness == group)].mean() or overall
            # What is learned is a cost's ratio to its harness's mean: prices tell harnesses apart, and ranks cannot.
            ratio = np.maximum(target / level, _LEAST)
            part = rows_of(table.x, ratio, table.meta["run_id"].to_numpy(), table.meta["task_id"].to_numpy())
            held = out_of_fold(name, "log", part.where(among), groups[among], _RECIPE)
            scores = np.full(len(table), np.nan)
            scores[among] = np.exp(held.scores)
            smear = overall / scores[rows].mean()
            scores *= smear
            here = cost_shifts(scores, target, harness)
            for group, by in here.items():
                scores[harness == group] *= np.exp(by)
            if _error(scores[rows], target[rows]) < _error(np.full(rows.sum(), target[rows].mean()), target[rows]):
                head = fit_head(name, "log", part.where(rows), _RECIPE).head
                shifts[name] = here
                heads.append(replace(head, intercept=float(f"{head.intercept + np.log(smear):.9g}")))
                predicted = np.where(np.isnan(scores), constant, scores)
        told.append(predicted)
    ended = ~going & ~np.isnan(told[0])
    return CostModel(tuple(heads), mean, knots, shifts), np.where(ended, 0.0, told[0]), told[1]


def cost_shifts(predicted: Floats, target: Floats, harness: Names) -> dict[str, float]:
    """By harness, of several, the shift of a cost's logarithm that makes the mean prediction the mean cost there."""
    found: dict[str, float] = {}
    names = np.unique(harness)
    for name in names if len(names) > 1 else ():
        rows = (harness == name) & ~np.isnan(predicted) & ~np.isnan(target)
        if rows.sum() >= _LEAST_ROWS and target[rows].mean() > 0:
            found[str(name)] = float(f"{np.log(target[rows].mean() / predicted[rows].mean()):.6g}")
    return found


def _strong_costs(table: Table) -> Floats:
    if "cost_strong_usd" not in table.meta:
        return np.full(len(table), np.nan)
    return np.asarray(table.meta["cost_strong_usd"], dtype=np.float64)


def _even(table: Table) -> Floats:
    return weights_of(table.meta["run_id"].to_numpy())


def _error(predicted: Floats, target: Floats) -> float:
    return float(np.mean((predicted - target) ** 2)) if not np.isnan(predicted).any() else float("inf")
