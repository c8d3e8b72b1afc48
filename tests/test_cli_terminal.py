"""What a terminal is shown: colour where one looks, escapes never, time left on long work."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from featrouter.cli import main
from featrouter.cli import progress as module
from featrouter.cli.painting import echo, painted
from featrouter.cli.progress import Stages, span

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "data" / "recorded"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(*arguments: str, code: str = "", **variables: str) -> str:
    """What the command, or some Python, writes to a terminal, stdout and stderr together."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.Popen(
        [sys.executable, *(["-c", code] if code else ["-m", "featrouter", *arguments])],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment | {"PYTHONPATH": str(ROOT), "TERM": "xterm"} | variables,
    )
    os.close(theirs)
    told = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        told += piece
    done.wait()
    os.close(ours)
    return told.decode()


def test_headings_are_bold_on_a_terminal_and_nowhere_else() -> None:
    shown = on_a_terminal("importances", "default", "-n", "2")
    first = shown.splitlines()[0]
    assert first.startswith("\x1b[1mfamily") and first.rstrip().endswith("\x1b[0m")
    assert len(ESCAPE.findall(shown)) == 4
    plain = CliRunner().invoke(main, ["importances", "default", "-n", "2"]).stdout
    assert ESCAPE.sub("", shown).replace("\r\n", "\n") == plain and "\x1b" not in plain


def test_colour_is_forbidden_and_asked_for_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in on_a_terminal("importances", "default", "-n", "2", NO_COLOR="1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert painted("x", "bad") == "\x1b[31mx\x1b[0m"
    done = CliRunner().invoke(main, ["importances", "default", "-n", "2"])
    assert "\x1b[1mfamily" in done.stdout
    assert "\x1b" not in CliRunner().invoke(main, ["importances", "default", "--json"]).stdout
    assert "\x1b" not in CliRunner().invoke(main, ["importances", "default", "--csv"]).stdout


def test_colour_never_lets_a_stranger_s_escape_through(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    echo("a\x1b[2Jb", "good")
    assert capsys.readouterr().out == "\x1b[32m\x1b[1ma\\x1b[2Jb\x1b[0m\n"


@pytest.mark.parametrize("arguments", [["--\x1b[31m"], ["\x1b]0;title\x07"], ["train", "--\x1b[31m"]])
def test_what_is_typed_wrongly_is_escaped_too(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2 and "\x1b" not in done.stderr and "\\x1b" in done.stderr


def test_an_error_is_red_where_it_is_asked_for_though_nobody_looks() -> None:
    told = CliRunner(env={"FORCE_COLOR": "1"}).invoke(main, ["decide", "nowhere", str(RECORDED)])
    assert told.stderr.startswith("Error: \x1b[31m'nowhere'")
    told = CliRunner(env={"FORCE_COLOR": "1"}).invoke(main, ["--\x1b[35m"])
    assert "\x1b[31m" in told.stderr and "\x1b[35m" not in told.stderr
    told = CliRunner(env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).invoke(main, ["evalute"])
    assert told.exit_code == 2 and "\x1b" not in told.stderr


def test_an_error_is_red_and_the_verdict_has_its_colour() -> None:
    assert "\x1b[31m" in on_a_terminal("decide", "nowhere.featrouter", str(RECORDED))
    shown = on_a_terminal("explain", "default", str(RECORDED), "--harness", "openhands")
    assert re.search(r"\x1b\[3[23]m\x1b\[1mturn \d+: ", shown)


def test_time_left_is_reckoned_from_the_steps_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    stages = Stages()
    for later, stage in ((0, "mixed"), (10, "fold 1 of 5"), (10, "fold 2 of 5"), (30, "fold 5 of 5"), (5, "intervals")):
        now[0] += later
        stages(stage)
    now[0] += 60
    stages("fold 1 of 5")
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "mixed",
        "fold 1 of 5, about 40 s left",
        "fold 2 of 5, about 30 s left",
        "fold 5 of 5",
        "intervals",
        "fold 1 of 5, about 4 min left",
    ]
    assert [span(seconds) for seconds in (3.4, 89, 600, 7200)] == ["3 s", "89 s", "10 min", "2.0 h"]


def test_steps_share_a_line_on_a_terminal() -> None:
    code = """
from featrouter.cli.progress import Stages
stages = Stages()
for stage in ("training", "r1; heads done: 0 of 2", "r2; heads done: 1 of 2", "done: 2 of 2", "costs"):
    stages(stage)
"""
    shown = ESCAPE.sub("", on_a_terminal(code=code))
    lines = [[part.strip() for part in line.split("\r") if part.strip()] for line in shown.split("\n") if line.strip()]
    assert lines[0] == ["training"] and lines[2] == ["costs"]
    assert [re.sub(r"\d+ s", "N s", part) for part in lines[1]] == [
        "r1; heads done: 0 of 2",
        "r2; heads done: 1 of 2, about N s left",
        "done: 2 of 2",
    ]


def test_steps_that_begin_with_none_done_count_from_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    stages = Stages()
    for later, stage in ((9, "reading"), (9, "parts done: 0 of 3"), (5, "a note"), (5, "a: done, 1 of 3")):
        now[0] += later
        stages(stage)
    assert capsys.readouterr().err.splitlines()[-1].strip() == "a: done, 1 of 3, about 20 s left"


def test_what_follows_a_step_begins_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    with click.Context(main):
        stages = Stages()
        for stage in ("fold 1 of 3", "fold 2 of 3", "a note", "fold 3 of 3", "fold 1 of 2"):
            stages(stage)
    lines = [re.split("[\r,]", line.rstrip("\r"))[0].rstrip() for line in capsys.readouterr().err.split("\n")]
    # What an error says would stand in the last.
    assert lines == ["  fold 1 of 3", "  a note", "  fold 3 of 3", "  fold 1 of 2", ""]


def test_a_table_of_pairs_judged_by_a_bundle_has_rows() -> None:
    pair = ("--pair", "scripted-agent", "scripted-strong")
    arguments = ["evaluate", str(RECORDED), *pair, "--bundle", "default", "--jobs", "1"]
    done = CliRunner(env={"FORCE_COLOR": "1"}).invoke(main, arguments)
    assert done.exit_code == 0, done.stderr
    assert "\x1b[2mnote: harness 'recorded-bash'" in done.stderr
    assert done.stdout.startswith("\x1b[1m| weak") and "\x1b[33m\x1b[1m* scripted-agent" in done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith("| scripted-agent")]
    assert len(rows) >= 2 and all(re.search(r"0\.\d\d \[", row) for row in rows)
