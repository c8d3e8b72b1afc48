"""When two calls ask the same, and when two answers say the same."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Any

import pytest
from clock import assert_grows_in_proportion
from hostile import TEXTS, deep
from hypothesis import given
from hypothesis import strategies as st

from featrouter.observations.sameness import COSMETIC, MAX_TEXTS, AnswerKeys, action_key

anything = st.text(st.characters(exclude_categories=()), max_size=80)  # surrogates and NULs included
words = st.text("abcdefghijk", min_size=1, max_size=8)
names = words.filter(lambda name: name not in COSMETIC)
values = st.one_of(words, st.integers(-99, 99), st.booleans(), st.none(), st.lists(words, max_size=3))
arguments = st.dictionaries(names, values, min_size=1, max_size=5)


def written(name: str, style: int) -> str:
    """The name of an argument as different tools write it."""
    half = len(name) // 2
    return (name, name.upper(), f"{name[:half]}_{name[half:]}", name[:half] + name[half:].capitalize())[style]


def same_answer(one: str, other: str) -> bool:
    keys = AnswerKeys()
    return keys.key(one) == keys.key(other)


# Calls


@given(st.sampled_from(["bash", "api", ""]), arguments, st.randoms())
def test_the_order_of_arguments_does_not_matter(tool: str, given: dict[str, Any], rng: random.Random) -> None:
    pairs = list(given.items())
    rng.shuffle(pairs)
    assert action_key(tool, json.dumps(given)) == action_key(tool, json.dumps(dict(pairs), indent=1))


@given(arguments, st.sampled_from(sorted(COSMETIC - {"id"})), st.integers(0, 3), values, values)
def test_cosmetic_arguments_do_not_matter(given: dict[str, Any], name: str, style: int, one: Any, other: Any) -> None:
    name = written(name, style)
    plain = action_key("bash", json.dumps(given))
    assert plain == action_key("bash", json.dumps(given | {name: one}))
    assert plain == action_key("bash", json.dumps({name: other} | given))


@given(arguments, arguments)
def test_other_arguments_are_another_call(one: dict[str, Any], other: dict[str, Any]) -> None:
    # Numbers and words that read alike count as one value, as agents quote numbers now and then.
    alike = {name: str(value) for name, value in one.items()} == {name: str(value) for name, value in other.items()}
    assert (action_key("api", json.dumps(one)) == action_key("api", json.dumps(other))) == alike


@given(arguments, words, words)
def test_another_tool_is_another_call(given: dict[str, Any], one: str, other: str) -> None:
    action = json.dumps(given)
    assert (action_key(one, action) == action_key(other, action)) == (one == other)


@given(st.lists(words, min_size=1, max_size=5), st.text("abc ()", max_size=30), st.integers(1, 900))
def test_comments_and_timeouts_of_a_command_do_not_matter(line: list[str], comment: str, seconds: int) -> None:
    command = " ".join(line)
    key = action_key("bash", command)
    for other in (
        f"{command}  # {comment}",
        f"# {comment}\n{command}",
        f"timeout {seconds} {command}",
        f" {command}\n",
    ):
        assert action_key("bash", other) == key
        assert action_key("bash", json.dumps({"command": other})) == action_key(
            "bash", json.dumps({"command": command})
        )


@pytest.mark.parametrize(
    "timeout", ["timeout 5 ", "timeout 5s ", "timeout 0.5m ", "timeout -s9 60 ", "timeout --signal=KILL 60 "]
)
def test_ways_to_write_a_timeout(timeout: str) -> None:
    assert action_key("bash", f"{timeout}make check") == action_key("bash", "make check")


def test_labels_in_tags_do_not_matter() -> None:
    def tags(risk: str, command: str = "ls") -> str:
        return f"<parameter=command>{command}</parameter>\n<parameter=security_risk>{risk}</parameter>\n"

    assert action_key("bash", tags("LOW")) == action_key("bash", tags("HIGH"))
    assert action_key("bash", tags("LOW")) != action_key("bash", tags("LOW", "pwd"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cat src/a.py", "cat src/b.py"),
        ("cat a.py | head -20", "cat a.py | head -40"),
        ("pytest tests/test_a.py", "pytest tests/test_a.py -x"),
        ("make check && make lint", "make lint && make check"),
        ("sleep 5", "sleep 50"),
        ("echo timeout", "echo"),
        ("cat a#1.txt", "cat a#2.txt"),
        ('{"command": "cat src/a.py"}', '{"command": "cat src/b.py"}'),
        ('{"timeout": 5}', '{"timeout": 6}'),  # nothing but such arguments: then they are what is asked for
        ('{"path": "a.py", "range": [1, 9]}', '{"path": "a.py", "range": [9, 1]}'),
        ('{"broken": "a', '{"broken": "b'),
        ("[1, 2]", "[2, 1]"),
    ],
)
def test_what_stays_another_call(one: str, other: str) -> None:
    assert action_key("bash", one) == action_key("bash", one) != action_key("bash", other)


def test_the_order_within_an_argument_does_not_matter() -> None:
    one, other = '{"item": {"size": 4, "name": "x"}}', '{"item": {"name": "x", "size": 4}}'
    assert action_key("buy", one) == action_key("buy", other)


def test_a_cosmetic_argument_with_a_hyphen() -> None:
    one, other = '{"command": "ls", "timeout-ms": 5}', '{"command": "ls", "timeout-ms": 9}'
    assert action_key("bash", one) == action_key("bash", other)


def test_the_id_of_a_thing_is_no_label() -> None:
    one, other = '{"kind": "order", "id": 17}', '{"kind": "order", "id": 18}'
    assert action_key("get", one) != action_key("get", other)


def test_a_hash_within_quotes_opens_no_comment() -> None:
    assert action_key("bash", "grep -rn ' #include' src") != action_key("bash", "grep -rn ' #define' lib")


# Answers


@given(anything)
def test_an_answer_is_the_same_as_itself(text: str) -> None:
    keys = AnswerKeys()
    assert keys.key(text) == keys.key(text) == keys.key(text)


@given(st.lists(st.one_of(anything, st.text("ab 0123.:", max_size=12)), max_size=3 * MAX_TEXTS))
def test_an_answer_given_twice_in_a_row_is_the_same(texts: list[str]) -> None:
    keys = AnswerKeys()
    for text in texts:
        assert keys.key(text) == keys.key(text)


@given(
    st.lists(words, min_size=1, max_size=5),
    st.sampled_from(
        ["in {}.{} s", "({}.{}ms)", "took {}.{} seconds", "at {:02}:{:02}:07", "2026-05-{:02}, {}:00", "pid {}, {} ms"]
    ),
    st.tuples(st.integers(0, 99), st.integers(0, 99)),
    st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
def test_durations_and_times_of_day_do_not_matter(
    text: list[str], when: str, one: tuple[int, int], other: tuple[int, int]
) -> None:
    before, after = " ".join(text), "3 failed, 5 passed"
    assert same_answer(f"{before} {when.format(*one)} {after}", f"{before} {when.format(*other)} {after}")


@given(st.integers(256, 2**60), st.integers(256, 2**60), words, words)
def test_addresses_and_temporary_paths_do_not_matter(one: int, other: int, here: str, there: str) -> None:
    assert same_answer(f"<Queue at {one:#x}>", f"<Queue at {other:#x}>")
    assert same_answer(f"wrote /tmp/{here}{one}/out.log now", f"wrote /tmp/{there}/{other}.log now")
    assert same_answer(f"in /var/folders/{here}/T/{one}: ok", f"in /var/folders/{there}/T/{other}: ok")


@given(
    st.lists(words, min_size=1, max_size=5),
    st.tuples(st.integers(0, 999), st.integers(0, 999)),
    st.tuples(st.integers(0, 999), st.integers(0, 999)),
    st.floats(0.01, 59),
)
def test_counts_do_matter(text: list[str], one: tuple[int, int], other: tuple[int, int], seconds: float) -> None:
    def ran(counts: tuple[int, int]) -> str:
        return f"{' '.join(text)}\n{counts[0]} failed, {counts[1]} passed in {seconds:.2f}s"

    assert same_answer(ran(one), ran(other)) == (one == other)


@given(anything, anything)
def test_other_words_are_another_answer(one: str, other: str) -> None:
    letters = [text.translate({ord(digit): None for digit in "0123456789"}) for text in (one, other)]
    if letters[0].encode("utf-8", "replace") != letters[1].encode("utf-8", "replace"):
        assert not same_answer(one, other) or "0x" in one + other or "/tmp/" in one + other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stage 1 of 4", "stage 2 of 4"),
        ("0/9 ready", "1/9 ready"),
        ("order A-17: sent", "order A-18: sent"),
        ("src/a.py: 12 lines", "src/a.py: 14 lines"),
        ("x" * 9000 + " 4 failed", "x" * 9000 + " 5 failed"),
        ("", " "),
        ("build: running", "build: done"),
    ],
)
def test_what_stays_another_answer(one: str, other: str) -> None:
    assert not same_answer(one, other)


def test_a_third_answer_is_told_from_both() -> None:
    keys = AnswerKeys()
    found = [keys.key(f"{count} failed in 0.{count}s") for count in (1, 2, 3, 2, 1)]
    assert len(set(found)) == 3 and found[:2] == found[:2:-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [("loss 0.41", "loss 0.38"), ("12.5% done", "37.5% done"), ("a.py:12:5: error", "a.py:40:2: error")],
)
def test_a_number_without_a_unit_of_time_is_no_duration(one: str, other: str) -> None:
    assert not same_answer(one, other)


def test_another_answer_stays_another_one_after_many_more() -> None:
    keys = AnswerKeys()
    first = keys.key("2 of 9 failed")
    for letter in "abcdefghijklmnop":
        keys.key(f"something else: {letter}")
    assert keys.key("1 of 9 failed") != first


# Whatever comes


@given(anything, st.one_of(anything, anything.map(lambda text: "{" + text), st.just(json.dumps(deep(99)))))
def test_nothing_raises(tool: str, text: str) -> None:
    assert isinstance(action_key(tool, text), int)
    assert isinstance(AnswerKeys().key(text), int)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_hostile_texts_are_read_in_proportion_to_their_length(text: str) -> None:
    keys = AnswerKeys()
    assert action_key("bash", text) == action_key("bash", text)
    assert keys.key(text) == keys.key(text)
    seed = text[:4096]

    def read(times: int) -> None:
        action_key("bash", seed * times)
        fresh = AnswerKeys()
        fresh.key(seed * times)
        fresh.key(seed * times)

    assert_grows_in_proportion(read, 4, 16, factor=8)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1e999}', '{"a": NaN}', '{"a": ' + "9" * 9000 + "}", '{"a": {"b": [null]}}', "{}", "{", '{"id": "x"}'],
)
def test_odd_objects_are_calls_like_any_other(text: str) -> None:
    assert action_key("bash", text) == action_key("bash", text) != action_key("bash", text + "x")


def test_few_texts_are_kept_and_little_of_each() -> None:
    letters = str.maketrans("0123456789", "abcdefghij")

    def long(number: int) -> str:
        return f"{str(number).translate(letters)} 7 " + "é" * 200_000 + " 8 end"

    AnswerKeys().key(long(0))
    tracemalloc.start()
    try:
        keys = AnswerKeys()
        for number in range(4 * MAX_TEXTS):
            keys.key(long(number))
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(keys._texts) == MAX_TEXTS
    assert kept < MAX_TEXTS * 3 * 2048
