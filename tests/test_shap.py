"""TreeSHAP against LightGBM and, on any sound head, against the definition; any sound head is scored like a walk."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter.forest import Forest, Head
from featrouter.linear import Linear
from featrouter.shap import Explainer, contributions

pytestmark = pytest.mark.filterwarnings("error")
NAN, INF = float("nan"), float("inf")


@st.composite
def heads(draw: st.DrawFn) -> Head:
    """Random sound trees, from one leaf to 64, balanced or a chain; some heads with a linear part."""
    nodes: dict[str, list[Any]] = {key: [] for key in ("feature", "threshold", "left", "right")}
    nodes |= {"default_left": [], "value": [], "cover": [], "sizes": []}
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    thresholds = [-INF, -1.0, -0.0, 0.0, 1.0, 2.0, 1e300, INF]

    def grow(leaves: int, base: int, shape: str) -> int:
        at = len(nodes["feature"])
        inner = leaves > 1
        nodes["feature"].append(rng.integers(0, 4) if inner else -1)
        nodes["threshold"].append(rng.choice(thresholds) if inner else 0.0)
        nodes["default_left"].append(bool(rng.integers(0, 2)) and inner)
        nodes["value"].append(0.0 if inner else rng.normal())
        nodes["cover"].append(0 if inner else rng.integers(1, 50))
        nodes["left"].append(-1)
        nodes["right"].append(-1)
        if inner:
            n = {"left": leaves - 1, "right": 1}.get(shape, int(rng.integers(1, leaves)))
            nodes["left"][at] = grow(n, base, shape) - base
            nodes["right"][at] = grow(leaves - n, base, shape) - base
            nodes["cover"][at] = sum(nodes["cover"][base + nodes[side][at]] for side in ("left", "right"))
        return at

    for _ in range(draw(st.integers(0, 4))):
        base = len(nodes["feature"])
        grow(draw(st.sampled_from([1, 2, 3, 9, 32, 33, 64])), base, draw(st.sampled_from(["left", "right", "any"])))
        nodes["sizes"].append(len(nodes["feature"]) - base)
    asked = sorted(draw(st.one_of(st.just(set()), st.sets(st.integers(0, 3)))))
    parts = rng.normal(size=len(asked)), rng.uniform(0.3, 2, len(asked)), rng.normal(size=len(asked))
    line = Linear(np.array(asked, int), *parts, rng.uniform(-1, 1, len(asked))) if draw(st.booleans()) else None
    return Head("h", "identity", **nodes, intercept=draw(st.floats(-5, 5)), linear=line)  # type: ignore[arg-type]


def walk(head: Head, row: np.ndarray, known: set[int]) -> float:
    """The score with only the `known` features: the rest averaged by cover (Lundberg 2018, algorithm 1)."""

    def value(root: int, node: int) -> float:
        i = root + node
        f = head.feature[i]
        if f < 0:
            return float(head.value[i])
        left, right = head.left[i], head.right[i]
        if f in known:
            goes_left = head.default_left[i] if np.isnan(row[f]) else row[f] <= head.threshold[i]
            return value(root, left if goes_left else right)
        a, b = head.cover[root + left], head.cover[root + right]
        return float((a * value(root, left) + b * value(root, right)) / (a + b))

    return head.intercept + sum(value(root, 0) for root in head.starts()) + straight(head.linear, row, known)


def straight(line: Linear | None, row: np.ndarray, known: set[int]) -> float:
    """The linear part with only the `known` features: the rest at their means."""
    total = 0.0
    for i, f in enumerate(line.feature.tolist() if line else ()):
        z = min(max(float(row[f] - line.centre[i]) / float(line.scale[i]), -4.0), 4.0) if row[f] == row[f] else 0.0
        total += line.weight[i] * (z if f in known else line.mean[i])
    return total


CELLS = st.sampled_from([NAN, INF, -INF, -1.0, 0.0, -0.0, 1.0, 1.5, 2.0, 1e300, 1.7e308])


@settings(max_examples=150, deadline=None)
@given(st.lists(heads(), min_size=1, max_size=3), st.lists(CELLS, min_size=4, max_size=4))
def test_any_sound_head_is_walked_and_explained(forest: list[Head], cells: list[float]) -> None:
    row, everything = np.array(cells), {0, 1, 2, 3}
    got = Forest(forest, 4).score_many(row[None])[0]
    want = [walk(head, row, everything) for head in forest]
    assert got == pytest.approx(want, abs=1e-12)
    told = Forest(forest, 4, np.unique(row[~np.isnan(row)]))
    assert told.score(told.codes(row)) == pytest.approx(want, abs=1e-12)
    parts = Explainer(forest, 4).contributions(row)
    assert parts[:, -1] == pytest.approx([walk(head, row, set()) for head in forest], abs=1e-9)
    assert parts.sum(axis=1) == pytest.approx(got, abs=1e-9)
    # feature 0 by the definition: its marginal gains over all orders of 4, grouped by what came before
    weight = {0: 1 / 4, 1: 1 / 12, 2: 1 / 12, 3: 1 / 4}
    subsets = [{j for j in (1, 2, 3) if bits & (1 << j)} for bits in range(0, 16, 2)]
    for head, part in zip(forest, parts, strict=True):
        gains = [weight[len(s)] * (walk(head, row, s | {0}) - walk(head, row, s)) for s in subsets]
        assert part[0] == pytest.approx(sum(gains), abs=1e-9)


def table(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 10))
    x[:, 5] = rng.integers(-2, 4, n)
    z = x.copy()
    for column in (0, 1, 2):
        x[rng.random(n) < 0.25, column] = NAN
    return x, z[:, 0] + z[:, 8] * z[:, 9] + z[:, 5] * (z[:, 1] > 0) + 2 * np.isnan(x[:, 2]) + rng.normal(size=n)


def train(trees: int, leaves: int, seed: int) -> lgb.Booster:
    x, y = table(1500, seed)
    params = {"num_leaves": leaves, "verbose": -1, "num_threads": 1, "seed": seed, "min_data_in_leaf": 3}
    params |= {"bagging_fraction": 0.6, "bagging_freq": 1, "objective": "regression" if seed else "binary"}
    return lgb.train(params, lgb.Dataset(x, y if seed else (y > 0).astype(float)), trees)


def rows() -> np.ndarray:
    x, rng = table(60, seed=7)[0], np.random.default_rng(8)
    x[:30][rng.random((30, 10)) < 0.3] = NAN
    x[30:40][rng.random((10, 10)) < 0.3] = rng.choice([INF, -INF])
    x[40], x[41], x[42] = NAN, INF, 0.0
    return x


@pytest.mark.parametrize(("trees", "leaves"), [(1, 2), (3, 4), (20, 7), (60, 15), (10, 64), (30, 31)])
def test_contributions_are_lightgbms(trees: int, leaves: int) -> None:
    boosters = [train(trees, leaves, seed) for seed in range(3)]
    forest = [Head.from_booster(f"h{i}", b.dump_model(), "identity") for i, b in enumerate(boosters)]
    want = np.stack([b.predict(rows(), pred_contrib=True, num_threads=1) for b in boosters], axis=1)
    explainer = Explainer(forest, 10)
    assert np.array([explainer.contributions(row) for row in rows()]) == pytest.approx(want, rel=1e-9, abs=1e-9)
    joined = Head.joined([Head.from_booster("c1", b.dump_model(), "identity", scale=0.5) for b in boosters[1:]])
    mean = want[:, 1:].mean(axis=1)
    assert np.array([contributions(joined, row) for row in rows()]) == pytest.approx(mean, rel=1e-9, abs=1e-9)


def test_a_head_that_never_splits_expects_what_it_scores() -> None:
    x, y = table(100, 1)
    params = {"objective": "regression", "min_data_in_leaf": 1000, "verbose": -1, "num_threads": 1}
    stump = Head.from_booster("c1", lgb.train(params, lgb.Dataset(x, y), 2).dump_model(), "identity")
    constant = Head.constant("c2", "identity", 0.25)
    parts = Explainer([stump, constant], 10).contributions(x[0])
    assert not parts[:, :-1].any()
    assert parts[:, -1] == pytest.approx([y.mean(), 0.25], rel=1e-6)


def test_a_path_that_no_training_row_took_is_explained() -> None:
    nodes: dict[str, Any] = {"sizes": [3], "feature": [0, -1, -1], "threshold": [0.5, 0, 0], "left": [1, -1, -1]}
    nodes |= {"right": [2, -1, -1], "default_left": [True, False, False], "value": [0, 1, 3], "cover": [5, 0, 5]}
    head = Head("c1", "identity", **nodes)
    assert contributions(head, np.array([0.0])).tolist() == pytest.approx([-2.0, 3.0])
    assert contributions(head, np.array([1.0])).tolist() == pytest.approx([0.0, 3.0])
