"""How well r1 and r2 tell solved from unsolved runs at a turn, and how far they can be taken at their word."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter.evaluation.baselines import SCORES
from featrouter.evaluation.crossval import Judged
from featrouter.evaluation.plain import plain
from featrouter.evaluation.reliability import by_group, chance_error, curve, error_interval, smooth_error
from featrouter.training.fit import one_of_each
from featrouter.training.metrics import Floats, interval, losses, task_weights, within_auroc
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table

Mask = npt.NDArray[np.bool_]
Names = npt.NDArray[np.object_]
ARMS = (("r1", "y_weak"), ("r2", "y_strong"))


def heads(table: Table, judged: Judged, rows: Mask, draws: int) -> dict[str, Any]:
    """The numbers of r1 and r2 at these rows, one a run; an interval is 95 % over tasks.

    AUROC is over pairs of runs that one and the same fold judged: across folds even a constant ranks, and backwards,
    since the fewer runs are solved in a fold the more are in what its router learned from.
    """
    found: dict[str, Any] = {}
    for name, arm in ARMS:
        p, y, known = _known(table, judged.told, name, arm, rows)
        tasks, repos = (table.meta[column].to_numpy()[known] for column in ("task_id", "repo"))
        found[name] = _head(p, y, tasks, repos, judged.fold[known].astype(str), draws)
    return found


def compared(table: Table, judged: Judged, rows: Mask, draws: int) -> dict[str, Any]:
    """AUROC of r1 of each baseline at these rows, and by how much the router's is higher, paired over tasks."""
    found = {}
    for name, other in judged.baselines.items():
        p, y, known = _known(table, judged.told, "r1", "y_weak", rows & ~np.isnan(other.r1))
        weights = task_weights(table.meta["task_id"].to_numpy()[known], draws)
        folds = judged.fold[known].astype(str)
        theirs = within_auroc(other.r1[known], y, folds, weights)
        gains = within_auroc(p, y, folds, weights) - theirs
        found[name] = {
            "auroc": plain(theirs[0]),
            "auroc_ci": plain(interval(theirs[1:])),
            "gain": plain(gains[0]),
            "gain_ci": plain(interval(gains[1:])),
        }
        if name not in SCORES:  # a rule of thumb has a score, no probability
            better = losses(other.r1[known], y) - losses(p, y)
            each = (weights @ better) / weights.sum(axis=1) if len(y) else np.full(len(weights), np.nan)
            found[name] |= {"logloss_gain": plain(each[0]), "logloss_gain_ci": plain(interval(each[1:]))}
    return found


def calibration(table: Table, told: Predictions, draws: int) -> dict[str, Any]:
    """Reliability of each arm over all turns (one row a task, drawn), by repository and by harness."""
    found: dict[str, Any] = {}
    going = (table.meta["at_end"] == 0).to_numpy()
    for name, arm in ARMS:
        p, y, known = _known(table, told, name, arm, going)
        runs = table.meta["run_id"].to_numpy()[known]
        if not len(runs):
            continue
        seen = _drawn(runs, table.meta["k"].to_numpy()[known])
        seen = seen[one_of_each(table.meta["task_id"].to_numpy()[known][seen], 0)]
        repos, harnesses = (table.meta[column].to_numpy()[known][seen] for column in ("repo", "harness"))
        weights = task_weights(table.meta["task_id"].to_numpy()[known][seen], draws)
        errors, chance = smooth_error(p[seen], y[seen], weights), chance_error(p[seen])
        found[name] = {
            "smece": plain(errors[0]),
            "smece_ci": plain(error_interval(errors, chance)),
            "smece_chance": plain(chance),
            "curve": curve(p[seen], y[seen]),
            "by_repo": by_group(p[seen], y[seen], repos),
            "by_harness": by_group(p[seen], y[seen], harnesses),
        }
    return found


def _known(table: Table, told: Predictions, name: str, arm: str, rows: Mask) -> tuple[Floats, Floats, Mask]:
    y = table.meta[arm].to_numpy(dtype=np.float64) if arm in table.meta else np.full(len(table), np.nan)
    p = getattr(told, name)
    known = rows & ~np.isnan(y) & ~np.isnan(p)
    return p[known], y[known], known


def _drawn(runs: npt.NDArray[np.object_], k: Floats) -> npt.NDArray[np.intp]:
    """One row a run, at a turn drawn among those that a third of the runs come to; runs that ended before are left out.

    The turn must not depend on the run's length, which may tell its outcome.
    """
    _, codes = np.unique(runs.astype(str), return_inverse=True)
    n = int(codes.max()) + 1
    turns, counts = np.unique(k, return_counts=True)
    common = turns[counts >= n / 3]
    draw = np.random.default_rng(0).choice(common, n)
    return np.flatnonzero(k == draw[codes])


def _head(p: Floats, y: Floats, tasks: Names, repos: Names, folds: npt.NDArray[np.str_], draws: int) -> dict[str, Any]:
    weights = task_weights(tasks, draws)
    inside = np.char.add(np.char.add(folds, "/"), repos.astype(str))
    areas, within = within_auroc(p, y, folds, weights), within_auroc(p, y, inside, weights)
    n = len(y)
    base = np.full(n, y.mean()) if n else y
    one = one_of_each(tasks, 0)  # runs of one task share its luck: chance is reckoned for one of each
    errors, chance = smooth_error(p[one], y[one], weights[:, one]), chance_error(p[one])
    with np.errstate(invalid="ignore"):
        squares = weights @ ((p - y) ** 2) / weights.sum(axis=1)
        logs = weights @ losses(p, y) / weights.sum(axis=1)
    return {
        "auroc": plain(areas[0]),
        "auroc_ci": plain(interval(areas[1:])),
        "within_auroc": plain(within[0]),
        "within_auroc_ci": plain(interval(within[1:])),
        "brier": plain(squares[0]),
        "brier_ci": plain(interval(squares[1:])),
        "brier_constant": plain(np.mean((base - y) ** 2) if n else np.nan),
        "logloss": plain(logs[0]),
        "logloss_ci": plain(interval(logs[1:])),
        "smece": plain(errors[0]),
        "smece_ci": plain(error_interval(errors, chance)),
        "smece_chance": plain(chance),
        "curve": curve(p[one], y[one]) if n else [],
        "predicted": plain(p.mean() if n else np.nan),
        "resolved": plain(y.mean() if n else np.nan),
        "n": n,
    }
