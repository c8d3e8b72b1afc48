"""The parts of chat messages, whatever they are made of: dictionaries, or the objects of a client's library."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from featrouter.lazy_pattern import lazy_pattern

#: LangChain names messages by who speaks.
_SPEAKERS = {
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "tool": "tool",
    "ToolMessageChunk": "tool",
    "system": "system",
}

#: Claude Code's notes to the model are no words of the user, nor of a tool, among which it puts them.
_NOTE = "<system-reminder>"
_NOTES = lazy_pattern(r"(?<!\s)\s*<system-reminder>.*?(?:</system-reminder>|\Z)", re.DOTALL)

# The one action of a text-only agent (mini-swe-agent): the last fenced block of its message.
_FENCE = lazy_pattern(r"```[\w-]{0,30}[ \t]*\n(.*?)\n?```", re.DOTALL)
_MOST_TEXT = 200_000


def get(part: object, name: str) -> Any:
    """The field of a dictionary, or of the object of a client's library; None where there is none."""
    return part.get(name) if isinstance(part, Mapping) else getattr(part, name, None)


def unpacked(message: object) -> object:
    """The message itself, where LangChain's own dump has put it in a box (`{"type": "ai", "data": {…}}`)."""
    if isinstance(message, Mapping) and kind_of(message) in _SPEAKERS and isinstance(message.get("data"), Mapping):
        return {"type": message["type"], **message["data"]}
    return message


def role_of(message: object) -> str:
    """user, assistant, tool, system, … ; empty for what is no message."""
    role = get(message, "role")
    return role if isinstance(role, str) else _SPEAKERS.get(kind_of(message), "")


def kind_of(part: object) -> str:
    """The type that a block or an item says it is; empty where it says none."""
    kind = get(part, "type")
    return kind if isinstance(kind, str) else ""


def blocks(content: object) -> Sequence[Any]:
    """The blocks of a content; a text is one of them."""
    if isinstance(content, str):
        return ({"type": "text", "text": content},)
    if isinstance(content, Sequence) and not isinstance(content, bytes):
        return [{"type": "text", "text": block} if isinstance(block, str) else block for block in content]
    return ()


def text(content: object) -> str:
    """The text of a content, blocks on lines of their own; what is no text is left out."""
    if isinstance(content, str):
        return content
    return "\n".join(told for block in blocks(content) if isinstance(told := get(block, "text"), str))


def without_notes(told: str) -> str:
    """A text of the user's, or of a tool's, without what Claude Code has put in for the model."""
    return _NOTES.sub("", told).lstrip() if _NOTE in told else told


def fenced(told: str) -> tuple[str, str]:
    """The thought and the action of a text-only agent: its last fenced block is what it does."""
    found = _FENCE.findall(told[:_MOST_TEXT])
    return (_FENCE.sub("", told[:_MOST_TEXT]).strip(), found[-1]) if found else (told, "")
