"""OpenHands SDK: a RouterLLM that is the weak model until the router escalates, and then the strong one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openhands.sdk import LLM
from openhands.sdk.llm.router import RouterLLM
from pydantic import Field

from featrouter.integrations.escalator import Escalator, Route, Usage
from featrouter.integrations.identity import conversation_of
from featrouter.messages.parts import get, text
from featrouter.messages.reading import starts_of
from featrouter.session import noted


class EscalatingLLM(RouterLLM):  # type: ignore[misc]  # the host's class, of which nothing is typed
    """`Agent(llm=EscalatingLLM.of(weak, strong))`. Nothing that goes wrong in here reaches the agent.

    A conversation is told by how it begins.
    """

    router_name: str = "featrouter"
    escalator: Any = Field(default=None, exclude=True, description="Where each conversation goes")

    @classmethod
    def of(cls, weak: LLM, strong: LLM, *, escalator: Escalator | None = None, **options: Any) -> EscalatingLLM:
        """Of two LLMs; without an `escalator`, one is loaded with `options`, those of Escalator.load."""
        watched = escalator or Escalator.load(**options)
        return cls(usage_id="featrouter", llms_for_routing={"weak": weak, "strong": strong}, escalator=watched)

    def select_llm(self, messages: Sequence[Any]) -> str:
        """Which of the two answers next: "weak" or "strong"."""
        route = self._routed(messages)
        return "strong" if route and route.escalate else "weak"

    def completion(self, messages: Any, *rest: Any, **named: Any) -> Any:
        """One answer of the model that is on; the strong one gets no reasoning that only the weak one's vendor reads."""
        route = self._routed(messages)
        if route and route.escalate:
            messages = _portable(messages, route.handed_over or 0)
        chosen = self.llms_for_routing["strong" if route and route.escalate else "weak"]
        self.active_llm = chosen
        response = chosen.completion(messages, *rest, **named)
        self._answered(route, response)
        return response

    def _routed(self, messages: Sequence[Any]) -> Route | None:
        try:
            models = self.llms_for_routing["weak"].model, self.llms_for_routing["strong"].model
            route: Route = self.escalator.decide(messages, conversation_of(messages), models=models)
            return route
        except Exception as error:
            noted(error)
            return None

    def _answered(self, route: Route | None, response: Any) -> None:
        try:
            if route:
                message, used = get(response, "message"), get(get(response, "raw_response"), "usage")
                usage = Usage(
                    get(used, "prompt_tokens") or get(used, "input_tokens"),
                    get(used, "completion_tokens") or get(used, "output_tokens"),
                )
                final = None if get(message, "tool_calls") else text(get(message, "content"))
                self.escalator.answered(route.run, route.decision.turn + 1, usage, final=final)
        except Exception as error:
            noted(error)


def _portable(messages: Sequence[Any], turns: int) -> list[Any]:
    begun = starts_of(messages)
    after = begun[turns] if turns < len(begun) else len(messages)
    bare: dict[str, Any] = {"thinking_blocks": [], "reasoning_content": None, "responses_reasoning_item": None}
    return [message.model_copy(update=bare) for message in messages[:after]] + list(messages[after:])
