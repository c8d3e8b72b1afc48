"""The features of a folder of partitions, which stay with the workers: each step is done where its rows are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter.cluster.boosting import boost
from featrouter.cluster.engine import Cluster
from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.partitions.folder import Folder
from featrouter.reference import Reference
from featrouter.training.metrics import Floats
from featrouter.training.spread import Spread

Rows = npt.NDArray[np.intp]


class Pieces:
    """Partitions, each a piece of rows that a worker holds, or reads again when it was lost."""

    def __init__(
        self, cluster: Cluster, folder: Folder, entries: Sequence[Mapping[str, Any]], names: Sequence[str]
    ) -> None:
        self.cluster = cluster
        files = [str(entry["file"]) for entry in entries]
        self.first = np.cumsum([0, *(entry["rows"] for entry in entries)])
        self.digests = [str(entry["sha256"]) for entry in entries]
        submit = cluster.client.submit
        self._held = [submit(_loaded, folder, file, tuple(names), key=f"features-{file}", pure=True) for file in files]

    def each(self, function: Callable[..., Any], work: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """What a function says of the pieces named in `work`, each with its arguments. Raises what one of them raised."""
        numbers = list(work)
        found = self.cluster.each(function, [(self._held[number], *work[number]) for number in numbers])
        results = {}
        for place, result in found:
            if isinstance(result, Exception):
                raise result
            results[numbers[place]] = result
        return results

    def parts(self, function: Callable[..., Any], work: Mapping[int, tuple[Any, ...]]) -> list[Any]:
        """The same, as futures that stay with the workers, in the order of the pieces."""
        submit = self.cluster.client.submit
        return [submit(function, self._held[number], *work[number], pure=False) for number in sorted(work)]


@dataclass(frozen=True)
class Ranks:
    """A step: each value's rank among those of its harness, for rows of the harnesses `codes` (n,), of all pieces."""

    references: tuple[Reference, ...]
    codes: npt.NDArray[np.int16]


class Matrix(Spread):
    """Rows of pieces: `rows` (n,) by their place among all, and of them `columns` (None: all), as ranks or as they are."""

    def __init__(
        self, pieces: Pieces, rows: Rows, width: int, columns: Rows | None = None, ranks: Ranks | None = None
    ) -> None:
        self._pieces, self._rows, self._width, self._columns, self._ranks = pieces, rows, width, columns, ranks

    @property
    def shape(self) -> tuple[int, int]:
        return len(self._rows), self._width if self._columns is None else len(self._columns)

    def __getitem__(self, asked: Any) -> Any:
        if not isinstance(asked, tuple):
            return Matrix(self._pieces, self._rows[asked], self._width, self._columns, self._ranks)
        rows, columns = asked
        picked = np.arange(self.shape[1])[columns]
        if self._columns is not None:
            picked = self._columns[picked]
        found = Matrix(self._pieces, self._rows[rows], self._width, np.atleast_1d(picked), self._ranks)
        return found.gathered()[:, 0] if np.ndim(picked) == 0 else found

    def gathered(self) -> Floats:
        return self._of(_taken, self.shape[1])

    def scores(self, heads: Sequence[Head]) -> Floats:
        return self._of(_scored, len(heads), tuple(heads))

    def ranked(self, references: Mapping[str, Reference], harness: npt.NDArray[Any]) -> Spread:
        names = sorted(set(harness.tolist()))
        codes = np.full(self._pieces.first[-1], -1, np.int16)
        codes[self._rows] = np.searchsorted(names, harness.astype(str))
        ranks = Ranks(tuple(references[name] for name in names), codes)
        return Matrix(self._pieces, self._rows, self._width, self._columns, ranks)

    def boosted(self, target: Floats, weight: Floats | None, params: Mapping[str, Any], trees: int) -> Any:
        where = self._where()

        def parts() -> list[Any]:
            """Each piece's rows with their targets and weights, where the piece is."""
            work = {
                number: (
                    *asked,
                    target[at].astype(np.float32),
                    None if weight is None else weight[at].astype(np.float32),
                )
                for number, (at, asked) in where.items()
            }
            return self._pieces.parts(_labelled, work)

        sizes = [len(where[number][0]) for number in sorted(where)]
        return boost(self._pieces.cluster, parts, sizes, self.shape[1], params, trees, weighted=weight is not None)

    def digest(self) -> str:
        sha = hashlib.sha256("/".join(self._pieces.digests).encode())
        sha.update(self._rows.tobytes())
        return sha.hexdigest()

    def _where(self) -> dict[int, tuple[Rows, tuple[Any, ...]]]:
        """By piece the places of its rows here, and what a worker needs to take them."""
        number = np.searchsorted(self._pieces.first, self._rows, side="right") - 1
        order = np.argsort(number, kind="stable")
        ends = np.flatnonzero(np.diff(number[order], append=-1)) + 1
        found = {}
        for at in np.split(order, ends[:-1]) if len(order) else ():
            piece = int(number[at[0]])
            local = self._rows[at] - self._pieces.first[piece]
            ranks = self._ranks and (self._ranks.references, self._ranks.codes[self._rows[at]])
            found[piece] = at, (local.astype(np.int32), self._columns, ranks)
        return found

    def _of(self, function: Callable[..., Any], width: int, *more: Any) -> Floats:
        found = np.empty((len(self._rows), width))
        where = self._where()
        results = self._pieces.each(function, {number: (*asked, *more) for number, (_, asked) in where.items()})
        for number, result in results.items():
            found[where[number][0]] = result
        return found


def _loaded(folder: Folder, file: str, names: tuple[str, ...]) -> Floats:
    from featrouter.partitions.reading import numbers

    return numbers(folder, file, names)


def _taken(piece: Floats, rows: Rows, columns: Rows | None, ranks: Any) -> Floats:
    x = piece[rows] if columns is None else piece[np.ix_(rows, columns)]
    if ranks is not None:
        references, codes = ranks
        x = x.copy()
        for code in np.unique(codes):
            at = codes == code
            x[at] = references[code].ranks(x[at])
    return x


def _scored(piece: Floats, rows: Rows, columns: Rows | None, ranks: Any, heads: tuple[Head, ...]) -> Floats:
    x = _taken(piece, rows, columns, ranks)
    return Forest(list(heads), x.shape[1]).score_many(x)


def _labelled(
    piece: Floats, rows: Rows, columns: Rows | None, ranks: Any, target: Floats, weight: Floats | None
) -> tuple[Floats, Floats, Floats | None]:
    return _taken(piece, rows, columns, ranks), target, weight
