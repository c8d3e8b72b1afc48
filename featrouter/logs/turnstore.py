"""Where every turn of every run lies on disk, so that runs come out whole from logs in any order and of any size."""

from __future__ import annotations

import re
import struct
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, NamedTuple

from featrouter.logs.account import Account
from featrouter.logs.forms import TURNS, shown
from featrouter.logs.rows import Cells, pattern
from featrouter.logs.sources import LogError
from featrouter.trajectory import Call, Turn

# A row: turn, call, file, line, offset, length. 26 bytes are all that stays in memory of it, in this order to sort by.
_PLACE = struct.Struct("<IIHIQI")
_OPEN_FILES = 32

Place = tuple[int, int, int, int, int, int]


class _File(NamedTuple):
    path: Path
    account: Account
    spill: IO[bytes] | None
    record: re.Pattern[bytes]
    read: Callable[[Cells], dict[str, Any]]


class TurnStore:
    """Turns rows by run: first `open` each file and `place` its rows, then `settle` once, then ask for `turns`.

    Packed files are unpacked into a temporary file (in TMPDIR) while they are first read, because rows are read again.
    """

    def __init__(self) -> None:
        self._runs: dict[str, bytearray] = {}
        self._files: list[_File] = []
        self._handles: dict[int, IO[bytes]] = {}

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._runs

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._runs))

    def spill(self) -> IO[bytes]:
        """A temporary file for the bytes of a packed file; it lives as long as the store."""
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, file.close)
        return file

    def open(self, path: Path, account: Account, columns: Sequence[str], spill: IO[bytes] | None) -> None:
        """Begins a file: the rows placed from now on are its, and lie in `spill` when it is given."""
        record = pattern(columns, TURNS.cells, last=True)
        self._files.append(_File(path, account, spill, record, TURNS.reader(columns)))

    def place(self, row: dict[str, Any], line: int, offset: int, length: int) -> None:
        """Remembers where the row of a run lies: `line` from 1, `offset` and `length` in (unpacked) bytes."""
        rows = self._runs.setdefault(row["run_id"], bytearray())
        rows += _PLACE.pack(row["turn"], row.get("call", 0), len(self._files) - 1, line, offset, length)

    def settle(self, known: Collection[str]) -> None:
        """Orders the rows of each run, drops duplicates, and notes in the accounts what is odd; `known` are run ids."""
        gaps: dict[int, list[str]] = {}
        strangers: dict[int, list[str]] = {}
        for run_id, rows in self._runs.items():
            kept: list[Place] = []
            for place in sorted(_PLACE.iter_unpack(rows)):
                if kept and kept[-1][:2] == place[:2]:
                    self._drop(kept[-1], place)
                else:
                    kept.append(place)
            rows[:] = b"".join(_PLACE.pack(*place) for place in kept)
            for file in {place[2] for place in kept}:
                self._files[file].account.runs += 1
            first, turns = kept[0][2], {place[0] for place in kept}
            if len(turns) < max(turns):
                missing = next(turn for turn in range(1, len(turns) + 2) if turn not in turns)
                gaps.setdefault(first, []).append(f"{shown(run_id)} (no turn {missing})")
            if run_id not in known:
                strangers.setdefault(first, []).append(shown(run_id))
        self.close()
        for notes, what in (gaps, "have gaps in their turns"), (strangers, "are in no runs file, so without labels"):
            for file, runs in notes.items():
                listed = ", ".join(runs[:5]) + ", …" * (len(runs) > 5)
                self._files[file].account.warnings.append(f"{len(runs)} runs {what}: {listed}")

    def lengths(self) -> dict[str, int]:
        """The number of the last turn of each settled run."""
        return {name: _PLACE.unpack_from(rows, len(rows) - _PLACE.size)[0] for name, rows in self._runs.items()}

    def turns(self, run_id: str) -> tuple[Turn, ...]:
        """The turns of a run in their order; raises LogError when a file has changed since it was placed."""
        places = _PLACE.iter_unpack(self._runs.get(run_id, b""))
        return tuple(_turn([self._row(place) for place in rows]) for _, rows in groupby(places, itemgetter(0)))

    def close(self) -> None:
        """Closes the log files; they are opened again when turns are asked for."""
        while self._handles:
            self._handles.popitem()[1].close()

    def _drop(self, first: Place, later: Place) -> None:
        same = self._row(first) == self._row(later)
        conflict = None if same else f"{self._files[first[2]].account.file}:{first[3]}"
        self._files[later[2]].account.drop(*later[3:], conflict)

    def _row(self, place: Place) -> dict[str, Any]:
        """The row's values by column, blank ones left out."""
        _, _, number, line, offset, length = place
        file = self._files[number]
        handle = file.spill or self._handles.get(number)
        if handle is None:
            if len(self._handles) >= _OPEN_FILES:
                self.close()
            handle = self._handles[number] = file.path.open("rb")
        handle.seek(offset)
        match = file.record.fullmatch(handle.read(length))
        row = file.read(match.groups()) if match else {}
        if (row.get("turn"), row.get("call", 0)) != place[:2]:
            raise LogError(f"{file.path}:{line} changed while it was being read; read the logs again")
        return {column: value for column, value in row.items() if value is not None and value != ""}


def _turn(rows: list[dict[str, Any]]) -> Turn:
    """One turn of the rows of its calls: their first thought, their tokens, cost and latency added up."""

    def total(column: str, scale: float = 1.0) -> float | None:
        given = [row[column] * scale for row in rows if column in row]
        return sum(given) if given else None

    calls = tuple(
        Call(
            row.get("action", ""),
            row.get("observation", ""),
            row.get("tool", ""),
            row.get("exit_code"),
            row.get("is_error"),
        )
        for row in rows
    )
    only = calls[0] if len(calls) == 1 else Call()
    return Turn(
        thought=next((row["thought"] for row in rows if "thought" in row), ""),
        action=only.action,
        observation=only.observation,
        tool=only.tool,
        exit_code=only.exit_code,
        is_error=only.is_error,
        calls=calls if len(calls) > 1 else (),
        prompt_tokens=total("prompt_tokens"),
        completion_tokens=total("completion_tokens"),
        cost=total("cost_usd"),
        latency=total("latency_ms", 0.001),
    )
