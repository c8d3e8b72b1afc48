"""Test results: several summaries, failures that beat passes, long outputs, names of failing tests."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter import screen
from featrouter.catalogue import lexicon
from featrouter.observations.output import Output
from featrouter.observations.test_results import Result, failed_names, result_by, result_of, runners

STYLES = {"counts", "tally", "letters", "verdict", "nested", "names"}
EXAMPLES = [str(example["text"]) for pattern in runners() for example in pattern.matches]
PYTEST_RED, PYTEST_GREEN = "1 failed, 2 passed in 0.02s", "=== 3 passed in 0.11s ==="
CARGO = "test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"
MAVEN = "[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0"
DOTNET = "Passed!  - Failed:     0, Passed:     4, Skipped:     0, Total:     4"
SCALA = "[info] Tests: succeeded 4, failed 0, canceled 0, ignored 0, pending 0"
JEST = "Tests:       1 failed, 2 passed, 3 total"
NESTED = f"""=================== test session starts ===================
tests/test_pond.py .F
_____ test_pike _____
------------------- Captured stdout call -------------------
=================== test session starts ===================
1 failed, 7 passed in 0.01s
=================== short test summary info ===================
FAILED tests/test_pond.py::test_pike - assert 1
{"=" * 20} 1 failed, 1 passed in 0.20s {"=" * 20}"""


def read(text: str) -> Result | None:
    return result_of(Output(text))


def test_every_runner_has_a_style_and_a_join_that_are_read() -> None:
    assert {pattern.style for pattern in runners()} == STYLES
    assert {pattern.join for pattern in runners()} <= {"", "sum", "last", "whole", "alone"}
    assert all(pattern.gates for pattern in runners())


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (f"F..\n{PYTEST_RED}\n...\n{PYTEST_GREEN}", Result(5, 1)),
        (f"{PYTEST_GREEN}\n{JEST}", Result(5, 1)),
        (f"{CARGO}\n\n     Running tests/pond.rs\n{CARGO}", Result(8)),
        ("> a\nTests:       2 failed, 3 passed, 5 total\n> b\nTests:       4 passed, 4 total", Result(7, 2)),
        (f"{MAVEN}\n[INFO] Tests run: 3, Failures: 1, Errors: 0, Skipped: 0\n[INFO] BUILD FAILURE", Result(4, 1)),
        ("ok  \texample.org/a\t0.1s\nok  \texample.org/b\t0.1s\nFAIL\texample.org/c [build failed]", Result(2, 1)),
        (f"{DOTNET}\nPassed!  - Failed:     0, Passed:     2, Skipped:     1, Total:     3", Result(6, 0, 0, 1)),
        ("  3 passing (5ms)\n\n  2 passing (4ms)\n  1 failing\n", Result(5, 1)),
    ],
)  # fmt: skip
def test_summaries_add_up(text: str, result: Result) -> None:
    assert read(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (NESTED, Result(1, 1)),
        (f"{NESTED}\n=========== test session starts ===========\n{PYTEST_GREEN}", Result(4, 1)),
        (f"{PYTEST_GREEN}\n{PYTEST_GREEN}", Result(3)),
        ("tests/test_pond.py::test_carp PASSED [ 50%]\n" + PYTEST_GREEN, Result(3)),
        ("test pond::carp ... ok\n" + CARGO, Result(4)),
        ("=== RUN   TestA\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/b (0.00s)\nok  \texample.org/a\t0.1s", Result(1)),
        ("  py311: OK (1.2 seconds)\n  congratulations :) (1.3 seconds)\n" + PYTEST_GREEN, Result(3)),
        (f"{SCALA}\n[info] Passed: Total 4, Failed 0, Errors 0, Passed 4", Result(4)),
        ("3 passed and 1 failed.\n***Test Failed*** 1 failures.", Result(3, 1)),
        ("1..2\nok 1 a\nnot ok 2 b\n# tests 2\n# pass  1\n# fail  1", Result(1, 1)),
    ],
)  # fmt: skip
def test_what_is_written_twice_counts_once(text: str, result: Result) -> None:
    assert read(text) == result


@pytest.mark.parametrize(
    "text",
    [
        "--- PASS: TestA (0.00s)\nFAIL\texample.org/a\t0.1s\nFAIL",
        "Test Suites: 1 failed, 1 passed, 2 total\nTests:       4 passed, 4 total",
        "ok  \texample.org/a\t0.1s\n    --- FAIL: TestB/c (0.00s)",
        "[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0\n[INFO] BUILD FAILURE",
        "  4 passing (5ms)\nnpm ERR! Test failed.  See above for more details.",
        "     Summary [   0.012s] 4 tests run: 4 passed, 0 skipped\ntest result: FAILED. 0 passed; 1 failed; 0 ignored;",
        "test result: ok. 4 passed; 0 failed; 0 ignored;\nerror: test failed, to rerun pass `--lib`",
        "All tests successful.\nFiles=1, Tests=3,  0 wallclock secs\nResult: FAIL",
        "Ran 0 tests in 0.0s\n\nOK",
        "=== no tests ran in 0.01s ===\nERROR: file or directory not found: tests/test_pond.py",
        "2 skipped in 0.01s",
        "!!!!! Interrupted: 1 error during collection !!!!!\n1 error in 0.10s",
        "FAILED tests/test_pond.py::test_pike - assert 1",
    ],
)
def test_a_run_that_failed_or_ran_nothing_is_not_green(text: str) -> None:
    result = read(text)
    assert result is not None
    assert not result.green


@pytest.mark.parametrize(
    "text", ["2 errors during collection", "npm ERR! Test failed.  See above.", "BUILD FAILED in 2s"]
)
def test_a_verdict_alone_is_no_result(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize("prefix", ["packages/pond test: ", "pond:test: ", "@lake/pond: ", "app-1  | "])
def test_the_prefix_of_a_workspace_hides_nothing(prefix: str) -> None:
    assert read("\n".join(prefix + line for line in ["", "Tests:       1 failed, 2 passed, 3 total"])) == Result(2, 1)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_read_in_the_middle_of_a_long_output(text: str) -> None:
    noise = "a line that tells nothing of it\n" * 600
    short, long = read(f"noise\n\n{text}\n\nnoise"), read(f"{noise}\n{text}\n\n{noise}")
    assert long == short


@pytest.mark.parametrize("text", EXAMPLES)
def test_colours_and_carriage_returns_change_nothing(text: str) -> None:
    noise = "a line that tells nothing of it\n" * 600
    lines = [f"\x1b[1m{line}\x1b[0m" for line in text.split("\n")]
    assert read(noise + "\n" + "\r\n".join(lines) + "\r\n\n" + noise) == read(f"noise\n\n{text}\n\nnoise")


def test_a_failure_in_the_middle_of_many_passes_is_seen() -> None:
    lines = [f"--- {'FAIL' if at == 200 else 'PASS'}: TestFish{at:03} (0.00s)\n" for at in range(400)]
    result = read("".join(lines))
    assert result is not None
    assert (result.failed, result.green) == (1, False)
    assert result.passed > 200


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("FAILED tests/test_pond.py::test_pike - assert 1", {"tests/test_pond.py::test_pike"}),
        ("FAIL: test_pike (pond.Fish)\nERROR: test_eel (pond.Fish)", {"test_pike (pond.Fish)", "test_eel (pond.Fish)"}),
        ("--- FAIL: TestPike (0.00s)\n--- PASS: TestEel (0.00s)", {"TestPike"}),
        ("  ● pond › holds a pike\n", {"pond › holds a pike"}),
        ("test pond::pike ... FAILED\ntest pond::eel ... ok", {"pond::pike"}),
        ("rspec ./spec/pond_spec.rb:3 # Pond", {"./spec/pond_spec.rb:3"}),
        ("1) PondTest::testPike\n\nTests: 2, Assertions: 3, Failures: 1.", {"PondTest::testPike"}),
        ("  Failed Pond.HoldsPike [3 ms]", {"Pond.HoldsPike"}),
        ("[ERROR] pond.PondTest.holdsPike -- Time elapsed: 0.01 s <<< FAILURE!", {"pond.PondTest.holdsPike"}),
        ("[  FAILED  ] Pond.Pike (0 ms)\n[       OK ] Pond.Eel (0 ms)", {"Pond.Pike"}),
        ("ok 1 - holds an eel\nnot ok 2 - holds a pike", {"holds a pike"}),
        ("3 passed in 0.01s", set()),
    ],
)
def test_failing_tests_are_named(text: str, names: set[str]) -> None:
    assert failed_names(Output(text)) == names


def test_names_are_few_and_short() -> None:
    text = "\n".join(f"FAILED tests/test_pond.py::test_{at}{'x' * 180}" for at in range(100))
    names = failed_names(Output(text))
    assert len(names) == 32
    assert max(map(len, names)) <= 160


pieces = st.sampled_from(
    [*EXAMPLES, *(gate for pattern in runners() for gate in pattern.gates), "\n", "12 ", "é\0", "\r\n"]
)


@given(st.lists(pieces, max_size=12).map("".join), st.integers(0, 3))
def test_no_text_raises_and_counts_are_whole(text: str, times: int) -> None:
    output = Output(text * 10**times)
    result = result_of(output)
    assert result is None or min(result.passed, result.failed, result.errors, result.skipped) >= 0
    assert len(failed_names(output)) <= 32


@given(st.text(st.characters(exclude_categories=()), max_size=200), st.integers(1, 99), st.integers(1, 99))
def test_a_failing_summary_is_never_green(noise: str, failed: int, passed: int) -> None:
    result = read(f"{noise}\n{failed} failed, {passed} passed in 0.10s\n")
    assert result is not None
    assert result.failed >= failed
    assert not result.green


@given(st.lists(st.sampled_from(EXAMPLES), max_size=4).map("\n\n".join))
def test_results_are_the_same_with_and_without_a_screen(text: str) -> None:
    for output in (text, text + "\n" * 7000 + text):
        with pytest.MonkeyPatch.context() as patch:
            screened = result_of(Output(output)), failed_names(Output(output))
            patch.setattr(screen, "_matcher", lambda: None)
            assert (result_of(Output(output)), failed_names(Output(output))) == screened


def test_a_huge_output_costs_no_more_than_one_of_some_size() -> None:
    """Against the same text at a hundredth of its size: only its ends are searched."""
    text = "\n".join(EXAMPLES) + "\n"

    def cost(size: int) -> float:
        output = Output((text * (size // len(text) + 1))[:size])
        taken = []
        for _ in range(5):
            started = time.thread_time()
            result_of(output)
            taken.append(time.thread_time() - started)
        return min(taken)

    assert cost(20_000_000) < 4 * cost(200_000)


def test_words_are_of_one_field_each() -> None:
    words = [word for listed in lexicon("runners").words.values() for word in listed]
    assert len(words) == len(set(words))
    assert all(word == word.lower() for word in words)


def test_a_pattern_that_tells_no_numbers_has_no_result() -> None:
    patterns = lexicon("runners").patterns
    assert result_by(patterns["jest_names"], "  ● pond › holds a pike") is None
    assert result_by(patterns["pytest"], "nothing") is None
