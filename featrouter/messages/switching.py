"""What another model may be given of a conversation: all but the reasoning that only its writer can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from featrouter.messages.parts import get, kind_of
from featrouter.messages.reading import starts_of

#: Reasoning of a vendor's, signed or encrypted for its own models; another one refuses the request.
_BLOCKS = frozenset(("thinking", "redacted_thinking", "reasoning"))
#: The same in fields of an OpenAI chat message, as LiteLLM, OpenRouter and DeepSeek tell it.
_FIELDS = ("thinking_blocks", "reasoning_content", "reasoning_details", "reasoning", "reasoning_items")


def portable(messages: Sequence[Any], turns: int | None = None) -> list[Any]:
    """The messages without vendor-bound reasoning, or without that of the first `turns` turns: the other's own is kept.

    Messages without any are the same objects, and none is changed.

    Gone are Anthropic's `thinking` blocks, reasoning fields of chat messages, and reasoning items of Responses, with
    the server's ids of the items beside them (an id asks for the reasoning that it was stored with). A message that
    was nothing but reasoning is left out.
    """
    if turns is not None:
        begun = starts_of(messages)
        after = begun[turns] if turns < len(begun) else len(messages)
        return portable(messages[:after]) + list(messages[after:])
    kept = [stripped for message in messages if (stripped := _stripped(message)) is not None]
    if any(kind_of(message) == "reasoning" for message in messages):
        kept = [_nameless(item) for item in kept]
    return kept


def _stripped(message: Any) -> Any:
    if kind_of(message) in _BLOCKS:
        return None
    content = get(message, "content")
    changes: dict[str, Any] = {}
    if isinstance(content, list):
        left = [block for block in content if kind_of(block) not in _BLOCKS]
        if len(left) < len(content):
            changes["content"] = left
            if not left and not get(message, "tool_calls"):
                return None
    dropped = [name for name in _FIELDS if isinstance(message, Mapping) and name in message]
    if isinstance(message, Mapping):
        if not changes and not dropped:
            return message
        return {name: value for name, value in message.items() if name not in dropped} | changes
    copied = getattr(message, "model_copy", None)  # the objects of clients' libraries are pydantic's
    return copied(update=changes) if changes and callable(copied) else message


def _nameless(item: Any) -> Any:
    if isinstance(item, Mapping) and ("call_id" in item or kind_of(item) == "message"):
        return {name: value for name, value in item.items() if name != "id"}
    return item
