"""Features that know the outcome before the agent has done anything: too good to be true, so named and questioned."""

from __future__ import annotations

from typing import Any

import numpy as np

from featrouter.training.metrics import within_auroc
from featrouter.training.spread import here, some
from featrouter.training.table import Table

#: No feature of the public sets comes near it (tests/guards/test_guard_learning.py), nor does chance in so many runs.
_TOO_GOOD, _LEAST_RUNS = 0.9, 20
_ARMS = ("y_weak", "y_strong")


def leaking(table: Table) -> list[dict[str, Any]]:
    """Features that rank an arm's outcomes at turn 0 with AUROC of .9 or more, or as well the other way round."""
    return [found for found in at_start(table) if max(found["auroc"], 1 - found["auroc"]) >= _TOO_GOOD]


def at_start(table: Table) -> list[dict[str, Any]]:
    """Each feature's AUROC at turn 0 for each arm's outcome, within harness and model, where enough runs tell."""
    start = np.flatnonzero((table.meta["k"] == 0) & (table.meta["at_end"] == 0))
    start = start[some(table.x[start])]
    meta, x = table.meta.iloc[start], here(table.x[start])
    groups = (meta["harness"] + "/" + meta["weak_model"]).to_numpy()
    found = []
    for arm in (arm for arm in _ARMS if arm in meta):
        y = meta[arm].to_numpy(dtype=np.float64)
        for name, column in zip(table.names, x.T, strict=True):
            known = ~np.isnan(y) & ~np.isnan(column)
            solved = int(y[known].sum())
            if min(solved, int(known.sum()) - solved) < _LEAST_RUNS:
                continue
            area = float(within_auroc(column[known], y[known], groups[known], np.ones((1, int(known.sum()))))[0])
            found.append({"feature": name, "outcome": arm, "auroc": round(area, 4), "runs": int(known.sum())})
    return found


def leak_words(leak: dict[str, Any]) -> str:
    """The question that goes with such a feature."""
    return (
        f"{leak['feature']} alone ranks {leak['outcome']} at turn 0, before the agent did anything, with AUROC "
        f"{leak['auroc']:.2f} over {leak['runs']} runs: does the task text, or whoever made the feature, know the "
        f"outcome? If so, every figure here is too good, and --without {leak['feature'].split('_')[0]} leaves it out"
    )
