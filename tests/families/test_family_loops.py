"""loops: repeats, cycles, calls that bring nothing new, turns without a call."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.families.loops import HISTORY, MAX_KEYS, Loops
from featrouter.reading import Reading
from featrouter.trajectory import Call, Turn

RUN = Turn("", "python a.py", "1")
LOOK = Turn("", "cat a.py", "x = 1")
EDIT = Turn("", "sed -i 's/1/2/' a.py", "")
FIND = Turn("", "grep -rn x src", "src/b.py:1:x")
TALK = Turn("hm")


def read(number: int) -> Turn:
    return Turn("", f"cat m{number}.py", f"def f{number}(): ...")


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"loops_{name}"] for name in want}


# Features


def test_nothing_turns_in_circles_before_a_call(features: Any) -> None:
    want = dict.fromkeys(("again", "same_answer", "futile", "cycle", "stale", "idle"), 0)
    assert pick(features(), want) == want
    assert math.isnan(features()["loops_new_share"]) and math.isnan(features()["loops_share_read"])


@pytest.mark.parametrize(("times", "again"), [(1, 0), (2, 1), (4, 3), (9, 4)])
def test_the_same_call_with_the_same_answer(features: Any, times: int, again: float) -> None:
    want = {"again": again, "same_answer": again}
    assert pick(features(*[RUN] * times), want) == want


def test_something_else_in_between_ends_the_repeats(features: Any) -> None:
    want = {"again": 0, "same_answer": 0, "futile": 1}
    assert pick(features(RUN, RUN, LOOK), want) == want


def test_another_call_with_the_same_answer(features: Any) -> None:
    want = {"again": 0, "same_answer": 2, "futile": 0}
    got = features(Turn("", "python a.py", "boom"), Turn("", "python b.py", "boom"), Turn("", "python c.py", "boom"))
    assert pick(got, want) == want


def test_silence_is_not_the_same_answer(features: Any) -> None:
    want = {"same_answer": 0, "again": 0}
    assert pick(features(Turn("", "true", ""), Turn("", "cd src", "")), want) == want


def test_a_new_answer_is_not_in_vain(features: Any) -> None:
    got = features(RUN, Turn("", "python a.py", "two"), Turn("", "python a.py", "two"))
    want = {"futile": 1, "again": 1, "new_share": 1 / 3}
    assert pick(got, want) == want


@pytest.mark.parametrize(
    ("turns", "futile"),
    [([RUN] * 3, 2), ([RUN, LOOK, RUN], 1), ([RUN] * 12, 5), ([RUN, RUN, *map(read, range(12))], 0)],
)
def test_calls_of_the_latest_twelve_in_vain(features: Any, turns: list[Turn], futile: float) -> None:
    assert features(*turns)["loops_futile"] == futile


@pytest.mark.parametrize("period", range(2, 9))
def test_a_cycle_of_two_to_eight_turns(features: Any, period: int) -> None:
    around = [read(number) for number in range(period)]
    assert features(*around)["loops_cycle"] == 0
    assert features(*around * 2)["loops_cycle"] == 1
    assert features(*around * 3)["loops_cycle"] == 2
    assert features(*around * 3, FIND)["loops_cycle"] == 0


def test_what_is_no_cycle(features: Any) -> None:
    nine = [read(number) for number in range(9)]
    assert features(*nine * 2)["loops_cycle"] == 0  # longer than is looked for
    assert features(*[RUN] * 9)["loops_cycle"] == 0  # a repeat, which `again` counts
    assert features(*(Turn("", one, f"answer {n}") for n in range(3) for one in ("poll", "sleep")))["loops_cycle"] == 0


def test_many_rounds_are_three(features: Any) -> None:
    assert features(*[RUN, LOOK] * 12)["loops_cycle"] == 3


@pytest.mark.parametrize(
    ("turns", "stale"),
    [
        ([RUN] * 4, 3 / 12),
        ([RUN, LOOK, FIND] * 2, 3 / 12),
        ([RUN] * 20, 1),
        ([LOOK, EDIT, LOOK], 0),  # a change may alter what any call brings
        ([LOOK, RUN, LOOK, EDIT, LOOK, LOOK], 2 / 12),
    ],
)
def test_the_share_of_calls_that_bring_nothing_new(features: Any, turns: list[Turn], stale: float) -> None:
    assert features(*turns)["loops_stale"] == pytest.approx(stale)


def test_a_refused_change_changes_nothing(features: Any) -> None:
    refused = Turn("", "sed -i 's/1/2/' a.py", "", is_error=True)
    assert features(LOOK, refused, LOOK)["loops_stale"] == pytest.approx(1 / 12)


def test_turns_without_a_call(features: Any) -> None:
    assert features(RUN, TALK)["loops_idle"] == 0  # so may an agent end
    assert features(RUN, TALK, TALK)["loops_idle"] == 1
    assert features(*[TALK] * 9)["loops_idle"] == 4
    assert features(TALK, TALK, RUN)["loops_idle"] == 0
    assert features(TALK, TALK, RUN, TALK)["loops_idle"] == 0


def test_new_calls(features: Any) -> None:
    assert features(RUN)["loops_new_share"] == 1
    assert features(RUN, LOOK, RUN, RUN)["loops_new_share"] == 0.5


def test_reads_among_all_operations(features: Any) -> None:
    assert features(FIND, LOOK, EDIT, RUN, EDIT, RUN)["loops_share_read"] == 1 / 6
    assert features(LOOK)["loops_share_read"] == 1


def test_calls_of_one_turn_are_one_step(features: Any) -> None:
    both = Turn(calls=(Call("python a.py", "1"), Call("cat a.py", "x")))
    want = {"again": 1, "same_answer": 1, "futile": 2, "new_share": 0.5, "stale": 2 / 12}
    assert pick(features(both, both), want) == want


# Facts


def test_the_same_command_three_times(facts: Any) -> None:
    want = {
        "new_share": 1 / 3,
        "new_recent": 1 / 3,
        "streak": 3,
        "streak_max": 3,
        "answers": 2,
        "answer_streak": 3,
        "futile": 2,
        "period": 1,
    }
    assert pick(facts(RUN, RUN, RUN), want) == want


def test_facts_of_a_new_answer(facts: Any) -> None:
    got = facts(RUN, Turn("", "python a.py", "two"), Turn("", "python a.py", "two"))
    want = {"futile": 1, "answers": 1, "streak": 3, "answer_streak": 2}
    assert pick(got, want) == want


@pytest.mark.parametrize(
    ("turns", "period"),
    [
        ([RUN, LOOK], 0),
        ([RUN, LOOK, RUN, LOOK], 2),
        ([RUN, LOOK, EDIT, RUN, LOOK, EDIT], 3),
        ([RUN, LOOK, EDIT, FIND] * 2, 4),
        ([RUN, LOOK, RUN, LOOK, EDIT], 0),
    ],
)
def test_periods(facts: Any, turns: list[Turn], period: int) -> None:
    want = {"period": period, "streak": 1}
    assert pick(facts(*turns), want) == want


def test_a_broken_streak_is_remembered(facts: Any) -> None:
    want = {"streak": 1, "streak_max": 2, "period": 0, "new_share": 2 / 3}
    assert pick(facts(RUN, RUN, LOOK), want) == want


def test_only_the_last_six_are_recent(facts: Any) -> None:
    want = {"new_recent": 0, "new_share": 1 / 7}
    assert pick(facts(*[RUN] * 7), want) == want


def test_silent_answers_are_not_repeats(facts: Any) -> None:
    assert facts(Turn("", "true", ""), Turn("", "cd src", ""))["loops_answers"] == 0


def test_thoughts_alone_are_no_actions(facts: Any) -> None:
    got = facts(TALK, TALK)
    assert math.isnan(got["loops_streak"]) and math.isnan(got["loops_period"])
    assert got["loops_futile"] == 0


def test_state_stands_still_past_the_cap() -> None:
    family = Loops("", {})
    letters = str.maketrans("0123456789", "abcdefghij")
    for number in range(1, MAX_KEYS + 50):
        family.observe(Reading(Turn("", f"echo {number}", str(number).translate(letters)), number))
    assert len(family._last_answer) == len(family._met) == len(family._seen_answers) == MAX_KEYS
    assert len(family._history) == HISTORY
    assert family.facts()["loops_new_share"] == 1


def test_an_empty_call_beside_another_is_passed_over(features: Any) -> None:
    calls = (Call("", "noted"), Call("python a.py", "boom", "bash"))
    assert features(Turn(calls=calls), Turn(calls=calls))["loops_again"] == 1
