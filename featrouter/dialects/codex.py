"""Codex: the `*** Begin Patch` format of apply_patch, one operation a file."""

from __future__ import annotations

from featrouter.dialects.paths import FILES_KEPT, named
from featrouter.trajectory import Operation

PATCH_CHARS = 8192
PATCH_MARK = "*** Begin Patch"
HEADERS = {"*** Add File: ": "create", "*** Update File: ": "edit", "*** Delete File: ": "edit"}
MOVED = "*** Move to: "
#: A section ends where the next file's begins; `*** Move to:` and `*** End of File` are lines of their section.
SECTION_STARTS = tuple(header.removeprefix("*** ") for header in HEADERS)


def patch(text: str, cwd: str = "") -> tuple[Operation, ...]:
    """What a patch does to each file, a moved file under both names; one edit without files when it names none."""
    found: list[Operation] = []
    sections: list[list[str]] = []
    for part in text[: 4 * PATCH_CHARS].replace("\r\n", "\n").split("\n*** ")[: FILES_KEPT * 4]:
        part = part.removeprefix("*** ")
        if part.startswith(SECTION_STARTS):
            sections.append([part])
        elif sections and part.startswith("Move to: "):
            sections[-1].append("*** " + part)
    for first, *moves in sections[:FILES_KEPT]:
        header, _, body = first.partition("\n")
        action, _, path = header.partition(" File: ")
        kind = HEADERS[f"*** {action} File: "]
        paths = [path]
        for move in moves:
            target, _, rest = move.removeprefix(MOVED).partition("\n")
            paths.append(target)
            body = f"{body}\n{rest}" if body else rest
        files = named(paths, cwd)
        if kind == "create":
            lines = (line.removeprefix("+") for line in body.split("\n"))
            found.append(Operation(kind, files, commands=("apply_patch",), new="\n".join(lines)[:PATCH_CHARS]))
        else:
            found.append(Operation(kind, files, commands=("apply_patch",), diff=body[:PATCH_CHARS]))
    return tuple(found) or (Operation("edit", commands=("apply_patch",), diff=text[:PATCH_CHARS]),)
