"""prompt: what the task text says; the same after every turn."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.trajectory import Turn

TASK = """Parser.feed fails in src/parse.py
Steps to reproduce with version 4.5:
```python
read_all(x)
y = 1
```
Expected behavior: it should return 3, see https://example.org/a
Why?
ValueError: bad, ValueError: worse, KeyError: 1"""


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"prompt_{name}"] for name in want}


def test_a_task(features: Any) -> None:
    want = {
        "lines": 9,
        "code_blocks": 1,
        "code_share": 2 / 9,
        "traceback": 0,
        "errors": 2,
        "files": 1,
        "symbols": 1,
        "steps": 1,
        "expected": 1,
        "links": 1,
        "questions": 1,
        "versions": 1,
    }
    assert pick(features(task=TASK), want) == want


def test_words_and_numbers(features: Any) -> None:
    want = {"words": 4, "word_length": 3, "numbers": 25, "lines": 1, "steps": 0, "expected": 0}
    assert pick(features(task="The sum is 7 here"), want) == want


def test_a_traceback_is_code(features: Any) -> None:
    task = "It fails:\nTraceback (most recent call last):\n    f()\nNameError: f"
    want = {"traceback": 1, "code_share": 0.25, "errors": 1}
    assert pick(features(task=task), want) == want


@pytest.mark.parametrize("task", ["", " \n\t"])
def test_no_task_is_unknown(features: Any, task: str) -> None:
    got = features(Turn("", "ls", "a"), task=task)
    assert all(math.isnan(value) for name, value in got.items() if name.startswith("prompt_"))


def test_turns_change_nothing(features: Any) -> None:
    before, after = features(task=TASK), features(Turn("why?", "cat b.py", "KeyError: 1"), task=TASK)
    same = [name for name in before if name.startswith("prompt_")]
    assert len(same) == 17
    assert [before[name] for name in same] == [after[name] for name in same]


@pytest.mark.parametrize(
    ("task", "ranking", "counting"),
    [
        ("Who is the oldest singer", 20, 0),
        ("How many of the most popular pets are there", 100 / 9, 1),
        ("The total number of the five", 0, 1),
        ("Almost atop a number", 0, 0),
    ],
)
def test_rankings_and_counts_that_a_question_asks_for(features: Any, task: str, ranking: float, counting: int) -> None:
    want = {"ranking": ranking, "counting": counting}
    assert pick(features(task=task), want) == pytest.approx(want)


def test_a_share_is_never_above_one(features: Any) -> None:
    assert features(task="```\n    a\n    b\n```")["prompt_code_share"] == 1
