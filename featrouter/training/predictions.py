"""What heads, calibrators and costs say of every row of a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from featrouter.bundle import Bundle
from featrouter.calibration import Calibrator
from featrouter.catalogue import family_of
from featrouter.head import MOST_LOG, Head
from featrouter.logs import LogError
from featrouter.reference import Reference
from featrouter.training.costs import at_knots
from featrouter.training.fit import Names
from featrouter.training.metrics import Floats
from featrouter.training.references import known_to, ranked, shifted_by
from featrouter.training.spread import scores_of
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
    table: Table,
    heads: Mapping[str, Head],
    calibrators: Mapping[str, Calibrator],
    costs: Mapping[str, Any],
    references: Mapping[str, Reference] | None = None,
) -> Predictions:
    """The parts of a bundle applied to rows, as a session would. Without `references` the table holds ranks already."""
    shifts = {name: reference.shifts for name, reference in (references or {}).items()}
    if references is not None:
        table = ranked(table, known_to(table, references))
    names, harness = list(heads), table.meta["harness"].to_numpy()
    x = table.x
    scores = dict(zip(names, scores_of(list(heads.values()), x).T, strict=True)) if names else {}
    ended = (table.meta["at_end"] == 1).to_numpy()
    found = {}
    for arm in ("r1", "r2"):
        told = np.full(len(table), np.nan)
        for name, rows in ((arm, ~ended), (f"{arm}_end" if f"{arm}_end" in names else arm, ended)):
            if name in names:
                here = {group: by[name] for group, by in shifts.items() if name in by}
                told[rows] = shifted_by(calibrators[name](scores[name][rows]), here, harness[rows])
        found[arm] = told
    k = table.meta["k"].to_numpy(dtype=np.float64)
    usd = {name: _usd(heads[name], scores[name], shifts, harness) for name in ("c1", "c2") if name in names}
    strong = np.nan if costs["strong"] is None else costs["strong"]
    c1 = usd["c1"] if "c1" in usd else at_knots(costs["weak_remaining"], k)
    c2 = usd["c2"] if "c2" in usd else np.full(len(k), strong)
    return Predictions(found["r1"], found["r2"], np.where(ended, 0.0, c1), c2)


def _usd(head: Head, scores: Floats, shifts: Mapping[str, Mapping[str, float]], harness: Names) -> Floats:
    """What the scores of a cost head mean in USD, each on its harness."""
    moved = scores.copy()
    for name, by in shifts.items():
        moved[harness == name] += by.get(head.name, 0.0)
    return np.asarray(np.exp(np.minimum(moved, MOST_LOG)) if head.link == "log" else np.maximum(moved, 0.0))


def of_bundle(table: Table, bundle: Bundle) -> Predictions:
    """What a bundle says of every row; LogError when its features are not the table's.

    Rows of a harness that the bundle does not know are ranked among themselves, as `featrouter adapt` would.
    """
    part = with_features(table, bundle.features)
    return predict(part, bundle.heads, bundle.calibrators, bundle.costs, bundle.references)


def with_features(table: Table, names: tuple[str, ...]) -> Table:
    """The table with these columns alone, in this order."""
    if set(names) - set(table.names):
        raise LogError("the bundle was trained with another feature catalogue; train it again")
    return Table(table.meta, table.x[:, [table.names.index(name) for name in names]], names)


def without_families(table: Table, families: Collection[str]) -> Table:
    """The table without the features of these families."""
    return with_features(table, tuple(name for name in table.names if family_of(name) not in families))
