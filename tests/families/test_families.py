"""Each family on small hand-made runs with the numbers a person would count."""

from __future__ import annotations

import json
import math

import pytest

from featrouter import Call, Trajectory, Turn
from featrouter.catalogue import feature_set
from featrouter.extractor import extract


def features(*turns: Turn, task: str = "") -> dict[str, float]:
    return extract(Trajectory(task, turns))


def bash(action: str, observation: str = "", **more: object) -> Turn:
    return Turn("", action, observation, "bash", **more)  # type: ignore[arg-type]


def edit(path: str, old: str, new: str, observation: str = "The file has been edited.") -> Turn:
    arguments = {"command": "str_replace", "path": path, "old_str": old, "new_str": new}
    return Turn("", json.dumps(arguments), observation, "str_replace_editor")


def test_prompt() -> None:
    task = (
        "Parsing fails with ValueError in src/app/parse.py, see https://example.org/1\n"
        "Steps to reproduce:\n```python\nparse_all(1)\n```\nExpected result: 2? Version 3.2.1"
    )
    found = features(task=task)
    assert found["prompt_files"] == 1
    assert found["prompt_code_blocks"] == 1
    assert found["prompt_steps"] == found["prompt_expected"] == found["prompt_errors"] == 1
    assert found["prompt_links"] == found["prompt_questions"] == 1
    assert math.isnan(features(task="  ")["prompt_words"])


def test_files_are_opened_and_searched() -> None:
    found = features(
        bash("cat src/a.py", "x = 1"),
        bash("cat src/deep/er/b.py", "y = 1"),
        bash("cat src/a.py", "x = 1"),
        bash("grep -rn nothing src", ""),
        bash("sed -i 's/x/z/' src/c.py"),
        bash("cat src/a.py", "z = 1"),
        task="the bug is in a.py",
    )
    assert found["files_opened"] == 2 and found["files_reads"] == 4
    assert found["files_revisits"] == 1
    assert found["files_searches"] == 1 and found["files_searches_empty"] == 1
    assert found["files_edited"] == 1 and found["files_edited_unread"] == 1
    assert found["files_depth_max"] == 3
    assert found["files_first_read_turn"] == 1 and found["files_since_read"] == 0
    assert found["files_prompt_touched"] == 1


def test_edits_count_what_changed_and_not_their_context() -> None:
    found = features(
        edit("/repo/a.py", "a = 1\nb = 2\nc = 3", "a = 1\nb = 20\nb2 = 21\nc = 3"),
        edit("/repo/a.py", "zzz", "yyy", "No replacement was performed, old_str did not appear verbatim"),
        edit("/repo/a.py", "a = 1\nb = 20\nb2 = 21\nc = 3", "a = 1\nb = 2\nc = 3"),
        bash("python a.py", "ok"),
    )
    assert found["edits_count"] == 3
    assert found["edits_added"] == 2 + 1 + 1 and found["edits_removed"] == 1 + 1 + 2
    assert found["edits_failed"] == 1 and found["edits_repeated"] == 0
    assert found["edits_chained"] == 3 and found["edits_unchecked"] == 0
    assert found["edits_same_file"] == 3 and found["edits_since"] == 1


def test_edits_read_diffs_and_syntax() -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n@@ -9 +10 @@\n-e\n+f\n"
    found = features(bash(f"git apply <<'EOF'\n{diff}EOF"))
    assert (found["edits_added"], found["edits_removed"]) == (3, 2)
    found = features(edit("/repo/a.py", "def f():\n    return 1", "def f(:\n    return 1"))
    assert found["edits_syntax_errors"] == 1
    found = features(edit("/repo/a.py", "x = 1", "def f():\n    return 1\nclass A:\n    pass"))
    assert found["edits_syntax_errors"] == 0 and found["edits_definitions"] == 2


def test_testruns_follow_the_results() -> None:
    red = "===== 3 failed, 5 passed, 1 skipped in 0.51s ====="
    found = features(
        bash("cat > reproduce.py <<'EOF'\nprint(1)\nEOF"),
        bash("python reproduce.py", "1"),
        bash("python -m pytest -q", red),
        bash("python -m pytest -q", "===== 1 failed, 7 passed in 0.51s ====="),
    )
    assert found["testruns_runs"] == 2 and found["testruns_passed_last"] == 7
    assert found["testruns_failed_first"] == 3 and found["testruns_failed_last"] == 1
    assert found["testruns_trend"] == -2 and found["testruns_green_last"] == 0
    assert found["testruns_scripts"] == found["testruns_scripts_run"] == 1
    assert found["testruns_share"] == pytest.approx(2 / 3)
    green = bash("go test ./...", "ok  \texample.org/a\t0.01s")
    assert (
        features(green)["testruns_green_last"] == 1 and features(green, bash("pytest", red))["testruns_green_last"] == 0
    )
    assert math.isnan(features(bash("ls", "a.py"))["testruns_failed_last"])


TRACE = 'Traceback (most recent call last):\n  File "a.py", line 3, in f\n  File "b.py", line {n}, in g\nValueError: bad {n}'


def test_traces_know_the_same_error_again() -> None:
    found = features(
        bash("python a.py", TRACE.format(n=3)),
        bash("python a.py", TRACE.format(n=4), exit_code=1),
        bash("cat log.txt", TRACE.format(n=5)),
        bash("foo", "bash: foo: command not found\n<returncode>127</returncode>"),
        bash("ls", "a.py", exit_code=0),
    )
    assert found["traces_count"] == 2 and found["traces_frames_last"] == 2  # a file that is read raises nothing
    assert found["traces_kinds"] == 1 and found["traces_again"] == 1
    assert found["traces_not_found"] == 1
    assert found["traces_exit_share"] == pytest.approx(2 / 3)
    assert found["traces_streak"] == 0 and found["traces_share"] == pytest.approx(3 / 5)
    assert found["traces_since"] == 1


def test_loops_are_seen() -> None:
    same = bash("python a.py", "boom")
    found = features(same, same, same)
    assert found["loops_streak"] == found["loops_streak_max"] == 3
    assert found["loops_futile"] == found["loops_answers"] == 2
    assert found["loops_period"] == 1 and found["loops_new_share"] == pytest.approx(1 / 3)
    other = bash("ls", "a.py")
    assert features(same, other, same, other)["loops_period"] == 2
    found = features(bash("cat a.py", "x"), bash("sed -i 's/x/y/' a.py"), bash("pytest", "1 passed in 0.1s"))
    assert found["loops_look_edit"] == found["loops_edit_run"] == 1 and found["loops_period"] == 0
    assert found["loops_entropy"] == pytest.approx(math.log2(3))


def test_thoughts() -> None:
    found = features(
        Turn("Maybe the parser is wrong, perhaps not", "ls", "a"),
        Turn("I apologize. Wait, what?", "ls", "a"),
        Turn("", "ls", "a"),
    )
    assert found["thoughts_share"] == pytest.approx(2 / 3)
    assert found["thoughts_words_mean"] == 5.5 and found["thoughts_words_last"] == 4
    assert found["thoughts_hedges"] == pytest.approx(100 * 2 / 11)
    assert found["thoughts_apologies"] == 1 and found["thoughts_hedges_last"] == 0
    assert math.isnan(features(bash("ls"))["thoughts_words_mean"])


def test_effort_tells_what_is_unknown() -> None:
    priced = [bash("ls", "x" * n, cost=0.1 * n, completion_tokens=n) for n in (1, 2, 3)]
    found = features(*priced)
    assert found["effort_cost"] == pytest.approx(0.6) and found["effort_cost_slope"] == pytest.approx(1.5)
    assert found["effort_output"] == 2 and found["effort_output_slope"] == pytest.approx(1)
    assert found["effort_completion_tokens"] == 2
    assert math.isnan(features(bash("ls", "x"))["effort_cost"])


def test_parallel_calls_are_one_turn() -> None:
    calls = (Call("cat a.py", "x", "bash"), Call("cat b.py", "y", "bash"))
    found = features(Turn("look", calls=calls))
    assert found["effort_turns"] == 1 and found["files_opened"] == found["files_reads"] == 2


def test_a_feature_whose_words_say_unknown_is_nan_before_anything_happened() -> None:
    nothing = features()
    for feature in feature_set():
        if math.isnan(nothing[feature.name]):
            assert feature.word(float("nan")) == feature.absent
        else:
            assert nothing[feature.name] == 0, feature.name
