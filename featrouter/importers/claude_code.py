"""Claude Code's session files, and the lines of `claude -p --output-format stream-json`.

Side chains (a subagent's lines, in the session's file or one of their own) are passed by: what the subagent answered
stands in the session as the result of the call that sent it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from featrouter.importers.fields import (
    amount_of,
    arguments_of,
    flag_of,
    id_of,
    object_of,
    objects_of,
    text_of,
    total_of,
)
from featrouter.importers.format import Format, Imported, PassedBy
from featrouter.importers.records import Damaged, Note, Record
from featrouter.importers.steps import Step, turns_of
from featrouter.logs.run import Run
from featrouter.messages.parts import without_notes
from featrouter.trajectory import Trajectory

_Object = Mapping[str, Any]
_EXIT = re.compile(r"Exit code (\d{1,3})(?:\n|$)")
#: What the program itself writes in the user's name: marked lines, slash commands and what they printed.
_NOT_SAID = ("isMeta", "isCompactSummary", "isSynthetic")
_COMMANDS = ("<command-", "<local-command-", "<bash-")


def _recognises(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        return False
    session = "sessionId" in value or "session_id" in value
    return session and ("uuid" in value or value["type"] in ("queue-operation", "result", "file-history-snapshot"))


def _read(records: Iterable[Record], note: Note) -> Iterator[Imported]:
    sessions: dict[str, _Session] = {}
    side, last = 0, ""
    for record in records:
        line = object_of(record.value)
        if not isinstance(line.get("type"), str):
            note(record, "type: the line tells none")
            continue
        if line.get("isSidechain") is True or line.get("parent_tool_use_id"):
            side += 1
            continue
        last = id_of(line.get("sessionId")) or id_of(line.get("session_id")) or last
        session = sessions.setdefault(last, _Session(record))
        if trouble := session.add(line):
            note(record, trouble)
    told = [(name, session) for name, session in sessions.items() if session.steps]
    for name, session in told:
        trajectory = Trajectory(session.task, turns_of(session.steps.values()), ended=True)
        yield Imported(session.run(name), trajectory, session.record, session.over)
    if not told and side:
        raise PassedBy("a subagent's side chain; its session holds what it answered")
    if not told:
        raise Damaged("no line of the assistant among its lines")


class _Session:
    def __init__(self, record: Record) -> None:
        self.record, self.task, self.model, self.over = record, "", "", False
        self.cost: float | None = None
        self.steps: dict[str, Step] = {}  # by the id of the model's message, which several lines may share
        self._asked: dict[str, Step] = {}  # by the id of a call: which step made it last
        self._seen: set[str] = set()

    def run(self, session: str) -> Run:
        return Run(session, "", task=self.task, harness="claude-code", weak_model=self.model, cost_weak=self.cost)

    def add(self, line: _Object) -> str:
        """Takes a line; what is wrong with it, or ""."""
        kind, uuid = line["type"], id_of(line.get("uuid"))
        if uuid in self._seen:
            return ""  # a session that was resumed repeats its lines
        if uuid:
            self._seen.add(uuid)
        self.over = kind == "result" or (self.over and kind != "assistant")
        if kind in ("result", "cost-state"):
            self.cost = amount_of(line.get("total_cost_usd", line.get("totalCostUSD")))
        if kind not in ("user", "assistant") or any(line.get(mark) is True for mark in _NOT_SAID):
            return ""
        message = line.get("message")
        if not isinstance(message, Mapping):
            return f"message: an object is wanted, not a {type(message).__name__}"
        if kind == "assistant":
            self._ask(message, uuid)
        else:
            self._answer(message)
        return ""

    def _ask(self, message: _Object, uuid: str) -> None:
        model = id_of(message.get("model"))
        if model == "<synthetic>":  # what the program says where the model could not be asked
            return
        self.model = self.model or model
        step = self.steps.setdefault(id_of(message.get("id")) or uuid or str(len(self.steps)), Step())
        usage = object_of(message.get("usage"))
        read = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        step.prompt_tokens = total_of(*(usage.get(key) for key in read))
        step.completion_tokens = amount_of(usage.get("output_tokens"))
        content = message.get("content")
        if isinstance(content, str):
            step.think(text_of(content))
        for block in objects_of(content) if isinstance(content, list) else []:
            if block.get("type") in ("tool_use", "server_tool_use"):
                identity = id_of(block.get("id"))
                step.call(identity, id_of(block.get("name")), arguments_of(block.get("input")))
                self._asked[identity] = step
            else:
                step.think(text_of(block.get("thinking")), text_of(block.get("text")))

    def _answer(self, message: _Object) -> None:
        content = message.get("content")
        own = [text_of(content)] if isinstance(content, str) else []
        for block in objects_of(content) if isinstance(content, list) else []:
            if block.get("type") != "tool_result":
                own.append(text_of(block.get("text")))
                continue
            identity, text = id_of(block.get("tool_use_id")), without_notes(text_of(block.get("content")))
            failed = flag_of(block.get("is_error"))
            code = _EXIT.match(text) if failed else None
            if step := self._asked.get(identity):
                step.answer(identity, text, int(code[1]) if code else None, failed)
        text = without_notes("\n".join(filter(None, own))).strip()
        if text.startswith(_COMMANDS):
            return
        if self.steps:
            next(reversed(self.steps.values())).remark(text)
        else:
            self.task = self.task or text


FORMAT = Format("claude-code", _recognises, _read)
