"""Diffs: how many lines they add and remove, and the two sides of SEARCH/REPLACE blocks."""

from __future__ import annotations

from functools import lru_cache

from featrouter.lazy_pattern import lazy_pattern

BLOCKS_KEPT = 64
#: `@@ -1,2 +1,3 @@`; a merge has one `@` and one range more for each further parent: `@@@ -1,2 -1,2 +1,3 @@@`.
HUNK = lazy_pattern(r"@{2,8}((?: -\d{1,9}(?:,\d{1,9})?){1,7}) \+\d{1,9}(?:,(\d{1,9}))? @")
RANGE = lazy_pattern(r"-\d{1,9}(?:,(\d{1,9}))?")
ANSI = lazy_pattern(r"\x1b\[[0-9;]{0,16}m")
#: Lines that end a hunk, and lines behind which `---` names a file.
SECTIONS = ("diff ", "Index: ", "From ", "*** ")
ABOVE = ("diff ", "index ", "Index: ", "*** ", "=====", "new file", "deleted file", "similarity", "rename ", "old mode",
         "new mode", "copy ", "dissimilarity")  # fmt: skip
SEARCH = lazy_pattern(r"[<\-]{5,12} ?SEARCH>?(?: .{0,80})?")
MIDDLE = lazy_pattern(r"={5,12}")
REPLACE = lazy_pattern(r"[>+]{5,12} ?(?:REPLACE|UPDATED)>?.{0,80}")
#: Roo tells the line where to look between the mark and the text.
HINTS = (":start_line:", ":end_line:")
RULE = "-------"


@lru_cache(maxsize=32)
def size_of_diff(diff: str) -> tuple[int, int]:
    """(lines added, lines removed) by a diff of any form: unified, combined, apply_patch's, or only marked lines.

    The counts in a hunk's header tell which lines are the hunk's, so that a removed `-- x` is no file header; a line that
    several parents of a merge lack counts once. Where no header counts, every marked line does. Linear in the text;
    never raises.
    """
    if "\x1b[" in diff:
        diff = ANSI.sub("", diff)
    lines = diff.split("\n")
    added = removed = old = new = 0
    parents = 1
    counted = "@@ -" in diff
    loose = not counted
    for at, line in enumerate(lines):
        mark = line[:1]
        if old > 0 or new > 0:
            marks = line[:parents]
            if "+" in marks and mark in "+ ":
                added += 1
                new -= 1
                old -= parents - marks.count("+")
                continue
            if "-" in marks and mark in "- " and not ((old, new) != (1, 1) and _names_file(lines, at, inside=True)):
                removed += 1
                old -= marks.count("-")
                continue
            if mark == "\\" or mark in " \t\r":  # an empty line is context that lost its blank
                old, new = (old, new) if mark == "\\" else (old - parents, new - 1)
                continue
            old = new = 0  # the header counted more lines than there are
        if mark == "@":
            parents, old, new = _announced(line)
            loose = True
        elif line.startswith(SECTIONS):
            loose = not counted
        elif loose and mark == "+":
            added += not (line.startswith("+++") and at > 0 and _names_file(lines, at - 1))
        elif loose and mark == "-":
            loose = not (counted and line.rstrip("\r") == "-- ")  # the signature below a mailed patch
            removed += loose and not _names_file(lines, at)
    return added, removed


def _announced(line: str) -> tuple[int, int, int]:
    """(parents, old lines of all parents, new lines) of a hunk's header; no lines where it does not say."""
    match = HUNK.match(line)
    if match is None:
        return 1, 0, 0
    olds = [int(count) if count else 1 for count in RANGE.findall(match[1])]
    return len(olds), sum(olds), int(match[2]) if match[2] else 1


def _names_file(lines: list[str], at: int, *, inside: bool = False) -> bool:
    """Whether a `---` line is a file's header: `+++` follows, and a hunk's header after that or another header before."""
    if not lines[at].startswith("---") or at + 1 >= len(lines) or not lines[at + 1].startswith("+++"):
        return False
    if at + 2 < len(lines) and lines[at + 2].startswith("@@"):
        return True
    return not inside and (at == 0 or not lines[at - 1].strip() or lines[at - 1].startswith(ABOVE))


def replaced(text: str) -> list[tuple[str, str]]:
    """The (old, new) texts of SEARCH/REPLACE blocks as Cline, Roo, aider and their like write them; empty when none.

    A block that was cut off keeps what is there.
    """
    if "SEARCH" not in text:
        return []
    found: list[tuple[str, str]] = []
    old: list[str] = []
    new: list[str] = []
    part: list[str] | None = None
    for line in text.split("\n"):
        bare = line.rstrip()
        mark = bare[:5]
        if mark in ("<<<<<", "-----") and SEARCH.fullmatch(bare):
            old, new = [], []
            part = old
        elif part is None:
            continue
        elif part is old and mark == "=====" and MIDDLE.fullmatch(bare):
            part = new
        elif mark in (">>>>>", "+++++") and REPLACE.fullmatch(bare):
            found.append(("\n".join(_without_hints(old)), "\n".join(new)))
            part = None
            if len(found) == BLOCKS_KEPT:
                return found
        else:
            part.append(line)
    if part is not None and (old or new):
        found.append(("\n".join(_without_hints(old)), "\n".join(new)))
    return found


def _without_hints(lines: list[str]) -> list[str]:
    at = 0
    while at < len(lines) and lines[at].startswith(HINTS):
        at += 1
    if at and at < len(lines) and lines[at].rstrip() == RULE:
        at += 1
    elif not at and lines[:1] == [RULE]:
        at = 1
    return lines[at:]


def joined(pairs: list[tuple[str, str]]) -> tuple[str, str]:
    """One (old, new) for several replacements: of more than one, what both sides share at either end is left out.

    So that the context that each repeats does not count as changed.
    """
    if len(pairs) == 1:
        return pairs[0]
    olds: list[str] = []
    news: list[str] = []
    for one, other in pairs:
        old, new = one.split("\n"), other.split("\n")
        start = 0
        while start < min(len(old), len(new)) and old[start] == new[start]:
            start += 1
        end = 0
        while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
            end += 1
        if one:
            olds += old[start : len(old) - end]
        if other:
            news += new[start : len(new) - end]
    return "\n".join(olds), "\n".join(news)


def files_of_blocks(text: str) -> list[str]:
    """The file names that stand in a line of their own above SEARCH blocks, as aider writes them."""
    names: dict[str, None] = {}
    before = ""
    for line in text.split("\n"):
        bare = line.strip()
        if bare.startswith("<<<<<") and SEARCH.fullmatch(bare):
            name = bare.partition("SEARCH")[2].strip(" >") or before
            if name:
                names[name] = None
        elif bare and not bare.startswith("```"):
            before = bare.strip("`*#: ") if len(bare) < 256 and " " not in bare.strip("`*#: ") else ""
    return list(names)
