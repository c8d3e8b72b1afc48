"""Message lists of every form become the trajectory they tell, and junk becomes no exception."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from clock import assert_grows_in_proportion
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter import Bundle, Call, Router, Trajectory, Turn
from featrouter.dialects import operations
from featrouter.messages import messages_of, portable, trajectory_of
from featrouter.messages.reading import task_in
from featrouter.messages.writing import FORMS

Messages = list[dict[str, Any]]
RUN = [("look", "cat a.py", "x = 1"), ("run", "pytest", "1 failed in 0.1s"), ("fix", "sed -i 's/1/2/' a.py", "")]


def openai(task: str, turns: list[tuple[str, str, str]]) -> Messages:
    messages: Messages = [{"role": "system", "content": "s"}, {"role": "user", "content": task}]
    for number, (thought, command, output) in enumerate(turns):
        call = {"id": f"c{number}", "function": {"name": "bash", "arguments": json.dumps({"command": command})}}
        messages.append({"role": "assistant", "content": thought, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": output})
    return messages


def anthropic(task: str, turns: list[tuple[str, str, str]]) -> Messages:
    messages: Messages = [{"role": "user", "content": [{"type": "text", "text": task}, {"type": "image"}]}]
    for number, (thought, command, output) in enumerate(turns):
        use = {"type": "tool_use", "id": f"c{number}", "name": "bash", "input": {"command": command}}
        result = {"type": "tool_result", "tool_use_id": f"c{number}", "content": [{"type": "text", "text": output}]}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": thought}, use]})
        messages.append({"role": "user", "content": [result]})
    return messages


def function_call(number: int, command: str) -> dict[str, Any]:
    arguments = json.dumps({"command": command})
    return {"type": "function_call", "call_id": f"c{number}", "name": "bash", "arguments": arguments}


def function_output(number: int, output: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"c{number}", "output": output}


def responses(task: str, turns: list[tuple[str, str, str]]) -> Messages:
    items: Messages = [{"role": "user", "content": [{"type": "input_text", "text": task}]}]
    for number, (thought, command, output) in enumerate(turns):
        items.append({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": thought}]})
        items += [function_call(number, command), function_output(number, output)]
    return items


@pytest.mark.parametrize("form", [openai, anthropic, responses])
def test_the_same_run_in_any_form_is_the_same_decision(form: Callable[..., Messages], recorded_bundle: Bundle) -> None:
    messages = form("fix a.py", RUN)
    calls = [(Call(json.dumps({"command": command}), output, "bash"),) for _, command, output in RUN]
    expected = Trajectory("fix a.py", tuple(Turn(run[0], calls=call) for run, call in zip(RUN, calls, strict=True)))
    assert trajectory_of(messages) == expected
    router = Router(recorded_bundle)
    assert router.decide(messages) == router.decide(expected)


def test_objects_of_a_clients_library_read_like_dictionaries() -> None:
    """openai's and anthropic's users append what the client gave them; LangChain's messages know no role."""

    def objects(part: Any) -> Any:
        if isinstance(part, dict):
            return SimpleNamespace(**{k: v if k in ("input", "args") else objects(v) for k, v in part.items()})
        return [objects(inner) for inner in part] if isinstance(part, list) else part

    for form in (openai, anthropic, responses):
        assert trajectory_of(map(objects, form("fix a.py", RUN))) == trajectory_of(form("fix a.py", RUN))
    calls = [{"name": "bash", "args": {"command": "ls"}, "id": "1", "type": "tool_call"}]
    said = [{"type": "text", "text": "look"}, {"type": "tool_use", "id": "1", "name": "bash", "input": {}}]
    seen = {"type": "tool", "content": "no such file", "tool_call_id": "1", "status": "error"}
    langchain = [
        {"type": "system", "content": "SECRET"},
        {"type": "human", "content": "task"},
        {"type": "ai", "content": said, "tool_calls": calls},
        seen,
    ]
    expected = Trajectory(
        "task", (Turn("look", calls=(Call('{"command": "ls"}', "no such file", "bash", is_error=True),)),)
    )
    dumped = [{"type": message["type"], "data": message} for message in langchain]
    assert trajectory_of(langchain) == trajectory_of(map(objects, langchain)) == trajectory_of(dumped) == expected


def test_calls_that_come_in_pieces_before_any_result_are_one_turn() -> None:
    """A gateway that makes chat messages of Responses items gives each parallel call a message of its own."""

    def asking(number: int, said: str | None = None) -> dict[str, Any]:
        function = {"name": "bash", "arguments": f'{{"command": "{number}"}}'}
        return {"role": "assistant", "content": said, "tool_calls": [{"id": str(number), "function": function}]}

    def seen(number: int) -> dict[str, Any]:
        return {"role": "tool", "tool_call_id": str(number), "content": f"saw {number}"}

    said = {"role": "assistant", "content": "both"}
    read = trajectory_of([said, asking(1), asking(2), seen(2), seen(1), asking(3), seen(3)])
    assert [[call.observation for call in turn.each_call()] for turn in read] == [["saw 1", "saw 2"], ["saw 3"]]
    assert len(trajectory_of([asking(1, "one"), asking(2, "two")])) == 2
    thought = {"type": "reasoning", "role": "assistant", "content": [{"type": "output_text", "text": "hm"}]}
    for first in (thought, {"role": "assistant", "content": "hm"}):
        (turn,) = trajectory_of([first, said, asking(1), seen(1)])
        assert turn.thought == "hm\nboth" and turn.calls[0].observation == "saw 1"
    late = trajectory_of([asking(1), seen(9), asking(2, "on"), seen(1), seen(2)])
    assert late.turns[0].calls[0].observation == "saw 1\nsaw 9" and late.turns[1].calls[0].observation == "saw 2"


def test_calls_of_every_kind_that_responses_knows() -> None:
    shell = {"type": "local_shell_call", "call_id": "1", "action": {"command": ["ls"]}, "status": "completed"}
    patch = {"type": "custom_tool_call", "call_id": "2", "name": "apply_patch", "input": "*** Begin Patch"}
    outputs = [{"type": f"{kind}_call_output", "call_id": str(i), "output": kind} for i, kind in enumerate(["x"] * 3)]
    ran = {"type": "mcp_call", "id": "m", "name": "grep", "arguments": "{}", "output": "none", "status": "failed"}
    think = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    items = [{"role": "user", "content": "go"}, think, shell, patch, *outputs[1:], ran]
    first, second = trajectory_of(items).turns
    assert first.thought == "hm"
    assert [(call.tool, call.action, call.observation) for call in first.calls] == [
        ("local_shell", '{"command": ["ls"]}', "x"),
        ("apply_patch", "*** Begin Patch", "x"),
    ]
    assert second.calls == (Call("{}", "none", "grep", is_error=True),)


def test_tools_that_the_models_own_server_ran_do_not_end_its_turn() -> None:
    searched = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "text", "text": "found"}]}
    use = {"type": "tool_use", "id": "1", "name": "bash", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "1", "content": "ran"}
    content = [searched, found, {"type": "text", "text": "so"}, use]
    read = trajectory_of([{"role": "assistant", "content": content}, {"role": "user", "content": [result]}])
    assert read.turns == (Turn("so", calls=(Call('{"query": "x"}', "found", "web_search"), Call("{}", "ran", "bash"))),)
    ran = {"type": "mcp_call", "id": "m", "name": "grep", "arguments": "{}", "output": "none"}
    (turn,) = trajectory_of([ran, function_call(1, "ls"), function_output(1, "a.py")])
    assert [call.observation for call in turn.calls] == ["none", "a.py"]


def test_copied_context_demonstrations_and_the_hosts_notes_are_not_turns() -> None:
    note = {"type": "text", "text": "<system-reminder>SECRET</system-reminder>"}
    read = trajectory_of(
        [
            {"role": "user", "content": "SECRET", "is_demo": True},
            {"role": "assistant", "content": "SECRET", "is_demo": True},
            {"role": "assistant", "content": "SECRET", "is_copied_context": True},
            {"role": "user", "content": [note, {"type": "text", "text": "task"}]},
            {"role": "assistant", "content": "done"},
            {"role": "user", "content": [note]},
        ]
    )
    assert read == Trajectory("task", (Turn("done"),))
    use = {"type": "tool_use", "id": "1", "name": "Read", "input": {}}
    told = {
        "type": "tool_result",
        "tool_use_id": "1",
        "content": "x = 1\n\n<system-reminder>\nSECRET\n</system-reminder>\n",
    }
    (turn,) = trajectory_of([{"role": "assistant", "content": [use]}, {"role": "user", "content": [told]}])
    assert turn.calls[0].observation == "x = 1\n"


def test_what_a_model_thought_counts_as_thought() -> None:
    told = {"role": "assistant", "content": "so", "reasoning_content": "hm"}
    shown = {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "so"}]}
    assert [trajectory_of([message]).turns[0].thought for message in (told, shown)] == ["hm\nso"] * 2


def test_parallel_calls_are_one_turn_paired_by_id() -> None:
    calls = [{"id": str(i), "function": {"name": "bash", "arguments": "{}"}} for i in (1, 2)]
    (turn,) = trajectory_of(
        [
            {"role": "user", "content": "task"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "2", "content": "two"},
            {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "one"}]},
        ]
    )
    assert [call.observation for call in turn.calls] == ["one", "two"]


def test_anthropic_tells_which_call_failed_and_keeps_the_users_own_words() -> None:
    uses = [{"type": "tool_use", "id": i, "name": "bash", "input": {"command": i}} for i in "abc"]
    results = [
        {"type": "tool_result", "tool_use_id": "b", "content": "bad", "is_error": True},
        {"type": "tool_result", "tool_use_id": "a", "content": "good", "is_error": False},
        {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "image", "source": {}}]},
        {"type": "text", "text": "hurry"},
    ]
    thinking = {"type": "thinking", "thinking": "hm"}
    (turn,) = trajectory_of(
        [
            {"role": "user", "content": "task"},
            {"role": "assistant", "content": [thinking, *uses]},
            {"role": "user", "content": results},
        ]
    )
    assert turn.thought == "hm"
    assert [(call.observation, call.is_error) for call in turn.calls] == [
        ("good", False),
        ("bad", True),
        ("hurry", None),
    ]


@pytest.mark.parametrize("first_output", ["a.py", ""])
def test_responses_items_without_a_message_between_are_turns(first_output: str) -> None:
    """An output that is empty (a quiet sed, a passing assert) answers its call, too."""
    reasoning = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    first = [reasoning, function_call(1, "ls"), function_output(1, first_output)]
    parallel = [function_call(2, "cat a"), function_call(3, "cat b"), function_output(2, "A"), function_output(3, "B")]
    read = trajectory_of([{"role": "user", "content": "task"}, *first, *parallel])
    assert [[call.observation for call in turn.calls] for turn in read] == [[first_output], ["A", "B"]]


def test_a_text_only_agent_acts_by_its_last_fenced_block() -> None:
    read = trajectory_of(
        [
            {"role": "system", "content": "you are"},
            {"role": "user", "content": "task"},
            {"role": "assistant", "content": "THOUGHT: not\n```python\nx\n```\nbut\n```bash\nls -la\npwd\n```"},
            {"role": "user", "content": "<returncode>0</returncode>\na.py"},
            {"role": "assistant", "content": "no block here"},
            {"role": "user", "content": "Please give one action."},
            {"role": "assistant", "content": "unanswered"},
        ]
    )
    assert read.task == "task" and len(read) == 3
    assert read.turns[0].action == "ls -la\npwd" and "```" not in read.turns[0].thought
    assert read.turns[0].observation == "<returncode>0</returncode>\na.py"
    assert (read.turns[1].thought, read.turns[1].action) == ("no block here", "")
    assert read.turns[1].observation == "Please give one action."
    assert (read.turns[2].thought, read.turns[2].each_call()) == ("unanswered", ())


def test_system_prompts_images_and_unknown_parts_are_skipped() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    call = {"id": "1", "function": {"name": "bash", "arguments": "{}"}}
    read = trajectory_of(
        [
            {"role": "system", "content": "SECRET"},
            {"role": "developer", "content": "SECRET"},
            {"role": "user", "content": [image, {"type": "text", "text": "task"}, {"type": "novel", "data": "SECRET"}]},
            {"role": "assistant", "content": [image, {"type": "novel", "text": "SECRET"}], "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": [image, {"type": "text", "text": "seen"}]},
            {"role": "system", "content": "SECRET"},
            "SECRET",
            None,
        ]
    )
    assert read.task == "task"
    assert read.turns == (Turn("", calls=(Call("{}", "seen", "bash"),)),)


@pytest.mark.parametrize("whole", ["a text", b"bytes", {"messages": openai("fix", RUN)}])
def test_what_is_no_list_of_messages_is_not_a_run_without_turns(whole: object, recorded_bundle: Bundle) -> None:
    decision = Router(recorded_bundle, default="escalate").decide(whole)  # type: ignore[arg-type]
    assert decision.choice == "escalate"
    assert f"a list of messages is wanted, not a {type(whole).__name__}" in decision.fallback


WORDS = ["assistant", "user", "tool", "function_call", "function_call_output", "reasoning", "tool_use", "tool_result"]
KEYS = ["role", "type", "content", "text", "tool_calls", "function", "id", "call_id", "tool_call_id", "tool_use_id"]
KEYS += ["name", "arguments", "input", "output", "is_error", "thinking"]
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)
LOOSE = st.fixed_dictionaries(
    {"role": st.sampled_from(WORDS[:3]), "content": NESTED},
    optional={"type": st.sampled_from(WORDS), "tool_calls": st.lists(NESTED, max_size=3) | NESTED, "output": NESTED},
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LOOSE | NESTED, max_size=6))
def test_junk_that_json_can_hold_never_raises_even_without_the_routers_net(messages: list[Any]) -> None:
    read = trajectory_of(messages)
    assert isinstance(read, Trajectory) and task_in(messages) == read.task
    for turn in read:
        for call in turn.each_call():
            assert isinstance(call.action, str) and isinstance(call.observation, str)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
GIVEN = st.dictionaries(TEXT, TEXT | st.integers() | st.booleans() | st.lists(TEXT, max_size=2), max_size=3)
CALL = st.builds(
    lambda given, seen, tool: Call(json.dumps(given, ensure_ascii=False), seen, tool),
    GIVEN,
    TEXT,
    st.sampled_from(["bash", "edit", "mcp__fs__read_file"]),
)
TURNS = st.builds(lambda thought, calls: Turn(thought, calls=tuple(calls)), TEXT, st.lists(CALL, max_size=3))


@settings(max_examples=200, deadline=None)
@given(TEXT, st.lists(TURNS, max_size=4), st.sampled_from(FORMS))
def test_a_trajectory_written_in_any_form_reads_back(task: str, turns: list[Turn], form: str) -> None:
    written = messages_of(Trajectory(task, tuple(turns)), form)
    json.dumps(written)

    def plain(read: Trajectory) -> Any:
        """Arguments as what they say: forms may write their JSON otherwise."""
        calls = [[(json.loads(c.action), c.observation, c.tool) for c in turn.each_call()] for turn in read]
        return read.task, [turn.thought for turn in read], calls

    assert plain(trajectory_of(written)) == plain(Trajectory(task, tuple(turns)))


@pytest.mark.parametrize("form", FORMS)
def test_turns_that_no_message_list_made_do_and_see_the_same_when_written(form: str) -> None:
    turns = (Turn("look", "cat a.py | head", "x = 1"), Turn("run", "pytest -q", "1 failed", "bash"), Turn("so"))
    read = trajectory_of(messages_of(Trajectory("t", turns), form))
    for turn, again in zip(turns, read, strict=True):
        assert [operations(call) for call in again.each_call()] == [operations(call) for call in turn.each_call()]
        assert [call.observation for call in again.each_call()] == [call.observation for call in turn.each_call()]
    with pytest.raises(ValueError, match="form must be one of"):
        messages_of(read, "xml")


def test_whether_a_call_failed_is_told_where_the_form_can_tell() -> None:
    run = Trajectory("t", (Turn("", calls=(Call("{}", "x", "a", is_error=True), Call("{}", "y", "b"))),))
    assert trajectory_of(messages_of(run, "anthropic")) == run


def test_another_model_gets_no_reasoning_that_only_its_writer_can_read() -> None:
    think = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    use = {"type": "tool_use", "id": "1", "name": "bash", "input": {}}
    asked, kept = {"role": "user", "content": "t"}, {"role": "assistant", "content": [use]}
    before = [asked, {"role": "assistant", "content": [think, use]}, {"role": "assistant", "content": [think]}, asked]
    whole = copy.deepcopy(before)
    told = portable(before)
    assert told == [asked, kept, asked] and before == whole
    assert told[0] is asked
    chat = {"role": "assistant", "content": "so", "reasoning_content": "hm", "thinking_blocks": [think]}
    assert portable([chat]) == [{"role": "assistant", "content": "so"}]
    item = {"type": "function_call", "id": "fc_1", "call_id": "1", "name": "bash", "arguments": "{}"}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    assert portable([item, message]) == [item, message]
    nameless = [{key: value for key, value in told.items() if key != "id"} for told in (item, message)]
    assert portable([{"type": "reasoning", "id": "rs_1", "encrypted_content": "…"}, item, message]) == nameless


def test_many_calls_take_time_in_proportion() -> None:
    def messages(numbers: range) -> Messages:
        calls = [{"id": f"c{number}", "function": {"name": "bash", "arguments": "{}"}} for number in numbers]
        results = [{"role": "tool", "tool_call_id": f"c{number}", "content": str(number)} for number in numbers]
        return [{"role": "assistant", "tool_calls": calls}, *results]

    many = messages(range(16_000))
    (turn,) = trajectory_of(many)
    assert [call.observation for call in turn.calls] == list(map(str, range(16_000)))
    assert_grows_in_proportion(trajectory_of, messages(range(2_000)), many, factor=16)


def test_the_strong_models_own_reasoning_is_kept() -> None:
    def turn(number: int) -> Messages:
        think = {"type": "thinking", "thinking": f"hm {number}", "signature": "sig"}
        use = {"type": "tool_use", "id": str(number), "name": "bash", "input": {}}
        result = {"type": "tool_result", "tool_use_id": str(number), "content": "x"}
        return [{"role": "assistant", "content": [think, use]}, {"role": "user", "content": [result]}]

    asked = {"role": "user", "content": "t"}
    run = [asked, *turn(1), *turn(2), *turn(3)]
    for weak in range(5):
        thoughts = [turn.thought for turn in trajectory_of(portable(run, weak))]
        assert thoughts == [f"hm {number}" if number > weak else "" for number in (1, 2, 3)]


@settings(max_examples=200, deadline=None)
@given(st.lists(LOOSE | NESTED, max_size=6))
def test_junk_is_portable_and_what_is_read_of_it_has_no_turn_more(messages: list[Any]) -> None:
    assert len(trajectory_of(portable(messages))) <= len(trajectory_of(messages))
