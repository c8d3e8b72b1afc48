"""edits: sizes, failures, syntax, history."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from featrouter.families.edits import _size
from featrouter.trajectory import Operation, Turn

EDITED = "The file /w/a.py has been edited."
HEADER = "[File: /w/src/a.py (120 lines total)]\n1:x\n"


def replace(old: str, new: str, answer: str = EDITED, path: str = "/w/a.py") -> Turn:
    action = json.dumps({"command": "str_replace", "path": path, "old_str": old, "new_str": new})
    return Turn("", action, answer, "str_replace_editor")


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"edits_{name}"] for name in want}


def test_shared_context_is_not_a_change(features: Any) -> None:
    got = features(replace("a = 1\nb = 2\nc = 3", "a = 1\nb = 5\nd = 6\nc = 3"))
    want = {"count": 1, "added": 2, "removed": 1, "size_last": 3, "size_max": 3, "written": 0, "since": 0}
    assert pick(got, want) == want


def test_the_largest_edit_is_kept(features: Any) -> None:
    got = features(replace("a = 1", "a = 1\nb = 2\nc = 3\nd = 4"), replace("a = 1", "a = 2"), Turn("", "ls", "a.py"))
    want = {"size_max": 3, "size_last": 2, "count": 2, "first_turn": 1, "since": 1, "same_file": 2, "chained": 2}
    assert pick(got, want) == want


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        (Operation("edit", old="a\nb", new="a\nb"), (0, 0)),
        (Operation("edit", old="a\na", new="a\na\na"), (1, 0)),
        (Operation("edit", old="a\nb\nc", new=""), (0, 3)),
        (Operation("create", new="a\nb"), (2, 0)),
        (
            Operation("edit", diff="--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n@@ -9 +9,2 @@\n-d\n+e\n+f\n"),
            (3, 2),
        ),
        (Operation("edit", diff="@@\n-x = 1\n+x = 2\n+y = 3"), (2, 1)),
        (Operation("edit", diff="--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n a\n-b\n+c\n+d\n"), (2, 1)),
        (Operation("edit", diff="@@ def f\n-a\n@@ def g\n+b\n"), (1, 1)),
    ],
)
def test_size(operation: Operation, size: tuple[int, int]) -> None:
    assert _size(operation) == size


def test_apply_patch(features: Any) -> None:
    patch = "*** Begin Patch\n*** Update File: src/a.py\n@@ def f():\n-    return 1\n+    return 2\n+    # end\n*** End Patch"
    got = features(Turn("", patch, "Done!", "apply_patch"))
    want = {"count": 1, "added": 2, "removed": 1, "failed": 0, "test_files": 0}
    assert pick(got, want) == want


def test_a_new_file(features: Any) -> None:
    got = features(Turn("", "cat > tests/test_b.py <<'EOF'\ndef test_f():\n    assert f()\nEOF", ""))
    want = {"count": 0, "written": 2, "added": 0, "definitions": 1, "test_files": 1, "unchecked": 1}
    assert pick(got, want) == want
    assert math.isnan(got["edits_first_turn"])


def test_refused_edits(features: Any) -> None:
    refused = replace("x", "y", "No replacement was performed, old_str `x` did not appear verbatim in /w/a.py.")
    got = features(refused, replace("a = 1", "a = 2"))
    want = {"count": 2, "failed": 1, "syntax_errors": 0}
    assert pick(got, want) == want


def test_swe_agent_refuses_bad_syntax(features: Any) -> None:
    answer = "Your proposed edit has introduced new syntax error(s). Please read this error message."
    want = {"count": 1, "failed": 1, "syntax_errors": 1}
    assert pick(features(Turn("", "edit 3:4\nx = (\nend_of_edit", answer)), want) == want


@pytest.mark.parametrize(
    ("old", "new", "errors"), [("a = 1", "a = (", 1), ("a = (", "a = ((", 0), ("a = 1", "a = 2", 0)]
)
def test_only_a_new_syntax_error_counts(features: Any, old: str, new: str, errors: int) -> None:
    assert features(replace(old, new))["edits_syntax_errors"] == errors


def test_an_edit_put_back_and_made_again_is_repeated(features: Any) -> None:
    there, back = replace("a = 1", "a = 2"), replace("a = 2", "a = 1")
    want = {"repeated": 0, "same_file": 2}
    assert pick(features(there, back), want) == want
    want = {"repeated": 1, "same_file": 3}
    assert pick(features(there, back, there), want) == want


def test_a_run_ends_a_chain(features: Any) -> None:
    one, two, three = (replace(f"a = {i}", f"a = {i}0") for i in (1, 2, 3))
    want = {"chained": 2, "unchecked": 1}
    assert pick(features(one, two, Turn("", "python a.py", ""), three), want) == want


def test_swe_agent_edit(features: Any) -> None:
    got = features(Turn("", "edit 3:4\nx = 1\ny = 2\nend_of_edit", HEADER))
    want = {"count": 1, "added": 2, "removed": 0, "size_last": 2, "first_turn": 1}
    assert pick(got, want) == want


def test_a_javascript_definition(features: Any) -> None:
    got = features(replace("let a", "function f() {}\nclass A { g() {} }", path="/w/a.js"))
    assert got["edits_definitions"] == 3
    assert got["edits_syntax_errors"] == 0
