"""The panel: whose outcomes count for a row, whose are left out, and when there are too few to tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from featrouter.logs import Outcome
from featrouter.training.learn import rows_for
from featrouter.training.panel import LEAST_MODELS, join_panel, shares
from featrouter.training.table import Table

Outcomes = dict[tuple[str, str], Outcome]


def table_of(*rows: tuple[str, str]) -> Table:
    """One row for each pair of a task and a weak model."""
    meta = pd.DataFrame(rows, columns=["task_id", "weak_model"])
    meta = meta.assign(run_id=[f"r{i}" for i in range(len(rows))], y_weak=1.0, y_strong=1.0)
    return Table(meta, np.zeros((len(rows), 1)), ("f",))


def outcomes(**by_task: dict[str, int | None]) -> Outcomes:
    return {(task, model): Outcome(task, model, y) for task, found in by_task.items() for model, y in found.items()}


FOUR = {"a1": 1, "b2": 0, "c3": 0, "d4": 1}


def test_the_share_is_of_the_models_that_solve_the_task() -> None:
    told = shares(table_of(("t", "weak"), ("u", "weak")), outcomes(t=FOUR, u={"a1": 1, "b2": 1, "c3": 1}))
    assert told.tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("weak", "own"),
    [
        ("gemini-3-pro-preview", "mini-swe-agent/gemini-3-pro-preview-20251118"),
        ("gpt-4-0613", "gpt-4-0613"),
        ("gpt-4-0613", "agentless_GPT-4_0613"),
        ("openai/gpt-4-0613", "gpt-4-0613"),  # the other way round, too
    ],
)
def test_a_runs_own_system_is_left_out_by_its_name(weak: str, own: str) -> None:
    found = outcomes(t=FOUR | {own: 1}, u=FOUR | {own: 0})
    assert shares(table_of(("t", weak), ("u", weak)), found).tolist() == [0.5, 0.5]
    others = shares(table_of(("t", "claude-x"), ("u", "claude-x")), found)
    assert others.tolist() == pytest.approx([0.6, 0.4])  # to another system's runs it is one of the panel


def test_a_near_name_is_another_system() -> None:
    found = outcomes(t=FOUR | {"gpt-4-1106": 1})
    assert shares(table_of(("t", "gpt-4-0613")), found).tolist() == pytest.approx([0.6])


def test_each_row_leaves_out_its_own() -> None:
    found = outcomes(t={"alpha": 1, "beta": 0, "gamma": 0, "delta": 1})
    told = shares(table_of(("t", "alpha"), ("t", "beta"), ("t", "alpha")), found)
    assert told.tolist() == pytest.approx([1 / 3, 2 / 3, 1 / 3])


def test_fewer_than_three_models_tell_nothing() -> None:
    assert LEAST_MODELS == 3
    two = {"a1": 1, "b2": 0}
    found = outcomes(t=two, u=two | {"weak": 1}, v=two | {"c3": None}, w=two | {"c3": 1})
    told = shares(table_of(*((task, "weak") for task in "tuvwx")), found)
    assert np.isnan(told).tolist() == [True, True, True, False, True]
    assert told[3] == pytest.approx(2 / 3)


def test_the_named_model_is_left_out() -> None:
    rows = table_of(("t", "weak"))
    assert shares(rows, outcomes(t=FOUR), without="a1").tolist() == pytest.approx([1 / 3])
    assert shares(rows, outcomes(t=FOUR), without="a").tolist() == [0.5]  # by its whole name, as --strong names it
    assert np.isnan(shares(rows, outcomes(t={"a1": 1, "b2": 0, "c3": 0}), without="a1")).all()


def test_the_strong_share_knows_nothing_of_the_strong_model() -> None:
    rows = table_of(("t", "weak"))
    told = [join_panel(rows, outcomes(t=FOUR | {"strong": y}), "strong").meta for y in (0, 1)]
    assert [meta["share_strong"][0] for meta in told] == [0.5, 0.5]
    assert [meta["share_weak"][0] for meta in told] == pytest.approx([0.4, 0.6])


def test_only_known_shares_become_columns() -> None:
    rows = table_of(("t", "weak"))
    assert set(join_panel(rows, outcomes(t=FOUR), None).meta) - set(rows.meta) == {"share_weak"}
    three = outcomes(t={"a1": 1, "b2": 0, "strong": 0})
    assert set(join_panel(rows, three, "strong").meta) - set(rows.meta) == {"share_weak"}
    assert join_panel(rows, {}, "strong").meta.equals(rows.meta)


def test_each_arm_reads_its_own_share() -> None:
    joined = join_panel(table_of(("t", "weak")), outcomes(t=FOUR | {"strong": 1}), "strong")
    assert rows_for(joined, "y_weak", panel=True).share.tolist() == pytest.approx([0.6])
    assert rows_for(joined, "y_strong", panel=True).share.tolist() == [0.5]
    assert np.isnan(rows_for(joined, "y_weak", panel=False).share).all()
