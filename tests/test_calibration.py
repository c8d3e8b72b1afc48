"""Calibrators against scikit-learn and against what a probability must be."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration
from sklearn.linear_model import LogisticRegression

from featrouter.calibration import Calibrator

pytestmark = pytest.mark.filterwarnings("error:.*(overflow|divide|invalid)")


def sample(n: int, a: float, b: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n) * 2
    return scores, (rng.random(n) < 1 / (1 + np.exp(-(a * scores + b)))).astype(int)


@pytest.mark.parametrize(("n", "a", "b"), [(12, 1.0, 0.0), (60, 0.4, 1.0), (500, 2.5, -1.0), (5000, 0.7, 0.3)])
def test_platt_is_the_smoothed_logistic_regression(n: int, a: float, b: float) -> None:
    scores, labels = sample(n, a, b)
    got = Calibrator.platt(scores, labels)
    n1, n0 = labels.sum(), n - labels.sum()
    target = np.where(labels == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    # a soft target t is one row of either class, weighted t and 1 - t
    oracle = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    oracle.fit(np.tile(scores, 2)[:, None], np.repeat([1, 0], n), np.concatenate([target, 1 - target]))
    assert got.a == pytest.approx(oracle.coef_[0, 0], rel=1e-4)
    assert got.b == pytest.approx(oracle.intercept_[0], rel=1e-4, abs=1e-4)
    sigmoid = _SigmoidCalibration().fit(scores, labels)
    assert got(scores) == pytest.approx(sigmoid.predict(scores), abs=2e-3)
    slope = (1 / (1 + np.exp(-(got.a * scores + got.b))) - target) @ np.stack([scores, np.ones(n)], axis=1)
    assert np.abs(slope).max() < 1e-8 * n


def test_weights_are_repetitions() -> None:
    scores, labels = sample(80, 1.0, 0.5)
    weights = np.random.default_rng(1).integers(1, 4, 80)
    repeated = Calibrator.platt(np.repeat(scores, weights), np.repeat(labels, weights))
    weighted = Calibrator.platt(scores, labels, weights)
    assert (weighted.a, weighted.b) == pytest.approx((repeated.a, repeated.b), rel=1e-9)
    assert Calibrator.platt(scores, labels).a != pytest.approx(repeated.a, rel=1e-3)


def test_the_units_of_the_scores_do_not_matter() -> None:
    scores, labels = sample(200, 1.0, 0.0)
    plain = Calibrator.platt(scores, labels)
    for shift, scale in ((0.0, 1e-6), (1e3, 1.0), (-5.0, 1e9)):
        moved = Calibrator.platt(scores * scale + shift, labels)
        assert moved(scores * scale + shift) == pytest.approx(plain(scores), abs=1e-7)


def test_hard_samples_still_fit() -> None:
    separable = Calibrator.platt(np.arange(40.0), np.arange(40) >= 20)
    assert 0 < separable(0.0) < 0.05 and 0.95 < separable(39.0) < 1
    equal = Calibrator.platt(np.ones(30), np.arange(30) < 10)
    assert equal(1.0) == pytest.approx((10 * 11 / 12 + 20 / 22) / 30, abs=1e-9)
    upside_down = Calibrator.platt([1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0])
    assert upside_down.a < 0


def test_a_far_score_does_not_throw_the_fit() -> None:
    near = [-0.31, -9.72, -14.16, -8.88, -0.62, 6.76, -9.24, -1.38, 70.46, -105.92, -1.0, -2.03, -0.81, 0.97, -0.1]
    scores = np.array([*near, -6.82, -1.06, -1.95, 872.09, 141.6])
    labels = np.arange(20) >= 18
    got = Calibrator.platt(scores, labels)  # full Newton steps run off to a = 6e8 here
    gap = 1 / (1 + np.exp(-(got.a * scores + got.b))) - np.where(labels, 3 / 4, 1 / 20)
    assert (gap.sum(), gap @ scores) == pytest.approx((0, 0), abs=1e-7)


@pytest.mark.parametrize(
    ("scores", "labels", "weights", "words"),
    [
        ([1.0, 2.0], [1, 1], None, "only one class"),
        ([1.0, 2.0], [0, 0], None, "only one class"),
        ([1.0, 2.0], [0, 1], [1.0, 0.0], "only one class"),
        ([], [], None, "only one class"),
        ([1.0, math.nan], [0, 1], None, "finite"),
        ([1.0, math.inf], [0, 1], None, "finite"),
        ([1.0, 2.0], [0, 0.3], None, "labels 0 or 1"),
        ([1.0, 2.0], [-1, 1], None, "labels 0 or 1"),
        ([1.0, 2.0], [0, 1], [1.0, -1.0], "weights"),
        ([1.0, 2.0], [0, 1], [1.0, math.nan], "weights"),
        ([1.0, 2.0], [0, 1, 1], None, "one shape"),
        ([[1.0, 2.0]], [[0, 1]], None, "one shape"),
    ],
)
def test_what_cannot_be_fitted_is_refused(scores: list, labels: list, weights: list | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Calibrator.platt(scores, labels, weights)


BOUND = st.floats(-1e100, 1e100)


@given(st.sampled_from(["none", "platt", "constant"]), BOUND, BOUND, st.floats(0, 1), st.floats(-1e105, 1e105))
def test_a_probability_comes_out(kind: str, a: float, b: float, p: float, score: float) -> None:
    calibrator = {"none": Calibrator(), "platt": Calibrator("platt", a, b), "constant": Calibrator("constant", b=p)}[
        kind
    ]
    one, many = calibrator(score), calibrator(np.array([[score, -score]]))
    assert isinstance(one, float) and 1e-6 <= one <= 1 - 1e-6
    assert many.shape == (1, 2) and many[0, 0] == pytest.approx(one, abs=1e-12)
    assert Calibrator.from_dict(json.loads(json.dumps(calibrator.as_dict()))) == calibrator


def test_known_values() -> None:
    assert Calibrator()(0.0) == 0.5
    assert Calibrator()(1.0) == pytest.approx(1 / (1 + math.exp(-1)), rel=1e-15)
    assert Calibrator("platt", 2.0, -1.0)(1.0) == pytest.approx(1 / (1 + math.exp(-1)), rel=1e-15)
    assert Calibrator("constant", b=0.3)(99.0) == 0.3
    assert Calibrator("constant", b=1.0)(0.0) == 1 - 1e-6
    assert Calibrator()(-800.0) == 1e-6


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"kind": "isotonic", "a": 1.0, "b": 0.0}, "kind 'isotonic'"),
        ({"kind": "platt", "a": math.nan, "b": 0.0}, "a=nan"),
        ({"kind": "platt", "a": 1.0, "b": math.inf}, "b=inf"),
        ({"kind": "platt", "a": True, "b": 0.0}, "a=True"),
        ({"kind": "platt", "a": "1", "b": 0.0}, "a='1'"),
        ({"kind": "platt", "a": 10**400, "b": 0.0}, "not a number within"),
        ({"kind": "constant", "a": 1.0, "b": 1.5}, "not a probability"),
        ({"kind": "constant", "a": 2.0, "b": 0.5}, "does not use"),
        ({"kind": "none", "a": 1.0, "b": 0.5}, "does not use"),
        ({"kind": "none", "a": 1.0}, "exactly the keys"),
        ({"kind": "none", "a": 1.0, "b": 0.0, "c": 0.0}, "exactly the keys"),
        ([], "exactly the keys"),
    ],
)
def test_unsound_data_is_refused(data: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Calibrator.from_dict(data)
