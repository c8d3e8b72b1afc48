"""One run, told in several formats, is the same run again, as far as a format can hold it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featrouter.importers import Import
from featrouter.importers.atif_writing import document, write_runs
from featrouter.importers.filing import file_runs
from featrouter.importers.outcomes import Outcomes
from featrouter.logs import LogError, Logs, Run
from featrouter.messages import messages_of
from featrouter.trajectory import Call, Trajectory, Turn

RECORDED = Path(__file__).parents[2] / "data" / "recorded"
Read = Callable[..., list[tuple[Run, Trajectory]]]

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ACTION = TEXT | st.dictionaries(TEXT, TEXT | st.integers() | st.floats(), max_size=2).map(json.dumps)
CODES = st.none() | st.integers(-9, 300)
AMOUNTS = st.none() | st.integers(0, 10**6) | st.floats(0, 1e6)
CALL = st.builds(Call, ACTION, TEXT, TEXT, CODES, st.none() | st.booleans()).filter(
    lambda call: call == Call() or call.action or call.observation or call.tool  # else no turn holds it
)
TURN = st.builds(
    lambda thought, calls, prompt, done, cost, latency: Turn(
        thought, calls=tuple(calls), prompt_tokens=prompt, completion_tokens=done, cost=cost, latency=latency
    ),
    TEXT,
    st.lists(CALL, max_size=3),
    AMOUNTS,
    AMOUNTS,
    AMOUNTS,
    AMOUNTS,
)
RUN = st.builds(
    Run,
    st.just("r"),
    st.just("django__django-1"),
    st.sampled_from(["django/django", "a/b"]),
    TEXT,
    st.sampled_from(["", "openhands"]),
    st.sampled_from(["", "small"]),
    st.sampled_from([None, 0, 1]),
    AMOUNTS,
    st.sampled_from(["", "large"]),
    st.sampled_from([None, 0, 1]),
    AMOUNTS,
    st.sampled_from([None, "weak", "strong"]),
    st.sampled_from([None, 0.25, 1.0]),
    st.sampled_from([None, 0, 3]),
    st.sampled_from([None, "restart"]),
    st.sampled_from([None, 7]),
)


def told(turn: Turn) -> tuple[object, ...]:
    """A turn without the difference between its two forms; what asked for nothing and saw nothing is no call."""
    calls = [call for call in turn.each_call() if call != Call()]
    return turn.thought, calls, turn.prompt_tokens, turn.completion_tokens, turn.cost, turn.latency


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(RUN, st.lists(TURN, min_size=1, max_size=4))
def test_an_exported_run_is_imported_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, run: Run, turns: list[Turn]
) -> None:
    path = tmp_path_factory.mktemp("atif") / "r.json"
    path.write_text(json.dumps(document(run, Trajectory(run.task, tuple(turns)))), encoding="utf-8")
    reading = Import([path])
    ((again, trajectory),) = reading
    assert reading.refused == []
    assert again == run
    assert [told(turn) for turn in trajectory] == [told(turn) for turn in turns]


def test_exported_logs_are_imported_as_they_were(tmp_path: Path) -> None:
    logs = list(Logs([RECORDED]).trajectories())
    assert write_runs(logs, tmp_path / "atif") == 60
    filed = file_runs(Import([tmp_path / "atif"]), tmp_path / "again", Outcomes())
    assert len(filed.runs) == 60
    again = {run.run_id: (run, trajectory) for run, trajectory in Logs([tmp_path / "again"]).trajectories()}
    for run, trajectory in logs:
        run_again, trajectory_again = again[run.run_id]
        assert run_again == run
        assert [told(turn) for turn in trajectory_again] == [told(turn) for turn in trajectory]


@pytest.mark.parametrize("sample", ["chat/openai.json", "openhands/finished", "atif/v1.0.json", "chat/langchain.json"])
@pytest.mark.parametrize("form", ["openai", "anthropic", "responses"])
def test_a_run_told_as_messages_is_the_same_run(sample: str, form: str, read: Read, tmp_path: Path) -> None:
    ((run, trajectory),) = read(sample)
    path = tmp_path / "chat.json"
    path.write_text(json.dumps(messages_of(trajectory, form)))
    ((again, same),) = read(path)
    assert again.task == run.task
    assert [_did(turn) for turn in same] == [_did(turn) for turn in trajectory]
    path.write_text("\n".join(map(json.dumps, messages_of(trajectory, form))))  # a message a line
    ((_, lines),) = read(path)
    assert lines == same
    path.write_text(json.dumps({"model": "m", "task_id": "t", "messages": messages_of(trajectory, form)}))
    ((wrapped, inside),) = read(path)
    assert (wrapped.task_id, wrapped.weak_model, inside) == ("t", "m", same)


def _did(turn: Turn) -> tuple[object, ...]:
    return turn.thought, [(call.tool, json.loads(call.action), call.observation) for call in turn.each_call()]


def test_a_session_in_its_file_as_a_stream_as_a_request_and_as_atif_is_one(read: Read) -> None:
    ((_, session),) = read("claude-code/fixed")
    ((_, stream),) = read("claude-code/fixed.stream.jsonl")
    ((_, request),) = read("chat/anthropic.request.json")
    ((_, atif),) = read("atif/from-claude-code.json")
    assert stream.turns == session.turns
    assert [_did(turn) for turn in request] == [
        _did(turn) for turn in session.turns[:-1]
    ]  # sent before the last answer
    asked = [[(call.tool, call.action) for call in turn.each_call()] for turn in session]
    assert [[(call.tool, call.action) for call in turn.each_call()] for turn in atif] == asked
    assert [turn.prompt_tokens for turn in atif] == [turn.prompt_tokens for turn in session]


def test_a_conversation_in_its_events_and_in_an_evaluation_is_one(read: Read) -> None:
    ((_, events),) = read("openhands/finished")
    ((_, line),) = read("openhands/finished.output.jsonl")
    assert line.turns == events.turns


def test_what_is_filed_reads_back_as_it_was_imported(samples: Path, tmp_path: Path) -> None:
    found = enumerate(Import([samples]))
    runs = [(replace(run, run_id=f"{number} {run.run_id}"), trajectory) for number, (run, trajectory) in found]
    filed = file_runs(runs, tmp_path, Outcomes())
    assert len(filed.runs) == len(runs)
    logs = Logs([tmp_path])
    assert logs.rejected == 0
    again = {run.run_id: trajectory for run, trajectory in logs.trajectories()}
    for (_, trajectory), run in zip(runs, filed.runs, strict=True):
        turns = [replace(turn, latency=turn.latency and pytest.approx(turn.latency)) for turn in trajectory]
        assert list(again[run.run_id]) == turns


def test_the_same_run_is_filed_once_and_others_of_its_name_beside_it(tmp_path: Path) -> None:
    first = Run("r", "r", task="a"), Trajectory("a", (Turn("1"),))
    other = Run("r", "r", task="a"), Trajectory("a", (Turn("2"),))
    stranger = Run("r", "r", task="b"), Trajectory("b", (Turn("3"),))
    filed = file_runs([first, other, stranger, first, other], tmp_path, Outcomes())
    assert [(run.run_id, run.task_id) for run in filed.runs] == [("r", "r"), ("r~2", "r"), ("r~3", "r~3")]
    assert filed.again == 2
    with pytest.raises(LogError, match="exists; give another folder, or --append"):
        file_runs([first], tmp_path, Outcomes())
    more = file_runs([other, (Run("s", "s"), Trajectory("", (Turn("4"),)))], tmp_path, Outcomes(), add=True)
    assert ([run.run_id for run in more.runs], more.again) == (["s"], 1)
    assert sorted(Logs([tmp_path]).runs) == ["r", "r~2", "r~3", "s"]


def test_a_failed_import_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> object:
        yield Run("r", "r"), Trajectory("", (Turn("1"),))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        file_runs(broken(), tmp_path, Outcomes())
    assert list(tmp_path.iterdir()) == []


def test_logs_of_other_columns_are_not_added_to(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("run_id,task_id,note\nr,t,mine\n")
    with pytest.raises(LogError, match="other columns"):
        file_runs([], tmp_path, Outcomes(), add=True)


def test_an_export_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(FileExistsError, match="not empty"):
        write_runs([], tmp_path)


def test_names_of_exported_files_are_safe_and_apart(tmp_path: Path) -> None:
    names = ["c!d", "c#d~3", "c$d", "../../etc/passwd", "a/b", "a:b", "A:B", "...", "x" * 400]
    assert write_runs(((Run(name, name), Trajectory("", (Turn("1"),))) for name in names), tmp_path / "out") == len(
        names
    )
    assert len(list((tmp_path / "out").glob("*.json"))) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
