"""Logs: what is read from sound files, in every form and packing."""

from __future__ import annotations

import csv
import io
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featrouter.logs import LogError, Logs, Outcome, Run, recognise
from featrouter.trajectory import Call, Trajectory, Turn

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TURNS = ["run_id", "turn", "call", "thought", "tool", "action", "observation", "cost_usd"]


def table(rows: list[list[Any]], **dialect: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue().encode()


def write(path: Path, rows: list[list[Any]]) -> Path:
    path.write_bytes(table(rows))
    return path


def accounted(logs: Logs) -> bool:
    return all(
        sum(account.spans.values()) == account.bytes
        and account.rows == account.good + account.duplicates + account.n_rejected
        for account in logs.accounts
    )


def by_id(logs: Logs) -> dict[str, Trajectory]:
    return {run.run_id: trajectory for run, trajectory in logs.trajectories()}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    rows: list[list[Any]] = [
        ["007", 1, 0, "look", "bash", "ls\n-l", 'a, "b"', 0.25],
        ["NA", 2, "", "", "", "x", "y", ""],
    ]
    write(tmp_path / "turns.csv", [TURNS, *rows, ["NA", 1, "", "", "", "w", "", ""]])
    runs: list[list[Any]] = [["007", "1e5", 1, 0.5, "weak", 0.1, "extra"], ["idle", "t", "", "", "", "", ""]]
    head = ["run_id", "task_id", "y_weak", "cost_weak_usd", "route", "propensity", "note"]
    write(tmp_path / "runs.csv", [head, *runs])
    write(tmp_path / "outcomes.csv", [["model", "task_id", "resolved"], ["m", "1e5", 0], ["n", "1e5", ""]])
    write(tmp_path / "features.csv", [["run_id", "task_id", "k", "at_end"], ["007", "1e5", 0, 0]])
    return tmp_path


def test_a_directory_holds_all_four_forms(small: Path) -> None:
    write(small / "notes.csv", [["name", "note"], ["a", "b"]])
    logs = Logs([small])
    assert logs.runs["007"] == Run("007", "1e5", y_weak=1, cost_weak=0.5, route="weak", propensity=0.1)
    assert logs.runs["idle"] == Run("idle", "t")
    assert logs.outcomes == {("1e5", "m"): Outcome("1e5", "m", 0), ("1e5", "n"): Outcome("1e5", "n", None)}
    assert logs.features == [small / "features.csv"]
    assert {path.name: recognise(path) for path in small.glob("*s.csv") if path.stem != "notes"} == {
        f"{form}.csv": form for form in ("turns", "runs", "outcomes", "features")
    }
    runs = list(logs.trajectories())
    assert [run.run_id for run, _ in runs] == ["007", "NA", "idle"]
    assert runs[0][1].turns == (Turn("look", "ls\n-l", 'a, "b"', "bash", cost=0.25),)
    assert [turn.action for turn in runs[1][1]] == ["w", "x"]
    assert runs[1][0] == Run("NA", "NA")
    assert runs[2][1] == Trajectory(ended=True)
    assert accounted(logs) and logs.rejected == 0
    summary = "\n".join(logs.summary())
    assert "turns.csv: 3 rows read, 0 rejected, 0 duplicates (2 runs)" in summary
    assert "1 runs are in no runs file, so without labels: 'NA'" in summary
    assert "runs.csv: ignored columns: note" in summary
    assert "notes.csv: fits no log form" in summary


def test_the_order_of_rows_and_files_changes_nothing(small: Path, tmp_path: Path) -> None:
    want = list(Logs([small]).trajectories())
    with (small / "turns.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    write(small / "turns.csv", [rows[0], *rows[:0:-1]])
    assert list(Logs([small / "runs.csv", small / "turns.csv"]).trajectories()) == want
    assert list(Logs([small / "turns.csv", small / "runs.csv", small]).trajectories()) == want


def test_calls_of_one_turn(tmp_path: Path) -> None:
    head = ["run_id", "turn", "call", "thought", "tool", "action", "observation", "exit_code", "is_error"]
    more = ["prompt_tokens", "completion_tokens", "cost_usd", "latency_ms", "started_at"]
    rows = [
        ["r", 1, 1, "", "bash", "b", "B", -9, 1, 10, "", 0.5, 1500, "noon"],
        ["r", 1, 0, "", "bash", "a", "A", "", "", 5, "", "", "", ""],
        ["r", 1, 2, "why", "", "c", "", 0, 0, "", "", 0.25, "", ""],
        ["r", 3, "", "only thinking", "", "", "", "", "", "", "", "", "", ""],
    ]
    logs = Logs([write(tmp_path / "t.csv", [head + more, *rows])])
    calls = (Call("a", "A", "bash"), Call("b", "B", "bash", -9, True), Call("c", "", "", 0, False))
    first = Turn("why", calls=calls, prompt_tokens=15, cost=0.75, latency=1.5)
    assert by_id(logs)["r"].turns == (first, Turn("only thinking"))
    assert logs.accounts[0].warnings[0] == "1 runs have gaps in their turns: 'r' (no turn 2)"
    assert not logs.accounts[0].ignored_columns


# Ids that are blank or could not be shown are refused; NUL, and (outside quotes) a cell's closing \r, cannot be told from damage.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.sampled_from(
    [
        '"',
        '""',
        ",",
        "\n",
        "\r\n",
        "\r",
        '\n"',
        '",\n',
        "r,1,0,a,b,c,d,\n",
        '"r",2\n',
        "turn",
        "NA",
        "007",
        "\ufeff",
        " ",
    ]
)
ids = texts.filter(lambda text: text.strip() and text.isprintable() and text not in ("run_id", "task_id"))


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    runs=st.dictionaries(ids, st.lists(st.tuples(texts, texts, texts), max_size=4)),
    newline=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_whatever_csv_writes_comes_back(
    tmp_path: Path, runs: dict[str, list[tuple[str, str, str]]], newline: str, quoting: int
) -> None:
    rows = [[run, k, 0, a, "", b, c, ""] for run, turns in runs.items() for k, (a, b, c) in enumerate(turns, 1)]
    path = tmp_path / "turns.csv"
    path.write_bytes(table([TURNS, *rows], lineterminator=newline, quoting=quoting))
    logs = Logs([path])
    got = {run: [(t.thought, t.action, t.observation) for t in turns] for run, turns in by_id(logs).items()}
    assert got == {run: turns for run, turns in runs.items() if turns}
    assert logs.rejected == 0 and accounted(logs) and logs.accounts[0].bytes == path.stat().st_size


@pytest.mark.parametrize("content", [b"", b"a\n", b"\xff\xfea\0,\0", b'"run_id,turn\n', b"run_id\xff\xff,turn\n"])
def test_files_that_are_no_log(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    for read in (recognise, lambda name: Logs([name])):
        with pytest.raises(LogError, match=r"x\.csv: "):
            read(path)


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="no such file"):
        Logs([tmp_path / "missing.csv"])
    (tmp_path / "plain.txt").write_text("x")
    with pytest.raises(LogError, match=r"cannot be read \(Not a directory\)"):
        Logs([tmp_path / "plain.txt" / "below.csv"])
    with pytest.raises(LogError, match="holds no log file"):
        Logs([tmp_path])
    with pytest.raises(LogError, match="no log files given"):
        Logs([])
    path = write(tmp_path / "x.csv", [["run_id", "turn", "action", "obs"]])
    with pytest.raises(
        LogError, match=r"Found 'run_id', 'turn', 'action', 'obs'; nearest is turns, missing observation"
    ):
        recognise(path)
    path.write_bytes(b"run_id;task_id\n")
    with pytest.raises(LogError, match="separated by commas"):
        recognise(path)
    write(path, [["run_id", "turn", "action", "observation", "turn"]])
    with pytest.raises(LogError, match="'turn' stands twice"):
        Logs([path])


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "turns.csv", [TURNS, *([["r", k, "", "", "", "a", "b", ""] for k in range(1, 20)])])
    logs = Logs([path])
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(LogError, match="changed while it was being read"):
        list(logs.trajectories())


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real sets are not here")
@pytest.mark.parametrize("name", ["intercode-sql", "lite-sweagent", "terminalbench", "mint"])
def test_real_sets_count_as_pandas_counts(name: str) -> None:
    pandas = pytest.importorskip("pandas")
    turns, runs = (SHARED / f"{name}.{form}.csv.xz" for form in ("turns", "runs"))
    logs = Logs([turns, runs])
    frame = pandas.read_csv(turns, dtype=str, keep_default_na=False)
    want = frame.groupby("run_id").apply(lambda rows: list(rows["observation"])).to_dict()
    got = {
        run.run_id: [call.observation for turn in log for call in turn.each_call()] for run, log in logs.trajectories()
    }
    assert got == want
    assert len(logs.runs) == len(pandas.read_csv(runs, dtype=str)) and logs.rejected == 0 and accounted(logs)
    with lzma.open(turns) as file:
        assert logs.accounts[1].bytes == sum(map(len, file))


def test_turns_may_lie_in_more_files_than_are_kept_open(tmp_path: Path) -> None:
    for number in range(40):
        row = [f"r{number:02}", 1, "", "", "", f"echo {number}", "", ""]
        write(tmp_path / f"turns{number}.csv", [TURNS, row])
    logs = Logs([tmp_path])
    for _ in range(2):
        told = [turn.action for _, trajectory in logs.trajectories() for turn in trajectory]
        assert told == [f"echo {number}" for number in range(40)]
