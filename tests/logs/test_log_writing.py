"""What is written reads back, whatever the texts hold; a run written again is up to date, and outcomes label it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter.logs import Logs, Run
from featrouter.logs.forms import OUTCOMES
from featrouter.logs.writing import MOST_TEXT, RUNS, TURNS, append, name_of, run_row, turn_rows, write
from featrouter.trajectory import Call, Turn

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40) | st.sampled_from(
    ['a,"b"\r\n', "\r", "\n\n", '"', "turn", "run_id", " x ", "\u2028", "0\r"]
)
CALLS = st.builds(
    Call, WORDS, WORDS, WORDS, st.none() | st.integers(-(10**9) + 1, 10**9 - 1), st.none() | st.booleans()
)
AMOUNTS = st.none() | st.floats(0, 1e6)
TURN = st.builds(
    lambda thought, calls, tokens, cost: Turn(thought, calls=tuple(calls), prompt_tokens=tokens, cost=cost),
    WORDS,
    st.lists(CALLS, max_size=3),
    AMOUNTS,
    AMOUNTS,
)


def worded(call: Call) -> bool:
    return bool(call.action or call.observation or call.tool)


@settings(max_examples=150, deadline=None)
@given(st.lists(TURN, min_size=1, max_size=4), WORDS)
def test_turns_and_runs_read_back(turns: list[Turn], task: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "turns.csv"), TURNS, turn_rows("r", turns))
        run = Run("r", "t", task=task, harness="h", y_weak=1, cost_weak=0.1 + 0.2, route="weak", propensity=0.95)
        write(Path(folder, "runs.csv"), RUNS, [run_row(run)])
        logs = Logs([folder])
        assert logs.rejected == 0
        ((read, trajectory),) = logs.trajectories()
    assert read == run
    for turn, again in zip(turns, trajectory, strict=True):
        assert again.thought == turn.thought
        assert (again.prompt_tokens, again.cost) == (turn.prompt_tokens, turn.cost)
        # A turn of one call without words has no call, whatever is known of its end.
        assert [call for call in again.each_call() if worded(call)] == [call for call in turn.calls if worded(call)]


def test_what_a_log_cannot_hold_is_blank_or_replaced(tmp_path: Path) -> None:
    turn = Turn("\0", "\ud800", exit_code=2**40, cost=float("nan"), latency=-1.0, prompt_tokens=float("inf"))
    write(tmp_path / "turns.csv", TURNS, turn_rows("r", [turn]))
    logs = Logs([tmp_path])
    ((_, (read,)),) = ((run, tuple(trajectory)) for run, trajectory in logs.trajectories())
    assert logs.rejected == 0
    assert read == Turn("\N{REPLACEMENT CHARACTER}", "?")


def test_of_a_text_longer_than_a_log_may_hold_the_ends_are_kept(tmp_path: Path) -> None:
    append(tmp_path / "turns.csv", TURNS, turn_rows("r", [Turn("", "cat", "a" * 20_000_000 + "b" * 20_000_000)]))
    logs = Logs([tmp_path])
    ((_, (read,)),) = ((run, tuple(trajectory)) for run, trajectory in logs.trajectories())
    assert logs.rejected == 0 and len(read.observation) == MOST_TEXT + 5
    assert read.observation[0] == "a" and read.observation[-1] == "b"


def test_rows_are_added_to_a_file_that_has_its_header_once(tmp_path: Path) -> None:
    path = tmp_path / "turns.csv"
    append(path, TURNS, turn_rows("a", [Turn("one", latency=1.5), Turn("two")]))
    append(path, TURNS, turn_rows("a", [Turn("three")], first=3, started="2026-11-25T10:00:00Z"))
    assert path.read_text(encoding="utf-8").count("run_id") == 1
    ((run, trajectory),) = Logs([path]).trajectories()
    assert run.run_id == "a" and [turn.thought for turn in trajectory] == ["one", "two", "three"]
    assert trajectory.turns[0].latency == 1.5
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("backwards", [False, True])
def test_a_run_written_again_counts_as_it_was_last(tmp_path: Path, backwards: bool) -> None:
    first = Run("a", "t", task="fix it", route="weak", turns=0)
    rows = [first, Run("a", "t", route="weak", propensity=0.9, turns=2), Run("a", "t", route="strong", turns=3)]
    append(tmp_path / "runs.csv", RUNS, map(run_row, reversed(rows) if backwards else rows))
    logs = Logs([tmp_path])
    assert logs.runs["a"] == Run("a", "t", task="fix it", route="strong", propensity=0.9, turns=3)
    assert logs.rejected == 0
    assert (logs.accounts[0].good, logs.accounts[0].duplicates) == (1, 2)


def test_a_row_by_hand_labels_a_run_that_a_host_has_logged(tmp_path: Path) -> None:
    host = [Run("a", "t", route="weak", propensity=0.5, turns=turns) for turns in (0, 7)]
    append(tmp_path / "runs.csv", RUNS, map(run_row, host))
    (tmp_path / "mine.csv").write_text("run_id,task_id,y_weak\na,t,1\n", encoding="utf-8")
    logs = Logs([tmp_path])
    assert logs.runs["a"] == Run("a", "t", route="weak", propensity=0.5, y_weak=1, turns=7) and logs.rejected == 0


def test_two_rows_of_a_run_at_the_same_turn_contradict_each_other(tmp_path: Path) -> None:
    append(tmp_path / "runs.csv", RUNS, [run_row(Run("a", "t", y_weak=y, turns=1)) for y in (0, 1)])
    assert Logs([tmp_path]).rejected == 1


def test_outcomes_label_the_arm_that_was_taken(tmp_path: Path) -> None:
    runs = [
        Run("kept", "1", weak_model="w", strong_model="s", route="weak"),
        Run("handed", "2", weak_model="w", strong_model="s", route="strong", cost_strong=3.0),
        Run("told", "3", weak_model="w", y_weak=0),
        Run("twice-a", "4", weak_model="w"),
        Run("twice-b", "4", weak_model="w"),
        Run("unseen", "5", weak_model="w"),
    ]
    write(tmp_path / "runs.csv", RUNS, map(run_row, runs))
    seen = [
        ("1", "w", 1, 0.5),
        ("1", "s", 0, 9),
        ("2", "s", 1, 2),
        ("2", "w", 0, 1),
        ("3", "w", 1, 1),
        ("4", "w", 1, 1),
    ]
    columns = ("task_id", "model", "resolved", "cost_usd")
    write(tmp_path / "outcomes.csv", OUTCOMES, [dict(zip(columns, row, strict=True)) for row in seen])
    read = Logs([tmp_path]).runs
    told = {name: (run.y_weak, run.cost_weak, run.y_strong, run.cost_strong) for name, run in read.items()}
    nothing = (None,) * 4
    assert told["kept"] == (1, 0.5, None, None)
    assert told["handed"] == (None, None, 1, 3.0)
    assert told["told"] == (0, None, None, None)
    assert told["twice-a"] == told["twice-b"] == told["unseen"] == nothing


def test_a_name_that_could_not_be_shown_is_written_so_that_it_can(tmp_path: Path) -> None:
    odd = "a\x1b]0;b\x07\u202e\n\ud800"
    append(tmp_path / "turns.csv", TURNS, turn_rows(odd, [Turn("one")]))
    append(tmp_path / "runs.csv", RUNS, [run_row(Run(odd, odd, harness=odd, weak_model=odd))])
    logs = Logs([tmp_path])
    assert logs.rejected == 0
    ((run, trajectory),) = logs.trajectories()
    shown = run.run_id
    assert shown.startswith("a\ufffd]0;b\ufffd\ufffd\ufffd\ufffd…") and shown.isprintable()
    assert run == Run(shown, shown, harness=shown, weak_model=shown) and len(trajectory) == 1


def test_names_that_must_be_altered_stay_apart() -> None:
    odd = [
        "",
        " ",
        "()",
        "( )",
        "run_id",
        "(run_id)",
        "task_id",
        "a\n",
        "a\t",
        "a\ufffd",
        "\ud800",
        "\udfff",
        "x\u00a0y",
        "x\u3000y",
    ]
    odd += ["x" * 200, "x" * 201, "x" * 200 + "y", "x" * 180 + "…", "a", 7, "7 "]
    names = [name_of(name) for name in odd]
    assert len(set(names)) == len(odd) and all(
        name.isprintable() and name.strip() and len(name) <= 200 for name in names
    )
    assert [name_of(name) for name in names] == names and (name_of(7), name_of("a")) == ("7", "a")


@pytest.mark.parametrize("column", ["run_id", "task_id", "repo", "harness", "weak_model", "strong_model"])
@pytest.mark.parametrize("odd", ["a\x1b[31m", "a\x07", "a\u202eb", "a\nb", "a\x85"])
def test_a_name_that_a_terminal_would_obey_is_refused_by_column(tmp_path: Path, column: str, odd: str) -> None:
    row = {"run_id": "r", "task_id": "t", "repo": "", "harness": "", "weak_model": "", "strong_model": ""} | {
        column: odd
    }
    (tmp_path / "runs.csv").write_text(",".join(row) + "\n" + ",".join(f'"{cell}"' for cell in row.values()) + "\n")
    logs = Logs([tmp_path])
    (reject,) = logs.accounts[0].rejects
    assert reject.column == column and "printable" in reject.reason and odd not in "\n".join(logs.summary())
