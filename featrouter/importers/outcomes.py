"""Whether runs solved their tasks, from files beside them: a CSV, a report of SWE-bench, results of Harbor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from featrouter.importers.fields import id_of, object_of
from featrouter.importers.records import Damaged, Note, Record, records
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


def trial_of(path: Path) -> _Object:
    """Harbor's `result.json` of the trial that a file lies in; an empty object where there is none."""
    for folder in path.resolve().parents[:3]:
        result = folder / "result.json"
        if result.is_file():
            try:
                found = [record.value for record in records(result, lambda record, why: None)]
            except ValueError:
                continue
            return found[0] if found and is_trial(found[0]) else {}
    return {}


def is_trial(value: object) -> bool:
    return isinstance(value, Mapping) and "trial_name" in value and "verifier_result" in value


def reward_of(trial: _Object) -> int | None:
    """1 for the full reward, 0 for less, None where the trial was not judged."""
    rewards = object_of(object_of(trial.get("verifier_result")).get("rewards"))
    reward = rewards.get("reward", next(iter(rewards.values())) if len(rewards) == 1 else None)
    told = isinstance(reward, int | float) and not isinstance(reward, bool)
    return int(reward >= 1) if told and reward == reward else None


def _told(record: Record, note: Note) -> Iterator[Told]:
    value: _Object = record.value
    if is_trial(value):
        resolved = reward_of(value)
        if resolved is not None:
            yield Told(resolved, run_id=id_of(value["trial_name"]))
    elif "stats" in value and "evals" in object_of(value["stats"]):
        yield from _job(value)
    elif any(isinstance(value.get(key), list) for key in _SOLVED):
        solved, failed = _ids(value, _SOLVED), _ids(value, _FAILED)
        yield from (Told(1, task_id=task) for task in solved)
        yield from (Told(0, task_id=task) for task in failed if task not in solved)
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
    label = str(given).lower()
    run_id, task_id = id_of(value.get("run_id")), id_of(value.get("task_id")) or id_of(value.get("instance_id"))
    if label in _LABELS and (run_id or task_id):
        model = id_of(value.get("model")) or id_of(value.get("weak_model"))
        yield Told(_LABELS[label], run_id, task_id, model)
    elif given not in (None, ""):
        note(
            record, f"resolved: {str(given)[:40]!r} is not 0, 1 or blank" if run_id or task_id else "no run_id, task_id"
        )


def _job(value: _Object) -> Iterator[Told]:
    """Harbor's result of a job: the trials by their rewards."""
    for told in object_of(value["stats"]["evals"]).values():
        for reward, trials in object_of(object_of(object_of(told).get("reward_stats")).get("reward")).items():
            resolved = reward_of({"verifier_result": {"rewards": {"reward": _number(reward)}}})
            names = trials if isinstance(trials, list) else ()
            yield from (Told(resolved, run_id=id_of(name)) for name in names if resolved is not None)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _ids(value: _Object, keys: Iterable[str]) -> dict[str, None]:
    lists = (value[key] for key in keys if isinstance(value.get(key), list))
    return dict.fromkeys(filter(None, (id_of(each) for ids in lists for each in ids)))


def _same(one: str, other: str) -> bool:
    """Whether two names are of one model, with or without its provider."""
    return one == other or one.rpartition("/")[2] == other.rpartition("/")[2] != ""
