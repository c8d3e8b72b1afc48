"""Turns a second of extraction, this checkout against another one, in turn in one run.

    git worktree add ../before 935fa4a
    python -m tests.bench.versus ../before ../shared/data/verified-openhands.*.csv.xz

Each run is a process of its own, which reads the logs and extracts their rows as `featrouter extract` does, on one core;
the CPU time of the process counts, its imports left out. The medians are printed, and the ratio pair by pair.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[2]
RUNS = 5
_WORK = """
import json, resource, sys, time
from featrouter.logs import Logs
from featrouter.training.rows import run_rows
began, turns = time.process_time(), 0
for run, trajectory in Logs(sys.argv[1:]).trajectories():
    run_rows(run, trajectory)
    turns += len(trajectory)
seconds = time.process_time() - began
print(json.dumps([turns, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def measured(checkout: Path, logs: list[str]) -> tuple[int, float, float]:
    """Turns, seconds of CPU and peak memory (MiB) of one extraction by the code of a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _WORK, *logs], env=environment, capture_output=True, text=True, check=True, cwd="/"
    )
    turns, seconds, memory = json.loads(done.stdout)
    return turns, seconds, memory


def main(other: str, *logs: str) -> None:
    """Prints a table: turns a second a core and peak memory of either checkout, and their ratio."""
    paths = [str(Path(log).resolve()) for log in logs]
    ours, theirs = [], []
    for run in range(RUNS + 1):
        pair = measured(HERE, paths), measured(Path(other).resolve(), paths)
        if run:  # the first pair warms up
            ours.append(pair[0])
            theirs.append(pair[1])
    print("| | turns a second, a core | peak memory, MiB |\n|---|---|---|")
    for name, runs in (("this checkout", ours), (other, theirs)):
        speed = statistics.median(turns / seconds for turns, seconds, _ in runs)
        print(f"| {name} | {speed:,.0f} | {statistics.median(memory for *_, memory in runs):.0f} |")
    ratios = sorted(b[1] / a[1] for a, b in zip(ours, theirs, strict=True))
    print(f"\n{statistics.median(ratios):.2f} times as fast ({ratios[0]:.2f} to {ratios[-1]:.2f}), {len(ratios)} pairs")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
