"""Where every turn of every run lies on disk, so that runs come out whole from logs in any order and of any size."""

from __future__ import annotations

import re
import struct
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from featrouter.logs.account import Account
from featrouter.logs.forms import TURNS, shown
from featrouter.logs.rows import Cells, Damage, pattern, text
from featrouter.logs.sources import CHUNK, LogError
from featrouter.logs.usual import UsualRecord
from featrouter.trajectory import Call, Turn

# A row: turn, call, file, line, offset, length. 26 bytes are all that stays in memory of it, in this order to sort by.
_PLACE = struct.Struct("<IIHIQI")
_OPEN_FILES = 32
#: What places a row, then what a turn of one call is made of.
_WANTED = (
    "turn", "call", "thought", "action", "observation", "tool", "exit_code", "is_error", "prompt_tokens",
    "completion_tokens", "cost_usd", "latency_ms",
)  # fmt: skip

Place = tuple[int, int, int, int, int, int]


class _File(NamedTuple):
    path: Path
    account: Account
    spill: IO[bytes] | None
    record: re.Pattern[bytes]
    read: Callable[[Cells], dict[str, Any]]
    usual: UsualRecord


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
        self._files.append(_File(path, account, spill, record, TURNS.reader(columns), UsualRecord(columns, _WANTED)))

    def place(self, row: dict[str, Any], line: int, offset: int, length: int) -> None:
        """Remembers where the row of a run lies: `line` from 1, `offset` and `length` in (unpacked) bytes."""
        rows = self._runs.get(row["run_id"])
        if rows is None:
            rows = self._runs[row["run_id"]] = bytearray()
        rows += _PLACE.pack(row["turn"], row.get("call", 0), len(self._files) - 1, line, offset, length)

    def settle(self, known: Collection[str]) -> None:
        """Orders the rows of each run, drops duplicates, and notes in the accounts what is odd; `known` are run ids."""
        gaps: dict[int, list[str]] = {}
        strangers: dict[int, list[str]] = {}
        for run_id, rows in self._runs.items():
            kept = sorted(found := list(_PLACE.iter_unpack(rows)))
            if len({place[:2] for place in kept}) < len(kept):
                kept = self._without_duplicates(kept)
            if kept != found:
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
        turns: list[Turn] = []
        calls: list[Turn] = []
        number = 0
        for place, call in self._calls(list(_PLACE.iter_unpack(self._runs.get(run_id, b"")))):
            if calls and place[0] != number:
                turns.append(_joined(calls))
                calls = []
            number = place[0]
            calls.append(call)
        return (*turns, _joined(calls)) if calls else ()

    def close(self) -> None:
        """Closes the log files; they are opened again when turns are asked for."""
        while self._handles:
            self._handles.popitem()[1].close()

    def _without_duplicates(self, places: list[Place]) -> list[Place]:
        kept: list[Place] = []
        for place in places:
            if kept and kept[-1][:2] == place[:2]:
                self._drop(kept[-1], place)
            else:
                kept.append(place)
        return kept

    def _drop(self, first: Place, later: Place) -> None:
        same = self._row(first, self._bytes(first)) == self._row(later, self._bytes(later))
        conflict = None if same else f"{self._files[first[2]].account.file}:{first[3]}"
        self._files[later[2]].account.drop(*later[3:], conflict)

    def _calls(self, places: list[Place]) -> Iterator[tuple[Place, Turn]]:
        """Each row as a turn of one call. Rows that follow each other in a file are read at once."""
        start = 0
        while start < len(places):
            _, _, number, _, offset, size = places[start]
            stop = start + 1
            while stop < len(places) and size < CHUNK and places[stop][2::2] == (number, offset + size):
                size += places[stop][5]
                stop += 1
            data, usual = self._bytes((*places[start][:5], size)), self._files[number].usual
            for place in places[start:stop]:
                at = place[4] - offset
                match = usual.match(data, at)
                if match and match.end() == at + place[5]:
                    yield place, self._usual_turn(place, usual.cells(match))
                else:
                    yield place, _turn(self._row(place, data[at : at + place[5]]))
            start = stop

    def _usual_turn(self, place: Place, cells: Cells) -> Turn:
        turn, number, thought, action, observation, tool, code, error, prompt, completion, cost, latency = cells
        if int(turn) != place[0] or int(number or 0) != place[1]:
            raise self._changed(place)
        try:
            return Turn(
                text(thought) if thought else "",
                text(action) if action else "",
                text(observation) if observation else "",
                text(tool) if tool else "",
                int(code) if code else None,
                error == b"1" if error else None,
                (),
                float(prompt) if prompt else None,
                float(completion) if completion else None,
                float(cost) if cost else None,
                float(latency) * 0.001 if latency else None,
            )
        except UnicodeDecodeError:
            raise self._changed(place) from None

    def _bytes(self, place: Place) -> bytes:
        _, _, number, _, offset, length = place
        file = self._files[number]
        handle = file.spill or self._handles.get(number)
        if handle is None:
            if len(self._handles) >= _OPEN_FILES:
                self.close()
            handle = self._handles[number] = file.path.open("rb")
        handle.seek(offset)
        return handle.read(length)

    def _row(self, place: Place, data: bytes) -> dict[str, Any]:
        """The row's values by column, blank ones left out."""
        file = self._files[place[2]]
        match = file.record.fullmatch(data)
        try:
            row = file.read(match.groups()) if match else {}
        except (Damage, UnicodeDecodeError):
            row = {}
        if (row.get("turn"), row.get("call", 0)) != place[:2]:
            raise self._changed(place)
        return {column: value for column, value in row.items() if value is not None and value != ""}

    def _changed(self, place: Place) -> LogError:
        path = self._files[place[2]].path
        return LogError(f"{path}:{place[3]} changed while it was being read; read the logs again")


def _turn(row: dict[str, Any]) -> Turn:
    """A turn of one call, of the values of its row."""
    return Turn(
        row.get("thought", ""),
        row.get("action", ""),
        row.get("observation", ""),
        row.get("tool", ""),
        row.get("exit_code"),
        row.get("is_error"),
        (),
        row.get("prompt_tokens"),
        row.get("completion_tokens"),
        row.get("cost_usd"),
        row["latency_ms"] * 0.001 if "latency_ms" in row else None,
    )


def _joined(calls: list[Turn]) -> Turn:
    """One turn of turns of one call each: their first thought, their tokens, cost and latency added up."""
    if len(calls) == 1:
        return calls[0]

    def total(name: str) -> float | None:
        given = [value for call in calls if (value := getattr(call, name)) is not None]
        return sum(given) if given else None

    return Turn(
        next((call.thought for call in calls if call.thought), ""),
        calls=tuple(Call(call.action, call.observation, call.tool, call.exit_code, call.is_error) for call in calls),
        prompt_tokens=total("prompt_tokens"),
        completion_tokens=total("completion_tokens"),
        cost=total("cost"),
        latency=total("latency"),
    )
