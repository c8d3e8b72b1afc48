"""`featrouter view` from the command line: whichever way the run is named, as a file, as JSON, or served until Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from featrouter.cli import main
from featrouter.logs import Logs

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "data" / "recorded"
MINI = ROOT / "tests" / "importers" / "samples" / "mini-swe-agent" / "toolcall.traj.json"
ON = ("--harness", "recorded-bash")


def view(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["view", *map(str, arguments)], input=stdin)


def choices(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [step["choice"] for step in json.loads(result.stdout)]


def test_a_file_is_written_whole_and_told_of(bundle_file: Path, tmp_path: Path) -> None:
    done = view(MINI, "--bundle", bundle_file, *ON, "-o", tmp_path / "run.html")
    assert done.exit_code == 0 and done.stdout == "" and "decision points" in done.stderr
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and 'id="turn-1"' in text


def test_a_run_of_a_log_is_named_by_its_id_and_its_harness_is_known(bundle_file: Path) -> None:
    run, trajectory = list(Logs([RECORDED]).trajectories())[7]
    told = choices(view(RECORDED, "--run", run.run_id, "--bundle", bundle_file, "--json"))
    assert len(told) == len(trajectory) + 2
    asked = CliRunner().invoke(main, ["decide", str(bundle_file), str(RECORDED), "--run", run.run_id])
    assert json.loads(asked.stdout)["choice"] == told[-1] and json.loads(asked.stdout)["turn"] == len(trajectory)
    turns = view(RECORDED / "turns.csv", "--run", run.run_id, "--bundle", bundle_file, *ON, "--json")
    assert len(choices(turns)) >= len(trajectory) + 1


def test_turns_on_stdin_and_a_folder_of_trajectories(bundle_file: Path) -> None:
    turns = {"task": "x", "turns": [{"action": "ls", "observation": "a"}]}
    assert len(choices(view("-", "--bundle", bundle_file, *ON, "--json", stdin=json.dumps(turns)))) == 2
    assert len(choices(view(MINI.parent, "--bundle", bundle_file, *ON, "--json"))) > 2
    assert len(choices(view(MINI, "--task", "y", "--value", 5, "--bundle", bundle_file, *ON, "--json"))) > 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((MINI,), 2, "-o FILE, or --serve"),
        ((MINI, "-o", "nowhere/x.html"), 2, "make it first"),
        ((RECORDED, "--run", "unitconv__minutes_3", "--json"), 1, "unitconv__minutes__3"),
        ((RECORDED / "runs.csv", "--json"), 1, "no turns of any run"),
        ((MINI, "--run", "zzz", "--json"), 1, "no run 'zzz'"),
        ((ROOT / "models", "--json"), 1, "no run is in this folder"),
        ((ROOT / "LICENSE", "--json"), 1, "not JSON"),
        ((MINI, "--bundle", "nowhere.featrouter", "--json"), 1, "no such file"),
        (("nowhere.json", "--json"), 2, "does not exist"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[object, ...], code: int, words: str) -> None:
    done = view(*arguments)
    assert done.exit_code == code and words in done.stderr and not done.stdout, done.output


@pytest.mark.usefixtures("ctrl_c")
def test_it_serves_until_ctrl_c_and_says_where(bundle_file: Path) -> None:
    command = [sys.executable, "-m", "featrouter", "view", str(MINI), "--bundle", str(bundle_file), *ON, "--serve"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert process.stderr
    line = next(line for line in process.stderr if "http://" in line)
    address = re.search(r"http://127\.0\.0\.1:\d+/", line)
    assert address
    with urllib.request.urlopen(address[0]) as answer:
        assert b"<!doctype html>" in answer.read()
    taken = CliRunner().invoke(main, [*command[3:], "--port", address[0].rstrip("/").rpartition(":")[2]])
    assert taken.exit_code == 1 and "--port" in taken.stderr and "in use" in taken.stderr
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in rest
