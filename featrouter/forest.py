"""All heads' trees scored in one numpy pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from featrouter.head import Bools, Floats, Head
from featrouter.linear import standardised

__all__ = ["Forest", "Head", "Scratch"]


class Scratch(NamedTuple):
    """The buffers of one caller of `Forest.score`; never shared between threads."""

    row: Floats
    taken: Floats
    left: Bools
    barred: NDArray[Any]


class Forest:
    """Every head's trees, scored together by QuickScorer (Lucchese et al., SIGIR 2015) in numpy.

    All splits are tested at once. A tree's leaves are bits, numbered from the right; a split that sends the row left
    bars the leaves on its right, so the lowest bit that no split barred is the leaf. Immutable, shared by threads.
    ValueError when there is no head or a tree asks for a feature beyond `width` (the number of model inputs).
    """

    def __init__(self, heads: Sequence[Head], width: int) -> None:
        if not heads or width < 1:
            raise ValueError("a forest needs at least one head and one feature")
        parts = [_Flat(head, width) for head in heads]
        self.width = width
        self.names = tuple(head.name for head in heads)
        self._slot = np.concatenate([part.slot for part in parts])
        self._threshold = np.concatenate([part.threshold for part in parts])
        leaves = np.concatenate([part.leaves for part in parts])
        bars = np.concatenate([part.bars for part in parts])
        self._bars: NDArray[Any] = bars.astype(np.uint32) if leaves.max() <= 32 else bars
        splits = np.maximum(leaves - 1, 1)
        self._trees = np.cumsum(splits) - splits
        # 127 is float32's exponent bias, see _sum
        self._leaves = np.cumsum(leaves) - leaves - 127
        self._value = np.concatenate([part.value for part in parts])
        trees = np.array([len(part.leaves) for part in parts])
        self._heads = np.cumsum(trees) - trees
        self._intercept = np.array([head.intercept for head in heads], np.float64)
        self._linear = _Lines(heads) if any(head.linear for head in heads) else None

    def scratch(self) -> Scratch:
        """Fresh buffers for `score`: one set a session or thread."""
        n = len(self._slot)
        return Scratch(np.empty(2 * self.width), np.empty(n), np.empty(n, bool), np.empty(n, self._bars.dtype))

    def score(self, row: Floats, scratch: Scratch | None = None) -> Floats:
        """Raw scores, shape (n_heads,), of one row of shape (width,); NaN is missing, infinities are numbers."""
        if row.shape != (self.width,):
            raise ValueError(f"row has shape {row.shape}, the forest wants ({self.width},)")
        both, taken, left, barred = scratch or self.scratch()
        # A NaN is never <= and so goes right; the first copy, read where missing goes left, has -inf for it.
        np.fmax(row, -np.inf, out=both[: self.width])
        both[self.width :] = row
        both.take(self._slot, out=taken, mode="clip")  # slots were checked; the other modes copy `out`
        np.less_equal(taken, self._threshold, out=left)
        np.multiply(self._bars, left, out=barred)
        scores = self._sum(barred)
        return scores if self._linear is None else self._linear.added(row, scores)

    def score_many(self, rows: Floats) -> Floats:
        """Raw scores, shape (n, n_heads), of rows of shape (n, width)."""
        if rows.ndim != 2 or rows.shape[1] != self.width:
            raise ValueError(f"rows have shape {rows.shape}, the forest wants (n, {self.width})")
        both = np.concatenate([np.fmax(rows, -np.inf), rows], axis=1)
        scores = np.empty((len(rows), len(self._heads)))
        chunk = max(1, 2**18 // len(self._slot))  # keeps the tests of one chunk within the cache
        for start in range(0, len(rows), chunk):
            left = both[start : start + chunk].take(self._slot, axis=1) <= self._threshold
            scores[start : start + chunk] = self._sum(self._bars * left)
        return scores if self._linear is None else self._linear.added(rows, scores)

    def _sum(self, barred: NDArray[Any]) -> Floats:
        barred = np.bitwise_or.reduceat(barred, self._trees, axis=-1)
        lowest = ~barred & (barred + 1)
        # a float32's exponent is the number of a lone bit
        leaf = (lowest.astype(np.float32).view(np.int32) >> 23) + self._leaves
        scores: Floats = np.add.reduceat(self._value.take(leaf), self._heads, axis=-1) + self._intercept
        return scores


class _Lines:
    """The linear parts of several heads, one after the other."""

    def __init__(self, heads: Sequence[Head]) -> None:
        parts = [(number, head.linear) for number, head in enumerate(heads) if head.linear and len(head.linear.feature)]
        lines = [line for _, line in parts]
        self._heads = np.array([number for number, _ in parts], np.int64)
        self._starts = np.cumsum([0, *(len(line.feature) for line in lines[:-1])])
        empty: list[Any] = [np.empty(0)]
        self._feature = np.concatenate([line.feature for line in lines] or empty).astype(np.int64)
        self._centre = np.concatenate([line.centre for line in lines] or empty)
        self._scale = np.concatenate([line.scale for line in lines] or empty)
        self._weight = np.concatenate([line.weight for line in lines] or empty)

    def added(self, rows: Floats, scores: Floats) -> Floats:
        if len(self._heads):
            z = standardised(rows, self._feature, self._centre, self._scale)
            scores[..., self._heads] += np.add.reduceat(z * self._weight, self._starts, axis=-1)
        return scores


_LEAF: dict[str, Any] = {"sizes": [1], "feature": [-1], "threshold": [0.0], "left": [-1], "right": [-1]}
_LEAF |= {"default_left": [False], "value": [0.0], "cover": [0]}


class _Flat:
    """One head's part of a Forest; a tree of one leaf gets a split that bars nothing, a head of no trees such a one."""

    def __init__(self, head: Head, width: int) -> None:
        if head.reach >= width:
            raise ValueError(f"head {head.name}: asks for feature {head.reach}, but there are {width}")
        if not len(head.sizes):
            head = Head(head.name, head.link, **_LEAF)
        n, edges = len(head.feature), head.edges()
        right_leaves = np.bincount(edges.parent[~edges.left], minlength=n)
        rank = np.bincount(edges.leaf, edges.left * right_leaves[edges.parent], minlength=n).astype(np.uint64)
        bars = np.zeros(n, np.uint64)
        np.bitwise_or.at(bars, edges.parent, np.where(edges.left, np.uint64(0), np.uint64(1) << rank[edges.leaf]))
        split = (head.feature >= 0) | np.repeat(head.sizes == 1, head.sizes)
        self.slot = np.maximum(head.feature, 0)[split] + width * ~head.default_left[split]
        self.threshold = head.threshold[split]
        self.bars = bars[split]
        self.leaves = (head.sizes + 1) // 2
        first = np.repeat(np.cumsum(self.leaves) - self.leaves, head.sizes)
        leaf = head.feature < 0
        self.value = np.empty(leaf.sum())
        self.value[first[leaf] + rank[leaf].astype(np.int64)] = head.value[leaf]
