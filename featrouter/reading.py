"""One turn as the families see it: text capped once, operations resolved once, shared by all of them."""

from __future__ import annotations

import re
from functools import cached_property

from featrouter.dialects import operations, primary
from featrouter.trajectory import Call, Operation, Turn

#: Characters kept of a long text: its head and its tail. Sizes are always taken from the whole text.
HEAD, TAIL = 2048, 4096
MAX_CALLS = 32
#: No turn costs, lasts or counts more; larger numbers are nonsense, and their sums would overflow.
MOST_AMOUNT = 1e15

_ANSI = re.compile(r"\x1b\[[0-9;?]{0,32}[A-Za-z]")


def text_of(value: object) -> str:
    """Any field of a turn as text: None is empty, bytes are decoded, other objects are named by their type."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray):
        return bytes(value[: HEAD + TAIL]).decode("utf-8", "replace")
    if isinstance(value, bool | int | float):
        return repr(value)
    return f"<{type(value).__name__}>"


def window(text: str, head: int = HEAD, tail: int = TAIL) -> str:
    """The text, or its first `head` and last `tail` characters, joined by a line break."""
    if len(text) > head + tail:
        text = f"{text[:head]}\n{text[-tail:]}"
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    return text.replace("\r\n", "\n") if "\r" in text else text


def task_window(task: object) -> str:
    """The task text as the families read it: more of it is kept than of an observation, as it carries the problem."""
    return window(text_of(task), 12_000, 4_000)


class CallReading:
    """One tool call: capped texts, true sizes, canonical operations."""

    def __init__(self, call: Call) -> None:
        action, observation = text_of(call.action), text_of(call.observation)
        self.action = window(action)
        self.observation = window(observation)
        self.action_size = len(action)
        self.observation_size = len(observation)
        self.tool = text_of(call.tool)[:64]
        self.exit_code = call.exit_code if isinstance(call.exit_code, int) else None
        self.is_error = call.is_error if isinstance(call.is_error, bool) else None

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        return operations(Call(self.action, self.observation, self.tool, self.exit_code, self.is_error))

    @cached_property
    def kind(self) -> str:
        return primary(self.operations).kind

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset(operation.kind for operation in self.operations)

    # hash(str) differs between processes; these two are only ever compared within one session.
    @cached_property
    def signature(self) -> int:
        return hash((self.tool, self.action, self.action_size))

    @cached_property
    def answer(self) -> int:
        return hash((self.observation, self.observation_size))


class Reading:
    """One turn: its number (1, 2, …), its thought, its calls, and what the harness reported about it."""

    def __init__(self, turn: Turn, number: int) -> None:
        self.number = number
        self.thought = window(text_of(turn.thought), HEAD, HEAD)
        calls = turn.each_call()
        self.calls = [CallReading(call) for call in calls[:MAX_CALLS]]
        self.n_calls = len(calls)
        self.prompt_tokens = _amount(turn.prompt_tokens)
        self.completion_tokens = _amount(turn.completion_tokens)
        self.cost = _amount(turn.cost)
        self.latency = _amount(turn.latency)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(operation for call in self.calls for operation in call.operations)

    @cached_property
    def observation(self) -> str:
        return "\n".join(call.observation for call in self.calls)

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset().union(*(call.kinds for call in self.calls))


def _amount(value: object) -> float:
    """A count or a price, NaN where it is unknown or makes no sense."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    try:
        number = float(value)
    except OverflowError:
        return float("nan")
    return number if 0 <= number <= MOST_AMOUNT else float("nan")
