"""Message lists: OpenAI chat, Anthropic, OpenAI Responses; a list a file or a line, or a message a line.

A record may be a message, a list of them, or an object that holds one as `messages` or `input`, also inside `body` or
`request`; with the `response` beside it, records that go on with each other make one run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from featrouter.importers.completions import Completion, answer_in, messages_in, runs_of
from featrouter.importers.fields import amount_of, id_of, object_of, time_of
from featrouter.importers.format import Format, Imported, repo_of
from featrouter.importers.records import Damaged, Note, Record
from featrouter.logs.run import Run
from featrouter.messages import trajectory_of
from featrouter.messages.parts import role_of, unpacked
from featrouter.trajectory import Trajectory

_ITEMS = (
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
    "custom_tool_call",
    "custom_tool_call_output",
)


def _is_message(value: object) -> bool:
    told = unpacked(value)
    if not isinstance(told, Mapping):
        return False
    said = role_of(told) and ("content" in told or "tool_calls" in told)
    return bool(said) or (told.get("type") in _ITEMS and any(key in told for key in ("role", "call_id", "summary")))


def _recognises(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_message, value))
    return _is_message(value) or any(map(_is_message, messages_in(_request(value))))


def _request(value: object) -> object:
    """The request in what a proxy wrote of it, or the value itself."""
    told = object_of(value)
    return next((told[key] for key in ("body", "request") if isinstance(told.get(key), Mapping)), value)


def _read(records: Iterable[Record], note: Note) -> Iterator[Imported]:
    single: list[Any] = []
    first: Record | None = None
    completions: list[Completion] = []
    for record in records:
        if _is_message(record.value) or (first and isinstance(object_of(record.value).get("type"), str)):
            first = first or record
            single.append(record.value)
        elif answer := answer_in(object_of(record.value).get("response")):
            completions.append(_completion(record, answer))
        elif told := _conversation(record):
            yield told
        else:
            note(record, "no message list with an answer of the model in it")
    yield from runs_of(completions)
    if first:
        trajectory = trajectory_of(single)
        if not trajectory.turns:
            raise Damaged("no answer of the model among the messages")
        run = Run("", "", task=trajectory.task)
        yield Imported(run, Trajectory(trajectory.task, trajectory.turns, ended=True), first)


def _conversation(record: Record) -> Imported | None:
    value = object_of(record.value)
    request = object_of(_request(value))
    messages = record.value if isinstance(record.value, list) else messages_in(request)
    if isinstance(request.get("output"), list):  # a response of OpenAI's, with what it was asked beside it
        messages = [*messages, *request["output"]]
    trajectory = trajectory_of(messages)
    if not trajectory.turns:
        return None
    task_id = id_of(value.get("task_id")) or id_of(value.get("instance_id"))
    resolved = value.get("resolved")
    run = Run(
        run_id=_identity(value) or task_id,
        task_id=task_id,
        repo=id_of(value.get("repo")) or repo_of(task_id),
        task=trajectory.task,
        weak_model=id_of(value.get("model")) or id_of(request.get("model")),
        y_weak=int(resolved) if isinstance(resolved, bool) else None,
        cost_weak=amount_of(value.get("cost_usd")),
    )
    return Imported(run, Trajectory(trajectory.task, trajectory.turns, ended=True), record)


def _identity(value: Mapping[str, Any]) -> str:
    names = ("run_id", "session_id", "conversation_id", "trace_id", "id")
    return next((found for name in names if (found := id_of(value.get(name)))), "")


def _completion(record: Record, answer: list[Any]) -> Completion:
    value = record.value
    request, response = object_of(_request(value)), object_of(value.get("response"))
    usage = object_of(response.get("usage") or value.get("usage"))
    return Completion(
        record,
        messages_in(request),
        answer,
        identity=id_of(response.get("id")),
        session=_identity(value),
        model=id_of(response.get("model")) or id_of(request.get("model")),
        started=time_of(value.get("timestamp") or response.get("created")),
        prompt_tokens=amount_of(usage.get("prompt_tokens", usage.get("input_tokens"))),
        completion_tokens=amount_of(usage.get("completion_tokens", usage.get("output_tokens"))),
        cost=amount_of(value.get("cost_usd")),
    )


FORMAT = Format("chat", _recognises, _read)
