"""Codex: the `*** Begin Patch` format of apply_patch, one operation a file."""

from __future__ import annotations

from featrouter.dialects.paths import FILES_KEPT, named
from featrouter.trajectory import Operation

PATCH_CHARS = 8192
PATCH_MARK = "*** Begin Patch"
HEADERS = {"*** Add File: ": "create", "*** Update File: ": "edit", "*** Delete File: ": "edit"}


def patch(text: str, cwd: str = "") -> tuple[Operation, ...]:
    """What a patch does to each file; one edit without files when it names none."""
    found: list[Operation] = []
    for section in text[: 4 * PATCH_CHARS].split("\n*** ")[: FILES_KEPT * 2]:
        header, _, body = section.removeprefix("*** ").partition("\n")
        action, _, path = header.partition(" File: ")
        kind = HEADERS.get(f"*** {action} File: ")
        if kind is None or len(found) == FILES_KEPT:
            continue
        files = named((path,), cwd)
        if kind == "create":
            lines = (line.removeprefix("+") for line in body.split("\n"))
            found.append(Operation(kind, files, commands=("apply_patch",), new="\n".join(lines)[:PATCH_CHARS]))
        else:
            found.append(Operation(kind, files, commands=("apply_patch",), diff=body[:PATCH_CHARS]))
    return tuple(found) or (Operation("edit", commands=("apply_patch",), diff=text[:PATCH_CHARS]),)
