"""LangChain: middleware that hands an agent's conversation over to a strong model."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.chat_models import init_chat_model
from langgraph.config import get_config

from featrouter.integrations.escalator import Escalator, Route, Usage
from featrouter.integrations.identity import conversation_of
from featrouter.messages import portable
from featrouter.messages.parts import get, role_of, text
from featrouter.session import noted


class EscalationMiddleware(AgentMiddleware):  # type: ignore[misc]  # the host's class, of which nothing is typed
    """The agent's own model is the weak one; `strong` (a chat model, or its name) takes over when the router escalates.

    Without an `escalator`, one is loaded with `options`, those of Escalator.load. A conversation is its `thread_id`, or
    else its first message. Nothing that goes wrong in here reaches the agent.
    """

    def __init__(self, strong: Any, *, escalator: Escalator | None = None, **options: Any) -> None:
        super().__init__()
        self._strong = init_chat_model(strong) if isinstance(strong, str) else strong
        self._escalator = escalator or Escalator.load(**options)

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Sync agents."""
        request, route, began = *self._routed(request), time.monotonic()
        response = handler(request)
        self._answered(route, response, time.monotonic() - began)
        return response

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Async agents."""
        request, route, began = *self._routed(request), time.monotonic()
        response = await handler(request)
        self._answered(route, response, time.monotonic() - began)
        return response

    def _routed(self, request: Any) -> tuple[Any, Route | None]:
        try:
            models = _name(request.model), _name(self._strong)
            route = self._escalator.decide(request.messages, _run(request), models=models)
            if route.escalate:
                request = request.override(
                    model=self._strong, messages=portable(request.messages, route.handed_over or 0)
                )
            return request, route
        except Exception as error:
            noted(error)
            return request, None

    def _answered(self, route: Route | None, response: Any, seconds: float) -> None:
        try:
            if route:
                message = next(told for told in get(response, "result") or [response] if role_of(told) == "assistant")
                used = get(message, "usage_metadata")
                usage = Usage(get(used, "input_tokens"), get(used, "output_tokens"), latency=seconds)
                final = None if get(message, "tool_calls") else text(get(message, "content"))
                self._escalator.answered(route.run, route.decision.turn + 1, usage, final=final)
        except Exception as error:
            noted(error)


def _run(request: Any) -> str:
    try:
        thread = get_config().get("configurable", {}).get("thread_id")
    except RuntimeError:  # called outside of a graph
        thread = None
    first = next((get(message, "id") for message in request.messages if role_of(message) == "user"), None)
    return str(thread or first or conversation_of(request.messages, get(request.system_message, "content")))


def _name(model: Any) -> str:
    return str(get(model, "model_name") or get(model, "model") or type(model).__name__)
