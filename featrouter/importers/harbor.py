"""Harbor's results beside its trajectories: `result.json` of a trial, and of a job."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from featrouter.importers.fields import id_of, object_of
from featrouter.importers.records import records

_Object = Mapping[str, Any]
#: The logs of an agent lie at most so many folders below their trial.
_DEPTH = 8


class Trial(NamedTuple):
    """What a trial's result tells; the `folder` is the trial's."""

    folder: Path
    told: _Object

    @property
    def trajectory(self) -> Path:
        """Where Harbor puts the agent's run as ATIF, whatever the agent logged itself."""
        return self.folder / "agent" / "trajectory.json"


def trial_of(path: Path) -> Trial | None:
    """The trial that a file or folder lies in."""
    for folder in Path(os.path.realpath(path)).parents[:_DEPTH]:
        result = folder / "result.json"
        if os.path.isfile(result):
            try:
                found = next(iter(records(result, lambda record, why: None)), None)
            except ValueError:
                return None
            return Trial(folder, found.value) if found and is_trial(found.value) else None
    return None


def is_trial(value: object) -> bool:
    return isinstance(value, Mapping) and "trial_name" in value and "verifier_result" in value


def is_job(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(object_of(value.get("stats")).get("evals"), Mapping)


def solved(trial: _Object) -> int | None:
    """1 for the full reward, 0 for less, None where the trial was not judged, or by several rewards without a name."""
    rewards = object_of(object_of(trial.get("verifier_result")).get("rewards"))
    return _full(rewards.get("reward", next(iter(rewards.values())) if len(rewards) == 1 else None))


def trials_of(job: _Object) -> Iterator[tuple[str, int]]:
    """The trials of a job by their names, and whether each was solved."""
    for told in object_of(job["stats"]["evals"]).values():
        for reward, names in object_of(object_of(object_of(told).get("reward_stats")).get("reward")).items():
            try:
                resolved = _full(float(reward))
            except ValueError:
                continue
            if resolved is not None and isinstance(names, list):
                yield from ((id_of(name), resolved) for name in names)


def _full(reward: object) -> int | None:
    if not isinstance(reward, int | float) or isinstance(reward, bool) or reward != reward:
        return None
    return int(reward >= 1)
