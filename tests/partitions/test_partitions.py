"""Logs cut into partitions: the rows are those of one machine, bit for bit, however the files lie; nothing is lost."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter.logs import LogError, Logs
from featrouter.partitions.engine import Here
from featrouter.partitions.files import found
from featrouter.partitions.folder import Folder
from featrouter.partitions.plan import plan
from featrouter.partitions.reading import table_of as table_in
from featrouter.partitions.scan import hashed, scanned
from featrouter.partitions.store import Extracted, entries_of, extract
from featrouter.training.columns import LOGGED
from featrouter.training.pair import pair
from featrouter.training.table import Table, table_of
from tests.scaling.simulated import files_of, simulate

STRONG = "scripted-strong"


def extracted(places: list[str], folder: Path, **options: Any) -> Extracted:
    return extract(places, Folder(str(folder)), Here(), **options)


def same_rows(folder: Path, logs: list[Path], outcomes: Any) -> Table:
    """The folder's table, which is that of the logs on one machine to the bit, alone and with a strong model joined."""
    alone = Logs(logs)
    store = Folder(str(folder))
    one, (two, told) = table_of(alone), table_in(store, entries_of(store), outcomes)
    for here, there in ((one, two), (pair(one, alone, None, STRONG), pair(two, told, None, STRONG))):
        assert (here.x.view(np.int64) == there.x.view(np.int64)).all()
        pd.testing.assert_frame_equal(here.meta, there.meta, check_exact=True, check_dtype=False)
    return two


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    simulate(folder, 1200, files=4, spread=0.3)
    return folder


def test_rows_are_those_of_one_machine_whatever_moved(log: Path, tmp_path: Path) -> None:
    done = extracted(files_of(log), tmp_path / "f")
    assert done.plan.spread > 10 and 0 < done.plan.moved < done.plan.bytes / 2 and not done.errors
    same_rows(tmp_path / "f", [log], done.outcomes)
    assert done.total["rejected"] == 0 and done.total["rows"] == sum(one.rows for one in Logs([log]).accounts)


def test_files_of_whole_runs_are_not_shuffled(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    simulate(tmp_path / "log", 400, files=3)
    words: list[str] = []
    done = extracted(files_of(tmp_path / "log"), tmp_path / "f", size=1000, say=words.append)
    # A file larger than a partition is cut; of a size that fits, it is not.
    assert done.plan.spread == 0 and done.plan.moved > 0 and "shuffle: 0 runs" in " ".join(words)
    same_rows(tmp_path / "f", [tmp_path / "log"], done.outcomes)
    words.clear()
    done = extracted(files_of(tmp_path / "log"), tmp_path / "g", size=100_000, say=words.append)
    assert done.plan.moved == 0 and len(done.entries) == 3 and "no shuffle: every run lies in one file" in words


def test_parquet_and_packed_files_give_the_same_rows(tmp_path: Path) -> None:
    for name, form in (("one", "csv"), ("two", "parquet")):
        (tmp_path / name).mkdir()
        simulate(tmp_path / name, 500, files=2, form=form, spread=0.5)
    for path in sorted((tmp_path / "one").glob("turns-*.csv")):
        with path.open("rb") as plain, gzip.open(f"{path}.gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
    for number, (name, form) in enumerate((("one", "csv"), ("two", "parquet"))):
        done = extracted(files_of(tmp_path / name, form), tmp_path / f"f{number}", size=20_000)
        assert not done.errors
        same_rows(
            tmp_path / f"f{number}",
            [Path(place) for place in map(str, (tmp_path / name).iterdir()) if not place.endswith(".gz")],
            done.outcomes,
        )
    packed = [str(tmp_path / "one" / "turns-*.csv.gz"), *files_of(tmp_path / "one")[1:]]
    extracted(packed, tmp_path / "f2", size=20_000)
    rows = [
        table_in(Folder(str(tmp_path / f)), entries_of(Folder(str(tmp_path / f))), {})[0] for f in ("f0", "f1", "f2")
    ]
    for other in rows[1:]:
        assert (rows[0].x.view(np.int64) == other.x.view(np.int64)).all()


def test_labels_from_outcomes_need_the_whole_log(tmp_path: Path) -> None:
    """An outcome labels a run only where its task and model have no other run, wherever that one lies."""
    rows = [("a", "t1"), ("b", "t1"), ("c", "t2"), ("d", "t3")]
    for number, (run, task) in enumerate(rows):
        (tmp_path / f"turns-{number}.csv").write_text(f"run_id,turn,action,observation\n{run},1,ls,x\n")
        (tmp_path / f"runs-{number}.csv").write_text(f"run_id,task_id,weak_model\n{run},{task},small\n")
    (tmp_path / "outcomes.csv").write_text("task_id,model,resolved,cost_usd\nt1,small,1,.5\nt2,small,0,.25\n")
    extracted([str(tmp_path)], tmp_path / "f", size=1)
    table, _ = table_in(Folder(str(tmp_path / "f")), entries_of(Folder(str(tmp_path / "f"))), {})
    labels = table.meta[table.meta["at_end"] == 1].set_index("run_id")["y_weak"].to_dict()
    assert len(entries_of(Folder(str(tmp_path / "f")))) == 4
    assert np.isnan([labels["a"], labels["b"], labels["d"]]).all() and labels["c"] == 0


def test_runs_rows_written_again_count_as_on_one_machine(tmp_path: Path) -> None:
    """A host writes a run's row again after more turns; rows without turns, routed ones, and copies of a file, too."""
    log = tmp_path / "log"
    log.mkdir()
    turns = [f"r{run},{turn},act {turn},seen {run}" for run in range(6) for turn in range(1, run + 2)]
    (log / "turns-1.csv").write_text("run_id,turn,action,observation\n" + "\n".join(turns) + "\n")
    (log / "turns-2.csv").write_text("run_id,turn,action,observation\n" + "\n".join(turns[::2]) + "\n")
    head = "run_id,task_id,weak_model,y_weak,cost_weak_usd,strong_model,y_strong,route,propensity,route_turn,turns\n"
    one = [f"r{n},t{n // 2},small,,,{STRONG},,,,,1" for n in range(8)]
    two = [f"r{n},t{n // 2},,{n % 2},.5,{STRONG},1,{'strong' if n == 2 else ''},.5,1,3" for n in range(5)]
    (log / "runs-1.csv").write_text(head + "\n".join(one) + "\n")
    (log / "runs-2.csv").write_text(head + "\n".join(two) + "\n")
    (log / "outcomes.csv").write_text(
        "task_id,model,resolved\n" + "".join(f"t{n},{m},1\n" for n in range(4) for m in (STRONG, "small"))
    )
    done = extracted([str(log)], tmp_path / "f", size=50)
    assert not done.errors and done.total["rejected"] == 0 and done.total["duplicates"] == len(turns[::2]) + 5
    same_rows(tmp_path / "f", [log], done.outcomes)


@settings(max_examples=25, deadline=None)
@given(
    where=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), min_size=1, max_size=40),
    size=st.integers(1, 400),
    turnless=st.integers(0, 3),
)
def test_every_run_has_one_partition(
    tmp_path_factory: pytest.TempPathFactory, where: list[tuple[int, int]], size: int, turnless: int
) -> None:
    """However the turns of runs lie in files, each run is in one partition, and what does not have to move stays."""
    log = tmp_path_factory.mktemp("log")
    rows: dict[int, list[str]] = {}
    for turn, (run, file) in enumerate(where, 1):
        rows.setdefault(file, []).append(f"r{run},{turn},a,o")
    for file, lines in rows.items():
        (log / f"turns-{file}.csv").write_text("run_id,turn,action,observation\n" + "\n".join(lines) + "\n")
    names = sorted({f"r{run}" for run, _ in where} | {f"none{n}" for n in range(turnless)})
    (log / "runs.csv").write_text("run_id,task_id\n" + "".join(f"{name},t\n" for name in names))
    files = found([str(log)])
    cut = plan(files, [scanned(file.url) for file in files], size=size)
    moved = {
        int(run): int(to)
        for move in cut.moves
        if move.form == "turns"
        for run, to in zip(move.runs, move.to, strict=True)
    }
    for run in {run for run, _ in where}:
        inside = {file for one, file in where if one == run}
        stays = [
            p.number
            for p in cut.partitions
            for f in p.files
            if int(f.name[6]) in inside and hashed(f"r{run}") not in p.gone
        ]
        assert len({*stays, *([moved[hashed(f"r{run}")]] if hashed(f"r{run}") in moved else [])}) == 1
        assert (len(inside) > 1) <= (hashed(f"r{run}") in moved)
    runs = [int(run) for move in cut.moves if move.form == "runs" for run in move.runs]
    assert sorted(runs) == sorted(hashed(name) for name in names) and cut.runs == len(names)


def test_a_damaged_file_is_named_and_counted_and_the_rest_is_done(log: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(log, tmp_path / "log")
    (broken / "turns-9.parquet").write_bytes(b"PAR1 and no more")
    with open(broken / "turns-0001.csv", "a") as file:
        file.write("run-x,zwei,a,o\n")
    done = extracted([str(broken)], tmp_path / "f")
    assert [Path(name).name for name in done.errors] == ["turns-9.parquet"]
    assert "damaged parquet" in next(iter(done.errors.values())) and done.rejected == 2
    assert any("turns-0001.csv" in line for line in done.total["rejects"])
    whole = extracted(files_of(log), tmp_path / "g")
    assert done.rows == whole.rows


def test_work_goes_on_where_it_ended(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import featrouter.partitions.store as store

    real, calls = store.extract_partition, []

    def failing(task: Any, folder: Folder) -> Any:
        calls.append(task.key)
        if len(calls) in (2, 3):
            raise OSError("no room left")
        return real(task, folder)

    monkeypatch.setattr(store, "extract_partition", failing)
    first = extracted(files_of(log), tmp_path / "f", size=60_000)
    assert len(first.errors) == 2 and all("no room left" in words for words in first.errors.values())
    before = {entry["file"]: (tmp_path / "f" / entry["file"]).stat().st_mtime_ns for entry in first.entries}
    calls[:] = ["not", "the", "second"]
    again = extracted(files_of(log), tmp_path / "f", size=60_000)
    assert again.kept == len(before) and len(calls) == 3 + 2 and not again.errors
    assert all((tmp_path / "f" / name).stat().st_mtime_ns == stamp for name, stamp in before.items())
    same_rows(tmp_path / "f", [log], again.outcomes)
    assert again.total["rows"] == extracted(files_of(log), tmp_path / "g").total["rows"]
    assert sorted(path.name[:5] for path in (tmp_path / "f").iterdir()) == [
        "_mani",
        "_outc",
        *["part-"] * len(again.entries),
    ]


def test_a_changed_partition_is_extracted_again(log: Path, tmp_path: Path) -> None:
    own = shutil.copytree(log, tmp_path / "log")
    first = extracted(files_of(own), tmp_path / "f", size=60_000)
    broken = tmp_path / "f" / first.entries[0]["file"]
    broken.write_bytes(broken.read_bytes()[:-100])  # the disk lost some of it
    again = extracted(files_of(own), tmp_path / "f", size=60_000)
    assert again.kept == len(first.entries) - 1
    rows = rows_in(own / "runs-0000.csv")
    with open(own / "runs-0000.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"harness": "another"} for row in rows)
    last = extracted(files_of(own), tmp_path / "f", size=60_000)
    assert not last.errors
    same_rows(tmp_path / "f", [own], last.outcomes)


def test_rows_of_other_logs_are_not_thrown_away(log: Path, tmp_path: Path) -> None:
    extracted(files_of(log), tmp_path / "f")
    (tmp_path / "log").mkdir()
    simulate(tmp_path / "log", 50, files=1)
    with pytest.raises(LogError, match="holds the rows of other logs"):
        extracted(files_of(tmp_path / "log"), tmp_path / "f")


def rows_in(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def weeks(tmp_path: Path, change: Callable[[list[dict[str, str]], list[dict[str, str]]], None]) -> tuple[Path, Path]:
    """Two folders: a log, and what came in the week after."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    simulate(tmp_path / "old", 300, files=2)
    few = {f"run-{number:08}" for number in range(8)}
    turns, runs = (
        [
            row
            for path in sorted((tmp_path / "old").glob(f"{form}-*.csv"))
            for row in rows_in(path)
            if row["run_id"] in few
        ]
        for form in ("turns", "runs")
    )
    change(turns, runs)
    for form, rows in (("turns", turns), ("runs", runs)):
        with open(tmp_path / "new" / f"{form}-new.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return tmp_path / "old", tmp_path / "new"


def test_only_new_and_changed_runs_are_extracted(tmp_path: Path) -> None:
    def change(turns: list[dict[str, str]], runs: list[dict[str, str]]) -> None:
        last = max((row for row in turns if row["run_id"] == "run-00000001"), key=lambda row: int(row["turn"]))
        turns.append(last | {"turn": str(int(last["turn"]) + 1), "action": "pytest"})
        runs[:] = [
            row | {"y_weak": str(1 - int(row["y_weak"] or 0))} if row["run_id"] == "run-00000003" else row
            for row in runs
        ]
        turns += [row | {"run_id": "run-new"} for row in turns if row["run_id"] == "run-00000002"]
        runs.append(runs[1] | {"run_id": "run-new", "task_id": "task-new"})

    old, new = weeks(tmp_path, change)
    first = extracted(files_of(old), tmp_path / "f")
    words: list[str] = []
    done = extracted([str(new)], tmp_path / "f", since=True, say=words.append)
    assert "1 new runs, 2 changed, 6 there already" in words and done.runs == 3
    store = Folder(str(tmp_path / "f"))
    table, _ = table_in(store, entries_of(store), {})
    assert table.meta["run_id"].nunique() == first.runs + 1
    alone = table_of(Logs([new])).meta.set_index("run_id")
    ends = table.meta[table.meta["at_end"] == 1].set_index("run_id")
    for run in ("run-00000001", "run-00000003", "run-new"):
        theirs = alone.loc[[run]]
        assert ends.loc[run, "k"] == theirs["k"].max() and ends.loc[run, "y_weak"] == theirs["y_weak"].iloc[0]
    again = extracted([str(new)], tmp_path / "f", since=True)
    assert again.rows == 0 and table_in(store, entries_of(store), {})[0].meta.equals(table.meta)
    names = {path.name for path in (tmp_path / "f").glob("part-*")}
    assert names == {entry["file"] for entry in entries_of(store)}  # what was replaced is gone


def test_a_run_of_which_only_later_turns_are_given_stays_as_it_is(tmp_path: Path) -> None:
    def change(turns: list[dict[str, str]], runs: list[dict[str, str]]) -> None:
        last = max((row for row in turns if row["run_id"] == "run-00000001"), key=lambda row: int(row["turn"]))
        turns[:] = [last | {"turn": str(int(last["turn"]) + 1)}]
        runs[:] = [row | {"y_weak": "0" if row["y_weak"] == "1" else "1"} for row in runs[:3]]

    old, new = weeks(tmp_path, change)
    extracted(files_of(old), tmp_path / "f")
    store = Folder(str(tmp_path / "f"))
    before, _ = table_in(store, entries_of(store), {})
    words: list[str] = []
    done = extracted([str(new)], tmp_path / "f", since=True, say=words.append)
    after, _ = table_in(store, entries_of(store), {})
    assert done.rows == 0 and after.meta.equals(before.meta)
    assert any("have gone on or got a label, but not all of their turns" in line for line in words)


def test_the_manifest_tells_what_a_folder_holds(log: Path, tmp_path: Path) -> None:
    import hashlib

    done = extracted(files_of(log), tmp_path / "f")
    told = json.loads((tmp_path / "f" / "_manifest.json").read_text())
    for entry in told["partitions"]:
        assert hashlib.sha256((tmp_path / "f" / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert sum(entry["rows"] for entry in told["partitions"]) == done.rows
    told["catalogue"] = "another"
    (tmp_path / "f" / "_manifest.json").write_text(json.dumps(told))
    with pytest.raises(LogError, match="another catalogue"):
        extracted(files_of(log), tmp_path / "f")


def test_one_machine_reads_a_folder_of_partitions_as_features(log: Path, tmp_path: Path) -> None:
    done = extracted(files_of(log), tmp_path / "f", size=60_000)
    table = table_of(Logs([tmp_path / "f"]))
    assert len(done.entries) > 2 and not set(LOGGED) & set(table.meta)
    same = same_rows(tmp_path / "f", [log], done.outcomes)
    assert (same.x.view(np.int64) == table.x.view(np.int64)).all() and same.meta.astype(str).equals(
        table.meta.astype(str)
    )


def test_urls_are_read_and_written(log: Path, tmp_path: Path) -> None:
    """A file system without folders or renames: what object storage is like. That of memory is one process's own."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for path in log.iterdir():
        memory.pipe_file(f"/bucket/log/{path.name}", path.read_bytes())
    done = extract(["memory://bucket/log/*.csv"], Folder("memory://bucket/features"), Here(), size=60_000)
    assert not done.errors and done.plan.moved
    store = Folder("memory://bucket/features")
    here, (there, _) = table_of(Logs([log])), table_in(store, entries_of(store), {})
    assert (here.x.view(np.int64) == there.x.view(np.int64)).all()
    again = extract(["memory://bucket/log"], Folder("memory://bucket/features"), Here(), size=60_000)
    assert again.kept == len(done.entries) and not memory.exists("/bucket/features/_work")


@pytest.mark.parametrize(
    ("place", "words"),
    [("nowhere", "cannot be read"), ("none-*.csv", "holds no log file"), ("ftq://x/y.csv", "ftq")],
)
def test_a_place_that_cannot_be_read_is_named(
    place: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LogError, match=words):
        extracted([place], tmp_path / "f")


def test_a_file_in_the_place_of_the_folder_is_left_alone(log: Path, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine")
    with pytest.raises(LogError, match="is a file; give a folder"):
        extracted(files_of(log), tmp_path / "f")
    assert (tmp_path / "f").read_text() == "mine"


def test_a_sample_takes_the_same_runs_each_time(log: Path, tmp_path: Path) -> None:
    extracted(files_of(log), tmp_path / "f", size=60_000)
    store = Folder(str(tmp_path / "f"))
    whole, _ = table_in(store, entries_of(store), {})
    half, _ = table_in(store, entries_of(store), {}, sample=0.5)
    less, _ = table_in(store, entries_of(store), {}, sample=0.25)
    runs = [set(table.meta["run_id"]) for table in (whole, half, less)]
    assert runs[2] < runs[1] < runs[0] and 0.3 < len(runs[1]) / len(runs[0]) < 0.7
    same = whole.where(whole.meta["run_id"].isin(runs[1]).to_numpy())
    assert (same.x.view(np.int64) == half.x.view(np.int64)).all() and same.meta.equals(half.meta)
    with pytest.raises(LogError, match="of a sample of 1e-09"):
        table_in(store, entries_of(store), {}, sample=1e-9)


def test_outcomes_of_weeks_before_are_kept(tmp_path: Path) -> None:
    """A run's label and the strong model's side may come before the run, or stay behind in last week's file."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, run in ((first, "a"), (second, "b")):
        folder.mkdir()
        (folder / "turns.csv").write_text(f"run_id,turn,action,observation\n{run},1,ls,x\n")
        (folder / "runs.csv").write_text(f"run_id,task_id,weak_model\n{run},task-{run},small\n")
    (first / "outcomes.csv").write_text("task_id,model,resolved\ntask-a,large,1\ntask-b,large,0\ntask-b,small,1\n")
    extracted([str(first)], tmp_path / "f", since=True)
    done = extracted([str(second)], tmp_path / "f", since=True)
    third = tmp_path / "third"  # of the task and model of a run that is there: an outcome is of one of them
    third.mkdir()
    (third / "turns.csv").write_text("run_id,turn,action,observation\nc,1,ls,x\n")
    (third / "runs.csv").write_text("run_id,task_id,weak_model\nc,task-b,small\n")
    extracted([str(third)], tmp_path / "f", since=True)
    store = Folder(str(tmp_path / "f"))
    table, told = table_in(store, entries_of(store), done.outcomes)
    ends = pair(table, told, None, "large").meta.groupby("run_id").last()
    assert ends["y_strong"].to_dict() == {"a": 1, "b": 0, "c": 0} and ends["y_weak"].to_dict()["b"] == 1
    assert np.isnan(ends["y_weak"].to_dict()["c"])
    alone = Logs([tmp_path / "f"])  # one machine finds them in the folder, too
    assert pair(table_of(alone), alone, None, "large").meta["y_strong"].notna().all()
