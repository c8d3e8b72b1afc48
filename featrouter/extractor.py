"""Turns in, numbers out. Serving and training use this one fold, so that they cannot differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from featrouter.catalogue import FAMILIES as NAMES
from featrouter.catalogue import family_of, feature_set
from featrouter.families import FAMILIES, Family
from featrouter.families.prompt import Prompt
from featrouter.reading import Reading, task_window
from featrouter.trajectory import Trajectory, Turn

Row = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Wanted:
    """The features that somebody reads. A family of which none is wanted is not computed.

    `blank`: the row before anything was seen, by name in the order of the catalogue: NaN throughout. `columns` (p,):
    where the wanted features stand in it; None: all of them, in the same order. `low`, `high` (p,): their bounds.
    """

    families: tuple[type[Family], ...]
    blank: dict[str, float]
    columns: npt.NDArray[np.intp] | None
    low: Row
    high: Row

    @classmethod
    def of(cls, names: Sequence[str]) -> Wanted:
        """KeyError for a name that is no feature."""
        asked = {family_of(name) for name in names}
        blank = {name: float("nan") for name in feature_set().names if family_of(name) in asked}
        index = {name: place for place, name in enumerate(blank)}
        columns = None if list(names) == list(blank) else np.array([index[name] for name in names], np.intp)
        made = tuple(make for name, make in zip(NAMES, FAMILIES, strict=True) if name in asked)
        features = [feature_set().by_name[name] for name in names]
        return cls(made, blank, columns, np.array([f.low for f in features]), np.array([f.high for f in features]))


class Extractor:
    """The features of one run so far. `observe` costs the turn's own text, however long the run already is.

    Nothing is read of the task before the first turn is observed or the first row asked for.
    """

    def __init__(self, task: str = "", wanted: Wanted | None = None) -> None:
        self.turn = 0
        self._task = task
        self._wanted = wanted or everything()
        self._made: tuple[Family, ...] | None = None
        # What takes a turn in: of the families that turns change.
        self._observers: tuple[Callable[[Reading], None], ...] = ()
        self._row: dict[str, float] = {}

    # Not a cached_property: in Python 3.11 that takes one lock for the sessions of all threads.
    @property
    def _families(self) -> tuple[Family, ...]:
        made = self._made
        if made is None:
            row, task = self._wanted.blank.copy(), task_window(self._task)
            made = tuple([family(task, row) for family in self._wanted.families])
            self._made, self._row = made, row
            self._observers = tuple([family.observe for family in made if not isinstance(family, Prompt)])
            self._task = ""  # a session lives long, and its task may be large
        return made

    def observe(self, turn: Turn) -> None:
        if self._made is None:
            _ = self._families
        self.turn += 1
        reading = Reading(turn, self.turn)
        for observe in self._observers:
            observe(reading)

    def row(self) -> Row:
        """The wanted features now, float64 (p,), in the order in which they are wanted, within their bounds; unknown is NaN."""
        if self._made is None:
            _ = self._families
        wanted = self._wanted
        row = np.fromiter(self._row.values(), np.float64, len(self._row))
        if wanted.columns is not None:
            row = row.take(wanted.columns)
        np.minimum(row, wanted.high, out=row)
        return np.maximum(row, wanted.low, out=row)

    def facts(self) -> dict[str, float]:
        """What is known of the run, by name, whether or not a model reads it: counts without a bound, streaks; unknown is NaN."""
        found: dict[str, float] = {}
        for family in self._families:
            found |= family.facts()
        return found


@cache
def everything() -> Wanted:
    """All features."""
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
