"""Features that know the outcome before the agent has done anything: too good to be true, so named and questioned."""

from __future__ import annotations

from typing import Any

import numpy as np

from featrouter.training.metrics import within_auroc
from featrouter.training.table import Table

#: No prompt feature of the public sets ranks outcomes at turn 0 better than .74; by chance none of so many runs does.
_TOO_GOOD, _LEAST_RUNS = 0.9, 20
_ARMS = ("y_weak", "y_strong")


def leaking(table: Table) -> list[dict[str, Any]]:
    """Features that rank an arm's outcomes at turn 0 with AUROC of .9 or more, either way, within harness and model."""
    start = ((table.meta["k"] == 0) & (table.meta["at_end"] == 0)).to_numpy()
    meta, x = table.meta[start], table.x[start]
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
            if max(area, 1 - area) >= _TOO_GOOD:
                found.append({"feature": name, "outcome": arm, "auroc": round(area, 4), "runs": int(known.sum())})
    return found


def leak_words(leak: dict[str, Any]) -> str:
    """The question that goes with such a feature."""
    return (
        f"{leak['feature']} alone ranks {leak['outcome']} at turn 0, before the agent did anything, with AUROC "
        f"{leak['auroc']:.2f} over {leak['runs']} runs: does the task text, or whoever made the feature, know the "
        f"outcome? If so, every figure here is too good, and --without {leak['feature'].split('_')[0]} leaves it out"
    )
