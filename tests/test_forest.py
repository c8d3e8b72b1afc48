"""Forest against LightGBM, from the tiniest model to a large one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from featrouter import forest as forest_module
from featrouter.forest import MAX_SPLITS, Forest, Head
from featrouter.reference import LEVELS, RANKS, Reference
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


def levels_of(rows: np.ndarray) -> np.ndarray:
    return np.unique(rows[~np.isnan(rows)])


def every_way(forest: Forest, rows: np.ndarray) -> list[np.ndarray]:
    codes = forest.codes(rows)
    one = np.array([forest.score(row) for row in codes])
    return [one, forest.score(codes), np.array([forest.score(forest.codes(row)) for row in rows])]


def assert_scores(heads: list[Head], boosters: list[lgb.Booster], rows: np.ndarray | None = None) -> None:
    """Alone and together, of codes and of floats, with the thresholds as levels and with the rows' own values."""
    rows = rows_for(heads) if rows is None else rows
    want = np.stack([b.predict(rows, raw_score=True, num_threads=1) for b in boosters], axis=1)
    for levels in (None, levels_of(rows)):
        forest = Forest(heads, WIDTH, levels)
        for got in (*every_way(forest, rows), forest.score_many(rows)):
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
    forest, bare = Forest([constant, *heads, constant], WIDTH), Forest(heads, WIDTH)
    scores = forest.score(forest.codes(table(1)[0]))
    assert scores[0] == scores[-1] == 0.25
    assert scores[1:-1] == pytest.approx(bare.score(bare.codes(table(1)[0])), abs=1e-14)


def ranked(n: int, seed: int) -> np.ndarray:
    """Rows as heads are trained on: ranks, each one of 43 numbers, or missing."""
    rng = np.random.default_rng(seed)
    rows = RANKS[rng.integers(0, len(RANKS) - 1, (n, WIDTH))]
    rows[:, :4][rng.random((n, 4)) < 0.25] = NAN
    return rows


def train_on_ranks(trees: int, leaves: int) -> lgb.Booster:
    x, noise = ranked(1500, 0), np.random.default_rng(0).normal(size=1500)
    z = np.nan_to_num(x)
    y = z[:, 0] + 2 * z[:, 8] * z[:, 9] + z[:, 5] * (z[:, 1] > 0) + 2 * np.isnan(x[:, 2]) + noise
    settings = {"objective": "regression", "num_leaves": leaves, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 3}
    return lgb.train(settings, lgb.Dataset(x, y), trees)


@pytest.mark.parametrize(
    ("leaves", "bytes_a_code"), [(2, 1), (8, 1), (9, 2), (16, 2), (17, 4), (32, 4), (33, 8), (64, 8)]
)
def test_trees_on_ranks_score_like_lightgbm_in_the_smallest_integers_that_hold_their_leaves(
    leaves: int, bytes_a_code: int
) -> None:
    booster = train_on_ranks(20, leaves)
    head = Head.from_booster("r1", booster.dump_model(), "logit")
    rows = ranked(400, 1)
    rows[0], rows[1], rows[2] = NAN, RANKS[0], RANKS[-2]
    assert Forest([head], WIDTH, RANKS[:-1]).codes(rows).itemsize == bytes_a_code
    assert_scores([head], [booster], rows)


def test_places_are_the_codes_of_their_ranks() -> None:
    rng = np.random.default_rng(2)
    reference = Reference(np.sort(rng.normal(size=(WIDTH, len(LEVELS))), axis=1), 0, 1)
    rows = rng.normal(size=(300, WIDTH)) * 2
    rows[rng.random(rows.shape) < 0.2] = NAN
    booster = train_on_ranks(30, 7)
    forest = Forest([Head.from_booster("r1", booster.dump_model(), "logit")], WIDTH, RANKS[:-1])
    places = reference.places(rows)
    np.testing.assert_array_equal(forest.codes(reference.ranks(rows)), places)
    want = booster.predict(reference.ranks(rows), raw_score=True)
    assert forest.score(places)[:, 0] == pytest.approx(want, abs=1e-12)
    assert [forest.score(row)[0] for row in places] == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("n", [126, 127, 128, 300])
def test_codes_grow_with_the_levels(n: int) -> None:
    # At the edge of a byte the highest code stands beside the one that a missing value has where it goes right.
    rng = np.random.default_rng(n)
    levels = np.unique(rng.normal(size=n))
    rows = rng.choice(np.append(levels, NAN), (600, WIDTH))
    rows[0], rows[1] = levels[-1], levels[0]
    y = rows[:, 0] * (np.nan_to_num(rows[:, 1]) > levels[-9]) + np.isnan(rows[:, 2])
    settings = {"objective": "regression", "num_leaves": 8, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 1}
    booster = lgb.train(settings | {"max_bin": 1000}, lgb.Dataset(rows, np.nan_to_num(y)), 30)
    head = Head.from_booster("r1", booster.dump_model(), "logit")
    forest = Forest([head], WIDTH, levels)
    assert forest.codes(rows).itemsize == (1 if n < 127 else 2)
    want = booster.predict(rows, raw_score=True)
    for got in every_way(forest, rows):
        assert got[:, 0] == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("heads", [2, 4])  # of four, fewer rows at a time
@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 99, 100, 101, 250])
def test_any_number_of_rows_is_scored_like_each_alone(n: int, heads: int) -> None:
    forest = Forest([Head.from_booster("r1", train(40, 31).dump_model(), "logit")] * heads, WIDTH)
    codes = forest.codes(table(n, seed=4))
    scores = forest.score(codes)
    assert scores.shape == (n, heads)
    assert scores.tolist() == [forest.score(row).tolist() for row in codes]


def test_scoring_leaves_the_codes_as_they_were() -> None:
    forest = Forest([Head.from_booster("r1", train(20, 7).dump_model(), "logit")], WIDTH)
    codes = forest.codes(table(60))
    codes.setflags(write=False)
    kept = codes.copy()
    forest.score(codes)
    forest.score(codes[0])
    np.testing.assert_array_equal(codes, kept)


def test_too_many_splits_are_refused_before_they_are_laid_out() -> None:
    leaf, widest = [1], [127]
    grown = {"feature": [0] * 63 + [-1] * 64, "threshold": [0.0] * 127, "default_left": [False] * 127}
    grown |= {"left": [*range(1, 127, 2)] + [-1] * 64, "right": [*range(2, 127, 2)] + [-1] * 64}
    grown |= {"value": [0.0] * 127, "cover": [64 >> (node + 1).bit_length() - 1 for node in range(127)]}
    more = MAX_SPLITS // 63
    flat = {"feature": -1, "threshold": 0.0, "left": -1, "right": -1, "default_left": False, "value": 0.0, "cover": 1}
    head = Head("r1", "logit", sizes=widest + leaf * more, **{key: grown[key] + [flat[key]] * more for key in flat})
    with pytest.raises(ValueError, match=f"{more + 1} trees of up to 63 splits: more than {MAX_SPLITS} in all"):
        Forest([head], 1)
    stumps = Head("r1", "logit", sizes=leaf * (more + 1), **{key: [flat[key]] * (more + 1) for key in flat})
    assert Forest([stumps], 1).score_many(np.zeros((1, 1))).tolist() == [[0.0]]


def test_as_many_splits_as_allowed_are_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    head = Head.from_booster("r1", train(20, 7).dump_model(), "logit")
    monkeypatch.setattr(forest_module, "MAX_SPLITS", 20 * 6)
    assert Forest([head], WIDTH).score_many(table(1)).shape == (1, 1)
    with pytest.raises(ValueError, match="more than 120 in all"):
        Forest([head, Head.constant("k", "identity", 0.25)], WIDTH)


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
    for heads, width in (([], 3), ([head], 0), ([Head.constant("k", "identity", 0.25)], 0)):
        with pytest.raises(ValueError, match=r"^a forest needs at least one head and one feature$"):
            Forest(heads, width)
    for make in (Forest, Explainer):
        with pytest.raises(ValueError, match=r"head r1: asks for feature \d+, but there are 2"):
            make([head], 2)
    with pytest.raises(ValueError, match=r"row has shape \(1,\)"):
        Explainer([head], WIDTH).contributions(np.zeros(1))
    for shape in ((1,), (3, WIDTH - 1), ()):
        with pytest.raises(ValueError, match="codes have shape"):
            Forest([head], WIDTH).score(np.zeros(shape, np.int8))
    for shape in ((2, 3), (WIDTH,)):
        with pytest.raises(ValueError, match="rows have shape"):
            Forest([head], WIDTH).score_many(np.zeros(shape))


def test_threads_share_a_forest() -> None:
    forest = Forest([Head.from_booster("r1", train(50, 15).dump_model(), "logit")], WIDTH)
    rows = table(400, seed=3)
    want = forest.score_many(rows).tolist()

    def score_all(number: int) -> list[list[float]]:
        codes = forest.codes(rows)
        return forest.score(codes).tolist() if number % 2 else [forest.score(row).tolist() for row in codes]

    with ThreadPoolExecutor(4) as pool:
        assert all(got == want for got in pool.map(score_all, range(8)))
