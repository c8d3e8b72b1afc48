"""The rows of runs: what workers compute. Nothing here needs pandas, which a worker would import for a second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from featrouter.extractor import Extractor, Row
from featrouter.logs import Run
from featrouter.trajectory import Trajectory, Turn

#: After how many turns a run is looked at; dense where decisions are made, thin where runs are long.
SCHEDULE = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)

_SCHEDULED = frozenset(SCHEDULE)
_BATCH = 32

#: What is known of the rows of some runs, their features, and how many runs they are of.
_Batch: TypeAlias = "tuple[list[tuple[object, ...]], npt.NDArray[np.float64], int]"


def run_rows(run: Run, trajectory: Trajectory) -> tuple[list[tuple[object, ...]], list[Row]]:
    """The rows of one run: k = 0, 1, 2, … (thinned by SCHEDULE) while it still goes on, and one at its end.

    Of each what is known of it, and its features. A run that was handed over (route strong, no weak outcome) has no end:
    it still went on after its last turn.
    """
    handed_over = run.route == "strong" and run.y_weak is None
    known = (run.run_id, run.task_id, run.repo or "", run.harness or "", run.weak_model or "")
    logged = (run.route, run.strong_model, run.propensity, run.route_turn, run.y_strong, run.cost_strong)
    costs = [turn.cost for turn in trajectory]
    priced = bool(costs) and None not in costs
    meta: list[tuple[object, ...]] = []
    found: list[Row] = []
    extractor, n, spent = Extractor(trajectory.task), len(trajectory), 0.0
    for k in range(n + 1):
        if k:
            extractor.observe(trajectory.turns[k - 1])
            spent += costs[k - 1] or 0.0
        if k == n or k in _SCHEDULED or k == run.route_turn:
            label = (run.y_weak, run.cost_weak, spent if priced or not k else None)
            meta.append((*known, k, int(k == n and not handed_over), *label, *logged))
            found.append(extractor.row())
    return meta, found


def extracted(runs: Iterator[tuple[Run, Trajectory]], jobs: int) -> Iterator[_Batch]:
    """The rows of all runs, some runs at a time, in their order whatever the number of processes."""

    def batches() -> Iterator[list[tuple[Run, Trajectory]]]:
        while batch := list(islice(runs, _BATCH)):
            yield batch

    if jobs == 1:
        yield from map(_batch_rows, batches())
    else:
        from joblib import Parallel, delayed

        work = (delayed(_rows_of_packed)(_packed(batch)) for batch in batches())
        yield from Parallel(n_jobs=jobs, return_as="generator")(work)


# A frozen dataclass is pickled field by field in Python; tuples go between processes in half the time.
_turn_values = attrgetter(*Turn.__slots__)
_Packed: TypeAlias = "list[tuple[Run, str, list[tuple[Any, ...]], bool]]"


def _packed(batch: Sequence[tuple[Run, Trajectory]]) -> _Packed:
    return [(run, log.task, list(map(_turn_values, log.turns)), log.ended) for run, log in batch]


def _rows_of_packed(packed: _Packed) -> _Batch:
    return _batch_rows(
        [(run, Trajectory(task, tuple(Turn(*turn) for turn in turns), ended)) for run, task, turns, ended in packed]
    )


def _batch_rows(batch: Sequence[tuple[Run, Trajectory]]) -> _Batch:
    found = [run_rows(run, trajectory) for run, trajectory in batch]
    return [row for meta, _ in found for row in meta], np.array([row for _, x in found for row in x]), len(batch)
