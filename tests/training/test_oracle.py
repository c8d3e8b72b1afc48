"""Logs in which an oracle ended the run are named, and no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from featrouter.training.oracle import oracle_stopped, oracle_words
from featrouter.training.table import Table


def ends(turns: list[float], weak: list[float]) -> Table:
    n = len(turns)
    meta = pd.DataFrame({"run_id": [f"r{i}" for i in range(n)], "k": turns, "y_weak": weak, "at_end": 1.0})
    meta = meta.assign(task_id=meta["run_id"], harness="h", weak_model="w")
    return Table(meta, np.zeros((n, 1)), ("f",))


def stopped(early: int, late: int, early_solved: int, late_solved: int) -> list[dict[str, Any]]:
    solved = [1.0] * early_solved + [0.0] * (early - early_solved) + [1.0] * late_solved + [0.0] * (late - late_solved)
    return oracle_stopped(ends([3.0] * early + [10.0] * late, solved))


def test_an_oracle_stopped_log_is_named_with_its_numbers() -> None:
    found = stopped(40, 50, 40, 5)
    assert found == [
        {"harness": "h", "weak_model": "w", "last_turn": 10, "resolved_early": 1.0, "resolved_at_last_turn": 0.1}
        | {"resolved_by_end_turn": {"3": 1.0, "10": 0.1}}
    ]
    words = oracle_words(found[0])
    assert words.startswith("oracle-stopped log: runs of w (h) that end before turn 10 are solved in 100% of cases")
    assert "those that reach it in 10%" in words and "worth nothing elsewhere" in words


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ((20, 20, 20, 12), True),
        ((19, 20, 19, 12), False),  # too few early runs to say
        ((20, 19, 20, 11), False),  # too few late ones
        ((100, 100, 97, 60), True),
        ((100, 100, 96, 60), False),  # an early run may fail: it submitted by itself
        ((100, 100, 97, 61), False),  # all runs are good here
        ((100, 100, 50, 10), False),
        ((100, 100, 0, 100), False),
    ],
)
def test_where_the_line_is_drawn(numbers: tuple[int, int, int, int], named: bool) -> None:
    assert bool(stopped(*numbers)) is named


def test_harnesses_and_models_are_judged_apart() -> None:
    one, two = ends([3.0] * 40 + [10.0] * 40, [1.0] * 40 + [0.0] * 40), ends([3.0] * 80, [1.0, 0.0] * 40)
    meta = pd.concat([one.meta, two.meta.assign(harness="other"), one.meta.assign(weak_model="v")], ignore_index=True)
    found = oracle_stopped(Table(meta, np.zeros((240, 1)), ("f",)))
    assert [(stop["harness"], stop["weak_model"]) for stop in found] == [("h", "v"), ("h", "w")]


def test_rows_before_the_end_and_runs_without_a_label_do_not_count() -> None:
    table = ends([3.0] * 40 + [10.0] * 40, [1.0] * 40 + [0.0] * 40)
    assert not oracle_stopped(Table(table.meta.assign(at_end=0.0), table.x, table.names))
    table.meta.loc[25:, "y_weak"] = np.nan
    assert not oracle_stopped(table)


def test_a_few_that_straggle_on_do_not_hide_it() -> None:
    (found,) = oracle_stopped(ends([3.0] * 40 + [10.0] * 40 + [11.0] * 3, [1.0] * 40 + [0.0] * 43))
    assert found["last_turn"] == 10 and found["resolved_at_last_turn"] == 0
