"""The measures against scikit-learn and by hand; the bootstrap by task."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from featrouter.training.metrics import (
    auroc,
    brier,
    clustered,
    interval,
    logloss,
    losses,
    simultaneous,
    task_weights,
    within_auroc,
)

pytestmark = pytest.mark.filterwarnings("error")


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.floats(0.01, 9)), min_size=2, max_size=50))
def test_auroc_with_ties_and_weights_is_scikit_learns(rows: list[tuple[int, bool, float]]) -> None:
    scores, labels, weights = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    ours = auroc(scores, labels, np.vstack([np.ones(len(rows)), weights]))
    if labels.min() == labels.max():
        assert np.isnan(ours).all()
        return
    theirs = [roc_auc_score(labels, scores), roc_auc_score(labels, scores, sample_weight=weights)]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_auroc_of_a_resample_is_that_of_the_repeated_rows() -> None:
    rng = np.random.default_rng(4)
    scores, labels = rng.integers(0, 9, 60).astype(float), (rng.random(60) < 0.4).astype(float)
    weights = task_weights(np.array([f"t{i % 20}" for i in range(60)], dtype=object), 5)
    for row, found in zip(weights, auroc(scores, labels, weights), strict=True):
        again = np.repeat(np.arange(60), row.astype(int))
        assert found == pytest.approx(roc_auc_score(labels[again], scores[again]), abs=1e-12)
    assert np.isnan(auroc(np.array([]), np.array([]), np.ones((3, 0)))).tolist() == [True] * 3


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3), st.booleans()), min_size=1, max_size=40))
def test_within_auroc_is_of_the_pairs_of_one_group(rows: list[tuple[int, int, bool]]) -> None:
    groups = np.array([f"g{group}" for group, _, _ in rows], dtype=object)
    scores, labels = np.array([row[1] for row in rows], float), np.array([row[2] for row in rows], float)
    weights = np.vstack([np.ones(len(rows)), np.arange(len(rows)) % 3])
    for found, row in zip(within_auroc(scores, labels, groups, weights), weights, strict=True):
        right = pairs = 0.0
        for i in np.flatnonzero(labels == 1):
            for j in np.flatnonzero((labels == 0) & (groups == groups[i])):
                right += row[i] * row[j] * (0.5 * (scores[i] == scores[j]) + (scores[i] > scores[j]))
                pairs += row[i] * row[j]
        assert found == pytest.approx(right / pairs, abs=1e-12) if pairs else np.isnan(found)


def test_telling_groups_apart_earns_nothing_within_them() -> None:
    groups = np.repeat(["easy", "hard"], 50).astype(object)
    labels = np.r_[np.arange(50) % 5 > 0, np.arange(50) % 5 == 0].astype(float)
    scores = np.repeat([1.0, 0.0], 50)
    weights = np.ones((1, 100))
    assert auroc(scores, labels, weights)[0] == pytest.approx(0.8)
    assert within_auroc(scores, labels, groups, weights)[0] == 0.5


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0.01, 9)), min_size=2, max_size=30))
def test_brier_and_log_loss_are_scikit_learns(rows: list[tuple[float, bool, float]]) -> None:
    p, y, w = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    assert brier(p, y, w) == pytest.approx(brier_score_loss(y, p, sample_weight=w, pos_label=1), abs=1e-12)
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    assert logloss(p, y, w) == pytest.approx(log_loss(y, clipped, sample_weight=w, labels=[0, 1]), abs=1e-9)
    assert logloss(p, y) == pytest.approx(log_loss(y, clipped, labels=[0, 1]), abs=1e-9)


def test_losses_are_one_a_row_and_finite_when_sure_and_wrong() -> None:
    found = losses(np.array([0.5, 1.0, 1.0, 0.0]), np.array([1.0, 1, 0, 1]))
    assert found.tolist() == pytest.approx([np.log(2), 1e-6, -np.log(1e-6), -np.log(1e-6)], rel=1e-3)


def test_no_rows_have_no_loss() -> None:
    assert np.isnan(brier(np.array([]), np.array([]))) and np.isnan(logloss(np.array([]), np.array([])))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 20), st.integers(0, 5))
def test_bootstrap_weights_draw_tasks(numbers: list[int], draws: int, seed: int) -> None:
    tasks = np.array([f"t{number}" for number in numbers], dtype=object)
    weights = task_weights(tasks, draws, seed)
    assert weights.shape == (draws + 1, len(tasks))
    assert (weights[0] == 1).all()
    names = sorted(set(tasks))
    first = [list(tasks).index(name) for name in names]
    for name, index in zip(names, first, strict=True):
        assert (weights[:, tasks == name] == weights[:, [index]]).all()
    assert (weights[1:, first].sum(axis=1) == len(names)).all()
    # which row comes first is no part of it
    turned = task_weights(tasks[::-1], draws, seed)
    assert (turned[:, ::-1] == weights).all()


def test_bootstrap_weights_vary_by_draw_and_by_seed() -> None:
    tasks = np.array([f"t{i}" for i in range(30)], dtype=object)
    weights = task_weights(tasks, 400)
    assert len(np.unique(weights[1:], axis=0)) == 400
    assert weights[1:].mean(axis=0) == pytest.approx(1, abs=0.25)
    assert (task_weights(tasks, 400) == weights).all()
    assert (task_weights(tasks, 400, seed=1) != weights).any()


@pytest.mark.parametrize("draws", [1, 5])
def test_no_tasks_are_drawn_from_none(draws: int) -> None:
    assert task_weights(np.array([], dtype=object), draws).shape == (draws + 1, 0)


def test_an_interval_ignores_what_is_not_known() -> None:
    samples = np.arange(1001.0)
    assert interval(samples) == pytest.approx((25, 975))
    assert interval(np.r_[samples, [np.nan, np.inf, -np.inf] * 50]) == pytest.approx((25, 975))
    assert interval(samples, 0.5) == pytest.approx((250, 750))
    assert np.isnan(interval(np.array([np.nan, 1.0]))).all()
    assert interval(np.array([np.nan, 1.0, 3.0])) == pytest.approx((1.05, 2.95))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-9, 9), st.floats(0.01, 9)), min_size=1, max_size=40))
def test_a_clustered_error_adds_up_whole_groups(rows: list[tuple[int, float, float]]) -> None:
    names = [f"g{group}" for group, _, _ in rows]
    each, weights = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    for w in (None, weights):
        given_weights = np.ones(len(rows)) if w is None else w
        mean, error, n = clustered(each, np.array(names, dtype=object), w)
        assert n == len(set(names)) and mean == pytest.approx(np.average(each, weights=w), abs=1e-12)
        off = dict.fromkeys(names, 0.0)
        for name, value, weight in zip(names, each, given_weights, strict=True):
            off[name] += weight * (value - mean)
        if n == 1:
            assert np.isnan(error)
        else:
            squares = sum(total**2 for total in off.values())
            assert error == pytest.approx((squares * n / (n - 1)) ** 0.5 / given_weights.sum(), abs=1e-9)


def test_a_clustered_error_of_lone_rows_is_the_ordinary_one_and_copies_do_not_shrink_it() -> None:
    each, groups = np.random.default_rng(0).normal(size=40), np.arange(40)
    mean, error, n = clustered(each, groups)
    assert (mean, error, n) == pytest.approx((each.mean(), each.std(ddof=1) / 40**0.5, 40))
    assert clustered(np.repeat(each, 5), np.repeat(groups, 5)) == pytest.approx((mean, error, n))
    mean, error, n = clustered(np.array([]), np.array([]))
    assert np.isnan([mean, error]).all() and n == 0


def test_a_simultaneous_width_of_one_estimate_is_the_normal_quantile_and_of_many_sidaks() -> None:
    draws = np.random.default_rng(0).normal(size=(5, 100_000)) * [[1.0], [2.0], [0.1], [30.0], [5.0]] + 7
    for m in (1, 2, 5):
        for level in (0.95, 0.5):
            want = norm.ppf((1 + level ** (1 / m)) / 2)
            assert simultaneous(list(draws[:m]), level) == pytest.approx(want, abs=0.02)
        assert simultaneous(list(draws[:m])) == simultaneous(list(draws[:m]), 0.95)
    one = draws[0]  # estimates that move together are one
    assert simultaneous([one, 3 * one + 1, -one]) == pytest.approx(simultaneous([one]), abs=1e-9)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_within_a_simultaneous_width_lies_that_share_of_the_draws_in_all_estimates_together(level: float) -> None:
    draws = np.random.default_rng(1).exponential(size=(4, 1000)).cumsum(axis=0)
    width = simultaneous(list(draws), level)
    off = np.abs(draws - draws.mean(axis=1, keepdims=True)) / draws.std(axis=1, keepdims=True)
    assert (off <= width).all(axis=0).mean() == pytest.approx(level, abs=1e-3)


def test_a_simultaneous_width_leaves_out_what_does_not_vary_and_what_is_not_known() -> None:
    one, other = np.random.default_rng(2).normal(size=(2, 500))
    plain = simultaneous([one, other])
    assert simultaneous([np.ones(500), one, np.full(500, np.nan), other]) == plain
    assert simultaneous([np.r_[np.nan, np.ones(499)], one, other]) == plain
    assert simultaneous([np.r_[0.5, np.full(499, np.nan)], one, other]) == plain
    gaps = [np.r_[one, np.nan, 0.3], np.r_[other, 0.3, np.nan]]
    assert simultaneous(gaps) == pytest.approx(plain, rel=0.05)
    assert simultaneous([np.array([0.0, 1.0])]) == 1.0
    for nothing in ([], [np.ones(9)], [np.array([1.0])], [np.array([np.nan, 1.0])]):
        assert np.isnan(simultaneous(nothing))


def test_a_draw_in_which_no_estimate_is_defined_is_left_out_without_a_warning() -> None:
    rng = np.random.default_rng(0)
    known = rng.normal(size=(2, 400))
    holes = np.concatenate([known, np.full((2, 5), np.nan)], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert simultaneous(list(holes)) == pytest.approx(simultaneous(list(known)))
