"""The README's first command: what it prints, on numbers that are quicker than the shipped ones, and what it needs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from joblib import parallel_config

import featrouter
from featrouter import demo
from featrouter.cli import main
from featrouter.logs import Logs
from featrouter.resources import resource

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "data" / "recorded"


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A third of the recorded runs stand for the public ones, whose pairs take a minute, in one process."""
    numbers = {form: tmp_path / f"{form}.csv" for form in ("features", "outcomes")}
    options = ("-o", numbers["features"], "--outcomes", numbers["outcomes"], "--jobs", 1)
    made = CliRunner().invoke(main, ["extract", str(RECORDED), *map(str, options)])
    assert made.exit_code == 0, made.stderr
    table = pd.read_csv(numbers["features"])
    table[table["run_id"].isin(table["run_id"].unique()[::3])].to_csv(numbers["features"], index=False)
    monkeypatch.setattr(demo, "PAIRS", (("scripted-agent", "scripted-strong"),))
    public = re.compile(r"data/public-runs\.(\w+)\.csv\.xz")
    monkeypatch.setattr(
        demo, "resource", lambda name: numbers[told[1]] if (told := public.fullmatch(name)) else resource(name)
    )
    with parallel_config("sequential"):
        yield


def test_it_judges_a_pair_and_replays_a_run_that_failed_turn_by_turn(quick: None) -> None:
    done = CliRunner().invoke(main, ["demo"])
    assert done.exit_code == 0, done.stderr
    judged, replayed = done.stdout.split("2. One recorded run")
    assert "scripted-agent -> scripted-strong: " in judged and "tasks, 20 runs" in judged and "repo_disjoint" in judged
    log = Logs([RECORDED])
    failed = {run.task.split("\n")[0][:40]: run for run in log.runs.values() if run.y_weak == 0}
    ((_, shown),) = [(task, run) for task, run in failed.items() if f"task: {task}" in replayed and "__3" in run.run_id]
    turns = next(trajectory for run, trajectory in log.trajectories() if run.run_id == shown.run_id).turns
    told = re.findall(r"^ *(\d+)  r1 0?\.?\d+\S*  r2 \S+  y1 \S+  y2 \S+  (\w+)$", replayed, re.MULTILINE)
    assert [int(turn) for turn, _ in told] == [*range(len(turns) + 1), len(turns)]
    assert {choice for _, choice in told[:-1]} <= {"continue", "escalate"} and told[-1][1] in ("accept", "escalate")
    assert all(turn.action.split("\n")[0][:40] in replayed for turn in turns)
    assert "(submits)" in replayed and "In truth the weak agent failed" in replayed
    assert "training on data/recorded" in done.stderr and not re.search("training", done.stdout)


def test_as_json_it_holds_the_evaluation_and_every_decision(quick: None) -> None:
    done = CliRunner().invoke(main, ["demo", "--json"])
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["evaluations"][0]["verdict"] and told["solved"] == 0
    assert [one["turn"] for one in told["decisions"][:-1]] == list(range(len(told["decisions"]) - 1))


def test_without_the_folder_data_it_says_that_it_wants_a_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Path:
        raise FileNotFoundError(name)

    monkeypatch.setattr(demo, "resource", missing)
    done = CliRunner().invoke(main, ["demo"])
    assert done.exit_code == 1 and not done.stdout
    assert "run it from a clone" in done.stderr and "Traceback" not in done.stderr


def test_python_dash_m_is_the_command(child: Callable[..., Any]) -> None:
    done = child("import runpy, sys; sys.argv[1:] = ['--version']; runpy.run_module('featrouter', run_name='__main__')")
    assert (done.returncode, done.stdout) == (0, f"featrouter, version {featrouter.__version__}\n"), done.stderr


@pytest.mark.campaign
def test_on_the_shipped_numbers_one_pair_pays_and_the_other_does_not(child: Callable[..., Any]) -> None:
    done = child("from featrouter.cli import main; main(['demo'])")
    assert done.returncode == 0, done.stderr
    first, second = (done.stdout.index(f"{weak} -> {strong}") for weak, strong in demo.PAIRS)
    assert (
        "do not route this pair" not in done.stdout[first:second] and "do not route this pair" in done.stdout[second:]
    )
