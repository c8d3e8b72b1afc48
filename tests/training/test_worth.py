"""What a policy earns: the ledger against a walk of each run by hand, the constants, and walks from a table."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter.policy import NEVER, Policy
from featrouter.training.predictions import Predictions
from featrouter.training.worth import Ledger, Walks, constants, follow, walks

VALUE = 4.0


def some_walks(seed: int, n: int, turns: list[int]) -> Walks:
    """Random runs that live for some of the turns and then end; here and there a number is unknown."""
    rng = np.random.default_rng(seed)
    shape = n, len(turns) + 1
    alive = np.arange(shape[1]) < rng.integers(0, shape[1], n)[:, None]
    alive[:, -1] = True

    def grid(top: float, unknown: float) -> np.ndarray:
        values = np.where(alive, rng.random(shape) * top, np.nan)
        values[rng.random(shape) < unknown] = np.nan
        return values

    def costs() -> np.ndarray:
        return np.where(rng.random(n) < 0.1, np.nan, rng.random(n))

    names = np.array([f"r{i}" for i in range(n)], dtype=object)
    return Walks(
        np.array(turns, dtype=np.int64),
        grid(1, 0.05),
        grid(1, 0.05),
        grid(3, 0.2),  # against a value of 4, so that both arms are often not worth their cost
        grid(5, 0.2),
        np.cumsum(grid(0.2, 0), axis=1),
        alive,
        (rng.random(n) < 0.5).astype(float),
        (rng.random(n) < 0.7).astype(float),
        costs(),
        costs(),
        names,
        names,
    )


def or_nothing(usd: float) -> float:
    return 0.0 if math.isnan(usd) else float(usd)


def walked(policy: Policy, runs: Walks, run: int) -> tuple[float, float, bool, bool]:
    """One run, turn after turn: (resolved, USD, escalated, stopped)."""
    last = len(runs.turns)
    weak, strong = or_nothing(runs.cost_weak[run]), or_nothing(runs.cost_strong[run])
    for at in range(last + 1):
        limit = policy.end if at == last else policy.threshold(int(runs.turns[at]), ended=False)
        if not runs.alive[run, at] or limit == NEVER:
            continue
        y1 = runs.r1[run, at] - or_nothing(runs.c1[run, at]) / VALUE
        y2 = runs.r2[run, at] - or_nothing(runs.c2[run, at]) / VALUE
        paid = weak if at == last else or_nothing(runs.spent[run, at])
        if policy.allow_stop and y1 < 0 and y2 < 0:
            if at == last:
                break  # the answer is in: it is accepted
            return 0.0, paid, False, True
        if y2 - y1 > limit:
            return float(runs.y_strong[run]), paid + strong, True, False
    return float(runs.y_weak[run]), weak, False, False


thresholds = st.one_of(st.sampled_from([NEVER, -NEVER, 0.0]), st.floats(-1, 1))


@st.composite
def policies(draw: Any) -> Policy:
    starts = sorted(draw(st.sets(st.integers(0, 12), max_size=4)))
    steps = tuple((start, draw(thresholds)) for start in starts)
    return Policy("anytime", steps, draw(thresholds), latch=True, allow_stop=draw(st.booleans()))


@settings(deadline=None, max_examples=200)
@given(policies(), st.integers(0, 10**6), st.sets(st.integers(0, 12), max_size=5))
def test_the_ledger_is_what_a_walk_of_each_run_finds(policy: Policy, seed: int, turns: set[int]) -> None:
    runs = some_walks(seed, 12, sorted(turns))
    ledger = follow(policy, runs, VALUE)
    for run in range(len(runs)):
        resolved, usd, escalated, stopped = walked(policy, runs, run)
        assert (ledger.resolved[run], ledger.escalated[run], ledger.stopped[run]) == (resolved, escalated, stopped)
        assert ledger.cost[run] == pytest.approx(usd)


def test_the_random_runs_go_every_way() -> None:
    """The walk above proves something only where runs are kept, escalated early and late, and given up."""
    runs = some_walks(1, 400, [0, 2, 5])
    ledger = follow(Policy("anytime", ((0, 0.3),), 0.3, latch=True, allow_stop=True), runs, VALUE)
    late = ledger.escalated & ~(ledger.cost < np.nan_to_num(runs.cost_weak) + np.nan_to_num(runs.cost_strong))
    for share in (ledger.stopped, ledger.escalated, late, ~ledger.stopped & ~ledger.escalated):
        assert 0.02 < share.mean() < 0.9


def test_net_is_the_value_of_what_is_solved_minus_its_cost() -> None:
    no = np.zeros(2, bool)
    assert Ledger(np.array([1.0, 0]), np.array([0.5, 2]), no, no).net(3.0).tolist() == [2.5, -2.0]


def test_constants_are_the_policies_that_look_at_nothing() -> None:
    runs = some_walks(3, 60, [0, 1, 2])
    runs = replace(runs, alive=np.ones_like(runs.alive), spent=np.zeros_like(runs.spent))
    runs = replace(runs, r1=np.full(runs.r1.shape, 0.5), r2=np.full(runs.r1.shape, 0.5))
    found = constants(runs)
    assert set(found) == {"always-weak", "always-strong", "stop"}
    never = follow(Policy("anytime", ((0, NEVER),), NEVER), runs, VALUE)
    always = follow(Policy("anytime", ((0, -NEVER),), NEVER), runs, VALUE)
    for name, ledger in (("always-weak", never), ("always-strong", always)):
        for field in ("resolved", "cost", "escalated", "stopped"):
            np.testing.assert_array_equal(getattr(found[name], field), getattr(ledger, field), err_msg=name)
    assert found["stop"].net(VALUE).tolist() == [0.0] * 60 and found["stop"].stopped.all()


def numbered(table: Any) -> Predictions:
    n = len(table)
    return Predictions(*(np.arange(n) / n + shift for shift in (0, 1, 2, 3)))


def test_walks_hold_each_row_of_the_table_at_its_turn(made_up) -> None:
    table = made_up(np.array([1.0, 0, 0]), np.array([1.0, 1, 0]), turns=np.array([2, 4, 1]))
    told = numbered(table)
    found = walks(table, told)
    assert found is not None and found.turns.tolist() == [0, 1, 2, 3] and len(found) == 3
    ended = [[True, True, False, False, True], [True] * 5, [True, False, False, False, True]]
    assert found.alive.tolist() == ended
    assert found.runs.tolist() == ["run0000", "run0001", "run0002"] and found.tasks[1] == "task0001"
    assert (found.y_weak.tolist(), found.y_strong.tolist()) == ([1, 0, 0], [1, 1, 0])
    assert found.cost_weak.tolist() == [1] * 3 and found.cost_strong.tolist() == [10] * 3
    for row, (run, k, end) in enumerate(zip(table.meta["run_id"], table.meta["k"], table.meta["at_end"], strict=True)):
        at = found.runs.tolist().index(run), 4 if end else int(k)
        for name in ("r1", "r2", "c1", "c2"):
            assert getattr(found, name)[at] == getattr(told, name)[row]
        assert found.spent[at] == table.meta["spent_usd"][row]
    for name in ("r1", "r2", "c1", "c2", "spent"):
        assert (np.isnan(getattr(found, name)) == ~found.alive).all()


def test_spent_is_shared_out_evenly_where_turns_have_no_price(made_up) -> None:
    table = made_up(np.array([1.0, 0]), np.ones(2), turns=4)
    table.meta.loc[table.meta["k"] == 2, "spent_usd"] = np.nan
    found = walks(table, numbered(table))
    assert found is not None and found.spent.tolist() == [[0, 0.25, 0.5, 0.75, 1.0]] * 2


def test_runs_without_both_outcomes_are_left_out(made_up) -> None:
    table = made_up(np.array([1.0, 0, 0, 1]), np.array([1.0, 1, 0, 0]), turns=np.array([2, 9, 2, 2]))
    table.meta.loc[table.meta["run_id"] == "run0001", "y_strong"] = np.nan
    table.meta.loc[table.meta["run_id"] == "run0003", "y_weak"] = np.nan
    found = walks(table, numbered(table))
    assert found is not None and found.tasks.tolist() == ["task0000", "task0002"]
    assert found.turns.tolist() == [0, 1]  # the turns of runs that are left out are no columns
    table.meta["y_strong"] = np.nan
    assert walks(table, numbered(table)) is None
    bare = replace(table, meta=table.meta.drop(columns="y_strong"))
    assert walks(bare, numbered(bare)) is None


def test_where_keeps_the_turns_and_takes_the_runs() -> None:
    runs = some_walks(0, 8, [0, 3])
    part = runs.where(np.arange(8) % 2 == 0)
    assert len(part) == 4 and part.turns.tolist() == [0, 3] and part.runs.tolist() == ["r0", "r2", "r4", "r6"]
    np.testing.assert_array_equal(part.r1, runs.r1[::2])


def test_y_weighs_costs_by_the_value_of_a_task() -> None:
    runs = some_walks(2, 30, [0, 1])
    y1, y2 = runs.y(2.0)
    unknown = np.isnan(runs.c1)
    assert (unknown & runs.alive).any()
    np.testing.assert_array_equal(y1[unknown], runs.r1[unknown])
    np.testing.assert_allclose(y2[~np.isnan(runs.c2)], (runs.r2 - runs.c2 / 2)[~np.isnan(runs.c2)])
