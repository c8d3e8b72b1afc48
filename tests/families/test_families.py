"""All families together: on one small run each with the numbers a person would count, and before anything happened."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from featrouter import Call, Turn
from featrouter.catalogue import FAMILIES as NAMES
from featrouter.catalogue import feature_set
from featrouter.families import FAMILIES


def bash(action: str, observation: str = "", **more: object) -> Turn:
    return Turn("", action, observation, "bash", **more)  # type: ignore[arg-type]


def edit(path: str, old: str, new: str, observation: str = "The file has been edited.") -> Turn:
    arguments = {"command": "str_replace", "path": path, "old_str": old, "new_str": new}
    return Turn("", json.dumps(arguments), observation, "str_replace_editor")


def test_families_stand_in_the_order_of_the_catalogue() -> None:
    assert tuple(family.__name__.lower() for family in FAMILIES) == NAMES


def test_prompt(features: Any) -> None:
    task = "Parsing the oldest file fails with 2 errors in src/app/parse.py"
    found = features(task=task)
    assert found["prompt_words"] == pytest.approx(math.log2(12))  # src, app and parse.py are words, too
    assert found["prompt_numbers"] == found["prompt_ranking"] == pytest.approx(100 / 11)
    assert math.isnan(features(task="  ")["prompt_words"])


def test_files_are_opened_and_searched(features: Any, facts: Any) -> None:
    turns = (
        bash("cat src/a.py", "x = 1"),
        bash("cat src/deep/er/b.py", "y = 1"),
        bash("cat src/a.py", "x = 1"),
        bash("grep -rn nothing src", ""),
        bash("sed -i 's/x/z/' src/c.py"),
        bash("cat src/a.py", "z = 1"),
    )
    found = features(*turns, task="the bug is in a.py")
    assert found["files_opened"] == 2 and found["files_depth"] == 3
    assert found["files_found_nothing"] == 1 and found["files_edited_unread"] == 1
    assert found["files_first_read"] == found["files_since_read"] == 0
    assert found["files_since_new"] == 1 and found["files_task_touched"] == 1
    counted = facts(*turns)
    assert counted["files_reads"] == 4 and counted["files_revisits"] == 1
    assert counted["files_searches"] == counted["files_searches_empty"] == 1
    assert counted["files_edited"] == counted["files_edited_unread"] == 1
    assert counted["files_depth_max"] == 3 and counted["files_first_read_turn"] == 1


def test_edits_count_what_changed_and_not_their_context(features: Any, facts: Any) -> None:
    turns = (
        edit("/repo/a.py", "a = 1\nb = 2\nc = 3", "a = 1\nb = 20\nb2 = 21\nc = 3"),
        edit("/repo/a.py", "zzz", "yyy", "No replacement was performed, old_str did not appear verbatim"),
        edit("/repo/a.py", "a = 1\nb = 20\nb2 = 21\nc = 3", "a = 1\nb = 2\nc = 3"),
        bash("python a.py", "ok"),
    )
    found = features(*turns)
    assert found["edits_refused"] == found["edits_undone"] == 1 and found["edits_repeated"] == 0
    assert found["edits_blind"] == 0 and found["edits_recent"] == 2 and found["edits_largest"] == 2
    counted = facts(*turns)
    assert counted["edits_count"] == 3
    assert counted["edits_added"] == 2 + 1 + 1 and counted["edits_removed"] == 1 + 1 + 2
    assert counted["edits_failed"] == 1 and counted["edits_repeated"] == 0
    assert counted["edits_chained"] == 3 and counted["edits_unchecked"] == 0
    assert counted["edits_same_file"] == 3 and counted["edits_since"] == 1


def test_edits_read_diffs_and_syntax(facts: Any) -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n@@ -9 +10 @@\n-e\n+f\n"
    found = facts(bash(f"git apply <<'EOF'\n{diff}EOF"))
    assert (found["edits_added"], found["edits_removed"]) == (3, 2)
    found = facts(edit("/repo/a.py", "def f():\n    return 1", "def f(:\n    return 1"))
    assert found["edits_syntax_errors"] == 1
    found = facts(edit("/repo/a.py", "x = 1", "def f():\n    return 1\nclass A:\n    pass"))
    assert found["edits_syntax_errors"] == 0


def test_testruns_follow_the_results(features: Any, facts: Any) -> None:
    red = "===== 3 failed, 5 passed, 1 skipped in 0.51s ====="
    turns = (
        bash("cat > reproduce.py <<'EOF'\nprint(1)\nEOF"),
        bash("python reproduce.py", "1"),
        bash("python -m pytest -q", red),
        bash("python -m pytest -q", "===== 1 failed, 7 passed in 0.51s ====="),
    )
    found = features(*turns)
    assert found["testruns_failing"] == 1 / 8 and found["testruns_green"] == 0
    assert found["testruns_fixed"] == found["testruns_step"] == found["testruns_share"] == pytest.approx(2 / 3)
    counted = facts(*turns)
    assert counted["testruns_runs"] == 2 and counted["testruns_passed_last"] == 7
    assert counted["testruns_failed_first"] == 3 and counted["testruns_failed_last"] == 1
    assert counted["testruns_trend"] == -2 and counted["testruns_green_last"] == 0
    assert counted["testruns_scripts"] == counted["testruns_scripts_run"] == 1
    green = bash("go test ./...", "ok  \texample.org/a\t0.01s")
    assert features(green)["testruns_green"] == 1 and features(green, bash("pytest", red))["testruns_green"] == 0
    assert math.isnan(facts(bash("ls", "a.py"))["testruns_failed_last"])


TRACE = 'Traceback (most recent call last):\n  File "a.py", line 3, in f\n  File "b.py", line {n}, in g\nValueError: bad {n}'


def test_traces_know_the_same_error_again(features: Any, facts: Any) -> None:
    turns = (
        bash("python a.py", TRACE.format(n=3)),
        bash("python a.py", TRACE.format(n=4), exit_code=1),
        bash("cat log.txt", TRACE.format(n=5)),
        bash("foo", "bash: foo: command not found\n<returncode>127</returncode>"),
        bash("ls", "a.py", exit_code=0),
    )
    found = features(*turns)
    assert found["traces_repeat"] == found["traces_not_found"] == 1
    assert found["traces_rate"] == pytest.approx(2 / 5)  # a file that is read raises nothing
    assert found["traces_streak"] == 0 and found["traces_share"] == pytest.approx(3 / 5)
    counted = facts(*turns)
    assert counted["traces_count"] == counted["traces_frames_last"] == 2
    assert counted["traces_kinds"] == counted["traces_again"] == counted["traces_since"] == 1
    assert counted["traces_exit_share"] == pytest.approx(2 / 3)


def test_loops_are_seen(features: Any, facts: Any) -> None:
    same, other = bash("python a.py", "boom"), bash("ls", "a.py")
    found = features(same, same, same)
    assert found["loops_again"] == found["loops_same_answer"] == found["loops_futile"] == 2
    assert found["loops_new_share"] == pytest.approx(1 / 3) and found["loops_stale"] == pytest.approx(2 / 12)
    assert features(same, other, same, other)["loops_cycle"] == 1
    counted = facts(same, same, same)
    assert counted["loops_streak"] == counted["loops_streak_max"] == 3
    assert counted["loops_futile"] == counted["loops_answers"] == 2 and counted["loops_period"] == 1
    assert facts(same, other, same, other)["loops_period"] == 2


def test_thoughts(features: Any, facts: Any) -> None:
    turns = (
        Turn("Maybe the parser is wrong, perhaps not", "ls", "a"),
        Turn("I apologize. Wait, what?", "ls", "a"),
        Turn("", "ls", "a"),
    )
    found = features(*turns)
    assert found["thoughts_words"] == pytest.approx(math.log2(6.5)) and found["thoughts_new_words"] == 1
    assert found["thoughts_hedges"] == 10 and found["thoughts_turnabouts"] == 8  # 18 and 9 per 100, past their bounds
    assert found["thoughts_gives_up"] == found["thoughts_unproven"] == 0
    assert facts(*turns)["thoughts_words_last"] == 4
    assert math.isnan(features(bash("ls"))["thoughts_words"])


def test_effort_tells_what_is_unknown(features: Any, facts: Any) -> None:
    priced = [bash("ls", "x" * n, cost=0.1 * n, completion_tokens=n) for n in (1, 2, 3)]
    found, counted = features(*priced), facts(*priced)
    assert found["effort_length"] == 2 and found["effort_action"] == pytest.approx(math.log2(3))
    assert found["effort_output_slope"] == pytest.approx(0.001)
    assert counted["effort_cost"] == pytest.approx(0.6) and counted["effort_output"] == 2
    assert counted["effort_completion_tokens"] == 2
    assert math.isnan(facts(bash("ls", "x"))["effort_cost"])


def test_the_ending_of_a_fix_that_was_checked(features: Any) -> None:
    found = features(
        bash("cat > reproduce.py <<'EOF'\nprint(1)\nEOF"),
        bash("python reproduce.py", "boom", exit_code=1),
        edit("/repo/a.py", "x = 1", "x = 2"),
        bash("python reproduce.py", "1", exit_code=0),
        Turn("It prints what it should; hopefully that is all."),
        task="Mend a.py",
    )
    assert found["ending_task_changed"] == found["ending_check"] == found["ending_leftovers"] == 1
    assert found["ending_failing"] == found["ending_unanswered"] == 0
    assert found["ending_doubt"] == 1 and found["ending_size"] == pytest.approx(2)  # 1 + 1 line added, 1 removed


def test_parallel_calls_are_one_turn(features: Any, facts: Any) -> None:
    turn = Turn("look", calls=(Call("cat a.py", "x", "bash"), Call("cat b.py", "y", "bash")))
    found, counted = features(turn), facts(turn)
    assert found["effort_length"] == 1 and found["files_opened"] == 2
    assert counted["effort_turns"] == 1 and counted["files_reads"] == 2


def test_a_feature_whose_words_say_unknown_is_nan_before_anything_happened(features: Any) -> None:
    nothing = features()
    for feature in feature_set():
        if math.isnan(nothing[feature.name]):
            assert feature.word(float("nan")) == feature.absent
        else:
            assert nothing[feature.name] == 0, feature.name
