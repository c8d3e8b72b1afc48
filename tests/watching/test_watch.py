"""A run watched while a process of its own writes it: every turn once, when it is complete, as `decide` says it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from featrouter import Bundle, Router, Trajectory, Turn
from featrouter.cli import main
from featrouter.cli.runs import turn_of
from featrouter.importers import Import
from featrouter.watching.sources import Snapshot, Written
from featrouter.watching.watch import Watch, follow

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "importers" / "samples"
MINI = SAMPLES / "mini-swe-agent" / "toolcall.traj.json"
STREAM = SAMPLES / "claude-code" / "fixed.stream.jsonl"
EVIL = "\x1b[2J</script>\u202e"
ON = ("--harness", "recorded-bash")


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["watch", *map(str, arguments)], input=stdin)


def told(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def as_decided(bundle: Path, path: Path) -> list[dict[str, Any]]:
    """What `decide` says of the finished file after each turn, and at its end."""
    (_, trajectory), *_ = Import([path])
    found = []
    for turn in range(len(trajectory) + 1):
        ended = ("--ended",) if turn > len(trajectory) else ()
        done = CliRunner().invoke(main, ["decide", str(bundle), str(path), *ON, "--turn", str(turn), *ended])
        found.append(json.loads(done.stdout) | {"reasons": None})
    last = found[-1]
    before = CliRunner().invoke(main, ["decide", str(bundle), "-", *ON], input=json.dumps(plain(trajectory)))
    return [*found[:-1], json.loads(before.stdout) | {"reasons": None}, last]


def plain(trajectory: Trajectory) -> dict[str, Any]:
    turns = [
        {
            "thought": turn.thought,
            "calls": [
                {
                    "action": c.action,
                    "observation": c.observation,
                    "tool": c.tool,
                    "exit_code": c.exit_code,
                    "is_error": c.is_error,
                }
                for c in turn.each_call()
            ],
            "cost": turn.cost,
            "prompt_tokens": turn.prompt_tokens,
            "completion_tokens": turn.completion_tokens,
            "latency": turn.latency,
        }
        for turn in trajectory.turns
    ]
    return {"task": trajectory.task, "turns": turns}


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Any]:
    """Starts a process that does something to a file, and ends it with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str, *arguments: object) -> None:
        body = textwrap.dedent(code)
        command = [sys.executable, "-c", body, *map(str, arguments)]
        started.append(subprocess.Popen(command, cwd=tmp_path))

    yield start
    for process in started:
        process.kill()
        process.wait()


WHOLE = """
    import json, os, sys, time
    source, path, atomic = sys.argv[1:]
    whole = json.load(open(source))
    status = whole["info"].pop("exit_status")
    while not os.path.exists("looked"):
        time.sleep(0.01)
    for n in range(1, len(whole["messages"]) + 1):
        text = json.dumps(whole | {"messages": whole["messages"][:n]})
        if atomic == "yes":
            open(path + ".new", "w").write(text)
            os.replace(path + ".new", path)
        else:
            with open(path, "w") as file:
                for piece in (text[:len(text) // 2], text[len(text) // 2:]):
                    file.write(piece)
                    file.flush()
                    time.sleep(0.02)
        time.sleep(0.02)
    whole["info"]["exit_status"] = status
    open(path + ".new", "w").write(json.dumps(whole))
    os.replace(path + ".new", path)
"""


@pytest.mark.parametrize("atomic", ["yes", "no"])
def test_a_trajectory_that_is_written_anew_at_every_step(
    atomic: str, written: Any, tmp_path: Path, bundle_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.traj.json"
    look = Written.snapshot

    def looked(source: Written) -> Snapshot | None:
        told = look(source)
        (tmp_path / "looked").touch()
        return told

    monkeypatch.setattr(Written, "snapshot", looked)
    written(WHOLE, MINI, path, atomic)
    done = run(path, "--bundle", bundle_file, *ON, "--json", "--poll", 0.01, "--idle", 60)
    rows = [row | {"reasons": None} for row in told(done)]
    assert rows == as_decided(bundle_file, MINI)
    assert "no such file yet" in done.stderr and "changed" not in done.stderr and "turns, over: it" in done.stderr


def test_a_session_that_grows_line_by_line_with_a_torn_one(written: Any, tmp_path: Path, bundle_file: Path) -> None:
    path = tmp_path / "session.jsonl"
    code = """
        import sys, time
        lines = open(sys.argv[1]).readlines()
        with open(sys.argv[2], "w") as file:
            for line in lines:
                for piece in (line[:40], line[40:]):
                    file.write(piece)
                    file.flush()
                    time.sleep(0.015)
    """
    written(code, STREAM, path)
    done = run(path, "--bundle", bundle_file, *ON, "--json", "--poll", 0.01, "--idle", 60)
    assert [row | {"reasons": None} for row in told(done)] == as_decided(bundle_file, STREAM)
    assert "changed" not in done.stderr


def test_lines_of_claude_code_s_stream_on_stdin(bundle_file: Path) -> None:
    text = STREAM.read_text(encoding="utf-8")
    rows = told(run("--bundle", bundle_file, *ON, "--json", "--poll", 0.01, stdin=text))
    assert [row | {"reasons": None} for row in rows] == as_decided(bundle_file, STREAM)


def test_turns_as_one_json_file(tmp_path: Path, bundle_file: Path) -> None:
    turns = [{"action": "ls", "observation": "a.py"}] * 2
    (tmp_path / "run.json").write_text(json.dumps({"task": "fix it", "turns": turns, "ended": True}), encoding="utf-8")
    rows = told(run(tmp_path / "run.json", "--bundle", bundle_file, *ON, "--json"))
    assert [(row["turn"], row["ended"]) for row in rows] == [(0, False), (1, False), (2, False), (2, True)]
    (tmp_path / "run.json").write_text(json.dumps({"turns": [{"actoin": "ls"}]}), encoding="utf-8")
    done = run(tmp_path / "run.json", "--bundle", bundle_file, *ON)
    assert done.exit_code == 1 and "turn 1" in done.stderr and "'actoin'" in done.stderr


def test_turns_as_lines_and_chat_messages_as_lines(bundle_file: Path) -> None:
    turns = [{"thought": "look", "action": "ls", "observation": "a.py"}, {"action": "cat a.py", "observation": "x = 1"}]
    lines = [{"task": "fix it"}, *turns, {"ended": True}]
    rows = told(run("-", "--bundle", bundle_file, *ON, "--json", stdin="\n".join(map(json.dumps, lines))))
    assert [(row["turn"], row["ended"]) for row in rows] == [(0, False), (1, False), (2, False), (2, True)]
    with_turns = {"task": "fix it", "turns": turns, "ended": True}
    last = CliRunner().invoke(main, ["decide", str(bundle_file), "-", *ON], input=json.dumps(with_turns))
    assert rows[-1]["y2"] == json.loads(last.stdout)["y2"]
    chat = [
        {"role": "user", "content": "fix it"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "a.py"},
    ]
    rows = told(run("-", "--bundle", bundle_file, *ON, "--json", stdin="\n".join(map(json.dumps, chat))))
    assert [(row["turn"], row["ended"]) for row in rows] == [(0, False), (1, False), (1, True)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("{", ["stdin, line 1", "not JSON"]),
        ('{"task": "x"}\n{"actoin": "ls"}', ["stdin, line 2", "'actoin'", "action"]),
    ],
)
def test_a_line_that_is_none_is_named(lines: str, words: list[str], bundle_file: Path) -> None:
    done = run("-", "--bundle", bundle_file, *ON, stdin=lines)
    assert done.exit_code == 1 and all(word in done.stderr for word in words)


def test_the_table_fits_a_terminal_and_shows_no_stranger_s_escapes(bundle_file: Path) -> None:
    lines = [{"task": EVIL}, {"thought": EVIL, "action": EVIL, "observation": EVIL}]
    done = run("-", "--bundle", bundle_file, *ON, stdin="\n".join(map(json.dumps, lines)))
    assert done.exit_code == 0 and "\x1b" not in done.output and "\u202e" not in done.output
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["turn", "r1", "r2", "y1", "y2", "choice", "why"]
    rows = [row for row in rows if "not trusted" not in row]
    assert [row.split()[0] for row in rows] == ["0", "1", "end"] and max(map(len, rows)) <= 80
    assert "1 turn, over: it" in done.stderr


def test_a_harness_that_the_bundle_does_not_know_is_told_once_with_its_mend(bundle_file: Path) -> None:
    lines = [{"action": "ls", "observation": "a"}] * 3
    done = run("-", "--bundle", bundle_file, stdin="\n".join(map(json.dumps, lines)))
    assert done.stdout.count("not trusted") == 1 and "harness=" in done.stdout


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_it_with_the_summary(tmp_path: Path, bundle_file: Path) -> None:
    path = tmp_path / "run.traj.json"
    whole = json.loads(MINI.read_text(encoding="utf-8"))
    whole["info"].pop("exit_status")
    path.write_text(json.dumps(whole), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "featrouter",
        "watch",
        str(path),
        "--bundle",
        str(bundle_file),
        *ON,
        "--poll",
        "0.01",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert process.stdout
    assert process.stdout.readline().startswith("turn")
    (_, trajectory), *_ = Import([path])
    assert any(line.split()[0] == str(len(trajectory) - 1) for line in process.stdout)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0 and "not over yet: it" in stderr and "Traceback" not in stderr


def test_nothing_for_long_ends_it_without_calling_the_run_over(tmp_path: Path, bundle_file: Path) -> None:
    done = run(tmp_path / "never.json", "--bundle", bundle_file, "--poll", 0.01, "--idle", 0.05)
    assert done.exit_code == 0 and "no such file yet" in done.stderr and "0 turns, not over yet" in done.stderr


TURNS = tuple(Turn(f"thought {n}", f"cat {n}.py", f"x = {n}") for n in range(6))


def watched(bundle: Bundle, *snapshots: Snapshot) -> tuple[list[tuple[int, bool]], list[str], Watch]:
    notes: list[str] = []
    watch = Watch(Router(bundle, harness="recorded-bash"), notes.append)
    said = [one.decision for snapshot in snapshots for one in watch.take(snapshot)]
    return [(one.turn, one.ended) for one in said], notes, watch


def seen(*turns: Turn, over: bool = False, task: str = "t") -> Snapshot:
    return Snapshot(Trajectory(task, turns), over)


def test_a_turn_without_its_observation_is_waited_for(recorded_bundle: Bundle) -> None:
    asked = Turn("thought 1", "cat 1.py")
    rows, notes, _ = watched(recorded_bundle, seen(TURNS[0], asked), seen(*TURNS[:2]), seen(*TURNS[:2], Turn("hm")))
    assert rows == [(0, False), (1, False), (2, False)] and notes == []
    rows, _, _ = watched(recorded_bundle, seen(TURNS[0], asked, over=True))
    assert rows == [(0, False), (1, False), (2, False), (2, True)]


def test_a_turn_that_changes_is_said_again_and_those_before_it_are_not(recorded_bundle: Bundle) -> None:
    changed = Turn("thought 2", "cat 2.py", "another")
    rows, notes, watch = watched(recorded_bundle, seen(*TURNS[:4]), seen(*TURNS[:2], changed, TURNS[3]))
    assert rows == [(0, False), (1, False), (2, False), (3, False), (4, False), (3, False), (4, False)]
    assert notes == ["turn 3 changed"]
    fresh = Router(recorded_bundle, harness="recorded-bash").decide(Trajectory("t", watch.turns))
    assert watch._session and watch._session.decide() == fresh


def test_a_file_that_another_run_is_written_to_begins_anew(recorded_bundle: Bundle) -> None:
    rows, notes, _ = watched(recorded_bundle, seen(*TURNS[:2]), seen(TURNS[5]), seen())
    assert rows == [(0, False), (1, False), (2, False), (0, False), (1, False), (0, False)]
    assert notes == ["the run begins anew"] * 2


def test_an_escalation_does_not_freeze_what_is_shown_after_it(recorded_bundle: Bundle) -> None:
    router = Router(recorded_bundle, harness="recorded-bash", policy="fixed:1", latch=True)
    watch = Watch(router, lambda text: None)
    told = [one.decision for one in watch.take(seen(*TURNS, over=True))]
    assert len({one.y1 for one in told}) > 3 and router.policy.latch
    assert watch.escalated is None or watch.escalated.turn == 1


def test_a_large_file_is_read_for_a_quarter_of_the_time_at_most(tmp_path: Path, recorded_bundle: Bundle) -> None:
    path = tmp_path / "large.traj.json"
    whole = json.loads(MINI.read_text(encoding="utf-8"))
    whole["messages"] += [{"role": "user", "content": "x" * 10**6}] * 10
    whole["info"].pop("exit_status")
    path.write_text(json.dumps(whole), encoding="utf-8")
    slept: list[float] = []
    read: list[float] = []
    poll = 0.0001

    class Touched(Written):
        def snapshot(self) -> Snapshot | None:
            os.utime(path)
            began = time.monotonic()
            told = super().snapshot()
            read.append(time.monotonic() - began)
            return told

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 4:
            raise KeyboardInterrupt

    watch = Watch(Router(recorded_bundle, harness="recorded-bash"), lambda text: None)
    with pytest.raises(KeyboardInterrupt):
        list(follow(Touched(path, turn_of), watch, poll=poll, sleep=sleep))
    assert min(read) > 10 * poll and sum(slept) >= 2.9 * sum(read)
