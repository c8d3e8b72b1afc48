"""A given bundle's predictions for a table of logs it never saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from featrouter.bundle import Bundle
from featrouter.forest import Forest
from featrouter.logs import LogError
from featrouter.training.costs import at_knots
from featrouter.training.evaluate import Predictions
from featrouter.training.table import Table


def predictions(table: Table, path: Path) -> Predictions:
    """What the bundle's heads and calibrators say of every row; LogError when its features are not the table's."""
    bundle = Bundle.load(path)
    if set(bundle.features) - set(table.names):
        raise LogError(f"{path}: was trained with another feature catalogue; train it again")
    x = table.x[:, [table.names.index(name) for name in bundle.features]]
    names = list(bundle.heads)
    scores = dict(zip(names, Forest(list(bundle.heads.values()), x.shape[1]).score_many(x).T, strict=True))
    ended = (table.meta["at_end"] == 1).to_numpy()
    found = {}
    for arm in ("r1", "r2"):
        told = np.full(len(table), np.nan)
        for name, rows in ((arm, ~ended), (f"{arm}_end" if f"{arm}_end" in names else arm, ended)):
            if name in names:
                told[rows] = bundle.calibrators[name](scores[name][rows])
        found[arm] = told
    k = table.meta["k"].to_numpy(dtype=np.float64)
    c1 = np.maximum(scores["c1"], 0.0) if "c1" in names else at_knots(bundle.costs["weak_remaining"], k)
    strong = bundle.costs["strong"]
    c2 = np.maximum(scores["c2"], 0.0) if "c2" in names else np.full(len(k), np.nan if strong is None else strong)
    return Predictions(found["r1"], found["r2"], np.where(ended, 0.0, c1), c2)
