"""A real cluster of two worker processes: the rows of one machine, its bundle format, and workers killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from clock import wait_until

pytest.importorskip("distributed")

from featrouter import Bundle, Router, Turn
from featrouter.cli import main
from featrouter.cluster.engine import Cluster, ClusterError, cluster
from featrouter.cluster.matrix import Matrix, Pieces
from featrouter.evaluation.evaluate import evaluate
from featrouter.logs import Logs
from featrouter.partitions.folder import Folder
from featrouter.partitions.reading import Told
from featrouter.partitions.reading import table_of as table_in
from featrouter.partitions.store import entries_of, extract
from featrouter.training.bundling import train
from featrouter.training.fit import PARAMS, one_of_each
from featrouter.training.learn import Settings
from featrouter.training.pair import pair
from featrouter.training.references import ranked, references_of
from featrouter.training.spread import boosted, here, scores_of
from featrouter.training.table import Table, table_of
from tests.scaling.simulated import files_of, simulate

STRONG = "scripted-strong"
MEMORY = 10**9


@pytest.fixture(scope="module")
def two() -> Iterator[Cluster]:
    with cluster(workers=2, memory=MEMORY) as found:
        yield found


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    simulate(folder, 3000, files=6, spread=0.2)
    return folder


@pytest.fixture(scope="module")
def store(two: Cluster, log: Path, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(str(tmp_path_factory.mktemp("rows") / "features"))
    done = extract(files_of(log), folder, two, size=300_000)
    assert not done.errors and len(done.entries) >= 4
    return folder


def spread(two: Cluster, store: Folder) -> tuple[Table, Any]:
    entries = entries_of(store)
    return table_in(
        store, entries, {}, lambda rows, names: Matrix(Pieces(two, store, entries, names), rows, len(names))
    )


def same_references(some: Any, others: Any) -> None:
    assert some.keys() == others.keys()
    for name, one in some.items():
        assert np.array_equal(one.quantiles, others[name].quantiles, equal_nan=True) and one.limit == others[name].limit


def kill_one(found: Cluster, after: float) -> Future[float]:
    """Kills a worker process a while from now, as a machine that is lost would go: the moment at which it was killed."""

    def kill() -> float:
        time.sleep(after)
        os.kill(min(found.client.run(os.getpid).values()), signal.SIGKILL)
        return time.monotonic()

    threads = ThreadPoolExecutor(1)
    killing = threads.submit(kill)
    threads.shutdown(wait=False)
    return killing


def test_workers_extract_the_rows_of_one_machine(log: Path, store: Folder) -> None:
    one, (two, _) = table_of(Logs([log])), table_in(store, entries_of(store), {})
    assert (one.x.view(np.int64) == two.x.view(np.int64)).all()
    pd.testing.assert_frame_equal(one.meta, two.meta, check_exact=True, check_dtype=False)


def test_features_that_stay_with_workers_answer_as_an_array_does(
    two: Cluster, store: Folder, recorded_bundle: Bundle
) -> None:
    far, _ = spread(two, store)
    near, _ = table_in(store, entries_of(store), {})
    rows = (near.meta["k"] == 2).to_numpy()
    assert np.array_equal(here(far.x[rows]), near.x[rows], equal_nan=True)
    assert np.array_equal(far.x[:, 3], near.x[:, 3], equal_nan=True)
    assert np.array_equal(here(far.x[:, [5, 1]][rows]), near.x[:, [5, 1]][rows], equal_nan=True)
    references = references_of(near)
    same_references(references_of(far), references)
    there, mine = ranked(far, references), ranked(near, references)
    assert np.array_equal(here(there.x[rows]), mine.x[rows], equal_nan=True)
    heads, width = list(recorded_bundle.heads.values()), len(recorded_bundle.features)
    assert np.array_equal(scores_of(heads, far.x[:, np.arange(width)]), scores_of(heads, near.x[:, :width]))


def test_a_forest_of_two_workers_is_about_that_of_one_machine(two: Cluster, store: Folder) -> None:
    """Bins and bagging differ by where the rows lie; of a single partition the trees are the same."""
    far, _ = spread(two, store)
    near, _ = table_in(store, entries_of(store), {})
    y = np.nan_to_num(near.meta["y_weak"].to_numpy())
    seen = one_of_each(near.meta["run_id"].to_numpy(), 0)
    params = PARAMS | {"objective": "binary", "seed": 0}
    weight = np.linspace(0.5, 2, len(seen))
    one, other = (boosted(table.x[seen], y[seen], weight, params, 60) for table in (near, far))
    assert other.num_trees() == one.num_trees() == 60
    assert np.corrcoef(one.predict(near.x, raw_score=True), other.predict(near.x, raw_score=True))[0, 1] > 0.9
    first = entries_of(store)[0]["rows"]
    where = np.arange(first)
    pieces = Pieces(two, store, entries_of(store), near.names)
    alone = Matrix(pieces, where, len(near.names))
    labels = (np.arange(first) % 3 == 0).astype(float)
    same = [boosted(x, labels, None, params, 20) for x in (here(alone), alone)]
    assert same[0].dump_model()["tree_info"] == same[1].dump_model()["tree_info"]


@pytest.mark.campaign
def test_a_bundle_learned_by_workers_serves_like_any(two: Cluster, store: Folder, tmp_path: Path) -> None:
    far, told = spread(two, store)
    near, _ = table_in(store, entries_of(store), {})
    settings = Settings(head="lightgbm", panel=False)
    bundles = [train(pair(table, told, None, None), strong=None, settings=settings) for table in (near, far)]
    for number, bundle in enumerate(bundles):
        bundle.save(tmp_path / f"{number}.featrouter")
    one, other = (Bundle.load(tmp_path / f"{number}.featrouter") for number in range(2))
    assert one.features == other.features and one.heads.keys() == other.heads.keys() and one.costs == other.costs
    same_references(one.references, other.references)
    areas = [bundle.metrics["r1"]["auroc"] for bundle in (one, other)]
    low, high = one.metrics["r1"]["auroc_ci"]
    assert low <= areas[1] <= high
    session = Router(other, harness=next(iter(other.references))).session("fix the bug")
    session.observe(Turn(action="ls", observation="x"))
    assert 0 <= session.decide().r1 <= 1


def test_a_worker_killed_while_it_extracts_costs_nothing(
    two: Cluster, log: Path, store: Folder, tmp_path: Path
) -> None:
    before = two.workers()
    folder = Folder(str(tmp_path / "f"))
    killing = kill_one(two, 0.4)
    done = extract(files_of(log), folder, two, size=100_000)
    killing.result()
    wait_until(lambda: two.workers() != before)
    assert not done.errors
    one, (again, _) = table_of(Logs([log])), table_in(folder, entries_of(folder), {})
    assert (one.x.view(np.int64) == again.x.view(np.int64)).all()


def test_a_worker_killed_while_it_trains_begins_the_forest_again(two: Cluster, store: Folder) -> None:
    far, _ = spread(two, store)
    y = np.nan_to_num(far.meta["y_weak"].to_numpy())
    params = PARAMS | {"objective": "binary", "seed": 0}
    boosted(far.x, y, None, params, 5)  # both hold their rows now
    began = time.monotonic()
    boosted(far.x, y, None, params, 300)
    before, fifth = two.workers(), time.monotonic() - began
    killing = kill_one(two, 0.7 * fifth)
    booster = boosted(far.x, y, None, params, 1500)
    ended = time.monotonic()
    assert killing.result() < ended
    wait_until(lambda: two.workers() != before)
    assert booster.num_trees() == 1500


def _deadly(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return number


def test_the_verbs_work_on_a_cluster_that_runs(two: Cluster, log: Path, tmp_path: Path) -> None:
    address = two.client.scheduler.address
    out = tmp_path / "f"
    asked = ["extract", *files_of(log), "-o", str(out), "--scheduler", address, "--json"]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows"] == sum(entry["rows"] for entry in entries_of(Folder(str(out)))) and told["kept"] == 0
    assert "lie in several files" in done.stderr
    again = json.loads(CliRunner().invoke(main, asked).stdout)
    assert again["kept"] == again["partitions"] == told["partitions"]
    (log / "turns-9999.parquet").write_bytes(b"PAR1 broken")
    try:
        bad = CliRunner().invoke(main, [*asked[:1], *files_of(log), str(log / "turns-9999.parquet"), *asked[4:]])
        assert (
            bad.exit_code == 3 and "turns-9999.parquet" in bad.stderr and "only what is missing is done" in bad.stderr
        )
        allowed = CliRunner().invoke(
            main, [*asked[:1], *files_of(log), str(log / "turns-9999.parquet"), *asked[4:], "--max-rejects", "1"]
        )
        assert allowed.exit_code == 0 and json.loads(allowed.stdout)["rejected"] == 1
    finally:
        (log / "turns-9999.parquet").unlink()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--scheduler", "tcp://127.0.0.1:9"], 1, "no scheduler answers there"),
        (["--scheduler", "nonsense"], 1, "no scheduler answers there"),
        (["--workers", "2", "--scheduler", "tcp://x:1"], 2, "give either --workers"),
        (["--workers", "0"], 2, "0 is not in the range"),
        (["--workers", "1", "--memory", "lots"], 2, "is no size; write 500MB"),
        (["--workers", "1", "--memory", "5MB"], 2, "is too little"),
    ],
)
def test_a_cluster_that_cannot_be_had_is_told(
    options: list[str], code: int, words: str, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("featrouter.cluster.engine._SECONDS", 1)
    done = CliRunner().invoke(main, ["extract", *files_of(log), "-o", str(tmp_path / "f"), *options])
    assert done.exit_code == code and words in done.stderr, done.stderr


@pytest.mark.campaign
def test_an_evaluation_in_folds_of_a_single_partition_is_that_of_one_machine(two: Cluster, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    simulate(tmp_path / "log", 1400, files=1)
    folder = Folder(str(tmp_path / "f"))
    done = extract(files_of(tmp_path / "log"), folder, two, size=10**8)
    assert len(done.entries) == 1
    settings = Settings(head="lightgbm", panel=False)
    reports = []
    for table, told in (table_in(folder, done.entries, done.outcomes), spread(two, folder)):
        joined = pair(table, Told(done.outcomes, told.runs), None, STRONG)
        reports.append(
            evaluate(joined, weak="weak", strong=STRONG, settings=settings, splits=("mixed",), values=(10.0,), draws=50)
        )
    one, other = reports
    assert one == other
    assert one["splits"]["mixed"]["folds"][0]["calibrators"]["r1"] in ("none", "platt", "beta", "constant")
    assert "r1" in one["splits"]["mixed"]["folds"][0]["recipes"]


@pytest.mark.campaign
def test_a_training_whose_worker_is_killed_ends_and_goes_on_from_what_was_written(log: Path, tmp_path: Path) -> None:
    """The verb itself, in a process of its own: killed as a whole in the middle, then run again with a worker killed."""
    asked = [sys.executable, "-m", "featrouter", "train", *files_of(log), "--strong", STRONG, "--head", "lightgbm"]
    asked += ["--no-panel", "-o", str(tmp_path / "my.featrouter"), "--workers", "2"]
    folder = tmp_path / "my.featrouter.parquet"
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True) as first:
        wait_until(lambda: any(folder.glob("_work/[0-9a-f]*.json")))  # what stands beside a finished partition
        first.send_signal(signal.SIGKILL)
    written = {path.name for path in folder.glob("part-*.parquet")}
    assert written and not (tmp_path / "my.featrouter").exists()
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True) as second:
        lines = []
        for line in second.stderr or ():
            lines.append(line)
            if "r2; heads done" in line:
                os.kill(max(workers_of(second.pid)), signal.SIGKILL)
    told = "".join(lines)
    assert second.returncode == 0, told
    assert "partitions are there already" in told
    assert Bundle.load(tmp_path / "my.featrouter").provenance["runs"] > 100


def test_work_over_which_workers_die_is_given_up_and_the_rest_done() -> None:
    with cluster(workers=2, memory=MEMORY) as two:
        found = dict(two.each(_deadly, [(number,) for number in range(6)]))
    assert isinstance(found.pop(3), ClusterError) and found == {number: number for number in (0, 1, 2, 4, 5)}


def test_without_any_worker_left_the_work_ends_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featrouter.cluster.engine.WAIT", 1)
    with cluster(workers=1, memory=MEMORY) as one:
        one.client.cluster.scale(0)
        wait_until(lambda: not one.workers())
        with pytest.raises(ClusterError, match="no worker is left"):
            list(one.each(_deadly, [(1,)]))


def workers_of(parent: int) -> list[int]:
    """The processes that work for a process: those of its descendants that hold numpy."""
    import psutil

    def works(process: Any) -> bool:
        with suppress(psutil.Error):  # gone meanwhile
            return any("_multiarray_umath" in part.path for part in process.memory_maps())
        return False

    return [process.pid for process in psutil.Process(parent).children(recursive=True) if works(process)]
