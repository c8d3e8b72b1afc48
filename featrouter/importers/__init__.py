"""Reads the trajectories that agents and their tools write, one module a format, for training and judging.

A file is recognised by what is in it, never by its name. What cannot be read is refused with its place and reason,
and everything else is imported. In a folder, files that are no trajectories are only passed by.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from featrouter.importers import (
    atif,
    chat,
    claude_code,
    harbor,
    langfuse,
    mini_swe_agent,
    openhands,
    otel,
    spend_logs,
    swe_agent,
)
from featrouter.importers.fields import id_of, object_of
from featrouter.importers.format import Format, Imported, PassedBy
from featrouter.importers.records import Damaged, Record, Unknown, records
from featrouter.importers.steps import short
from featrouter.logs.run import Run
from featrouter.logs.sources import LogError
from featrouter.logs.writing import clean
from featrouter.trajectory import Call, Trajectory, Turn

__all__ = ["FORMATS", "Count", "Import", "Refusal", "cleaned"]

#: In the order in which they are asked: a message list is what most of the others hold, too.
FORMATS: tuple[Format, ...] = (
    mini_swe_agent.FORMAT,
    swe_agent.FORMAT,
    atif.FORMAT,
    openhands.FORMAT,
    claude_code.FORMAT,
    spend_logs.FORMAT,
    langfuse.FORMAT,
    otel.FORMAT,
    chat.FORMAT,
)
_LOOKED_AT = 50
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".traj")


class Refusal(NamedTuple):
    """What was not taken: a file, or a place in it."""

    file: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}{f', {self.place}' if self.place else ''}: {self.reason}"


@dataclass(slots=True)
class Count:
    files: int = 0
    runs: int = 0
    turns: int = 0


@dataclass(slots=True)
class Import:
    """The runs in files and folders; iterate once, then ask what was `refused` or `passed_by`, and the counts.

    Every run has a run_id and a task_id; ids may repeat. `only` is the format to look for, else all are. `over`: the
    run_ids of those whose file says that they are.
    """

    paths: Sequence[Path]
    only: str = ""
    harness: str = ""
    weak_model: str = ""
    refused: list[Refusal] = field(default_factory=list)
    passed_by: list[Refusal] = field(default_factory=list)
    counts: dict[str, Count] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)

    def __iter__(self) -> Iterator[tuple[Run, Trajectory]]:
        gathered: dict[tuple[Format, Path], list[Path]] = {}
        for path, walked in self._files():
            told = self._recognised(path, walked)
            if told is None:
                continue
            form, found, single = told
            if form.gathers and single:
                gathered.setdefault((form, _conversation(path)), []).append(path)
            else:
                self._count(form).files += 1
                yield from self._read(form, path, found)
        for (form, folder), paths in gathered.items():
            self._count(form).files += len(paths)
            yield from self._read(form, folder, chain.from_iterable(records(path, self._note) for path in paths))

    def _files(self) -> Iterator[tuple[Path, bool]]:
        """The files, each once, and whether one was found in a folder."""
        seen: set[str] = set()  # os.path asks of any path, also of one that must not be looked at
        for given in self.paths:
            for path in self._walk(given) if os.path.isdir(given) else (given,):
                if (real := os.path.realpath(path)) not in seen:
                    seen.add(real)
                    yield path, path is not given

    def _walk(self, folder: Path) -> list[Path]:
        def refuse(error: OSError) -> None:
            self.refused.append(Refusal(str(error.filename), "", f"cannot be listed ({error.strerror})"))

        found = []
        for root, folders, names in os.walk(folder, onerror=refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found += [Path(root, name) for name in names if not name.startswith(".")]
        return sorted(filter(os.path.isfile, found))

    def _recognised(self, path: Path, walked: bool) -> tuple[Format, Iterable[Record], bool] | None:
        """The format of a file, its records, and whether it is a single one; None where it was refused or passed by."""
        mark = len(self.refused)
        try:
            if not os.path.isfile(path):  # to open a pipe is to wait for it
                raise Unknown("is no file" if os.path.exists(path) else "there is no such file")
            found = records(path, self._note)
            first = list(islice(found, _LOOKED_AT))
        except (Unknown, Damaged, LogError) as error:
            meant = isinstance(error, LogError) or (isinstance(error, Damaged) and _is_meant(path))
            reason = str(error).removeprefix(f"{path}: ")
            self._leave(Refusal(str(path), "", reason), mark, passed=walked and not meant)
            return None
        forms = [form for form in FORMATS if self.only in ("", form.name)]
        form = next((form for record in first for form in forms if form.recognises(record.value)), None)
        if form is not None:
            return form, chain(first, found), len(first) == 1
        judged = any(harbor.is_trial(record.value) for record in first)
        why = "is a result of Harbor: give its folder, or name it as --outcomes" if judged else "is of no known format"
        self._leave(Refusal(str(path), "", why), mark, passed=walked)
        return None

    def _leave(self, refusal: Refusal, mark: int, *, passed: bool) -> None:
        """Tells of a file as a whole, and no more of what was noted in it."""
        del self.refused[mark:]
        (self.passed_by if passed else self.refused).append(refusal)

    def _note(self, record: Record, reason: str) -> None:
        self.refused.append(_refusal(record, reason))

    def _count(self, form: Format) -> Count:
        return self.counts.setdefault(form.name, Count())

    def _read(self, form: Format, path: Path, found: Iterable[Record]) -> Iterator[tuple[Run, Trajectory]]:
        trial = harbor.trial_of(path)
        if trial and trial.trajectory.is_file() and os.path.realpath(path) != str(trial.trajectory):
            self.passed_by.append(Refusal(str(path), "", f"of the run that {trial.trajectory.name} of its trial tells"))
            return
        try:
            for imported in form.read(found, self._note):
                run, trajectory = self._settled(imported, trial)
                if imported.over:
                    self.over.add(run.run_id)
                count = self._count(form)
                count.runs, count.turns = count.runs + 1, count.turns + len(trajectory)
                yield run, trajectory
        except PassedBy as reason:
            self.passed_by.append(Refusal(str(path), "", str(reason)))
        except (Damaged, Unknown, LogError) as reason:  # the last two of a file that has changed meanwhile
            self.refused.append(Refusal(str(path), "", str(reason)))

    def _settled(self, imported: Imported, trial: harbor.Trial | None) -> tuple[Run, Trajectory]:
        """The run with the ids and names that it must have, and texts that a log can hold."""
        run, trajectory = imported.run, imported.trajectory
        told = trial.told if trial else {}
        agent = object_of(told.get("agent_info"))
        model = object_of(agent.get("model_info"))
        run_id = id_of(told.get("trial_name")) or run.run_id or id_of(imported.record.stem) or "run"
        task = clean(run.task)
        run = replace(
            run,
            run_id=run_id,
            task_id=run.task_id or id_of(told.get("task_name")) or run_id,
            task=task,
            harness=run.harness or id_of(agent.get("name")) or self.harness,
            weak_model=run.weak_model or id_of(model.get("name")) or self.weak_model,
            y_weak=harbor.solved(told) if run.y_weak is None else run.y_weak,
        )
        return run, Trajectory(task, tuple(cleaned(turn) for turn in trajectory.turns), ended=True)


def _refusal(record: Record, reason: str) -> Refusal:
    return Refusal(str(record.path), record.place, reason)


def _is_meant(path: Path) -> bool:
    return any(suffix in _SUFFIXES for suffix in path.suffixes)


def _conversation(path: Path) -> Path:
    """The folder of a conversation that a file is a piece of."""
    return path.parent.parent if path.parent.name == "events" else path.parent


def cleaned(turn: Turn) -> Turn:
    """The turn with its short form, where it has one call, and texts that a log can hold."""
    turn = short(turn)
    calls = tuple(
        Call(clean(call.action), clean(call.observation), clean(call.tool), call.exit_code, call.is_error)
        for call in turn.calls
    )
    return replace(
        turn,
        thought=clean(turn.thought),
        action=clean(turn.action),
        observation=clean(turn.observation),
        tool=clean(turn.tool),
        calls=calls,
    )
