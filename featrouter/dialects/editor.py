"""The str_replace_editor family (Anthropic's text editor tool, OpenHands, later SWE-agent)."""

from __future__ import annotations

from collections.abc import Mapping

from featrouter.dialects.paths import named
from featrouter.trajectory import Operation

TEXT_CHARS = 8192
#: How the tool answers the view of a directory.
LISTING = "files and directories up to"
KINDS = {
    "view": "read",
    "create": "create",
    "str_replace": "edit",
    "insert": "edit",
    "undo_edit": "edit",
    "write": "create",
}


def operations(arguments: Mapping[str, str], observation: str) -> tuple[Operation, ...]:
    """What an editor command does to its one file."""
    command = arguments.get("command", "")
    kind = KINDS.get(command.strip(), "other")
    files = named((arguments.get("path", ""),))
    if kind == "read":
        return (Operation("read", files, commands=("view",), directory=LISTING in observation[:512]),)
    old = arguments.get("old_str", "")[:TEXT_CHARS]
    new = (arguments.get("file_text") or arguments.get("new_str") or arguments.get("content", ""))[:TEXT_CHARS]
    return (Operation(kind, files, commands=(command.strip(),) if kind != "other" else (), old=old, new=new),)
