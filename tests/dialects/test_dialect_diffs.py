"""How much a diff changes, whatever its form; and the two sides of SEARCH/REPLACE blocks."""

from __future__ import annotations

import difflib
import json

import pytest
import unidiff
from hypothesis import given
from hypothesis import strategies as st

from featrouter.dialects import operations
from featrouter.dialects.diffs import joined, replaced, size_of_diff
from featrouter.trajectory import Call

HEAD = "--- a/x.sql\n+++ b/x.sql\n"
SIZES = {
    "unified": (HEAD + "@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n", (2, 1)),
    "lines that look like headers": (HEAD + "@@ -1,2 +1,2 @@\n--- old comment\n-b\n+++ new\n+c\n", (2, 2)),
    "only lines that look like headers": (HEAD + "@@ -1 +1 @@\n--- old\n+++ new\n@@ -9 +9 @@\n-a\n+b\n", (2, 2)),
    "two files": (HEAD + "@@ -1 +1 @@\n-a\n+b\n" + HEAD + "@@ -1 +1 @@\n-a\n+b\n", (2, 2)),
    "a header that counts too much": (HEAD + "@@ -1,9 +1,9 @@\n-a\n+b\n" + HEAD + "@@ -1 +1 @@\n-a\n+b\n", (2, 2)),
    "a header that counts too little": (HEAD + "@@ -1 +1 @@\n-a\n+b\n-c\n+d\n", (2, 2)),
    "renamed": ("diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n", (0, 0)),
    "renamed and changed": (
        "diff --git a/a b/b\nrename from a\nrename to b\n--- a/a\n+++ b/b\n@@ -1 +1,2 @@\n-x\n+y\n+z\n",
        (2, 1),
    ),
    "combined": ("diff --cc a\n--- a/a\n+++ b/a\n@@@ -1,2 -1,2 +1,3 @@@\n  a\n- b\n -c\n++d\n++e\n", (2, 2)),
    "no counts": ("@@\n-a\n+b\n+c\n", (2, 1)),
    "no counts, comments": ("@@ def f\n--- a comment\n+-- another\n+++ i\n", (2, 1)),
    "only marked lines": ("-a\n+b", (1, 1)),
    "context that lost its blank": (HEAD + "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n", (1, 1)),
    "no newline at the end": (HEAD + "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n", (1, 1)),
    "CRLF": (HEAD.replace("\n", "\r\n") + "@@ -1 +1 @@\r\n-a\r\n+b\r\n", (1, 1)),
    "coloured": ("\x1b[1m" + HEAD + "\x1b[m\x1b[36m@@ -1 +1 @@\x1b[m\n\x1b[31m-a\x1b[m\n\x1b[32m+b\x1b[m\n", (1, 1)),
    "mailed": ("From 1234\n\n- a point\n\n---\n x | 2 +-\n" + HEAD + "@@ -1 +1 @@\n-a\n+b\n-- \n2.40\n", (1, 1)),
    "none": ("", (0, 0)),
}


@pytest.mark.parametrize(("diff", "size"), SIZES.values(), ids=SIZES)
def test_size(diff: str, size: tuple[int, int]) -> None:
    assert size_of_diff(diff) == size


LINE = st.text("ab+-@ ", max_size=5)
FILE = st.lists(LINE, max_size=12)


@given(st.lists(st.tuples(FILE, FILE), min_size=1, max_size=3), st.integers(0, 3))
def test_on_well_formed_diffs_the_sizes_are_those_of_unidiff(
    files: list[tuple[list[str], list[str]]], context: int
) -> None:
    text = ""
    for number, (old, new) in enumerate(files):
        lines = difflib.unified_diff(old, new, f"a/{number}", f"b/{number}", lineterm="", n=context)
        text += "".join(f"{line}\n" for line in lines)
    patch = unidiff.PatchSet(text)
    assert size_of_diff(text) == (patch.added, patch.removed)


@given(st.text("+-@ 1,\n\\*d", max_size=80))
def test_whatever_the_text_sizes_are_no_more_than_its_lines(text: str) -> None:
    added, removed = size_of_diff(text)
    assert 0 <= added + removed <= text.count("\n") + 1


BLOCKS = {
    "cline": "------- SEARCH\nold\n=======\nnew\nnew2\n+++++++ REPLACE",
    "aider": "a.py\n```python\n<<<<<<< SEARCH\nold\n=======\nnew\nnew2\n>>>>>>> REPLACE\n```",
    "roo": "<<<<<<< SEARCH\n:start_line:3\n-------\nold\n=======\nnew\nnew2\n>>>>>>> REPLACE",
    "roo, with an end": "<<<<<<< SEARCH\n:start_line:3\n:end_line:3\n-------\nold\n=======\nnew\nnew2\n>>>>>>> REPLACE",
    "old cline": "<<<<<<< SEARCH\nold\n=======\nnew\nnew2\n>>>>>>> REPLACE",
    "cut off": "<<<<<<< SEARCH\nold\n=======\nnew\nnew2",
}


@pytest.mark.parametrize("text", BLOCKS.values(), ids=BLOCKS)
def test_blocks(text: str) -> None:
    assert replaced(text) == [("old", "new\nnew2")]


def test_context_that_several_replacements_repeat_is_left_out() -> None:
    assert joined([("a\nb", "a\nc")]) == ("a\nb", "a\nc")
    assert joined([("a\nb\nz", "a\nc\nz"), ("x\ny", "x\ny\nw")]) == ("b", "c\nw")


@given(st.lists(st.sampled_from(["<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "-------", "a", ""]), max_size=12))
def test_whatever_the_marks_blocks_hold_no_more_than_the_text(lines: list[str]) -> None:
    found = replaced("\n".join(lines))
    assert sum(len(old.split("\n")) + len(new.split("\n")) for old, new in found if old or new) <= len(lines) + 2 * len(
        found
    )


@pytest.mark.parametrize("tool", ["replace_in_file", "apply_diff", "search_replace", "edit_file"])
def test_an_edit_carries_both_sides(tool: str) -> None:
    action = json.dumps({"path": "src/a.py", "diff": BLOCKS["roo"]})
    (op,) = operations(Call(action, "ok", tool))
    assert (op.kind, op.files, op.old, op.new, op.diff) == ("edit", ("src/a.py",), "old", "new\nnew2", "")


def test_aiders_blocks_need_no_tool() -> None:
    (op,) = operations(Call("src/a.py\n```python\n" + BLOCKS["old cline"] + "\n```", "ok"))
    assert (op.kind, op.files, op.old, op.new) == ("edit", ("src/a.py",), "old", "new\nnew2")


def test_a_moved_file_keeps_its_hunk() -> None:
    patch = "*** Begin Patch\n*** Update File: a.py\n*** Move to: b.py\n@@\n-x\n+y\n*** End Patch"
    (op,) = operations(Call(patch, "ok", "apply_patch"))
    assert (op.kind, op.files) == ("edit", ("a.py", "b.py"))
    assert size_of_diff(op.diff) == (1, 1)
