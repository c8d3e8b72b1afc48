"""What work beyond one machine costs here: `python -m tests.scaling [TURNS ...]` prints the tables of data/scaling.md.

Extraction by 1 and 2 workers of simulated logs, in one run each; how it grows with turns; forests; a shuffle; out of core;
decisions.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from featrouter import Router
from featrouter.cluster.engine import Cluster, cluster
from featrouter.cluster.matrix import Matrix, Pieces
from featrouter.logs import Logs
from featrouter.partitions.folder import Folder
from featrouter.partitions.reading import known, table_of
from featrouter.partitions.store import Extracted, entries_of, extract
from featrouter.training.fit import PARAMS, one_of_each
from featrouter.training.spread import boosted, here
from tests.scaling.simulated import RECORDED, files_of, simulate

MB = 1e6


def peak() -> float:
    """The most memory that this process has taken, MB. (What getrusage tells begins with that of who started it.)"""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / MB


def once(
    logs: list[str],
    workers: int,
    room: Path,
    memory: int = 2 * 10**9,
    then: Callable[[Cluster, Folder], None] = lambda found, folder: None,
) -> tuple[Extracted, float, float]:
    """An extraction by so many workers: what came of it, its seconds, and the most memory of a worker, MB."""
    with cluster(workers=workers, memory=memory) as found, tempfile.TemporaryDirectory(dir=room) as out:
        warm(found)
        began = time.monotonic()
        done = extract(logs, Folder(f"{out}/features"), found)
        seconds = time.monotonic() - began
        most = max(found.client.run(peak).values())
        then(found, Folder(f"{out}/features"))
    return done, seconds, most


class Forests:
    """Seconds of one forest of 80 trees, of one row of each run: by lightgbm alone, and by workers that hold the rows."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, found: Cluster, folder: Folder) -> None:
        entries, workers = entries_of(folder), len(found.client.scheduler_info()["workers"])
        far, _ = table_of(
            folder, entries, {}, lambda rows, names: Matrix(Pieces(found, folder, entries, names), rows, len(names))
        )
        seen = one_of_each(far.meta["run_id"].to_numpy(), 0)
        y = np.nan_to_num(far.meta["y_weak"].to_numpy(np.float64))[seen]
        params = PARAMS | {"objective": "binary", "seed": 0}
        rows = np.ascontiguousarray(here(far.x[seen]))  # and so they are with the workers
        began = time.monotonic()
        boosted(rows, y, None, params, 80)
        alone = time.monotonic() - began
        began = time.monotonic()
        boosted(far.x[seen], y, None, params, 80)
        spread = time.monotonic() - began
        self.lines.append(
            f"| {len(far):,} | {len(seen):,} | {workers} | {alone:.1f} | {spread:.1f} | {spread / alone:.2f} |"
        )

    def print(self) -> None:
        print("## A forest, of one row of each run\n")
        print("| rows | runs | workers | lightgbm, seconds | lightgbm.dask, seconds | ratio |")
        print("|---|---|---|---|---|---|")
        print("\n".join(self.lines), "\n", flush=True)


def warm(found: Cluster) -> None:
    """Imports what workers need: a job of hours does that once, too."""
    found.client.run(_imports)


def _imports() -> None:
    import featrouter.families
    import featrouter.partitions.extraction
    import featrouter.partitions.moving

    assert featrouter.families and featrouter.partitions.extraction and featrouter.partitions.moving


def growth(sizes: list[int], room: Path) -> None:
    print("## Extraction, and how it grows\n")
    print("| turns | MB | workers | turns/s | MB/s | seconds | efficiency | MB a worker, most |")
    print("|---|---|---|---|---|---|---|---|")
    forests = Forests()
    points: dict[int, list[tuple[int, float]]] = {1: [], 2: []}
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=room) as name:
            folder = Path(name)
            turns = simulate(folder, size)
            alone = 0.0
            for workers in (1, 2):
                done, seconds, most = once(files_of(folder), workers, room, then=forests)
                alone = alone or seconds
                points[workers].append((turns, seconds))
                rate, size_mb = turns / seconds, done.plan.bytes / MB
                share = alone / seconds / workers
                print(
                    f"| {turns:,} | {size_mb:,.0f} | {workers} | {rate:,.0f} | {size_mb / seconds:.1f} | {seconds:.1f} "
                    f"| {share:.2f} | {most:,.0f} |",
                    flush=True,
                )
    for workers, pairs in points.items():
        if len(pairs) > 1:
            x, y = np.log(np.array(pairs)).T
            slope = np.polyfit(x, y, 1)[0]
            print(f"\nseconds grow with turns to the power of {slope:.2f} at {workers} workers", end="")
    print("\n")
    forests.print()


def held(meta: pd.DataFrame) -> int:
    """Bytes of a frame whose cells may share their names."""
    columns = [meta[name].to_numpy() for name in meta]
    names = {id(cell): cell for column in columns if column.dtype == object for cell in column}
    return sum(column.nbytes for column in columns) + sum(map(sys.getsizeof, names.values()))


def remains(turns: int, room: Path) -> None:
    print("## What the machine that trains holds, where features stay with the workers\n")
    with tempfile.TemporaryDirectory(dir=room) as name:
        simulate(Path(name), turns)
        folder = Folder(f"{name}/features")
        with cluster(workers=2) as found:
            done = extract(files_of(Path(name)), folder, found)
        meta, size = (
            known(folder, done.entries),
            sum(path.stat().st_size for path in (Path(name) / "features").glob("part-*")),
        )
        rows = len(meta)
    print("| turns | rows a turn | bytes a row in memory | bytes a row in the folder |")
    print("|---|---|---|---|")
    print(f"| {turns:,} | {rows / turns:.2f} | {held(meta) / rows:.0f} | {size / rows:.0f} |\n", flush=True)


def shuffles(turns: int, room: Path) -> None:
    print(f"## What moving rows costs: {turns:,} turns, 2 workers\n")
    print("| runs in two files | form | MB moved | seconds to look | to move | to extract |")
    print("|---|---|---|---|---|---|")
    for spread, form in ((0.0, "csv"), (0.1, "csv"), (1.0, "csv"), (0.0, "parquet"), (1.0, "parquet")):
        with tempfile.TemporaryDirectory(dir=room) as name:
            simulate(Path(name), turns, spread=spread, form=form)
            done, _, _ = once(files_of(Path(name), form), 2, room)
            laps = " | ".join(f"{done.seconds[lap]:.1f}" for lap in ("looking", "moving", "extracting"))
            print(f"| {spread:.0%} | {form} | {done.plan.moved / MB:.0f} | {laps} |", flush=True)
    print()


def out_of_core(memory: int, times: float, room: Path) -> None:
    print("## Out of core: a log ten times the memory of the one worker\n")
    print("| log, MB | files | --memory, MB | worker, most MB | this process, most MB | seconds | rows |")
    print("|---|---|---|---|---|---|---|")
    pad = 20_000
    with tempfile.TemporaryDirectory(dir=room) as name:
        simulate(Path(name), int(times * memory / (pad + 600)), files=2, pad=pad)
        size = sum(file.stat().st_size for file in Path(name).iterdir())
        done, seconds, most = once(files_of(Path(name)), 1, room, memory)
        assert not done.errors, done.errors
        print(
            f"| {size / MB:,.0f} | 2 | {memory / MB:.0f} | {most:.0f} | {peak():.0f} | {seconds:.0f} | {done.rows:,} |\n",
            flush=True,
        )


def decisions(seconds: float = 3.0) -> None:
    print("## Decisions: each turn observed and decided, in processes that share nothing; best of five\n")
    print("| processes | decisions/s | each, us | efficiency |")
    print("|---|---|---|---|")
    alone = 0.0
    for processes in (1, 2):
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            pool.map(routed, [0.2] * processes, chunksize=1)  # imports, and a bundle that is read
            rate = max(sum(pool.map(routed, [seconds] * processes, chunksize=1)) for _ in range(5))
        alone = alone or rate
        print(
            f"| {processes} | {rate:,.0f} | {1e6 * processes / rate:,.0f} | {rate / alone / processes:.2f} |",
            flush=True,
        )
    print()


def routed(seconds: float) -> float:
    """Decisions a second of recorded runs by the shipped default."""
    router = Router.load(harness="mini-swe-agent")
    runs = [trajectory for _, trajectory in Logs([RECORDED]).trajectories()]
    began, n = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for trajectory in runs:
            session = router.session(trajectory.task)
            for turn in trajectory:
                session.observe(turn)
                session.decide()
            n += len(trajectory)
    return n / (time.perf_counter() - began)


def main(sizes: list[int]) -> None:
    print(f"<!-- Generated: python -m tests.scaling {' '.join(map(str, sizes))} -->\n\n# Beyond one machine\n")
    versions = ", ".join(f"{name} {version(name)}" for name in ("dask", "distributed", "lightgbm", "pyarrow", "numpy"))
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {versions}. Logs are simulated: runs drawn from")
    print(
        "data/recorded, under names of their own. Workers are processes of this machine, of one thread each; they have"
    )
    print("imported what they need before the clock starts.\n", flush=True)
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        out_of_core(400 * 10**6, 10.2, room)  # first: this process's own memory is told, too
        growth(sizes, room)
        remains(min(sizes), room)
        shuffles(min(sizes), room)
    decisions()


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [100_000, 1_000_000])
