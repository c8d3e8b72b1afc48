"""testruns: results over time, runs without a test, reproduction scripts."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.families import testruns
from featrouter.observations.output import Output
from featrouter.observations.test_results import Result, result_of
from featrouter.reading import Reading
from featrouter.trajectory import Call, Turn

RED = "==== 2 failed, 10 passed, 1 skipped in 1.23s ===="
WORSE = "==== 3 failed, 8 passed, 1 error in 1.23s ===="
GREEN = "==== 12 passed in 1.20s ===="
LOOK = Turn("", "ls", "a.py")
SCRIPT = Turn("", "cat > reproduce.py <<'EOF'\nprint(1)\nEOF", "")


def pytest_run(output: str) -> Turn:
    return Turn("", "python -m pytest tests", output)


def failing(count: int, passed: int = 10) -> Turn:
    return pytest_run(f"==== {count} failed, {passed} passed in 1.23s ====" if count else GREEN)


def edit(number: int) -> Turn:
    return Turn("", f"sed -i 's/{number}/x/' src/a.py", "")


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"testruns_{name}"] for name in want}


# Features


def test_no_result_says_nothing(features: Any) -> None:
    want = dict.fromkeys(("failing", "green", "fixed", "step", "worse", "stuck", "recent"), 0)
    assert pick(features(), want) == want
    assert math.isnan(features()["testruns_share"])
    assert pick(features(Turn("", "cat log.txt", RED)), want) == want  # a file that quotes a result


@pytest.mark.parametrize(("output", "share"), [(RED, 2 / 12), (WORSE, 4 / 12), (GREEN, 0), ("1 failed in 0.10s", 1)])
def test_the_share_of_tests_that_fail(features: Any, output: str, share: float) -> None:
    assert features(pytest_run(output))["testruns_failing"] == pytest.approx(share)


def test_a_run_without_a_result_leaves_the_latest_one(features: Any) -> None:
    want = {"failing": 0, "green": 1}
    assert pick(features(pytest_run(RED), pytest_run(GREEN), pytest_run("")), want) == want


@pytest.mark.parametrize(("outputs", "green"), [([GREEN], 1), ([GREEN, RED], 0), ([RED, GREEN], 1), ([WORSE], 0)])
def test_green_is_the_latest_result(features: Any, outputs: list[str], green: float) -> None:
    assert features(*map(pytest_run, outputs))["testruns_green"] == green


@pytest.mark.parametrize(
    ("counts", "fixed", "step"),
    [
        ([4], 0, 0),
        ([4, 1], 0.75, 0.75),
        ([4, 0], 1, 1),
        ([4, 1, 2], 0.5, -0.5),
        ([2, 4, 8], -0.75, -0.5),
        ([0, 3], -1, -1),
        ([0, 0], 0, 0),
        ([3, 3], 0, 0),
    ],
)
def test_failures_fixed_since_the_first_and_the_previous_result(
    features: Any, counts: list[int], fixed: float, step: float
) -> None:
    want = {"fixed": fixed, "step": step}
    assert pick(features(*map(failing, counts)), want) == want


@pytest.mark.parametrize(
    ("counts", "worse"), [([3], 0), ([3, 7], 1), ([1, 7], 2), ([0, 1], 1), ([7, 3], 0), ([0, 99], 3)]
)
def test_how_often_the_failures_doubled(features: Any, counts: list[int], worse: float) -> None:
    assert features(*map(failing, counts))["testruns_worse"] == worse


@pytest.mark.parametrize(
    ("turns", "stuck"),
    [
        ([failing(2), edit(1), failing(2)], 1),
        ([failing(2), edit(1), failing(2), edit(2), failing(2)], 2),
        ([failing(2), failing(2), failing(2)], 0),  # nothing was changed in between
        ([failing(2), edit(1), failing(1)], 0),
        ([failing(2), edit(1), failing(2), edit(2), failing(1)], 0),
        ([failing(2), edit(1), failing(2), edit(2), failing(0)], 0),
        ([failing(2), edit(1), failing(2), failing(2)], 1),
        ([failing(2), *[edit(1), failing(2)] * 7], 4),
    ],
)
def test_changes_after_which_the_same_tests_fail(features: Any, turns: list[Turn], stuck: float) -> None:
    assert features(*turns)["testruns_stuck"] == stuck


def test_as_many_other_tests_are_not_the_same(features: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def names(output: Output) -> frozenset[str]:
        return frozenset(output.text.split("\n")[0].split())

    monkeypatch.setattr(testruns, "failed_names", names)
    one, other = pytest_run(f"test_a test_b\n{RED}"), pytest_run(f"test_a test_c\n{RED}")
    assert features(one, edit(1), one)["testruns_stuck"] == 1
    assert features(one, edit(1), other)["testruns_stuck"] == 0
    assert features(one, edit(1), other, edit(2), other)["testruns_stuck"] == 1


def test_the_share_of_test_runs_among_all_that_was_run(features: Any) -> None:
    assert features(LOOK, Turn("", "python a.py", "1"), pytest_run(GREEN))["testruns_share"] == 0.5
    assert features(pytest_run(GREEN))["testruns_share"] == 1
    assert features(Turn("", "python a.py", "1"))["testruns_share"] == 0


def test_turns_of_the_latest_three_that_ran_tests(features: Any) -> None:
    assert features(*[pytest_run(RED)] * 5)["testruns_recent"] == 3
    assert features(pytest_run(RED), LOOK, pytest_run(RED))["testruns_recent"] == 2
    assert features(pytest_run(RED), LOOK, LOOK, LOOK)["testruns_recent"] == 0
    assert features(Turn(calls=(Call("pytest a", RED, "bash"), Call("pytest b", RED, "bash"))))["testruns_recent"] == 1


# Facts


def test_from_red_to_green(facts: Any) -> None:
    got = facts(pytest_run(RED), LOOK, pytest_run(WORSE), pytest_run(GREEN), LOOK)
    want = {
        "runs": 3,
        "share": 1,
        "passed_last": 12,
        "failed_last": 0,
        "errors_last": 0,
        "skipped_last": 0,
        "failed_first": 2,
        "trend": -2,
        "green_last": 1,
        "since": 1,
        "first_turn": 1,
    }
    assert pick(got, want) == want


def test_from_green_to_red(facts: Any) -> None:
    want = {"failed_last": 3, "errors_last": 1, "trend": 4, "green_last": 0, "failed_first": 0}
    assert pick(facts(pytest_run(GREEN), pytest_run(WORSE)), want) == want


def test_one_result_has_no_trend_yet(facts: Any) -> None:
    want = {"trend": 0, "green_last": 0, "failed_first": 2, "failed_last": 2, "skipped_last": 1}
    assert pick(facts(pytest_run(RED)), want) == want


def test_no_test_ran(facts: Any) -> None:
    got = facts(pytest_run("==== no tests ran in 0.01s ===="))
    assert got["testruns_runs"] == 1
    assert (got["testruns_failed_last"], got["testruns_green_last"]) == (0, 0)


def test_a_file_that_quotes_a_result_is_none(facts: Any) -> None:
    got = facts(Turn("", "cat log.txt", RED))
    assert math.isnan(got["testruns_failed_last"])
    assert math.isnan(got["testruns_share"])


def test_results_of_parallel_calls_all_count(facts: Any) -> None:
    got = facts(Turn(calls=(Call("pytest a", RED, "bash"), Call("pytest b", GREEN, "bash"))))
    want = {"failed_first": 2, "failed_last": 0, "trend": -2}
    assert pick(got, want) == want


def test_reproduction_scripts(facts: Any) -> None:
    run = Turn("", "python reproduce.py", "1")
    got = facts(SCRIPT, run, run, Turn("", "python other.py", "1"), pytest_run(GREEN))
    want = {"scripts": 1, "scripts_run": 2, "share": 1 / 4}
    assert pick(got, want) == want


def test_state_stands_still_past_the_cap() -> None:
    family = testruns.Testruns("", {})
    for number in range(1, testruns.MAX_SCRIPTS + 50):
        family.observe(Reading(Turn("", f"cat > repro_{number}.py <<'EOF'\nprint(1)\nEOF", ""), number))
    assert len(family._scripts) == testruns.MAX_SCRIPTS


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Ran 5 tests in 0.012s\n\nFAILED (failures=1, errors=2)", Result(2, 1, 2, 0)),
        ("Ran 5 tests in 0.012s\n\nOK (expected failures=2)", Result(3, skipped=2)),
        ("Ran 5 tests in 0.012s\n\nFAILED (failures=1, expected failures=2)", Result(2, 1, 0, 2)),
        ("[ERROR] Tests run: 12, Failures: 1, Errors: 2, Skipped: 3", Result(6, 1, 2, 3)),
        ("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)", Result(1, 1)),
        (f"{RED}\nsecond run\n{GREEN}", Result(22, 2, 0, 1)),
        ("nothing was tested", None),
        ("", None),
    ],
)
def test_result_of(text: str, result: Result | None) -> None:
    assert result_of(Output(text)) == result


def test_nothing_passed_is_not_green() -> None:
    assert not Result(0).green
    assert Result(1, skipped=4).green
    assert not Result(5, errors=1).green
