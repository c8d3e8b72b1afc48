"""One turn as the families see it: text capped once, operations resolved once, shared by all of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from featrouter.catalogue import Pattern
from featrouter.dialects import operations, primary
from featrouter.screen import held
from featrouter.trajectory import MOST_AMOUNT, Call, Turn

#: Characters kept of a long text: its head and its tail. Sizes are always taken from the whole text.
HEAD, TAIL = 2048, 4096
MAX_CALLS = 32

#: What a terminal takes as colours, movements and titles.
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]{0,32}[A-Za-z]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\))")


def text_of(value: object) -> str:
    """Any field of a turn as text: None is empty, bytes are decoded, other objects are named by their type."""
    if isinstance(value, str):
        return str.__str__(value)  # a class of its own may do anything where it is compared, cut or joined
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray):
        return bytes(value[: HEAD + TAIL]).decode("utf-8", "replace")
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < MOST_AMOUNT):
        return repr(value)
    return f"<{type(value).__name__}>"


def window(text: str, head: int = HEAD, tail: int = TAIL) -> str:
    """The text, or its first `head` and last `tail` characters, joined by a line break."""
    if len(text) > head + tail:
        text = f"{text[:head]}\n{text[-tail:]}"
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return text


def task_window(task: object) -> str:
    """The task text as the families read it: more of it is kept than of an observation, as it carries the problem."""
    return window(text_of(task), 12_000, 4_000)


_UNASKED: frozenset[str] = frozenset(["?"])


class CallReading:
    """One tool call: capped texts, true sizes, canonical operations.

    Of more than four calls of a turn that hold more than four whole windows each shows but a `share` of its own, so that
    a turn's time is bounded.

    `kind` names the call, `kinds` are those of all its operations. `signature` and `answer` stand for what was asked
    and what was answered; they are only ever compared within one session, as hash(str) differs between processes.
    """

    __slots__ = (
        "_held", "action", "action_size", "answer", "exit_code", "is_error", "kind", "kinds", "observation", "observation_size",
        "operations", "signature", "tool",
    )  # fmt: skip

    def __init__(self, call: Call | Turn, share: float = 1.0) -> None:
        action, observation = call.action, call.observation
        if type(action) is not str or type(observation) is not str:
            action, observation = text_of(action), text_of(observation)
        self.action_size, self.observation_size = len(action), len(observation)
        head, tail = int(HEAD * share), int(TAIL * share)
        self.action, self.observation = window(action, head, tail), window(observation, head, tail)
        self.tool = text_of(call.tool)[:64]
        self.exit_code = call.exit_code if isinstance(call.exit_code, int) else None
        self.is_error = call.is_error if isinstance(call.is_error, bool) else None
        done = self.operations = operations(self)
        if len(done) == 1:
            self.kind = done[0].kind
            self.kinds: Collection[str] = (self.kind,)
        else:
            self.kind = primary(done).kind
            self.kinds = {operation.kind for operation in done}
        self.signature = hash((self.tool, self.action, self.action_size))
        self.answer = hash((self.observation, self.observation_size))
        self._held: frozenset[str] | None = _UNASKED

    def opened(self, patterns: Sequence[Pattern]) -> Sequence[Pattern]:
        """Those patterns of which the observation holds a gate; what was found of gates is shared by all families."""
        if self._held is _UNASKED:
            self._held = held(self.observation)
        gates = self._held
        if gates is None:
            return [pattern for pattern in patterns if pattern.open_for(self.observation)]
        return [pattern for pattern in patterns if not gates.isdisjoint(pattern.gates)] if gates else ()


class Reading:
    """One turn: its number (1, 2, …), its thought, its calls, and what the harness reported about it."""

    __slots__ = ("_turn", "calls", "number", "thought")

    def __init__(self, turn: Turn, number: int) -> None:
        self._turn = turn
        self.number = number
        self.thought = window(text_of(turn.thought), HEAD, HEAD)
        calls = turn.calls
        if calls:
            if not isinstance(calls, tuple | list):  # what else can be walked may have no end
                raise TypeError(f"the calls of a turn are a tuple, not {type(calls).__name__}")
            calls = calls[:MAX_CALLS]
            share = 1.0 if len(calls) <= 4 or sum(map(_shown, calls)) <= 8 * (HEAD + TAIL) else 4 / len(calls)
            self.calls = [CallReading(call, share) for call in calls]
        else:  # a turn of one call carries its fields itself
            self.calls = [CallReading(turn)] if turn.action or turn.observation or turn.tool else []

    @property
    def prompt_tokens(self) -> float:
        return amount(self._turn.prompt_tokens)

    @property
    def completion_tokens(self) -> float:
        return amount(self._turn.completion_tokens)

    @property
    def cost(self) -> float:
        """In USD."""
        return amount(self._turn.cost)


def _shown(call: Call) -> int:
    """Characters of a call that would be read, were it alone."""
    texts = (text if type(text) is str else text_of(text) for text in (call.action, call.observation))
    return sum(min(len(text), HEAD + TAIL) for text in texts)


def amount(value: object) -> float:
    """A count or a price, NaN where it is unknown or makes no sense."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    try:
        number = float(value)
    except OverflowError:
        return float("nan")
    return number if 0 <= number <= MOST_AMOUNT else float("nan")
