"""Logs that teach nothing, or too much: refused or flagged in words; and the same log is the same bundle, to the byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from damaged import line

from featrouter import Bundle
from featrouter.evaluation.evaluate import evaluate
from featrouter.logs import Logs
from featrouter.training.bundling import train
from featrouter.training.leaks import at_start, leak_words, leaking
from featrouter.training.learn import Settings
from featrouter.training.table import Table, table_of

ROOT = Path(__file__).parents[2]
QUICK = Settings(head="lightgbm", panel=False)


def a_table(y: list[int], columns: dict[str, Any], harnesses: list[str] | None = None) -> Table:
    """One run a task, of two turns and an end; a column holds the same in all rows of a run."""
    n = len(y)
    runs = [f"run{number:04}" for number in range(n)]
    told = {"run_id": runs, "task_id": runs, "repo": [f"repo{number % 7}" for number in range(n)]}
    told |= {"harness": harnesses or ["h"] * n, "weak_model": ["w"] * n, "y_weak": np.asarray(y, float)}
    told |= {"cost_weak_usd": 1.0, "y_strong": np.tile([1.0, 1.0, 0.0], n)[:n], "cost_strong_usd": 10.0}
    once = pd.DataFrame(told)
    rows = pd.concat([once.assign(k=k, at_end=int(k == 2), spent_usd=k / 2) for k in range(3)])
    order = np.lexsort((rows["k"], rows["run_id"]))
    x = np.tile(np.column_stack([np.asarray(column, float) for column in columns.values()]), (3, 1))
    return Table(rows.iloc[order].reset_index(drop=True), x[order], tuple(columns))


def test_a_log_of_one_class_gives_a_constant_and_says_so() -> None:
    rng = np.random.default_rng(0)
    for label in (0, 1):
        bundle = train(a_table([label] * 200, {"effort_length": rng.random(200)}), strong="s", settings=QUICK)
        assert bundle.heads["r1"].empty and not bundle.heads["r2"].empty
        assert any(flag.startswith("r1 ") and "base rate" in flag for flag in bundle.flags)


def test_columns_that_never_change_are_never_asked() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 300)
    still = {"effort_length": np.zeros(300), "files_opened": np.full(300, 1e14), "edits_refused": np.full(300, np.nan)}
    bundle = train(a_table(list(y), still | {"traces_share": y + rng.normal(0, 1, 300)}), strong="s", settings=QUICK)
    assert set(bundle.importances) == {"traces_share"} and bundle.metrics["r1"]["auroc"] > 0.7
    alone = train(a_table(list(y), still), strong="s", settings=QUICK)
    assert all(alone.calibrators[name].kind == "constant" or alone.heads[name].empty for name in ("r1", "r1_end"))
    assert any("base rate" in flag for flag in alone.flags)


def test_a_feature_that_knows_the_outcome_at_the_start_is_named_and_questioned() -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 120)
    columns = {"prompt_words": y + rng.normal(0, 0.1, 120), "prompt_numbers": rng.random(120)}
    columns["effort_length"] = -y + rng.random(120) / 2
    table = a_table(list(y), columns)
    found = leaking(table)
    assert [(leak["feature"], leak["outcome"], leak["runs"]) for leak in found] == [
        ("prompt_words", "y_weak", 120),
        ("effort_length", "y_weak", 120),
    ]
    assert found[0]["auroc"] > 0.99 and found[1]["auroc"] < 0.01
    words = [leak_words(leak) for leak in found]
    assert words[0].startswith("prompt_words alone ranks y_weak at turn 0") and "know the outcome?" in words[0]
    assert set(words) <= set(train(table, strong="s", settings=QUICK).flags)
    report = evaluate(table, weak="w", strong="s", settings=QUICK, draws=50, splits=())
    assert report["leaking"] == found and set(words) <= set(report["verdict"])


@pytest.mark.parametrize("what", ["a good feature", "few runs", "harnesses that differ"])
def test_what_may_be_honest_is_not_questioned(what: str) -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 200)
    column, harnesses = y + rng.normal(0, 0.8, 200), None
    if what == "few runs":
        y, column = y[:36], y[:36].astype(float)
    if what == "harnesses that differ":  # each has its own texts and its own rate: pairs of two harnesses tell nothing
        harnesses = ["a" if label else "b" for label in y]
        column = y + rng.normal(0, 0.01, 200)
        y = np.where(rng.random(200) < 0.9, y, 1 - y)
    assert leaking(a_table(list(y), {"prompt_words": column}, harnesses)) == []


@pytest.mark.skipif(not list((ROOT / "data").glob("public-runs.features*")), reason="the public features are not here")
@pytest.mark.campaign
def test_no_public_set_is_questioned(tally: Callable[..., None]) -> None:
    logs = Logs(sorted((ROOT / "data").glob("public-runs.*.csv.xz")))
    table = table_of(logs)
    assert leaking(table) == [] and table.meta["weak_model"].nunique() > 5
    sets = [
        table.where(rows.to_numpy())
        for rows in (table.meta["weak_model"] == name for name in set(table.meta["weak_model"]))
    ]
    areas = [max(one["auroc"], 1 - one["auroc"]) for part in sets for one in at_start(part)]
    assert max(areas) < 0.8
    tally(weak_models=len(sets), features=len(areas), highest_auroc_at_turn_0=max(areas))


def test_one_task_under_two_names_is_told(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    texts = {"a": ("t1", "Fix  it\n"), "b": ("t2", "Fix it"), "c": ("t1", "Fix it"), "d": ("t3", "Fix that")}
    texts |= {"e": ("t4", ""), "f": ("t5", "")}
    rows = [[run, *told] for run, told in texts.items()]
    path.write_bytes(b"".join(map(line, [["run_id", "task_id", "task"], *rows])))
    told = [words for words in Logs([path]).summary() if "share" in words]
    assert told == [
        "runs.csv: 2 tasks share 1 texts, such as 't1' and 't2': if these are one task, give it one task_id, or routers are "
        "judged on tasks that they have seen"
    ]
    path.write_bytes(b"".join(map(line, [["run_id", "task_id", "task"], rows[0], *rows[2:]])))
    assert not [words for words in Logs([path]).summary() if "share" in words]


AGAIN = """
import hashlib, sys
from featrouter.logs import Logs
from featrouter.training.bundling import train
from featrouter.training.table import join_strong, table_of
logs = Logs(sys.argv[3:])
data = train(join_strong(table_of(logs, jobs=int(sys.argv[2])), logs, sys.argv[1]), strong=sys.argv[1]).to_bytes()
print(hashlib.sha256(data).hexdigest())
"""
PLACES = [
    ("Pacific/Kiritimati", "C"), ("America/St_Johns", "C.UTF-8"), ("Asia/Kathmandu", "tr_TR.UTF-8"), ("UTC", "POSIX"),
    ("Europe/Dublin", "de_DE.UTF-8"),
]  # fmt: skip


@pytest.mark.campaign
def test_ten_trainings_anywhere_give_the_same_bytes(
    recorded_bundle: Bundle, tmp_path: Path, tally: Callable[..., None]
) -> None:
    """Hash seeds, threads, jobs, orders of rows and files, time zones and locales differ."""
    told = []
    for number in range(10):
        zone, locale = PLACES[number % len(PLACES)]
        paths = []
        for name in ("turns", "runs", "outcomes")[:: (-1) ** number]:
            frame = pd.read_csv(ROOT / "data" / "recorded" / f"{name}.csv", dtype=str, keep_default_na=False)
            paths.append(str(tmp_path / f"{name}.csv"))
            frame.sample(frac=1, random_state=number).to_csv(paths[-1], index=False)
        extra = {"PYTHONHASHSEED": str(number), "TZ": zone, "LC_ALL": locale, "PYTHONPATH": str(ROOT)}
        extra |= {"OMP_NUM_THREADS": str(1 + number % 2)}
        run = [sys.executable, "-c", AGAIN, "scripted-strong", str(1 + number % 3 // 2), *paths]
        done = subprocess.run(run, env=os.environ | extra, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.strip())
    assert told == [hashlib.sha256(recorded_bundle.to_bytes()).hexdigest()] * 10
    tally(trainings=len(told), different_bundles=len(set(told)))
