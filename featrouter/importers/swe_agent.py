"""SWE-agent's `.traj`: one object with `trajectory`, `history` and `info`, or with the attempts of a retrying agent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from featrouter.importers.fields import amount_of, arguments_of, id_of, object_of, objects_of, text_of
from featrouter.importers.format import Format, Imported, each, repo_of
from featrouter.importers.records import Damaged, Record
from featrouter.importers.steps import Step, turns_of
from featrouter.logs.run import Run
from featrouter.trajectory import Trajectory

_Object = Mapping[str, Any]


def _recognises(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    single = isinstance(value.get("trajectory"), list) and ("history" in value or "info" in value)
    return single or (isinstance(value.get("attempts"), list) and any(map(_recognises, value["attempts"])))


def _read(record: Record) -> Iterator[Imported]:
    value = record.value
    attempts = objects_of(value.get("attempts")) or [value]
    told = False
    for number, attempt in enumerate(attempts, 1):
        info = object_of(attempt.get("info"))
        steps = [_step(step) for step in _told(objects_of(attempt.get("trajectory")), str(info.get("exit_status")))]
        if not steps:
            continue
        told = True
        config = object_of(attempt.get("replay_config") or value.get("replay_config"))
        instance = _instance(config) or id_of(record.stem)
        task = _task(objects_of(attempt.get("history")))
        model = object_of(object_of(config.get("agent")).get("model"))
        stats = object_of(info.get("model_stats"))
        run = Run(
            run_id=f"{instance}/{number}" if len(attempts) > 1 else instance,
            task_id=instance,
            repo=repo_of(instance),
            task=task,
            harness="swe-agent",
            weak_model=id_of(model.get("name")),
            cost_weak=amount_of(stats.get("instance_cost")),
        )
        yield Imported(run, Trajectory(task, turns_of(steps), ended=True), record)
    if not told:
        raise Damaged("trajectory: holds no step")


def _told(steps: list[_Object], status: str) -> list[_Object]:
    """The steps but the last that only says why the run was ended (`exit_cost`, …), in the agent's name."""
    ended = bool(steps) and "exit" in status and not arguments_of(steps[-1].get("action")).strip()
    return steps[:-1] if ended else steps


def _instance(config: _Object) -> str:
    problem = object_of(config.get("problem_statement"))
    return id_of(problem.get("id"))


def _task(history: list[_Object]) -> str:
    for message in history:
        if message.get("role") == "user" and not message.get("is_demo"):
            return text_of(message.get("content"))
    return ""


def _step(told: _Object) -> Step:
    step = Step()
    thought, response = text_of(told.get("thought")), text_of(told.get("response"))
    action = arguments_of(told.get("action")).strip()
    step.think(*(text_of(block.get("thinking")) for block in objects_of(told.get("thinking_blocks"))))
    step.think(thought.strip() or ("" if action else response))
    if action:
        step.call("", "", action)
    step.answer("", text_of(told.get("observation")))
    return step


FORMAT = Format("swe-agent", _recognises, each(_recognises, _read))
