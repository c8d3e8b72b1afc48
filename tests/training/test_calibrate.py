"""Fitted calibrators against scikit-learn, against refitting, against what they promise; and which one is chosen."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from featrouter.calibration import Calibrator
from featrouter.head import Head
from featrouter.training import calibrate
from featrouter.training.calibrate import (
    LEAST_ISOTONIC_ROWS,
    beta,
    chosen_kind,
    cross_calibrated,
    fit_calibrator,
    isotonic,
    platt,
    surely_less,
    venn_abers,
)
from featrouter.training.fit import LEAST_OF_A_CLASS, HeldOut, one_of_each

pytestmark = pytest.mark.filterwarnings("error:.*(overflow|divide|invalid)")

Sample = tuple[np.ndarray, np.ndarray]


def sample(n: int, a: float, b: float, seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n) * 2
    return scores, (rng.random(n) < expit(a * scores + b)).astype(int)


@pytest.mark.parametrize(("n", "a", "b"), [(12, 1.0, 0.0), (60, 0.4, 1.0), (500, 2.5, -1.0), (5000, 0.7, 0.3)])
def test_platt_is_the_smoothed_logistic_regression(n: int, a: float, b: float) -> None:
    scores, labels = sample(n, a, b)
    got = platt(scores, labels)
    n1, n0 = labels.sum(), n - labels.sum()
    target = np.where(labels == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    # a soft target t is one row of either class, weighted t and 1 - t
    oracle = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    oracle.fit(np.tile(scores, 2)[:, None], np.repeat([1, 0], n), np.concatenate([target, 1 - target]))
    assert got.a == pytest.approx(oracle.coef_[0, 0], rel=1e-4)
    assert got.b == pytest.approx(oracle.intercept_[0], rel=1e-4, abs=1e-4)
    sigmoid = _SigmoidCalibration().fit(scores, labels)
    assert got(scores) == pytest.approx(sigmoid.predict(scores), abs=2e-3)
    slope = (expit(got.a * scores + got.b) - target) @ np.stack([scores, np.ones(n)], axis=1)
    assert np.abs(slope).max() < 1e-8 * n


def test_weights_are_repetitions() -> None:
    scores, labels = sample(80, 1.0, 0.5)
    weights = 1 + 2 * labels * (np.arange(80) % 3 > 0)
    repeated = np.repeat(scores, weights), np.repeat(labels, weights)
    for fit, loose in ((platt, 1e-9), (beta, 1e-2), (isotonic, 1e-9)):
        weighted = fit(scores, labels, weights)(scores)
        assert weighted == pytest.approx(fit(*repeated)(scores), abs=loose)
        assert np.abs(fit(scores, labels)(scores) - weighted).max() > 2e-2


def test_the_units_of_the_scores_do_not_matter() -> None:
    scores, labels = sample(200, 1.0, 0.0)
    plain = platt(scores, labels)
    for shift, scale in ((0.0, 1e-6), (1e3, 1.0), (-5.0, 1e9)):
        moved = platt(scores * scale + shift, labels)
        assert moved(scores * scale + shift) == pytest.approx(plain(scores), abs=1e-7)


def test_hard_samples_still_fit() -> None:
    separable = platt(np.arange(40.0), np.arange(40) >= 20)
    assert 0 < separable(0.0) < 0.05 and 0.95 < separable(39.0) < 1
    equal = platt(np.ones(30), np.arange(30) < 10)
    assert equal(1.0) == pytest.approx((10 * 11 / 12 + 20 / 22) / 30, abs=1e-9)
    upside_down = platt([1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0])
    assert upside_down.a < 0


def test_a_far_score_does_not_throw_the_fit() -> None:
    near = [-0.31, -9.72, -14.16, -8.88, -0.62, 6.76, -9.24, -1.38, 70.46, -105.92, -1.0, -2.03, -0.81, 0.97, -0.1]
    scores = np.array([*near, -6.82, -1.06, -1.95, 872.09, 141.6])
    labels = np.arange(20) >= 18
    got = platt(scores, labels)  # full Newton steps run off to a = 6e8 here
    gap = expit(got.a * scores + got.b) - np.where(labels, 3 / 4, 1 / 20)
    assert (gap.sum(), gap @ scores) == pytest.approx((0, 0), abs=1e-7)


@pytest.mark.parametrize(
    ("scores", "labels", "weights", "words"),
    [
        ([1.0, 2.0], [1, 1], None, "only one class"),
        ([1.0, 2.0], [0, 0], None, "only one class"),
        ([1.0, 2.0], [0, 1], [1.0, 0.0], "only one class"),
        ([], [], None, "^only one class: nothing to calibrate on; use a constant calibrator$"),
        ([1.0, math.nan], [0, 1], None, "^scores must be finite, labels 0 or 1$"),
        ([1.0, math.inf], [0, 1], None, "finite"),
        ([1.0, 2.0], [0, 0.3], None, "labels 0 or 1"),
        ([1.0, 2.0], [-1, 1], None, "labels 0 or 1"),
        ([1.0, 2.0], [0, 1], [1.0, -1.0], "^weights must be finite and not negative$"),
        ([1.0, 2.0], [0, 1], [1.0, math.nan], "weights"),
        ([1.0, 2.0], [0, 1, 1], None, "one shape"),
        ([[1.0, 2.0]], [[0, 1]], None, "one shape"),
    ],
)
def test_what_cannot_be_fitted_is_refused(scores: list, labels: list, weights: list | None, words: str) -> None:
    for fit in (platt, beta, isotonic):
        with pytest.raises(ValueError, match=words):
            fit(scores, labels, weights)
    if weights is None:
        with pytest.raises(ValueError, match=words):
            venn_abers(scores, labels)


def skewed(n: int, a: float, b: float, c: float, seed: int = 0) -> Sample:
    """Labels whose log-odds are a ln p - c ln(1 - p) + b."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n) * 2
    return scores, (rng.random(n) < expit(b - a * np.logaddexp(0, -scores) + c * np.logaddexp(0, scores))).astype(float)


@pytest.mark.parametrize(("a", "b", "c"), [(1.0, 0.0, 1.0), (0.5, -0.4, 2.0), (2.5, 0.7, 0.3)])
def test_beta_finds_what_made_the_labels(a: float, b: float, c: float) -> None:
    got = beta(*skewed(100_000, a, b, c))
    assert (got.a, got.b, got.c) == pytest.approx((a, b, c), abs=0.08)


def test_beta_drops_a_power_that_would_fall() -> None:
    scores, labels = skewed(20_000, 1.5, 0.0, 0.0, seed=3)
    low = scores < 0
    labels[~low] = np.random.default_rng(4).random((~low).sum()) < 0.3 - 0.05 * scores[~low].clip(0, 4)
    got = beta(scores, labels)
    assert got.kind == "beta" and got.c == 0.0 and got.a > 0.1
    free = LogisticRegression(C=np.inf).fit(
        np.column_stack([-np.logaddexp(0, -scores), np.logaddexp(0, scores)]), labels
    )
    assert free.coef_[0, 1] < 0  # or nothing was dropped
    alone = LogisticRegression(C=np.inf, tol=1e-8).fit(-np.logaddexp(0, -scores)[:, None], labels)
    assert (got.a, got.b) == pytest.approx((alone.coef_[0, 0], alone.intercept_[0]), abs=0.02)
    turned = beta(-scores, 1 - labels)  # the other class, looked at from the other side
    assert turned.a == 0.0 and (turned.b, turned.c) == pytest.approx((-got.b, got.a), abs=1e-4)


def test_beta_of_backward_scores_is_the_base_rate() -> None:
    scores, labels = sample(400, -1.0, 0.0)
    weights = np.linspace(0.5, 1.5, 400)
    assert beta(scores, labels, weights) == Calibrator("constant", b=float(np.average(labels, weights=weights)))


@settings(deadline=None, max_examples=40)
@given(st.integers(4, 40), st.floats(-2, 2), st.integers(0, 2**32 - 1))
def test_beta_never_falls(n: int, slope: float, seed: int) -> None:
    scores, labels = sample(n, slope, 0.0, seed)
    labels[:2] = 0, 1
    assert (np.diff(beta(scores, labels)(np.linspace(-12, 12, 200))) >= -1e-12).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 60), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_isotonic_is_scikit_learns(n: int, digits: int, seed: int) -> None:
    scores, labels = sample(n, 1.0, 0.0, seed)
    scores, labels[:2] = scores.round(digits), (0, 1)
    weights = np.random.default_rng(seed).uniform(0.1, 3.0, n)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, weights)
    asked = np.concatenate([scores, np.linspace(-9, 9, 61)])
    want = np.clip(oracle.predict(asked), 1e-6, 1 - 1e-6)
    assert isotonic(scores, labels, weights)(asked) == pytest.approx(want, abs=1e-12)


def test_scores_closer_than_a_billionth_are_one_knot() -> None:
    near = isotonic([0.0, 4e-10, 1.0, 1.0 + 4e-10, 2.0, 3.0], [0, 0, 0, 1, 1, 1])
    assert near.x == (0.0, 1.0, 2.0, 3.0) and near.low == (0.0, 0.5, 1.0, 1.0)
    assert isotonic([0.0, 2e-9, 1.0], [0, 1, 1]).x == (0.0, 2e-9, 1.0)


def test_scores_closer_than_a_millionth_are_one_step_of_venn_abers() -> None:
    assert venn_abers([0.0, 4e-7, 1.0], [0, 1, 1]).x == (0.0, 1.0)
    assert venn_abers([0.0, 2e-6, 1.0], [0, 1, 1]).x == (0.0, 2e-6, 1.0)


def test_without_its_package_venn_abers_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "venn_abers.venn_abers", None)
    with pytest.raises(ValueError, match=r"^calibration venn-abers needs: pip install 'featrouter\[venn-abers\]'$"):
        venn_abers(*sample(20, 1.0, 0.0))


def refitted(scores: np.ndarray, labels: np.ndarray, score: float, label: int) -> float:
    """Isotonic regression with the point added, read off at the point: how Venn-Abers is defined."""
    model = IsotonicRegression().fit(np.r_[scores, score], np.r_[labels, label])
    return float(model.predict([score])[0])


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 40), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_venn_abers_is_a_refit_with_either_label(n: int, digits: int, seed: int) -> None:
    scores, labels = sample(n, 1.0, 0.0, seed)
    scores, labels[:2] = scores.round(digits), (0, 1)
    got = venn_abers(scores, labels)
    seen, new = np.unique(scores)[:8], np.random.default_rng(seed).normal(size=5) * 3
    for score in (*seen, *new, scores.min() - 1, scores.max() + 1):
        want = [refitted(scores, labels, score, label) for label in (0, 1)]
        assert got.interval(float(score)) == pytest.approx(want, abs=1e-12)


def test_a_knot_that_says_nothing_is_left_out() -> None:
    scores, labels = sample(2000, 1.0, 0.0)
    assert len(venn_abers(scores, labels).x) < 400
    alike = venn_abers(np.repeat([1.0, 2.0], 40), np.tile([0, 1], 40))
    lone = venn_abers([1.0, 1.0, 1.0], [0, 1, 1])
    assert lone.x == (1.0,) and lone.low == pytest.approx((0, 1 / 2)) and lone.high == pytest.approx((3 / 4, 1))
    assert alike.x == (1.0, 2.0) and alike.interval(1.5) == pytest.approx((20 / 41, 21 / 41), abs=1e-12)


@pytest.mark.filterwarnings("error")
def test_venn_abers_is_silent_and_leaves_numpys_error_state_as_it_was() -> None:
    with np.errstate(all="raise"):
        before = np.geterr()
        for n in (2, 2, 40):  # the package is imported by the first
            venn_abers(np.repeat([1.0, 2.0], n), np.tile([0, 1], n))
            venn_abers(*sample(5 * n, 1.0, 0.0))
            assert np.geterr() == before


def test_venn_abers_brackets_the_frequency_where_a_plain_sigmoid_does_not() -> None:
    lows, highs, plain, truth = [], [], [], []
    for seed in range(250):
        scores, labels = sample(70, 0.5, 1.0, seed)  # not calibrated: the scores are twice as sure as they may be
        got = venn_abers(scores[:40], labels[:40])
        for score, label in zip(scores[40:].tolist(), labels[40:].tolist(), strict=True):
            p0, p1 = got.interval(score) or (math.nan, math.nan)
            lows.append(p0)
            highs.append(p1)
            plain.append(expit(score))
            truth.append(label)
    assert np.mean(lows) < np.mean(truth) < np.mean(highs)
    assert np.mean(highs) - np.mean(lows) < 0.3
    assert not np.mean(lows) < np.mean(plain) < np.mean(highs)


def rows(scores: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Two rows a group, all of weight 1."""
    n = len(y)
    return scores, y.astype(float), np.ones(n), np.array([f"task{i // 2}" for i in range(n)], dtype=object)


def chosen(scores: np.ndarray, y: np.ndarray) -> str:
    scores, y, weights, groups = rows(scores, y)
    return chosen_kind(scores, y, weights, groups, groups)


def test_calibrated_scores_are_left_alone() -> None:
    for seed in (1, 2, 3):
        assert chosen(*sample(800, 1.0, 0.0, seed)) == "none"


@pytest.mark.parametrize(("a", "b"), [(0.25, 0.0), (1.0, 1.5), (3.0, 0.0)])
def test_scaled_scores_need_two_numbers(a: float, b: float) -> None:
    assert chosen(*sample(900, a, b, 1)) == "platt"


def test_skewed_scores_need_more() -> None:
    assert chosen(*skewed(6000, 0.2, 0.5, 4.0)) in ("beta", "isotonic", "venn-abers")


def steps(n: int, seed: int = 0) -> Sample:
    """Labels whose chance jumps: no sigmoid follows it."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(-6, 6, n)
    p = np.select([scores < -4, scores < 0, scores < 4], [0.02, 0.4, 0.45], 0.98)
    return scores, (rng.random(n) < p).astype(float)


def test_isotonic_wants_a_thousand_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "CANDIDATES", ("none", "platt", "beta", "isotonic"))
    assert chosen(*steps(LEAST_ISOTONIC_ROWS)) == "isotonic"
    assert chosen(*steps(LEAST_ISOTONIC_ROWS - 1)) != "isotonic"
    monkeypatch.setattr(calibrate, "LEAST_ISOTONIC_ROWS", 0)
    assert chosen(*steps(LEAST_ISOTONIC_ROWS - 1)) == "isotonic"  # it was the number of rows that spoke against it


def test_what_comes_after_isotonic_is_tried_with_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "CANDIDATES", ("none", "isotonic", "venn-abers"))
    assert chosen(*steps(LEAST_ISOTONIC_ROWS - 1)) == "venn-abers"


@pytest.mark.parametrize("few", [0, 1])
def test_with_too_few_of_a_class_nothing_is_chosen(few: int) -> None:
    scores = np.linspace(-1, 1, 200)
    y = np.arange(200) < LEAST_OF_A_CLASS
    scores, y = (scores, y) if few else (-scores, ~y)
    assert chosen(-20 * scores, y) == "platt"
    y[np.flatnonzero(y == few)[0]] = 1 - few
    assert chosen(-20 * scores, y) == "none"


def test_weights_decide_what_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of four rows three are too sure and one is not sure enough: one line does not serve them all.
    monkeypatch.setattr(calibrate, "CANDIDATES", ("none", "platt"))
    sure, unsure = sample(900, 0.3, 0.0, 1), sample(300, 3.0, 0.0, 2)
    scores, y, _, groups = rows(*(np.concatenate(both) for both in zip(sure, unsure, strict=True)))
    for weight, steeper in ((1e-3, True), (1.0, False)):
        weights = np.r_[np.full(900, weight), np.full(300, 1.0)]
        assert chosen_kind(scores, y, weights, groups, groups) == "platt"
        assert (fit_calibrator(scores, y, weights, groups).a > 1) == steeper


def test_without_the_extra_venn_abers_is_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "CANDIDATES", ("none", "venn-abers"))
    assert chosen(*steps(900)) == "venn-abers"
    monkeypatch.setattr(calibrate, "has_venn_abers", lambda: False)
    assert chosen(*steps(900)) == "none"


@pytest.mark.parametrize("kind", ["auto", "none", "platt", "beta", "isotonic", "venn-abers"])
def test_backward_scores_give_the_base_rate(kind: str) -> None:
    scores, y, _, groups = rows(*sample(300, -1.0, 0.3))
    weights = np.linspace(0.5, 1.5, 300)
    got = fit_calibrator(scores, y, weights, groups, kind=kind)
    assert got.kind == "constant" and got.b == pytest.approx(np.average(y, weights=weights), rel=1e-8)


@pytest.mark.parametrize("kind", ["auto", "platt", "isotonic"])
def test_too_few_of_a_class_give_none(kind: str) -> None:
    scores, y = np.arange(60.0), np.zeros(60)
    y[-LEAST_OF_A_CLASS:] = 1
    assert fit_calibrator(*rows(scores, y), kind=kind).kind != "none"
    y[-LEAST_OF_A_CLASS] = 0
    assert fit_calibrator(*rows(scores, y), kind=kind) == Calibrator()
    assert fit_calibrator(*rows(-scores, 1 - y), kind=kind) == Calibrator()
    assert fit_calibrator(*rows(np.empty(0), np.empty(0)), kind=kind) == Calibrator()


def test_scores_that_are_all_alike_give_the_base_rate() -> None:
    scores, y, weights, groups = rows(np.full(60, 0.5), np.arange(60) % 3 == 0)
    assert fit_calibrator(scores, y, weights, groups) == Calibrator("constant", b=float(f"{1 / 3:.9g}"))


def test_weights_tell_which_way_scores_rank() -> None:
    scores, y, weights, groups = rows(np.tile([0.0, 1.0], 100), np.tile([0, 1, 1, 1, 1, 0, 1, 0], 25))
    backward = scores != y
    assert backward.mean() > 0.5
    assert fit_calibrator(scores, y, weights, groups, kind="platt").kind == "constant"
    assert fit_calibrator(scores, y, weights + 9 * ~backward, groups, kind="platt").kind == "platt"


@pytest.mark.parametrize("kind", ["platt", "beta", "constant"])
def test_parameters_have_nine_digits(kind: str) -> None:
    scores, y, weights, groups = rows(*sample(300, -1.0 if kind == "constant" else 1.3, 0.4))
    got = fit_calibrator(scores, y, weights, groups, kind="platt" if kind == "constant" else kind)
    raw = {"platt": platt, "beta": beta, "constant": lambda s, y: Calibrator("constant", b=y.mean())}[kind](scores, y)
    for name in "abc":
        told, full = getattr(got, name), getattr(raw, name)
        assert told == float(f"{told:.9g}") and told == pytest.approx(full, rel=1e-8)
    assert got.b not in (raw.b, float(f"{raw.b:.8g}"))


def test_a_kind_that_is_asked_for_is_fitted() -> None:
    scores, y, _, groups = rows(*sample(300, 1.0, 0.0))
    weights = np.linspace(0.5, 1.5, 300)
    runs = np.repeat([f"run{i}" for i in range(100)], 3).astype(object)
    seen = one_of_each(runs, 0)
    want = {kind: fit(scores, y, weights) for kind, fit in (("platt", platt), ("beta", beta), ("isotonic", isotonic))}
    want["none"] = Calibrator()
    want["venn-abers"] = venn_abers(scores[seen], y[seen])  # rows of one run are not exchangeable
    for kind, calibrator in want.items():
        got = fit_calibrator(scores, y, weights, groups, runs, kind)
        assert got.kind == kind and got(scores) == pytest.approx(calibrator(scores), abs=1e-8)
    with pytest.raises(ValueError, match="calibration 'spline': known are auto, none, platt"):
        fit_calibrator(scores, y, weights, groups, kind="spline")


def test_auto_fits_the_kind_that_is_chosen() -> None:
    for scores, y in (sample(800, 1.0, 0.0, 1), sample(900, 3.0, 0.0, 1)):
        assert fit_calibrator(*rows(scores, y)).kind == chosen(scores, y)


def test_a_gain_of_one_group_alone_is_not_sure() -> None:
    groups = np.repeat([f"g{i}" for i in range(20)], 5).astype(object)
    ones, noise = np.ones(100), np.random.default_rng(0).normal(size=100) * 0.1
    assert surely_less(ones - 0.1 + noise, ones, ones, groups)
    assert not surely_less(ones, ones - 0.1 + noise, ones, groups)
    assert not surely_less(ones, ones, ones, groups)
    one = np.where(groups == "g3", 0.0, 1.0)  # the same mean gain, all of it from one group
    assert not surely_less(one * 2, 2 * ones, ones, groups)
    assert surely_less(one * 2, 2 * ones, np.where(groups == "g3", 1.0, 1e-9), np.arange(100).astype(object))


def test_one_group_alone_is_believed_and_of_two_both_must_gain() -> None:
    ones, lone = np.ones(2), np.array(["g", "g"], dtype=object)
    assert surely_less(0.6 * ones, ones, ones, lone)
    assert not surely_less(ones, ones, ones, lone) and not surely_less(ones, 0.6 * ones, ones, lone)
    pair = np.array(["g", "h"], dtype=object)
    assert surely_less(np.array([0.5, 0.6]), ones, ones, pair)
    assert not surely_less(np.array([0.5, 1.0]), ones, ones, pair)


def test_weights_decide_which_loss_is_less() -> None:
    loss, other = np.tile([0.5, 2.0], 20), np.ones(40)
    groups, weights = np.arange(40).astype(object), np.tile([1.0, 0.1], 20)
    assert surely_less(loss, other, weights, groups) and not surely_less(loss, other, weights[::-1], groups)
    assert not surely_less(loss, other, np.ones(40), groups)


@pytest.mark.parametrize("kind", ["auto", "platt", "isotonic", "venn-abers"])
def test_each_fold_is_calibrated_on_the_others(kind: str) -> None:
    scores, y, _, groups = rows(*sample(300, 3.0, 0.0))
    weights = np.linspace(0.2, 1.8, 300)
    runs = np.array([f"run{i // 3}" for i in range(300)], dtype=object)
    y[7] = np.nan
    fold = np.arange(300) // 2 % 3
    fold[-20:] = -1
    held = HeldOut(scores, fold, (Head.constant("r1", "logit", 0.0),) * 3)
    got = cross_calibrated(held, y, weights, groups, runs, kind)
    assert np.isnan(got[-20:]).all()
    for number in range(3):
        rest = (fold != number) & (fold >= 0) & ~np.isnan(y)
        one = fit_calibrator(scores[rest], y[rest], weights[rest], groups[rest], runs[rest], kind)
        assert one.kind != "none"
        np.testing.assert_array_equal(got[fold == number], one(scores[fold == number]))
    if kind == "auto":
        np.testing.assert_array_equal(cross_calibrated(held, y, weights, groups, runs), got)
    one_group_a_run = cross_calibrated(held, y, weights, groups, groups, kind)
    np.testing.assert_array_equal(cross_calibrated(held, y, weights, groups, kind=kind), one_group_a_run)


def test_auto_needs_folds_and_both_classes_in_each_to_choose_among_kinds() -> None:
    scores = np.linspace(-3, 3, 60)
    few = (np.arange(60) >= 60 - LEAST_OF_A_CLASS + 1).astype(float)
    assert chosen(3 * scores, few) == "none"
    y = (scores > 1).astype(float)
    alone = np.where(y == 1, "the one that solves", "the others").astype(object)
    assert chosen_kind(scores, y, np.ones(60), alone, alone) == "none"
    one = np.full(60, "the only task", dtype=object)
    assert chosen_kind(3 * scores, y, np.ones(60), one, one) == "none"


def test_venn_abers_of_scores_that_are_all_alike_has_one_knot() -> None:
    got = venn_abers(np.zeros(40), np.tile([0, 1], 20))
    assert got.x == (0.0,) and got.interval(0.0) == pytest.approx((20 / 41, 21 / 41), abs=1e-12)
