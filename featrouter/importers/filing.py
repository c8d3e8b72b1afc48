"""Files imported runs as `runs.csv` and `turns.csv` of a folder, both whole or neither."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from featrouter.importers.outcomes import Outcomes
from featrouter.logs import LogError, Logs
from featrouter.logs.forms import Form
from featrouter.logs.run import Run
from featrouter.logs.writing import RUNS, TURNS, append, name_of, run_row, turn_rows
from featrouter.trajectory import Trajectory

#: Hashes of a run's task and of its turns.
_Mark = tuple[int, int]
_FILES: dict[str, Form] = {"turns.csv": TURNS, "runs.csv": RUNS}


@dataclass(slots=True)
class Filed:
    """What was written: the runs, how many turns; and how many runs were there already."""

    runs: list[Run] = field(default_factory=list)
    turns: int = 0
    again: int = 0


@dataclass(slots=True)
class _Name:
    """An id that repeats: how many of it and its `~2`, `~3`, … are taken without a gap, and by which runs."""

    taken: int = 0
    marks: set[_Mark] = field(default_factory=set)


def file_runs(
    imported: Iterable[tuple[Run, Trajectory]], folder: Path, outcomes: Outcomes, *, add: bool = False
) -> Filed:
    """Writes the runs into `folder`, which is made where it is missing; with `add`, to those that it holds.

    Ids that repeat are told apart (`~2`, `~3`, …, in the order of the runs); a run that is there already, with the same
    turns, is not written again. Raises LogError where logs would be overwritten or cannot be added to. OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known, names = _known(folder, add), defaultdict[str, _Name](_Name)
    filed = Filed()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".import-") as working:
        parts = {name: Path(working, name) for name in _FILES}
        for name, part in parts.items():
            if add and (folder / name).exists():
                shutil.copyfile(folder / name, part)
        for run, trajectory in imported:
            run = replace(run, run_id=name_of(run.run_id), task_id=run.task_id and name_of(run.task_id))
            told = _told_apart(run, trajectory, known, names[run.run_id])
            if told is None:
                filed.again += 1
                continue
            filed.runs.append(told)
            filed.turns += len(trajectory)
            append(parts["turns.csv"], TURNS, turn_rows(told.run_id, trajectory.turns))
        filed.runs = outcomes.label(filed.runs)
        if filed.runs:
            append(parts["runs.csv"], RUNS, map(run_row, filed.runs))
            for name, part in parts.items():
                _sync(part)
                os.replace(part, folder / name)
    return filed


def _known(folder: Path, add: bool) -> dict[str, _Mark]:
    """The runs that the folder holds, by id: what tells their turns from others'."""
    there = [folder / name for name in _FILES if (folder / name).exists()]
    if there and not add:
        raise LogError(f"{there[0]} exists; give another folder, or --append to add to it")
    for path in there:
        with path.open("rb") as file:
            header = file.readline().decode("utf-8", "replace").strip()
        if header != ",".join(_FILES[path.name].cells):
            raise LogError(f"{path}: has other columns than an import writes; give another folder")
    if not there:
        return {}
    logs = Logs(there)
    if logs.rejected:
        raise LogError(f"{folder}: {logs.rejected} rows of its logs are damaged; mend them first")
    return {run.run_id: _mark(trajectory) for run, trajectory in logs.trajectories()}


def _told_apart(run: Run, trajectory: Trajectory, known: dict[str, _Mark], name: _Name) -> Run | None:
    """The run with an id that is not taken; None where the run is there already."""
    mark = _mark(trajectory)
    while (run_id := run.run_id if name.taken == 0 else name_of(f"{run.run_id}~{name.taken + 1}")) in known:
        name.marks.add(known[run_id])
        name.taken += 1
    if mark in name.marks:
        return None
    # Of runs of one name, those with one text are runs of one task; the others had nothing but their file's name.
    other = run_id != run.run_id and run.task_id == run.run_id and known[run.run_id][0] != mark[0]
    known[run_id] = mark
    return replace(run, run_id=run_id, task_id=run_id if other else run.task_id)


def _mark(trajectory: Trajectory) -> _Mark:
    """What runs are told apart by, in this process: their task, and what was thought, done and seen."""
    said = tuple(
        (turn.thought, *((call.tool, call.action, call.observation) for call in turn.each_call()))
        for turn in trajectory
    )
    return hash(trajectory.task), hash(said)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
