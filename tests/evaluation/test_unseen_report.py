"""What is told of a harness that was left out: every key a number or null, and an answer where little can be learned."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import simulator as sim

from featrouter.evaluation.unseen import harness_of, transferred, unseen, without_tasks
from featrouter.training.learn import Settings
from featrouter.training.table import Table

QUICK = Settings(head="linear", calibration="platt", panel=False)
KEYS = {"runs", "auroc", "auroc_ci", "predicted", "resolved"}
KEYS |= {f"{name}{end}" for name in ("smece", "smece_told") for end in ("", "_ci", "_chance")}


def runs(harness: str, n: int, seed: int, *, y: np.ndarray | None = None, task: str = "") -> Table:
    """Runs whose first feature tells a little of the outcome; all of one `task`, or each of its own."""
    y = (np.random.default_rng(seed).random(n) < 0.4).astype(float) if y is None else y
    table = sim.plain_table(y, np.ones(n), turns=2, signal=2.0, seed=seed)
    named = {name: harness + table.meta[name] for name in ("run_id", "task_id")}
    if task:
        named["task_id"] = task
    return Table(table.meta.assign(harness=harness, **named), table.x, ("files_opened", *table.names[1:]))


def together(*tables: Table) -> Table:
    return Table(
        pd.concat([one.meta for one in tables], ignore_index=True), np.vstack([one.x for one in tables]), NAMES
    )


NAMES = ("files_opened", "b", "c", "d")


@pytest.fixture(scope="module")
def two() -> Table:
    return together(runs("one", 90, 1), runs("two", 80, 2))


def test_the_report_of_each_harness_has_every_key_and_finite_numbers(two: Table) -> None:
    found = unseen(two, QUICK)
    assert list(found) == ["one", "two"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for name, row in found.items():
        assert set(row) == KEYS
        numbers = [each for value in row.values() for each in (value if isinstance(value, list) else [value])]
        assert all(math.isfinite(each) for each in numbers)
        rows = two.meta[(two.meta["harness"] == name) & (two.meta["at_end"] == 0)]
        assert row["runs"] == rows["run_id"].nunique()
        assert row["resolved"] == pytest.approx(rows.groupby("run_id")["y_weak"].first().mean(), abs=1e-4)
        assert row["smece_ci"][0] <= row["smece"] <= row["smece_ci"][1]


def test_outcomes_of_the_tested_harness_do_not_matter_to_what_it_is_told(two: Table) -> None:
    going = two.where((two.meta["at_end"] == 0).to_numpy())
    tested, rest = (going.where((going.meta["harness"] == name).to_numpy()) for name in ("one", "two"))
    flipped = Table(tested.meta.assign(y_weak=1 - tested.meta["y_weak"]), tested.x, tested.names)
    np.testing.assert_array_equal(transferred(tested, rest, QUICK)[0], transferred(flipped, rest, QUICK)[0])
    assert harness_of(tested) == "one" and len(without_tasks(rest, tested)) == len(rest)
    assert len(without_tasks(rest, rest)) == 0


def test_a_harness_with_one_outcome_alone_and_one_alone_in_the_log_are_no_reason_to_fail(two: Table) -> None:
    solved = unseen(together(two, runs("three", 50, 3, y=np.ones(50))), QUICK)["three"]
    assert solved["auroc"] is None and solved["auroc_ci"] is None and solved["resolved"] == 1
    assert unseen(runs("one", 60, 1), QUICK) == {}
    blank = Table(two.meta.assign(y_weak=two.meta["y_weak"].mask(two.meta["harness"] == "two")), two.x, two.names)
    assert unseen(blank, QUICK) == {}  # without outcomes neither taught by it nor judged on it


def test_harnesses_that_share_their_only_task_are_no_reason_to_fail() -> None:
    """A fold of that task leaves nothing to learn from: nothing can be said of them."""
    found = unseen(together(runs("one", 60, 1, task="t"), runs("two", 60, 2, task="t")), QUICK)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
