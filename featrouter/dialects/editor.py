"""The str_replace_editor family (Anthropic's text editor tool, OpenHands, later SWE-agent, goose)."""

from __future__ import annotations

from collections.abc import Mapping

from featrouter.dialects.paths import normalise
from featrouter.trajectory import Operation

TEXT_CHARS = 8192
_new = tuple.__new__  # of a named tuple, at a third of the price
#: How the tool answers the view of a directory.
LISTING = "files and directories up to"
KINDS = {
    "view": "read",
    "create": "create",
    "str_replace": "edit",
    "strReplace": "edit",
    "insert": "edit",
    "undo_edit": "edit",
    "undoEdit": "edit",
    "write": "create",
    "append": "edit",
    "delete": "edit",
    "rename": "edit",
}


def operations(given: Mapping[str, object], observation: str) -> tuple[Operation, ...]:
    """What an editor command does to its one file; the names of the arguments are plain ones (`oldstr`)."""
    command = given.get("command")
    command = command.strip() if isinstance(command, str) else ""
    kind = KINDS.get(command, "other")
    path = given.get("path") or given.get("filepath") or given.get("targetfile")
    name = normalise(path) if isinstance(path, str) else ""
    files = (name,) if name else ()
    if kind == "read":
        return (_new(Operation, ("read", files, (), ("view",), "", "", "", LISTING in observation[:512])),)
    old, diff = given.get("oldstr") or given.get("oldstr1"), given.get("diff")
    new = (
        given.get("newstr")
        or given.get("newstr1")
        or given.get("filetext")
        or given.get("content")
        or given.get("inserttext")
    )
    old = old[:TEXT_CHARS] if isinstance(old, str) else ""
    new = new[:TEXT_CHARS] if isinstance(new, str) else ""
    diff = diff[:TEXT_CHARS] if isinstance(diff, str) else ""
    commands = (command,) if kind != "other" else ()
    return (_new(Operation, (kind, files, (), commands, old, new, diff, False)),)
