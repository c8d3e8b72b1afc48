"""effort: turns, tokens, money, sizes and their slopes."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.trajectory import Call, Turn


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"effort_{name}"] for name in want}


def test_costs(features: Any) -> None:
    got = features(*(Turn("", "ls", "a", cost=cost) for cost in (0.25, 0.5, None, 0.75)))
    want = {"turns": 4, "cost": 1.5, "cost_slope": 1.5}
    assert pick(got, want) == want


def test_two_costs_have_no_slope(features: Any) -> None:
    assert math.isnan(features(Turn(cost=1.0), Turn(cost=2.0))["effort_cost_slope"])
    assert math.isnan(features(*[Turn(cost=0.0)] * 4)["effort_cost_slope"])


def test_tokens(features: Any) -> None:
    got = features(
        Turn(prompt_tokens=100, completion_tokens=10),
        Turn(prompt_tokens=300, completion_tokens=30),
        Turn(),
    )
    want = {"prompt_tokens": 300, "completion_tokens": 20}
    assert pick(got, want) == want


def test_observations(features: Any) -> None:
    got = features(*(Turn("", "ls", "x" * size) for size in (100, 300, 500)), Turn("", "cd src", ""))
    want = {"output": 225, "output_last": 0, "output_max": 500, "silent": 1}
    assert pick(got, want) == want


@pytest.mark.parametrize(
    ("sizes", "slope"),
    [((100, 300, 500), 200), ((5, 5, 5), 0), ((0, 10_000, 50_000), 5000), ((30, 20, 10, 0), -10)],
)
def test_slope(features: Any, sizes: tuple[int, ...], slope: float) -> None:
    got = features(*(Turn("", "ls", "x" * size) for size in sizes))
    assert got["effort_output_slope"] == pytest.approx(slope)


def test_actions_of_all_calls(features: Any) -> None:
    two = Turn(calls=(Call("ls\npwd", "a"), Call("cat b", "b")))
    got = features(two, Turn("", "ls", "a"), Turn("only thought"))
    want = {"action": 13 / 3, "action_last": 0, "action_lines": 4 / 3, "silent": 1}
    assert pick(got, want) == pytest.approx(want)


@pytest.mark.parametrize(
    ("output", "cut"),
    [
        ("a\n(474 more lines below)", 1),
        ("<response clipped>" + "x" * 900 + "<clipped>", 1),
        ("x" * 900 + "120 lines omitted" + "x" * 900, 0),
        ("the whole", 0),
    ],
)
def test_cut_observations(features: Any, output: str, cut: int) -> None:
    assert features(Turn("", "cat a.py", output))["effort_truncated"] == cut


def test_sums_never_overflow(features: Any) -> None:
    got = features(*[Turn("", "ls", "a", cost=1.7e308, latency=1.7e308, completion_tokens=1.7e308)] * 3)
    assert not any(math.isinf(value) for value in got.values())
