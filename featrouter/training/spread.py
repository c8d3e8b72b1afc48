"""Features that no single machine need hold: what may stand for the array `x` of a table, and what is asked of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.reference import Reference
from featrouter.training.metrics import Floats

#: Rows that are enough where a fit or a quantile needs them together, drawn with a seed.
MOST = 200_000


class Spread(ABC):
    """Rows (n, p) that lie in pieces elsewhere. Like an array it is cut by `x[rows]` and `x[:, columns]`, lazily."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]: ...

    @abstractmethod
    def __getitem__(self, rows: Any) -> Any: ...

    @abstractmethod
    def gathered(self) -> Floats:
        """All rows, here."""

    @abstractmethod
    def scores(self, heads: Sequence[Head]) -> Floats:
        """What the heads say of every row, (n, h)."""

    @abstractmethod
    def ranked(self, references: Mapping[str, Reference], harness: npt.NDArray[Any]) -> Spread:
        """Every value as its rank among those of its row's harness."""

    @abstractmethod
    def boosted(self, target: Floats, weight: Floats | None, params: Mapping[str, Any], trees: int) -> Any:
        """A LightGBM booster of all rows."""

    @abstractmethod
    def digest(self) -> str:
        """Changes when the rows do."""

    def __len__(self) -> int:
        return self.shape[0]


def scores_of(heads: Sequence[Head], x: Any) -> Floats:
    """What the heads say of rows (n, p), spread or not: (n, h)."""
    return x.scores(heads) if isinstance(x, Spread) else Forest(list(heads), x.shape[1]).score_many(x)


def here(x: Any) -> Floats:
    """The rows as an array."""
    return x.gathered() if isinstance(x, Spread) else x


def some(x: Any) -> npt.NDArray[np.intp] | slice:
    """Which rows stand for all where they are needed together: all of an array; MOST of spread ones, drawn evenly."""
    if not isinstance(x, Spread) or len(x) <= MOST:
        return slice(None)
    return np.sort(np.random.default_rng(0).choice(len(x), MOST, replace=False))


def boosted(x: Any, target: Floats, weight: Floats | None, params: Mapping[str, Any], trees: int) -> Any:
    """A LightGBM booster of rows (n, p), spread or not."""
    if isinstance(x, Spread):
        return x.boosted(target, weight, params, trees)
    import lightgbm

    options = {"max_bin": params["max_bin"], "verbosity": -1}
    data = lightgbm.Dataset(x, target, weight=weight, params=options)
    return lightgbm.train(dict(params), data, num_boost_round=trees)
