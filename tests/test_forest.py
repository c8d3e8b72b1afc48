"""Forest against LightGBM, from the tiniest model to a large one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from featrouter.forest import Forest, Head
from featrouter.shap import Explainer

pytestmark = pytest.mark.filterwarnings("error")
WIDTH = 12
NAN, INF = float("nan"), float("inf")


def table(n: int, seed: int = 0) -> np.ndarray:
    """Columns 0-3 with gaps, 4 constant, 5-6 small integers, 6 with gaps, 7 one number or nothing, the rest whole."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, WIDTH))
    x[:, 4] = 3.0
    x[:, 5:7] = rng.integers(-2, 4, (n, 2))
    for column in (0, 1, 2, 3, 6):
        x[rng.random(n) < 0.25, column] = NAN
    x[:, 7] = np.where(rng.random(n) < 0.5, NAN, 2.0)
    return x


def train(trees: int, leaves: int, objective: str = "binary", seed: int = 0, **params: Any) -> lgb.Booster:
    x = table(1500, seed)
    noise = np.random.default_rng(seed).normal(size=len(x))
    z = np.nan_to_num(x)
    y = z[:, 0] + z[:, 8] * z[:, 9] + z[:, 5] * (z[:, 1] > 0) - np.isnan(x[:, 7]) + 2 * np.isnan(x[:, 2]) + noise
    y = (y > 0).astype(float) if objective == "binary" else y
    settings = {"objective": objective, "num_leaves": leaves, "verbose": -1, "num_threads": 1, "seed": seed}
    settings |= {"min_data_in_leaf": 3, "learning_rate": 0.1, "feature_fraction": 0.8} | params
    return lgb.train(settings, lgb.Dataset(x, y), trees)


def rows_for(heads: list[Head]) -> np.ndarray:
    """Unseen rows, gaps where training had none, infinities, and every threshold hit exactly and missed by one ulp."""
    rng = np.random.default_rng(9)
    x = table(300, seed=7)
    x[:100][rng.random((100, WIDTH)) < 0.3] = NAN
    x[100:150][rng.random((50, WIDTH)) < 0.2] = INF
    x[150:200][rng.random((50, WIDTH)) < 0.2] = -INF
    x[200], x[201], x[202], x[203] = NAN, INF, -INF, 0.0
    for i in range(204, 300):
        for head in heads:
            inner = np.flatnonzero(head.feature >= 0)
            for node in rng.permutation(inner)[:4]:
                t = head.threshold[node]
                x[i, head.feature[node]] = rng.choice(
                    [t, np.nextafter(t, INF), np.nextafter(t, -INF), 1e-35, -1.0000000180025095e-35]
                )
    return x


def assert_scores(heads: list[Head], boosters: list[lgb.Booster]) -> None:
    rows, forest = rows_for(heads), Forest(heads, WIDTH)
    want = np.stack([b.predict(rows, raw_score=True, num_threads=1) for b in boosters], axis=1)
    scratch = forest.scratch()
    one = np.array([forest.score(row, scratch) for row in rows])
    for got in (one, forest.score_many(rows)):
        assert (np.abs(got - want) <= 1e-12 * np.maximum(1, np.abs(want))).all()


SIZES = [(1, 2), (1, 3), (3, 4), (20, 7), (100, 15), (30, 33), (20, 64), (300, 31)]


@pytest.mark.parametrize("objective", ["binary", "regression"])
@pytest.mark.parametrize(("trees", "leaves"), SIZES)
def test_scores_are_lightgbms(trees: int, leaves: int, objective: str) -> None:
    booster = train(trees, leaves, objective)
    assert_scores([Head.from_booster("r1", booster.dump_model(), "logit")], [booster])


def test_heads_of_different_sizes_are_scored_together() -> None:
    kinds = [(100, 15, "binary"), (1, 2, "regression"), (20, 50, "regression"), (7, 5, "binary")]
    boosters = [train(n, leaves, kind, seed) for seed, (n, leaves, kind) in enumerate(kinds)]
    boosters.append(train(3, 5, "regression", min_data_in_leaf=100_000))  # a single leaf
    heads = [Head.from_booster(f"h{i}", b.dump_model(), "identity") for i, b in enumerate(boosters)]
    assert heads[-1].sizes.tolist() == [1]
    assert_scores(heads, boosters)
    constant = Head.constant("k", "identity", 0.25)
    scores = Forest([constant, *heads, constant], WIDTH).score(table(1)[0])
    assert scores[0] == scores[-1] == 0.25
    assert scores[1:-1] == pytest.approx(Forest(heads, WIDTH).score(table(1)[0]), abs=1e-14)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_a_split_on_missing_alone_has_an_infinite_threshold(noise: float) -> None:
    x = table(500)
    x[:5, 7] = [INF, -INF, 1e305, -1e305, 1.7e308]
    y = np.isnan(x[:, 7]) * 3.0 + noise * x[:, 8]
    params = {"objective": "regression", "num_leaves": 4, "verbose": -1, "min_data_in_leaf": 1, "num_threads": 1}
    booster = lgb.train(params, lgb.Dataset(x, y), 3)
    head = Head.from_booster("c1", booster.dump_model(), "identity")
    assert np.isinf(head.threshold).any()
    rows = np.zeros((7, WIDTH))
    rows[:, 7] = [INF, -INF, NAN, 0.0, 2.0, 1e305, 1.7e308]
    assert Forest([head], WIDTH).score_many(rows)[:, 0] == pytest.approx(booster.predict(rows), rel=1e-12)
    assert_scores([head], [booster])


def test_seeds_are_folded_into_one_head() -> None:
    boosters = [train(20, 9, seed=seed, bagging_fraction=0.6, bagging_freq=1) for seed in range(3)]
    head = Head.joined([Head.from_booster("r1", b.dump_model(), "logit", scale=1 / 3) for b in boosters])
    rows = rows_for([head])
    mean = np.mean([b.predict(rows, raw_score=True) for b in boosters], axis=0)
    assert Forest([head], WIDTH).score_many(rows)[:, 0] == pytest.approx(mean, abs=1e-12)


def test_rows_and_features_must_fit() -> None:
    head = Head.from_booster("r1", train(5, 7).dump_model(), "logit")
    with pytest.raises(ValueError, match="at least one head"):
        Forest([], 3)
    for make in (Forest, Explainer):
        with pytest.raises(ValueError, match=r"head r1: asks for feature \d+, but there are 2"):
            make([head], 2)
    for call in (Forest([head], WIDTH).score, Explainer([head], WIDTH).contributions):
        with pytest.raises(ValueError, match=r"row has shape \(1,\)"):
            call(np.zeros(1))
    with pytest.raises(ValueError, match="rows have shape"):
        Forest([head], WIDTH).score_many(np.zeros((2, 3)))


def test_threads_share_a_forest() -> None:
    forest = Forest([Head.from_booster("r1", train(50, 15).dump_model(), "logit")], WIDTH)
    rows = table(400, seed=3)
    want = forest.score_many(rows).tolist()

    def score_all(_: int) -> list[list[float]]:
        scratch = forest.scratch()
        return [forest.score(row, scratch).tolist() for row in rows]

    with ThreadPoolExecutor(4) as pool:
        assert all(got == want for got in pool.map(score_all, range(8)))
