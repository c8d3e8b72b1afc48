"""OpenAI Agents SDK: a model that is the weak one until the router escalates, and then the strong one."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any

from agents import Model
from agents.models.multi_provider import MultiProvider

from featrouter.integrations.escalator import Escalator, Route, Usage
from featrouter.integrations.identity import conversation_of
from featrouter.messages import portable, trajectory_of
from featrouter.messages.parts import get
from featrouter.session import noted

#: So many responses and conversations are remembered for who goes on with one by its id alone.
MOST = 1024


class EscalatingModel(Model):  # type: ignore[misc]  # the host's class, of which nothing is typed
    """`Agent(model=EscalatingModel(weak, strong))`; both are models, or names of models.

    Without an `escalator`, one is loaded with `options`, those of Escalator.load. A conversation is its
    `conversation_id`, or else told by how it begins. Nothing that goes wrong in here reaches the agent.
    """

    def __init__(self, weak: Any, strong: Any, *, escalator: Escalator | None = None, **options: Any) -> None:
        named = MultiProvider()
        self._models = [named.get_model(model) if isinstance(model, str) else model for model in (weak, strong)]
        self._names = [str(get(model, "model") or type(model).__name__) for model in self._models]
        self._escalator = escalator or Escalator.load(**options)
        self._histories: OrderedDict[str, tuple[str, list[Any]]] = OrderedDict()

    async def get_response(self, system_instructions: Any, input: Any, *rest: Any, **named: Any) -> Any:
        """One answer of the model that is on."""
        route, given, history = self._routed(system_instructions, input, named)
        began = time.monotonic()
        response = await self._models[bool(route and route.escalate)].get_response(
            system_instructions, given, *rest, **named
        )
        self._answered(route, history, response, named, time.monotonic() - began)
        return response

    async def stream_response(
        self, system_instructions: Any, input: Any, *rest: Any, **named: Any
    ) -> AsyncIterator[Any]:
        """The same as events, as they come."""
        route, given, history = self._routed(system_instructions, input, named)
        began = time.monotonic()
        model = self._models[bool(route and route.escalate)]
        async for event in model.stream_response(system_instructions, given, *rest, **named):
            if get(event, "type") == "response.completed":
                self._answered(route, history, get(event, "response"), named, time.monotonic() - began)
            yield event

    def _routed(self, system: Any, input: Any, named: dict[str, Any]) -> tuple[Route | None, Any, list[Any]]:
        try:
            items = [{"role": "user", "content": input}] if isinstance(input, str) else list(input)
            held = named.get("conversation_id") or named.get("previous_response_id")
            run, before = self._histories.get(str(held), ("", []))
            history = before + items
            run = str(run or named.get("conversation_id") or conversation_of(history, system))
            route = self._escalator.decide(history, run, models=(self._names[0], self._names[1]))
            # What the server holds by an id is not told again, and cannot be changed here.
            if route.escalate and not before and not isinstance(input, str):
                input = portable(items, route.handed_over or 0)
            return route, input, history
        except Exception as error:
            noted(error)
            return None, input, []

    def _answered(
        self, route: Route | None, history: list[Any], response: Any, named: dict[str, Any], seconds: float
    ) -> None:
        try:
            if route:
                output, used = list(get(response, "output") or ()), get(response, "usage")
                turns = trajectory_of(output).turns
                final = turns[-1].thought if turns and not turns[-1].calls else None
                usage = Usage(get(used, "input_tokens"), get(used, "output_tokens"), latency=seconds)
                self._escalator.answered(route.run, route.decision.turn + 1, usage, final=final)
                held = named.get("conversation_id") or get(response, "response_id") or get(response, "id")
                if held:
                    self._histories[str(held)] = (route.run, history + output)
                    self._histories.move_to_end(str(held))
                    while len(self._histories) > MOST:
                        self._histories.popitem(last=False)
        except Exception as error:
            noted(error)
