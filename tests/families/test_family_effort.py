"""effort: turns, tokens, money, sizes and their slope."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.trajectory import Call, Turn


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"effort_{name}"] for name in want}


# Features


@pytest.mark.parametrize(("turns", "length"), [(1, 1), (3, 2), (7, 3), (300, 8)])
def test_length_in_doublings(features: Any, turns: int, length: float) -> None:
    assert features(*[Turn("hm")] * turns)["effort_length"] == length


@pytest.mark.parametrize(
    ("sizes", "slope"),
    [
        ((100, 300, 500), 0.2),
        ((5, 5, 5), 0),
        ((0, 4_000, 50_000), 3),  # of an answer at most 10,000 characters count; the bound
        ((0, 1_000, 10_001), 3),
        ((0, 0, 5_000), 2.5),
        ((50_000, 0, 0), -3),
        ((30, 20, 10, 0), -0.01),
    ],
)
def test_slope(features: Any, sizes: tuple[int, ...], slope: float) -> None:
    got = features(*(Turn("", "ls", "x" * size) for size in sizes))
    assert got["effort_output_slope"] == pytest.approx(slope)


def test_the_length_of_answers_in_doublings(features: Any) -> None:
    got = features(Turn("", "ls", "x" * 10), Turn("", "ls", "x" * 4))
    assert got["effort_answer"] == 3 and got["effort_answer_last"] == math.log2(5)  # 7 characters, mean; 4
    both = Turn(calls=(Call("ls", "xx"), Call("pwd", "x")))
    assert features(Turn("", "ls", "x" * 50), both)["effort_answer_last"] == 2
    assert features(Turn("", "true", ""))["effort_answer"] == features(Turn("hm"))["effort_answer_last"] == 0


def test_two_answers_have_no_slope(features: Any) -> None:
    assert math.isnan(features(Turn("", "ls", "a"), Turn("", "ls", "aaaa"))["effort_output_slope"])


def test_actions_of_all_calls_a_turn(features: Any) -> None:
    two = Turn(calls=(Call("ls\npwd", "a"), Call("cat b", "b")))
    # 6 + 5 characters, 2, none: 13 over three turns
    assert features(two, Turn("", "ls", "a"), Turn("only thought"))["effort_action"] == math.log2(1 + 13 / 3)
    assert features(Turn("", "x" * 9000, "a"))["effort_action"] == 12


def test_nothing_is_known_before_the_first_turn(features: Any) -> None:
    assert all(
        math.isnan(features()[f"effort_{name}"])
        for name in ("length", "answer", "answer_last", "output_slope", "action")
    )


# Facts


def test_costs(facts: Any) -> None:
    got = facts(*(Turn("", "ls", "a", cost=cost) for cost in (0.25, 0.5, None, 0.75)))
    want = {"turns": 4, "cost": 1.5}
    assert pick(got, want) == want
    assert math.isnan(facts(Turn("", "ls", "a"))["effort_cost"])


def test_tokens(facts: Any) -> None:
    got = facts(
        Turn(prompt_tokens=100, completion_tokens=10),
        Turn(prompt_tokens=300, completion_tokens=30),
        Turn(),
    )
    want = {"prompt_tokens": 300, "completion_tokens": 20}
    assert pick(got, want) == want


def test_observations(facts: Any) -> None:
    got = facts(*(Turn("", "ls", "x" * size) for size in (100, 300, 500)), Turn("", "cd src", ""))
    want = {"output": 225, "output_last": 0, "silent": 1}
    assert pick(got, want) == want


def test_sums_never_overflow(features: Any, facts: Any) -> None:
    turns = [Turn("", "ls", "a", cost=1.7e308, latency=1.7e308, completion_tokens=1.7e308)] * 3
    assert not any(math.isinf(value) for value in (*features(*turns).values(), *facts(*turns).values()))
