"""featrouter bench as a user meets it; what it measures is held to its promises in tests/bench."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from featrouter.bench.page import machine
from featrouter.bench.runs import LEAST_RUNS, MOST_RUNS, runs_of
from featrouter.cli import main

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
