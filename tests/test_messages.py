"""Message lists of every form become the trajectory they tell, and junk becomes no exception."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter import Bundle, Call, Router, Trajectory, Turn
from featrouter.messages import trajectory_of

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
    assert isinstance(read, Trajectory)
    for turn in read:
        for call in turn.each_call():
            assert isinstance(call.action, str) and isinstance(call.observation, str)
