"""Folds, members, too little data, recipes; noise is told as noise and a planted signal is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from featrouter.calibration import Calibrator
from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.training.calibrate import cross_calibrated, fit_calibrator
from featrouter.training.costs import weak_knots
from featrouter.training.fit import (
    LEAST_OF_A_CLASS,
    LEAST_RUNS,
    Recipe,
    Rows,
    fit_head,
    folds,
    one_of_each,
    out_of_fold,
    rows_of,
    too_little,
    weights_of,
)
from featrouter.training.metrics import auroc, logloss

SMALL = Recipe(params={"members": 2, "trees": 40})
TINY = Recipe(params={"members": 1, "trees": 10})


def planted(signal: float, n: int, seed: int = 0) -> Rows:
    """3n rows, three a run and two runs a task, of 8 columns; column 2 carries the label as `signal` says."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.5).astype(float)
    x = rng.normal(size=(3 * n, 8))
    x[:, 2] += signal * np.repeat(labels, 3)
    runs = np.repeat([f"run{i:03}" for i in range(n)], 3).astype(object)
    return rows_of(x, np.repeat(labels, 3), runs, np.repeat([f"task{i // 2}" for i in range(n)], 3).astype(object))


def named(*names: str) -> np.ndarray:
    return np.array(names, dtype=object)


def area(scores: np.ndarray, y: np.ndarray) -> float:
    return float(auroc(scores, y, np.ones((1, len(y))))[0])


def scores_of(head: Head, x: np.ndarray) -> np.ndarray:
    return Forest([head], x.shape[1]).score_many(x)[:, 0]


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
        y = np.repeat(np.arange(total) < solved, 2).astype(float)
        return too_little("r1", rows_of(np.zeros((2 * total, 1)), y, runs, runs))

    assert words(LEAST_OF_A_CLASS, LEAST_RUNS) == "" == words(LEAST_RUNS - LEAST_OF_A_CLASS, LEAST_RUNS)
    assert words(19, 39).startswith("r1 answers the base rate: 39 labelled runs, 19 of them solved (at least 40 runs")
    assert "40 labelled runs, 9 of them solved" in words(9, 40)
    assert "40 labelled runs, 31 of them solved" in words(31, 40)
    assert "100 labelled runs, 100 of them solved" in words(100, 100)


def test_too_little_gives_a_constant_that_answers_the_base_rate_of_decision_points() -> None:
    runs = named(*"aaaaaaaabc")  # one long run that failed, two short ones that did not
    rows = rows_of(np.random.default_rng(0).normal(size=(10, 3)), np.array([0.0] * 8 + [1, 1]), runs, runs)
    fitted = fit_head("r1", "logit", rows)
    assert fitted.head.empty and "3 labelled runs, 2 of them solved" in fitted.flag
    assert Calibrator("none")(fitted.head.intercept) == pytest.approx(0.2)
    assert not fitted.gain.any() and not fitted.split.any()
    counted = fit_head("r1", "logit", replace(rows, weights=np.array([1.0] * 8 + [4, 4])))
    assert Calibrator("none")(counted.head.intercept) == pytest.approx(0.5)


def test_a_constant_is_never_sure_and_needs_no_rows() -> None:
    runs = named(*"abcdefghi")
    sure = fit_head("r1", "logit", rows_of(np.zeros((9, 1)), np.ones(9), runs, runs))
    assert Calibrator("none")(sure.head.intercept) == pytest.approx(0.99)
    none = rows_of(np.zeros((0, 2)), np.zeros(0), named(), named())
    assert fit_head("c1", "identity", none).head.intercept == 0 and fit_head("c1", "identity", none).head.empty
    assert Calibrator("none")(fit_head("r1", "logit", none).head.intercept) == pytest.approx(0.5)


def test_enough_gives_trees_and_no_flag() -> None:
    fitted = fit_head("r1", "logit", planted(2.0, 100), Recipe(params={"members": 2, "trees": 10}))
    assert len(fitted.head.sizes) == 20 and fitted.flag == "" and fitted.head.linear is None
    assert int(np.argmax(fitted.gain)) == 2 == int(np.argmax(fitted.split))
    assert fitted.split.sum() == (fitted.head.feature >= 0).sum()


@pytest.mark.parametrize("kind", ["lightgbm", "linear", "blend"])
@pytest.mark.parametrize("seed", [0, 1])
def test_noise_is_told_as_noise(kind: str, seed: int) -> None:
    """Rows of a run share its label; were they split over folds, the runs' own random columns would give it away."""
    rows = planted(0.0, 400, seed)
    rows.x[:, 4:] = np.repeat(rows.x[::3, 4:], 3, axis=0)  # what a run carries through all its rows
    held = out_of_fold("r1", "logit", rows, rows.tasks, replace(SMALL, kind=kind))
    assert area(held.scores, rows.y) == pytest.approx(0.5, abs=0.1)
    told = cross_calibrated(held, rows.y, rows.weights, rows.tasks)
    assert logloss(told, rows.y) < np.log(2) + 0.02  # and with little confidence


@pytest.mark.parametrize("kind", ["lightgbm", "linear", "blend"])
def test_a_planted_signal_is_found(kind: str) -> None:
    rows = planted(2.0, 400)
    held = out_of_fold("r1", "logit", rows, rows.tasks, replace(SMALL, kind=kind))
    assert area(held.scores, rows.y) > 0.8
    told = cross_calibrated(held, rows.y, rows.weights, rows.tasks)
    assert ((told > 0) & (told < 1)).all()
    assert logloss(told, rows.y) < 0.45
    assert told.mean() == pytest.approx(rows.y.mean(), abs=0.03)


def test_out_of_fold_scores_are_of_heads_that_never_saw_the_group() -> None:
    rows = planted(1.0, 80)
    rows.y[:12] = np.nan  # four runs without a label: scored, not learned from
    held = out_of_fold("r1", "logit", rows, rows.tasks, TINY)
    assert set(held.fold) == set(range(5)) and len(held.heads) == 5
    for number, head in enumerate(held.heads):
        test = held.fold == number
        assert not set(rows.tasks[test]) & set(rows.tasks[~test])
        again = fit_head("r1", "logit", rows.where(~test).known(), TINY).head
        np.testing.assert_array_equal(again.value, head.value)
        np.testing.assert_array_equal(scores_of(head, rows.x[test]), held.scores[test])


def test_each_fold_is_calibrated_on_the_others() -> None:
    rows = planted(1.0, 150)
    held = out_of_fold("r1", "logit", rows, rows.tasks, Recipe(params={"members": 1, "trees": 60}))
    told = cross_calibrated(held, rows.y, rows.weights, rows.tasks)
    for number in range(5):
        rest, test = held.fold != number, held.fold == number
        own = fit_calibrator(held.scores[rest], rows.y[rest], rows.weights[rest], rows.tasks[rest])
        np.testing.assert_array_equal(told[test], own(held.scores[test]))


@pytest.mark.parametrize("kind", ["lightgbm", "linear", "blend"])
def test_a_head_does_not_lean_to_the_runs_that_end_soon(kind: str) -> None:
    """At the first turn nothing is known, and half of the runs succeed; later on only failing ones are left."""
    n = 400
    lengths = np.tile([1, 10], n // 2)
    runs = np.repeat([f"run{i:03}" for i in range(n)], lengths).astype(object)
    k = np.concatenate([np.arange(length) for length in lengths])
    rows = rows_of((k[:, None] > 0).astype(float), np.repeat(lengths == 1, lengths).astype(float), runs, runs)
    # shrinkage would hold the score near the base rate of all rows, and Platt scaling would mend what is wrong
    free = {"members": 8, "trees": 80, "learning_rate": 0.2, "lambda_l2": 0.0, "C": 100.0}
    held = out_of_fold("r1", "logit", rows, runs, Recipe(kind, params=free))
    told = Calibrator("none")(held.scores)
    assert told[k == 0].mean() == pytest.approx(0.5, abs=0.07)
    assert told[k > 0].mean() < 0.05


def test_a_linear_head_is_scikit_learns_regression_on_standardised_features() -> None:
    rows = planted(1.0, 120)
    rows = rows.where(np.arange(360) % 3 == 0)  # one row a run: as many units of weight as rows
    rows.x[:, 5] = 3.0  # says nothing, and has no scale
    head = fit_head("r1", "logit", rows, Recipe("linear", params={"C": 0.1})).head
    kept = [0, 1, 2, 3, 4, 6, 7]
    assert head.linear is not None and head.linear.feature.tolist() == kept and not len(head.sizes)
    z = (rows.x - rows.x.mean(axis=0))[:, kept] / rows.x.std(axis=0)[kept]
    model = LogisticRegression(C=0.1, tol=1e-8).fit(z, rows.y)
    np.testing.assert_allclose(scores_of(head, rows.x), model.decision_function(z), atol=1e-3)


def test_a_linear_head_reads_a_missing_value_as_the_mean() -> None:
    rows = planted(2.0, 120)
    rows.x[::4, 2] = np.nan
    rows.x[:, 7] = np.nan
    head = fit_head("r1", "logit", rows, Recipe("linear")).head
    assert head.linear is not None and 7 not in head.linear.feature
    blank, mean = np.zeros((1, 8)), np.zeros((1, 8))
    blank[0, 2], mean[0, 2] = np.nan, np.nanmean(rows.x[:, 2])
    assert scores_of(head, blank) == pytest.approx(scores_of(head, mean))
    nothing = fit_head("r1", "logit", replace(rows, x=np.full_like(rows.x, np.nan)), Recipe("linear")).head
    assert nothing.empty and Calibrator("none")(nothing.intercept) == pytest.approx(rows.y.mean())


def test_a_blend_scores_the_mean_of_its_parts() -> None:
    rows = planted(1.0, 100)
    forest, line, blend = (
        scores_of(fit_head("r1", "logit", rows, replace(TINY, kind=kind)).head, rows.x)
        for kind in ("lightgbm", "linear", "blend")
    )
    np.testing.assert_allclose(blend, (forest + line) / 2, atol=1e-12)
    assert not np.allclose(forest, line, atol=0.01)


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_weights_count_a_run_as_often_as_they_say(kind: str) -> None:
    """A log that shows one class at a third of its rate, weighted by three, gives the full log's base rate."""
    rows = planted(0.0, 600)
    solved = np.cumsum(rows.y[::3])
    part = rows.where((rows.y == 0) | np.repeat(solved % 3 == 0, 3))
    weights = np.where(part.y == 1, rows.y.sum() / part.y.sum(), 1.0)
    plain, weighted = (
        Calibrator("none")(scores_of(fit_head("r1", "logit", one, replace(SMALL, kind=kind)).head, rows.x)).mean()
        for one in (part, replace(part, weights=weights))
    )
    assert plain == pytest.approx(part.y.mean(), abs=0.03) and plain < 0.33
    assert weighted == pytest.approx(rows.y.mean(), abs=0.04)


@pytest.mark.parametrize("kind", ["lightgbm", "linear", "blend"])
def test_a_panel_softens_the_label_where_it_is_known(kind: str) -> None:
    rows = planted(0.0, 300)
    told = {}
    for panel in (0.0, 0.5, 1.0):
        shared = replace(rows, share=np.full(len(rows), 0.9))
        recipe = replace(SMALL, kind=kind, panel=panel)
        told[panel] = Calibrator("none")(scores_of(fit_head("r1", "logit", shared, recipe).head, rows.x)).mean()
    assert [told[0.0], told[0.5], told[1.0]] == pytest.approx([0.5, 0.7, 0.9], abs=0.06)
    alone = fit_head("r1", "logit", rows, replace(SMALL, kind=kind, panel=0.5)).head  # no panel knows these tasks
    own = fit_head("r1", "logit", rows, replace(SMALL, kind=kind)).head
    np.testing.assert_array_equal(scores_of(alone, rows.x), scores_of(own, rows.x))


def test_the_cost_left_is_never_below_nothing(made_up) -> None:
    table = made_up(np.array([0.0, 1, 1, 0]), np.ones(4), turns=4)
    assert weak_knots(table) == [[0, 1.0], [1, 0.75], [2, 0.5], [3, 0.25]]
    table.meta["cost_weak_usd"] = 0.6  # the log prices the run below the sum of its turns
    assert weak_knots(table) == [[0, 0.6], [1, 0.35], [2, 0.1], [3, 0.0]]


def test_a_single_run_gives_a_constant_cost_not_an_error() -> None:
    one = fit_head("c1", "identity", rows_of(np.zeros((2, 1)), np.array([1.0, 2.0]), named("a", "a"), named("t", "t")))
    assert one.head.empty and one.head.intercept == 1.5
