"""Turns in, numbers out. Serving and training use this one fold, so that they cannot differ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from featrouter.catalogue import feature_set
from featrouter.families import FAMILIES, Family
from featrouter.reading import Reading
from featrouter.trajectory import Trajectory, Turn

Row = npt.NDArray[np.float64]


class Extractor:
    """The features of one run so far. `observe` costs the turn's own text, however long the run already is."""

    def __init__(self, task: str = "") -> None:
        self.turn = 0
        self._families: tuple[Family, ...] = tuple(family(task) for family in FAMILIES)

    def observe(self, turn: Turn) -> None:
        self.turn += 1
        reading = Reading(turn, self.turn)
        for family in self._families:
            family.observe(reading)

    def row(self) -> Row:
        """The features now, float64 of shape (len(feature_set()),), in catalogue order; unknown is NaN."""
        numbers: list[float] = []
        for family in self._families:
            numbers.extend(family.row().values())
        return np.array(numbers, dtype=np.float64)


def rows(trajectory: Trajectory) -> Iterator[tuple[int, Row]]:
    """(k, features after the first k turns) for k = 0 … n."""
    extractor = Extractor(trajectory.task)
    yield 0, extractor.row()
    for turn in trajectory:
        extractor.observe(turn)
        yield extractor.turn, extractor.row()


def extract(trajectory: Trajectory) -> dict[str, float]:
    """The features of a trajectory as it stands, by name."""
    extractor = Extractor(trajectory.task)
    for turn in trajectory:
        extractor.observe(turn)
    return dict(zip(feature_set().names, extractor.row().tolist(), strict=True))
