"""Which conversation a request belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from featrouter.messages.parts import get, role_of, text
from featrouter.messages.reading import task_in

RUN_HEADER, TASK_HEADER = "x-featrouter-run", "x-featrouter-task"
#: Claude Code names its session, and in it the agent; a sub-agent is a conversation of its own.
_SESSION_HEADERS = ("x-claude-code-session-id", "x-claude-code-agent-id")


def conversation_of(messages: Sequence[Any], system: object = "", metadata: Mapping[str, Any] | None = None) -> str:
    """A name for the conversation that these messages belong to, the same for all of its requests.

    An explicit one (`x-featrouter-run` among `metadata["headers"]`, `featrouter_run` in the metadata) is taken as it is.
    Else the session's, where one is named, with a hash of the first user message: what else goes on in a session (titles,
    sub-agents) is not of this run. Else a hash of who asks, the system prompt and the first user message.
    """
    told = metadata or {}
    headers = _headers(told)
    explicit = headers.get(RUN_HEADER) or told.get("featrouter_run")
    if explicit:
        return str(explicit)
    task = task_in(messages)
    session = [headers[name] for name in _SESSION_HEADERS if headers.get(name)]
    if not session and told.get("session_id"):
        session = [str(told["session_id"])]
    if session:
        return "-".join([*session, _hash(task)])
    systems = [text(get(message, "content")) for message in messages if role_of(message) in ("system", "developer")]
    asker = told.get("user_api_key_hash") or told.get("user_api_key") or ""
    return _hash(f"{asker}\0{text(system)}\0{''.join(systems)}\0{task}")


def task_of(metadata: Mapping[str, Any] | None) -> str:
    """The task's id that the request names (`x-featrouter-task`, or `featrouter_task` in its metadata); else empty."""
    told = metadata or {}
    return str(_headers(told).get(TASK_HEADER) or told.get("featrouter_task") or "")


def _headers(metadata: Mapping[str, Any]) -> dict[str, str]:
    headers = metadata.get("headers")
    return {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, Mapping) else {}


def _hash(told: str) -> str:
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
