"""thoughts: lengths, lists of words, vocabulary."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.trajectory import Turn


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"thoughts_{name}"] for name in want}


def test_lengths(features: Any) -> None:
    got = features(Turn("one"), Turn("one two three"), Turn("", "ls", "a"), Turn("a b c d e"))
    want = {"share": 0.75, "words_mean": 3, "words_last": 5, "words_slope": 2, "new_words": 1}
    assert pick(got, want) == want
    assert math.isnan(got["thoughts_vocabulary"])


def test_hedges(features: Any) -> None:
    got = features(Turn("Maybe it might be that one here, friend ok yes"), Turn("The file is read by them all"))
    want = {"hedges": 100 * 2 / 17, "hedges_last": 0}
    assert pick(got, want) == pytest.approx(want)


@pytest.mark.parametrize(
    ("thought", "feature"),
    [
        ("It clearly is it here", "certainty"),
        ("A plan of mine here", "plans"),
        ("This is because of it", "causes"),
        ("It has an error here", "setbacks"),
        ("It is however like this", "turnabouts"),
        ("It is perhaps like this", "hedges"),
    ],
)
def test_word_lists(features: Any, thought: str, feature: str) -> None:
    got = features(Turn(thought))
    names = ("certainty", "plans", "causes", "setbacks", "turnabouts", "hedges")
    assert {name: got[f"thoughts_{name}"] for name in names} == {name: 20.0 * (name == feature) for name in names}


def test_claims_apologies_questions_and_code(features: Any) -> None:
    got = features(Turn("I apologize. Sorry!"), Turn("All tests pass now"), Turn("Is `feed` in read_all?"))
    words = 3 + 4 + 5
    want = {"apologies": 1, "claims": 1, "questions": 100 / words, "code": 200 / words}
    assert pick(got, want) == pytest.approx(want)


def test_vocabulary_is_of_the_first_150_words(features: Any) -> None:
    assert features(Turn("same " * 30))["thoughts_vocabulary"] == pytest.approx(1 / 30)
    assert features(Turn("same " * 150), Turn("quite other words"))["thoughts_vocabulary"] == pytest.approx(1 / 150)


def test_new_words(features: Any) -> None:
    assert features(Turn("red green"), Turn("red blue black grey"))["thoughts_new_words"] == 0.75
    assert math.isnan(features(Turn("red green"))["thoughts_new_words"])


def test_blank_thoughts_are_none(features: Any) -> None:
    got = features(Turn(" \n", "ls", "a"))
    assert got["thoughts_share"] == 0
    assert math.isnan(got["thoughts_hedges"])
