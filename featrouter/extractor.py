"""Turns in, numbers out. Serving and training use this one fold, so that they cannot differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from featrouter.catalogue import FAMILIES as NAMES
from featrouter.catalogue import family_of, feature_set
from featrouter.families import FAMILIES, Family
from featrouter.reading import Reading
from featrouter.trajectory import Trajectory, Turn

Row = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Wanted:
    """The features that somebody reads: families of which none is wanted are not computed."""

    families: tuple[type[Family], ...]
    columns: npt.NDArray[np.intp]

    @classmethod
    def of(cls, names: Sequence[str]) -> Wanted:
        """KeyError for a name that is no feature."""
        asked = {family_of(name) for name in names}
        computed = [name for name in feature_set().names if family_of(name) in asked]
        place = {name: index for index, name in enumerate(computed)}
        columns = np.array([place[name] for name in names], np.intp)
        return cls(tuple(make for name, make in zip(NAMES, FAMILIES, strict=True) if name in asked), columns)


class Extractor:
    """The features of one run so far. `observe` costs the turn's own text, however long the run already is.

    Nothing is read of the task before the first turn is observed or the first row asked for.
    """

    def __init__(self, task: str = "", wanted: Wanted | None = None) -> None:
        self.turn = 0
        self._task = task
        self._wanted = wanted or _all()
        self._made: tuple[Family, ...] = ()

    # Not a cached_property: in Python 3.11 that takes one lock for the sessions of all threads.
    @property
    def _families(self) -> tuple[Family, ...]:
        if not self._made:
            self._made = tuple([family(self._task) for family in self._wanted.families])
            self._task = ""  # a session lives long, and its task may be large
        return self._made

    def observe(self, turn: Turn) -> None:
        self.turn += 1
        reading = Reading(turn, self.turn)
        for family in self._families:
            family.observe(reading)

    def row(self) -> Row:
        """The wanted features now, float64 (p,), in the order in which they are wanted; unknown is NaN."""
        numbers: list[float] = []
        for family in self._families:
            numbers.extend(family.row().values())
        return np.array(numbers, dtype=np.float64).take(self._wanted.columns)


@cache
def _all() -> Wanted:
    return Wanted.of(feature_set().names)


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
