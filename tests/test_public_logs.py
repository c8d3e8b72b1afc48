"""The public logs as they are learned from hold nothing that tells the label."""

from __future__ import annotations

import pandas as pd
from public_logs import cleaned


def test_a_run_ends_at_its_first_verdict_and_no_word_of_it_is_left() -> None:
    turns = pd.DataFrame(
        [
            ("a", "1", "You have 4 steps left and 2 chances left.\nx = 1"),
            ("a", "2", "Your answer is wrong.\nYou have 3 steps left and 1 chance left."),
            ("a", "3", "x = 2"),
            ("b", "1", "the answer may be 5"),
            ("b", "2", ""),
        ],
        columns=["run_id", "turn", "observation"],
    )
    runs = pd.DataFrame([("a", "3"), ("b", "2")], columns=["run_id", "turns"])
    kept, left = cleaned(turns, runs)
    assert kept["observation"].tolist() == ["x = 1", "", "the answer may be 5", ""]
    assert dict(zip(left["run_id"], left["turns"], strict=True)) == {"a": 2, "b": 2}
