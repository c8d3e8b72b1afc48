"""thoughts: lengths, lists of words, new words, claims, giving up."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.families.thoughts import MAX_WORDS, Thoughts
from featrouter.reading import Reading
from featrouter.trajectory import Call, Turn

OK = Turn("", "python a.py", "1", exit_code=0)
BAD = Turn("", "python a.py", "boom", exit_code=1)
EDIT = Turn("", "sed -i 's/1/2/' a.py", "")
DONE = Turn("The bug is fixed, all tests pass.")


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"thoughts_{name}"] for name in want}


# Features


def test_nothing_is_known_of_thoughts_before_one(features: Any) -> None:
    unknown = ("words", "hedges", "certainty", "setbacks", "turnabouts", "new_words")
    for got in (features(), features(Turn(" \n", "ls", "a"))):
        assert all(math.isnan(got[f"thoughts_{name}"]) for name in unknown)
        assert pick(got, {"unproven": 0, "gives_up": 0}) == {"unproven": 0, "gives_up": 0}


def test_the_mean_length_in_doublings(features: Any) -> None:
    assert features(Turn("one"), Turn("", "ls", "a"), Turn("a b c d e"))["thoughts_words"] == 2  # 3 words, mean
    assert features(Turn("word " * 600))["thoughts_words"] == 9


@pytest.mark.parametrize(
    ("thought", "feature"),
    [
        ("It clearly is it here", "certainty"),
        ("It has an error here", "setbacks"),
        ("It is however like this", "turnabouts"),
        ("It is perhaps like this", "hedges"),
        ("It is one of these", ""),
    ],
)
def test_word_lists(features: Any, thought: str, feature: str) -> None:
    plain = Turn("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen")
    got = features(Turn(thought), plain)
    names = ("certainty", "setbacks", "turnabouts", "hedges")
    assert {name: got[f"thoughts_{name}"] for name in names} == {name: 5.0 * (name == feature) for name in names}


@pytest.mark.parametrize(
    ("word", "feature", "high"),
    [("maybe", "hedges", 10), ("clearly", "certainty", 6), ("wrong", "setbacks", 8), ("wait", "turnabouts", 8)],
)
def test_nothing_but_such_words_is_the_bound(features: Any, word: str, feature: str, high: float) -> None:
    assert features(Turn(f"{word} " * 5))[f"thoughts_{feature}"] == high


def test_new_words(features: Any) -> None:
    assert features(Turn("red green"), Turn("red blue black grey"))["thoughts_new_words"] == 0.75
    assert features(Turn("red green"), Turn("Green, red!"))["thoughts_new_words"] == 0
    assert math.isnan(features(Turn("red green"))["thoughts_new_words"])


@pytest.mark.parametrize(
    ("before", "unproven"),
    [
        ([], 1),
        ([EDIT], 1),
        ([OK, EDIT], 1),
        ([EDIT, BAD], 1),
        ([EDIT, OK], 0),
        ([EDIT, BAD, OK], 0),
        ([EDIT, OK, BAD], 1),
    ],
)
def test_a_claim_of_success_without_a_check(features: Any, before: list[Turn], unproven: float) -> None:
    assert features(*before, DONE)["thoughts_unproven"] == unproven
    assert features(*before, Turn("I look at it next."))["thoughts_unproven"] == 0
    assert features(*before, DONE, Turn("", "ls", "a.py"))["thoughts_unproven"] == 0  # of the latest turn alone


def test_what_is_run_in_the_same_turn_comes_after_the_claim(features: Any) -> None:
    claim = Turn("It works now, I run it.", calls=(Call("python a.py", "1", exit_code=0),))
    assert features(EDIT, claim)["thoughts_unproven"] == 1
    assert features(EDIT, claim, DONE)["thoughts_unproven"] == 0


@pytest.mark.parametrize(
    ("thought", "gives_up"),
    [
        ("I am transferring you to a human agent.", 1),
        ("Sorry, I cannot change that booking.", 1),
        ("I give up.", 1),
        ("I am out of ideas", 1),
        ("I look at the transfer function.", 0),
        ("Sorry for the noise, it was the cache.", 0),
    ],
)
def test_giving_up(features: Any, thought: str, gives_up: float) -> None:
    assert features(Turn(thought))["thoughts_gives_up"] == gives_up
    assert features(Turn(thought), Turn("I try another way.", "ls", "a"))["thoughts_gives_up"] == 0
    assert features(Turn(thought), Turn("", "ls", "a"))["thoughts_gives_up"] == 0


# Facts


def test_claims_and_lengths(facts: Any) -> None:
    want = {"claims": 2, "words_last": 4}
    assert pick(facts(DONE, Turn("Is it?"), Turn("It works as expected")), want) == want
    assert pick(facts(), {"claims": 0, "words_last": 0}) == {"claims": 0, "words_last": 0}


def test_state_stands_still_past_the_cap() -> None:
    family = Thoughts("", {})
    letters = str.maketrans("0123456789", "abcdefghij")
    for number in range(1, MAX_WORDS + 50):
        family.observe(Reading(Turn(f"x{str(number).translate(letters)}"), number))
    assert len(family._known) == MAX_WORDS
