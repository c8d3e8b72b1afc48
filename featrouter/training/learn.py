"""From a table of decision points to a bundle: heads, calibrators, costs, ranges, importances, and what was learned."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter import __version__
from featrouter.bundle import Bundle
from featrouter.calibration import Calibrator
from featrouter.catalogue import digest
from featrouter.training.costs import fit_costs
from featrouter.training.fit import (
    FOLDS,
    MEMBERS,
    PARAMS,
    TREES,
    HeldOut,
    cross_calibrated,
    fit_calibrator,
    fit_head,
    out_of_fold,
    weights_of,
)
from featrouter.training.importances import importances
from featrouter.training.metrics import Floats, auroc, brier, interval, logloss, task_weights
from featrouter.training.table import Table
from featrouter.training.verdict import oracle_stopped, oracle_words

#: USD that one solved task is worth, where the user does not say.
VALUE = 10.0

#: Head, the arm whose label it learns, and whether it reads runs that still go on or answers that are in.
HEADS = (("r1", "y_weak", False), ("r2", "y_strong", False), ("r1_end", "y_weak", True), ("r2_end", "y_strong", True))

_DRAWS = 500


def train(
    table: Table,
    *,
    strong: str | None,
    value: float = VALUE,
    handover: str = "restart",
    progress: Callable[[str], None] = lambda stage: None,
) -> Bundle:
    """Learn a router from a table (see table.table_of, join_strong, select). Same table, same bundle, byte for byte.

    Raises ValueError when no run has a label.
    """
    meta = table.meta
    if meta["y_weak"].notna().sum() == 0:
        raise ValueError("no run has a y_weak label: fill y_weak (0 or 1) in the runs file")
    heads, calibrators, flags = {}, {}, []
    metrics: dict[str, Any] = {}
    gain, split = np.zeros(len(table.names)), np.zeros(len(table.names))
    held_heads: dict[str, tuple[Table, HeldOut, Floats]] = {}
    for name, arm, ended in HEADS:
        if arm not in meta:
            continue
        progress(name)
        part = table.where((meta["at_end"] == int(ended)).to_numpy() & meta[arm].notna().to_numpy())
        y = part.meta[arm].to_numpy(dtype=np.float64)
        runs, tasks = part.meta["run_id"].to_numpy(), part.meta["task_id"].to_numpy()
        if not len(part):
            continue
        fitted = fit_head(name, "logit", part.x, y, runs)
        heads[name] = fitted.head
        if fitted.flag:
            flags.append(fitted.flag)
            calibrators[name] = Calibrator("none")
            continue
        held = out_of_fold(name, "logit", part.x, y, runs, tasks)
        weights = weights_of(runs)
        calibrators[name] = fit_calibrator(held.scores, y, weights, tasks)
        if calibrators[name].kind == "constant":
            flags.append(f"{name} answers the base rate: what it learned does not hold on tasks it did not see")
        told = cross_calibrated(held, y, weights, tasks)
        metrics[name] = _learned(told, y, weights, tasks)
        models = part.meta["weak_model"].to_numpy()
        if len(set(models)) > 1:
            metrics[name]["auroc_by_weak_model"] = {
                str(model): _round(auroc(told[models == model], y[models == model], weights[None, models == model])[0])
                for model in sorted(set(models))
            }
        if not ended:
            gain += fitted.gain
            split += fitted.split
            held_heads[name] = (part, held, y)
    flags += [oracle_words(stop) for stop in oracle_stopped(table)]
    progress("costs")
    costs = fit_costs(table)
    progress("importances")
    return Bundle(
        features=table.names,
        catalogue=digest(),
        heads=heads | {head.name: head for head in costs.heads},
        calibrators=calibrators,
        costs={
            "value": float(value),
            "strong": None if costs.strong is None else float(f"{costs.strong:.6g}"),
            "weak_remaining": costs.weak_remaining,
            "handover": handover,
        },
        ranges=_ranges(table.x),
        importances=importances(table.names, gain, split, held_heads),
        metrics=metrics,
        provenance=_provenance(table, strong),
        flags=tuple(flags),
    )


def _learned(p: Floats, y: Floats, weights: Floats, tasks: npt.NDArray[np.object_]) -> dict[str, Any]:
    """Is the head better than its base rate? Out-of-fold, every run counted once, 95 % task-bootstrap intervals."""
    base = np.full(len(y), float(np.average(y, weights=weights)))
    draws = task_weights(tasks, _DRAWS) * weights
    eps = 1e-6
    clipped = np.clip(p, eps, 1 - eps)
    loss = -(y * np.log(clipped) + (1 - y) * np.log(1 - clipped))
    flat = -(y * np.log(base) + (1 - y) * np.log(1 - base))
    gains = (draws @ (flat - loss)) / draws.sum(axis=1)
    areas = auroc(p, y, draws)
    return {
        "auroc": _round(areas[0]),
        "auroc_ci": [_round(end) for end in interval(areas[1:])],
        "logloss": _round(logloss(p, y, weights)),
        "logloss_gain": _round(gains[0]),
        "logloss_gain_ci": [_round(end) for end in interval(gains[1:])],
        "brier": _round(brier(p, y, weights)),
        "brier_constant": _round(brier(base, y, weights)),
        "resolved": _round(float(base[0])),
        "rows": len(y),
    }


def _ranges(x: Floats) -> dict[str, Any]:
    """The 0.5-99.5 % range of every feature, and how many features of a training row lie outside (99 % of rows)."""
    low: list[float | None] = []
    high: list[float | None] = []
    outside = np.zeros(len(x))
    for column in x.T:
        known = column[~np.isnan(column)]
        if not len(known):
            low.append(None)
            high.append(None)
            continue
        ends = np.percentile(known, [0.5, 99.5], method="nearest")
        low.append(float(ends[0]))
        high.append(float(ends[1]))
        outside += (column < ends[0]) | (column > ends[1])
    return {"low": low, "high": high, "limit": int(np.ceil(np.percentile(outside, 99))) if len(x) else 0}


def _provenance(table: Table, strong: str | None) -> dict[str, Any]:
    """What the bundle was learned from, and with what: enough to tell whether two bundles should be equal."""
    meta = table.meta
    data = hashlib.sha256(meta.to_csv(index=False).encode())
    data.update(np.ascontiguousarray(np.nan_to_num(table.x, nan=-1e300)).tobytes())
    ends = meta.groupby("run_id").first()
    return {
        "featrouter": __version__,
        "lightgbm": version("lightgbm"),
        "scikit-learn": version("scikit-learn"),
        "data_sha256": data.hexdigest(),
        "runs": int(meta["run_id"].nunique()),
        "tasks": int(meta["task_id"].nunique()),
        "rows": len(meta),
        "weak_models": sorted(meta["weak_model"].unique().tolist()),
        "strong_model": strong,
        "harnesses": {str(name): int(count) for name, count in ends["harness"].value_counts().sort_index().items()},
        "settings": {**PARAMS, "members": MEMBERS, "trees": TREES, "folds": FOLDS},
    }


def _round(number: float) -> float | None:
    """Six significant digits: more would tell of the machine, not of the model. JSON has no NaN: unknown is None."""
    return float(f"{number:.6g}") if np.isfinite(number) else None
