"""What a feature's values mean on one harness: their quantiles there, which make harnesses comparable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featrouter import plain

Floats = NDArray[np.float64]

#: The quantiles that are kept. The outermost two are also the range within which a value is nothing unusual.
LEVELS = (0.005, *(round(0.05 * step, 2) for step in range(1, 20)), 0.995)
#: Bound on a quantile and on a shift: far beyond any, yet no sum of them overflows.
MAX_VALUE = 1e100
#: The places that a value may take among the quantiles are 0 … PLACES - 1: below all, equal to one or between two, above.
PLACES = 2 * len(LEVELS) + 1
#: The rank of each place, from -1 (below all) to 1; the last entry, which place -1 finds, is that of a missing value.
RANKS = np.append(np.arange(PLACES) / len(LEVELS) - 1.0, np.nan)
RANKS.setflags(write=False)
_KEYS = ("quantiles", "limit", "runs", "shifts")


@dataclass(frozen=True, eq=False)
class Reference:
    """The runs of one harness, as a router needs to know them; made without outcomes, but for `shifts`.

    `quantiles` (p, 21): a row a feature, at LEVELS; NaN throughout where the harness never reports it. `limit`: how many
    features of a row may lie beyond their outermost quantiles (99 % of the rows have no more). `runs`: how many taught
    it. `shifts`: by head, what its log-odds (of a cost: its logarithm) gain here over what it says of all harnesses.
    ValueError for what is not sound.
    """

    quantiles: Floats
    limit: int
    runs: int
    shifts: dict[str, float] = field(default_factory=dict)
    _never: NDArray[np.intp] = field(init=False, repr=False)
    _steps: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        told = np.array(self.quantiles, dtype=np.float64)
        if told.ndim != 2 or told.shape[1] != len(LEVELS):
            raise ValueError(f"quantiles: shape {told.shape}, want {len(LEVELS)} a feature")
        unknown = np.isnan(told)
        if (unknown.any(axis=1) != unknown.all(axis=1)).any() or (np.abs(told) > MAX_VALUE).any():
            raise ValueError(f"quantiles: a feature has either none or {len(LEVELS)} numbers within {MAX_VALUE:g}")
        if (np.diff(told, axis=1) < 0).any():
            raise ValueError("quantiles: they do not rise")
        for name in ("limit", "runs"):
            plain.number(plain.typed(getattr(self, name), int, name), name, low=0)
        for name, shift in plain.typed(self.shifts, dict, "shifts").items():
            if abs(plain.number(shift, f"shifts.{plain.shown(name)}")) > MAX_VALUE:
                raise ValueError(f"shifts.{plain.shown(name)}: beyond {MAX_VALUE:g}")
        told.setflags(write=False)
        object.__setattr__(self, "quantiles", told)
        object.__setattr__(self, "_never", np.flatnonzero(unknown[:, 0]))
        # x > q is x >= the number just above q; all that is not missing is >= -inf
        least = np.full((1, len(told)), -np.inf)
        object.__setattr__(self, "_steps", np.concatenate([least, told.T, np.nextafter(told, np.inf).T]))

    def places(self, rows: Floats) -> NDArray[np.int8]:
        """Where each value stands among the quantiles: rows (…, p) and answer alike, see PLACES; -1 where it is missing.

        Equal values share the middle of their places. Of a feature that the harness never reports a value says nothing:
        it stands in the middle, missing or not.
        """
        reached = rows[..., None, :] >= self._steps
        places = np.add.reduce(reached.view(np.int8), axis=-2, dtype=np.int8)
        places -= 1
        if len(self._never):
            places[..., self._never] = PLACES // 2
        return np.asarray(places)

    def ranks(self, rows: Floats) -> Floats:
        """The ranks that heads were trained on, from -1 (below all of this harness's) to 1; rows (…, p) and answer alike."""
        return np.asarray(RANKS[self.places(rows)])

    def outside(self, rows: Floats) -> NDArray[np.bool_]:
        """Which values of rows (…, p) lie beyond the outermost quantiles; one that is missing does not."""
        return np.asarray(self.places(rows) % (PLACES - 1) == 0)

    def as_dict(self) -> dict[str, Any]:
        """Plain data; a feature that the harness never reports is None."""
        quantiles = [None if row[0] != row[0] else row for row in self.quantiles.tolist()]
        return {"quantiles": quantiles, "limit": self.limit, "runs": self.runs, "shifts": dict(self.shifts)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Reference:
        """The inverse of `as_dict`. ValueError for anything else."""
        found = plain.keys(data, "a reference", _KEYS)
        rows = [_row(row, index) for index, row in enumerate(plain.typed(found["quantiles"], list, "quantiles"))]
        table = np.array(rows, dtype=np.float64).reshape(len(rows), len(LEVELS))
        return cls(table, found["limit"], found["runs"], found["shifts"])


def outside(places: NDArray[np.int8]) -> int:
    """How many of a row's places are the first or the last."""
    told = places.tobytes()
    return told.count(0) + told.count(PLACES - 1)


def _row(row: Any, index: int) -> Sequence[float]:
    if row is None:
        return [np.nan] * len(LEVELS)
    told = plain.floats(row, f"quantiles[{index}]")
    if len(told) != len(LEVELS) or not np.isfinite(told).all():
        raise ValueError(f"quantiles[{index}]: want {len(LEVELS)} finite numbers")
    return told.tolist()  # type: ignore[no-any-return]  # a list of floats
