"""ending: would the answer stand as it is now? Changes, checks since, what is left behind, what is said of it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from featrouter.families.ending import MAX_NAMES, Ending
from featrouter.reading import Reading
from featrouter.trajectory import Call, Turn

OK = Turn("", "python a.py", "1", exit_code=0)
BAD = Turn("", "python a.py", "boom", exit_code=1)
LOOK = Turn("", "cat a.py", "x = 1")
TASK = "The bug is in src/app/a.py, or in core.py."


def replace(old: str, new: str, path: str = "/w/a.py", **more: Any) -> Turn:
    action = json.dumps({"command": "str_replace", "path": path, "old_str": old, "new_str": new})
    return Turn("", action, "The file has been edited.", "str_replace_editor", **more)


def create(name: str, text: str = "print(1)") -> Turn:
    return Turn("", f"cat > {name} <<'EOF'\n{text}\nEOF", "")


EDIT = replace("x = 1", "x = 2")


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"ending_{name}"] for name in want}


def test_nothing_would_stand_before_the_first_turn(features: Any) -> None:
    want = dict.fromkeys(("size", "check", "failing", "unanswered", "leftovers", "doubt"), 0)
    assert pick(features(), want) == want
    assert pick(features(LOOK, Turn("I look at it.")), want) == want
    assert math.isnan(features()["ending_task_changed"])


def test_files_of_the_task_that_were_changed(features: Any) -> None:
    assert features(LOOK, task=TASK)["ending_task_changed"] == 0  # a look changes nothing
    assert features(EDIT, task=TASK)["ending_task_changed"] == 0.5
    assert features(EDIT, EDIT, replace("a", "b", "/w/lib/core.py"), task=TASK)["ending_task_changed"] == 1
    assert features(replace("a", "b", is_error=True), task=TASK)["ending_task_changed"] == 0
    assert features(create("other.py"), task=TASK)["ending_task_changed"] == 0
    assert math.isnan(features(EDIT, task="A bug.")["ending_task_changed"])


def test_lines_changed_in_doublings(features: Any, facts: Any) -> None:
    three = replace("x = 1", "x = 2\ny = 3")
    assert features(three)["ending_size"] == 2  # log2 of 1 + 3 lines
    assert features(three, replace("a", "b\nc\nd"))["ending_size"] == 3
    assert features(replace("a", "b", is_error=True))["ending_size"] == 0
    assert features(*[create(f"m{number}.py", "x = 1\n" * 600) for number in range(3)])["ending_size"] == 10
    assert facts(three, three)["ending_lines"] == 6


def test_a_diff_counts_its_own_lines(facts: Any) -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n"
    assert facts(Turn("", f"git apply <<'EOF'\n{diff}EOF", ""))["ending_lines"] == 2


@pytest.mark.parametrize(
    ("turns", "check"),
    [
        ([OK], 0),  # nothing was changed: nothing to check
        ([EDIT], 0),
        ([EDIT, OK], 1),
        ([EDIT, BAD], -1),
        ([EDIT, BAD, OK], 1),
        ([EDIT, OK, EDIT], 0),
        ([EDIT, OK, LOOK], 1),
        ([EDIT, OK, replace("a", "b", is_error=True)], 1),  # a refused change needs no check
    ],
)
def test_what_was_run_since_the_latest_change(features: Any, turns: list[Turn], check: float) -> None:
    assert features(*turns)["ending_check"] == check


@pytest.mark.parametrize(
    ("turns", "failing"),
    [
        ([OK], 0),
        ([BAD], 1),
        ([BAD, LOOK, EDIT], 1),
        ([BAD, OK], 0),
        ([Turn("", "pytest", "==== 1 failed in 0.10s ====", exit_code=1)], 1),
        ([Turn("", "cat nosuch.py", "No such file", exit_code=1)], 0),  # a look is no program
    ],
)
def test_the_latest_program_fails(features: Any, turns: list[Turn], failing: float) -> None:
    assert features(*turns)["ending_failing"] == failing


def failed(number: int) -> Turn:
    return Turn("", f"python m{number}.py", "boom", exit_code=1)


@pytest.mark.parametrize(
    ("turns", "unanswered"),
    [
        ([BAD], 1),
        ([BAD, BAD], 1),
        ([BAD, EDIT, OK], 0),  # the same call, made to work
        ([BAD, Turn("", "python b.py", "1", exit_code=0)], 1),
        ([OK, BAD], 1),
        ([failed(1), failed(2)], 2),
        ([Turn(calls=(Call("python a.py", "boom", exit_code=1), Call("python a.py", "1", exit_code=0)))], 0),
        ([failed(number) for number in range(9)], 5),
    ],
)
def test_calls_that_never_came_to_work(features: Any, turns: list[Turn], unanswered: float) -> None:
    assert features(*turns)["ending_unanswered"] == unanswered


@pytest.mark.parametrize(
    ("turns", "leftovers"),
    [
        ([create("reproduce.py")], 1),
        ([create("reproduce.py"), create("reproduce.py", "print(2)")], 1),
        ([create("reproduce.py"), create("verify_fix.py")], 2),
        ([create("reproduce.py"), Turn("", "rm reproduce.py", "")], 0),
        ([create("reproduce.py"), Turn("", "Remove-Item reproduce.py", "", "powershell")], 0),
        ([create("reproduce.py"), Turn("", "python reproduce.py && rm reproduce.py", "1")], 0),
        ([create("src/app/check/core.py")], 0),
        ([create("tests/unit/test_new.py")], 0),  # belongs to the project's suite
        ([replace("x = 1", "x = 1\nprint('debug', x)")], 1),
        ([replace("x = 1", "x = 1\nprint('debug', x)"), replace("x = 1\nprint('debug', x)", "x = 1")], 0),
        ([replace("x", "breakpoint()"), replace("y", "breakpoint()")], 1),
        ([create(f"check_{number}.py") for number in range(9)], 3),
    ],
)
def test_what_is_left_behind(features: Any, turns: list[Turn], leftovers: float) -> None:
    assert features(*turns)["ending_leftovers"] == leftovers


@pytest.mark.parametrize(
    ("thought", "doubt"),
    [
        ("This should work.", 1),
        ("Hopefully it is right, although I could not verify it.", 2),
        ("I am sure of it: all tests pass.", 0),
        ("Not sure. Unsure. Not tested. A workaround for now.", 3),
        (f"Hopefully so. {'It reads the file and goes on. ' * 60}", 0),  # of a long message its end counts
    ],
)
def test_words_of_doubt_in_the_latest_message(features: Any, thought: str, doubt: float) -> None:
    assert features(Turn(thought))["ending_doubt"] == doubt
    assert features(Turn(thought), Turn("", "ls", "a"))["ending_doubt"] == 0


def test_state_stands_still_past_the_cap() -> None:
    row: dict[str, float] = {}
    family = Ending("", row)
    for number in range(1, MAX_NAMES + 50):
        family.observe(Reading(failed(number), 2 * number))
        family.observe(Reading(create(f"check_{number}.py"), 2 * number + 1))
    assert len(family._unanswered) == len(family._left) == MAX_NAMES
