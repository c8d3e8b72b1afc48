"""A trained router as a bundle: its parts, how well they held out, what carries them, where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter import __version__
from featrouter.bundle import Bundle
from featrouter.catalogue import digest
from featrouter.training.fit import FOLDS, MEMBERS, PARAMS, TREES
from featrouter.training.importances import importances
from featrouter.training.leaks import leak_words, leaking
from featrouter.training.learn import Learned, Settings, learn
from featrouter.training.metrics import Floats, brier, interval, logloss, losses, task_weights, within_auroc
from featrouter.training.oracle import oracle_stopped, oracle_words
from featrouter.training.overlap import sketch
from featrouter.training.spread import Spread
from featrouter.training.table import Table

_DRAWS = 500


def train(
    table: Table,
    *,
    strong: str | None,
    settings: Settings | None = None,
    progress: Callable[[str], None] = lambda stage: None,
    base: Bundle | None = None,
) -> Bundle:
    """Learn a router from a table (see table.table_of, join_strong, select), from nothing or on top of a base bundle.

    Same table and base, same bundle, byte for byte.

    Raises ValueError when no run has a label.
    """
    settings = settings or Settings()
    if not table.meta["y_weak"].notna().any():
        raise ValueError("no run has a y_weak label: fill y_weak (0 or 1) in the runs file")
    found = learn(table, settings, progress, base)
    progress("importances")
    gain, split = np.zeros(len(found.features)), np.zeros(len(found.features))
    looked_at = {name: one for name, one in found.taught.items() if name in ("r1", "r2") and one.held.heads}
    for one in looked_at.values():
        gain += one.fitted.gain
        split += one.fitted.split
    return Bundle(
        features=found.features,
        catalogue=digest(),
        heads=found.heads,
        calibrators=found.calibrators,
        costs=found.costs,
        policies=found.policies,
        policy=found.policy,
        references=found.references,
        importances=importances(found.features, gain, split, looked_at),
        metrics=_metrics(found),
        provenance=_provenance(table, strong, settings, base),
        flags=(*found.flags, *map(oracle_words, oracle_stopped(table)), *map(leak_words, leaking(table))),
    )


def _metrics(found: Learned) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for name, one in found.taught.items():
        known = ~np.isnan(one.rows.y) & (one.held.fold >= 0)
        if not known.any():
            continue
        p, y, weights, fold = one.told[known], one.rows.y[known], one.rows.weights[known], one.held.fold[known]
        models = one.models[known]
        # Telling a good agent from a bad one is no skill of a router: only runs of one weak model are ranked.
        groups = np.char.add(np.char.add(fold.astype(str), "/"), models.astype(str))
        metrics[name] = _learned(p, y, weights, one.rows.tasks[known], groups)
        metrics[name] |= {"calibration": found.calibrators[name].kind, "recipe": one.recipe.as_dict()}
        if len(set(models)) > 1:
            metrics[name]["auroc_by_weak_model"] = {
                str(model): _round(within_auroc(p[its], y[its], fold[its], weights[None, its])[0])
                for model in sorted(set(models))
                for its in [models == model]
            }
    return metrics


def _learned(
    p: Floats, y: Floats, weights: Floats, tasks: npt.NDArray[np.object_], groups: npt.NDArray[np.str_]
) -> dict[str, Any]:
    """Is the head better than its base rate? Out-of-fold, over all decision points, 95 % task-bootstrap intervals."""
    base = np.full(len(y), float(np.average(y, weights=weights)))
    draws = task_weights(tasks, _DRAWS) * weights
    gains = (draws @ (losses(base, y) - losses(p, y))) / draws.sum(axis=1)
    areas = within_auroc(p, y, groups, draws)  # across folds even a constant ranks
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


def _provenance(table: Table, strong: str | None, settings: Settings, base: Bundle | None) -> dict[str, Any]:
    """What the bundle was learned from, and with what: enough to tell whether two bundles should be equal."""
    meta = table.meta
    data = hashlib.sha256(meta.to_csv(index=False).encode())
    if isinstance(table.x, Spread):
        data.update(table.x.digest().encode())
    else:
        data.update(np.ascontiguousarray(np.nan_to_num(table.x, nan=-1e300)).tobytes())
    ends = meta.groupby("run_id").first()
    return {
        "featrouter": __version__,
        "lightgbm": version("lightgbm"),
        "scikit-learn": version("scikit-learn"),
        "data_sha256": data.hexdigest(),
        "tasks_sketch": sketch(meta["task_id"].unique()),
        "runs": int(meta["run_id"].nunique()),
        "tasks": int(meta["task_id"].nunique()),
        "rows": len(meta),
        "weak_models": sorted(meta["weak_model"].unique().tolist()),
        "strong_model": strong,
        "harnesses": {str(name): int(count) for name, count in ends["harness"].value_counts().sort_index().items()},
        "settings": {**PARAMS, "members": MEMBERS, "trees": TREES, "folds": FOLDS, **settings.as_dict()},
    } | ({"base_sha256": hashlib.sha256(base.to_bytes()).hexdigest()} if base else {})


def _round(number: float) -> float | None:
    """Six significant digits: more would tell of the machine, not of the model. JSON has no NaN: unknown is None."""
    return float(f"{number:.6g}") if np.isfinite(number) else None
