"""The linear part of a head: standardised features times weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Bound on weights, leaf values and intercepts: far beyond any model, yet no sum or product of them overflows.
MAX_VALUE = 1e100
#: A linear part reads features no further out than this, in standard deviations of the training rows.
CLIP = 4.0


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear part: the sum of weight * z with z = (x[feature] - centre) / scale, kept within 4 and 0 where x is missing.

    All arrays have one entry a term, features not falling; `mean` is the mean z of the training rows, from which
    contributions count. ValueError for what is not sound.
    """

    feature: Ints
    centre: Floats
    scale: Floats
    weight: Floats
    mean: Floats

    def __post_init__(self) -> None:
        for key in LINEAR:
            array = np.array(getattr(self, key), dtype=np.int64 if key == "feature" else np.float64)
            array.setflags(write=False)
            object.__setattr__(self, key, array)
            if array.ndim != 1 or array.shape != self.feature.shape or not np.all(np.abs(array) <= MAX_VALUE):
                raise ValueError(f"linear {key}: not one finite number within {MAX_VALUE:g} a feature")
        if np.any(np.diff(self.feature) < 0) or np.any(self.feature < 0):
            raise ValueError("linear feature: not rising numbers from 0")
        if np.any(self.scale < 1 / MAX_VALUE) or np.any(np.abs(self.mean) > CLIP):
            raise ValueError("linear scale, mean: a scale that is not above 0, or a mean beyond 4")

    def z(self, rows: Floats) -> Floats:
        """Standardised values of rows (…, width), shape (…, len(feature))."""
        return standardised(rows, self.feature, self.centre, self.scale)

    @classmethod
    def joined(cls, lines: Sequence[Linear]) -> Linear:
        """The sum of several: a feature stands once for each that reads it."""
        if len(lines) == 1:
            return lines[0]
        order = np.argsort(np.concatenate([line.feature for line in lines]), kind="stable")
        return cls(*(np.concatenate([getattr(line, key) for line in lines])[order] for key in LINEAR))

    def scaled(self, factor: float) -> Linear:
        return Linear(self.feature, self.centre, self.scale, self.weight * factor, self.mean)


LINEAR = ("feature", "centre", "scale", "weight", "mean")


def standardised(rows: Floats, feature: Ints, centre: Floats, scale: Floats) -> Floats:
    """(x - centre) / scale of rows (…, width), clipped to 4 either way, 0 where x is missing."""
    with np.errstate(over="ignore"):  # the clip takes infinities in
        z = (rows.take(feature, axis=-1) - centre) / scale
    z[np.isnan(z)] = 0.0
    return np.asarray(np.minimum(np.maximum(z, -CLIP), CLIP))
