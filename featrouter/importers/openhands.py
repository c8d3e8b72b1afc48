"""OpenHands: lines of an evaluation's `output.jsonl`, and the events of a conversation, one a file or in a list.

Events are those of version 0 (`action` or `observation`, and `args`) or of version 1 (the SDK; `kind`). Whether a task
was resolved stands in neither, but in SWE-bench's report; a line that holds it anyway is taken at its word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from featrouter.importers import openhands_v0, openhands_v1
from featrouter.importers.fields import amount_of, id_of, object_of, objects_of, text_of
from featrouter.importers.format import Format, Imported, repo_of
from featrouter.importers.records import Damaged, Note, Record
from featrouter.importers.steps import Step, turns_of
from featrouter.logs.run import Run
from featrouter.trajectory import Trajectory

_Object = Mapping[str, Any]


def _recognises(value: Any) -> bool:
    return isinstance(value, Mapping) and (_is_line(value) or _is_event(value) or _is_state(value))


def _is_line(value: _Object) -> bool:
    return "instance_id" in value and isinstance(value.get("history"), list)


def _is_event(value: _Object) -> bool:
    first = "action" in value or "observation" in value
    return "source" in value and "id" in value and (str(value.get("kind")).endswith(("Event", "Observation")) or first)


def _is_state(value: _Object) -> bool:
    """The `base_state.json` beside the events of version 1."""
    return "execution_status" in value and isinstance(value.get("agent"), Mapping)


def _read(records: Iterable[Record], note: Note) -> Iterator[Imported]:
    events: list[_Object] = []
    first: Record | None = None
    state: _Object = {}
    for record in records:
        value = object_of(record.value)
        if _is_line(value):
            if (run := _line(record)) is None:
                note(record, "history: no action of the agent among its events")
            else:
                yield run
        elif _is_event(value):
            first = first or record
            events.append(value)
        elif _is_state(value):
            state = value
        else:
            note(record, "neither an event nor a line of an evaluation")
    if first and (imported := _conversation(first, events, state)):
        yield imported
    elif events:
        raise Damaged("no action of the agent among the events")


def _line(record: Record) -> Imported | None:
    value = record.value
    task, steps = _steps(value["history"])
    metrics, metadata = object_of(value.get("metrics")), object_of(value.get("metadata"))
    _spend(steps, metrics)
    if not steps:
        return None
    instance = id_of(value["instance_id"])
    report = object_of(value.get("report") or object_of(value.get("test_result")).get("report"))
    resolved = report.get("resolved")
    attempt = value.get("attempt")
    run = Run(
        run_id=f"{instance}/{attempt}" if isinstance(attempt, int) and attempt > 1 else instance,
        task_id=instance,
        repo=id_of(object_of(value.get("instance")).get("repo")) or repo_of(instance),
        task=task or text_of(value.get("instruction")),
        harness="openhands",
        weak_model=id_of(object_of(metadata.get("llm") or metadata.get("llm_config")).get("model")),
        y_weak=int(resolved) if isinstance(resolved, bool) else None,
        cost_weak=amount_of(metrics.get("accumulated_cost")),
    )
    return Imported(run, Trajectory(run.task, turns_of(step for _, step in steps), ended=True), record)


def _conversation(first: Record, events: list[_Object], state: _Object) -> Imported | None:
    task, steps = _steps(events)
    usages = object_of(object_of(state.get("stats")).get("usage_to_metrics"))
    metrics = object_of(usages.get("agent"))
    _spend(steps, metrics)
    if not steps:
        return None
    folder = first.path.absolute().parent
    folder = folder.parent if folder.name == "events" else folder
    run = Run(
        run_id=id_of(state.get("id")) or ("" if first.line or first.member else folder.name),
        task_id="",
        task=task,
        harness="openhands",
        weak_model=id_of(object_of(object_of(state.get("agent")).get("llm")).get("model")),
        cost_weak=amount_of(metrics.get("accumulated_cost")),
    )
    return Imported(run, Trajectory(task, turns_of(step for _, step in steps), ended=True), first)


def _steps(history: list[Any]) -> tuple[str, list[tuple[str, Step]]]:
    """The task, and the steps by the id of the model's response that asked for them."""
    events = [event for each in history for event in (each if isinstance(each, list) else (each,))]  # pairs, once
    told = [event for event in events if isinstance(event, Mapping)]
    if any("kind" in event for event in told):
        return openhands_v1.steps_of(told)
    return openhands_v0.steps_of(told)


class _Spent(NamedTuple):
    prompt_tokens: float | None
    completion_tokens: float | None
    cost: float | None
    latency: float | None


def _spend(steps: list[tuple[str, Step]], metrics: _Object) -> None:
    """Tells the steps what their responses cost; where responses have no ids, by their order."""
    usages, costs = objects_of(metrics.get("token_usages")), objects_of(metrics.get("costs"))
    latencies = {id_of(each.get("response_id")): each for each in objects_of(metrics.get("response_latencies"))}
    spent: dict[str, _Spent] = {}
    for place, usage in enumerate(usages):
        response = id_of(usage.get("response_id"))
        spent[response or str(place)] = _Spent(
            amount_of(usage.get("prompt_tokens")),
            amount_of(usage.get("completion_tokens")),
            amount_of(costs[place].get("cost")) if len(costs) == len(usages) else None,
            amount_of(latencies[response].get("latency")) if response in latencies else None,
        )
    in_order = not any(response in spent for response, _ in steps) and len(spent) == len(steps)
    for (response, step), by_order in zip(steps, spent.values() if in_order else [None] * len(steps), strict=True):
        if told := by_order or spent.get(response):
            step.prompt_tokens, step.completion_tokens, step.cost, step.latency = told


FORMAT = Format("openhands", _recognises, _read, gathers=True)
