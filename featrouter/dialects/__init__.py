"""What a tool call of any harness does: canonical operations."""

from __future__ import annotations

from typing import Protocol

from featrouter.dialects import arguments, bash, code, codex, named_tools, prose, swe_agent
from featrouter.trajectory import KINDS, Operation

__all__ = ["operations", "primary"]

RANK = {kind: rank for rank, kind in enumerate(KINDS)}
THINK = (Operation("think"),)
OTHER = (Operation("other"),)
#: What is looked at of a long action: a file's text may follow the head, the next command the file's text.
HEAD_CHARS = 16384
TAIL_CHARS = 2048


class Asked(Protocol):
    """A call, or what is left of one after its texts were cut."""

    @property
    def action(self) -> str: ...
    @property
    def observation(self) -> str: ...
    @property
    def tool(self) -> str: ...


def operations(call: Asked) -> tuple[Operation, ...]:
    """What the call does, in the order executed; never empty, never an exception, never slow."""
    action, observation = call.action, call.observation
    if len(action) > HEAD_CHARS + TAIL_CHARS:
        action = action[:HEAD_CHARS] + "\n" + action[-TAIL_CHARS:]
    name = named_tools.plain(call.tool)
    if prose.refused(observation):
        return THINK
    if name == "sql":
        return code.sql(action)
    if action.lstrip()[:1] == "<" and arguments.FUNCTION in action[:256]:
        function, tagged = arguments.tags(action)
        name, given = named_tools.plain(function), dict[str, object](tagged)
    else:
        given = arguments.json_object(action) if name not in named_tools.PYTHON_TOOLS else {}
    if given:
        return _with_arguments(name, given, observation)
    if name in named_tools.SHELL_TOOLS:
        return bash.line(action, observation)
    if name in named_tools.PYTHON_TOOLS:
        return code.python(action)
    if name == "applypatch":
        return codex.patch(action)
    if name in named_tools.KINDS:
        # SWE-agent's later logs name the command in the tool column and give its words alone.
        special = swe_agent.operations(action, observation) or swe_agent.operations(
            f"{call.tool} {action}", observation
        )
        return special or named_tools.operations(name, {}, observation)
    return _unknown_tool(action, observation)


def primary(ops: tuple[Operation, ...]) -> Operation:
    """The operation that names the call: the first of the kind that stands first in KINDS."""
    return ops[0] if len(ops) == 1 else min(ops, key=lambda op: RANK.get(op.kind, len(RANK)))


def _with_arguments(name: str, given: dict[str, object], observation: str) -> tuple[Operation, ...]:
    if name in named_tools.KNOWN:
        return named_tools.operations(name, given, observation)
    return named_tools.infer(given, observation)


def _unknown_tool(action: str, observation: str) -> tuple[Operation, ...]:
    special = swe_agent.operations(action, observation)
    if special:
        return special
    if codex.PATCH_MARK in action[:64]:
        return codex.patch(action)
    if code.is_sql(action):
        return code.sql(action)
    first = prose.first_line(action)
    if prose.is_command(first) or prose.is_prose(action, first):
        return bash.line(action, observation)
    return OTHER
