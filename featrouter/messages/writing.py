"""Writes a Trajectory as a message list of one of the common forms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from featrouter.trajectory import Call, Trajectory

Message = dict[str, Any]
FORMS = ("openai", "anthropic", "responses")


def messages_of(trajectory: Trajectory, form: str = "openai") -> list[Message]:
    """The task and the turns as OpenAI chat messages, `anthropic` messages or OpenAI `responses` items.

    What no form holds is left out: exit codes, tokens, costs; whether a call failed is told to Anthropic alone. A call
    whose action is no JSON object becomes one with that text as its `command`, a call without a name is *bash*: forms
    want both. Read again, the turns do and see the same. ValueError for another form.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r:.40}")
    write = {"openai": _openai, "anthropic": _anthropic, "responses": _responses}[form]
    messages: list[Message] = [_user(trajectory.task, form)] if trajectory.task else []
    for number, turn in enumerate(trajectory, 1):
        calls = [(f"call_{number}_{index}", call) for index, call in enumerate(turn.each_call())]
        messages += write(turn.thought, calls)
        if not calls and number < len(trajectory):  # what closes a turn that asked for nothing
            messages.append(_user("", form))
    return messages


def _user(said: str, form: str) -> Message:
    if form == "responses":
        return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]}
    return {"role": "user", "content": said}


def _openai(thought: str, calls: list[tuple[str, Call]]) -> Iterator[Message]:
    said: Message = {"role": "assistant", "content": thought}
    if calls:
        said["tool_calls"] = [
            {"id": name, "type": "function", "function": {"name": _tool(call), "arguments": json.dumps(_given(call))}}
            for name, call in calls
        ]
    yield said
    for name, call in calls:
        yield {"role": "tool", "tool_call_id": name, "content": call.observation}


def _anthropic(thought: str, calls: list[tuple[str, Call]]) -> Iterator[Message]:
    content: list[Message] = [{"type": "text", "text": thought}] if thought or not calls else []
    content += [{"type": "tool_use", "id": name, "name": _tool(call), "input": _given(call)} for name, call in calls]
    yield {"role": "assistant", "content": content}
    if calls:
        yield {"role": "user", "content": [_result(name, call) for name, call in calls]}


def _result(name: str, call: Call) -> Message:
    told = {} if call.is_error is None else {"is_error": call.is_error}
    return {"type": "tool_result", "tool_use_id": name, "content": call.observation, **told}


def _responses(thought: str, calls: list[tuple[str, Call]]) -> Iterator[Message]:
    if thought or not calls:
        yield {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": thought}]}
    for name, call in calls:
        given = json.dumps(_given(call))
        yield {"type": "function_call", "call_id": name, "name": _tool(call), "arguments": given}
    for name, call in calls:
        yield {"type": "function_call_output", "call_id": name, "output": call.observation}


def _tool(call: Call) -> str:
    return call.tool or "bash"


def _given(call: Call) -> Message:
    try:
        given = json.loads(call.action)
    except (ValueError, RecursionError):
        given = None
    return given if isinstance(given, dict) else {"command": call.action}
