"""What an agent did: turns, their tool calls, and the canonical operations behind the calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

#: Canonical operations, in the order in which they name a call that does several things.
KINDS = ("submit", "edit", "create", "test", "run", "search", "read", "think", "other")
#: No turn and no run costs, lasts or counts more; larger numbers are nonsense, and their sums would overflow.
MOST_AMOUNT = 1e15


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call and its answer.

    `action` is what was asked for: a command line, SQL, code, or a tool's arguments as JSON text.
    `exit_code` and `is_error` are None where the harness does not tell.
    """

    action: str = ""
    observation: str = ""
    tool: str = ""
    exit_code: int | None = None
    is_error: bool | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One step of the weak agent: what it thought, did and saw.

    Parallel tool calls are one turn: give them as `calls`; `action`, `observation`, `tool`, `exit_code` and
    `is_error` are the short form for a turn of one call. `cost` is in USD, `latency` in seconds; None means
    unknown, which is not the same as zero.
    """

    thought: str = ""
    action: str = ""
    observation: str = ""
    tool: str = ""
    exit_code: int | None = None
    is_error: bool | None = None
    calls: tuple[Call, ...] = ()
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    cost: float | None = None
    latency: float | None = None

    def each_call(self) -> tuple[Call, ...]:
        """The turn's calls, the short form included; empty when the agent only thought."""
        if self.calls:
            return tuple(self.calls)
        if self.action or self.observation or self.tool:
            return (Call(self.action, self.observation, self.tool, self.exit_code, self.is_error),)
        return ()


class Operation(NamedTuple):
    """What a call does, whatever the harness calls it.

    `kind` is one of KINDS. `files` are the paths it names, `patterns` what it searches for, `commands` the
    programs it starts. An edit carries the text it replaces (`old`), the text it writes (`new`; for a create
    the whole file) or a unified diff (`diff`). `directory` is set when a read lists a directory.
    """

    kind: str
    files: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    old: str = ""
    new: str = ""
    diff: str = ""
    directory: bool = False


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A task and the turns taken on it so far. `ended` says that the agent has handed in its answer."""

    task: str = ""
    turns: tuple[Turn, ...] = field(default_factory=tuple)
    ended: bool = False

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def __len__(self) -> int:
        return len(self.turns)

    @classmethod
    def of(cls, task: str, turns: Iterable[Turn], *, ended: bool = False) -> Trajectory:
        return cls(task, tuple(turns), ended)
