"""Where a growing run is read from: a file that somebody writes, or lines that come in."""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from featrouter.importers import FORMATS, Import, cleaned
from featrouter.importers.records import Damaged, Record
from featrouter.messages import trajectory_of
from featrouter.trajectory import Trajectory, Turn

#: Makes a Turn of an object and of the words for its place; raises for an object that is none.
ReadTurn = Callable[[Any, str], Turn]


class Snapshot(NamedTuple):
    """The run as far as it can be read; `over` where it says so, `harness` where it tells."""

    run: Trajectory
    over: bool = False
    harness: str = ""


class Source(Protocol):
    """`snapshot` is None where nothing has come since it was asked last; `missing` says what is waited for."""

    missing: str

    def snapshot(self) -> Snapshot | None: ...


@dataclass
class Written:
    """A trajectory file of any format, or turns as JSON. What is half written is waited for."""

    path: Path
    read_turn: ReadTurn
    missing: str = ""
    _seen: tuple[int, ...] = ()

    def snapshot(self) -> Snapshot | None:
        try:
            now = os.stat(self.path)
        except OSError:
            self.missing = f"{self.path}: there is no such file yet"
            return None
        mark = (now.st_ino, now.st_size, now.st_mtime_ns)
        if mark == self._seen:
            return None
        self._seen = mark
        reading = Import([self.path])
        for run, trajectory in reading:
            self.missing = ""
            return Snapshot(trajectory, run.run_id in reading.over, run.harness)
        if (plain := self._turns()) is not None:
            return plain
        told = [*reading.refused, *reading.passed_by]
        self.missing = f"{self.path}: no run can be read yet ({told[0].reason if told else 'it is empty'})"
        return None

    def _turns(self) -> Snapshot | None:
        """An object with `turns`, as `decide` takes it."""
        try:
            value = json.loads(self.path.read_bytes())
        except (ValueError, OSError, RecursionError):
            return None
        if not isinstance(value, dict) or not isinstance(value.get("turns"), list):
            return None
        self.missing = ""
        turns = tuple(self.read_turn(turn, f"{self.path}: turn {n}") for n, turn in enumerate(value["turns"], 1))
        return Snapshot(Trajectory(str(value.get("task", "")), turns), bool(value.get("ended")))


@dataclass
class Lines:
    """JSON lines as they come: Claude Code's stream-json, chat messages, or turns with an object for the task before them.

    Over when the lines say so, or end.
    """

    lines: Iterable[str]
    read_turn: ReadTurn
    missing: str = "stdin: no turn has come yet"
    _come: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)
    _values: list[Any] = field(default_factory=list)
    _ended: bool = False

    def __post_init__(self) -> None:
        threading.Thread(target=self._fetch, daemon=True).start()

    def _fetch(self) -> None:
        for line in self.lines:
            self._come.put(line)
        self._come.put(None)

    def snapshot(self) -> Snapshot | None:
        new = False
        while not self._come.empty():
            line = self._come.get()
            new = True
            if line is None:
                self._ended = True
            elif line.strip():
                self._take(line)
        if not new or not (self._values or self._ended):
            return None
        told = self._read()
        return told._replace(over=told.over or self._ended)

    def _take(self, line: str) -> None:
        number = len(self._values) + 1
        try:
            self._values.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"stdin, line {number}: not JSON: {error}") from None

    def _read(self) -> Snapshot:
        form = next((each for each in FORMATS if self._values and each.recognises(self._values[0])), None)
        if form is not None:
            told = (Record(Path("stdin"), number, value) for number, value in enumerate(self._values, 1))
            try:
                for imported in form.read(told, lambda record, why: None):
                    turns = tuple(cleaned(turn) for turn in imported.trajectory.turns)
                    return Snapshot(Trajectory(imported.run.task, turns), imported.over, imported.run.harness)
            except Damaged:
                pass  # nothing of the agent has come yet
            return Snapshot(Trajectory())
        objects = [value for value in self._values if isinstance(value, dict)]
        if any("role" in value for value in objects):
            return Snapshot(trajectory_of(objects))
        return self._turns()

    def _turns(self) -> Snapshot:
        task, turns, over = "", [], False
        for number, value in enumerate(self._values, 1):
            if isinstance(value, dict) and set(value) <= {"task", "ended"} and value:
                task, over = str(value.get("task", task)), bool(value.get("ended", over))
            else:
                turns.append(self.read_turn(value, f"stdin, line {number}"))
        return Snapshot(Trajectory(task, tuple(turns)), over)
