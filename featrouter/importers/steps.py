"""A turn while its parts come in: what was thought, asked and answered, in whatever order a format tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from featrouter.trajectory import Call, Turn


class Step:
    """Thoughts, calls by their ids, and the answers to them; `turn()` is what came of it."""

    def __init__(self) -> None:
        self.prompt_tokens: float | None = None
        self.completion_tokens: float | None = None
        self.cost: float | None = None
        self.latency: float | None = None
        self._thoughts: list[str] = []
        self._calls: list[Call] = []
        self._places: dict[str, int] = {}
        self._answered: set[int] = set()
        self._waiting = 0  # no call before this place waits for its answer
        self._rest: list[str] = []

    def think(self, *texts: str) -> None:
        self._thoughts += [text for text in dict.fromkeys(texts) if text]  # some tell their reasoning twice

    def call(self, identity: str, tool: str, action: str) -> None:
        self._places.setdefault(identity, len(self._calls))
        self._calls.append(Call(action, tool=tool))

    def answer(self, identity: str, text: str, exit_code: int | None = None, is_error: bool | None = None) -> None:
        """What came back for the call of this id; without an id, for the first call that waits."""
        while self._waiting in self._answered:
            self._waiting += 1
        place = self._places.get(identity, len(self._calls)) if identity else self._waiting
        if place == len(self._calls):
            self.remark(text)
            return
        call = self._calls[place]
        observation = text if place not in self._answered else "\n".join(filter(None, (call.observation, text)))
        self._answered.add(place)
        exit_code = call.exit_code if exit_code is None else exit_code
        is_error = call.is_error if is_error is None else is_error
        self._calls[place] = replace(call, observation=observation, exit_code=exit_code, is_error=is_error)

    def remark(self, text: str) -> None:
        """What the user or the harness said after the step, to no call."""
        if text:
            self._rest.append(text)

    def turn(self) -> Turn:
        calls, rest = list(self._calls), "\n".join(self._rest)
        if rest and calls:
            calls[-1] = replace(calls[-1], observation="\n".join(filter(None, (calls[-1].observation, rest))))
        elif rest:
            calls = [Call(observation=rest)]
        turn = Turn(
            "\n".join(self._thoughts),
            calls=tuple(calls),
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cost=self.cost,
            latency=self.latency,
        )
        return short(turn)


def short(turn: Turn) -> Turn:
    """The turn in its short form where it has one call, as logs read it."""
    if len(turn.calls) != 1:
        return turn
    (call,) = turn.calls
    return replace(
        turn,
        action=call.action,
        observation=call.observation,
        tool=call.tool,
        exit_code=call.exit_code,
        is_error=call.is_error,
        calls=(),
    )


def turns_of(steps: Iterable[Step]) -> tuple[Turn, ...]:
    return tuple(step.turn() for step in steps)
