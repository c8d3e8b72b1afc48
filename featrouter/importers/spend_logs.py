"""LiteLLM's spend logs (`LiteLLM_SpendLogs`), a row a call of a model, as CSV or JSON.

Rows hold messages only where the proxy was told to keep them: `general_settings.store_prompts_in_spend_logs: true`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from featrouter.importers.completions import Completion, answer_in, messages_in, runs_of
from featrouter.importers.fields import amount_of, id_of, time_of
from featrouter.importers.format import Format, Imported
from featrouter.importers.records import Note, Record


def _recognises(value: Any) -> bool:
    return isinstance(value, Mapping) and {"request_id", "spend", "model"} <= value.keys() and "startTime" in value


def _read(records: Iterable[Record], note: Note) -> Iterator[Imported]:
    completions = []
    for record in records:
        row = record.value
        if not _recognises(row):
            note(record, "no row of LiteLLM's spend logs")
            continue
        messages, answer = _messages(row), answer_in(row.get("response"))
        if messages and answer:
            completions.append(_completion(record, messages, answer))
        elif row.get("status") != "failure":
            note(
                record, "the row holds no prompt: set `store_prompts_in_spend_logs: true` in LiteLLM's general_settings"
            )
    yield from runs_of(completions)


def _messages(row: Mapping[str, Any]) -> list[Any]:
    return next((found for key in ("messages", "proxy_server_request") if (found := messages_in(row.get(key)))), [])


def _completion(record: Record, messages: list[Any], answer: list[Any]) -> Completion:
    row = record.value
    took = amount_of(row.get("request_duration_ms"))
    begun, done = time_of(row.get("startTime")), time_of(row.get("endTime"))
    return Completion(
        record,
        messages,
        answer,
        identity=id_of(row.get("request_id")),
        session=id_of(row.get("session_id")),
        model=id_of(row.get("model")),
        started=begun,
        prompt_tokens=amount_of(row.get("prompt_tokens")),
        completion_tokens=amount_of(row.get("completion_tokens")),
        cost=amount_of(row.get("spend")),
        latency=took / 1000 if took is not None else amount_of(done - begun) if begun and done else None,
    )


FORMAT = Format("litellm", _recognises, _read)
