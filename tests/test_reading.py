"""One turn as the families see it: texts capped, amounts checked."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter.observations.output import HEAD, TAIL, window
from featrouter.reading import MAX_CALLS, CallReading, Reading, task_window, text_of
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


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\x1b]0;me@host: ~\x07$ ls", "$ ls"),
        ("\x1b]8;;http://a.b/\x1b\\link\x1b]8;;\x1b\\ here", "link here"),
        ("\x1b]0;a\x07\x1b[1mb\x1b[0m\x1b]2;c\x07", "b"),
        ("\x1b]\x07a", "a"),
        ("a \x1b]0;never closed", "a \x1b]0;never closed"),
        ("\x1b]0;cut \x1b[31mred\x1b[0m", "\x1b]0;cut red"),
        ("\x1b]" + "x" * 513 + "\x07", "\x1b]" + "x" * 513 + "\x07"),  # so long is no title
    ],
)
def test_window_drops_terminal_titles_and_links(text: str, kept: str) -> None:
    assert window(text) == kept


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


def test_a_call_is_the_same_as_another_that_asks_for_the_same() -> None:
    def key(action: str, tool: str = "bash") -> int:
        return CallReading(Call(action, "x", tool)).key

    assert key('{"command": "ls", "timeout": 5}') == key('{"timeout": 9, "command": "ls"}') != key('{"command": "pwd"}')
    assert key("ls") != key("ls", "shell")


@pytest.mark.parametrize(
    ("given", "observation", "failed"),
    [
        ({}, "fine", False),
        ({"is_error": True}, "fine", True),
        ({"exit_code": 1}, "fine", True),
        ({"exit_code": 0}, "fine", False),
        ({"is_error": False}, "fine", False),
        ({}, "bash: foo: command not found", True),
        ({}, "Traceback (most recent call last):\nKeyError: 'a'", True),
        ({}, "x\n[Command finished with exit code 2]", True),
    ],
)
def test_a_call_fails_by_the_harness_by_its_code_or_by_its_answer(
    given: dict[str, Any], observation: str, failed: bool
) -> None:
    assert CallReading(Call("python a.py", observation, "bash", **given)).failed is failed


def test_what_a_file_shows_may_quote_errors() -> None:
    trace = "x = 1\n" * 100 + "Traceback (most recent call last):\nKeyError: 'a'"
    assert not CallReading(Call("cat log.txt", trace, "bash")).errors
    assert CallReading(Call("python a.py", trace, "bash")).errors.tracebacks == 1


@pytest.mark.parametrize("bad", [None, True, "3", -1, float("inf"), float("nan"), 10**400, 1.7e308])
def test_amounts_that_make_no_sense_are_unknown(bad: Any) -> None:
    assert math.isnan(Reading(Turn(cost=bad), 1).cost)


def test_amounts_are_kept() -> None:
    reading = Reading(Turn(prompt_tokens=5, completion_tokens=0, cost=0.25, latency=1.5), 1)
    assert (reading.prompt_tokens, reading.completion_tokens, reading.cost) == (5, 0, 0.25)


def test_calls_are_capped() -> None:
    reading = Reading(Turn(calls=tuple(Call(f"ls {i}") for i in range(MAX_CALLS + 8))), 1)
    assert [call.action for call in reading.calls] == [f"ls {i}" for i in range(MAX_CALLS)]


JUNK = st.one_of(st.text(max_size=20), st.none(), st.booleans(), st.integers(), st.binary(max_size=9), st.just([1]))
FIELDS = dict.fromkeys(("action", "observation", "tool", "exit_code", "is_error"), JUNK)
READ = "action action_size observation observation_size tool exit_code is_error kind kinds operations key failed"


@given(st.fixed_dictionaries(FIELDS))
def test_a_turn_of_one_call_reads_like_a_turn_with_that_call(fields: dict[str, Any]) -> None:
    short, long = Reading(Turn("t", **fields), 1), Reading(Turn("t", calls=(Call(**fields),)), 1)
    given = fields["action"] or fields["observation"] or fields["tool"]
    assert len(short.calls) == bool(given) and len(long.calls) == 1
    for one in short.calls:
        assert [getattr(one, name) for name in READ.split()] == [getattr(long.calls[0], n) for n in READ.split()]


def test_calls_given_as_a_list_win_over_the_short_form() -> None:
    turn: Any = Turn(action="ls", calls=[Call("cat a.py", "x", "bash"), Call("rm b.py; cat c.py", "", "bash")])
    first, second = Reading(turn, 1).calls
    assert (first.kind, set(first.kinds), first.observation) == ("read", {"read"}, "x")
    assert (second.kind, set(second.kinds)) == ("edit", {"edit", "read"})


def test_a_turn_of_thought_only_has_no_call() -> None:
    reading = Reading(Turn(thought="hm"), 1)
    assert reading.calls == []
