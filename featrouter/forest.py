"""All heads' trees scored in one numpy pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featrouter.head import Floats, Head, distinct
from featrouter.linear import Linear

__all__ = ["Codes", "Forest", "Head"]

#: Where the values of a row stand among the levels of a forest: how many levels are lower; -1 where it is missing.
Codes = NDArray[Any]
Leaves = NDArray[np.int32]

#: Bound on trees times splits of the largest: far beyond any model, and still an affordable table.
MAX_SPLITS = 2**22
#: Bound on the terms of linear parts.
MAX_TERMS = 2**16
#: Rows are taken so many at a time that the tests of all their splits stay within the cache, in bytes.
_CACHE, _LEAST_ROWS, _MOST_ROWS = 2**20, 32, 100


class Forest:
    """Every head's trees, scored together by QuickScorer (Lucchese et al., SIGIR 2015) in numpy.

    All splits are tested at once. A tree's leaves are bits, numbered from the left; a split that sends the row right
    bars the leaves on its left, so the lowest bit that no split barred is the leaf. Immutable, shared by threads.

    Splits compare small integers: a value's code is the number of `levels` below it. `levels` (rising) are all values
    that rows may hold; without them, rows may hold anything, and the levels are the thresholds. ValueError when there
    is no head, when a tree asks for a feature beyond `width` (the number of model inputs), or for too many splits.
    """

    def __init__(self, heads: Sequence[Head], width: int, levels: Floats | None = None) -> None:
        if not heads or width < 1:
            raise ValueError("a forest needs at least one head and one feature")
        parts = [_Flat(head, width) for head in heads]
        self.width = width
        self._linear = {number: head.linear for number, head in enumerate(heads) if head.linear}
        slot, threshold, bars, leaves, value = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("slot", "threshold", "bars", "leaves", "value")
        )
        splits, depth = leaves - 1, max(int(leaves.max()) - 1, 1)
        if len(leaves) * depth > MAX_SPLITS:
            raise ValueError(f"{len(leaves)} trees of up to {depth} splits: more than {MAX_SPLITS} in all")
        if (terms := sum(len(head.linear.feature) for head in heads if head.linear)) > MAX_TERMS:
            raise ValueError(f"{terms} terms of linear parts, more than {MAX_TERMS}")
        self.levels = distinct(threshold) if levels is None else levels
        kinds = (np.int8, np.int16, np.int32, np.int64)
        self._kind: Any = next(
            k for k in kinds if leaves.max() <= 8 * k().itemsize and len(self.levels) < np.iinfo(k).max
        )
        # A column a tree, its splits below each other; where a tree has no more of them, one that never bars.
        tree = np.repeat(np.arange(len(leaves)), splits)
        place = np.arange(len(tree)) - np.repeat(np.cumsum(splits) - splits, splits), tree
        self._slot = np.zeros((depth, len(leaves)), np.intp)
        self._slot[place] = slot
        self._right: NDArray[Any] = np.full(self._slot.shape, np.iinfo(self._kind).max, self._kind)
        self._right[place] = np.searchsorted(self.levels, threshold, side="right")
        self._kept: NDArray[Any] = np.full(self._slot.shape, -1, self._kind)
        self._kept[place] = (~bars).astype(self._kind)
        bits = 8 * self._kind().itemsize
        self._most, self._sign, self._unsigned = self._kind(2 ** (bits - 1) - 1), bits - 1, np.dtype(f"u{bits // 8}")
        # 127 is float32's exponent bias, see _leaf
        self._first = (np.cumsum(leaves) - leaves - 127).astype(np.int32)
        self._chunk = min(_MOST_ROWS, max(_LEAST_ROWS, _CACHE // self._kept.nbytes))
        self._value = value
        trees = np.array([len(part.leaves) for part in parts])
        self._heads = np.cumsum(trees) - trees
        self._intercept = np.array([head.intercept for head in heads], np.float64)
        self._lines = _Lines(self._linear, width, self.levels) if self._linear and levels is not None else None

    def codes(self, rows: Floats) -> Codes:
        """What `score` takes, of rows (…, width); NaN is missing, infinities are numbers."""
        return np.where(np.isnan(rows), -1, np.searchsorted(self.levels, rows)).astype(self._kind)

    def score(self, codes: Codes) -> Floats:
        """Raw scores, shape (…, n_heads), of one row's codes or many's, shape (…, width).

        Linear parts are in it where the forest was told its levels.
        """
        if codes.shape[-1:] != (self.width,):
            raise ValueError(f"codes have shape {codes.shape}, the forest wants (…, {self.width})")
        if codes.ndim == 1:
            scores = self._sums(self._leaf(codes, self._right, self._kept, self._first))
        else:
            wide = [array[..., None] for array in (self._right, self._kept, self._first)]
            chunks = range(0, len(codes), self._chunk)
            found = [self._sums(self._leaf(codes[start : start + self._chunk].T, *wide).T) for start in chunks]
            scores = np.concatenate([np.empty((0, len(self._heads))), *found])
        return scores if self._lines is None else self._lines.added(codes, scores)

    def score_many(self, rows: Floats) -> Floats:
        """Raw scores, shape (n, n_heads), of rows of shape (n, width)."""
        if rows.ndim != 2 or rows.shape[1] != self.width:
            raise ValueError(f"rows have shape {rows.shape}, the forest wants (n, {self.width})")
        scores = self.score(self.codes(rows))
        if self._lines is None:
            for number, line in self._linear.items():
                scores[:, number] += np.add.reduce(line.z(rows) * line.weight, axis=-1)
        return scores

    def _leaf(self, codes: Codes, right: Codes, kept: Codes, first: Leaves) -> Leaves:
        """The leaf of every tree, numbered through: (trees,) of one row's codes, (trees, n) of those of n as columns."""
        # The first copy is read where a missing value goes left; in the second, where it goes right, it is the highest.
        both = np.empty((2 * self.width, *codes.shape[1:]), self._kind)
        both[: self.width] = codes
        np.bitwise_and(both[: self.width], self._most, out=both[self.width :])
        work = both.take(self._slot, axis=0)
        work -= right
        work >>= self._sign  # all ones where the row goes left
        work |= kept
        alive = np.bitwise_and.reduce(work, axis=0)
        alive &= -alive
        # a float32's exponent is the number of a lone bit
        leaf: Leaves = alive.view(self._unsigned).astype(np.float32).view(np.int32)
        leaf >>= 23
        leaf += first
        return leaf

    def _sums(self, leaf: Leaves) -> Floats:
        scores: Floats = np.add.reduceat(self._value.take(leaf), self._heads, axis=-1)
        scores += self._intercept
        return scores


class _Lines:
    """The linear parts of several heads as tables: what each level of each feature adds."""

    def __init__(self, linear: dict[int, Linear], width: int, levels: Floats) -> None:
        lines = {number: line for number, line in linear.items() if len(line.feature)}
        # Code -1, a missing value, finds the last of these.
        ladder = np.repeat(np.append(levels, np.nan)[:, None], width, axis=1)
        none = [np.empty((len(ladder), 0))]
        self._heads = np.array(list(lines), np.int64)
        self._starts = np.cumsum([0, *(len(line.feature) for line in lines.values())])[:-1]
        self._feature = np.concatenate([np.empty(0, np.int64), *(line.feature for line in lines.values())])
        self._term = np.arange(len(self._feature))
        self._added = np.concatenate([*none, *(line.z(ladder) * line.weight for line in lines.values())], axis=1)

    def added(self, codes: Codes, scores: Floats) -> Floats:
        if len(self._heads):
            terms = self._added[codes.take(self._feature, axis=-1), self._term]
            scores[..., self._heads] += np.add.reduceat(terms, self._starts, axis=-1)
        return scores


_LEAF: dict[str, Any] = {"sizes": [1], "feature": [-1], "threshold": [0.0], "left": [-1], "right": [-1]}
_LEAF |= {"default_left": [False], "value": [0.0], "cover": [0]}


class _Flat:
    """One head's part of a Forest, tree after tree; a head of no trees has one of a single leaf that is worth nothing."""

    def __init__(self, head: Head, width: int) -> None:
        if head.reach >= width:
            raise ValueError(f"head {head.name}: asks for feature {head.reach}, but there are {width}")
        if not len(head.sizes):
            head = Head(head.name, head.link, **_LEAF)
        n, edges = len(head.feature), head.edges()
        left_leaves = np.bincount(edges.parent[edges.left])
        rank = np.bincount(edges.leaf, ~edges.left * left_leaves[edges.parent], minlength=n).astype(np.uint64)
        bars = np.zeros(n, np.uint64)
        np.bitwise_or.at(bars, edges.parent, np.where(edges.left, np.uint64(1) << rank[edges.leaf], np.uint64(0)))
        leaf = head.feature < 0
        self.slot = head.feature[~leaf] + width * ~head.default_left[~leaf]
        self.threshold = head.threshold[~leaf]
        self.bars = bars[~leaf]
        self.leaves = (head.sizes + 1) // 2
        first = np.repeat(np.cumsum(self.leaves) - self.leaves, head.sizes)
        self.value = np.empty(leaf.sum())
        self.value[first[leaf] + rank[leaf].astype(np.int64)] = head.value[leaf]
