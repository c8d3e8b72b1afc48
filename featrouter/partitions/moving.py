"""Moving rows to the partition of their run: one file of rows by partition for each log file that has some to give."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from featrouter.logs.forms import RUNS, TURNS
from featrouter.logs.source import Source
from featrouter.logs.sources import packing
from featrouter.partitions.files import File, fetched
from featrouter.partitions.folder import Folder
from featrouter.partitions.plan import Move
from featrouter.partitions.scan import hashed
from featrouter.partitions.tally import tally

#: Unfinished work, beside the partitions.
WORK = "_work"
#: How the names of files end that hold moved rows.
MOVED = ".moved.csv"
_BUFFER = 32 << 20


def move(asked: Move, folder: Folder) -> dict[str, Any]:
    """Writes the rows that move, as they are, and returns where those of each partition lie.

    What is returned also stands beside them, so that a finished move is found again. `account`: of the whole file, but
    for rows that contradict others, which only meet in a partition.
    """
    name = f"{WORK}/moved-{asked.key}"
    told = folder.read(f"{name}.json")
    if told and folder.has(f"{name}.rows"):
        return told
    form = TURNS if asked.form == TURNS.name else RUNS
    to = dict(zip(asked.runs.tolist(), asked.to.tolist(), strict=True))
    with tempfile.TemporaryDirectory() as room:
        path = fetched(asked.file.url, Path(room))
        # Unbuffered, what was written can be read back at once.
        plain = tempfile.TemporaryFile(dir=room, buffering=0) if packing(path) else path.open("rb")  # noqa: SIM115
        with plain:
            source = Source(path, form, plain if packing(path) else None)
            places, _ = folder.make(f"{name}.rows", lambda out: _write(source, plain, out, to))
    told = {"columns": source.columns, "places": places, "account": tally(source.account)}
    folder.write(f"{name}.json", told)
    return told


@dataclass(frozen=True)
class Piece:
    """The rows that the move `key` of a file brings to the partition `number`: `ranges` of what it wrote."""

    file: File
    key: str
    number: int
    columns: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, asked: Move, told: dict[str, Any], number: int) -> Piece:
        ranges = told["places"].get(str(number), [])
        return cls(asked.file, asked.key, number, tuple(told["columns"]), tuple((at, n) for at, n in ranges))

    def written(self, folder: Folder, room: Path) -> Path:
        """A CSV file of these rows in `room`."""
        path = room / f"{self.file.name}{MOVED}"
        with path.open("wb") as file:
            header = ('"' + column.replace('"', '""') + '"' for column in self.columns)
            file.write(",".join(header).encode() + b"\n")
            for data in folder.ranges(f"{WORK}/moved-{self.key}.rows", self.ranges):
                file.write(data)
        return path


def _write(source: Source, plain: IO[bytes], path: Path, to: dict[int, int]) -> dict[str, list[tuple[int, int]]]:
    """Where the rows of each partition lie in the file that is written: offsets and lengths."""
    places: dict[str, list[tuple[int, int]]] = {}
    held: dict[int, list[bytes]] = {}
    size = 0

    def flush(out: IO[bytes]) -> None:
        for number in sorted(held):
            data = b"".join(held[number])
            places.setdefault(str(number), []).append((out.tell(), len(data)))
            out.write(data)
        held.clear()

    with path.open("wb") as out:
        for number, record in _records(source, plain, to):
            held.setdefault(number, []).append(record)
            size += len(record)
            if size > _BUFFER:
                flush(out)
                size = 0
        flush(out)
    return places


def _records(source: Source, plain: IO[bytes], to: dict[int, int]) -> Iterator[tuple[int, bytes]]:
    """The rows that move, as their bytes, ended by a line end, and where to."""
    for row, (_, offset, length) in source.rows(lambda row: hashed(row["run_id"]) in to):
        number = to.get(hashed(row["run_id"]))
        if number is not None:
            record = os.pread(plain.fileno(), length, offset)
            yield number, record if record.endswith(b"\n") else record + b"\n"
