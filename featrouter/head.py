"""One model's trees as flat arrays: the only form in which they are kept, sound by construction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from featrouter.linear import MAX_VALUE, Linear

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_Number = TypeVar("_Number", np.float64, np.int64)

LINKS = ("logit", "identity", "log")
#: e to the power of it is far beyond any cost, and still a number.
MOST_LOG = 100.0
MAX_LEAVES = 64
MAX_COVER = 2**53
#: LightGBM's dump writes an infinite threshold as 1e300 (`Common::AvoidInf`).
_DUMPED_INFINITY = 1e300
#: LightGBM's predictor reads an input within this distance of zero as zero (`kZeroThreshold`, a float32).
_ZERO = float(np.float32(1e-35))

_DTYPES: dict[str, Any] = {"sizes": np.int64, "feature": np.int64, "threshold": np.float64, "left": np.int64}
_DTYPES |= {"right": np.int64, "default_left": np.bool_, "value": np.float64, "cover": np.int64}


def distinct(values: NDArray[_Number]) -> NDArray[_Number]:
    """The values in ascending order, each once.

    `np.unique` does the same, but its first call imports `numpy.ma`: a tenth of the start of a process.
    """
    ordered = np.sort(values)
    new = np.ones(len(ordered), dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]


class Edges(NamedTuple):
    """Every edge on every path from a leaf to its root, as node numbers in the head's arrays; `left` is the side."""

    leaf: Ints
    parent: Ints
    child: Ints
    left: Bools


@dataclass(frozen=True, eq=False)
class Head:
    """One model's trees and, where it has one, its linear part.

    A Head that exists is sound: the constructor refuses (ValueError) what is not.

    `sizes` has one entry a tree; the other arrays one a node, tree after tree. Node 0 of a tree is its root, children
    are numbered within the tree and above their parent. At a leaf `feature`, `left` and `right` are -1 and
    `threshold` is 0; at an inner node `value` is 0. A row goes left where x[feature] <= threshold, and a missing x
    where `default_left`. `value` and `intercept` are in score units: log-odds for the link "logit", the target's
    logarithm for "log", its own for "identity". `cover` counts training rows. The arrays are copied and read-only; a
    tree has at most 64 leaves and so is at most 63 deep.
    """

    name: str
    link: str
    sizes: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    default_left: Bools
    value: Floats
    cover: Ints
    intercept: float = 0.0
    linear: Linear | None = None

    def __post_init__(self) -> None:
        for key, dtype in _DTYPES.items():
            array = np.array(getattr(self, key), dtype=dtype)
            array.setflags(write=False)
            object.__setattr__(self, key, array)
        _check(self)

    @classmethod
    def constant(cls, name: str, link: str, intercept: float) -> Head:
        """A head without trees, which always scores `intercept`."""
        none: dict[str, Any] = dict.fromkeys(_DTYPES, ())
        return cls(name, link, **none, intercept=intercept)

    @classmethod
    def joined(cls, heads: Sequence[Head]) -> Head:
        """One head whose score is the sum of the others' (several seeds, each built with scale 1/n)."""
        if not heads or len({head.link for head in heads}) > 1:
            raise ValueError("only one or more heads of one link can be joined")
        linear = [head.linear for head in heads if head.linear is not None]
        arrays: dict[str, Any] = {key: np.concatenate([getattr(head, key) for head in heads]) for key in _DTYPES}
        total = math.fsum(head.intercept for head in heads)
        return cls(
            heads[0].name, heads[0].link, **arrays, intercept=total, linear=Linear.joined(linear) if linear else None
        )

    def scaled(self, factor: float) -> Head:
        """The head whose score is `factor` times this one's."""
        arrays: dict[str, Any] = {key: getattr(self, key) for key in _DTYPES} | {"value": self.value * factor}
        linear = self.linear.scaled(factor) if self.linear else None
        return Head(self.name, self.link, **arrays, intercept=self.intercept * factor, linear=linear)

    def moved(self, place: Ints) -> Head:
        """The head for rows in which the features stand elsewhere: number i at place[i], in the same order."""
        arrays: dict[str, Any] = {key: getattr(self, key) for key in _DTYPES}
        arrays["feature"] = np.where(self.feature < 0, -1, place[self.feature])
        line = self.linear and replace(self.linear, feature=place[self.linear.feature])
        return Head(self.name, self.link, **arrays, intercept=self.intercept, linear=line)

    def features(self) -> Ints:
        """The features the head asks for, sorted."""
        asked = [self.feature[self.feature >= 0], *([self.linear.feature] if self.linear else [])]
        return distinct(np.concatenate(asked))

    @property
    def reach(self) -> int:
        """The highest feature number the head asks for; -1 when it asks for none."""
        return int(self.features().max(initial=-1))

    @property
    def empty(self) -> bool:
        """It has neither trees nor a linear part: a constant."""
        return not len(self.sizes) and self.linear is None

    @classmethod
    def from_booster(cls, name: str, dump: Mapping[str, Any], link: str, scale: float = 1.0) -> Head:
        """The trees of LightGBM's `booster.dump_model()`, leaf values times `scale`.

        Missing values mean exactly what they mean to LightGBM (`Tree::NumericalDecision` in its tree.h): with the
        missing type "None" NaN is read as 0.0. ValueError for what has no such form here: categorical splits,
        zero-as-missing, linear leaves, several classes, averaged forests, more than 64 leaves.
        """
        if dump.get("num_tree_per_iteration", 1) != 1 or dump.get("average_output"):
            raise ValueError(f"head {name}: train one class per model and boost (not 'rf')")
        nodes: dict[str, Any] = {key: [] for key in _DTYPES}
        for number, tree in enumerate(dump["tree_info"]):
            where = f"head {name}, tree {number}"
            if tree["num_leaves"] > MAX_LEAVES:
                raise ValueError(f"{where}: {tree['num_leaves']} leaves, at most {MAX_LEAVES} (lower num_leaves)")
            base = len(nodes["feature"])
            stack: list[tuple[dict[str, Any], str, int]] = [(tree["tree_structure"], "", 0)]
            while stack:
                node, side, parent = stack.pop()
                index = len(nodes["feature"])
                if side:
                    nodes[side][parent] = index - base
                for key, value in _node(node, where, scale).items():
                    nodes[key].append(value)
                if "split_feature" in node:
                    stack += [(node["right_child"], "right", index), (node["left_child"], "left", index)]
            nodes["sizes"].append(len(nodes["feature"]) - base)
        return cls(name, link, **nodes)

    def starts(self) -> Ints:
        """The node number of each tree's root, shape (n_trees,)."""
        return np.asarray(np.cumsum(self.sizes) - self.sizes)

    def edges(self) -> Edges:
        """All edges from all leaves up to their roots; a tree of a single leaf has none."""
        inner, left, right = _children(self)
        parent = np.full(len(self.feature), -1)
        parent[left] = parent[right] = inner
        is_left = np.zeros(len(parent), bool)
        is_left[left] = True
        leaf = child = np.flatnonzero(self.feature < 0)
        found = []
        while leaf.size:
            leaf, child = leaf[parent[child] >= 0], child[parent[child] >= 0]
            found.append((leaf, parent[child], child, is_left[child]))
            child = parent[child]
        none = (np.empty(0, np.int64),) * 3 + (np.empty(0, bool),)
        return Edges(*(np.concatenate(part) for part in zip(none, *found, strict=True)))


def _node(node: Mapping[str, Any], where: str, scale: float) -> dict[str, Any]:
    leaf: dict[str, Any] = {"feature": -1, "threshold": 0.0, "left": -1, "right": -1, "default_left": False}
    if "split_feature" not in node:
        if "leaf_const" in node:
            raise ValueError(f"{where}: linear leaves; train with linear_tree=false")
        return leaf | {"value": node["leaf_value"] * scale, "cover": node.get("leaf_count", 0)}
    if node["decision_type"] != "<=":
        raise ValueError(f"{where}: categorical split {node['decision_type']!r}; give the feature as a number")
    if node["missing_type"] not in ("NaN", "None"):
        raise ValueError(f"{where}: missing type {node['missing_type']!r}; train with zero_as_missing=false")
    threshold = float(node["threshold"])
    if abs(threshold) >= _DUMPED_INFINITY:
        threshold = math.copysign(math.inf, threshold)
    elif abs(threshold) <= _ZERO:
        threshold = _ZERO if threshold >= 0.0 else math.nextafter(-_ZERO, -math.inf)  # all of zero on one side
    default_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0.0
    inner = {"feature": node["split_feature"], "threshold": threshold, "default_left": default_left}
    return leaf | inner | {"value": 0.0, "cover": node["internal_count"]}


def _children(head: Head) -> tuple[Ints, Ints, Ints]:
    inner = np.flatnonzero(head.feature >= 0)
    root = np.repeat(head.starts(), head.sizes)[inner]
    return inner, head.left[inner] + root, head.right[inner] + root


def _check(head: Head) -> None:
    def refuse(wrong: Any, what: str) -> None:
        if np.any(wrong):
            raise ValueError(f"head {head.name}: {what}, first at index {int(np.argmax(wrong))}")

    if head.link not in LINKS:
        raise ValueError(f"head {head.name}: link {head.link!r:.60}, known are {', '.join(LINKS)}")
    if not abs(head.intercept) <= MAX_VALUE:
        raise ValueError(f"head {head.name}: intercept {head.intercept} is not finite or beyond {MAX_VALUE:g}")
    n = len(head.feature)
    for key in _DTYPES:
        if getattr(head, key).ndim != 1 or (key != "sizes" and len(getattr(head, key)) != n):
            raise ValueError(f"head {head.name}: {key} has shape {getattr(head, key).shape}, feature has ({n},)")
    refuse((head.sizes < 1) | (head.sizes >= 2 * MAX_LEAVES), f"sizes: not in 1..{2 * MAX_LEAVES - 1} nodes")
    if sum(head.sizes.tolist()) != n:
        raise ValueError(f"head {head.name}: sizes add up to {sum(head.sizes.tolist())}, but there are {n} nodes")
    leaf = head.feature == -1
    refuse(head.feature < -1, "feature: below -1")
    refuse(np.isnan(head.threshold), "threshold: NaN")
    refuse(~(np.abs(head.value) <= MAX_VALUE), f"value: not finite or beyond {MAX_VALUE:g}")
    refuse((head.cover < 0) | (head.cover > MAX_COVER), "cover: negative or beyond 2**53")
    refuse(~leaf & (head.cover == 0), "cover: an inner node without rows")
    refuse(leaf & ((head.threshold != 0) | head.default_left), "threshold, default_left: not 0 and false at a leaf")
    refuse(~leaf & (head.value != 0), "value: not 0 at an inner node")
    local, size = np.arange(n) - np.repeat(head.starts(), head.sizes), np.repeat(head.sizes, head.sizes)
    for key, child in (("left", head.left), ("right", head.right)):
        refuse(leaf & (child != -1), f"{key}: a leaf has a child")
        refuse(~leaf & ((child <= local) | (child >= size)), f"{key}: child not above its parent or outside its tree")
    inner, left, right = _children(head)
    parents = np.bincount(np.concatenate([left, right]), minlength=n)
    refuse(parents != (local > 0), "left, right: a node needs one parent, a root none")
    torn = np.zeros(n, bool)
    torn[inner] = head.cover[inner] != head.cover[left] + head.cover[right]
    refuse(torn, "cover: not the sum of the children's")
