"""featrouter bench as a user meets it; what it measures is held to its promises in tests/bench."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from featrouter.bench import offline, peers
from featrouter.bench.clock import Line
from featrouter.bench.model import _agree, model_of
from featrouter.bench.page import bench, machine, table
from featrouter.bench.runs import LEAST_RUNS, MOST_RUNS, runs_of
from featrouter.cli import main

RECORDED = Path(__file__).parent.parent / "data" / "recorded"
OURS = "import featrouter, Router.load(), a decision"
LOG = "run_id,turn,action,observation\na,1,ls,x\na,2,cat a.py,y = 1\n"


def test_a_log_of_one_run_is_measured_beside_lightgbm_and_told_in_json(tmp_path: Path) -> None:
    (tmp_path / "turns.csv").write_text(LOG, encoding="utf-8")
    done = CliRunner().invoke(
        main, ["bench", str(tmp_path / "turns.csv"), "--only", "decide", "--calls", "10", "--json"]
    )
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["machine"] == machine()
    lines = {line["what"]: line for line in told["lines"]}
    assert all(line["median"] > 0 and line["p99"] >= line["median"] for line in lines.values())
    peer = lines["Booster.predict, one head"]
    ours = next(line for what, line in lines.items() if what.startswith("session.decide(), four heads"))
    assert ours["ratio"] == pytest.approx(ours["median"] / peer["median"])
    assert any("C call" in what for what in lines) and "Booster.predict, one head" in done.stderr


def test_logs_without_turns_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("run_id,task_id\na,t\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["bench", str(tmp_path / "runs.csv")])
    assert done.exit_code == 3 and "no run with turns" in done.stderr and not done.stdout


def test_made_up_runs_are_the_same_each_time_and_small_logs_are_repeated(tmp_path: Path) -> None:
    made = runs_of(())
    assert len(made) == MOST_RUNS and made == runs_of(())
    turns = [turn for _, trajectory in made for turn in trajectory]
    assert {turn.action.split()[0] for turn in turns} >= {"sed", "cd", "cat", "python", "ls"}
    (tmp_path / "turns.csv").write_text(LOG, encoding="utf-8")
    assert len(runs_of([tmp_path / "turns.csv"])) == LEAST_RUNS


def measured(*arguments: object) -> Result:
    done = CliRunner().invoke(main, ["bench", *map(str, arguments)])
    assert done.exit_code == 0, done.stderr
    return done


def test_turns_and_sessions_are_measured_on_a_page_in_markdown(tmp_path: Path) -> None:
    (tmp_path / "turns.csv").write_text(LOG, encoding="utf-8")
    groups = ("--only", "observe", "--only", "sessions", "--only", "training")
    done = measured(tmp_path, *groups, "--calls", 16, "--markdown")
    page = done.stdout
    assert page.startswith("<!-- Generated: featrouter ") and f"\n{machine()}.\n" in page
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in page.splitlines() if line.startswith("| ")]
    assert rows[:2] == [["", "median", "p99", "unit", "ratio", "to"], ["---"] * 6]
    assert all(float(row[1].replace(",", "")) > 0 and len(row) == 6 for row in rows[2:])
    units = {row[0]: row[3] for row in rows}
    assert units[f"session.observe(turn), {2 * LEAST_RUNS} turns, shipped default"] == "us"
    assert units["memory of a session after 50 turns"] == "KiB"
    assert units["decisions a second, eight threads, none differs"] == "1/s"
    assert units["router.decide(messages), 50 turns, 49 of them seen"] == "us"
    assert units["extraction on two cores against one"] == "times"
    assert "--strong names whose outcomes to learn from" in done.stderr


def test_columns_stand_below_each_other_and_large_numbers_are_whole() -> None:
    booster = Line("decide", "Booster.predict", 24.04, 1234.5)
    text = table(
        [booster, Line("decide", "ours", 12.02).against(booster), Line("start", "memory", 39.0, unit="MiB")], False
    )
    assert text.splitlines() == [
        "                 median    p99  unit  ratio  to",
        "Booster.predict      24  1,234  us",
        "ours                 12         us      0.5  Booster.predict",
        "memory               39         MiB",
    ]


def test_training_is_timed_on_logs_with_outcomes_and_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    assert list(bench((), ("training",), 1, None, told.append)) == [] and "it wants your logs" in told[-2]
    assert told[-1] == "groups done: 1 of 1"
    monkeypatch.setattr(offline, "MOST_RUNS", 20)
    (line,) = offline.training([RECORDED], "scripted-strong", told.append)
    assert (
        line.what.startswith("train on 20 runs, ")
        and line.unit == "s"
        and line.median > 0
        and any(stage.startswith("r1; ") for stage in told)
    )


def test_a_process_that_routes_is_the_lighter_for_what_it_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {line.what: line.median for line in offline.starting(1)}
    ours, theirs = (lines[f"memory after it: {what}"] for what in (OURS, "import lightgbm alone"))
    assert lines["import numpy alone"] > 0 and ours < theirs
    monkeypatch.setattr(offline, "HEAVY", ("numpy",))
    with pytest.raises(ValueError, match="deciding loaded numpy"):
        next(offline.starting(1))


def test_a_peer_whose_answers_differ_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(runs_of(())[:10])
    told: list[str] = []
    wrong = ("a peer", (), lambda model: lambda number: 2.0)
    missing = ("another", ("no_such_package",), lambda model: lambda number: 2.0)
    monkeypatch.setattr(peers, "_TREES", (wrong, missing))
    assert list(peers.trees(model, 10, told.append)) == []
    assert told[0].startswith("a peer: not measured, its answers differ by ")
    assert told[1] == "another: not measured, no_such_package not installed"
    with pytest.raises(ValueError, match="head r1: scores differ from LightGBM's by"):
        _agree(model.four, model.boosters | {"r1": model.boosters["r2"]}, model.rows)
