"""The events of OpenHands version 1, the SDK: what makes its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from featrouter.importers.fields import arguments_of, flag_of, id_of, object_of, objects_of, text_of, whole_of
from featrouter.importers.steps import Step

_Object = Mapping[str, Any]


def steps_of(events: Sequence[_Object]) -> tuple[str, list[tuple[str, Step]]]:
    """The task and the steps, by response: the actions that one response of the model asked for are one step."""
    task, steps = "", dict[str, Step]()
    asked: dict[str, Step] = {}
    for place, event in enumerate(events):
        kind, source = event.get("kind"), event.get("source")
        call = id_of(event.get("tool_call_id")) or id_of(event.get("action_id"))
        if kind == "ActionEvent":
            step = steps.setdefault(id_of(event.get("llm_response_id")) or f"event {place}", Step())
            _ask(step, event, call)
            asked[call] = step
        elif kind == "MessageEvent" and source == "agent":
            step = steps.setdefault(id_of(event.get("llm_response_id")) or f"event {place}", Step())
            message = object_of(event.get("llm_message"))
            step.think(text_of(message.get("reasoning_content")), text_of(message.get("content")))
        elif kind == "MessageEvent" and source == "user":
            text = text_of(object_of(event.get("llm_message")).get("content"))
            if steps:
                next(reversed(steps.values())).remark(text)
            else:
                task = task or text
        elif call in asked:
            _answer(asked[call], event, call)
    return task, list(steps.items())


def _ask(step: Step, event: _Object, call: str) -> None:
    step.think(
        text_of(event.get("reasoning_content")),
        *(text_of(block.get("thinking")) for block in objects_of(event.get("thinking_blocks"))),
        text_of(object_of(event.get("responses_reasoning_item")).get("summary")),
        text_of(event.get("thought")),
    )
    # What the model wrote; `action` is what became of it, and missing where it was not understood.
    told, action = object_of(event.get("tool_call")), object_of(event.get("action"))
    arguments = told.get("arguments")
    if arguments is None:
        arguments = {key: value for key, value in action.items() if key != "kind" and value is not None}
    step.call(call, id_of(event.get("tool_name")) or id_of(told.get("name")), arguments_of(arguments))


def _answer(step: Step, event: _Object, call: str) -> None:
    if "error" in event:
        step.answer(call, text_of(event["error"]), None, True)
    elif "observation" in event:
        seen = object_of(event["observation"])
        code = whole_of(seen.get("exit_code", object_of(seen.get("metadata")).get("exit_code")))
        text = text_of(seen.get("content")) or text_of(seen.get("output")) or text_of(seen.get("error"))
        step.answer(call, text, None if code == -1 else code, flag_of(seen.get("is_error")))  # -1: it still runs
    else:
        step.answer(call, text_of(event.get("rejection_reason")))
