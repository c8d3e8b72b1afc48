"""ATIF, Harbor's trajectory format, versions 1.0 to 1.8, read leniently: unknown fields are passed by."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from featrouter.importers.fields import (
    amount_of,
    arguments_of,
    flag_of,
    id_of,
    object_of,
    objects_of,
    text_of,
    whole_of,
)
from featrouter.importers.format import Format, Imported, PassedBy, each, repo_of
from featrouter.importers.records import Damaged, Record, records
from featrouter.importers.steps import Step, turns_of
from featrouter.logs.forms import RUNS
from featrouter.logs.run import Run
from featrouter.messages.parts import fenced
from featrouter.trajectory import Trajectory

_Object = Mapping[str, Any]
#: Under this key of the root's, a call's and a result's `extra` stands what `featrouter export` knows beyond ATIF.
OWN = "featrouter"
_NAME = re.compile(r"[\w.-]{1,200}")
_CONTINUED = re.compile(r"\.cont-\d+(?=\.)")
#: Arguments that only wrap a command line, as Harbor converts SWE-agent's actions and terminus' keystrokes: the tool.
_WRAPPED = {"raw_action": "", "keystrokes": "bash"}


def _recognises(value: Any) -> bool:
    return isinstance(value, Mapping) and str(value.get("schema_version")).startswith("ATIF-v1.")


def _read(record: Record) -> Iterator[Imported]:
    value = record.value
    agent, own = object_of(value.get("agent")), object_of(object_of(value.get("extra")).get(OWN))
    if (start := _CONTINUED.sub("", record.path.name)) != record.path.name and os.path.isfile(
        record.path.with_name(start)
    ):
        raise PassedBy(f"goes on with {start}, and was read with it")
    parts = list(_parts(record))
    task, steps = _steps([step for part in parts for step in objects_of(part.get("steps"))], exported=bool(own))
    if not steps:
        raise Damaged("steps: none of the agent's own among them")
    names = (own.get("run_id"), value.get("trajectory_id"), value.get("session_id"))
    totals = object_of(parts[-1].get("final_metrics"))  # of all parts so far
    run = Run(
        run_id=next((found for name in names if (found := id_of(name))), ""),
        task_id="",
        task=task,
        harness=id_of(own.get("harness", agent.get("name"))),
        weak_model="" if agent.get("model_name") == "unknown" else id_of(agent.get("model_name")),
        cost_weak=amount_of(totals.get("total_cost_usd")),
    )
    run = replace(run, **_own(own))
    if not run.repo:
        run = replace(run, repo=repo_of(run.task_id))
    yield Imported(run, Trajectory(task, turns_of(steps), ended=True), record)


def _parts(record: Record) -> Iterator[_Object]:
    """The document and those that it goes on in, as far as they lie beside it."""
    part, seen = record.value, {record.path.name}
    while True:
        yield part
        name = part.get("continued_trajectory_ref")
        if not isinstance(name, str) or name in seen or not _NAME.fullmatch(name):
            return
        seen.add(name)
        try:
            found = next(iter(records(record.path.with_name(name), lambda record, why: None)), None)
        except (ValueError, OSError):
            return
        if found is None or not _recognises(found.value):
            return
        part = found.value


def _steps(told: list[_Object], exported: bool) -> tuple[str, list[Step]]:
    task, steps = list[str](), list[Step]()
    # An agent that calls no tool and is answered all the same writes its commands into its messages.
    text_only = not exported and not any(step.get("tool_calls") for step in told) and any(map(_results, told))
    for step in told:
        copied = step.get("is_copied_context") is True or object_of(step.get("extra")).get("is_sidechain") is True
        if copied:
            continue
        if step.get("source") == "agent" and step.get("llm_call_count") != 0:
            steps.append(_step(step, text_only))
        elif step.get("source") == "user":
            text = text_of(step.get("message"))
            if steps:
                steps[-1].remark(text)
            elif text:
                task.append(text)
    return "\n".join(task), steps


def _results(step: _Object) -> list[_Object]:
    return objects_of(object_of(step.get("observation")).get("results"))


def _step(told: _Object, text_only: bool) -> Step:
    step, metrics = Step(), object_of(told.get("metrics"))
    own = object_of(object_of(metrics.get("extra")).get(OWN))
    step.prompt_tokens = amount_of(metrics.get("prompt_tokens", own.get("prompt_tokens")))
    step.completion_tokens = amount_of(metrics.get("completion_tokens", own.get("completion_tokens")))
    step.cost = amount_of(metrics.get("cost_usd"))
    step.latency = amount_of(own.get("latency"))
    reasoning, message = text_of(told.get("reasoning_content")), text_of(told.get("message"))
    if text_only:
        reasoning = "" if reasoning == message else reasoning
        message, action = fenced(message)
        if action:
            step.call("", "", action)
    step.think(reasoning, message)
    for call in objects_of(told.get("tool_calls")):
        step.call(id_of(call.get("tool_call_id")), *_asked(call))
    for result in _results(told):
        extra = object_of(result.get("extra"))
        code, failed = extra.get("exit_code", extra.get("returncode")), extra.get("is_error")
        step.answer(
            id_of(result.get("source_call_id")),
            text_of(result.get("content")),
            whole_of(code),
            flag_of(extra.get("tool_result_is_error") if failed is None else failed),
        )
    return step


def _asked(call: _Object) -> tuple[str, str]:
    """The tool and the action of a call."""
    own, given = object_of(object_of(call.get("extra")).get(OWN)), object_of(call.get("arguments"))
    for name, tool in _WRAPPED.items():
        if isinstance(given.get(name), str):
            return tool, given[name]
    action = own["action"] if isinstance(own.get("action"), str) else arguments_of(call.get("arguments"))
    return own["tool"] if isinstance(own.get("tool"), str) else id_of(call.get("function_name")), action


def _own(told: _Object) -> dict[str, Any]:
    """The fields of a run as `featrouter export` wrote them, those that a log would read."""
    found: dict[str, Any] = {}
    for column, read in RUNS.cells.items():
        name = column.removesuffix("_usd")
        if name in told and name not in ("run_id", "task", "harness") and isinstance(told[name], str | int | float):
            try:
                found[name] = read(str(told[name]))
            except ValueError:
                continue
    return found


FORMAT = Format("atif", _recognises, each(_recognises, _read))
