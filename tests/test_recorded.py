"""The recorded sample in data/recorded: well-formed, free of machine traces, and still what the recorder makes."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "data" / "recorded"
FILES = ("turns.csv", "runs.csv", "outcomes.csv")


def rows(file: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 20)
    with file.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


@pytest.fixture(scope="module")
def turns() -> list[dict[str, str]]:
    return rows(FOLDER / "turns.csv")


@pytest.fixture(scope="module")
def runs() -> list[dict[str, str]]:
    return rows(FOLDER / "runs.csv")


def test_enough_runs_of_both_kinds_and_dialects(runs):
    assert len(runs) >= 40
    assert len({run["run_id"] for run in runs}) == len(runs)
    solved = sum(run["y_weak"] == "1" for run in runs)
    assert 0.3 < solved / len(runs) < 0.7
    assert {run["harness"] for run in runs} == {"recorded-bash", "recorded-editor"}
    assert len({run["repo"] for run in runs}) >= 8


def test_every_task_has_a_strong_outcome(runs):
    outcomes = rows(FOLDER / "outcomes.csv")
    assert {row["task_id"] for row in outcomes} == {run["task_id"] for run in runs}
    assert {row["resolved"] for row in outcomes} == {"0", "1"}


def test_turns_are_consecutive_and_belong_to_runs(turns, runs):
    calls = defaultdict(list)
    for row in turns:
        calls[row["run_id"]].append((int(row["turn"]), int(row["call"])))
    assert list(calls) == [run["run_id"] for run in runs]
    for run, seen in calls.items():
        assert seen == sorted(set(seen)), run
        assert [turn for turn, call in seen if call == 0] == list(range(1, seen[-1][0] + 1)), run
        assert 5 <= seen[-1][0] <= 25, run
    assert any(int(row["call"]) == 1 for row in turns)


def test_run_costs_are_the_sum_of_their_turns(turns, runs):
    total: dict[str, float] = defaultdict(float)
    for row in turns:
        assert (row["cost_usd"] == "") == (row["call"] != "0")
        total[row["run_id"]] += float(row["cost_usd"] or 0)
    for run in runs:
        assert total[run["run_id"]] == pytest.approx(float(run["cost_weak_usd"]), abs=1e-6)


def test_no_machine_shows_through(turns):
    machine = re.compile(r"/tmp\b|/root\b|/work\b|/home\b|/Users\b|pyenv|site-packages/\.\.|\r")
    for name in FILES:
        found = machine.search((FOLDER / name).read_text(encoding="utf-8"))
        assert found is None, f"{name}: {found}"
    assert max(len(row["observation"].encode()) for row in turns) < 20_000
    assert sum((FOLDER / name).stat().st_size for name in FILES) < 900_000


def test_recording_again_gives_the_same_bytes(tmp_path, runs):
    recorder = (ROOT / "tests" / "recorder" / "__init__.py").read_text(encoding="utf-8")
    made = re.findall(r'"(?:python|pytest)": "([\d.]+)"', recorder)
    here = [f"{sys.version_info.major}.{sys.version_info.minor}", version("pytest").split(".")[0]]
    if made != here:
        pytest.skip(f"recorded with Python {made[0]} and pytest {made[1]}, whose wording differs from {here}")
    if not (shutil.which("bash") and shutil.which("git")):
        pytest.skip("needs bash and git")
    first = {run["harness"]: run["run_id"] for run in reversed(runs)}
    ids = sorted(first.values())
    command = [sys.executable, "-m", "tests.recorder", "-o", str(tmp_path), "--patience", "60", "--only", *ids]
    subprocess.run(command, cwd=ROOT, check=True)
    for name in ("turns.csv", "runs.csv"):
        kept, again = _of(FOLDER / name, ids), _of(tmp_path / name, ids)
        assert again == kept, name


def _of(file: Path, ids: list[str]) -> bytes:
    """The header and the records of these runs, as they stand in the file."""
    text = file.read_bytes()
    starts = [match.start() for match in re.finditer(rb"^(?:run_id|[a-z]+__[a-z]+__\d+),", text, re.MULTILINE)]
    records = [text[start:stop] for start, stop in zip(starts, [*starts[1:], None], strict=True)]
    return b"".join(record for record in records if record.split(b",")[0].decode() in ("run_id", *ids))
