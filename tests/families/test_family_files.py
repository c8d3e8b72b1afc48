"""files: reads, searches, depth, what the task and the tracebacks name."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.trajectory import Turn

READ = Turn("", "cat src/app/a.py", "x = 1")
EDIT = Turn("", "sed -i 's/1/2/' src/app/a.py", "")
HEADER = "[File: /w/src/a.py (120 lines total)]\n1:x\n"


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"files_{name}"] for name in want}


def test_reads(features: Any) -> None:
    got = features(READ, READ, EDIT, READ, Turn("", "cat tests/test_a.py", "y"), Turn("", "ls src", "app"))
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


def test_edited_unseen(features: Any) -> None:
    want = {"edited": 1, "edited_unread": 1, "reads": 0, "opened": 0}
    got = features(EDIT, EDIT)
    assert pick(got, want) == want
    assert math.isnan(got["files_since_read"])


def test_what_was_created_is_not_unseen(features: Any) -> None:
    create = Turn("", "cat > b.py <<'EOF'\nx = 1\nEOF", "")
    want = {"created": 1, "edited": 0, "edited_unread": 0}
    assert pick(features(create, Turn("", "sed -i 's/1/2/' b.py", "")), want) == want


def test_swe_agent_open_and_edit(features: Any) -> None:
    got = features(Turn("", "open src/a.py 10", HEADER), Turn("", "edit 1:1\nx = 1\nend_of_edit", HEADER))
    want = {"reads": 1, "opened": 1, "edited": 1, "edited_unread": 0, "folders": 1}
    assert pick(got, want) == want


@pytest.mark.parametrize(
    ("answer", "empty"),
    [
        ("", 1),
        ('No matches found for "x" in /w', 1),
        ("src/a.py:1:x = 1", 0),
        ('More than 113 files matched for "x" in /w. Please narrow your search.', 0),
    ],
)
def test_searches(features: Any, answer: str, empty: int) -> None:
    want = {"searches": 1, "searches_empty": empty, "searches_again": 0}
    assert pick(features(Turn("", "grep -rn feed src", answer)), want) == want


def test_a_search_repeated(features: Any) -> None:
    want = {"searches": 3, "searches_again": 1}
    got = features(
        Turn("", "grep -rn feed src", "a"), Turn("", "grep -rn feed lib", "b"), Turn("", "grep -rn food src", "c")
    )
    assert pick(got, want) == want


def test_files_named_in_the_task(features: Any) -> None:
    task = "The bug is in src/app/a.py, or in core.py."
    assert features(READ, task=task)["files_prompt_touched"] == 0.5
    assert features(Turn("", "true", ""), task=task)["files_prompt_touched"] == 0
    assert math.isnan(features(READ, task="A bug.")["files_prompt_touched"])


def test_files_named_in_tracebacks(features: Any) -> None:
    frames = ["/w/src/app/a.py", "/w/src/b.py", "/usr/lib/python3.11/json.py", "/v/site-packages/c.py"]
    trace = "Traceback (most recent call last):\n" + "".join(f'  File "{f}", line 3, in f\n' for f in frames)
    run = Turn("", "python x.py", trace + "ValueError: bad")
    assert features(run)["files_trace_touched"] == 0
    assert features(run, READ)["files_trace_touched"] == 0.5
