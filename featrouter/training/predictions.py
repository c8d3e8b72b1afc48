"""What heads, calibrators and costs say of every row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from featrouter.bundle import Bundle
from featrouter.calibration import Calibrator
from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.logs import LogError
from featrouter.training.costs import at_knots
from featrouter.training.metrics import Floats
from featrouter.training.table import Table


@dataclass(frozen=True)
class Predictions:
    """r1, r2 (probabilities) and c1, c2 (USD) of every row of a table, each (n,); NaN where there is none."""

    r1: Floats
    r2: Floats
    c1: Floats
    c2: Floats

    @classmethod
    def unknown(cls, n: int) -> Predictions:
        return cls(*(np.full(n, np.nan) for _ in range(4)))

    def put(self, rows: Any, told: Predictions) -> None:
        """Fill these rows with what another model says of them."""
        for name in ("r1", "r2", "c1", "c2"):
            getattr(self, name)[rows] = getattr(told, name)

    def scores(self, value: float) -> Floats:
        """y2 - y1; without costs, r2 - r1; without r2, -r1."""
        r2 = np.where(np.isnan(self.r2), 0.0, self.r2)
        dearer = np.nan_to_num(self.c2 - self.c1, nan=0.0)
        return np.asarray(r2 - self.r1 - dearer / value)


def predict(
    table: Table, heads: Mapping[str, Head], calibrators: Mapping[str, Calibrator], costs: Mapping[str, Any]
) -> Predictions:
    """The parts of a bundle applied to rows, as a session would."""
    names = list(heads)
    x = table.x
    scores = dict(zip(names, Forest(list(heads.values()), x.shape[1]).score_many(x).T, strict=True)) if names else {}
    ended = (table.meta["at_end"] == 1).to_numpy()
    found = {}
    for arm in ("r1", "r2"):
        told = np.full(len(table), np.nan)
        for name, rows in ((arm, ~ended), (f"{arm}_end" if f"{arm}_end" in names else arm, ended)):
            if name in names:
                told[rows] = calibrators[name](scores[name][rows])
        found[arm] = told
    k = table.meta["k"].to_numpy(dtype=np.float64)
    c1 = np.maximum(scores["c1"], 0.0) if "c1" in names else at_knots(costs["weak_remaining"], k)
    strong = costs["strong"]
    c2 = np.maximum(scores["c2"], 0.0) if "c2" in names else np.full(len(k), np.nan if strong is None else strong)
    return Predictions(found["r1"], found["r2"], np.where(ended, 0.0, c1), c2)


def of_bundle(table: Table, bundle: Bundle) -> Predictions:
    """What a bundle's heads and calibrators say of every row; LogError when its features are not the table's."""
    if set(bundle.features) - set(table.names):
        raise LogError("the bundle was trained with another feature catalogue; train it again")
    columns = [table.names.index(name) for name in bundle.features]
    part = Table(table.meta, table.x[:, columns], bundle.features)
    return predict(part, bundle.heads, bundle.calibrators, bundle.costs)
