"""The single calls of a model that gateways and tracers log, put together to the runs that they are parts of.

A call that begins where another one ended - the same task, the same actions of the agent so far - goes on with its run.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from featrouter.importers.fields import object_of, parsed, total_of
from featrouter.importers.format import Imported
from featrouter.importers.records import Record
from featrouter.logs.run import Run
from featrouter.messages import trajectory_of
from featrouter.messages.parts import fenced
from featrouter.trajectory import Trajectory, Turn

_State = tuple[object, ...]
#: Longer arguments tell nothing of a conversation: LiteLLM cuts texts of more than 2,048 characters in their middle.
_LONG = 1500


@dataclass(slots=True)
class Completion:
    """One call of a model: what it was told, what it answered, and what that took (USD, seconds)."""

    record: Record
    messages: list[Any]
    answer: list[Any]
    identity: str = ""
    session: str = ""
    model: str = ""
    harness: str = ""
    started: float = 0.0
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    cost: float | None = None
    latency: float | None = None
    seen: int = field(init=False, default=0)
    turns: tuple[Turn, ...] = field(init=False, default=())
    task: str = field(init=False, default="")

    def read(self) -> None:
        """Fills in the turns told so far, how many of them were there before, and the task."""
        whole = trajectory_of([*self.messages, *self.answer])
        self.seen, self.turns, self.task = len(trajectory_of(self.messages)), whole.turns, whole.task


def messages_in(value: object) -> list[Any]:
    """The messages of a request: a list, or an object with `messages` or `input`, or either as JSON text; a system
    prompt beside them is no part of the run."""
    value = _unpacked(value)
    if isinstance(value, Mapping):
        value = _unpacked(next((value[key] for key in ("messages", "input") if value.get(key)), None))
    if isinstance(value, str) and value.strip():
        return [{"role": "user", "content": value}]
    return value if isinstance(value, list) else []


def answer_in(value: object) -> list[Any]:
    """The messages of a response: of OpenAI chat, Anthropic or Responses, a message or a plain text."""
    value = _unpacked(value)
    if isinstance(value, str):
        return [{"role": "assistant", "content": value}] if value.strip() else []
    if isinstance(value, list):
        return value
    told = object_of(value)
    for key in ("choices", "output", "messages"):
        if isinstance(told.get(key), list):
            return [each.get("message", each) if isinstance(each, Mapping) else each for each in told[key]]
    spoken = "content" in told or "tool_calls" in told
    return [{"role": "assistant", **told}] if spoken else []


def _unpacked(value: object) -> object:
    """What a text spells in JSON, where it spells anything."""
    found = parsed(value) if isinstance(value, str) else value
    return value if found is None else found


def runs_of(completions: Iterable[Completion]) -> Iterator[Imported]:
    """The runs, by when they began; their run_id is the session, or the id of the first call where it has none.

    Of calls that were made again, only what the run went on with is told.
    """
    calls = sorted(completions, key=lambda call: call.started)
    for call in calls:
        call.read()
    calls = [call for call in calls if len(call.turns) > call.seen]
    shared = Counter(call.session for call in calls if call.session)
    parents: list[int | None] = []
    ended: dict[_State, list[int]] = defaultdict(list)
    goes_on: set[int] = set()
    for place, call in enumerate(calls):
        told = call.session if shared[call.session] > 1 else ""  # some gateways give every call a session of its own
        before = ended.get(_state(told, call.task, call.turns[: call.seen]), []) if call.seen else []
        parent = next((each for each in before if each not in goes_on), before[-1] if before else None)
        parents.append(parent)
        if parent is not None:
            goes_on.add(parent)
        ended[_state(told, call.task, call.turns)].append(place)
    yield from (_run([calls[place] for place in path]) for path in _paths(parents))


def _paths(parents: Sequence[int | None]) -> list[list[int]]:
    """From each root to its last leaf; a branch of one call beside it was tried once and not gone on with."""
    parts: dict[int, list[list[int]]] = defaultdict(list)
    inner = {parent for parent in parents if parent is not None}
    for leaf in (place for place in range(len(parents)) if place not in inner):
        path, place = [leaf], parents[leaf]
        while place is not None:
            path.append(place)
            place = parents[place]
        parts[path[-1]].append(path[::-1])
    found = []
    for _, paths in sorted(parts.items()):
        longest, uses = max(paths, key=len), Counter(place for path in paths for place in path)
        found += [path for path in paths if path is longest or sum(uses[place] == 1 for place in path) > 1]
    return found


def _run(calls: list[Completion]) -> Imported:
    first, last = calls[0], calls[-1]
    turns = list(last.turns)
    for call in calls:
        if call.seen < len(turns):
            turns[call.seen] = _priced(turns[call.seen], call)
    run = Run(
        run_id=first.session or first.identity,
        task_id="",
        task=first.task,
        harness=next((call.harness for call in calls if call.harness), ""),
        weak_model=next((call.model for call in calls if call.model), ""),
        cost_weak=total_of(*(call.cost for call in calls)),
    )
    return Imported(run, Trajectory(first.task, tuple(turns), ended=True), first.record)


def _priced(turn: Turn, call: Completion) -> Turn:
    """The turn with what its call took; and with its reasoning, which later requests leave out."""
    said = call.turns[call.seen].thought
    named = any(each.tool for each in turn.each_call())
    return replace(
        turn,
        thought=said if named and len(said) > len(turn.thought) else turn.thought,
        prompt_tokens=call.prompt_tokens,
        completion_tokens=call.completion_tokens,
        cost=call.cost,
        latency=call.latency,
    )


def _state(session: str, task: str, turns: Iterable[Turn]) -> _State:
    """What tells a conversation from another: its task, and which tools were called how, turn by turn."""
    return session, task, tuple(_asked(turn) for turn in turns)


def _asked(turn: Turn) -> object:
    """The calls of a turn, however their arguments are spelt; of a text-only agent its command, run or not yet."""
    calls = [call for call in turn.each_call() if call.tool]
    if not calls:
        return turn.action or fenced(turn.thought)[1]
    return tuple((call.tool, _sorted(call.action)) for call in calls)


def _sorted(arguments: str) -> str:
    if len(arguments) > _LONG:
        return ""
    given = parsed(arguments)
    try:
        return arguments if given is None else json.dumps(given, sort_keys=True)
    except RecursionError:
        return arguments
