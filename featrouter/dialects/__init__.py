"""What a tool call of any harness does: canonical operations."""

from __future__ import annotations

from typing import Protocol

from featrouter.dialects import arguments, bash, code, codex, diffs, named_tools, prose, swe_agent, tool_words
from featrouter.lazy_pattern import lazy_pattern
from featrouter.trajectory import KINDS, Operation

__all__ = ["operations", "primary"]

RANK = {kind: rank for rank, kind in enumerate(KINDS)}
#: What is looked at of a long action: a file's text may follow the head, the next command the file's text.
HEAD_CHARS = 16384
TAIL_CHARS = 2048
#: ReAct's `Verb[argument]` and a browser's `verb('argument')`, where the log has no tool column.
CALL_CHARS = 2048
CALLED = lazy_pattern(r"\s{0,8}([A-Za-z][\w ]{1,30})[\[(]")


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
    action, observation, tool = call.action, call.observation, call.tool
    if len(action) > HEAD_CHARS + TAIL_CHARS:
        action = action[:HEAD_CHARS] + "\n" + action[-TAIL_CHARS:]
    name = named_tools.plain(tool)
    start = action[:1]
    if start.isspace():
        start = action[:256].lstrip()[:1]
    if start == "<" and arguments.FUNCTION in action[:256]:
        tool, given = arguments.tags(action)
        name = named_tools.plain(tool)
        return _with_arguments(name, tool, given, observation)
    if prose.refused(observation):
        return bash.THINK
    if name == "sql":
        return code.sql(action)
    if start == "{" and name not in named_tools.PYTHON_TOOLS:
        given = arguments.json_object(action)
        if given:
            return _with_arguments(name, tool, given, observation)
    if name in named_tools.SHELL_TOOLS:
        return bash.line(action, observation, of_windows=name in named_tools.WINDOWS_TOOLS)
    if name in named_tools.PYTHON_TOOLS:
        return code.python(action)
    if name in named_tools.PATCH_TOOLS and (name == "applypatch" or codex.PATCH_MARK in action[:64]):
        return codex.patch(action)
    if name in named_tools.KINDS:
        # SWE-agent's later logs name the command in the tool column and give its words alone.
        special = swe_agent.operations(action, observation) or swe_agent.operations(f"{tool} {action}", observation)
        return special or named_tools.operations(name, _bare(name, action), observation)
    return _unknown_tool(tool, action, observation)


def primary(ops: tuple[Operation, ...]) -> Operation:
    """The operation that names the call: the first of the kind that stands first in KINDS."""
    return ops[0] if len(ops) == 1 else min(ops, key=lambda op: RANK.get(op.kind, len(RANK)))


def _with_arguments(name: str, tool: str, given: dict[str, object], observation: str) -> tuple[Operation, ...]:
    if name in named_tools.KNOWN:
        return named_tools.operations(name, given, observation)
    if not given.keys().isdisjoint(named_tools.BATCHES):
        found: list[Operation] = []
        for one, inner in named_tools.batch(given):
            plain = named_tools.plain(one)
            if plain in named_tools.KNOWN:
                found += named_tools.operations(plain, inner, observation)
            else:
                found += named_tools.infer(one, inner, observation)
        if found:
            return tuple(found[:32])
    return named_tools.infer(tool, given, observation)


def _bare(name: str, action: str) -> dict[str, object]:
    """The arguments of a known tool whose action is no object: a diff, SEARCH/REPLACE blocks, or nothing."""
    if named_tools.KINDS[name] == "edit" and ("SEARCH" in action or "@@" in action):
        return {"diff": action}
    return {}


def _unknown_tool(tool: str, action: str, observation: str) -> tuple[Operation, ...]:
    special = swe_agent.operations(action, observation)
    if special:
        return special
    if codex.PATCH_MARK in action[:64]:
        return codex.patch(action)
    if "SEARCH\n" in action and diffs.replaced(action):
        return named_tools.operations("edit", {"diff": action}, observation)
    if code.is_sql(action):
        return code.sql(action)
    if (
        not tool
        and len(action) < CALL_CHARS
        and (match := CALLED.match(action))
        and action.rstrip().endswith(("]", ")"))
    ):
        kind = tool_words.kind(match[1])
        if kind:
            return (Operation(kind, (), (), (kind,)),)
    first = prose.first_line(action)
    # Some logs put the program of a shell line into the tool column, too.
    kind = tool_words.kind(tool) if tool and not first.startswith(tool) else ""
    if prose.is_command(first) or (prose.is_prose(action, first) and kind in ("", "think")):
        return bash.line(action, observation) if not kind else named_tools.infer(tool, {}, observation)
    if kind:
        return (Operation(kind, (), (), (named_tools.plain(tool),)),)
    return bash.OTHER
