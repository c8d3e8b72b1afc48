"""The events of OpenHands version 0: what makes its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from featrouter.importers.fields import amount_of, arguments_of, id_of, object_of, objects_of, text_of, whole_of
from featrouter.importers.steps import Step

_Object = Mapping[str, Any]
#: Actions that no model asked for.
_SILENT = frozenset(
    "system recall change_agent_state condensation condensation_request null initialize start pause resume stop".split()
)
#: The tool an action was asked for by, where the event does not name it, and the argument that says what to do.
_TOOLS = {"run": ("execute_bash", "command"), "run_ipython": ("execute_ipython_cell_jupyter", "code")}


def steps_of(events: Sequence[_Object]) -> tuple[str, list[tuple[str, Step]]]:
    """The task and the steps, by response: the actions that one response of the model asked for are one step."""
    task, steps = "", dict[str, Step]()
    asked: dict[str, tuple[Step, str]] = {}
    if all(isinstance(event.get("id"), int) for event in events):
        events = sorted(events, key=lambda event: int(event["id"]))  # files are named 0.json, 1.json, 10.json, …
    for place, event in enumerate(events):
        action, arguments = event.get("action"), object_of(event.get("args"))
        cause = id_of(event.get("cause"))
        if isinstance(action, str):
            text = text_of(arguments.get("content"))
            if event.get("source") == "agent" and action not in _SILENT:
                metadata = object_of(event.get("tool_call_metadata"))
                response = object_of(metadata.get("model_response"))
                step = steps.setdefault(id_of(response.get("id")) or f"event {place}", Step())
                identity = id_of(metadata.get("tool_call_id")) or f"event {place}"
                _ask(step, action, arguments, metadata, identity)
                asked[id_of(event.get("id"))] = step, identity
            elif event.get("source") == "user" and action == "message" and steps:
                next(reversed(steps.values())).remark(text)
            elif event.get("source") == "user" and action == "message":
                task = task or text
        elif isinstance(event.get("observation"), str) and cause in asked:
            step, identity = asked[cause]
            code = whole_of(object_of(object_of(event.get("extras")).get("metadata")).get("exit_code"))
            failed = True if event["observation"] == "error" else None
            step.answer(identity, text_of(event.get("content")), None if code == -1 else code, failed)
    return task, list(steps.items())


def _ask(step: Step, action: str, arguments: _Object, metadata: _Object, identity: str) -> None:
    response = object_of(metadata.get("model_response"))
    usage = object_of(response.get("usage"))
    step.prompt_tokens = amount_of(usage.get("prompt_tokens"))
    step.completion_tokens = amount_of(usage.get("completion_tokens"))
    step.think(text_of(arguments.get("thought")))
    if action == "message":
        step.think(text_of(arguments.get("content")))
        return
    for choice in objects_of(response.get("choices")):
        for call in objects_of(object_of(choice.get("message")).get("tool_calls")):
            if id_of(call.get("id")) == identity:
                asked = object_of(call.get("function"))
                step.call(identity, id_of(asked.get("name")), arguments_of(asked.get("arguments")))
                return
    tool, told = _TOOLS.get(action, (action, ""))
    given = {key: value for key, value in arguments.items() if key != "thought" and value not in (None, "")}
    step.call(
        identity,
        id_of(metadata.get("function_name")) or tool,
        text_of(arguments.get(told)) if told else arguments_of(given),
    )
