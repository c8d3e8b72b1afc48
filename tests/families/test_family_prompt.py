"""prompt: what the task text says; the same after every turn."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.catalogue import lexicon
from featrouter.trajectory import Turn

NAMES = tuple(feature.name for feature in lexicon("prompt").features)


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"prompt_{name}"] for name in want}


def test_words_are_counted_in_doublings(features: Any) -> None:
    assert features(task="one two three")["prompt_words"] == 2
    assert features(task="see a.py 123 _")["prompt_words"] == pytest.approx(math.log2(3))


def test_numbers_per_100_words(features: Any) -> None:
    assert features(task="The sum is 7 or -3.5 of python3x and so on then one two")["prompt_numbers"] == 100 * 2 / 12
    assert features(task="1 2 3 4 words")["prompt_numbers"] == 20  # the bound


@pytest.mark.parametrize(
    ("task", "ranking"),
    [
        ("Who is the oldest singer of all that have ever sung on any stage of the land", 100 / 17),
        ("Tell me the total number of the five almost atop here", 0),
        ("most least top best", 10),
    ],
)
def test_words_that_rank(features: Any, task: str, ranking: float) -> None:
    assert features(task=task)["prompt_ranking"] == pytest.approx(ranking)


def test_numbers_alone_are_no_division_by_zero(features: Any) -> None:
    want = {"words": 0, "numbers": 20, "ranking": 0}
    assert pick(features(task="1 2 3"), want) == want


@pytest.mark.parametrize("task", ["", " \n\t"])
def test_no_task_is_unknown(features: Any, task: str) -> None:
    got = features(Turn("", "ls", "a"), task=task)
    assert all(math.isnan(got[name]) for name in NAMES)


def test_turns_change_nothing(features: Any) -> None:
    task = "Which of the 3 parsers fails most?"
    before, after = features(task=task), features(Turn("why 7 of the most?", "cat b.py", "KeyError: 1"), task=task)
    assert [before[name] for name in NAMES] == [after[name] for name in NAMES]
