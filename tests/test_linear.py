"""The linear part of a head: scored, explained, joined, fitted and refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.linear import LINEAR, Linear
from featrouter.reference import RANKS
from featrouter.shap import Explainer, contributions
from featrouter.training.fit import Recipe, Rows, fit_head

pytestmark = pytest.mark.filterwarnings("error:.*(overflow|divide|invalid)")
NAN, INF = float("nan"), float("inf")
WIDTH = 9


def line(seed: int, *feature: int) -> Linear:
    rng, n = np.random.default_rng(seed), len(feature)
    parts = rng.normal(size=n), rng.uniform(0.2, 3.0, n), rng.normal(size=n), rng.normal(size=n) / 2
    return Linear(np.array(feature, np.int64), *parts)


def trees(seed: int, link: str = "identity") -> Head:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, WIDTH))
    x[rng.random(x.shape) < 0.1] = NAN
    params = {"objective": "regression", "num_leaves": 6, "verbose": -1, "num_threads": 1, "seed": seed}
    booster = lgb.train(params, lgb.Dataset(x, np.nan_to_num(x) @ rng.normal(size=WIDTH)), 15)
    return Head.from_booster(f"h{seed}", booster.dump_model(), link)


def rows(n: int = 200, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, WIDTH)) * 2
    x[: n // 2][rng.random((n // 2, WIDTH)) < 0.2] = NAN
    x[n // 4 : n // 2][rng.random((n // 2 - n // 4, WIDTH)) < 0.1] = rng.choice([INF, -INF])
    x[0], x[1], x[2], x[3] = NAN, INF, -INF, 0.0
    return x


def by_hand(part: Linear, x: np.ndarray) -> np.ndarray:
    z = np.clip((x[:, part.feature] - part.centre) / part.scale, -4, 4)
    return np.where(np.isnan(z), 0.0, z) @ part.weight


def asked(heads: list[Head], x: np.ndarray) -> np.ndarray:
    """The scores of rows, each alone, by a forest that was told their values."""
    forest = Forest(heads, x.shape[1], np.unique(x[~np.isnan(x)]))
    return np.array([forest.score(codes) for codes in forest.codes(x)])


def bits(scores: np.ndarray) -> bytes:
    return np.ascontiguousarray(scores).tobytes()


def constant(name: str, intercept: float, linear: Linear | None = None) -> Head:
    return replace(Head.constant(name, "identity", intercept), linear=linear)


def test_a_lone_linear_part_scores_like_the_formula() -> None:
    part = line(1, 0, 2, 3, 8)
    head = constant("r1", 0.7, part)
    for got in (Forest([head], WIDTH).score_many(rows()), asked([head], rows())):
        np.testing.assert_allclose(got[:, 0], 0.7 + by_hand(part, rows()), atol=1e-12)


def test_several_heads_with_and_without_linear_parts_in_one_forest() -> None:
    parts = [None, line(1, 0, 5), None, line(2, *range(WIDTH)), line(3, 8), line(4), None]
    heads = [replace(trees(seed), linear=part) for seed, part in enumerate(parts)]
    heads[4] = constant("lone", -0.25, parts[4])
    x = rows()
    bare = Forest([replace(head, linear=None) for head in heads], WIDTH).score_many(x)
    want = bare + np.stack([by_hand(part, x) if part else np.zeros(len(x)) for part in parts], axis=1)
    got = Forest(heads, WIDTH).score_many(x)
    np.testing.assert_allclose(got, want, atol=1e-12)
    assert bits(got[:, [0, 2, 5, 6]]) == bits(bare[:, [0, 2, 5, 6]])
    assert np.abs(got - bare)[:, [1, 3, 4]].max(axis=0).min() > 0.5
    np.testing.assert_allclose(asked(heads, x), want, atol=1e-12)


def test_of_floats_without_levels_the_codes_know_only_the_trees() -> None:
    head = replace(trees(3), linear=line(3, 0, 5))
    forest, bare = Forest([head], WIDTH), Forest([trees(3)], WIDTH)
    assert bits(forest.score(forest.codes(rows()))) == bits(bare.score_many(rows()))
    np.testing.assert_allclose(
        forest.score_many(rows()) - bare.score_many(rows()), by_hand(line(3, 0, 5), rows())[:, None]
    )


def test_lightgbm_and_a_line_on_ranks_add_up() -> None:
    rng = np.random.default_rng(0)
    x = RANKS[rng.integers(0, len(RANKS), (600, WIDTH))]  # the last rank is that of a missing value
    params = {"objective": "regression", "num_leaves": 8, "verbose": -1, "num_threads": 1}
    boosters = [lgb.train(params, lgb.Dataset(x, np.nan_to_num(x) @ rng.normal(size=WIDTH)), n) for n in (20, 3)]
    parts = [line(1, 0, 3, 8), line(2, 3)]
    heads = [
        replace(Head.from_booster(f"h{n}", booster.dump_model(), "identity"), linear=part)
        for n, (booster, part) in enumerate(zip(boosters, parts, strict=True))
    ]
    want = np.stack(
        [booster.predict(x) + by_hand(part, x) for booster, part in zip(boosters, parts, strict=True)], axis=1
    )
    forest = Forest(heads, WIDTH, RANKS[:-1])
    codes = forest.codes(x)
    assert codes.dtype == np.int8
    one = np.array([forest.score(row) for row in codes])
    for got in (one, forest.score(codes), forest.score_many(x), Forest(heads, WIDTH).score_many(x)):
        np.testing.assert_allclose(got, want, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sets(st.integers(0, WIDTH - 1)), min_size=1, max_size=4), st.integers(0, 2**32 - 1), st.integers(1, 40)
)
def test_one_row_is_many_rows_bit_for_bit(features: list[set[int]], seed: int, n: int) -> None:
    heads = [constant(f"h{i}", 0.1 * i, line(seed + i, *sorted(asked))) for i, asked in enumerate(features)]
    x = rows(n + 16, seed)
    forest = Forest(heads, WIDTH, np.unique(x[~np.isnan(x)]))
    codes = forest.codes(x)
    one, many = np.array([forest.score(row) for row in codes]), forest.score(codes)
    assert bits(one) == bits(many) == bits(forest.score_many(x))
    np.testing.assert_allclose(many, Forest(heads, WIDTH).score_many(x), atol=1e-12)


def test_wide_linear_parts_are_summed_alike_for_one_row_and_many() -> None:
    n = 300
    part = Linear(np.arange(n), np.zeros(n), np.ones(n), np.random.default_rng(0).normal(size=n), np.zeros(n))
    heads = [constant("a", 0.0, part), constant("b", 0.0, part.scaled(-0.3))]
    x = np.random.default_rng(1).normal(size=(30, n)).round(1)
    forest = Forest(heads, n, np.unique(x))
    assert bits(asked(heads, x)) == bits(forest.score_many(x))
    z = np.clip(x, -4, 4) @ part.weight
    np.testing.assert_allclose(forest.score_many(x), np.stack([z, -0.3 * z], axis=1), atol=1e-12)
    np.testing.assert_allclose(Forest(heads, n).score_many(x), np.stack([z, -0.3 * z], axis=1), atol=1e-12)


def test_missing_counts_as_the_centre_and_infinity_as_four() -> None:
    part = Linear(np.array([1]), np.array([10.0]), np.array([2.0]), np.array([0.5]), np.array([0.25]))
    head = constant("r1", 1.0, part)
    told = {NAN: 1.0, 10.0: 1.0, INF: 3.0, -INF: -1.0, 18.0: 3.0, 18.1: 3.0, 17.0: 2.75, -1e308: -1.0, 1e308: 3.0}
    x = np.array([[NAN, value, 7.0] for value in told])
    for scores in (Forest([head], 3).score_many(x), asked([head], x)):
        assert scores[:, 0] == pytest.approx(list(told.values()), abs=1e-15)


def test_the_rows_are_left_as_they_were() -> None:
    x = np.array([[NAN, 1.0, INF] + [0.0] * (WIDTH - 3)])
    x.setflags(write=False)
    before = x.tobytes()
    Forest([constant("r1", 0.0, line(1, *range(WIDTH)))], WIDTH).score_many(x)
    assert x.tobytes() == before


def test_contributions_are_the_trees_plus_weight_times_distance_from_the_mean() -> None:
    part = line(7, 1, 2, 6)
    bare = trees(3)
    both = replace(bare, linear=part)
    explainer = Explainer([both, bare, constant("k", 0.5, part)], WIDTH)
    for row, scores in zip(rows(60), Forest([both], WIDTH).score_many(rows(60)), strict=True):
        z = np.clip((row[part.feature] - part.centre) / part.scale, -4, 4)
        own = np.zeros(WIDTH + 1)
        own[part.feature] = part.weight * (np.where(np.isnan(z), 0.0, z) - part.mean)
        own[-1] = part.weight @ part.mean
        got, plain, lone = explainer.contributions(row)
        np.testing.assert_allclose(got, plain + own, atol=1e-12)
        np.testing.assert_allclose(lone, own + 0.5 * (np.arange(WIDTH + 1) == WIDTH), atol=1e-12)
        np.testing.assert_allclose(contributions(both, row), got, atol=1e-15)
        assert got.sum() == pytest.approx(scores[0], abs=1e-9)


def test_joined_heads_add_up_with_their_linear_parts() -> None:
    part = line(1, 0, 4)
    forest, lone, other = trees(1), constant("h1", 0.5, part), constant("h1", -0.25, line(2, 0, 2, 4))
    for order in ([forest, lone], [lone, forest], [lone, lone], [other, forest, lone]):
        joined = Head.joined(order)
        want = Forest(order, WIDTH).score_many(rows()).sum(axis=1)
        np.testing.assert_allclose(Forest([joined], WIDTH).score_many(rows())[:, 0], want, atol=1e-12)
        for row in rows()[:5]:  # a feature that both parts read has the sum of its shares
            shares = sum(contributions(head, row) for head in order)
            np.testing.assert_allclose(contributions(joined, row), shares, atol=1e-9)


def test_a_scaled_head_scores_the_multiple() -> None:
    head = replace(trees(2), linear=line(2, 3, 5), intercept=0.75)
    for factor in (0.5, -2.0, 0.0):
        want = factor * Forest([head], WIDTH).score_many(rows())
        np.testing.assert_allclose(Forest([head.scaled(factor)], WIDTH).score_many(rows()), want, atol=1e-12)
    assert trees(2).scaled(0.5).linear is None


def test_a_head_asks_for_what_either_part_asks_for() -> None:
    head = constant("r1", 0.0, line(1, 2, 7))
    assert head.features().tolist() == [2, 7] and head.reach == 7 and not head.empty
    grown = replace(trees(1), linear=line(1, 8))
    asked = trees(1).feature
    assert grown.features().tolist() == sorted({8, *asked[asked >= 0].tolist()})
    for make in (Forest, Explainer):
        with pytest.raises(ValueError, match="head r1: asks for feature 7, but there are 7"):
            make([head], 7)
    assert Forest([head], 8, np.zeros(1)).score(np.zeros(8, np.int8)).shape == (1,)


SOUND: dict[str, Any] = {"feature": [0, 3], "centre": [0.0, 1.0], "scale": [1.0, 2.0], "weight": [0.5, -0.5]}
SOUND |= {"mean": [0.0, 0.25]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"feature": [3, 0]}, "linear feature: not rising"),
        ({"feature": [-1, 3]}, "linear feature: not rising numbers from 0"),
        ({"feature": [[0, 3]]}, "linear feature: not one finite number"),
        ({"feature": 0}, "linear feature: not one finite number"),
        ({"feature": [0]}, "linear centre: not one finite number"),
        ({"centre": [0.0, NAN]}, "linear centre"),
        ({"centre": [0.0, -INF]}, "linear centre"),
        ({"centre": [0.0]}, "linear centre: not one finite number within 1e.100 a feature"),
        ({"scale": [1.0, 0.0]}, "a scale that is not above 0"),
        ({"scale": [1.0, -1.0]}, "a scale that is not above 0"),
        ({"scale": [1.0, 1e-101]}, "a scale that is not above 0"),
        ({"scale": [1.0, INF]}, "linear scale"),
        ({"weight": [0.5, 1e101]}, "linear weight"),
        ({"weight": [0.5, NAN]}, "linear weight"),
        ({"weight": [0.5, 0.5, 0.5]}, "linear weight"),
        ({"mean": [0.0, 4.5]}, "a mean beyond 4"),
        ({"mean": [-4.5, 0.0]}, "a mean beyond 4"),
        ({"mean": [0.0, NAN]}, "linear mean"),
    ],
)
def test_an_unsound_linear_part_cannot_exist(changes: dict[str, Any], words: str) -> None:
    Linear(**SOUND)
    with pytest.raises(ValueError, match=words):
        Linear(**SOUND | changes)


def test_its_arrays_are_copied_and_read_only() -> None:
    own = {key: np.array(value) for key, value in SOUND.items()}
    part = Linear(**own)
    own["weight"][0] = 9.0
    assert part.weight[0] == 0.5
    for key in LINEAR:
        with pytest.raises(ValueError, match="read-only"):
            getattr(part, key)[0] = 1


EDGE = st.sampled_from([0.0, -1.0, 1e100, -1e100, 1e-100, 1.0])


@given(EDGE, EDGE, st.sampled_from([1e-100, 1.0, 1e100]), st.sampled_from([NAN, INF, -INF, 0.0, 1.7e308, -1.7e308]))
def test_any_sound_linear_part_scores_a_number(centre: float, weight: float, scale: float, value: float) -> None:
    head = constant("r1", 1e100, Linear(*(np.array([v]) for v in (0, centre, scale, weight, 4.0))))
    row = np.array([value])
    for ((score,),) in (Forest([head], 1).score_many(row[None]), asked([head], row[None])):
        assert np.isfinite(score) and abs(score) <= 5e100
    assert np.isfinite(contributions(head, row)).all()


def test_the_fit_is_scikit_learns_on_standardised_clipped_data() -> None:
    """With gaps, outliers, a feature that never varies, one that is never known, weights and a panel's share."""
    rng, n = np.random.default_rng(0), 300
    x = rng.normal(size=(n, 6)) * [1, 5, 0.1, 1, 1, 1] + [0, 3, 0, 0, 0, 0]
    y = (rng.random(n) < 1 / (1 + np.exp(-x[:, 0] - 10 * x[:, 2]))).astype(float)
    x[rng.random((n, 6)) < 0.15] = NAN
    x[5, 1], x[:, 3], x[:, 4] = 400.0, NAN, 7.0
    weights = rng.uniform(0.3, 3.0, n)
    share = np.where(rng.random(n) < 0.5, rng.random(n), NAN)
    runs = np.array([f"run{i}" for i in range(n)], dtype=object)
    recipe = Recipe("linear", panel=0.4, params={"C": 0.2})
    fitted = fit_head("r1", "logit", Rows(x, y, runs, runs, weights, share), recipe)
    head, kept = fitted.head, [0, 1, 2, 5]
    assert head.linear is not None and head.linear.feature.tolist() == kept and not len(head.sizes)
    assert not fitted.gain.any() and not fitted.split.any() and fitted.flag == ""
    masses = [weights[~np.isnan(x[:, j])] for j in kept]
    known = [x[~np.isnan(x[:, j]), j] for j in kept]
    centre = np.array([np.average(v, weights=m) for v, m in zip(known, masses, strict=True)])
    spread = [np.average((v - c) ** 2, weights=m) for v, c, m in zip(known, centre, masses, strict=True)]
    z = np.nan_to_num(np.clip((x[:, kept] - centre) / np.sqrt(spread), -4, 4))
    assert (np.abs(z) == 4).any()
    target = np.where(np.isnan(share), y, 0.6 * y + 0.4 * np.nan_to_num(share))
    counted = weights / weights.mean()
    model = LogisticRegression(C=0.2, tol=1e-10, max_iter=10_000)
    model.fit(np.tile(z, (2, 1)), np.repeat([1, 0], n), np.r_[counted * target, counted * (1 - target)])
    np.testing.assert_allclose(head.linear.centre, centre, rtol=1e-5)
    np.testing.assert_allclose(head.linear.mean, np.average(z, axis=0, weights=weights), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(head.linear.weight, model.coef_[0], atol=1e-3)
    assert head.intercept == pytest.approx(model.intercept_[0], abs=1e-3)
    got = Forest([head], 6).score_many(x)[:, 0]
    np.testing.assert_allclose(got, model.decision_function(z), atol=3e-3)
