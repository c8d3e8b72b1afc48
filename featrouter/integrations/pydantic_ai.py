"""pydantic-ai: a model selection that hands an agent's run over to a strong model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_ai.capabilities.select_model import SelectModel

from featrouter.integrations.escalator import Escalator, Usage
from featrouter.integrations.identity import conversation_of
from featrouter.messages.parts import get, text
from featrouter.session import noted


def escalate_to(strong: Any, *, escalator: Escalator | None = None, **options: Any) -> SelectModel[Any]:
    """A capability: the agent's own model is the weak one; `strong` (a model, or its name) takes over on escalation.

    Without an `escalator`, one is loaded with `options`, those of Escalator.load. A conversation is what pydantic-ai
    calls one, or else its first message. Nothing that goes wrong in here reaches the agent. Signed reasoning of
    another vendor is left out by pydantic-ai itself.
    """
    watched = escalator or Escalator.load(**options)

    def select(context: Any) -> Any:
        try:
            messages = chat_of(context.messages)
            models = (str(get(context.model, "model_name") or ""), str(get(strong, "model_name") or strong))
            run = get(context, "conversation_id") or get(context, "run_id") or conversation_of(messages)
            responses = [message for message in context.messages if get(message, "kind") == "response"]
            if responses:
                used = get(responses[-1], "usage")
                watched.answered(run, len(responses), Usage(get(used, "input_tokens"), get(used, "output_tokens")))
            return strong if watched.decide(messages, run, models=models).escalate else context.model
        except Exception as error:
            noted(error)
            return context.model

    return SelectModel(select)


def chat_of(messages: Sequence[Any]) -> list[dict[str, Any]]:
    """pydantic-ai's messages as OpenAI chat messages; system prompts and instructions are left out."""
    return [told for message in messages for told in _chat(message)]


def _chat(message: Any) -> Iterator[dict[str, Any]]:
    parts = get(message, "parts") or ()
    if get(message, "kind") == "response":
        calls = [
            {"id": part.tool_call_id, "function": {"name": part.tool_name, "arguments": part.args or "{}"}}
            for part in parts
            if part.part_kind in ("tool-call", "builtin-tool-call")
        ]
        said = [part.content for part in parts if part.part_kind in ("thinking", "text") and part.content]
        yield {"role": "assistant", "content": "\n".join(said), "tool_calls": calls}
        return
    for part in parts:
        if part.part_kind == "user-prompt":
            yield {"role": "user", "content": text(part.content)}
        elif part.part_kind in ("tool-return", "retry-prompt"):
            returned = part.part_kind == "tool-return"
            failed = not returned or get(part, "outcome") in ("failed", "retried")
            yield {
                "role": "tool",
                "tool_call_id": part.tool_call_id,
                "content": part.model_response_str() if returned else part.model_response(),
                "status": "error" if failed else "success",
            }
