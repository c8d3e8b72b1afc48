"""OpenTelemetry's GenAI spans in OTLP JSON: model calls with their messages, and the tools that were run.

Messages are on the spans only where capturing content was switched on. The attributes are those of the semantic
conventions, which are still in development: `gen_ai.input.messages`, `gen_ai.output.messages`, and what goes with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from featrouter.importers.completions import Completion, runs_of
from featrouter.importers.fields import amount_of, arguments_of, id_of, object_of, objects_of, text_of, time_of
from featrouter.importers.format import Format, Imported
from featrouter.importers.records import Damaged, Note, Record

_Object = Mapping[str, Any]
_CALLS = ("chat", "text_completion", "generate_content")


def _recognises(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("resourceSpans", value.get("resource_spans")), list)


def _read(records: Iterable[Record], note: Note) -> Iterator[Imported]:
    calls: list[Completion] = []
    ran: dict[str, _Object] = {}  # the attributes of the tools' spans, by call
    named = False
    for record in records:
        if not _recognises(record.value):
            note(record, "resourceSpans: a list is wanted")
            continue
        for span in _spans(record.value):
            given = _attributes(span)
            operation = given.get("gen_ai.operation.name")
            named = named or isinstance(operation, str)
            if operation == "execute_tool":
                if object_of(span.get("status")).get("code") in (2, "STATUS_CODE_ERROR"):
                    given.setdefault("error.type", "_OTHER")
                ran[id_of(given.get("gen_ai.tool.call.id"))] = given
            elif operation in _CALLS:
                calls.append(_completion(record, span, given))
    for call in calls:
        call.messages = [_judged(message, ran) for message in call.messages]
        call.answer += [_result(each, ran) for each in _asked(call.answer) if each in ran]
    imported = list(runs_of(calls))
    if not imported:
        why = "none of its GenAI spans holds messages; switch the capture of content on" if named else "no GenAI span"
        raise Damaged(why)
    yield from imported


def _spans(value: _Object) -> Iterator[_Object]:
    for resource in objects_of(value.get("resourceSpans", value.get("resource_spans"))):
        for scope in objects_of(resource.get("scopeSpans", resource.get("scope_spans"))):
            yield from objects_of(scope.get("spans"))


def _attributes(told: _Object) -> dict[str, Any]:
    found = {str(each.get("key")): _value(each.get("value")) for each in objects_of(told.get("attributes"))}
    for event in objects_of(told.get("events")):  # where content is captured as an event of the span
        found = _attributes(event) | found
    return found


def _value(told: object) -> Any:
    """A value of OTLP, whose only key names its type."""
    value = object_of(told)
    if "arrayValue" in value:
        return [_value(each) for each in objects_of(object_of(value["arrayValue"]).get("values"))]
    if "kvlistValue" in value:
        pairs = objects_of(object_of(value["kvlistValue"]).get("values"))
        return {str(pair.get("key")): _value(pair.get("value")) for pair in pairs}
    return next(iter(value.values()), None)


def _completion(record: Record, span: _Object, given: _Object) -> Completion:
    begun, done = time_of(span.get("startTimeUnixNano")), time_of(span.get("endTimeUnixNano"))
    return Completion(
        record,
        [each for told in objects_of(given.get("gen_ai.input.messages")) for each in _messages(told)],
        [each for told in objects_of(given.get("gen_ai.output.messages")) for each in _messages(told)],
        identity=id_of(span.get("spanId")),
        session=id_of(given.get("gen_ai.conversation.id")) or id_of(span.get("traceId")),
        model=id_of(given.get("gen_ai.response.model")) or id_of(given.get("gen_ai.request.model")),
        harness=id_of(given.get("gen_ai.agent.name")),
        started=begun,
        prompt_tokens=amount_of(given.get("gen_ai.usage.input_tokens")),
        completion_tokens=amount_of(given.get("gen_ai.usage.output_tokens")),
        latency=amount_of(done - begun) if begun and done else None,
    )


def _messages(told: _Object) -> Iterator[dict[str, Any]]:
    """A message of parts as messages of OpenAI's form: its text and calls, then each tool's answer."""
    said, thought, calls = [], [], []
    results = []
    for part in objects_of(told.get("parts")):
        kind = part.get("type")
        if kind == "tool_call":
            named = {"name": part.get("name"), "arguments": arguments_of(part.get("arguments"))}
            calls.append({"id": id_of(part.get("id")), "function": named})
        elif kind == "tool_call_response":
            answer = part.get("response", part.get("result"))
            content = answer if isinstance(answer, str) else text_of(answer) or arguments_of(answer)
            results.append({"role": "tool", "tool_call_id": id_of(part.get("id")), "content": content})
        elif kind in ("reasoning", "thinking"):
            thought.append(text_of(part.get("content")))
        else:
            said.append(text_of(part.get("content")))
    text = text_of(told.get("content")) if "parts" not in told else "\n".join(filter(None, said))
    if text or thought or calls:
        yield {
            "role": told.get("role"),
            "content": text,
            "reasoning_content": "\n".join(thought),
            "tool_calls": calls,
        }
    yield from results


def _asked(messages: Iterable[_Object]) -> list[str]:
    return [call["id"] for message in messages for call in message.get("tool_calls", ())]


def _judged(message: dict[str, Any], ran: Mapping[str, _Object]) -> dict[str, Any]:
    """A tool's answer, with the error that the tool's own span tells."""
    failed = message["role"] == "tool" and "error.type" in ran.get(message["tool_call_id"], {})
    return message | {"status": "error"} if failed else message


def _result(call: str, ran: Mapping[str, _Object]) -> dict[str, Any]:
    result = ran[call].get("gen_ai.tool.call.result")
    content = result if isinstance(result, str) else arguments_of(result)
    return _judged({"role": "tool", "tool_call_id": call, "content": content}, ran)


FORMAT = Format("otel", _recognises, _read)
