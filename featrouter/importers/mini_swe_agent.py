"""mini-swe-agent's `.traj.json`, formats 1 and 1.1: commands as fenced text, as tool calls, or as Responses items."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from featrouter.importers.fields import amount_of, id_of, object_of, objects_of, text_of, whole_of
from featrouter.importers.format import Format, Imported, each, repo_of
from featrouter.importers.records import Damaged, Record
from featrouter.importers.steps import Step, turns_of
from featrouter.logs.run import Run
from featrouter.messages.parts import fenced
from featrouter.trajectory import Trajectory, Turn

_Message = Mapping[str, Any]
Turns = tuple[Turn, ...]
#: Version 1 tells the exit code in the text alone, as its template has it.
_CODE = re.compile(r"<returncode>(-?\d{1,3})</returncode>")


def trajectory_of(messages: Sequence[Any]) -> Trajectory:
    """The trajectory that a message list of mini-swe-agent tells, in whichever of its modes, so far."""
    task, steps = _steps(objects_of(messages), "")
    return Trajectory(task, turns_of(steps))


def _recognises(value: Any) -> bool:
    told = isinstance(value, Mapping) and isinstance(value.get("messages"), list)
    return told and (str(value.get("trajectory_format")).startswith("mini-swe-agent") or "mini_version" in _info(value))


def _info(value: _Message) -> Mapping[str, Any]:
    return object_of(value.get("info"))


def _read(record: Record) -> Iterator[Imported]:
    value, messages = record.value, objects_of(record.value.get("messages"))
    info, config = _info(value), object_of(_info(value).get("config"))
    task, steps = _steps(messages, text_of(info.get("submission")))
    if not steps:
        raise Damaged("messages: no message of the agent among them")
    instance = id_of(value.get("instance_id")) or id_of(info.get("instance_id"))
    run = Run(
        run_id=instance,
        task_id=instance,
        repo=repo_of(instance),
        task=task,
        harness="mini-swe-agent",
        weak_model=id_of(object_of(config.get("model")).get("model_name")),
        cost_weak=amount_of(object_of(info.get("model_stats")).get("instance_cost")),
    )
    turns = turns_of(steps)
    if told := object_of(info.get("featrouter")):
        run, turns = _routed(run, turns, told)
    yield Imported(run, Trajectory(task, turns, ended=True), record, bool(text_of(info.get("exit_status"))))


def _routed(run: Run, turns: Turns, told: _Message) -> tuple[Run, Turns]:
    """The run as featrouter's own model for this agent sent it: what the strong model did is not of the weak run."""
    turn, chance = whole_of(told.get("route_turn")), amount_of(told.get("propensity"))
    handed_over = told.get("route") == "strong" and turn is not None and turn >= 0
    run = replace(
        run,
        weak_model=id_of(told.get("weak_model")),
        strong_model=id_of(told.get("strong_model")),
        route="strong" if handed_over else "weak",
        route_turn=turn if handed_over else None,
        propensity=chance if chance and chance <= 1 else None,
    )
    return (replace(run, cost_weak=None), turns[:turn]) if handed_over else (run, turns)


def _steps(messages: list[_Message], submission: str) -> tuple[str, list[Step]]:
    task, steps = "", list[Step]()
    for place, message in enumerate(messages):
        role, extra = message.get("role"), object_of(message.get("extra"))
        text = text_of(message.get("content"))
        if role == "assistant" or message.get("object") == "response":
            steps.append(_asked(message, extra))
        elif extra.get("interrupt_type") == "FormatError":
            # Since version 2 the answer without a command is not kept, only what was said of it and what it cost.
            steps.append(_refused(text, extra))
        elif role == "exit" or not steps:
            task = task or (text if role == "user" else "")
        elif submission and place == len(messages) - 1 and text == submission:
            continue  # version 1 ends with a message that the model never sees
        elif "returncode" in extra or "raw_output" in extra or role in ("tool", "user") or "call_id" in message:
            _answer(steps[-1], message, extra, text)
    return task, steps


def _asked(message: _Message, extra: _Message) -> Step:
    step, actions = Step(), objects_of(extra.get("actions"))
    _spend(step, object_of(message.get("usage") or object_of(extra.get("response")).get("usage")), extra)
    text = text_of(message.get("content"))
    calls = objects_of(message.get("tool_calls"))
    for item in objects_of(message.get("output")):
        if item.get("type") == "reasoning":
            step.think(text_of(item.get("summary")), text_of(item.get("content")))
        elif item.get("type") == "function_call":
            calls.append(item)
        else:
            text = "\n".join(filter(None, (text, text_of(item.get("content")))))
    step.think(text_of(message.get("reasoning_content")))
    if not calls:
        text, command = fenced(text)
        actions = actions or ([{"command": command}] if command else [])
    step.think(text)
    for action in actions:
        step.call(id_of(action.get("tool_call_id")), "bash", text_of(action.get("command")))
    if not actions:
        for call in calls:
            told = object_of(object_of(call.get("function") or call).get("arguments"))
            step.call(id_of(call.get("call_id") or call.get("id")), "bash", text_of(told.get("command")))
    return step


def _refused(text: str, extra: _Message) -> Step:
    response = object_of(extra.get("response"))
    said = [text_of(object_of(choice.get("message")).get("content")) for choice in objects_of(response.get("choices"))]
    said += [text_of(item.get("content")) for item in objects_of(response.get("output"))]
    step = Step()
    step.think(text_of(extra.get("model_response")) or "\n".join(filter(None, said)))
    step.remark(text)
    _spend(step, object_of(response.get("usage")), extra)
    return step


def _spend(step: Step, usage: _Message, extra: _Message) -> None:
    step.prompt_tokens = amount_of(usage.get("prompt_tokens", usage.get("input_tokens")))
    step.completion_tokens = amount_of(usage.get("completion_tokens", usage.get("output_tokens")))
    step.cost = amount_of(extra.get("cost"))


def _answer(step: Step, message: _Message, extra: _Message, text: str) -> None:
    """The observation is what the model was shown; `raw_output` is whole where that was cut, so only a substitute."""
    text = text or text_of(message.get("output")) or text_of(extra.get("raw_output"))
    told = _CODE.match(text)
    code = extra.get("returncode", int(told[1]) if told else None)
    failed = True if extra.get("exception_info") else None
    step.answer(id_of(message.get("tool_call_id") or message.get("call_id")), text, whole_of(code), failed)


FORMAT = Format("mini-swe-agent", _recognises, each(_recognises, _read))
