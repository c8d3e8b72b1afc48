"""Folds, members, too little data, calibrators; noise is told as noise and a planted signal is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter.calibration import Calibrator
from featrouter.forest import Forest
from featrouter.training.costs import weak_knots
from featrouter.training.fit import (
    LEAST_OF_A_CLASS,
    LEAST_RUNS,
    cross_calibrated,
    fit_calibrator,
    fit_head,
    folds,
    one_of_each,
    out_of_fold,
    too_little,
    weights_of,
)
from featrouter.training.metrics import auroc, logloss


def rows(signal: float, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x (3n, 8), y, runs, groups (n / 2 of them): three rows a run; column 2 carries the label as `signal` says."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.5).astype(float)
    x = rng.normal(size=(3 * n, 8))
    x[:, 2] += signal * np.repeat(labels, 3)
    runs = np.repeat([f"run{i:03}" for i in range(n)], 3).astype(object)
    return x, np.repeat(labels, 3), runs, np.repeat([f"task{i // 2}" for i in range(n)], 3).astype(object)


def area(scores: np.ndarray, y: np.ndarray) -> float:
    return float(auroc(scores, y, np.ones((1, len(y))))[0])


@settings(deadline=None, max_examples=60)
@pytest.mark.filterwarnings("ignore:The least populated class")
@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from([0.0, 1.0, np.nan])), min_size=1, max_size=40))
def test_folds_never_share_a_group_and_test_every_row_once(pairs: list[tuple[int, float]]) -> None:
    groups = np.array([f"g{number}" for number, _ in pairs], dtype=object)
    found = list(folds(np.array([label for _, label in pairs]), groups))
    seen = np.zeros(len(pairs), int)
    for train, test in found:
        assert (train ^ test).all()
        assert not set(groups[train]) & set(groups[test])
        seen += test
    assert len(found) <= min(5, len(set(groups)))
    assert not found or (seen == 1).all()
    if len(set(groups)) < 2:
        assert not found


def test_five_folds_with_like_rates_where_there_is_enough() -> None:
    rng = np.random.default_rng(0)
    groups = np.array([f"g{i // 3}" for i in range(600)], dtype=object)
    y = (rng.random(600) < 0.2).astype(float)
    found = list(folds(y, groups))
    assert len(found) == 5
    assert [test.sum() for _, test in found] == pytest.approx([120] * 5, abs=9)
    assert [y[test].mean() for _, test in found] == pytest.approx([y.mean()] * 5, abs=0.03)


@pytest.mark.filterwarnings("ignore:The least populated class")
def test_folds_of_few_rows_are_fewer_not_an_error() -> None:
    groups = np.array(list("abcde"), dtype=object)
    assert len(list(folds(np.array([0.0, 0, 1, 1, 1]), groups))) == 3


def test_one_of_each_picks_one_row_of_every_run_evenly() -> None:
    runs = np.array(["b"] * 4 + ["a"] + ["c"] * 2 + ["b"], dtype=object)
    picked = np.array([one_of_each(runs, seed) for seed in range(600)])
    assert picked.shape == (600, 3)
    for row in picked:
        assert sorted(runs[row]) == ["a", "b", "c"] and (np.diff(row) > 0).all()
    counts = np.bincount(picked.ravel(), minlength=8)
    assert counts[4] == 600
    assert counts[[0, 1, 2, 3, 7]] == pytest.approx(120, abs=45)
    assert counts[[5, 6]] == pytest.approx(300, abs=60)
    assert (one_of_each(runs, 7) == picked[7]).all()


def test_weights_give_every_run_the_same_say() -> None:
    runs = np.array(["a"] * 6 + ["b"] * 3 + ["c"], dtype=object)
    weights = weights_of(runs)
    assert weights.mean() == pytest.approx(1)
    assert [weights[runs == name].sum() for name in "abc"] == pytest.approx([10 / 3] * 3)


def test_what_is_too_little_is_said_in_numbers() -> None:
    def words(solved: int, total: int) -> str:
        runs = np.repeat([f"r{i}" for i in range(total)], 2).astype(object)
        return too_little("r1", np.repeat(np.arange(total) < solved, 2).astype(float), runs)

    assert words(LEAST_OF_A_CLASS, LEAST_RUNS) == "" == words(LEAST_RUNS - LEAST_OF_A_CLASS, LEAST_RUNS)
    assert words(19, 39).startswith("r1 answers the base rate: 39 labelled runs, 19 of them solved (at least 40 runs")
    assert "40 labelled runs, 9 of them solved" in words(9, 40)
    assert "40 labelled runs, 31 of them solved" in words(31, 40)
    assert "100 labelled runs, 100 of them solved" in words(100, 100)


def test_too_little_gives_a_constant_that_answers_the_base_rate_of_runs() -> None:
    runs = np.array(["a"] * 8 + ["b"] + ["c"], dtype=object)  # one long run that failed, two short ones that did not
    y = np.array([0.0] * 8 + [1, 1])
    fitted = fit_head("r1", "logit", np.random.default_rng(0).normal(size=(10, 3)), y, runs)
    assert not len(fitted.head.sizes) and "3 labelled runs, 2 of them solved" in fitted.flag
    assert Calibrator("none")(fitted.head.intercept) == pytest.approx(2 / 3)
    assert not fitted.gain.any() and not fitted.split.any()
    sure = fit_head("r1", "logit", np.zeros((9, 1)), np.ones(9), np.array(list("abcdefghi"), dtype=object))
    assert Calibrator("none")(sure.head.intercept) == pytest.approx(0.99)  # never sure on nothing
    none = fit_head("c1", "identity", np.zeros((0, 2)), np.zeros(0), np.zeros(0, dtype=object))
    assert none.head.intercept == 0 and not len(none.head.sizes)


def test_enough_gives_trees_and_no_flag() -> None:
    x, y, runs, _ = rows(2.0, 100)
    fitted = fit_head("r1", "logit", x, y, runs, members=2, trees=10)
    assert len(fitted.head.sizes) == 20 and fitted.flag == ""
    assert int(np.argmax(fitted.gain)) == 2 == int(np.argmax(fitted.split))
    assert fitted.split.sum() == (fitted.head.feature >= 0).sum()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_is_told_as_noise(seed: int) -> None:
    """Rows of a run share its label; were they split over folds, the runs' own random columns would give it away."""
    x, y, runs, groups = rows(0.0, 400, seed)
    x[:, 4:] = np.repeat(x[::3, 4:], 3, axis=0)  # what a run carries through all its rows
    held = out_of_fold("r1", "logit", x, y, runs, groups, members=2, trees=40)
    assert area(held.scores, y) == pytest.approx(0.5, abs=0.1)
    told = cross_calibrated(held, y, weights_of(runs), groups)
    assert logloss(told, y) < np.log(2) + 0.02  # and with little confidence


def test_a_planted_signal_is_found() -> None:
    x, y, runs, groups = rows(2.0, 400)
    held = out_of_fold("r1", "logit", x, y, runs, groups, members=2, trees=40)
    assert area(held.scores, y) > 0.8
    told = cross_calibrated(held, y, weights_of(runs), groups)
    assert ((told > 0) & (told < 1)).all()
    assert logloss(told, y) < 0.45
    assert told.mean() == pytest.approx(y.mean(), abs=0.03)


def test_out_of_fold_scores_are_of_heads_that_never_saw_the_group() -> None:
    x, y, runs, groups = rows(1.0, 80)
    y[:12] = np.nan  # four runs without a label: scored, not learned from
    held = out_of_fold("r1", "logit", x, y, runs, groups, members=1, trees=10)
    assert set(held.fold) == set(range(5)) and len(held.heads) == 5
    for number, head in enumerate(held.heads):
        test = held.fold == number
        assert not set(groups[test]) & set(groups[~test])
        known = ~test & ~np.isnan(y)
        again = fit_head("r1", "logit", x[known], y[known], runs[known], members=1, trees=10).head
        np.testing.assert_array_equal(again.value, head.value)
        np.testing.assert_array_equal(Forest([head], 8).score_many(x[test])[:, 0], held.scores[test])
    changed = np.where(held.fold == 2, 1 - y, y)  # other labels in a fold change all scores but its own
    own = out_of_fold("r1", "logit", x, np.where(np.isnan(y), np.nan, changed), runs, groups, members=1, trees=10)
    if (own.fold == held.fold).all():
        np.testing.assert_array_equal(own.scores[held.fold == 2], held.scores[held.fold == 2])
        assert (own.scores[held.fold != 2] != held.scores[held.fold != 2]).any()


def sample(n: int, slope: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    clear = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-clear))).astype(float)
    return clear * slope, y, np.ones(n), np.array([f"g{i % (n // 4)}" for i in range(n)], dtype=object)


def test_over_confident_scores_get_platt() -> None:
    scores, y, weights, groups = sample(1200, 4.0, 1)
    found = fit_calibrator(scores, y, weights, groups)
    assert found.kind == "platt" and found.a == pytest.approx(0.25, abs=0.04)
    assert logloss(found(scores), y) < logloss(Calibrator("none")(scores), y) - 0.3


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.integers(40, 300), st.sampled_from([0.2, 0.8, 1.0, 1.3, 5.0]), st.integers(0, 99))
def test_a_calibrator_never_makes_the_log_loss_worse(n: int, slope: float, seed: int) -> None:
    scores, y, weights, groups = sample(n, slope, seed)
    found = fit_calibrator(scores, y, weights, groups)
    before = logloss(Calibrator("none")(scores), y)
    assert logloss(found(scores), y) <= before + (1e-3 if found.kind == "platt" else 0)


def test_true_scores_and_few_labels_are_left_as_they_are() -> None:
    for seed in range(5):
        found = fit_calibrator(*sample(1200, 1.0, seed))
        assert found.a == pytest.approx(1, abs=0.2) and found.b == pytest.approx(0, abs=0.2)
    scores, _, weights, groups = sample(200, 4.0, 0)
    few = (np.arange(200) < LEAST_OF_A_CLASS - 1).astype(float)
    assert fit_calibrator(scores, few, weights, groups) == Calibrator("none")
    assert fit_calibrator(scores, 1 - few, weights, groups) == Calibrator("none")
    one = np.zeros(200).astype(str).astype(object)
    assert fit_calibrator(scores, (np.arange(200) % 2).astype(float), weights, one) == Calibrator("none")


def test_each_fold_is_calibrated_on_the_others() -> None:
    x, y, runs, groups = rows(1.0, 150)
    weights = weights_of(runs)
    held = out_of_fold("r1", "logit", x, y, runs, groups, members=1, trees=60)
    told = cross_calibrated(held, y, weights, groups)
    for number in range(5):
        rest, test = held.fold != number, held.fold == number
        own = fit_calibrator(held.scores[rest], y[rest], weights[rest], groups[rest])
        np.testing.assert_array_equal(told[test], own(held.scores[test]))


def test_the_cost_left_is_never_below_nothing(made_up) -> None:
    table = made_up(np.array([0.0, 1, 1, 0]), np.ones(4), turns=4)
    assert weak_knots(table) == [[0, 1.0], [1, 0.75], [2, 0.5], [3, 0.25]]
    table.meta["cost_weak_usd"] = 0.6  # the log prices the run below the sum of its turns
    assert weak_knots(table) == [[0, 0.6], [1, 0.35], [2, 0.1], [3, 0.0]]


def test_a_single_run_gives_a_constant_cost_not_an_error() -> None:
    one = fit_head("c1", "identity", np.zeros((2, 1)), np.array([1.0, 2.0]), np.array(["a", "a"], dtype=object))
    assert not len(one.head.sizes) and one.head.intercept == 1.5
