"""What is paid once: the start of a process, extraction, training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from featrouter.bench.clock import Line
from featrouter.logs import Logs
from featrouter.trajectory import Trajectory

#: Linux hands a parent's peak on to its children in getrusage; its own the kernel tells in /proc.
_CHILD = """
import sys, time
start = time.perf_counter()
{work}
seconds = time.perf_counter() - start
import json, resource
try:
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
except (OSError, StopIteration):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, peak / 1024, sorted(sys.modules)]))
"""
_DECIDES = """
from featrouter import Router
Router.load().session("the parser fails").decide()
"""
_EXTRACTS = """
from featrouter.logs import Logs
from featrouter.training.rows import run_rows
for _ in range({times}):
    for run, trajectory in Logs({paths!r}).trajectories():
        run_rows(run, trajectory)
"""
#: What a process that only routes never loads.
HEAVY = ("tree_sitter", "re2", "pandas", "sklearn", "scipy", "lightgbm", "joblib", "click")
MOST_RUNS = 800


def starting(starts: int = 5) -> Iterator[Line]:
    """Import, load the shipped default, decide once, each time in a new process; beside numpy and LightGBM alone.

    A first start, which is not counted, compiles the modules: every later process finds them compiled.
    """
    for what, work in (
        ("import featrouter, Router.load(), a decision", _DECIDES),
        ("import numpy alone", "import numpy"),
        ("import lightgbm alone", "import lightgbm"),
    ):
        _child(work)
        found = [_child(work) for _ in range(starts)]
        if work is _DECIDES and (loaded := sorted(set(HEAVY) & found[0][2])):
            raise ValueError(f"deciding loaded {', '.join(loaded)}")
        taken = np.array([seconds for seconds, _, _ in found]) * 1e3
        yield Line("start", what, float(np.median(taken)), float(taken.max()), "ms")
        yield Line("start", f"memory after it: {what}", float(np.median([mib for _, mib, _ in found])), unit="MiB")


def _child(work: str) -> tuple[float, float, set[str]]:
    """Seconds, peak memory in MiB and top modules of some Python in a process of its own."""
    keeping = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", _CHILD.format(work=work)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=keeping)
    seconds, memory, modules = json.loads(told.stdout)
    return seconds, memory, {name.partition(".")[0] for name in modules}


def extracting(logs: Sequence[Path]) -> Iterator[Line]:
    """Feature rows of whole logs: characters of text a second on one core and on two, and memory as the log grows."""
    from featrouter.training.table import table_of

    text = sum(_size(trajectory) for _, trajectory in Logs(logs).trajectories())
    seconds = {}
    for jobs in (1, 2):
        start = perf_counter()
        table = table_of(Logs(logs), jobs=jobs)
        seconds[jobs] = perf_counter() - start
        what = f"extraction, reading of the log included, {len(table)} rows, {jobs} core{'s'[: jobs - 1]}"
        yield Line("training", what, text / 1e6 / seconds[jobs], unit="MB/s")
    yield Line("training", "extraction on two cores against one", seconds[1] / seconds[2], unit="times")
    paths = [str(path) for path in logs]
    for times in (1, 3):
        memory = _child(_EXTRACTS.format(times=times, paths=paths))[1]
        yield Line(
            "training", f"peak memory, extracting the log {times} time{'s'[: times - 1]} over", memory, unit="MiB"
        )


def _size(trajectory: Trajectory) -> int:
    return sum(
        len(turn.thought) + sum(len(call.action) + len(call.observation) for call in turn.each_call())
        for turn in trajectory
    )


def training(logs: Sequence[Path], strong: str, note: Callable[[str], None]) -> Iterator[Line]:
    """`featrouter train` with its defaults on up to 800 runs, all prefixes; features extracted beforehand."""
    from featrouter.training.bundling import train
    from featrouter.training.panel import join_panel
    from featrouter.training.table import join_strong, table_of

    read = Logs(logs)
    table = table_of(read, jobs=2)
    known = table.meta["run_id"][table.meta["y_weak"].notna()].unique()
    kept = np.random.default_rng(0).permutation(known)[:MOST_RUNS]
    table = table.where(table.meta["run_id"].isin(kept).to_numpy())
    table = join_panel(join_strong(table, read, strong), read.outcomes, strong)
    start = perf_counter()
    train(table, strong=strong, progress=note)
    yield Line("training", f"train on {len(kept)} runs, {len(table)} rows", perf_counter() - start, unit="s")
