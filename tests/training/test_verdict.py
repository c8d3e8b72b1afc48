"""What the logs say against routing: oracle-stopped runs, co-failure, and the verdict's first sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from featrouter.training.table import Table
from featrouter.training.verdict import co_failure, oracle_stopped, oracle_words, verdict


def ends(turns: Any, weak: Any, strong: Any = None, **more: Any) -> Table:
    n = len(turns)
    meta = pd.DataFrame({"run_id": [f"r{i}" for i in range(n)], "k": turns, "y_weak": weak, "at_end": 1.0})
    meta = meta.assign(task_id=meta["run_id"], harness="h", weak_model="w", **more)
    return Table(meta if strong is None else meta.assign(y_strong=strong), np.zeros((n, 1)), ("f",))


def stopped(early: int, late: int, early_solved: int, late_solved: int) -> list[dict[str, Any]]:
    solved = [1.0] * early_solved + [0.0] * (early - early_solved) + [1.0] * late_solved + [0.0] * (late - late_solved)
    return oracle_stopped(ends([3.0] * early + [10.0] * late, solved))


def test_an_oracle_stopped_log_is_named_with_its_numbers() -> None:
    found = stopped(40, 50, 40, 5)
    assert found == [
        {"harness": "h", "weak_model": "w", "last_turn": 10, "resolved_early": 1.0, "resolved_at_last_turn": 0.1}
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


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 300), st.data())
def test_the_co_failure_interval_is_clopper_pearson(n: int, data: st.DataObject) -> None:
    lost = data.draw(st.one_of(st.integers(0, n), st.just(0), st.just(n)))
    weak = np.r_[np.zeros(lost), np.ones(n - lost)]
    strong = np.zeros(n)
    found = co_failure(ends([1.0] * n, weak, strong))
    exact = binomtest(lost, n).proportion_ci(0.95, method="exact")
    assert found is not None and found["tasks"] == n
    assert found["share"] == pytest.approx(lost / n, abs=5e-5)
    assert found["ci"] == pytest.approx([exact.low, exact.high], abs=5.1e-5)


def test_co_failure_is_of_tasks_that_no_run_and_neither_model_solves() -> None:
    weak, strong = [0.0, 1, 0, 0, 0, np.nan], [0.0, 0, 1, 0, 0, 0]
    table = ends([1.0] * 6, weak, strong)
    assert co_failure(table)["share"] == 0.6  # r0, r3, r4 of five; r5 has no label
    same = Table(table.meta.assign(task_id=["a", "a", "b", "c", "c", "d"]), table.x, table.names)
    found = co_failure(same)
    assert found["tasks"] == 3 and found["share"] == pytest.approx(1 / 3, abs=1e-4)
    assert co_failure(ends([1.0], [0.0])) is None
    assert co_failure(ends([1.0], [np.nan], [1.0])) is None


def row(area: float | None, gain: tuple[float, float] = (0, 0), *, low: float | None = None, refused: str = "") -> dict:
    known = area is not None
    return {
        "route_auc": area,
        "route_auc_ci": [area - 0.05 if low is None else low, area + 0.05] if known else None,
        "gain_over_prompt": sum(gain) / 2 if known else None,
        "gain_ci": list(gain) if known else None,
        "random_band": [0.4, 0.6] if known else None,
    } | ({"route_auc_refused": refused} if refused else {})


def first(rows: dict[str, Any], split: str = "repo_disjoint", **more: Any) -> str:
    report = {
        "pair": {"weak": "w", "strong": "s"},
        "splits": {split: {"k": rows}},
        "oracle_stopped": [],
        "co_failure": None,
    }
    (words,) = verdict(report | more)
    return words


def test_the_verdict_says_whether_to_route_and_at_which_turn() -> None:
    assert first({"0": row(0.62), "2": row(0.7, (0.02, 0.1)), "4": row(0.8, (0.05, 0.2))}) == (
        "route at turn 4: Route-AUC 0.80 against 0.40 to 0.60 for a random router, and +0.12 [+0.05, +0.20] over the "
        "prompt alone (repo_disjoint)"
    )
    alone = first({"0": row(0.7), "2": row(0.75, (-0.01, 0.1))})
    assert alone.startswith("route on the prompt alone (k = 0, Route-AUC 0.70") and "no gain of the trajectory" in alone
    assert first({"0": row(0.55), "2": row(0.7, (-0.1, 0.3))}).startswith("unsure: Route-AUC 0.70 at turn 2")
    none = first({"0": row(0.55), "2": row(0.59, (0.01, 0.1))})
    assert (
        none.startswith("do not route this pair: at no turn does Route-AUC leave the band") and "0.59 at k = 2" in none
    )
    wide = first({"0": row(0.7, low=0.45)})  # above the band, but its interval reaches below a coin
    assert wide.startswith("do not route this pair")


def test_the_verdict_says_why_there_is_none() -> None:
    refused = first({"0": row(None, refused="strong is not dearer")})
    assert refused == "do not route this pair: Route-AUC is not defined (strong is not dearer)"
    assert first({}) == "do not route this pair: Route-AUC is not defined (no turn has enough runs)"
    assert "no strong model was named" in first({}, pair={"weak": "w", "strong": None})
    assert first({}, splits={}) == "too few tasks to judge routing"


def test_the_repo_disjoint_split_decides_where_there_is_one() -> None:
    good, bad = {"k": {"0": row(0.9)}}, {"k": {"0": row(0.5)}}
    assert first({}, splits={"mixed": good, "repo_disjoint": bad}).startswith("do not route")
    assert first({}, splits={"mixed": good}).endswith("(mixed)")


def test_warnings_follow_the_verdict() -> None:
    stop = stopped(40, 50, 40, 5)
    shared = {"tasks": 100, "share": 0.25, "ci": [0.17, 0.35]}
    report = {"pair": {"weak": "w", "strong": "s"}, "splits": {}, "oracle_stopped": stop, "co_failure": shared}
    words = verdict(report)
    assert len(words) == 3 and words[1] == oracle_words(stop[0])
    assert words[2].startswith("25% of the tasks (95 % interval 17% to 35%) are solved by neither model")
