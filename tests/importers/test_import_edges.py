"""What formats tell seldom, and what stands in their files though it is none of them: taken, or refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from featrouter.importers import Import
from featrouter.importers.atif_writing import document
from featrouter.importers.filing import file_runs
from featrouter.importers.mini_swe_agent import trajectory_of
from featrouter.importers.outcomes import Outcomes
from featrouter.logs import LogError, Logs, Run
from featrouter.trajectory import Call, Trajectory, Turn

#: Values, a line each, to the runs in them and why others were refused.
Told = Callable[..., tuple[list[tuple[Run, Trajectory]], list[str]]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    def read(*values: Any, name: str = "some.jsonl") -> tuple[list[tuple[Run, Trajectory]], list[str]]:
        (tmp_path / name).write_text("\n".join(map(json.dumps, values)), encoding="utf-8")
        reading = Import([tmp_path / name])
        runs = list(reading)
        return runs, [refusal.reason for refusal in reading.refused]

    return read


def atif(*steps: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"schema_version": "ATIF-v1.7", "session_id": "s", "agent": {"name": "a"}, "steps": steps, **rest}


def line(kind: str, content: Any, uuid: str, **rest: Any) -> dict[str, Any]:
    """A line of Claude Code's session."""
    return {"type": kind, "sessionId": "s", "uuid": uuid, "message": {"role": kind, "content": content}, **rest}


def v0(number: int, source: str, action: str, **rest: Any) -> dict[str, Any]:
    """An event of OpenHands version 0."""
    return {"id": number, "source": source, "action": action, **rest}


def v1(kind: str, source: str, **rest: Any) -> dict[str, Any]:
    """An event of OpenHands version 1."""
    return {"id": f"{kind}-{source}", "kind": kind, "source": source, **rest}


SPEND = {"request_id": "r", "spend": 0.1, "model": "small", "startTime": "2026-11-25T09:00:00"}
ASKED = [{"role": "user", "content": "fix it"}]
MINI = {"trajectory_format": "mini-swe-agent-1.1", "info": {}, "messages": []}
SWE = {"trajectory": [{"action": "ls", "observation": "a.py"}], "history": [], "info": {}}
OBSERVATION = {"type": "GENERATION", "id": "g", "trace_id": "t", "input": ASKED, "output": "Done."}
SPANS = {"resourceSpans": []}
HISTORY = {"instance_id": "a__b-1", "history": [[v0(1, "user", "message", args={"content": "fix it"})]]}


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ([atif({"source": "user", "message": "fix it"})], ["steps: none of the agent's own among them"]),
        ([atif({"source": "agent", "message": "x"}), {"a": 1}], ["is of another form than the records before it"]),
        ([{"role": "user", "content": "fix it"}], ["no answer of the model among the messages"]),
        ([line("user", "fix it", "u1")], ["no line of the assistant among its lines"]),
        ([line("user", "fix it", "u1"), line("assistant", "x", "u2"), {"a": 1}], ["type: the line tells none"]),
        (
            [line("user", "fix it", "u1"), line("assistant", "x", "u2"), line("user", "", "u3", message=7)],
            ["message: an object is wanted, not a int"],
        ),
        ([HISTORY], ["history: no action of the agent among its events"]),
        (
            [v1("MessageEvent", "agent", llm_message={"content": "hm"}), {"a": 1}],
            ["neither an event nor a line of an evaluation"],
        ),
        ([v0(1, "user", "message", args={"content": "fix it"})], ["no action of the agent among the events"]),
        ([SPANS, {"resourceSpans": 7}], ["resourceSpans: a list is wanted", "no GenAI span"]),
        ([SPEND | {"messages": ASKED, "response": "Done."}, {"a": 1}], ["no row of LiteLLM's spend logs"]),
        ([MINI], ["messages: no message of the agent among them"]),
        ([SWE | {"trajectory": []}], ["trajectory: holds no step"]),
        ([OBSERVATION, {"a": 1}], ["neither an observation nor a trace with its observations"]),
    ],
)
def test_what_holds_no_run_is_refused_with_what_it_lacks(values: list[Any], reasons: list[str], told: Told) -> None:
    runs, refused = told(*values)
    assert refused == reasons
    assert len(runs) == (len(values) > 1 and SPANS not in values)


def test_what_the_user_says_meanwhile_belongs_to_the_turn_before(told: Told) -> None:
    both = {"content": "look"}, {"content": "wait"}
    agent, user = ({"source": source, "message": "wait"} for source in ("agent", "user"))
    for values in (
        [atif({"source": "user", "message": "fix it"}, agent, user)],
        [
            v0(1, "user", "message", args={"content": "fix it"}),
            v0(2, "agent", "run", args={"command": "ls"}),
            v0(3, "user", "message", args=both[1]),
        ],
        [v1("MessageEvent", who, llm_message=said) for who, said in zip(("agent", "user"), both, strict=True)],
    ):
        (((_, trajectory),), refused) = told(*values)
        (turn,) = trajectory
        assert turn.observation == "wait" and not refused


def test_an_agent_may_answer_in_words_alone_and_calls_may_be_told_by_their_results(told: Told) -> None:
    ((_, old),), _ = told(
        v0(1, "agent", "message", args={"content": "Which file?"}),
        v0(2, "agent", "run", args={"command": "ls", "thought": "look"}),
        v0(3, "agent", "browse", args={"url": "x.org", "thought": ""}, tool_call_metadata={"function_name": "browser"}),
    )
    assert [(turn.thought, turn.tool, turn.action) for turn in old] == [
        ("Which file?", "", ""),
        ("look", "execute_bash", "ls"),
        ("", "browser", '{"url": "x.org"}'),
    ]
    history = [
        v1("MessageEvent", "agent", llm_message={"content": "Which file?", "reasoning_content": "hm"}),
        v1("ActionEvent", "agent", tool_call_id="c", tool_name="terminal", action={"kind": "X", "command": "rm a"}),
        v1("UserRejectObservation", "environment", tool_call_id="c", rejection_reason="No."),
    ]
    ((_, new),), _ = told({"instance_id": "a__b-1", "history": history})
    assert [(turn.thought, turn.tool, turn.action, turn.observation) for turn in new] == [
        ("hm\nWhich file?", "", "", ""),
        ("", "terminal", '{"command": "rm a"}', "No."),
    ]
    ((_, events),), refused = told(*history)
    assert list(events) == list(new) and not refused


def test_a_resumed_session_repeats_lines_and_plain_texts_are_read_like_blocks(told: Told) -> None:
    lines = [
        line("user", [{"type": "text", "text": "fix it"}], "u1"),
        line("assistant", "I look.", "u2"),
        line("user", [{"type": "text", "text": "Go on."}], "u3"),
    ]
    ((run, once),), _ = told(*lines)
    assert run.task == "fix it" and [(turn.thought, turn.observation) for turn in once] == [("I look.", "Go on.")]
    ((_, twice),), _ = told(*lines, *lines)
    assert twice == once


@pytest.mark.parametrize("action", ['{"a": NaN}', '{"a": 1e999}', '{"cut', '{"a": ' + "[" * 2000 + "]" * 2000 + "}"])
def test_what_json_cannot_hold_is_exported_as_text_and_comes_back(action: str, told: Told) -> None:
    asked = Turn("look", calls=(Call(action, "ok", "run"), Call("ls", "a.py", "bash")))
    written = document(Run("r", "t"), Trajectory("fix it", (asked,)))
    text = json.dumps(written, allow_nan=False)
    ((_, trajectory),), refused = told(json.loads(text))
    assert trajectory.turns == (asked,) and not refused


def test_a_continuation_that_is_none_ends_the_run_where_it_is(told: Told, tmp_path: Path) -> None:
    (tmp_path / "next.json").write_text('{"a": 1}', encoding="utf-8")
    own = {"featrouter": {"run_id": "r", "task_id": "t", "y_weak": "perhaps", "repo": "o/p"}}
    value = atif({"source": "agent", "message": "x"}, continued_trajectory_ref="next.json", extra=own)
    ((run, trajectory),), refused = told(value)
    assert len(trajectory) == 1 and not refused
    assert (run.task_id, run.repo, run.y_weak) == ("t", "o/p", None)


def test_a_response_with_what_it_was_asked_beside_it_is_a_run(told: Told) -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}
    ((run, trajectory),), _ = told({"id": "r", "model": "small", "input": "fix it", "output": [said]})
    assert (run.run_id, run.task, run.weak_model) == ("r", "fix it", "small")
    assert [turn.thought for turn in trajectory] == ["Done."]


@pytest.mark.parametrize("response", ["Done.", [{"role": "assistant", "content": "Done."}]])
def test_a_logged_answer_may_be_a_text_or_a_list_and_numbers_and_times_may_be_odd(response: Any, told: Told) -> None:
    row = SPEND | {"messages": ASKED, "response": response, "spend": "a lot", "startTime": "yesterday"}
    ((run, trajectory),), refused = told(row | {"endTime": 7, "prompt_tokens": 10**400})
    assert [turn.thought for turn in trajectory] == ["Done."] and not refused
    assert (trajectory.turns[0].cost, trajectory.turns[0].prompt_tokens, run.weak_model) == (None, None, "small")


def test_spans_tell_arguments_as_lists_of_pairs_too(told: Told) -> None:
    def kv(**pairs: Any) -> dict[str, Any]:
        return {"kvlistValue": {"values": [{"key": key, "value": value} for key, value in pairs.items()]}}

    def text(value: str) -> dict[str, str]:
        return {"stringValue": value}

    def messages(role: str, **part: Any) -> dict[str, Any]:
        parts = {"arrayValue": {"values": [kv(**part)]}}
        return {"arrayValue": {"values": [kv(role=text(role), parts=parts)]}}

    call = messages(
        "assistant", type=text("tool_call"), id=text("c"), name=text("bash"), arguments=kv(command=text("ls"))
    )
    attributes = {
        "gen_ai.operation.name": text("chat"),
        "gen_ai.input.messages": messages("user", type=text("text"), content=text("fix it")),
        "gen_ai.output.messages": call,
    }
    span = {"spanId": "a", "attributes": [{"key": key, "value": value} for key, value in attributes.items()]}
    ((run, trajectory),), _ = told({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    assert run.task == "fix it"
    assert [(turn.tool, turn.action) for turn in trajectory] == [("bash", '{"command": "ls"}')]


def test_of_a_retrying_agent_the_attempts_with_steps_are_runs_though_nobody_told_the_task(told: Told) -> None:
    runs, refused = told({"attempts": [SWE | {"trajectory": []}, SWE]}, name="a__b-1.traj")
    assert [(run.run_id, run.task) for run, _ in runs] == [("a__b-1/2", "")] and not refused


def test_a_broken_result_beside_it_leaves_a_trial_its_trajectory(told: Told, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"cut', encoding="utf-8")
    runs, refused = told(atif({"source": "agent", "message": "x"}), name="trajectory.json")
    assert [run.y_weak for run, _ in runs] == [None] and not refused


def test_documents_one_after_the_other_are_read_though_the_first_is_broken(tmp_path: Path) -> None:
    sound = [json.dumps({"messages": [*ASKED, {"role": "assistant", "content": str(n)}], "id": str(n)}) for n in "ab"]
    (tmp_path / "runs.jsonl").write_text("\n".join(["{broken", *sound]), encoding="utf-8")
    reading = Import([tmp_path / "runs.jsonl"])
    assert [run.run_id for run, _ in reading] == ["a", "b"]
    assert [refusal.place for refusal in reading.refused] == ["line 1"]


def test_a_row_that_a_lost_line_end_breaks_is_noted_and_such_a_header_is_no_table(tmp_path: Path) -> None:
    good = ["r1", "0.1", "small", "2026-11-25T09:00:00", '"[{""role"": ""user"", ""content"": ""fix it""}]"', "Done."]
    header = "request_id,spend,model,startTime,messages,response"
    path = tmp_path / "rows.csv"
    path.write_bytes(f"{header}\nr0,0.1\rr0,0.1\n{','.join(good)}\n".encode())
    reading = Import([path])
    assert [run.weak_model for run, _ in reading] == ["small"]
    (refusal,) = reading.refused
    assert "the row is damaged: new-line character" in refusal.reason and refusal.place == "line 2"
    path.write_bytes(f"{header}\rx\n{','.join(good)}\n".encode())
    reading = Import([path])
    assert list(reading) == [] and "neither JSON nor a CSV file" in reading.refused[0].reason


def test_a_live_agents_messages_tell_its_run_so_far() -> None:
    asked = {"function": {"name": "bash", "arguments": '{"command": "ls"}'}, "id": "c"}
    messages = [
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": "fix it"},
        {"role": "assistant", "content": "I look.", "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": "c", "content": "a.py", "extra": {"returncode": 0}},
    ]
    ran = Turn("I look.", "ls", "a.py", "bash", exit_code=0)
    assert trajectory_of(messages) == Trajectory("fix it", (ran,))
    assert len(trajectory_of(messages[:2])) == 0


def test_runs_are_not_added_to_logs_that_are_damaged(tmp_path: Path) -> None:
    chat = tmp_path / "chat.json"
    chat.write_text(json.dumps([*ASKED, {"role": "assistant", "content": "Done."}]), encoding="utf-8")
    file_runs(Import([chat]), tmp_path / "log", Outcomes())
    with (tmp_path / "log" / "turns.csv").open("a", encoding="utf-8") as file:
        file.write("chat,not a number\n")
    with pytest.raises(LogError, match="1 rows of its logs are damaged; mend them first"):
        file_runs(Import([chat]), tmp_path / "log", Outcomes(), add=True)


def test_a_text_that_spells_half_an_object_spells_none(told: Told) -> None:
    runs, refused = told(SPEND | {"messages": "", "proxy_server_request": '{"messages": [', "response": '{"cut'})
    assert [(run.task, trajectory.turns[0].thought) for run, trajectory in runs] == [('{"messages": [', '{"cut')]
    assert not refused


@pytest.mark.parametrize("name", ["plain", "x" * 300, "a\x1bb", "run_id"])
def test_a_run_that_is_there_already_is_known_by_whatever_name(name: str, tmp_path: Path) -> None:
    runs = [(Run(name, name, task="t"), Trajectory("t", (Turn("one", action, "a"),))) for action in ("ls", "pwd", "id")]
    told = [file_runs(some, tmp_path / "log", Outcomes(), add=True) for some in (runs[:2], runs)]
    assert [filed.again for filed in told] == [0, 2]
    logs = Logs([tmp_path / "log"])
    assert logs.rejected == 0 and len(logs.runs) == 3
