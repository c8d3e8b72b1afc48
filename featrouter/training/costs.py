"""What the two arms are expected to cost from here: regression heads where the log has prices a turn, else means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from featrouter.head import Head
from featrouter.training.fit import fit_head, out_of_fold, weights_of
from featrouter.training.metrics import Floats
from featrouter.training.table import Table

Knots = list[list[float]]

#: Cost heads get fewer trees than the probabilities: they carry less of the decision.
MEMBERS, TREES = 2, 60


@dataclass(frozen=True)
class CostModel:
    """`heads`: c1 and c2, each only where it beats the mean out of fold. `strong`: mean USD of a strong run or None.

    `weak_remaining`: [[turn, mean USD still to be spent by weak], …], for where there is no c1 head.
    """

    heads: tuple[Head, ...]
    strong: float | None
    weak_remaining: Knots


def remaining(table: Table) -> Floats:
    """USD that the weak run still cost after the row's turn, (n,); NaN where the log does not price its turns."""
    meta = table.meta
    left = (meta["cost_weak_usd"] - meta["spent_usd"]).clip(lower=0.0)
    return np.asarray(left.where(_priced(table)), dtype=np.float64)


def spent(table: Table) -> Floats:
    """USD spent up to the row's turn, (n,): as logged, or the run's cost shared out evenly over its turns."""
    meta = table.meta
    turns = meta.groupby("run_id")["k"].transform("max")
    even = meta["cost_weak_usd"] * meta["k"] / turns.where(turns > 0, 1.0)
    return np.asarray(meta["spent_usd"].where(_priced(table), even), dtype=np.float64)


def _priced(table: Table) -> npt.NDArray[np.bool_]:
    """Rows of runs whose every turn has its price."""
    known = table.meta["spent_usd"].notna()
    return np.asarray(known.groupby(table.meta["run_id"]).transform("all") & table.meta["cost_weak_usd"].notna())


def weak_knots(table: Table) -> Knots:
    """[[k, mean USD that runs still going at turn k had yet to spend], …]; empty where the log has no weak costs."""
    left = table.meta["cost_weak_usd"].to_numpy() - spent(table)
    k = table.meta["k"].to_numpy()
    alive = (table.meta["at_end"].to_numpy() == 0) & ~np.isnan(left)
    # a run's turns may be priced above the run itself: nothing is left then, not less than nothing
    return [[float(at), max(0.0, float(f"{np.mean(left[alive & (k == at)]):.6g}"))] for at in np.unique(k[alive])]


def at_knots(knots: Knots, k: Floats) -> Floats:
    """The expected remaining weak cost at turns k, by straight lines between the knots; NaN without knots."""
    if not knots:
        return np.full(len(k), np.nan)
    turns, usd = np.array(knots).T
    return np.asarray(np.interp(k, turns, usd))


def fit_costs(table: Table) -> CostModel:
    """Cost heads and means from all rows of the table."""
    going = (table.meta["at_end"] == 0).to_numpy()
    strong = _strong_costs(table)
    heads = []
    for name, target, rows in (("c1", remaining(table), going), ("c2", strong, np.ones(len(table), bool))):
        rows = rows & ~np.isnan(target)
        runs, tasks = table.meta["run_id"].to_numpy()[rows], table.meta["task_id"].to_numpy()[rows]
        if rows.any() and _beats_mean(name, table.x[rows], target[rows], runs, tasks):
            x = table.x[rows]
            heads.append(fit_head(name, "identity", x, target[rows], runs, members=MEMBERS, trees=TREES).head)
    known = ~np.isnan(strong)
    mean = float(np.average(strong[known], weights=_even(table)[known])) if known.any() else None
    return CostModel(tuple(heads), mean, weak_knots(table))


def expected_costs(table: Table, groups: npt.NDArray[np.object_]) -> tuple[Floats, Floats]:
    """Out-of-fold (c1, c2), each (n,) USD, for every row; NaN where the log knows no cost."""
    strong = _strong_costs(table)
    mean = np.nanmean(strong) if (~np.isnan(strong)).any() else np.nan
    found = []
    constants = (at_knots(weak_knots(table), table.meta["k"].to_numpy()), np.full(len(table), mean))
    for name, target, constant in zip(("c1", "c2"), (remaining(table), strong), constants, strict=True):
        predicted, known = constant, ~np.isnan(target)
        if known.sum() > 1:
            scores = _held_out(name, table.x, target, table.meta["run_id"].to_numpy(), groups)
            if _error(scores[known], target[known]) < _error(constant[known], target[known]):
                predicted = np.where(np.isnan(scores), constant, np.maximum(scores, 0.0))
        found.append(predicted)
    ended = (table.meta["at_end"] == 1).to_numpy()
    return np.where(ended & ~np.isnan(found[0]), 0.0, found[0]), found[1]


def _strong_costs(table: Table) -> Floats:
    if "cost_strong_usd" not in table.meta:
        return np.full(len(table), np.nan)
    return np.asarray(table.meta["cost_strong_usd"], dtype=np.float64)


def _even(table: Table) -> Floats:
    return weights_of(table.meta["run_id"].to_numpy())


def _held_out(
    name: str, x: Floats, y: Floats, runs: npt.NDArray[np.object_], groups: npt.NDArray[np.object_]
) -> Floats:
    return out_of_fold(name, "identity", x, y, runs, groups, members=MEMBERS, trees=TREES).scores


def _beats_mean(name: str, x: Floats, y: Floats, runs: npt.NDArray[np.object_], tasks: npt.NDArray[np.object_]) -> bool:
    scores = _held_out(name, x, y, runs, tasks)
    return bool(_error(scores, y) < _error(np.full(len(y), y.mean()), y))


def _error(predicted: Floats, target: Floats) -> float:
    return float(np.mean((predicted - target) ** 2)) if not np.isnan(predicted).any() else float("inf")
