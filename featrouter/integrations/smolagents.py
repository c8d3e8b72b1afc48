"""smolagents: a model that is the weak one until the router escalates, and then the strong one."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator, Sequence
from typing import Any

from smolagents import Model

from featrouter.integrations.escalator import Escalator, Route, Usage
from featrouter.integrations.identity import conversation_of
from featrouter.messages.parts import get, text
from featrouter.session import noted

#: How smolagents begins the message that repeats an answer's calls, and the one that answers them.
_CALLING, _SEEN = "Calling tools:\n", "Observation:\n"
_FINAL = "final_answer"


class EscalatingModel(Model):  # type: ignore[misc]  # the host's class, of which nothing is typed
    """`CodeAgent(model=EscalatingModel(weak, strong), tools=[])`; both are models of smolagents.

    Without an `escalator`, one is loaded with `options`, those of Escalator.load. A conversation is told by how it
    begins. Nothing that goes wrong in here reaches the agent.
    """

    def __init__(self, weak: Any, strong: Any, *, escalator: Escalator | None = None, **options: Any) -> None:
        super().__init__(model_id=str(get(weak, "model_id") or type(weak).__name__))
        self._models = (weak, strong)
        self._names = (str(self.model_id), str(get(strong, "model_id") or type(strong).__name__))
        self._escalator = escalator or Escalator.load(**options)

    def generate(self, messages: list[Any], *rest: Any, **named: Any) -> Any:
        """One answer of the model that is on."""
        route, began = self._routed(messages), time.monotonic()
        reply = self._models[bool(route and route.escalate)].generate(messages, *rest, **named)
        self._answered(route, reply, time.monotonic() - began)
        return reply

    def generate_stream(self, messages: list[Any], *rest: Any, **named: Any) -> Iterator[Any]:
        """The same in pieces, where the model that is on can stream."""
        route, began = self._routed(messages), time.monotonic()
        tokens = [0, 0]
        for piece in self._models[bool(route and route.escalate)].generate_stream(messages, *rest, **named):
            used = get(piece, "token_usage")
            tokens = [tokens[0] + (get(used, "input_tokens") or 0), tokens[1] + (get(used, "output_tokens") or 0)]
            yield piece
        if route:
            usage = Usage(tokens[0], tokens[1], latency=time.monotonic() - began)
            self._escalator.answered(route.run, route.decision.turn + 1, usage)

    def parse_tool_calls(self, message: Any) -> Any:
        """As the model does that wrote the message: of two of one kind, either can."""
        return self._models[0].parse_tool_calls(message)

    def _routed(self, messages: Sequence[Any]) -> Route | None:
        try:
            told = chat_of(messages)
            return self._escalator.decide(told, conversation_of(told), models=self._names)
        except Exception as error:
            noted(error)
            return None

    def _answered(self, route: Route | None, reply: Any, seconds: float) -> None:
        try:
            if route:
                used, said = get(reply, "token_usage"), text(get(reply, "content"))
                usage = Usage(get(used, "input_tokens"), get(used, "output_tokens"), latency=seconds)
                calls = [get(get(call, "function"), "name") for call in get(reply, "tool_calls") or ()]
                ends = _FINAL in calls or f"{_FINAL}(" in said
                self._escalator.answered(route.run, route.decision.turn + 1, usage, final=said if ends else None)
        except Exception as error:
            noted(error)


def chat_of(messages: Sequence[Any]) -> list[dict[str, Any]]:
    """smolagents' messages as OpenAI chat messages: an answer and the message that repeats its calls are one."""
    chat: list[dict[str, Any]] = []
    for message in messages:
        role, said = str(getattr(get(message, "role"), "value", get(message, "role"))), text(get(message, "content"))
        if role == "tool-call":
            calls = _calls(said.removeprefix(_CALLING))
            if chat and chat[-1]["role"] == "assistant":
                chat[-1]["tool_calls"] = calls
            else:
                chat.append({"role": "assistant", "content": "", "tool_calls": calls})
        elif role == "tool-response":
            asked = [call for told in chat for call in told.get("tool_calls", ())]
            identity = asked[-1].get("id") if asked else None
            chat.append({"role": "tool", "tool_call_id": identity, "content": said.removeprefix(_SEEN)})
        else:
            chat.append({"role": role, "content": said})
    return chat


def _calls(told: str) -> list[dict[str, Any]]:
    """The calls that smolagents has printed, as it prints them: the text of a Python list."""
    try:
        calls = ast.literal_eval(told)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        calls = [{"function": {"name": "python_interpreter", "arguments": told}}]
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
