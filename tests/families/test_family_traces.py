"""traces: errors in a row, the same error again, kinds of error, exit codes, the shell's complaints."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from featrouter.families.traces import MAX_ERRORS, Traces
from featrouter.reading import Reading
from featrouter.trajectory import Call, Turn


def trace(frames: int, last: str = "ValueError: bad 1") -> str:
    lines = "".join(f'  File "/w/m{i}.py", line {i + 1}, in f\n    f()\n' for i in range(frames))
    return f"Traceback (most recent call last):\n{lines}{last}"


def run(output: str, **given: Any) -> Turn:
    return Turn("", "python x.py", output, **given)


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"traces_{name}"] for name in want}


GOOD, BAD = run("fine"), run("", is_error=True)
VALUE, KEY = run(trace(1)), run(trace(1, "KeyError: 'a'"))


# Features


def test_nothing_went_wrong_before_the_first_turn(features: Any) -> None:
    names = ("streak", "repeat", "rate", "not_found", "timeouts", "refused", "recent")
    want = dict.fromkeys(names, 0)
    assert pick(features(), want) == want
    assert pick(features(GOOD, GOOD), want | {"share": 0}) == want | {"share": 0}
    assert math.isnan(features()["traces_share"])


@pytest.mark.parametrize(
    ("turns", "streak", "share", "recent"),
    [
        ([BAD], 1, 1, 1),
        ([GOOD, GOOD, GOOD, BAD, BAD, BAD], 3, 0.5, 3),
        ([BAD, BAD, GOOD], 0, 2 / 3, 2),
        ([BAD, Turn("hm"), BAD], 1, 2 / 3, 2),
        ([BAD] * 9, 5, 1, 4),
        ([BAD, *[GOOD] * 4], 0, 0.2, 0),
    ],
)
def test_turns_that_ended_in_an_error(
    features: Any, turns: list[Turn], streak: float, share: float, recent: float
) -> None:
    want = {"streak": streak, "share": share, "recent": recent}
    assert pick(features(*turns), want) == want


@pytest.mark.parametrize(
    ("turns", "repeat"),
    [
        ([VALUE], 0),
        ([VALUE, VALUE, VALUE], 2),
        ([VALUE, GOOD, VALUE], 1),  # what went well in between is no other error
        ([VALUE, run(trace(4, "ValueError: bad 22"))], 1),  # another number, another depth
        ([VALUE, KEY], 0),
        ([VALUE, VALUE, KEY], 0),
        ([VALUE] * 9, 4),
    ],
)
def test_the_same_error_again(features: Any, turns: list[Turn], repeat: float) -> None:
    assert features(*turns)["traces_repeat"] == repeat


def test_tracebacks_a_turn(features: Any) -> None:
    assert features(VALUE, GOOD, GOOD, GOOD)["traces_rate"] == 0.25
    two = Turn(calls=(Call("python a.py", trace(1)), Call("python b.py", trace(2, "KeyError: 1"))))
    assert features(two, GOOD)["traces_rate"] == 1
    assert features(two)["traces_rate"] == 1.5


@pytest.mark.parametrize(
    ("output", "feature"),
    [
        ("bash: line 1: foo: command not found", "not_found"),
        ("The command timed out and has been killed.", "timeouts"),
        ("half done\nKilled\n", "timeouts"),
        ("Killed", "timeouts"),
        ("job 3 TIMED OUT after 60 s", "timeouts"),
        ("python: can't open file 'x.py': [Errno 2] No such file or directory", ""),
    ],
)
def test_sorts_of_complaint(features: Any, output: str, feature: str) -> None:
    names = ("not_found", "timeouts")
    got = features(run(output), GOOD)
    assert {name: got[f"traces_{name}"] for name in names} == {name: float(name == feature) for name in names}
    assert got["traces_share"] == 0.5
    if feature:
        assert features(*[run(output)] * 5)[f"traces_{feature}"] == 3


@pytest.mark.parametrize("output", ["Killed the server", "KILLED\nby", "it was Killed", "set the timeout to 5"])
def test_what_only_sounds_like_a_timeout_is_none(features: Any, output: str) -> None:
    want = {"timeouts": 0, "streak": 0}
    assert pick(features(run(output)), want) == want


def test_calls_that_the_harness_refused() -> None:
    row: dict[str, float] = {}
    family = Traces("", row)
    errors: Any = SimpleNamespace(tracebacks=0, frames=0, named=(), complaints=("refused",), tools=(), refused=True)
    for number in range(1, 4):
        reading = Reading(GOOD, number)
        reading.calls[0]._errors = errors
        family.observe(reading)
        assert row["traces_refused"] == number


# Facts


def test_depth_and_kinds(facts: Any) -> None:
    got = facts(run(trace(5)), run(trace(2, "ValueError: bad 22")), run(trace(3, "KeyError: 'a'")), GOOD)
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
def test_sorts_of_error(facts: Any, last: str, feature: str) -> None:
    got = facts(run(trace(1, last)))
    sorts = ("syntax", "imports", "names", "asserts")
    assert {name: got[f"traces_{name}"] for name in sorts} == {name: float(name == feature) for name in sorts}


def test_a_warning_is_no_error(facts: Any) -> None:
    want = {"kinds": 0, "share": 0, "streak": 0}
    assert pick(facts(run("DeprecationWarning: old")), want) == want


def test_exit_codes(facts: Any) -> None:
    got = facts(run("", exit_code=0), run("", exit_code=3), run("x\n[Command finished with exit code 2]"), run("y"))
    want = {"exit_share": 2 / 3, "streak": 0, "share": 0.5}
    assert pick(got, want) == want


def test_where_only_failures_tell_a_code_the_other_commands_ended_well(facts: Any) -> None:
    got = facts(run("x\n[Command finished with exit code 2]"), run("y"), run("y"), Turn("", "cat a.py", "x"), run("y"))
    assert got["traces_exit_share"] == 1 / 4


def test_a_reported_code_goes_before_a_printed_one(facts: Any) -> None:
    assert facts(run("<returncode>1</returncode>", exit_code=0))["traces_exit_share"] == 0


def test_streak_and_trend(facts: Any) -> None:
    want = {"streak": 3, "share": 3 / 6, "trend": 0.75, "since": 0}
    assert pick(facts(GOOD, GOOD, GOOD, BAD, BAD, BAD), want) == want


@pytest.mark.parametrize(
    ("output", "feature"),
    [
        ("bash: line 1: foo: command not found", "not_found"),
        ("python: can't open file 'x.py': [Errno 2] No such file or directory", "missing"),
        ("The command timed out and has been killed.", "timeouts"),
    ],
)
def test_complaints_of_the_shell(facts: Any, output: str, feature: str) -> None:
    got = facts(run(output))
    names = ("not_found", "missing", "timeouts")
    assert {name: got[f"traces_{name}"] for name in names} == {name: float(name == feature) for name in names}
    assert got["traces_streak"] == 1


def test_what_a_file_quotes_was_not_raised(facts: Any) -> None:
    want = {"count": 0, "kinds": 0, "streak": 0}
    assert pick(facts(Turn("", "cat log.txt", trace(3))), want) == want


def test_every_call_of_a_turn_is_read(facts: Any) -> None:
    calls = (Call("python a.py", trace(1)), Call("python b.py", trace(2, "KeyError: 1")))
    want = {"count": 2, "kinds": 2, "frames_last": 2, "share": 1, "streak": 1}
    assert pick(facts(Turn(calls=calls)), want) == want


def test_a_database_complains(facts: Any) -> None:
    query = Turn("", "SELECT a FROM b", "Error executing query: Table 'x.b' doesn't exist")
    want = {"names": 1, "kinds": 1, "syntax": 0}
    assert pick(facts(query), want) == want


def test_a_java_trace(facts: Any) -> None:
    text = (
        'Exception in thread "main" java.lang.IllegalStateException: no\n\tat a.B.c(B.java:5)\n\tat a.B.main(B.java:9)'
    )
    want = {"count": 1, "frames_last": 2, "kinds": 1}
    assert pick(facts(run(text)), want) == want


def test_facts_have_no_bound(facts: Any) -> None:
    want = {"streak": 9, "count": 9, "again": 8}
    assert pick(facts(*[VALUE] * 9), want) == want


def test_state_stands_still_past_the_cap() -> None:
    family = Traces("", {})
    letters = str.maketrans("0123456789", "abcdefghij")
    for number in range(1, MAX_ERRORS + 50):
        family.observe(Reading(run(f"K{number}Error: {str(number).translate(letters)}"), number))
    assert len(family._seen) == len(family._kinds) == MAX_ERRORS
