"""loops: streaks, periods, vain repeats, kinds of operation."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.families.loops import MOST, Loops
from featrouter.reading import Reading
from featrouter.trajectory import Call, Turn

RUN = Turn("", "python a.py", "1")
LOOK = Turn("", "cat a.py", "x = 1")
EDIT = Turn("", "sed -i 's/1/2/' a.py", "")
FIND = Turn("", "grep -rn x src", "src/b.py:1:x")


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"loops_{name}"] for name in want}


def test_the_same_command_three_times(features: Any) -> None:
    want = {
        "new_share": 1 / 3,
        "new_recent": 1 / 3,
        "streak": 3,
        "streak_max": 3,
        "answers": 2,
        "answer_streak": 3,
        "futile": 2,
        "period": 1,
        "kind_now": 3,
        "entropy": 0,
        "switches": 0,
        "share_run": 1,
    }
    assert pick(features(RUN, RUN, RUN), want) == want


def test_a_new_answer_is_not_in_vain(features: Any) -> None:
    got = features(RUN, Turn("", "python a.py", "2"), Turn("", "python a.py", "2"))
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
def test_periods(features: Any, turns: list[Turn], period: int) -> None:
    want = {"period": period, "streak": 1}
    assert pick(features(*turns), want) == want


def test_a_broken_streak_is_remembered(features: Any) -> None:
    want = {"streak": 1, "streak_max": 2, "period": 0, "new_share": 2 / 3}
    assert pick(features(RUN, RUN, LOOK), want) == want


def test_only_the_last_six_are_recent(features: Any) -> None:
    want = {"new_recent": 0, "new_share": 1 / 7}
    assert pick(features(*[RUN] * 7), want) == want


def test_kinds_of_operation(features: Any) -> None:
    want = {
        "kind_now": 1,
        "switches": 1,
        "edit_run": 2,
        "run_edit": 1,
        "look_edit": 1,
        "share_read": 1 / 6,
        "share_change": 2 / 6,
        "share_run": 2 / 6,
        "share_idle": 0,
    }
    got = features(FIND, LOOK, EDIT, RUN, EDIT, RUN)
    assert pick(got, want) == want
    shares = (1 / 6, 1 / 6, 1 / 3, 1 / 3)
    assert got["loops_entropy"] == pytest.approx(-sum(p * math.log2(p) for p in shares))


def test_silent_answers_are_not_repeats(features: Any) -> None:
    assert features(Turn("", "true", ""), Turn("", "cd src", ""))["loops_answers"] == 0


def test_a_turn_of_several_calls_is_one_step(features: Any) -> None:
    both = Turn(calls=(Call("python a.py", "1"), Call("cat a.py", "x")))
    want = {"streak": 2, "futile": 2, "period": 1}
    assert pick(features(both, both), want) == want


def test_thoughts_alone_are_no_actions(features: Any) -> None:
    got = features(Turn("hm"), Turn("hm"))
    assert math.isnan(got["loops_streak"])
    assert got["loops_futile"] == 0


def test_state_stands_still_past_the_cap() -> None:
    family = Loops("")
    for number in range(1, MOST + 50):
        family.observe(Reading(Turn("", f"echo {number}", f"{number}"), number))
    assert len(family._actions) == len(family._answers) == MOST
    assert family.row()["loops_new_share"] == 1
