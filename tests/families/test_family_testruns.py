"""testruns: results over time, runs without a test, reproduction scripts."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.families.testruns import Result, result_of, runners
from featrouter.trajectory import Call, Turn

RED = "==== 2 failed, 10 passed, 1 skipped in 1.23s ===="
WORSE = "==== 3 failed, 8 passed, 1 error in 1.23s ===="
GREEN = "==== 12 passed in 1.20s ===="


def pytest_run(output: str) -> Turn:
    return Turn("", "python -m pytest tests", output)


def test_from_red_to_green(features: Any) -> None:
    got = features(pytest_run(RED), Turn("", "ls", "a.py"), pytest_run(WORSE), pytest_run(GREEN), Turn("", "ls", "a"))
    want = {
        "runs": 3,
        "share": 1,
        "passed_last": 12,
        "failed_last": 0,
        "errors_last": 0,
        "failed_first": 2,
        "trend": -2,
        "green_last": 1,
        "since": 1,
        "first_turn": 1,
    }
    assert {name: got[f"testruns_{name}"] for name in want} == want


def test_from_green_to_red(features: Any) -> None:
    got = features(pytest_run(GREEN), pytest_run(WORSE))
    want = {
        "failed_last": 3,
        "errors_last": 1,
        "trend": 4,
        "green_last": 0,
        "failed_first": 0,
    }
    assert {name: got[f"testruns_{name}"] for name in want} == want


def test_one_result_has_no_trend_yet(features: Any) -> None:
    got = features(pytest_run(RED))
    assert got["testruns_trend"] == 0
    assert got["testruns_green_last"] == 0
    assert got["testruns_failed_first"] == got["testruns_failed_last"] == 2


def test_no_test_ran(features: Any) -> None:
    got = features(pytest_run("==== no tests ran in 0.01s ===="))
    assert got["testruns_runs"] == 1
    assert math.isnan(got["testruns_failed_last"])


def test_a_file_that_quotes_a_result_is_none(features: Any) -> None:
    got = features(Turn("", "cat log.txt", RED))
    assert math.isnan(got["testruns_failed_last"])
    assert math.isnan(got["testruns_share"])


def test_results_of_parallel_calls_all_count(features: Any) -> None:
    got = features(Turn(calls=(Call("pytest a", RED, "bash"), Call("pytest b", GREEN, "bash"))))
    assert (got["testruns_failed_first"], got["testruns_failed_last"], got["testruns_trend"]) == (2, 0, -2)


def test_reproduction_scripts(features: Any) -> None:
    write = Turn("", "cat > reproduce.py <<'EOF'\nprint(1)\nEOF", "")
    got = features(
        write,
        Turn("", "python reproduce.py", "1"),
        Turn("", "python reproduce.py", "1"),
        Turn("", "python other.py", "1"),
        pytest_run(GREEN),
    )
    assert (got["testruns_scripts"], got["testruns_scripts_run"]) == (1, 2)
    assert got["testruns_share"] == 1 / 4


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Ran 5 tests in 0.012s\n\nFAILED (failures=1, errors=2)", Result(2, 1, 2, 0)),
        ("Ran 5 tests in 0.012s\n\nOK (expected failures=2)", Result(5)),
        ("Ran 5 tests in 0.012s\n\nFAILED (failures=1, expected failures=2)", Result(4, 1)),
        ("[ERROR] Tests run: 12, Failures: 1, Errors: 2, Skipped: 3", Result(6, 1, 2, 3)),
        ("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)", Result(1, 1)),
        (f"{RED}\nsecond run\n{GREEN}", Result(12)),
        ("nothing was tested", None),
        ("", None),
    ],
)
def test_result_of(text: str, result: Result | None) -> None:
    assert result_of(text, runners()) == result


def test_nothing_passed_is_not_green() -> None:
    assert not Result(0).green
    assert Result(1, skipped=4).green
    assert not Result(5, errors=1).green
