"""Does a feature mean the same everywhere? Its AUROC alone, by set and by repository."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from featrouter.study.sets import DRAWS, LEAST_ROWS
from featrouter.training.metrics import Floats, auroc, interval, task_weights
from featrouter.training.table import Table
from featrouter.training.words import markdown

#: Repositories with so many runs and so many of either outcome are looked at alone.
LEAST_OF_REPO, LEAST_OF_CLASS = 20, 5
MOST = 45


def stability(sets: Mapping[str, Table], k: int = 4) -> str:
    """Features by how surely their mean AUROC over the sets differs from .5 (sets weighted alike, tasks resampled)."""
    looked_at = {name: table.where((table.meta["k"] == k).to_numpy()) for name, table in sets.items()}
    looked_at = {name: table for name, table in looked_at.items() if len(table) >= LEAST_ROWS}
    if not looked_at:
        raise ValueError(f"no set has {LEAST_ROWS} runs that go on after turn {k}: too few to tell what holds")
    first = next(iter(looked_at.values()))
    found = []
    for index, feature in enumerate(first.names):
        by_set = {name: _area(table, index) for name, table in looked_at.items()}
        known = [one for one in by_set.values() if np.isfinite(one[0])]
        if len(known) < 2:
            continue
        mean = np.nanmean(known, axis=0)
        low, high = interval(mean[1:])
        sign = mean[0] > 0.5
        same = sum((one[0] > 0.5) == sign for one in known)
        repos = [area for table in looked_at.values() for area in _repos(table, index)]
        agree = sum((area > 0.5) == sign for area in repos)
        found.append(
            (
                abs(mean[0] - 0.5) / max(1e-9, float(np.nanstd(mean[1:]))),
                feature,
                mean[0],
                low,
                high,
                same,
                len(known),
                agree,
                len(repos),
                by_set,
            )
        )
    found.sort(key=lambda one: -one[0])
    rows = [
        [
            f"`{feature}`",
            f"{mean:.2f} [{low:.2f}, {high:.2f}]",
            f"{same} of {of}",
            f"{agree} of {n}",
            *("-" if not np.isfinite(by_set[name][0]) else f"{by_set[name][0]:.2f}" for name in looked_at),
        ]
        for _, feature, mean, low, high, same, of, agree, n, by_set in found[:MOST]
    ]
    surely = sum(not low <= 0.5 <= high for _, _, _, low, high, *_ in found)
    text = (
        f"{len(found)} features vary in at least two sets at k = {k}; the mean of {surely} differs from .5 by its own "
        f"95 % interval, where {0.05 * len(found):.0f} would by chance. The {min(MOST, len(found))} surest:\n\n"
    )
    return text + markdown(["feature", "mean AUROC", "sets of its sign", "repositories of its sign", *looked_at], rows)


def _area(table: Table, index: int) -> Floats:
    x = table.x[:, index]
    known = ~np.isnan(x)
    if known.sum() < LEAST_ROWS or len(np.unique(x[known])) < 2:
        return np.full(DRAWS + 1, np.nan)
    weights = task_weights(table.meta["task_id"].to_numpy()[known], DRAWS)
    return auroc(x[known], table.meta["y_weak"].to_numpy(dtype=np.float64)[known], weights)


def _repos(table: Table, index: int) -> list[float]:
    """The feature's AUROC in each repository that is large enough; equal ones (.5) are left out."""
    found = []
    y, x = table.meta["y_weak"].to_numpy(dtype=np.float64), table.x[:, index]
    repos = table.meta["repo"].to_numpy()
    for repo in np.unique(repos):
        rows = (repos == repo) & ~np.isnan(x)
        if rows.sum() >= LEAST_OF_REPO and min(y[rows].sum(), (1 - y[rows]).sum()) >= LEAST_OF_CLASS:
            area = float(auroc(x[rows], y[rows], np.ones((1, int(rows.sum()))))[0])
            if area != 0.5:
                found.append(area)
    return found
