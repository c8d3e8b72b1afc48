"""traces: depth of tracebacks, kinds of error, exit codes, the shell's complaints."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.families.traces import MOST, Traces
from featrouter.reading import Reading
from featrouter.trajectory import Call, Turn


def trace(frames: int, last: str = "ValueError: bad 1") -> str:
    lines = "".join(f'  File "/w/m{i}.py", line {i + 1}, in f\n    f()\n' for i in range(frames))
    return f"Traceback (most recent call last):\n{lines}{last}"


def run(output: str, **given: Any) -> Turn:
    return Turn("", "python x.py", output, **given)


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"traces_{name}"] for name in want}


def test_depth_and_kinds(features: Any) -> None:
    got = features(run(trace(5)), run(trace(2, "ValueError: bad 22")), run(trace(3, "KeyError: 'a'")), run("fine"))
    want = {
        "count": 3,
        "frames_last": 3,
        "kinds": 2,
        "again": 1,
        "streak": 0,
        "share": 0.75,
        "since": 1,
        "names": 1,
    }
    assert pick(got, want) == want
    assert math.isnan(got["traces_trend"])
    assert math.isnan(got["traces_exit_share"])


@pytest.mark.parametrize(
    ("last", "feature"),
    [
        ("SyntaxError: invalid syntax", "syntax"),
        ("ModuleNotFoundError: No module named 'x'", "imports"),
        ("NameError: name 'x' is not defined", "names"),
        ("AssertionError: assert 1 == 2", "asserts"),
    ],
)
def test_sorts_of_error(features: Any, last: str, feature: str) -> None:
    got = features(run(trace(1, last)))
    sorts = ("syntax", "imports", "names", "asserts")
    assert {name: got[f"traces_{name}"] for name in sorts} == {name: float(name == feature) for name in sorts}


def test_a_warning_is_no_error(features: Any) -> None:
    want = {"kinds": 0, "share": 0, "streak": 0}
    assert pick(features(run("DeprecationWarning: old")), want) == want


def test_exit_codes(features: Any) -> None:
    got = features(run("", exit_code=0), run("", exit_code=3), run("x\n[Command finished with exit code 2]"), run("y"))
    want = {"exit_share": 2 / 3, "streak": 0, "share": 0.5}
    assert pick(got, want) == want


def test_a_reported_code_goes_before_a_printed_one(features: Any) -> None:
    want = {"exit_share": 0}
    assert pick(features(run("<returncode>1</returncode>", exit_code=0)), want) == want


def test_streak_and_trend(features: Any) -> None:
    good, bad = run("fine"), run("", is_error=True)
    want = {"streak": 3, "share": 3 / 6, "trend": 0.75, "since": 0}
    assert pick(features(good, good, good, bad, bad, bad), want) == want


@pytest.mark.parametrize(
    ("output", "feature"),
    [
        ("bash: line 1: foo: command not found", "not_found"),
        ("python: can't open file 'x.py': [Errno 2] No such file or directory", "missing"),
        ("The command timed out and has been killed.", "timeouts"),
        ("half done\nKilled\n", "timeouts"),
        ("Killed", "timeouts"),
        ("job 3 TIMED OUT after 60 s", "timeouts"),
        ("Your answer is wrong.", "rejected"),
    ],
)
def test_complaints_of_the_shell(features: Any, output: str, feature: str) -> None:
    got = features(run(output))
    names = ("not_found", "missing", "timeouts", "rejected")
    assert {name: got[f"traces_{name}"] for name in names} == {name: float(name == feature) for name in names}
    assert got["traces_streak"] == 1


@pytest.mark.parametrize("output", ["Killed the server", "KILLED\nby", "it was Killed", "set the timeout to 5"])
def test_what_only_sounds_like_a_timeout_is_none(features: Any, output: str) -> None:
    got = features(run(output))
    assert (got["traces_timeouts"], got["traces_streak"]) == (0, 0)


def test_what_a_file_quotes_was_not_raised(features: Any) -> None:
    want = {"count": 0, "kinds": 0, "streak": 0}
    assert pick(features(Turn("", "cat log.txt", trace(3))), want) == want


def test_every_call_of_a_turn_is_read(features: Any) -> None:
    calls = (Call("python a.py", trace(1)), Call("python b.py", trace(2, "KeyError: 1")))
    want = {"count": 2, "kinds": 2, "frames_last": 2, "share": 1, "streak": 1}
    assert pick(features(Turn(calls=calls)), want) == want


def test_a_database_complains(features: Any) -> None:
    query = Turn("", "SELECT a FROM b", "Error executing query: Table 'x.b' doesn't exist")
    want = {"names": 1, "kinds": 1, "syntax": 0}
    assert pick(features(query), want) == want


def test_a_java_trace(features: Any) -> None:
    text = (
        'Exception in thread "main" java.lang.IllegalStateException: no\n\tat a.B.c(B.java:5)\n\tat a.B.main(B.java:9)'
    )
    want = {"count": 1, "frames_last": 2, "kinds": 1}
    assert pick(features(run(text)), want) == want


def test_state_stands_still_past_the_cap() -> None:
    family = Traces("")
    letters = str.maketrans("0123456789", "abcdefghij")
    for number in range(1, MOST + 50):
        family.observe(Reading(run(f"K{number}Error: {str(number).translate(letters)}"), number))
    assert len(family._seen) == len(family._kinds) == MOST
