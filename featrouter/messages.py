"""Chat messages of the common forms (OpenAI chat, Anthropic, OpenAI Responses) to a Trajectory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from featrouter.trajectory import Call, Trajectory, Turn

# The one action of a text-only agent (mini-swe-agent): the last fenced block of its message.
_FENCE = re.compile(r"```[\w-]{0,30}\n(.*?)\n?```", re.DOTALL)
_MOST_TEXT = 200_000


class _Draft:
    """A turn being read: its thought, its calls by id, and the answers that came for them."""

    def __init__(self) -> None:
        self.thoughts: list[str] = []
        self.calls: list[Call] = []
        self.ids: list[str] = []
        self.plain: list[str] = []
        self.answered = False

    def call(self, identity: object, tool: object, arguments: object) -> None:
        action = arguments if isinstance(arguments, str) else _json(arguments)
        self.calls.append(Call(action=action, tool=str(tool or "")))
        self.ids.append(str(identity or len(self.ids)))

    def answer(self, identity: object, text: str, is_error: bool | None = None) -> None:
        self.answered = True
        if str(identity) in self.ids:
            index = self.ids.index(str(identity))
            self.calls[index] = replace(self.calls[index], observation=text, is_error=is_error)
        else:
            self.plain.append(text)

    def turn(self) -> Turn:
        thought, calls, rest = "\n".join(self.thoughts), self.calls, "\n".join(self.plain)
        if not calls and rest:
            blocks = _FENCE.findall(thought[:_MOST_TEXT])
            action = blocks[-1] if blocks else ""
            return Turn(_FENCE.sub("", thought[:_MOST_TEXT]).strip() if blocks else thought, action, rest)
        if rest and calls:
            calls[-1] = replace(calls[-1], observation="\n".join(filter(None, (calls[-1].observation, rest))))
        return Turn(thought, calls=tuple(calls))


def trajectory_of(messages: Iterable[Mapping[str, Any]]) -> Trajectory:
    """The trajectory that a message list tells: the first user text is the task, each assistant message a turn.

    Tool calls and results are paired by id; parallel calls are one turn; a text-only agent's action is the last
    fenced block of its message and the next user message is what it saw. System messages, images and unknown parts
    are skipped. A last assistant message that is still unanswered is a turn without an observation.
    """
    if isinstance(messages, str | bytes | Mapping):  # they iterate, too, and would read as a run without a turn
        raise TypeError(f"a list of messages is wanted, not a {type(messages).__name__}")
    task, drafts = "", []
    draft: _Draft | None = None
    for message in messages:
        if not isinstance(message, Mapping):
            continue
        role, kind = message.get("role"), message.get("type")
        if role == "assistant" or kind in ("function_call", "reasoning"):
            # Responses items of one turn come one by one: they join until an output has been seen.
            if (
                draft is None
                or (role == "assistant" and (draft.calls or draft.thoughts or draft.plain))
                or draft.plain
                or (kind == "function_call" and draft.answered)
            ):
                draft = _Draft()
                drafts.append(draft)
            _read_assistant(draft, message)
        elif kind == "function_call_output" and draft:
            draft.answer(message.get("call_id"), _text(message.get("output")))
        elif role in ("tool", "function") and draft:
            draft.answer(message.get("tool_call_id"), _text(message.get("content")))
        elif role == "user":
            text = _read_user(draft, message)
            if draft is None:
                task = task or text
            elif text:
                draft.plain.append(text)
    return Trajectory(task, tuple(draft.turn() for draft in drafts))


def _read_assistant(draft: _Draft, message: Mapping[str, Any]) -> None:
    if message.get("type") == "function_call":
        draft.call(message.get("call_id"), message.get("name"), message.get("arguments"))
        return
    for block in _blocks(message.get("content")):
        if block.get("type") == "tool_use":
            draft.call(block.get("id"), block.get("name"), block.get("input"))
        elif block.get("type") in ("text", "output_text", "thinking", None):
            draft.thoughts.append(str(block.get("text") or block.get("thinking") or ""))
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, Sequence) else ():
        if isinstance(call, Mapping):
            function = call.get("function")
            named = function if isinstance(function, Mapping) else call
            draft.call(call.get("id"), named.get("name"), named.get("arguments", named.get("args")))


def _read_user(draft: _Draft | None, message: Mapping[str, Any]) -> str:
    """The user's own text; tool results among the blocks go to their calls."""
    own = []
    for block in _blocks(message.get("content")):
        if block.get("type") == "tool_result" and draft:
            failed = block.get("is_error")
            draft.answer(
                block.get("tool_use_id"), _text(block.get("content")), bool(failed) if failed is not None else None
            )
        elif isinstance(block.get("text"), str):
            own.append(block["text"])
    return "\n".join(own)


def _blocks(content: object) -> Sequence[Mapping[str, Any]]:
    if isinstance(content, str):
        return ({"type": "text", "text": content},)
    if isinstance(content, Sequence):
        return [part if isinstance(part, Mapping) else {"type": "text", "text": str(part)} for part in content]
    return ()


def _text(content: object) -> str:
    return "\n".join(str(block["text"]) for block in _blocks(content) if isinstance(block.get("text"), str))


def _json(arguments: object) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(type(arguments).__name__)
