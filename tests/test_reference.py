"""References of harnesses against an oracle that counts, and against what ranks must be."""

from __future__ import annotations

import json
import math
from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter.reference import LEVELS, MAX_VALUE, PLACES, RANKS, Reference, outside

NAN, INF = float("nan"), float("inf")
N = len(LEVELS)

#: Small whole numbers hit quantiles exactly; the far ones are where sums and differences overflow.
VALUES = st.one_of(st.integers(-3, 3).map(float), st.floats(-MAX_VALUE, MAX_VALUE))
ANY = st.one_of(VALUES, st.floats(allow_nan=True, allow_infinity=True))
RISING = st.lists(VALUES, min_size=N, max_size=N).map(sorted)
FEATURES = st.one_of(RISING, st.just([NAN] * N))


@st.composite
def references(draw: st.DrawFn) -> Reference:
    rows = draw(st.lists(FEATURES, min_size=1, max_size=4))
    shifts = draw(st.dictionaries(st.sampled_from(["r1", "r2", "r1_end"]), st.floats(-MAX_VALUE, MAX_VALUE)))
    return Reference(np.array(rows), draw(st.integers(0, 2**53)), draw(st.integers(0, 2**53)), shifts)


def of(values: list[float], **more: Any) -> Reference:
    return Reference(np.array([values], dtype=float), **({"limit": 0, "runs": 1} | more))


def oracle(quantiles: list[float], value: float) -> float:
    """The middle of the places that the value may take among the sorted quantiles, from -1 to 1."""
    if math.isnan(quantiles[0]):
        return 0.0
    if math.isnan(value):
        return NAN
    return (bisect_left(quantiles, value) + bisect_right(quantiles, value)) / N - 1


@given(references(), st.data())
def test_ranks_are_places_counted_one_by_one(reference: Reference, data: st.DataObject) -> None:
    width = len(reference.quantiles)
    rows = data.draw(st.lists(st.lists(ANY, min_size=width, max_size=width), max_size=4))
    want = [[oracle(told, v) for told, v in zip(reference.quantiles.tolist(), row, strict=True)] for row in rows]
    x = np.array(rows).reshape(len(rows), width)
    kept = x.copy()
    np.testing.assert_array_equal(reference.ranks(x), np.array(want).reshape(x.shape))
    np.testing.assert_array_equal(x, kept)  # the caller keeps its raw values
    for row, told in zip(x, want, strict=True):  # as a session asks: one row alone
        assert reference.ranks(row).shape == (width,)
        np.testing.assert_array_equal(reference.ranks(row), told)


def test_known_ranks() -> None:
    apart = of([float(n) for n in range(N)])
    rows = np.array([[-1.0], [0.0], [0.5], [10.0], [20.0], [21.0], [INF], [-INF], [NAN]])
    want = [-1, 1 / 21 - 1, 2 / 21 - 1, 0, 41 / 21 - 1, 1, 1, -1, NAN]
    assert apart.ranks(rows)[:, 0].tolist() == pytest.approx(want, nan_ok=True)
    still = of([2.0] * N)  # what all runs share says nothing; what none had says all
    assert still.ranks(np.array([[1.0], [2.0], [3.0]]))[:, 0].tolist() == [-1, 0, 1]


def test_every_place_has_its_rank() -> None:
    assert PLACES == 43 and len(RANKS) == PLACES + 1
    assert (RANKS[0], RANKS[PLACES // 2], RANKS[PLACES - 1]) == (-1, 0, 1) and math.isnan(RANKS[-1])
    assert (np.diff(RANKS[:-1]) > 0).all()
    with pytest.raises(ValueError, match="read-only"):
        RANKS[0] = 0.0


@given(references(), st.data())
def test_places_are_counted_one_by_one_and_one_row_is_told_how_many_lie_outside(
    reference: Reference, data: st.DataObject
) -> None:
    told = reference.quantiles.tolist()
    edges = [float(np.nextafter(q, side)) for row in told for q in row for side in (-INF, INF)]
    cells = st.one_of(ANY, st.sampled_from([q for row in told for q in row]), st.sampled_from(edges))
    row = data.draw(st.lists(cells, min_size=len(told), max_size=len(told)))
    want = [
        PLACES // 2 if q[0] != q[0] else -1 if v != v else bisect_left(q, v) + bisect_right(q, v)
        for q, v in zip(told, row, strict=True)
    ]
    places = reference.places(np.array(row))
    assert places.dtype == np.int8 and places.tolist() == want
    np.testing.assert_array_equal(RANKS[places], reference.ranks(np.array(row)))
    assert outside(places) == reference.outside(np.array(row)).sum()
    both = reference.places(np.array([[row, row[::-1]], [row, row]]))
    assert both.shape == (2, 2, len(row)) and both[1, 1].tolist() == both[0, 0].tolist() == want


def test_a_value_a_hair_beside_a_quantile_stands_beside_it() -> None:
    q = [float(n) for n in range(N)]
    reference = of(q)
    for number, value in enumerate(q):
        beside = [np.nextafter(value, -INF), value, np.nextafter(value, INF)]
        assert [int(reference.places(np.array([v]))[0]) for v in beside] == [2 * number, 2 * number + 1, 2 * number + 2]


@given(references(), st.lists(ANY, min_size=2, max_size=2))
def test_a_higher_value_never_ranks_lower(reference: Reference, pair: list[float]) -> None:
    low, high = sorted(v for v in pair if v == v) if all(v == v for v in pair) else (0.0, 0.0)
    width = len(reference.quantiles)
    ranks = reference.ranks(np.array([[low] * width, [high] * width]))
    assert (ranks[0] <= ranks[1]).all() and (abs(ranks) <= 1).all()


def test_unknown_values_stay_unknown_unless_the_harness_never_reports_them() -> None:
    reference = Reference(np.array([[0.5] * N, [NAN] * N]), 0, 3)
    np.testing.assert_array_equal(reference.ranks(np.array([[NAN, NAN], [0.5, 7.0]])), [[NAN, 0], [0, 0]])
    # a value that the harness was not known to report is not beyond any range either
    assert not reference.outside(np.array([[NAN, NAN], [0.5, 7.0]])).any()


@given(references(), st.data())
def test_outside_is_beyond_the_outermost_quantiles(reference: Reference, data: st.DataObject) -> None:
    width = len(reference.quantiles)
    row = data.draw(st.lists(ANY, min_size=width, max_size=width))
    want = [v < told[0] or v > told[-1] for told, v in zip(reference.quantiles.tolist(), row, strict=True)]
    assert reference.outside(np.array(row)).tolist() == want
    assert reference.outside(np.array([row, row])).tolist() == [want, want]


@given(references())
def test_there_and_back_bit_for_bit(reference: Reference) -> None:
    told = reference.as_dict()
    again = Reference.from_dict(json.loads(json.dumps(told, allow_nan=False)))
    known = ~np.isnan(reference.quantiles)
    assert (np.isnan(again.quantiles) == ~known).all()
    assert again.quantiles[known].tobytes() == reference.quantiles[known].tobytes()
    assert (again.limit, again.runs, again.shifts) == (reference.limit, reference.runs, reference.shifts)
    assert json.dumps(again.as_dict()) == json.dumps(told)
    assert all((row is None) == bool(np.isnan(q[0])) for row, q in zip(told["quantiles"], again.quantiles, strict=True))


def test_what_is_written_is_a_copy_and_what_is_kept_is_read_only() -> None:
    values = np.zeros((1, N))
    reference = Reference(values, 0, 1, {"r1": 0.5})
    values[0, 0] = -9.0
    assert reference.quantiles[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        reference.quantiles[0, 0] = 1.0
    reference.as_dict()["shifts"]["r1"] = 9.0
    assert reference.shifts == {"r1": 0.5}
    assert replace(reference, limit=3).ranks(np.array([1.0])).tolist() == [1.0]


FALLING = [*[0.0] * (N - 1), -1e-9]
PART = [NAN, *[0.0] * (N - 1)]


@pytest.mark.parametrize(
    ("values", "more", "words"),
    [
        ([0.0] * (N - 1), {}, rf"quantiles: shape \(1, {N - 1}\), want {N} a feature"),
        ([[0.0] * N], {}, rf"quantiles: shape \(1, 1, {N}\), want {N} a feature"),
        (FALLING, {}, "quantiles: they do not rise"),
        ([1.0, 0.5, *[2.0] * (N - 2)], {}, "quantiles: they do not rise"),
        (PART, {}, "quantiles: a feature has either none or 21 numbers within 1e.100"),
        ([*[0.0] * (N - 1), NAN], {}, "quantiles: a feature has either none or 21 numbers"),
        ([*[0.0] * (N - 1), INF], {}, "quantiles: a feature has either none or 21 numbers within"),
        ([-1.1e100, *[0.0] * (N - 1)], {}, "quantiles: a feature has either none or 21 numbers within"),
        ([0.0] * N, {"limit": -1}, "limit: -1 is below 0"),
        ([0.0] * N, {"limit": True}, "limit: True is bool, want int"),
        ([0.0] * N, {"limit": 1.0}, "limit: 1.0 is float, want int"),
        ([0.0] * N, {"limit": 2**60}, "limit: a number that is not finite or beyond"),
        ([0.0] * N, {"runs": -1}, "runs: -1 is below 0"),
        ([0.0] * N, {"runs": False}, "runs: False is bool, want int"),
        ([0.0] * N, {"shifts": [0.5]}, r"shifts: \[0.5\] is list, want dict"),
        ([0.0] * N, {"shifts": {"r1": 1.1e100}}, r"shifts\.r1: beyond 1e\+100"),
        ([0.0] * N, {"shifts": {"r1": NAN}}, r"shifts\.r1: a number that is not finite"),
        ([0.0] * N, {"shifts": {"r1": -INF}}, r"shifts\.r1: a number that is not finite"),
        ([0.0] * N, {"shifts": {"r1": True}}, r"shifts\.r1: True is bool, want a number"),
        ([0.0] * N, {"shifts": {"r1": "0"}}, r"shifts\.r1: '0' is str, want a number"),
    ],
)
def test_an_unsound_reference_cannot_exist(values: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        of(values, **more)


GOOD: dict[str, Any] = {"quantiles": [[0.0] * N, None], "limit": 1, "runs": 9, "shifts": {}}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "a reference: None is NoneType, want dict"),
        ([], r"a reference: \[\] is list, want dict"),
        ({}, "a reference: key 'limit' is missing"),
        (GOOD | {"levels": []}, "a reference: unknown key 'levels'"),
        ({key: GOOD[key] for key in GOOD if key != "shifts"}, "a reference: key 'shifts' is missing"),
        (GOOD | {"quantiles": None}, "quantiles: None is NoneType, want list"),
        (GOOD | {"quantiles": [3]}, r"quantiles\[0\]: 3 is int, want list"),
        (GOOD | {"quantiles": [None, [0.0] * (N + 1)]}, r"quantiles\[1\]: want 21 finite numbers"),
        (GOOD | {"quantiles": [[*[0.0] * (N - 1), "inf"]]}, r"quantiles\[0\]: want 21 finite numbers"),
        (GOOD | {"quantiles": [[*[0.0] * (N - 1), NAN]]}, r"quantiles\[0\]\[20\]: a number that is not finite"),
        (GOOD | {"quantiles": [[*[0.0] * (N - 1), True]]}, r"quantiles\[0\]\[20\]: True is bool"),
        (GOOD | {"quantiles": [FALLING]}, "quantiles: they do not rise"),
        (GOOD | {"limit": True}, "limit: True is bool"),
        (GOOD | {"shifts": {"r1": None}}, r"shifts\.r1: None is NoneType, want a number"),
    ],
)
def test_data_that_is_no_reference_is_refused(data: Any, words: str) -> None:
    assert Reference.from_dict(GOOD).as_dict() == GOOD
    with pytest.raises(ValueError, match=words) as caught:
        Reference.from_dict(data)
    assert len(str(caught.value)) < 200


def test_a_bundle_of_no_features_has_a_reference_of_none() -> None:
    assert Reference.from_dict(GOOD | {"quantiles": []}).ranks(np.empty((3, 0))).shape == (3, 0)
