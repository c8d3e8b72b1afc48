"""References as they are fitted: on each harness's rows alone, without outcomes but for its base rates."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featrouter.reference import LEVELS, MAX_VALUE, Reference
from featrouter.training.references import (
    even,
    known_to,
    ranked,
    reference_of,
    references_of,
    shifted_by,
    shifts_of,
)
from featrouter.training.table import Table

NAN, INF = float("nan"), float("inf")


def runs_of(n: int, each: int = 1) -> np.ndarray:
    return np.repeat([f"run{number}" for number in range(n)], each).astype(object)


INCREASING = {
    "scaled": lambda x: 1000 * x - 7,
    "cubed": lambda x: x**3,
    "exponential": np.exp,
    "ranked": lambda x: np.searchsorted(np.unique(x[~np.isnan(x)]), x).astype(float) + 0 * x,
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(INCREASING)),
    st.lists(st.one_of(st.integers(-20, 20).map(lambda n: n / 4), st.just(NAN)), min_size=1, max_size=80),
)
def test_ranks_do_not_depend_on_the_unit_of_a_feature(name: str, column: list[float]) -> None:
    """What makes harnesses comparable: only the order of a harness's values counts, whatever they are measured in."""
    x = np.array(column)[:, None]
    other = INCREASING[name](x)
    runs = runs_of(len(x))
    one, two = reference_of(x, runs), reference_of(other, runs)
    np.testing.assert_array_equal(one.ranks(x), two.ranks(other))
    np.testing.assert_array_equal(one.outside(x), two.outside(other))
    assert one.limit == two.limit


def test_a_fitted_reference_holds_quantiles_of_the_known_values_and_counts_runs() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 3))
    x[rng.random(4000) < 0.3, 1] = NAN
    x[:, 2] = NAN
    reference = reference_of(x, runs_of(400, 10))
    assert reference.runs == 400 and reference.shifts == {}
    for column in (0, 1):
        known = np.sort(x[~np.isnan(x[:, column]), column])
        for level, told in zip(LEVELS, reference.quantiles[column], strict=True):
            assert told in known and (known <= told).mean() == pytest.approx(level, abs=1 / len(known))
    assert np.isnan(reference.quantiles[2]).all()
    ranks = reference.ranks(x)
    assert abs(ranks[:, 0].mean()) < 0.02 and np.isnan(ranks[:, 1]).mean() == pytest.approx(0.3, abs=0.05)
    assert (ranks[:, 2] == 0).all()


def test_at_least_99_percent_of_the_rows_are_within_the_limit_and_no_smaller_one_would_do() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3000, 40))
    x[:20] += 40  # a few rows are odd in everything
    reference = reference_of(x, runs_of(3000))
    beyond = reference.outside(x).sum(axis=1)
    assert (beyond <= reference.limit).mean() >= 0.99 > (beyond < reference.limit).mean()


def test_values_that_are_infinite_or_far_too_large_are_kept_in_bounds() -> None:
    reference = reference_of(np.array([[INF], [-INF], [1e300], [0.0]]), runs_of(4))
    assert reference.quantiles.min() == -MAX_VALUE and reference.quantiles.max() == MAX_VALUE
    assert Reference.from_dict(json.loads(json.dumps(reference.as_dict()))).runs == 4


def two_harnesses(made_up: Any, n: int = 120) -> Table:
    """Harness b reports column 0 in another unit, and never column 3."""
    rng = np.random.default_rng(0)
    table = made_up((rng.random(n) < 0.5).astype(float), np.ones(n), signal=2.0)
    half = (table.meta["run_id"] >= f"run{n // 2:04}").to_numpy()
    table.x[half, 0] = np.exp(table.x[half, 0]) * 100
    table.x[half, 3] = NAN
    return replace(table, meta=table.meta.assign(harness=np.where(half, "b", "a")))


def test_every_harness_is_ranked_among_its_own(made_up: Any) -> None:
    table = two_harnesses(made_up)
    found = references_of(table)
    assert list(found) == ["a", "b"] and [one.runs for one in found.values()] == [60, 60]
    told = ranked(table, found)
    for name, one in found.items():
        rows = (table.meta["harness"] == name).to_numpy()
        np.testing.assert_array_equal(told.x[rows], one.ranks(table.x[rows]))
        assert abs(told.x[rows].mean(axis=0)).max() < 0.05
    assert told.names == table.names and told.meta is table.meta
    with pytest.raises(KeyError):
        ranked(table, {"a": found["a"]})


def test_rows_of_a_harness_that_is_not_known_are_ranked_among_themselves(made_up: Any) -> None:
    table = two_harnesses(made_up)
    found = references_of(table)
    both = known_to(table, {"a": found["a"], "c": found["b"]})
    assert list(both) == ["a", "c", "b"] and both["a"] is found["a"]
    assert both["b"].as_dict() == found["b"].as_dict()
    assert known_to(table, found) == found


def test_a_blank_harness_is_one_like_any_other(made_up: Any) -> None:
    table = two_harnesses(made_up)
    blank = replace(table, meta=table.meta.assign(harness=table.meta["harness"].replace("a", "")))
    assert list(references_of(blank)) == ["", "b"]


def test_no_harness_drowns_another_by_the_number_of_its_runs() -> None:
    harness = np.array(["a"] * 30 + ["b"] * 6, dtype=object)
    runs = np.concatenate([runs_of(10, 3), np.repeat(["x", "y"], 3).astype(object)])
    weights = even(harness, runs)
    assert weights.mean() == pytest.approx(1)
    assert weights[:30].sum() == pytest.approx(weights[30:].sum())
    assert len(set(weights[:30])) == 1
    assert even(harness[:30], runs[:30]).tolist() == pytest.approx([1.0] * 30, rel=1e-12)


def test_shifts_give_every_harness_its_base_rate() -> None:
    rng = np.random.default_rng(0)
    n = 400
    harness = np.repeat(["a", "b"], n // 2).astype(object)
    told = rng.uniform(0.2, 0.8, n)
    y = (rng.random(n) < np.where(harness == "a", 0.8, 0.3)).astype(float)
    y[::9] = NAN
    weights = rng.uniform(0.5, 2, n)
    found = shifts_of(told, y, weights, harness, runs_of(n))
    assert found["a"] > 0 > found["b"]
    after = shifted_by(told, found, harness)
    for name in found:
        rows = (harness == name) & ~np.isnan(y)
        assert np.average(after[rows], weights=weights[rows]) == pytest.approx(
            np.average(y[rows], weights=weights[rows]), abs=1e-4
        )
        order = np.argsort(told[harness == name])
        assert (np.diff(after[harness == name][order]) >= 0).all()


def test_a_harness_of_too_few_labels_and_a_single_harness_have_no_shift() -> None:
    rng = np.random.default_rng(0)
    told, y = rng.uniform(0.2, 0.8, 100), (rng.random(100) < 0.5).astype(float)
    alone, ones, runs = np.full(100, "a", dtype=object), np.ones(100), runs_of(100)
    assert shifts_of(told, y, ones, alone, runs) == {}
    few = np.array(["a"] * 61 + ["b"] * 39, dtype=object)
    assert list(shifts_of(told, y, ones, few, runs)) == ["a"]
    lucky = np.where(few == "a", (np.arange(100) >= 9).astype(float), y)  # nine failures are too few
    assert shifts_of(told, lucky, ones, few, runs) == {}
    np.testing.assert_array_equal(shifted_by(np.array([0.3, NAN]), {"b": 2.0}, few[:2]), [0.3, NAN])
    assert np.isnan(shifted_by(np.array([0.3, NAN]), {"a": 2.0}, few[:2])[1])
