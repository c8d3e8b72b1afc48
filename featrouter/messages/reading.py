"""Reads a message list of any common form (OpenAI chat, Anthropic, OpenAI Responses, LangChain) as a Trajectory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from featrouter.messages.parts import blocks, fenced, get, kind_of, role_of, text, unpacked, without_notes
from featrouter.trajectory import Call, Trajectory, Turn

_ARGUMENTS = ("arguments", "input", "args", "action", "operation")


class _Draft:
    """A turn being read: its thought, its calls by id, and what has been said since."""

    def __init__(self) -> None:
        self.thoughts: list[str] = []
        self.calls: list[Call] = []
        self.places: dict[str, int] = {}
        self.plain: list[str] = []
        self.answered = False

    def call(self, identity: object, tool: object, arguments: object) -> None:
        name = str(identity or f"#{len(self.calls)}")
        if name not in self.places:  # LangChain tells a call twice: in its list, and as the vendor's block
            action = arguments if isinstance(arguments, str) else _json(arguments)
            self.places[name] = len(self.calls)
            self.calls.append(Call(action=action, tool=str(tool or "")))

    def answer(self, identity: object, told: str, is_error: bool | None = None, *, inside: bool = False) -> None:
        """What came back for a call; `inside` the model's own answer, which then goes on, for a tool of its server."""
        self.answered = self.answered or not inside
        index = self.places.get(str(identity))
        if index is not None:
            self.calls[index] = replace(self.calls[index], observation=told, is_error=is_error)
        elif told:
            self.plain.append(told)

    def turn(self) -> Turn:
        thought, calls, rest = "\n".join(self.thoughts), self.calls, "\n".join(self.plain)
        if not calls and rest:
            thought, action = fenced(thought)
            return Turn(thought, action, rest)
        if rest and calls:
            calls[-1] = replace(calls[-1], observation="\n".join(filter(None, (calls[-1].observation, rest))))
        return Turn(thought, calls=tuple(calls))


class _Reader:
    """The turns read so far, the task before them, and which turn asked for what."""

    def __init__(self, messages: Iterable[Any], *, whole: bool = True) -> None:
        self.task: list[str] = []
        self.drafts: list[_Draft] = []
        #: With which message each turn begins.
        self.starts: list[int] = []
        self._asked: dict[str, _Draft] = {}
        for index, message in enumerate(map(unpacked, messages)):
            if get(message, "is_copied_context") is not True and get(message, "is_demo") is not True:
                self._read(message)
            self.starts += [index] * (len(self.drafts) - len(self.starts))
            if self.drafts and not whole:
                break

    def _read(self, message: object) -> None:
        role, kind = role_of(message), kind_of(message)
        if kind == "reasoning":
            self._turn(new=bool(self.drafts) and self.drafts[-1].answered)
            self._think(get(message, "summary"))
            self._think(get(message, "content"))
        elif role == "assistant":
            self._assistant(message)
        elif role in ("tool", "function", "tool-response"):
            failed = True if get(message, "status") == "error" else None
            self._answer(get(message, "tool_call_id"), text(get(message, "content")), failed)
        elif role == "user":
            self._user(message)
        elif role or not kind:
            return
        elif kind.endswith("_call_output"):
            self._answer(get(message, "call_id"), text(get(message, "output")), _failed(message))
        elif kind.endswith("_call"):
            draft = self._turn(new=bool(self.drafts) and self.drafts[-1].answered)
            self._call(draft, get(message, "call_id") or get(message, "id"), message, kind.removesuffix("_call"))

    def _turn(self, *, new: bool) -> _Draft:
        if new or not self.drafts:
            self.drafts.append(_Draft())
        return self.drafts[-1]

    def _assistant(self, message: object) -> None:
        calls = get(message, "tool_calls")
        calls = calls if isinstance(calls, Sequence) and not isinstance(calls, str) else ()
        content = get(message, "content")
        # One answer of the model may come in pieces before any result: thoughts, then words, then calls without words.
        before = self.drafts[-1] if self.drafts else None
        piece = before and not before.answered and (not before.calls or (calls and not text(content)))
        draft = self._turn(new=not piece)
        self._think(get(message, "reasoning_content") or get(message, "reasoning"))
        for call in (*calls, get(message, "function_call")):
            named = get(call, "function") or get(call, "custom") or call
            if named:
                self._call(draft, get(call, "id"), named, "")
        for block in blocks(content):
            kind = kind_of(block)
            if kind.endswith("tool_use"):
                self._call(draft, get(block, "id"), block, "")
            elif kind.endswith("tool_result"):
                draft.answer(get(block, "tool_use_id"), text(get(block, "content")), _flag(block), inside=True)
            elif kind in ("text", "output_text", "thinking", "reasoning", ""):
                told = get(block, "text") or get(block, "thinking") or get(block, "reasoning")
                draft.thoughts.append(told if isinstance(told, str) else "")

    def _call(self, draft: _Draft, identity: object, asked: object, name: str) -> None:
        given = next((value for key in _ARGUMENTS if (value := get(asked, key)) is not None), None)
        draft.call(identity, get(asked, "name") or name, given)
        if isinstance(identity, str):
            self._asked[identity] = draft
        output = get(asked, "output")
        if isinstance(output, str):
            draft.answer(identity, output, _failed(asked), inside=True)

    def _answer(self, identity: object, told: str, is_error: bool | None) -> None:
        draft = self._asked.pop(identity, None) if isinstance(identity, str) else None
        draft = draft or (self.drafts[-1] if self.drafts else None)
        if draft:  # else it answers what nobody asked: the beginning of the list was cut off
            draft.answer(identity, told, is_error)

    def _think(self, told: object) -> None:
        said = text(told)
        if said:
            self.drafts[-1].thoughts.append(said)

    def _user(self, message: object) -> None:
        """The user's own text; tool results among the blocks go to their calls."""
        own = []
        for block in blocks(get(message, "content")):
            if kind_of(block).endswith("tool_result"):
                self._answer(get(block, "tool_use_id"), without_notes(text(get(block, "content"))), _flag(block))
            elif isinstance(told := get(block, "text"), str):
                own.append(without_notes(told))
        said = "\n".join(filter(None, own))
        if self.drafts:
            self.drafts[-1].answer(None, said)
        elif said:
            self.task.append(said)


def trajectory_of(messages: Iterable[Any]) -> Trajectory:
    """The trajectory that a message list tells: the user's text before the first answer is the task.

    Messages are dictionaries or the objects of a client's library. Tool calls and results are paired by id, parallel
    calls are one turn, reasoning that can be read counts as thought. A text-only agent's action is the last fenced
    block of its message, and the next user message is what it saw. System messages, images and unknown parts are
    skipped, and so is what says of itself that it is copied context or a demonstration (`is_copied_context`,
    `is_demo`). A last answer of the model to which nothing came yet is a turn without an observation. TypeError for
    what is no list of messages.
    """
    reader = _Reader(_listed(messages))
    return Trajectory("\n".join(reader.task), tuple(draft.turn() for draft in reader.drafts))


def task_in(messages: Iterable[Any]) -> str:
    """The task of `trajectory_of`, for which nothing after the first answer is read."""
    return "\n".join(_Reader(_listed(messages), whole=False).task)


def starts_of(messages: Iterable[Any]) -> list[int]:
    """The index of the message with which each turn of the list begins."""
    return _Reader(_listed(messages)).starts


def _listed(messages: Iterable[Any]) -> Iterable[Any]:
    if isinstance(messages, str | bytes | Mapping):  # they iterate, too, and would read as a run without a turn
        raise TypeError(f"a list of messages is wanted, not a {type(messages).__name__}")
    return messages


def _flag(block: object) -> bool | None:
    failed = get(block, "is_error")
    return None if failed is None else bool(failed)


def _failed(item: object) -> bool | None:
    return True if get(item, "status") in ("failed", "incomplete") else None


def _json(arguments: object) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(type(arguments).__name__)
