"""One turn as the families see it: texts capped, amounts checked."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter.reading import HEAD, MAX_CALLS, TAIL, CallReading, Reading, task_window, text_of, window
from featrouter.trajectory import Call, Turn


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (None, ""),
        (b"caf\xc3\xa9 \xff", "café �"),
        (bytearray(b"x"), "x"),
        (3, "3"),
        (True, "True"),
        ([], "<list>"),
    ],
)
def test_any_value_is_text(value: object, text: str) -> None:
    assert text_of(value) == text


def test_window_keeps_head_and_tail() -> None:
    text = "h" * HEAD + "m" * 50_000 + "t" * TAIL
    assert window(text) == "h" * HEAD + "\n" + "t" * TAIL
    exact = "x" * (HEAD + TAIL)
    assert window(exact) == exact


def test_window_drops_colours_and_carriage_returns() -> None:
    assert window("\x1b[1;31mred\x1b[0m\r\nnext") == "red\nnext"


@given(st.text(max_size=200), st.integers(0, 20), st.integers(1, 20))
def test_window_is_bounded(text: str, head: int, tail: int) -> None:
    assert len(window(text, head, tail)) <= max(head + tail + 1, 0)


def test_the_task_keeps_more() -> None:
    assert len(task_window("x" * 20_000)) == 16_001
    assert task_window(None) == ""


def test_sizes_are_those_of_the_whole_text() -> None:
    call = CallReading(Call("a" * 10_000, "b" * 20_000))
    assert (call.action_size, call.observation_size) == (10_000, 20_000)
    assert len(call.action) == len(call.observation) == HEAD + TAIL + 1


def test_codes_of_a_wrong_type_are_unknown() -> None:
    odd: Any = "1"
    call = CallReading(Call("a", "b", exit_code=odd, is_error=odd))
    assert call.exit_code is None
    assert call.is_error is None


def test_a_size_is_part_of_a_signature() -> None:
    long = [CallReading(Call("a" * size, "b" * size)) for size in (50_000, 60_000)]
    assert long[0].action == long[1].action
    assert long[0].signature != long[1].signature
    assert long[0].answer != long[1].answer


@pytest.mark.parametrize("bad", [None, True, "3", -1, float("inf"), float("nan"), 10**400, 1.7e308])
def test_amounts_that_make_no_sense_are_unknown(bad: Any) -> None:
    assert math.isnan(Reading(Turn(cost=bad), 1).cost)


def test_amounts_are_kept() -> None:
    reading = Reading(Turn(prompt_tokens=5, completion_tokens=0, cost=0.25, latency=1.5), 1)
    assert (reading.prompt_tokens, reading.completion_tokens, reading.cost, reading.latency) == (5, 0, 0.25, 1.5)


def test_calls_are_capped_but_counted() -> None:
    reading = Reading(Turn(calls=tuple(Call(f"ls {i}") for i in range(MAX_CALLS + 8))), 1)
    assert (len(reading.calls), reading.n_calls) == (MAX_CALLS, MAX_CALLS + 8)


def test_a_turn_of_thought_only_has_no_call() -> None:
    reading = Reading(Turn(thought="hm"), 1)
    assert reading.calls == []
    assert reading.kinds == frozenset()
    assert reading.observation == ""
