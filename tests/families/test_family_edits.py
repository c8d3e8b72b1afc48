"""edits: sizes, refusals, syntax, history."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from featrouter.families.edits import MAX_NAMES, Edits, _size
from featrouter.reading import Reading
from featrouter.trajectory import Call, Operation, Turn

EDITED = "The file /w/a.py has been edited."
REFUSED = "No replacement was performed, old_str `x` did not appear verbatim in /w/a.py."
HEADER = "[File: /w/src/a.py (120 lines total)]\n1:x\n"
RUN = Turn("", "python a.py", "ok")
LOOK = Turn("", "ls", "a.py")


def replace(old: str, new: str, answer: str = EDITED, path: str = "/w/a.py") -> Turn:
    action = json.dumps({"command": "str_replace", "path": path, "old_str": old, "new_str": new})
    return Turn("", action, answer, "str_replace_editor")


def numbered(count: int) -> list[Turn]:
    """So many edits, no two alike."""
    return [replace(f"a = {number}", f"a = {number}0") for number in range(1, count + 1)]


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"edits_{name}"] for name in want}


# Features


def test_nothing_is_changed_before_a_change(features: Any) -> None:
    want = dict.fromkeys(("refused", "repeated", "undone", "blind", "syntax", "largest", "recent"), 0)
    assert pick(features(), want) == want
    assert pick(features(LOOK, RUN), want) == want


@pytest.mark.parametrize(
    ("answers", "refused"),
    [
        ([REFUSED], 1),
        ([EDITED], 0),
        ([REFUSED, EDITED, REFUSED], 2),
        ([REFUSED] + [EDITED] * 5, 1),
        ([REFUSED] + [EDITED] * 6, 0),  # the seventh latest change is forgotten
        ([REFUSED] * 6, 4),  # the bound
    ],
)
def test_refusals_among_the_latest_six_changes(features: Any, answers: list[str], refused: float) -> None:
    turns = [replace(f"a = {number}", "b", answer) for number, answer in enumerate(answers)]
    assert features(*turns)["edits_refused"] == refused
    assert features(*turns, *[LOOK] * 9)["edits_refused"] == refused  # looking around is no change


def test_an_edit_that_the_harness_calls_an_error_was_refused(features: Any) -> None:
    call = Call(replace("a", "b").action, "no", "str_replace_editor", is_error=True)
    assert features(Turn(calls=(call,)))["edits_refused"] == 1


@pytest.mark.parametrize(("times", "repeated"), [(1, 0), (2, 1), (4, 3), (9, 3)])
def test_the_same_edit_made_again(features: Any, times: int, repeated: float) -> None:
    assert features(*[replace("a = 1", "a = 2")] * times)["edits_repeated"] == repeated


def test_the_same_text_in_another_file_is_another_edit(features: Any) -> None:
    want = {"repeated": 0, "undone": 0}
    assert pick(features(replace("a", "b"), replace("a", "b", path="/w/b.py")), want) == want
    assert pick(features(replace("a", "b"), replace("b", "a", path="/w/b.py")), want) == want


@pytest.mark.parametrize(("turns", "undone", "repeated"), [(1, 0, 0), (2, 1, 0), (3, 2, 1), (5, 2, 3)])
def test_an_edit_taken_back(features: Any, turns: int, undone: float, repeated: float) -> None:
    there_and_back = [replace("a = 1", "a = 2"), replace("a = 2", "a = 1")] * 3
    want = {"undone": undone, "repeated": repeated}
    assert pick(features(*there_and_back[:turns]), want) == want


@pytest.mark.parametrize(("changes", "blind"), [(0, 0), (2, 0), (3, 1), (5, 3), (9, 4)])
def test_changes_beyond_two_without_a_check(features: Any, changes: int, blind: float) -> None:
    turns = numbered(changes)
    assert features(*turns)["edits_blind"] == blind
    assert features(*turns, LOOK)["edits_blind"] == blind
    assert features(*turns, RUN)["edits_blind"] == 0


@pytest.mark.parametrize(
    ("old", "new", "errors"), [("a = 1", "a = (", 1), ("a = (", "a = ((", 0), ("a = 1", "a = 2", 0)]
)
def test_only_a_new_syntax_error_counts(features: Any, old: str, new: str, errors: int) -> None:
    assert features(replace(old, new))["edits_syntax"] == errors


def test_syntax_errors_add_up_to_the_bound(features: Any) -> None:
    broken = [replace(f"a = {number}", f"a = ({number}") for number in range(5)]
    assert features(*broken[:2])["edits_syntax"] == 2
    assert features(*broken)["edits_syntax"] == 3


def test_the_largest_change_in_doublings(features: Any) -> None:
    three = replace("a = 1", "a = 1\nb = 2\nc = 3\nd = 4")
    assert features(three, replace("a = 1", "a = 2"))["edits_largest"] == 2  # log2 of 1 + 3 lines
    assert features(replace("", "x = 1\n" * 2000))["edits_largest"] == 9


def test_turns_of_the_latest_three_that_edited(features: Any) -> None:
    edits = numbered(4)
    assert features(*edits)["edits_recent"] == 3
    assert features(edits[0], LOOK)["edits_recent"] == 1
    assert features(edits[0], edits[1], LOOK, LOOK)["edits_recent"] == 1
    assert features(edits[0], LOOK, LOOK, LOOK)["edits_recent"] == 0
    both = Turn(calls=(Call(edits[0].action, EDITED, edits[0].tool), Call(edits[1].action, EDITED, edits[1].tool)))
    assert features(both)["edits_recent"] == 1


# Facts


def test_shared_context_is_not_a_change(facts: Any) -> None:
    got = facts(replace("a = 1\nb = 2\nc = 3", "a = 1\nb = 5\nd = 6\nc = 3"))
    want = {"count": 1, "added": 2, "removed": 1, "size_last": 3, "size_max": 3, "written": 0, "since": 0}
    assert pick(got, want) == want


def test_the_largest_edit_is_kept(facts: Any) -> None:
    got = facts(replace("a = 1", "a = 1\nb = 2\nc = 3\nd = 4"), replace("a = 1", "a = 2"), LOOK)
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


def test_apply_patch(facts: Any) -> None:
    patch = "*** Begin Patch\n*** Update File: src/a.py\n@@ def f():\n-    return 1\n+    return 2\n+    # end\n*** End Patch"
    got = facts(Turn("", patch, "Done!", "apply_patch"))
    want = {"count": 1, "added": 2, "removed": 1, "failed": 0, "test_files": 0}
    assert pick(got, want) == want


def test_a_new_file(facts: Any) -> None:
    got = facts(Turn("", "cat > tests/test_b.py <<'EOF'\ndef test_f():\n    assert f()\nEOF", ""))
    want = {"count": 0, "written": 2, "added": 0, "test_files": 1, "unchecked": 1}
    assert pick(got, want) == want
    assert math.isnan(got["edits_first_turn"])


def test_refused_edits(facts: Any) -> None:
    want = {"count": 2, "failed": 1, "syntax_errors": 0}
    assert pick(facts(replace("x", "y", REFUSED), replace("a = 1", "a = 2")), want) == want


def test_swe_agent_refuses_bad_syntax(facts: Any) -> None:
    answer = "Your proposed edit has introduced new syntax error(s). Please read this error message."
    want = {"count": 1, "failed": 1}
    assert pick(facts(Turn("", "edit 3:4\nx = (\nend_of_edit", answer)), want) == want


def test_an_edit_put_back_and_made_again_is_repeated(facts: Any) -> None:
    there, back = replace("a = 1", "a = 2"), replace("a = 2", "a = 1")
    want = {"repeated": 0, "undone": 1, "same_file": 2}
    assert pick(facts(there, back), want) == want
    want = {"repeated": 1, "undone": 2, "same_file": 3}
    assert pick(facts(there, back, there), want) == want


def test_a_run_ends_a_chain(facts: Any) -> None:
    one, two, three = numbered(3)
    want = {"chained": 2, "unchecked": 1}
    assert pick(facts(one, two, RUN, three), want) == want


def test_swe_agent_edit(facts: Any) -> None:
    got = facts(Turn("", "edit 3:4\nx = 1\ny = 2\nend_of_edit", HEADER))
    want = {"count": 1, "added": 2, "removed": 0, "size_last": 2, "first_turn": 1}
    assert pick(got, want) == want


@pytest.mark.parametrize(("new", "errors"), [("function f() {}\nclass A { g() {} }", 0), ("function f( {}", 1)])
def test_javascript_is_parsed(facts: Any, new: str, errors: int) -> None:
    assert facts(replace("let a", new, path="/w/a.js"))["edits_syntax_errors"] == errors


def test_facts_have_no_bound(facts: Any) -> None:
    want = {"repeated": 8, "chained": 9, "count": 9}
    assert pick(facts(*[replace("a = 1", "a = 2")] * 9), want) == want


def test_state_stands_still_past_the_cap() -> None:
    family = Edits("", {})
    for number in range(1, MAX_NAMES + 50):
        family.observe(Reading(replace(f"a = {number}", f"b = {number}", path=f"/w/{number}.py"), number))
    assert len(family._seen) == len(family._undoing) == len(family._per_file) == MAX_NAMES
