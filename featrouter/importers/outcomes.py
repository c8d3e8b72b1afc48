"""Whether runs solved their tasks, from files beside them: a CSV, a report of SWE-bench, results of Harbor."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from featrouter.importers.fields import id_of, object_of
from featrouter.importers.harbor import is_job, is_trial, solved, trials_of
from featrouter.importers.records import Damaged, Note, Record, Unknown, records
from featrouter.logs.run import Run

_Object = Mapping[str, Any]
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
#: SWE-bench's lists of instances. Those in `error_ids` and `incomplete_ids` were not judged.
_SOLVED, _FAILED = ("resolved_ids", "resolved"), ("unresolved_ids", "empty_patch_ids", "no_generation")
_NAMES = ("resolved", "y_weak", "success")


class Told(NamedTuple):
    """An outcome of one run, or of a task; `model` may be blank."""

    resolved: int
    run_id: str = ""
    task_id: str = ""
    model: str = ""


class Outcomes:
    """What the outcome files tell; `label` gives it to the runs."""

    def __init__(self) -> None:
        self._runs: dict[str, int] = {}
        self._tasks: dict[str, list[Told]] = {}

    def read(self, path: Path, note: Note) -> None:
        """Takes a file's outcomes; notes what it could not take. Raises Unknown, Damaged or LogError."""
        if not os.path.isfile(path):
            raise Unknown("is no file" if os.path.exists(path) else "there is no such file")
        found = False
        for record in records(path, note):
            if isinstance(record.value, Mapping) and (told := list(_told(record, note))):
                found = True
                for each in told:
                    self._take(each)
        if not found:
            raise Damaged("holds no outcomes: a CSV, a SWE-bench report, or Harbor's result.json is wanted")

    def label(self, runs: list[Run]) -> list[Run]:
        """The runs, those whose label is blank with theirs: by run_id; by task where one run alone is meant."""
        tasks = Counter(run.task_id for run in runs)
        models = Counter((run.task_id, run.weak_model) for run in runs)
        return [self._labelled(run, tasks, models) if run.y_weak is None else run for run in runs]

    def _labelled(self, run: Run, tasks: Counter[str], models: Counter[tuple[str, str]]) -> Run:
        if run.run_id in self._runs:
            return replace(run, y_weak=self._runs[run.run_id])
        labels = {
            told.resolved
            for told in self._tasks.get(run.task_id, ())
            if (tasks[run.task_id] == 1 and not told.model)
            or (told.model and models[run.task_id, run.weak_model] == 1 and _same(told.model, run.weak_model))
        }
        return replace(run, y_weak=labels.pop()) if len(labels) == 1 else run

    def _take(self, told: Told) -> None:
        if told.run_id:
            self._runs[told.run_id] = told.resolved
        else:
            self._tasks.setdefault(told.task_id, []).append(told)


def _told(record: Record, note: Note) -> Iterator[Told]:
    value: _Object = record.value
    if is_trial(value):
        if (resolved := solved(value)) is not None:
            yield Told(resolved, run_id=id_of(value["trial_name"]))
    elif is_job(value):
        yield from (Told(resolved, run_id=name) for name, resolved in trials_of(value))
    elif any(isinstance(value.get(key), list) for key in _SOLVED):
        good, bad = _ids(value, _SOLVED), _ids(value, _FAILED)
        yield from (Told(1, task_id=task) for task in good)
        yield from (Told(0, task_id=task) for task in bad if task not in good)
    elif record.line or record.member or "instance_id" in value:
        yield from _row(record, note)
    else:  # SWE-bench's report of instances, by their ids
        for task, report in value.items():
            told = report.get("resolved") if isinstance(report, Mapping) else report
            if isinstance(told, bool):
                yield Told(int(told), task_id=id_of(task))


def _row(record: Record, note: Note) -> Iterator[Told]:
    value: _Object = record.value
    report = object_of(value.get("report") or object_of(value.get("test_result")).get("report"))
    given = next((each[name] for each in (value, report) for name in _NAMES if name in each), None)
    if value.get("name") in _NAMES:  # a score of Langfuse's
        given = value.get("value")
    label = str(given).lower()
    run_id = next((found for name in ("run_id", "session_id", "trace_id") if (found := id_of(value.get(name)))), "")
    task_id = id_of(value.get("task_id")) or id_of(value.get("instance_id"))
    if label in _LABELS and (run_id or task_id):
        model = id_of(value.get("model")) or id_of(value.get("weak_model"))
        yield Told(_LABELS[label], run_id, task_id, model)
    elif given not in (None, ""):
        note(
            record, f"resolved: {str(given)[:40]!r} is not 0, 1 or blank" if run_id or task_id else "no run_id, task_id"
        )


def _ids(value: _Object, keys: Iterable[str]) -> dict[str, None]:
    lists = (value[key] for key in keys if isinstance(value.get(key), list))
    return dict.fromkeys(filter(None, (id_of(each) for ids in lists for each in ids)))


def _same(one: str, other: str) -> bool:
    """Whether two names are of one model, with or without its provider."""
    return one == other or one.rpartition("/")[2] == other.rpartition("/")[2] != ""
