"""What any engineer would see in a short run: each kind of trouble shows in its features, and its healthy twin does not."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from featrouter.trajectory import Turn

NO_TROUBLE = {
    "loops_again": 0,
    "loops_same_answer": 0,
    "loops_futile": 0,
    "loops_cycle": 0,
    "loops_stale": 0,
    "loops_idle": 0,
    "traces_streak": 0,
    "traces_repeat": 0,
    "edits_refused": 0,
    "edits_repeated": 0,
    "edits_undone": 0,
    "testruns_worse": 0,
    "testruns_stuck": 0,
    "thoughts_unproven": 0,
    "thoughts_gives_up": 0,
    "ending_failing": 0,
    "ending_unanswered": 0,
    "ending_leftovers": 0,
    "ending_doubt": 0,
}
EDITED = "The file /w/src/queue.py has been edited."
NOT_THERE = "No replacement was performed, old_str `limit = 3` did not appear verbatim in /w/src/queue.py."


def shows(found: dict[str, float], **want: float) -> None:
    assert {name: found[name] for name in want} == pytest.approx(want)


def healthy(found: dict[str, float], *but: str) -> None:
    shows(found, **{name: value for name, value in NO_TROUBLE.items() if name not in but})


def shell(command: str, answer: str = "", code: int | None = None, thought: str = "") -> Turn:
    return Turn(thought, command, answer, "bash", exit_code=code)


def look(name: str) -> Turn:
    return shell(f"cat src/{name}.py", f"class {name.title()}:\n    size = 8", 0)


def replace(old: str, new: str, answer: str = EDITED) -> Turn:
    given = {"command": "str_replace", "path": "/w/src/queue.py", "old_str": old, "new_str": new}
    return Turn("", json.dumps(given), answer, "str_replace_editor")


def pytest_run(failed: int, passed: int, seconds: str = "0.42", command: str = "python -m pytest -q tests") -> Turn:
    names = "".join(
        f"FAILED tests/test_queue.py::test_order_{letter} - KeyError: 'head'\n" for letter in "abcdefghi"[:failed]
    )
    counts = f"{failed} failed, {passed} passed" if failed else f"{passed} passed"
    return shell(command, f"{names}{counts} in {seconds}s", 1 if failed else 0)


# The agent goes in circles


def test_the_same_failing_test_again_and_again(features: Any) -> None:
    seconds = ("0.42", "0.38", "1.07", "0.40", "12.6", "0.41")
    found = features(*[pytest_run(2, 5, one) for one in seconds])
    shows(found, loops_again=4, loops_same_answer=4, loops_futile=5, traces_streak=5, testruns_step=0, testruns_stuck=0)
    shows(found, loops_stale=5 / 12, loops_new_share=1 / 6, ending_failing=1)


def test_a_test_run_again_after_each_fix_is_no_loop(features: Any) -> None:
    found = features(
        pytest_run(2, 5),
        replace("size = 1", "size = 2"),
        pytest_run(1, 6),
        replace("step = 1", "step = 2"),
        pytest_run(0, 7),
    )
    healthy(found)
    shows(found, testruns_green=1, testruns_fixed=1, testruns_step=1, ending_check=1)


def test_two_commands_in_turn(features: Any) -> None:
    listing, status = shell("ls src", "queue.py\nworker.py", 0), shell("git status", "nothing to commit", 0)
    found = features(*[listing, status] * 5)
    shows(found, loops_cycle=3, loops_futile=5, loops_stale=8 / 12, loops_again=0, loops_new_share=0.2)
    healthy(features(listing, look("queue"), status, look("worker")))


def test_six_files_read_round_and_round(features: Any) -> None:
    six = [look(name) for name in ("queue", "worker", "broker", "clock", "store", "retry")]
    found = features(*six * 3)
    shows(found, loops_cycle=2, loops_stale=1, loops_futile=5, files_since_new=9, files_looking=2.5)
    once = features(*six)
    healthy(once)
    shows(once, loops_new_share=1, files_since_new=0, files_looking=0)


def test_files_read_again_in_another_order(features: Any) -> None:
    names = [f"part{letter}" for letter in "abcdefghijkl"]
    found = features(*[look(name) for name in names], *[look(name) for name in names[::-1]])
    shows(found, loops_stale=1, loops_cycle=0, loops_again=0, loops_futile=5)
    after_changes = [turn for name in names[::-1] for turn in (replace(f"{name} = 1", f"{name} = 2"), look(name))]
    shows(features(*[look(name) for name in names], *after_changes), loops_stale=0, loops_cycle=0)


def test_waiting_for_an_answer_that_changes_is_no_loop(features: Any) -> None:
    polls = [
        shell("sleep 30; cat job.state", f"stage {stage}: running", 0) for stage in ("pull", "build", "link", "push")
    ]
    healthy(features(*polls))
    ready = [shell("kubectl get pods", f"worker   {ready}/9   Running", 0) for ready in range(1, 8)]
    healthy(features(*ready))
    shows(features(*ready), loops_stale=0, loops_new_share=1 / 7)


def test_waiting_for_an_answer_that_stays_is_one(features: Any) -> None:
    stuck = [shell("kubectl get pods", f"worker   0/9   CrashLoopBackOff   {age}s", 0) for age in range(20, 90, 10)]
    shows(features(*stuck), loops_again=4, loops_futile=5, loops_stale=0.5)


def test_an_agent_that_only_talks(features: Any) -> None:
    found = features(*[Turn("I will first think about the design of the queue.")] * 5)
    shows(found, loops_idle=4)
    healthy(features(look("queue"), Turn("The queue drops its head.")))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("python -m pytest -q tests  # once more", "python -m pytest -q tests"),
        ("timeout 60 python -m pytest -q tests", "timeout 120 python -m pytest -q tests"),
        ('{"command": "make check", "timeout": 30}', '{"timeout": 90, "command": "make check"}'),
        (
            '{"command": "make check", "description": "Build it"}',
            '{"description": "Build it again, with care", "command": "make check"}',
        ),
        ('{"cmd": ["make", "check"], "yield_time_ms": 100}', '{"cmd": ["make", "check"], "yield_time_ms": 9000}'),
        ('{"command": "make check", "security_risk": "LOW"}', '{"command": "make check", "security_risk": "MEDIUM"}'),
    ],
)
def test_a_command_repeated_under_another_label(features: Any, one: str, other: str) -> None:
    answer = "make: *** No rule to make target 'check'.  Stop."
    found = features(*[Turn("", action, answer, "bash", exit_code=2) for action in (one, other, one)])
    shows(found, loops_again=2, loops_futile=2, ending_unanswered=1, loops_new_share=1 / 3)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("python -m pytest -q tests", "python -m pytest -q tests/unit"),
        ('{"command": "make check"}', '{"command": "make lint"}'),
        ('{"path": "/w/a.py", "view_range": [1, 40]}', '{"path": "/w/a.py", "view_range": [40, 80]}'),
        ('{"order": "A-17"}', '{"order": "A-18"}'),
    ],
)
def test_another_command_is_no_repeat(features: Any, one: str, other: str) -> None:
    found = features(Turn("", one, "first answer", "tool"), Turn("", other, "second answer", "tool"))
    shows(found, loops_again=0, loops_futile=0, loops_stale=0, loops_new_share=1)


# Edits that do not hold


def test_the_same_refused_edit(features: Any) -> None:
    found = features(look("queue"), *[replace("limit = 3", "limit = 5", NOT_THERE)] * 5)
    shows(found, edits_refused=4, edits_repeated=3, loops_again=4, loops_futile=4)
    once = features(look("queue"), replace("limit = 3", "limit = 5"), pytest_run(0, 7))
    healthy(once)


def test_a_refused_edit_changes_nothing(features: Any) -> None:
    found = features(look("queue"), replace("limit = 3", "limit = 5", NOT_THERE), look("queue"), task="Mend queue.py")
    shows(found, ending_size=0, ending_task_changed=0, loops_stale=1 / 12)


def test_an_edit_undone(features: Any) -> None:
    there, back = replace("limit = 3", "limit = 5"), replace("limit = 5", "limit = 3")
    shows(features(there, pytest_run(0, 7), back), edits_undone=1, edits_repeated=0)
    shows(features(there, back, there), edits_undone=2, edits_repeated=1)
    onwards = features(there, pytest_run(0, 6), replace("limit = 5", "limit = 7"), pytest_run(0, 7))
    healthy(onwards)


# Tests


def test_failures_that_grow(features: Any) -> None:
    turns = [turn for count in (2, 4, 6, 9) for turn in (pytest_run(count, 3), replace(f"a = {count}", f"b = {count}"))]
    found = features(*turns[:-1])
    shows(found, testruns_worse=math.log2(10 / 3), testruns_fixed=-7 / 9, testruns_step=-3 / 9, testruns_failing=9 / 12)
    shows(found, testruns_stuck=0, testruns_green=0, loops_again=0, loops_futile=0)


def test_failures_that_shrink(features: Any) -> None:
    turns = [turn for count in (9, 6, 4, 2) for turn in (pytest_run(count, 3), replace(f"a = {count}", f"b = {count}"))]
    found = features(*turns[:-1])
    shows(found, testruns_worse=0, testruns_fixed=7 / 9, testruns_step=0.5, testruns_failing=2 / 5, testruns_stuck=0)


def test_the_same_tests_fail_whatever_is_changed(features: Any) -> None:
    turns = [turn for number in range(4) for turn in (pytest_run(2, 5), replace(f"a = {number}", f"b = {number}"))]
    shows(features(*turns[:-1]), testruns_stuck=3, testruns_step=0, testruns_fixed=0, testruns_worse=0)
    shows(features(*turns[:-2], pytest_run(1, 6)), testruns_stuck=0, testruns_step=0.5)


def test_a_claim_of_success_while_tests_fail(features: Any) -> None:
    claim = Turn("The issue is fixed and everything works as expected.")
    found = features(look("queue"), replace("limit = 3", "limit = 5"), pytest_run(2, 5), claim)
    shows(found, thoughts_unproven=1, ending_failing=1, ending_check=-1, ending_unanswered=1, testruns_green=0)
    proven = features(look("queue"), replace("limit = 3", "limit = 5"), pytest_run(0, 7), claim)
    healthy(proven)
    shows(proven, ending_check=1, testruns_green=1)


def test_failing_tests_are_a_failure_where_no_exit_code_is_told(features: Any) -> None:
    red = shell("python -m pytest -q tests", "2 failed, 5 passed in 0.42s")
    found = features(replace("limit = 3", "limit = 5"), red, Turn("The issue is fixed."))
    shows(found, thoughts_unproven=1, ending_failing=1, ending_check=-1)


def test_a_claim_without_a_check(features: Any) -> None:
    claim = Turn("The bug is fixed now.")
    shows(features(replace("limit = 3", "limit = 5"), claim), thoughts_unproven=1, ending_check=0, ending_failing=0)
    after = features(pytest_run(0, 7), replace("limit = 3", "limit = 5"), claim)
    shows(after, thoughts_unproven=1, ending_check=0, testruns_green=1)


# Agents that call tools instead of a shell


def test_a_click_that_times_out_again(features: Any) -> None:
    late = "TimeoutError: waiting for #pay to be visible: it is hidden behind a banner"
    found = features(*[Turn("Pay now.", '{"selector": "#pay"}', late, "click")] * 4)
    shows(found, loops_again=3, loops_same_answer=3, loops_futile=3, traces_streak=4, traces_repeat=3, traces_share=1)
    opened = [
        Turn("", f'{{"selector": "#{name}"}}', f"Clicked: {name} is open", "click") for name in ("menu", "cart", "pay")
    ]
    healthy(features(*opened))


def test_a_call_of_an_api_refused_again(features: Any) -> None:
    given = ('{"order": "A-17", "items": ["x"]}', '{"items": ["x"], "order": "A-17"}')
    refused = [
        Turn("", one, "Error: order A-17 is not delivered yet", "return_items", is_error=True) for one in given * 2
    ]
    found = features(*refused)
    shows(found, loops_again=3, loops_futile=3, traces_streak=4, traces_share=1, ending_unanswered=1)
    answered = features(*refused[:1], Turn("", given[0], '{"order": "A-17", "state": "returned"}', "return_items"))
    healthy(answered)


@pytest.mark.parametrize(
    "last",
    [
        "I will transfer you to a human agent.",
        "I apologize, but I am unable to change this booking.",
        "I have tried all of it and I am out of ideas.",
    ],
)
def test_giving_up(features: Any, last: str) -> None:
    looked_up = Turn("", '{"booking": "B-4"}', '{"seat": "4C", "class": "economy"}', "get_booking")
    shows(features(looked_up, Turn(last)), thoughts_gives_up=1)
    healthy(features(looked_up, Turn("Your seat is 4C. Is there anything else that I can help you with?")))


def test_a_call_that_passes_the_task_on_gives_up(features: Any) -> None:
    looked_up = Turn("", '{"booking": "B-4"}', '{"seat": "4C", "class": "economy"}', "get_booking")
    passed_on = Turn("", '{"summary": "wants another seat"}', "Transfer successful", "transfer_to_human_agents")
    shows(features(looked_up, passed_on), thoughts_gives_up=1)


# How it ends


def test_errors_that_are_never_answered(features: Any) -> None:
    wrong = [shell(f"{name} --version", f"bash: {name}: command not found", 127) for name in ("tox", "nox", "uv")]
    found = features(*wrong, Turn("I leave it at that; it should work."))
    shows(found, ending_unanswered=3, traces_not_found=3, ending_failing=1, ending_doubt=1)
    healthy(
        features(*wrong[:1], shell("pip install tox", "done", 0), shell("tox --version", "4.1", 0)), "ending_unanswered"
    )
    shows(features(*wrong[:1], shell("tox --version", "4.1", 0)), ending_unanswered=0)


def test_leftovers(features: Any) -> None:
    script = shell("cat > reproduce_drop.py <<'EOF'\nimport queue\nEOF", "", 0)
    debug = replace("limit = 3", "print('debug', limit)\nlimit = 5")
    shows(features(script, debug, pytest_run(0, 7)), ending_leftovers=2)
    clean = replace("print('debug', limit)\nlimit = 5", "limit = 5")
    healthy(features(script, debug, clean, shell("rm reproduce_drop.py", "", 0), pytest_run(0, 7)))


def test_five_errors_in_a_row_and_one_stumble(features: Any) -> None:
    kinds = ("KeyError: 'head'", "ImportError: no broker", "OSError: busy", "TypeError: int", "NameError: name 'q'")
    turns = [
        shell(f"python try_{n}.py", f"Traceback (most recent call last):\n{kind}", 1) for n, kind in enumerate(kinds)
    ]
    shows(features(*turns), traces_streak=5, traces_share=1, traces_recent=4, traces_repeat=0, traces_rate=1)
    stumble = features(turns[0], look("queue"), replace("limit = 3", "limit = 5"), shell("python try_0.py", "ok", 0))
    healthy(stumble)
    shows(stumble, traces_share=0.25, ending_check=1)
