"""files: reads, searches, depth, changes, what the task names."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.families.files import MAX_NAMES, Files
from featrouter.reading import Reading
from featrouter.trajectory import Turn

READ = Turn("", "cat src/app/a.py", "x = 1")
EDIT = Turn("", "sed -i 's/1/2/' src/app/a.py", "")
IDLE = Turn("", "true", "")
HEADER = "[File: /w/src/a.py (120 lines total)]\n1:x\n"
FOUND = "src/a.py:1:x = 1"


def read(name: str) -> Turn:
    return Turn("", f"cat {name}", "x = 1")


def change(name: str) -> Turn:
    return Turn("", f"sed -i 's/1/2/' {name}", "")


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"files_{name}"] for name in want}


# Features


def test_nothing_was_touched_before_the_first_turn(features: Any) -> None:
    want = dict.fromkeys(("opened", "edited_unread", "first_read", "since_read", "since_new", "looking"), 0)
    got = features()
    assert pick(got, want) == want
    assert all(math.isnan(got[f"files_{name}"]) for name in ("depth", "task_touched", "found_nothing"))


@pytest.mark.parametrize(("names", "opened"), [(["a.py", "a.py", "b.py"], 2), (["a.py"], 1), ([], 0)])
def test_distinct_files_that_were_read(features: Any, names: list[str], opened: float) -> None:
    assert features(*map(read, names), EDIT, Turn("", "ls src", "app"))["files_opened"] == opened


def test_more_than_twenty_files_are_twenty(features: Any) -> None:
    assert features(*[read(f"m{number}.py") for number in range(30)])["files_opened"] == 20


def test_files_changed_without_having_been_read(features: Any) -> None:
    assert features(EDIT, EDIT)["files_edited_unread"] == 1
    assert features(READ, EDIT)["files_edited_unread"] == 0
    assert features(EDIT, READ, EDIT)["files_edited_unread"] == 1
    assert features(*[change(f"m{number}.py") for number in range(5)])["files_edited_unread"] == 2


def test_what_was_created_is_not_unread(features: Any) -> None:
    create = Turn("", "cat > b.py <<'EOF'\nx = 1\nEOF", "")
    assert features(create, change("b.py"))["files_edited_unread"] == 0


@pytest.mark.parametrize(
    ("names", "depth"), [(["a.py"], 0), (["src/app/a.py", "b.py"], 2), (["/w/a.py"], 1), (["a/" * 12 + "b.py"], 8)]
)
def test_the_depth_of_the_deepest_file(features: Any, names: list[str], depth: float) -> None:
    assert features(*map(read, names))["files_depth"] == depth
    assert features(*map(change, names))["files_depth"] == depth


def test_files_named_in_the_task(features: Any) -> None:
    task = "The bug is in src/app/a.py, or in core.py."
    assert features(READ, task=task)["files_task_touched"] == 0.5
    assert features(READ, change("lib/core.py"), task=task)["files_task_touched"] == 1
    assert features(READ, READ, read("other.py"), task=task)["files_task_touched"] == 0.5
    assert features(task=task)["files_task_touched"] == features(IDLE, task=task)["files_task_touched"] == 0
    assert math.isnan(features(READ, task="A bug.")["files_task_touched"])


def test_the_share_of_look_ups_that_found_nothing(features: Any) -> None:
    answers = ["", 'No matches found for "x" in /w', FOUND, FOUND]
    turns = [Turn("", f"grep -rn feed{number} src", answer) for number, answer in enumerate(answers)]
    assert features(*turns)["files_found_nothing"] == 0.5
    assert features(*turns[:2])["files_found_nothing"] == 1
    assert features(*turns[2:])["files_found_nothing"] == 0


def test_turns_before_the_first_read(features: Any) -> None:
    assert features(READ)["files_first_read"] == 0
    assert features(IDLE, IDLE, READ, IDLE, IDLE)["files_first_read"] == 2
    assert features(IDLE, IDLE, IDLE)["files_first_read"] == 3
    assert features(*[IDLE] * 20)["files_first_read"] == 9


def test_turns_since_a_read(features: Any) -> None:
    assert features(READ)["files_since_read"] == 0
    assert features(READ, EDIT, IDLE)["files_since_read"] == 2
    assert features(READ, *[IDLE] * 20)["files_since_read"] == 9
    assert features(READ, *[IDLE] * 20, READ)["files_since_read"] == 0


def test_turns_since_a_file_that_is_new_to_the_agent(features: Any) -> None:
    assert features(READ, READ, READ)["files_since_new"] == 2
    assert features(READ, READ, read("b.py"))["files_since_new"] == 0
    assert features(READ, READ, change("b.py"))["files_since_new"] == 0
    assert features(*[READ] * 20)["files_since_new"] == 9


@pytest.mark.parametrize(("turns", "looking"), [(8, 0), (9, 0.25), (12, 1), (20, 3), (40, 4)])
def test_looking_around_for_more_than_eight_turns(features: Any, turns: int, looking: float) -> None:
    around = [read(f"m{number}.py") for number in range(turns)]
    assert features(*around)["files_looking"] == looking
    assert features(*around, EDIT)["files_looking"] == 0
    assert features(EDIT, *around)["files_looking"] == looking


# Facts


def test_reads(facts: Any) -> None:
    got = facts(READ, READ, EDIT, READ, Turn("", "cat tests/test_a.py", "y"), Turn("", "ls src", "app"))
    want = {
        "reads": 4,
        "opened": 2,
        "revisits": 1,
        "listings": 1,
        "edited": 1,
        "edited_unread": 0,
        "created": 0,
        "depth_max": 2,
        "folders": 2,
        "tests_read": 1,
        "first_read_turn": 1,
        "since_read": 1,
        "since_new": 1,
    }
    assert pick(got, want) == want


def test_edited_unread(facts: Any) -> None:
    want = {"edited": 1, "edited_unread": 1, "reads": 0, "opened": 0}
    got = facts(EDIT, EDIT)
    assert pick(got, want) == want
    assert math.isnan(got["files_since_read"])
    assert math.isnan(got["files_first_read_turn"])


def test_created_files_are_not_edited_ones(facts: Any) -> None:
    create = Turn("", "cat > b.py <<'EOF'\nx = 1\nEOF", "")
    want = {"created": 1, "edited": 0, "edited_unread": 0}
    assert pick(facts(create, change("b.py")), want) == want


def test_swe_agent_open_and_edit(facts: Any) -> None:
    got = facts(Turn("", "open src/a.py 10", HEADER), Turn("", "edit 1:1\nx = 1\nend_of_edit", HEADER))
    want = {"reads": 1, "opened": 1, "edited": 1, "edited_unread": 0, "folders": 1}
    assert pick(got, want) == want


@pytest.mark.parametrize(
    ("answer", "empty"),
    [
        ("", 1),
        ('No matches found for "x" in /w', 1),
        (FOUND, 0),
        ('More than 113 files matched for "x" in /w. Please narrow your search.', 0),
    ],
)
def test_searches(facts: Any, answer: str, empty: int) -> None:
    want = {"searches": 1, "searches_empty": empty, "searches_again": 0}
    assert pick(facts(Turn("", "grep -rn feed src", answer)), want) == want


def test_a_search_repeated(facts: Any) -> None:
    want = {"searches": 3, "searches_again": 1}
    got = facts(
        Turn("", "grep -rn feed src", "a"), Turn("", "grep -rn feed lib", "b"), Turn("", "grep -rn food src", "c")
    )
    assert pick(got, want) == want


def test_facts_have_no_bound(facts: Any) -> None:
    assert facts(*[read(f"m{number}.py") for number in range(30)])["files_opened"] == 30


def test_state_stands_still_past_the_cap() -> None:
    family = Files("", {})
    for number in range(1, MAX_NAMES + 50):
        family.observe(Reading(read(f"m{number}.py"), 3 * number))
        family.observe(Reading(change(f"n{number}.py"), 3 * number + 1))
        family.observe(Reading(Turn("", f"grep -rn x{number} src", FOUND), 3 * number + 2))
    assert len(family._read) == len(family._edited) == len(family._touched) == len(family._searched) == MAX_NAMES
