"""Leave a harness out: nothing of it is seen, neither its twins nor tasks that it shares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from featrouter.evaluation.unseen import others, transferred, unseen, without_tasks
from featrouter.training.learn import Settings
from featrouter.training.metrics import auroc
from featrouter.training.table import Table

NAMES = ("files_opened", "loops_again", "edits_refused")
QUICK = Settings(head="lightgbm", calibration="platt")


def harness(name: str, n: int, seed: int, scale: float = 1.0, **more: Any) -> Table:
    """Two rows a run and its end; the first feature tells the outcome, in the harness's own unit."""
    rng = np.random.default_rng(seed)
    tasks = more.get("tasks", [f"{name}-{i}" for i in range(n)])
    y = more.get("y", (rng.random(n) < 0.5).astype(float))
    x = rng.normal(size=(n, 3))
    if more.get("signal", True):
        x[:, 0] += 2.5 * (y - 0.5)
    x[:, 2] = more.get("third", x[:, 2])
    x[:, 0] *= scale
    meta = pd.DataFrame({"run_id": [f"{name}/{i}" for i in range(n)], "task_id": tasks, "repo": "r", "harness": name})
    meta = meta.assign(weak_model=f"w-{name}", y_weak=y, cost_weak_usd=np.nan, spent_usd=np.nan)
    parts = [meta.assign(k=float(k), at_end=float(k == 2)) for k in (0, 1, 2)]
    return Table(pd.concat(parts, ignore_index=True), np.concatenate([x] * 3), NAMES)


def together(*tables: Table) -> Table:
    return Table(
        pd.concat([one.meta for one in tables], ignore_index=True), np.concatenate([one.x for one in tables]), NAMES
    )


def going(table: Table) -> Table:
    return table.where((table.meta["at_end"] == 0).to_numpy())


def area(scores: np.ndarray, table: Table) -> float:
    return float(auroc(scores, table.meta["y_weak"].to_numpy(), np.ones((1, len(table))))[0])


def test_the_rest_holds_neither_the_harness_nor_its_twin_nor_rows_at_the_end() -> None:
    all_of_them = together(*(harness(name, 5, 0) for name in ("bench-sql", "bench-react", "shell")))
    names, tested = ["bench-sql", "bench-react", "shell"], harness("bench-sql", 5, 0)
    assert set(others(all_of_them, tested, names).meta["harness"]) == {"bench-react", "shell"}
    rest = others(all_of_them, tested, names, twins=("bench-sql", "bench-react"))
    assert set(rest.meta["harness"]) == {"shell"} and set(rest.meta["at_end"]) == {0.0}


def test_ranks_carry_over_to_another_scale_and_values_do_not() -> None:
    rest = going(together(harness("a", 150, 1, 1.0), harness("b", 150, 2, 10.0)))
    tested = going(harness("c", 150, 3, 1000.0))
    tested.x[:, 0] += 5000  # whatever it means there, it is beyond all that was seen
    ranked, values = (area(transferred(tested, rest, QUICK, ranked)[0], tested) for ranked in (True, False))
    assert ranked > 0.85 and values < 0.65


def test_tasks_that_are_shared_are_not_learned_from() -> None:
    n = 120
    y = (np.random.default_rng(0).random(n) < 0.5).astype(float)
    tasks, third = [f"t{i}" for i in range(n)], np.arange(n, dtype=float)
    rest = going(harness("a", n, 1, tasks=tasks, y=y, third=third, signal=False))
    tested = going(harness("b", n, 2, tasks=tasks, y=y, third=third, signal=False))
    scores, fold = transferred(tested, rest, QUICK)
    assert len(set(fold)) == 5 and abs(area(scores, tested) - 0.5) < 0.12
    left = without_tasks(rest, tested.where(fold == 0))
    assert not set(left.meta["task_id"]) & set(tested.meta["task_id"][fold == 0])


def test_each_harness_is_judged_by_the_others() -> None:
    table = together(harness("a", 90, 1), harness("b", 90, 2, 10.0), harness("c", 90, 3, signal=False))
    found = unseen(table, replace(QUICK, policy="risk-controlled", max_harm=0.1))
    assert list(found) == ["a", "b", "c"]
    assert found["a"]["auroc"] > 0.7 < found["b"]["auroc"] and abs(found["c"]["auroc"] - 0.5) < 0.15
    for row in found.values():
        assert row["runs"] == 90 and row["auroc_ci"][0] <= row["auroc"] <= row["auroc_ci"][1]
        assert row["smece_told"] <= row["smece"] + 0.05
