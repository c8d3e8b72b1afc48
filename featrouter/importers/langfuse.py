"""Langfuse's exports: observations as CSV, JSON or JSON lines, or traces that hold theirs. Generations are the turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from featrouter.importers.completions import Completion, answer_in, messages_in, runs_of
from featrouter.importers.fields import amount_of, id_of, object_of, objects_of, time_of, total_of
from featrouter.importers.format import Format, Imported
from featrouter.importers.records import Damaged, Note, Record

_TYPES = "GENERATION SPAN EVENT TOOL AGENT CHAIN RETRIEVER EVALUATOR EMBEDDING GUARDRAIL".split()


def _get(value: Mapping[str, Any], name: str) -> Any:
    """A field under its name in exports (`trace_id`) or in the API (`traceId`)."""
    first, *others = name.split("_")
    return value.get(name, value.get(first + "".join(word.title() for word in others)))


def _is_observation(value: object) -> bool:
    return isinstance(value, Mapping) and value.get("type") in _TYPES and _get(value, "trace_id") is not None


def _observations(value: object) -> list[Mapping[str, Any]]:
    """An observation, or those of a trace, or of a page of the API's answer."""
    if not isinstance(value, Mapping):
        return []
    inside = [*objects_of(value.get("observations")), *objects_of(value.get("data"))]
    return [value] if _is_observation(value) else list(filter(_is_observation, inside))


def _recognises(value: Any) -> bool:
    return bool(_observations(value))


def _read(records: Iterable[Record], note: Note) -> Iterator[Imported]:
    completions = []
    told = False
    for record in records:
        value, observations = object_of(record.value), _observations(record.value)
        if not observations:
            note(record, "neither an observation nor a trace with its observations")
        told = told or bool(observations)
        session = id_of(_get(value, "session_id"))
        completions += [_completion(record, each, session) for each in observations if each.get("type") == "GENERATION"]
    imported = list(runs_of(completions))
    if told and not imported:
        raise Damaged("no generation with messages in `input` and an answer in `output` among the observations")
    yield from imported


def _completion(record: Record, told: Mapping[str, Any], session: str) -> Completion:
    usage = object_of(_get(told, "usage_details") or told.get("usage"))
    prompt = [amount for key, amount in usage.items() if key.startswith(("input", "prompt", "cache"))]
    cost = object_of(_get(told, "cost_details")).get("total")
    return Completion(
        record,
        messages_in(told.get("input")),
        answer_in(told.get("output")),
        identity=id_of(told.get("id")),
        session=session or id_of(_get(told, "session_id")) or id_of(_get(told, "trace_id")),
        model=id_of(_get(told, "provided_model_name")) or id_of(told.get("model")),
        started=time_of(_get(told, "start_time")),
        prompt_tokens=total_of(*prompt) if prompt else amount_of(_get(told, "prompt_tokens")),
        completion_tokens=amount_of(
            next((usage[key] for key in ("output", "completion_tokens", "output_tokens") if key in usage), None)
            or _get(told, "completion_tokens")
        ),
        cost=next(
            (
                found
                for each in (_get(told, "total_cost"), _get(told, "calculated_total_cost"), cost)
                if (found := amount_of(each)) is not None
            ),
            None,
        ),
        latency=amount_of(told.get("latency")),
    )


FORMAT = Format("langfuse", _recognises, _read)
