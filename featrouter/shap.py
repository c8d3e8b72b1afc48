"""Why a head scored a row as it did: exact TreeSHAP, every path at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from featrouter.head import Bools, Floats, Head, Ints


class Explainer:
    """Path-dependent TreeSHAP (Lundberg, Erion, Lee 2018, arXiv 1802.03888) of heads over rows of `width` features.

    A linear part adds weight * (z - mean z) to each of its features, which is its exact Shapley value.

    A leaf of value v whose path asks for d distinct features plays a game of its own: a feature outside the coalition
    multiplies v by z (the share of training rows that follow the path at its splits), one inside by o (1 if the row
    itself follows the path there, else 0). Feature j's Shapley value is v (o_j - z_j) times the sum over the others'
    subsets S of |S|! (d-1-|S|)! / d! * prod_S o * prod_rest z. As k! (d-1-k)! / d! is the integral of
    t^k (1-t)^(d-1-k) over [0, 1], that sum is the integral of prod (z_i (1-t) + o_i t), a polynomial of degree d-1 in
    t, for which Gauss-Legendre quadrature with d/2 points is exact.
    """

    def __init__(self, heads: Sequence[Head], width: int) -> None:
        """Prepare all that no row changes. ValueError when a tree asks for a feature beyond `width`."""
        self.width = width
        self._paths = [_Paths(head, width) for head in heads]
        #: Of each head, the expected score over the training rows.
        self.expected = [paths.expected for paths in self._paths]

    def contributions(self, row: Floats) -> Floats:
        """Per head and feature the part of the score, shape (n_heads, width + 1), in score units.

        The last column is the expected score over the training rows; each line sums to the head's score.
        """
        if row.shape != (self.width,):
            raise ValueError(f"row has shape {row.shape}, the explainer wants ({self.width},)")
        both = np.concatenate([np.fmax(row, -np.inf), row])  # missing goes left, missing goes right: see Forest.score
        return np.array([paths.contributions(both) for paths in self._paths]).reshape(-1, self.width + 1)


def work(head: Head) -> int:
    """What explaining a head takes, at most: the edges of all its paths times the points of the quadrature."""
    leaf = head.edges().leaf
    return len(leaf) * ((int(np.bincount(leaf).max(initial=0)) + 1) // 2)


def contributions(head: Head, row: Floats) -> Floats:
    """One head's contributions to one row of shape (width,): shape (width + 1,), the expected score last."""
    result: Floats = Explainer([head], len(row)).contributions(row)[0]
    return result


class _Paths:
    """All root-to-leaf paths of a head: edges sorted into entries (leaf, distinct feature), entries into leaves."""

    def __init__(self, head: Head, width: int) -> None:
        if head.reach >= width:
            raise ValueError(f"head {head.name}: asks for feature {head.reach}, but there are {width}")
        self._linear = head.linear
        leaf, parent, child, left = head.edges()
        order = np.lexsort((head.feature[parent], leaf))
        leaf, parent, child, self._left = leaf[order], parent[order], child[order], left[order]
        feature = head.feature[parent]
        self._edges = np.flatnonzero(_changes(leaf) | _changes(feature))
        self._slot = feature + width * ~head.default_left[parent]
        self._threshold = head.threshold[parent]
        share = np.multiply.reduceat(head.cover[child] / head.cover[parent], self._edges) if leaf.size else np.empty(0)
        # A path that no training row took would divide zero by zero below; 1e-300 is as good a zero.
        self._share = np.maximum(share, 1e-300)
        self._feature, leaf = feature[self._edges], leaf[self._edges]
        self._value = head.value[leaf]
        self._leaves = np.flatnonzero(_changes(leaf))
        self._distinct = np.diff(self._leaves, append=len(leaf))
        point, weight = np.polynomial.legendre.leggauss((int(self._distinct.max(initial=1)) + 1) // 2)
        self._point, self._weight = (point[:, None] + 1) / 2, weight / 2
        self._outside = self._share * (1 - self._point)
        self._width = width
        lone = head.value[head.starts()[head.sizes == 1]].sum()
        reached = np.multiply.reduceat(share, self._leaves) if leaf.size else share
        self.expected = head.intercept + lone + float(self._value[self._leaves] @ reached)
        if self._linear:
            self.expected += float(self._linear.weight @ self._linear.mean)

    def contributions(self, both: Floats) -> Floats:
        result = np.zeros(self._width + 1)
        result[-1] = self.expected
        if self._leaves.size:
            follows = (both.take(self._slot) <= self._threshold) == self._left
            inside = np.logical_and.reduceat(follows, self._edges)
            factor = self._outside + self._point * inside
            product = np.multiply.reduceat(factor, self._leaves, axis=1)
            others = self._weight @ (np.repeat(product, self._distinct, axis=1) / factor)
            parts = self._value * (inside - self._share) * others
            result[:-1] = np.bincount(self._feature, parts, minlength=self._width)
        if self._linear:
            line = self._linear
            np.add.at(result, line.feature, line.weight * (line.z(both[self._width :]) - line.mean))
        return result


def _changes(keys: Ints) -> Bools:
    return np.asarray(np.diff(keys, prepend=-1) != 0)
