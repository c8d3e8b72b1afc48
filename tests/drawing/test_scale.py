"""Where numbers stand on an axis, and which are written beside it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from featrouter.drawing.scale import Scale

AMOUNTS = st.floats(-1e9, 1e9)


def test_ends_stand_at_the_ends_and_the_middle_in_the_middle() -> None:
    scale = Scale(10, 30, 100, 300)
    assert [scale(at) for at in (10, 20, 30)] == [100, 200, 300]
    assert [Scale(0.1, 1000, 0, 4, log=True)(at) for at in (0.1, 1, 10, 1000)] == [0, 1, 2, 4]


def test_what_is_upside_down_stays_so_and_what_is_outside_is_held() -> None:
    up = Scale(0, 1, 200, 0)
    assert (up(0), up(1), up(5), up(-5)) == (200, 0, 0, 200)


@settings(max_examples=50)
@given(AMOUNTS, AMOUNTS, st.integers(2, 9))
@example(0.0, 5e-324, 2)
@example(1e9, 1e9 + 1e-6, 5)
def test_ticks_are_few_rising_and_within(one: float, other: float, most: int) -> None:
    low, high = sorted((one, other))
    ticks = Scale(low, high).ticks(most)
    assert ticks == sorted(set(ticks)) and len(ticks) <= most + 1
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert all(low - slack <= tick <= high + slack for tick in ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 47, [0, 10, 20, 30, 40]), (-3, 3, [-2, 0, 2]), (5, 5, [5])],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert Scale(low, high).ticks() == ticks


def test_ticks_of_a_log_scale_are_powers_of_ten() -> None:
    assert Scale(0.2, 2000, log=True).ticks() == [1, 10, 100, 1000]
    assert len(Scale(1e-9, 1e9, log=True).ticks(5)) <= 5
