"""Calibrators against independent formulas and against what a probability must be."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from featrouter import calibration
from featrouter.calibration import KINDS, LEAST_GAP, MAX_KNOTS, Calibrator, shift_to, shifted, shifted_many

pytestmark = pytest.mark.filterwarnings("error:.*(overflow|divide|invalid)")

BOUND = st.floats(-1e100, 1e100)
SHARE = st.floats(0, 1)
#: Beside far scores, those that hit a knot exactly.
SCORES = st.one_of(st.floats(-1e105, 1e105), st.floats(-60, 60), st.integers(-400, 400).map(lambda n: n / 8))


@st.composite
def knots(draw: st.DrawFn) -> tuple[tuple[float, ...], list[float], list[float]]:
    """Rising scores, and one more low and high than scores, which do not cross even where a score is a knot."""
    x = sorted(draw(st.sets(st.integers(-400, 400), min_size=1, max_size=8)))
    low, high = (sorted(draw(st.lists(SHARE, min_size=len(x) + 1, max_size=len(x) + 1))) for _ in range(2))
    high = [max(h, after) for h, after in zip(high, [*low[1:], low[-1]], strict=True)]
    return tuple(n / 8 for n in x), low, high


def of_kind(kind: str) -> st.SearchStrategy[Calibrator]:
    positive = st.floats(0, 1e100)
    return {
        "none": st.just(Calibrator()),
        "constant": st.builds(lambda b: Calibrator("constant", b=b), SHARE),
        "platt": st.builds(lambda a, b: Calibrator("platt", a, b), BOUND, BOUND),
        "beta": st.builds(lambda a, b, c: Calibrator("beta", a, b, c), positive, BOUND, positive),
        "isotonic": knots().map(lambda k: Calibrator("isotonic", x=k[0], low=tuple(k[1][1:]))),
        "venn-abers": knots().map(lambda k: Calibrator("venn-abers", x=k[0], low=tuple(k[1]), high=tuple(k[2]))),
    }[kind]


CALIBRATORS = st.sampled_from(sorted(KINDS)).flatmap(of_kind)


@given(CALIBRATORS, SCORES)
def test_scalar_and_array_agree_on_a_probability(calibrator: Calibrator, score: float) -> None:
    one, many = calibrator(score), calibrator(np.array([[score, -score]]))
    assert isinstance(one, float) and 1e-6 <= one <= 1 - 1e-6
    assert many.shape == (1, 2) and ((many >= 1e-6) & (many <= 1 - 1e-6)).all()
    assert many[0].tolist() == pytest.approx([one, calibrator(-score)], abs=1e-12)


@given(st.sampled_from(["constant", "isotonic", "venn-abers"]).flatmap(of_kind), st.data())
def test_between_on_and_beyond_its_knots_one_score_has_the_arrays_number(
    calibrator: Calibrator, data: st.DataObject
) -> None:
    near = [float(np.nextafter(knot, side)) for knot in calibrator.x for side in (-math.inf, math.inf)]
    scores = np.array([*calibrator.x, *near, -1e105, 1e105, 0.0, -0.0, data.draw(SCORES)])
    assert [calibrator(score) for score in scores.tolist()] == calibrator(scores).tolist()


@given(of_kind("isotonic"))
def test_an_isotonic_knot_has_its_own_number_and_the_ends_go_on(calibrator: Calibrator) -> None:
    inside = [min(max(p, 1e-6), 1 - 1e-6) for p in calibrator.low]
    assert [calibrator(knot) for knot in calibrator.x] == inside
    assert [calibrator(calibrator.x[0] - far) for far in (1e-9, 1.0, 1e105)] == [inside[0]] * 3
    assert [calibrator(calibrator.x[-1] + far) for far in (1e-9, 1.0, 1e105)] == [inside[-1]] * 3


def test_an_isotonic_calibrator_of_one_knot_says_one_number() -> None:
    lone = Calibrator("isotonic", x=(0.5,), low=(0.3,))
    assert [lone(score) for score in (-1e100, 0.0, 0.5, 1.0, 1e100)] == [0.3] * 5


@pytest.mark.parametrize("kind", ["none", "beta", "constant", "isotonic", "venn-abers"])
@given(data=st.data())
def test_the_farthest_scores_have_the_number_of_far_ones(kind: str, data: st.DataObject) -> None:
    calibrator = data.draw(of_kind(kind))
    for far in (1e100, -1e100):
        most = math.copysign(1.7e308, far)
        assert calibrator(most) == calibrator(far)
        assert calibrator(np.array([most])).tolist() == calibrator(np.array([far])).tolist()


@given(of_kind("venn-abers"))
def test_beyond_the_outermost_knots_the_outermost_steps_go_on(calibrator: Calibrator) -> None:
    assert calibrator.interval(calibrator.x[0] - 1) == (calibrator.low[0], calibrator.high[0])
    assert calibrator.interval(calibrator.x[-1] + 1) == (calibrator.low[-1], calibrator.high[-1])


@pytest.mark.parametrize(("a", "b", "c"), [(1.0, 0.0, 1.0), (0.4, -0.5, 2.5), (3.0, 1.0, 0.0), (0.0, 0.2, 0.7)])
def test_beta_of_one_score_is_the_odds_of_two_powers(a: float, b: float, c: float) -> None:
    for score in GRID.tolist():
        p = expit(score)
        odds = math.exp(b) * p**a / (1 - p) ** c
        assert Calibrator("beta", a, b, c)(score) == pytest.approx(
            min(max(odds / (1 + odds), 1e-6), 1 - 1e-6), rel=1e-9
        )


@given(CALIBRATORS)
def test_there_and_back_with_the_kinds_own_keys(calibrator: Calibrator) -> None:
    told = calibrator.as_dict()
    assert set(told) == {"kind", *KINDS[calibrator.kind]}
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again == told and Calibrator.from_dict(again) == calibrator


@given(st.sampled_from(["none", "constant", "beta", "isotonic", "venn-abers"]).flatmap(of_kind), st.data())
def test_a_better_score_is_never_worth_less(calibrator: Calibrator, data: st.DataObject) -> None:
    low, high = sorted(data.draw(st.tuples(st.floats(-60, 60), st.floats(-60, 60))))
    assert calibrator(low) <= calibrator(high) + 1e-12


@given(of_kind("venn-abers"), st.data())
def test_the_interval_is_read_off_the_steps_and_holds_the_answer(calibrator: Calibrator, data: st.DataObject) -> None:
    score = data.draw(st.one_of(SCORES, st.sampled_from(calibrator.x)))
    p0 = calibrator.low[sum(knot <= score for knot in calibrator.x)]
    p1 = calibrator.high[sum(knot < score for knot in calibrator.x)]
    assert calibrator.interval(score) == (p0, p1)
    assert p0 <= p1
    told = calibrator(score)
    assert told == pytest.approx(min(max(p1 / (1 - p0 + p1), 1e-6), 1 - 1e-6), abs=1e-15)
    assert p0 - 1e-6 <= told <= p1 + 1e-6


@given(st.sampled_from(sorted(set(KINDS) - {"venn-abers"})).flatmap(of_kind), SCORES)
def test_no_other_kind_has_an_interval(calibrator: Calibrator, score: float) -> None:
    assert calibrator.interval(score) is None


GRID = np.linspace(-9, 9, 73)


def test_known_values() -> None:
    assert Calibrator()(0.0) == 0.5
    assert Calibrator()(1.0) == pytest.approx(1 / (1 + math.exp(-1)), rel=1e-15)
    assert Calibrator("platt", 2.0, -1.0)(1.0) == pytest.approx(1 / (1 + math.exp(-1)), rel=1e-15)
    assert Calibrator("constant", b=0.3)(99.0) == 0.3
    assert Calibrator("constant", b=1.0)(0.0) == 1 - 1e-6
    assert Calibrator()(-800.0) == 1e-6
    steps = Calibrator("venn-abers", x=(0.0, 1.0), low=(0.1, 0.2, 0.6), high=(0.3, 0.7, 0.9))
    assert [steps.interval(s) for s in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [
        (0.1, 0.3),
        (0.2, 0.3),
        (0.2, 0.7),
        (0.6, 0.7),
        (0.6, 0.9),
    ]
    assert steps(0.5) == pytest.approx(0.7 / (1 - 0.2 + 0.7), rel=1e-15)


@pytest.mark.parametrize(("a", "b"), [(1.0, 0.0), (0.3, -1.5), (-2.0, 0.5), (4.0, 3.0)])
def test_platt_is_a_sigmoid_of_a_line(a: float, b: float) -> None:
    assert Calibrator("platt", a, b)(GRID) == pytest.approx(np.clip(expit(a * GRID + b), 1e-6, 1 - 1e-6), rel=1e-12)
    assert Calibrator("platt", 1.0, 0.0)(GRID).tolist() == Calibrator("none")(GRID).tolist()


@pytest.mark.parametrize(("a", "b", "c"), [(1.0, 0.0, 1.0), (0.4, -0.5, 2.5), (3.0, 1.0, 0.0), (0.0, 0.2, 0.7)])
def test_beta_is_the_odds_of_two_powers(a: float, b: float, c: float) -> None:
    p = expit(GRID)
    odds = np.exp(b) * p**a / (1 - p) ** c
    assert Calibrator("beta", a, b, c)(GRID) == pytest.approx(np.clip(odds / (1 + odds), 1e-6, 1 - 1e-6), rel=1e-9)


def test_isotonic_is_straight_between_knots_and_flat_beyond() -> None:
    x, p = (-2.0, 0.5, 1.0, 4.0), (0.1, 0.1, 0.6, 0.9)

    def by_hand(score: float) -> float:
        if score <= x[0]:
            return p[0]
        for left, right, below, above in zip(x, x[1:], p, p[1:], strict=False):
            if score <= right:
                return below + (above - below) * (score - left) / (right - left)
        return p[-1]

    calibrator = Calibrator("isotonic", x=x, low=p)
    assert calibrator(GRID) == pytest.approx([by_hand(float(s)) for s in GRID], rel=1e-12)
    assert [calibrator(s) for s in x] == list(p)


STEPS: dict[str, Any] = {"kind": "venn-abers", "x": [0.0, 1.0], "low": [0.1, 0.2, 0.3], "high": [0.4, 0.5, 0.6]}
LINES: dict[str, Any] = {"kind": "isotonic", "x": [0.0, 1.0], "low": [0.1, 0.2]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"kind": "spline", "a": 1.0}, "kind 'spline', known are none, constant"),
        ({"kind": ["platt"], "a": 1.0, "b": 0.0}, r"kind \['platt'\]"),
        ({"kind": "x" * 10_000}, "kind 'x{39}, known"),
        ({}, "kind None"),
        ([], "kind None"),
        (None, "kind None"),
        ({"kind": "platt", "a": math.nan, "b": 0.0}, "a=nan"),
        ({"kind": "platt", "a": 1.0, "b": math.inf}, "b=inf"),
        ({"kind": "platt", "a": True, "b": 0.0}, "a=True"),
        ({"kind": "platt", "a": "1", "b": 0.0}, "a='1'"),
        ({"kind": "platt", "a": 10**400, "b": 0.0}, "not a number within"),
        ({"kind": "platt", "a": 1.0, "b": -1.1e100}, "not a number within"),
        ({"kind": "platt", "a": 1.0}, "of kind platt has exactly the keys kind, a, b"),
        ({"kind": "platt", "a": 1.0, "b": 0.0, "c": 0.0}, "of kind platt has exactly the keys"),
        ({"kind": "none", "a": 1.0}, "of kind none has exactly the keys kind$"),
        ({"kind": "constant", "a": 1.0, "b": 0.5}, "of kind constant has exactly the keys kind, b"),
        ({"kind": "constant", "b": 1.5}, "not a probability"),
        ({"kind": "constant", "b": -1e-9}, "not a probability"),
        ({"kind": "beta", "a": -0.1, "b": 0.0, "c": 1.0}, "would not rise"),
        ({"kind": "beta", "a": 1.0, "b": 0.0, "c": -0.1}, "would not rise"),
        ({"kind": "beta", "a": 1.0, "b": math.nan, "c": 1.0}, "b=nan"),
        (LINES | {"high": [0.4, 0.5]}, "of kind isotonic has exactly the keys kind, x, low"),
        (LINES | {"x": [1.0, 1.0]}, "x does not rise"),
        (LINES | {"x": [1.0, 0.0]}, "x does not rise"),
        (LINES | {"x": [0.0, math.nan]}, r"calibrator x\[…\]=nan"),
        (LINES | {"x": [0.0, math.inf]}, r"calibrator x\[…\]=inf"),
        (LINES | {"x": [0.0, True]}, r"calibrator x\[…\]=True"),
        (LINES | {"x": [0.0, [1.0]]}, r"calibrator x\[…\]=\[1.0\]"),
        (LINES | {"x": "01"}, "calibrator x: not a list"),
        (LINES | {"x": {}}, "calibrator x: not a list"),
        (LINES | {"x": [], "low": []}, "do not fit each other"),
        (LINES | {"low": [0.1]}, "do not fit each other"),
        (LINES | {"low": [0.1, 0.2, 0.3]}, "do not fit each other"),
        (LINES | {"low": [0.2, 0.1]}, "not probabilities that rise"),
        (LINES | {"low": [0.1, 1.1]}, "not probabilities that rise"),
        (LINES | {"low": [-0.1, 0.2]}, "not probabilities that rise"),
        (LINES | {"low": [0.1, math.nan]}, r"calibrator low\[…\]=nan"),
        (LINES | {"x": [0.0] * (MAX_KNOTS + 1)}, f"calibrator x: not a list of at most {MAX_KNOTS}"),
        (LINES | {"low": [0.0] * (MAX_KNOTS + 1)}, f"calibrator low: not a list of at most {MAX_KNOTS}"),
        (STEPS | {"x": [0.0, 0.0]}, "x does not rise"),
        (STEPS | {"x": [0.0, 1.0, 2.0]}, "do not fit each other"),
        (STEPS | {"low": [0.1, 0.2]}, "do not fit each other"),
        (STEPS | {"high": [0.4, 0.5]}, "do not fit each other"),
        (STEPS | {"high": [0.4, 0.3, 0.6]}, "not probabilities that rise"),
        (STEPS | {"high": [0.4, 0.5, 1.6]}, "not probabilities that rise"),
        (STEPS | {"low": [0.5, 0.5, 0.5]}, "^calibrator of kind venn-abers: low above high$"),
        (STEPS | {"high": [0.4] * (MAX_KNOTS + 1)}, "calibrator high: not a list"),
    ],
)
def test_unsound_data_is_refused(data: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        Calibrator.from_dict(data)
    assert len(str(caught.value)) < 200


def test_the_longest_and_the_steepest_are_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Calibrator("isotonic", x=(0.0, LEAST_GAP), low=(0.1, 0.2))(LEAST_GAP) == 0.2
    monkeypatch.setattr(calibration, "MAX_KNOTS", 2)
    assert Calibrator.from_dict(LINES)(0.5) == pytest.approx(0.15)
    with pytest.raises(ValueError, match="calibrator low: not a list of at most 2"):
        Calibrator.from_dict(STEPS)


def test_an_unknown_kind_is_refused_however_it_is_made() -> None:
    for make in (Calibrator, lambda kind: Calibrator.from_dict({"kind": kind})):
        with pytest.raises(ValueError, match=r"^calibrator kind 'spline', known are none, constant, platt, beta, iso"):
            make("spline")


def test_a_parameter_that_a_kind_does_not_use_is_refused() -> None:
    for kind, unused in (("none", {"b": 0.5}), ("platt", {"c": 1.0}), ("constant", {"a": 2.0}), ("none", {"x": [0.0]})):
        with pytest.raises(ValueError, match=f"of kind {kind} has {next(iter(unused))}, which it does not use"):
            Calibrator(kind, **unused)  # type: ignore[arg-type]


@given(st.lists(SHARE, min_size=2, max_size=2).map(sorted), st.lists(SHARE, min_size=2, max_size=2).map(sorted))
def test_steps_that_cross_on_a_knot_are_refused(low: list[float], high: list[float]) -> None:
    try:
        calibrator = Calibrator("venn-abers", x=(0.0,), low=tuple(low), high=tuple(high))
    except ValueError:
        return
    p0, p1 = calibrator.interval(0.0) or (0.0, 0.0)
    assert p0 <= p1 and p0 - 1e-6 <= calibrator(0.0) <= p1 + 1e-6


SHIFTS = st.one_of(st.floats(-30, 30), st.floats(-1e100, 1e100))


@given(SHARE, SHIFTS)
def test_a_shift_is_of_log_odds_and_stays_a_probability(p: float, by: float) -> None:
    assert shifted(p, 0) == shifted(p, 0.0) == p
    told = shifted(p, by)
    if by:
        assert isinstance(told, float) and 1e-6 <= told <= 1 - 1e-6
    if abs(by) <= 30 and by:
        inside = min(max(p, 1e-6), 1 - 1e-6)
        assert told == pytest.approx(min(max(expit(logit(inside) + by), 1e-6), 1 - 1e-6), rel=1e-9)
    many = np.array([[p, 1 - p]])
    assert shifted_many(many, by)[0].tolist() == pytest.approx([told, shifted(1 - p, by)], abs=1e-12)
    assert shifted_many(many, 0.0).tolist() == many.tolist()


@given(st.floats(1e-4, 1 - 1e-4), st.floats(-4, 4))
def test_a_shift_can_be_taken_back(p: float, by: float) -> None:
    there = shifted(p, by)
    if 1e-6 < there < 1 - 1e-6:
        assert shifted(there, -by) == pytest.approx(p, rel=1e-6)


@given(st.lists(SHARE, min_size=2, max_size=2), st.lists(SHIFTS, min_size=2, max_size=2))
def test_a_shift_rises_with_the_probability_and_with_itself(pair: list[float], by: list[float]) -> None:
    low, high = (min(max(p, 1e-6), 1 - 1e-6) for p in sorted(pair))
    less, more = sorted(by)
    assert shifted(low, less) <= shifted(high, less) + 1e-12
    assert shifted(low, less) <= shifted(low, more) + 1e-12


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=30), st.floats(0.01, 0.99), st.data())
def test_after_the_shift_to_a_rate_the_mean_is_that_rate(told: list[float], rate: float, data: st.DataObject) -> None:
    p, n = np.array(told), len(told)
    weights = np.array(data.draw(st.lists(st.floats(0.1, 9), min_size=n, max_size=n)))
    for given_weights in (None, weights):
        by = shift_to(p, rate, given_weights)
        assert np.average(shifted_many(p, by), weights=given_weights) == pytest.approx(rate, abs=1e-4)
    assert shift_to(p, rate) <= shift_to(p, min(0.995, rate + 0.005)) + 1e-9


def test_probabilities_that_already_average_to_the_rate_hardly_move() -> None:
    p = np.array([0.1, 0.4, 0.7])
    assert abs(shift_to(p, 0.4)) < 1e-5
    assert shift_to(p, 0.4, np.array([1.0, 0.0, 0.0])) == pytest.approx(logit(0.4) - logit(0.1), rel=1e-4)
    assert abs(shift_to(p, 0.0)) <= 30 and abs(shift_to(p, 1.0)) <= 30
