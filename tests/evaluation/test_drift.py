"""Drift: nothing moves in fresh runs of the same world; what was moved is found and named, and so is calibration that is off."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, ks_2samp

from featrouter.bundle import Bundle
from featrouter.calibration import Calibrator
from featrouter.catalogue import digest, feature_set
from featrouter.evaluation.drift import FALSE_DISCOVERIES, LEAST_DISTANCE, _rejected, drift, ks_distance, words
from featrouter.head import Head
from featrouter.linear import Linear
from featrouter.policy import Policy
from featrouter.training.predictions import of_bundle
from featrouter.training.references import reference_of, references_of
from featrouter.training.table import Table

#: Names of the catalogue: `words` says what each means.
NAMES = feature_set().names[:40]
NAN = float("nan")


def world(n: int, seed: int, *, harness: str = "here", lengths: tuple[int, ...] = (5,)) -> Table:
    """Runs of some turns whose features have a part that is the run's own, some of them whole numbers or mostly 0."""
    rng = np.random.default_rng(seed)
    length = rng.choice(lengths, n)
    run = np.repeat(np.arange(n), length)
    k = np.concatenate([np.arange(each) for each in length])
    x = rng.normal(size=(n, len(NAMES)))[run] + rng.normal(size=(len(run), len(NAMES)))
    x[:, 10:20] = np.round(x[:, 10:20])
    x[:, 20:30] = np.maximum(x[:, 20:30], 1.0)
    x[rng.random(len(run)) < 0.3, 5] = NAN
    meta = {"run_id": [f"{seed}/{i}" for i in run], "task_id": [f"{seed}/{i // 2}" for i in run]}
    at_end = (k == length[run] - 1).astype(float)
    meta |= {"harness": harness, "weak_model": "small", "k": k.astype(float), "at_end": at_end, "y_weak": NAN}
    return Table(pd.DataFrame(meta), x, NAMES)


def bundle_of(table: Table) -> Bundle:
    """r1 rises with the rank of the first feature and falls with that of the second; r2 is one in five."""
    line = Linear(np.array([0, 1]), np.zeros(2), np.ones(2), np.array([1.5, -1.0]), np.zeros(2))
    heads = {"r1": replace(Head.constant("r1", "logit", 0.3), linear=line), "r2": Head.constant("r2", "logit", 0.0)}
    return Bundle(
        features=NAMES,
        catalogue=digest(),
        heads=heads,
        calibrators={"r1": Calibrator(), "r2": Calibrator("constant", b=0.2)},
        costs={"value": 1.0, "strong": None, "weak_remaining": [], "handover": "restart"},
        policies={"rule": Policy()},
        policy="rule",
        references=references_of(table),
    )


@pytest.fixture(scope="module")
def known() -> Bundle:
    return bundle_of(world(300, 0))


def moved_in(found: dict[str, Any]) -> list[str]:
    return [one["feature"] for one in found["features"] if one["moved"]]


def ones(x: np.ndarray) -> np.ndarray:
    return np.ones(len(x))


# the distance


@pytest.mark.parametrize("kind", ["continuous", "whole numbers", "mostly 0", "one value"])
def test_the_reference_is_at_no_distance_from_its_own_sample(kind: str) -> None:
    x = np.random.default_rng(0).normal(size=997)
    x = {"continuous": x, "whole numbers": np.round(x), "mostly 0": np.maximum(x, 0.8), "one value": 0 * x}[kind]
    assert ks_distance(x, ones(x), reference_of(x[:, None], np.arange(997)).quantiles[0])[0] <= 1 / 997


@pytest.mark.parametrize("by", [-1.5, -0.4, 0.2, 0.7, 30.0])
def test_of_a_shifted_sample_it_is_the_exact_one_or_a_little_less(by: float) -> None:
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=4000), rng.normal(size=3000) + by
    quantiles = reference_of(before[:, None], np.arange(4000)).quantiles[0]
    found, up = ks_distance(after, ones(after), quantiles)
    exact = ks_2samp(before, after).statistic
    # between two levels, .05 apart, a reference says nothing
    assert exact - 0.06 < found <= exact + 1e-9 and up == (by > 0)
    many = np.repeat(after, 3)  # a weight is as good as a copy
    for told in (ks_distance(after, np.full(len(after), 3.0), quantiles), ks_distance(many, ones(many), quantiles)):
        assert told == (pytest.approx(found), up)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_never_above_the_exact_one_whatever_the_atoms(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = rng.choice([0.5, 1.0, 3.0])
    before, after = (np.round(rng.normal(by, scale, n)) for by, n in ((0, 300), (rng.normal(), 170)))
    found, _ = ks_distance(after, ones(after), reference_of(before[:, None], np.arange(300)).quantiles[0])
    assert 0 <= found <= ks_2samp(before, after).statistic + 1e-9


def test_a_sample_that_is_spread_over_the_same_atoms_alike_is_at_no_distance() -> None:
    before = np.repeat([0.0, 1.0, 7.0], [700, 200, 100])
    quantiles = reference_of(before[:, None], np.arange(1000)).quantiles[0]
    few = np.repeat([0.0, 1.0, 7.0], [70, 20, 10])
    assert ks_distance(few, ones(few), quantiles)[0] == pytest.approx(0, abs=1e-9)
    other = np.repeat([0.0, 1.0, 7.0], [20, 20, 60])
    assert ks_distance(other, ones(other), quantiles) == (pytest.approx(0.5), True)
    assert ks_distance(-other - 1, ones(other), quantiles) == (
        pytest.approx(0.995),
        False,
    )  # the outermost level is 0.005


def test_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for n in (1, 2, 5, 40, 137):
        for power in (1, 2, 5, 12):
            p = rng.random(n) ** power
            found = set(np.flatnonzero(p <= _rejected(list(p))))
            assert found == set(np.flatnonzero(false_discovery_control(p) <= FALSE_DISCOVERIES))
            seen.add(len(found))
    assert len(seen) > 5 and _rejected([]) < 0


# features


def test_of_fresh_runs_of_the_same_world_almost_nothing_moves(known: Bundle) -> None:
    false = [len(moved_in(drift(known, world(150, seed))["here"])) for seed in range(1, 9)]
    assert sum(false) / (8 * len(NAMES)) < FALSE_DISCOVERIES, false
    few = drift(known, world(12, 9))["here"]  # the fewer runs, the larger the distances by chance: p-values know that
    assert max(one["distance"] for one in few["features"]) > LEAST_DISTANCE and len(moved_in(few)) <= 2


def test_many_rows_of_few_runs_are_no_more_than_few_runs() -> None:
    """What a run is like from its start to its end was drawn once."""
    first, fresh = (world(40, seed, lengths=(60,)) for seed in (0, 1))
    for table in (first, fresh):
        table.x[:] = np.repeat(table.x[::60], 60, axis=0)
    found = drift(bundle_of(first), fresh)["here"]
    assert sum(one["distance"] > 0.15 for one in found["features"]) > 5 and moved_in(found) == []


def test_runs_of_all_lengths_do_not_look_as_if_they_had_moved() -> None:
    """A long run has many rows. What counts is that the reference and the new runs are weighed alike."""
    first, fresh = (world(600, seed, lengths=(2, 13)) for seed in (0, 1))
    for table in (first, fresh):
        runs = table.meta["run_id"]
        table.x[:, 0] += 1.5 * (runs.groupby(runs).transform("size") > 2).to_numpy()
    bundle = bundle_of(first)
    assert moved_in(drift(bundle, first)["here"]) == []  # not even against itself
    assert moved_in(drift(bundle, fresh)["here"]) == []


def test_what_moved_is_named_first_with_its_direction(known: Bundle) -> None:
    table = world(150, 1)
    table.x[:, 7] += 3
    table.x[:, 12] -= 2
    table.x[:, 3] *= 1e6  # as far up as down
    found = drift(known, table)["here"]
    assert set(moved_in(found)[:3]) == {NAMES[7], NAMES[12], NAMES[3]}
    up, down = (next(one for one in found["features"] if one["feature"] == NAMES[at]) for at in (7, 12))
    assert found["features"][0] == up and up["direction"] == "up" and down["direction"] == "down"
    assert up["p"] < 1e-9 and up["distance"] > 0.7
    ranked = [(not one["moved"], -one["distance"]) for one in found["features"]]
    assert ranked == sorted(ranked) and len(ranked) == len(NAMES)


def test_a_move_that_is_sure_but_tiny_is_not_reported() -> None:
    many = world(4000, 0, lengths=(1,))
    found = drift(bundle_of(many), replace(many, x=many.x + 0.15))["here"]
    tiny = [one for one in found["features"] if one["p"] < 1e-3 and one["distance"] < LEAST_DISTANCE]
    assert len(tiny) > 10 and not any(one["moved"] for one in tiny)


def test_features_that_are_no_longer_or_newly_reported_are_told_apart() -> None:
    first, table = world(60, 0), world(60, 1)
    first.x[:, 2] = first.x[:, 4] = NAN
    table.x[:, 4] = table.x[:, 8] = NAN
    found = drift(bundle_of(first), table)["here"]
    assert found["never_reported"] == [NAMES[8]] and found["newly_reported"] == [NAMES[2]]
    assert {one["feature"] for one in found["features"]} == set(NAMES) - {NAMES[2], NAMES[4], NAMES[8]}


def test_the_share_that_the_guard_would_not_trust(known: Bundle) -> None:
    table = world(100, 1)
    told = drift(known, table)["here"]
    assert told["guard_doubts"] < 0.06 and told["outside_limit"] == known.references["here"].limit
    half = np.arange(len(table)) % 2 == 0
    table.x[half] += 1e6
    told = drift(known, table)["here"]
    assert 0.5 <= told["guard_doubts"] < 0.53
    assert told["outside_mean"] == pytest.approx(known.references["here"].outside(table.x).sum(axis=1).mean(), abs=1e-4)
    assert 19 < told["outside_mean"] < 22
    # where a feature is not reported it is not out of range
    assert table.x[half][np.isnan(table.x[half])].size


# harnesses


def test_of_a_harness_that_is_not_known_it_says_which_are(known: Bundle) -> None:
    one = known.references["here"]
    two = replace(known, references={"there": one, "here": one})
    table, other = world(30, 1), world(20, 2, harness="new")
    both = Table(pd.concat([table.meta, other.meta], ignore_index=True), np.vstack([table.x, other.x]), NAMES)
    found = drift(two, both)
    assert list(found) == ["here", "new"]
    assert found["new"] == {"runs": 20, "known": ["here", "there"]}
    assert found["here"] == drift(two, table)["here"] and found["here"]["runs"] == 30
    assert "not known to this bundle ('here', 'there'): featrouter adapt it" in words(found)
    named = drift(two, both, "there")
    assert named["here"] == found["here"] and named["new"]["reference_runs"] == 300
    assert named["new"] == drift(known, other)["new"]  # of a single reference it need not be said
    assert drift(two, other, "nosuch")["new"]["known"] == ["here", "there"]


# calibration


def labelled(known: Bundle, n: int, seed: int, *, off: float = 0.0) -> Table:
    """Runs whose features do not change, and whose outcomes are drawn from what the bundle says of them, or `off`."""
    table = world(n, seed, lengths=(3,))
    table = replace(table, x=np.repeat(table.x[::3], 3, axis=0))
    p = np.clip(of_bundle(table, known).r1[::3] + off, 0, 1)
    y = (np.random.default_rng(seed).random(n) < p).astype(float)
    return replace(table, meta=table.meta.assign(y_weak=np.repeat(y, 3), task_id=table.meta["run_id"]))


def test_outcomes_that_are_drawn_from_the_probabilities_show_no_gap(known: Bundle) -> None:
    covered = []
    for seed in range(1, 13):
        told = drift(known, labelled(known, 200, seed))["here"]["calibration"]["r1"]
        covered.append(told["gap_ci"][0] <= 0 <= told["gap_ci"][1])
        assert told["gap"] == pytest.approx(told["predicted"] - told["resolved"], abs=2e-4)
        assert told["gap_ci"][0] < told["gap"] < told["gap_ci"][1] and told["runs"] == 200
        assert told["auroc"] > 0.6 and told["smece_chance"] > 0
    assert sum(covered) >= 9, covered  # 95 % of twelve, with luck


def test_a_share_of_solved_tasks_that_fell_is_found(known: Bundle) -> None:
    fallen = drift(known, labelled(known, 300, 1, off=-0.3))
    told = fallen["here"]["calibration"]["r1"]
    assert told["gap_ci"][0] > 0.15 and told["smece_ci"][0] > 0.1 and told["smece"] > told["smece_chance"]
    assert "it no longer holds" in words(fallen)
    table = labelled(known, 300, 1)
    flipped = drift(known, replace(table, meta=table.meta.assign(y_weak=1 - table.meta["y_weak"])))
    assert flipped["here"]["calibration"]["r1"]["auroc"] < 0.4
    holds = drift(known, table)
    assert "no drift is shown" in words(holds) and "it no longer holds" not in words(holds)


def test_without_outcomes_calibration_is_left_open(known: Bundle) -> None:
    found = drift(known, world(20, 1))
    assert found["here"]["calibration"] == {}
    assert "no outcomes: whether the probabilities still hold cannot be told" in words(found)
    # with the strong model's outcomes alone, its arm alone is judged
    table = world(80, 1)
    solved = (np.random.default_rng(0).random(len(table)) < 0.5).astype(float)
    strong = drift(known, replace(table, meta=table.meta.assign(y_strong=solved)))["here"]["calibration"]
    assert list(strong) == ["r2"] and strong["r2"]["predicted"] == 0.2 and strong["r2"]["gap_ci"][1] < 0


# as text and as JSON


def test_words_tell_all_of_it() -> None:
    first = world(200, 0)
    first.x[:, 2] = NAN
    bundle = bundle_of(first)
    table = labelled(bundle, 120, 1)
    table.x[:, 20:] += 50
    table.x[:, 8] = NAN
    found = drift(bundle, table)
    text = words(found, most=3)
    moved = moved_in(found["here"])
    assert text.startswith("here: 120 runs\n") and len(moved) >= 20
    assert f"  {len(moved)} of {len(found['here']['features'])} features moved against 200 reference runs" in text
    for name in moved[:3]:
        assert f"up    {name}: {feature_set().by_name[name].meaning}" in text
    assert f"and {len(moved) - 3} more (--json has all)" in text and f"{moved[3]}:" not in text
    assert f"no longer reported: {NAMES[8]}" in text and f"reported, but never before: {NAMES[2]}" in text
    assert "the guard would not trust 100.0% of the decision points" in text
    assert "\n  r1: says 0." in text and "120 runs)" in text and "smECE 0." in text and "AUROC 0." in text
    assert words(found).count("\n    ") == 15 + 1
    blank = replace(table, meta=table.meta.assign(harness=""))
    assert words(drift(bundle, blank)).startswith("(no harness named): 120 runs")


@pytest.mark.parametrize("n", [1, 2, 40])
def test_the_report_is_json_without_nan(known: Bundle, n: int) -> None:
    for table in (world(n, 1), labelled(known, n, 1)):
        found = drift(known, table)
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        assert words(found)
    solved = labelled(known, n, 1)
    solved = replace(solved, meta=solved.meta.assign(y_weak=1.0))  # there is no AUROC of one class
    found = drift(known, solved)
    assert json.loads(json.dumps(found, allow_nan=False)) == found and words(found)
    if n > 1:
        assert found["here"]["calibration"]["r1"]["auroc"] is None
