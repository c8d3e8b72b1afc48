"""Whatever stands in a file, an import ends with runs or refusals, never with an exception; what is sound is taken."""

from __future__ import annotations

import copy
import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clock import assert_grows_in_proportion
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featrouter.importers import Import
from featrouter.importers.completions import Completion, runs_of
from featrouter.importers.filing import file_runs
from featrouter.importers.outcomes import Outcomes
from featrouter.importers.records import Record
from featrouter.importers.steps import Step
from featrouter.logs import Logs, Run
from featrouter.trajectory import Trajectory, Turn

SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(path for path in SAMPLES.rglob("*.json*") if "event-0000" not in path.name or path.name[10:12] < "05")
SOUND = {"messages": [{"role": "user", "content": "fix it"}, {"role": "assistant", "content": "Done."}], "id": "sound"}
ODD = st.sampled_from(
    (
        None,
        True,
        0,
        -1,
        1e308,
        10**25,
        float("nan"),
        "",
        "x",
        "\ud800\0",
        "run_id",
        " ",
        "{",
        '{"a": 1',
        "[1]",
        "9" * 400,
    )
) | st.sampled_from(({}, {"a": {}}, {"id": []}, {"type": "text", "text": 5}, [], [[]], [None], [{"role": 7}]))


def values(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*place, key))


def put(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    for key in place[:-1]:
        value = value[key]
    value[place[-1]] = new
    return value


PARSED = {path: values(path) for path in FILES}
PLACES = {path: list(places(found)) for path, found in PARSED.items()}


def imported(path: Path, data: bytes) -> Import:
    """The import of a file beside a sound one, filed and read back."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "in", path.name)
        target.parent.mkdir()
        target.write_bytes(data)
        sound = Path(folder, "sound.json")
        sound.write_text(json.dumps(SOUND))
        reading = Import([target, sound])
        filed = file_runs(reading, Path(folder, "out"), Outcomes())
        assert any(run.run_id.startswith("sound") for run in filed.runs)
        logs = Logs([Path(folder, "out")])
        assert logs.rejected == 0
        assert len(list(logs.trajectories())) == len(filed.runs)
    return reading


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_value_may_be_any_other(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(FILES))
    found = copy.deepcopy(PARSED[path])
    for place in data.draw(st.lists(st.sampled_from(PLACES[path]), min_size=1, max_size=3, unique=True)):
        try:
            put(found, place, copy.deepcopy(data.draw(ODD)))
        except (LookupError, TypeError):  # what was put before took the place away
            continue
    imported(path, "\n".join(map(json.dumps, found)).encode())


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_bytes_may_be_cut_or_garbled(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([*FILES, SAMPLES / "litellm" / "LiteLLM_SpendLogs.csv"]))
    raw = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw))) :]
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        raw[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=8) | st.just(b'"}\n{'))
    if data.draw(st.booleans()):
        raw = bytearray(gzip.compress(bytes(raw)))
        del raw[data.draw(st.integers(0, len(raw))) :]
    imported(path, bytes(raw))


HOSTILE = {
    "empty": b"",
    "blank": b"\n \n",
    "binary": b"\x7fELF\0\0\1",
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "deep list": b"[" * 100_000,
    "deep": b'{"messages": [' * 50_000 + b"]}" * 50_000,
    "deep arguments": json.dumps(
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "x", "arguments": "[" * 90_000}}]}]}
    ).encode(),
    "huge int": b'{"messages": ' + b"9" * 10_000 + b"}",
    "nan": b'[NaN, Infinity, {"role": "assistant", "content": NaN}]',
    "number": b"5",
    "text": b"hello, world\nfoo\n",
    "header": b"role,content\n",
    "cut": b'{"messages": [{"role": "user", "content": "fi',
    "lines": b'{"a": 1}\n{"b"\n',
    "gz": gzip.compress(b"x" * 1000)[:20],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_words(name: str) -> None:
    reading = imported(Path("hostile"), HOSTILE[name])
    assert reading.refused or name in ("deep arguments", "nan")  # of these a run can be told
    assert all(refusal.reason and len(str(refusal)) < 400 for refusal in reading.refused)


def test_damaged_lines_are_named_and_the_others_imported(tmp_path: Path) -> None:
    lines = [json.dumps(SOUND | {"id": f"run {number}"}) for number in range(200)]
    lines[1], lines[3], lines[150] = lines[1][:40], '{"messages": []}', "\0"
    (tmp_path / "runs.jsonl").write_text("\n".join(lines))
    reading = Import([tmp_path / "runs.jsonl"])
    assert [run.run_id for run, _ in reading] == [f"run {n}" for n in range(200) if n not in (1, 3, 150)]
    assert [refusal.place for refusal in reading.refused] == ["line 2", "line 4", "line 151"]


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("x")
    paths = [tmp_path / name for name in ("missing.json", "pipe", "loop", "file/below", "x" * 5000)]
    reading = Import(paths)
    assert list(reading) == []
    assert [refusal.file for refusal in reading.refused] == list(map(str, paths))


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(folder: Path, onerror: Callable[[OSError], None]) -> Iterator[Any]:
        onerror(PermissionError(13, "Permission denied", str(folder)))
        yield str(folder), [], ["chat.json"]

    (tmp_path / "chat.json").write_text(json.dumps(SOUND))
    monkeypatch.setattr(os, "walk", walk)
    reading = Import([tmp_path])
    assert len(list(reading)) == 1
    assert [str(refusal) for refusal in reading.refused] == [f"{tmp_path}: cannot be listed (Permission denied)"]


def test_a_folder_may_hold_what_is_no_trajectory(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("[INFO] not JSON")
    (tmp_path / "config.json").write_text('{"a": 1}')
    (tmp_path / "cut.json").write_text('{"messages": [')
    (tmp_path / "nothing.json").write_text("")
    (tmp_path / "nothing.log").write_text("")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "chat.json").write_text(json.dumps(SOUND))
    reading = Import([tmp_path])
    assert [run.run_id for run, _ in reading] == ["sound"]
    assert [Path(refusal.file).name for refusal in reading.refused] == ["cut.json", "nothing.json"]
    passed = sorted(Path(refusal.file).name for refusal in reading.passed_by)
    assert passed == ["config.json", "notes.txt", "nothing.log"]


def calls_of_one_message(_: Path, n: int) -> int:
    step = Step()
    for number in range(n):
        step.call(f"c{number}", "bash", "ls")
    for number in range(n):
        step.answer(f"c{number}" if number % 2 else "", str(number))
    return len({call.observation for call in step.turn().calls})


def late_results(folder: Path, n: int) -> int:
    def line(kind: str, number: int, block: dict[str, Any]) -> str:
        message = {"id": f"m{number}", "content": [block]}
        return json.dumps({"type": kind, "sessionId": "s", "uuid": f"{kind}{number}", "message": message})

    asked = [line("assistant", number, {"type": "tool_use", "id": f"c{number}"}) for number in range(n)]
    told = ({"type": "tool_result", "tool_use_id": f"c{number}", "content": str(number)} for number in range(n))
    answered = [line("user", number, block) for number, block in enumerate(told)]
    (folder / "session.jsonl").write_text("\n".join(asked + answered), encoding="utf-8")
    ((_, trajectory),) = Import([folder / "session.jsonl"])
    return len({turn.observation for turn in trajectory})


def siblings_of_one_call(folder: Path, n: int) -> int:
    record = Record(folder, 0, None)
    first = {"role": "assistant", "content": "```\nls\n```"}
    asked = [{"role": "user", "content": "fix it"}]
    after = [*asked, first, {"role": "user", "content": "a.py"}]
    tries = [[{"role": "assistant", "content": f"```\ncat {number}\n```"}] for number in range(n)]
    calls = [Completion(record, asked, [first]), *(Completion(record, after, answer) for answer in tries)]
    return len(tries) * len(list(runs_of(calls)))


def runs_of_one_name(folder: Path, n: int) -> int:
    runs = ((Run("r", "r"), Trajectory("", (Turn(str(number)),))) for number in range(n))
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        return len({run.run_id for run in file_runs(runs, Path(fresh), Outcomes()).runs})


@pytest.mark.parametrize("work", (calls_of_one_message, late_results, siblings_of_one_call, runs_of_one_name))
def test_much_of_a_kind_takes_time_in_proportion(work: Callable[[Path, int], int], tmp_path: Path) -> None:
    assert work(tmp_path, 1000) == 1000
    assert_grows_in_proportion(partial(work, tmp_path), 1000, 8000, factor=16)
