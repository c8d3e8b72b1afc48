"""A file as records: the lines of JSON lines, the rows of CSV, a JSON document or the members of one that is a list."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from featrouter.importers.fields import whole_number
from featrouter.logs.sources import CHUNK, Cut, chunks

Line = tuple[int, str]
_ENDINGS = (".json", ".jsonl", ".ndjson", ".traj", ".csv", ".parquet", ".gz", ".xz", ".bz2", ".zst")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file. `line` counts from 1; 0 is the whole file, or the `member` (from 1) of the list in it."""

    path: Path
    line: int
    value: Any
    member: int = 0

    @property
    def place(self) -> str:
        return f"line {self.line}" if self.line else f"member {self.member}" if self.member else ""

    @property
    def stem(self) -> str:
        """The file's name without its endings; with the place, where the file holds more than this record."""
        name = self.path.name
        while (ending := next((each for each in _ENDINGS if name.endswith(each)), "")) and name != ending:
            name = name.removesuffix(ending)
        place = self.line or self.member
        return f"{name}/{place}" if place > 1 else name


#: Told of a record that was not taken, or of its place, and why.
Note = Callable[[Record, str], None]


class Unknown(ValueError):
    """The file is none that an importer could read; the message says why."""


class Damaged(ValueError):
    """The file is of a known kind, and broken; the message says how."""


def records(path: Path, note: Note) -> Iterator[Record]:
    """The records of a file, plain or packed; lines and rows that are damaged are noted and left out.

    Raises Unknown, Damaged, or LogError for a file that cannot be opened. Broken UTF-8 is read with replacements.
    """
    if not os.path.getsize(path):
        raise Damaged("is empty")
    plain = io.BufferedReader(_Plain(path, note), CHUNK)
    file = io.TextIOWrapper(plain, encoding="utf-8-sig", errors="replace", newline="\n")
    lines = enumerate(file, 1)
    first = next((line for line in lines if line[1].strip()), None)
    if first is None:
        raise Damaged("is blank")
    if "\0" in first[1][:4096]:
        raise Unknown("is a binary file, or not in UTF-8")
    if first[1].lstrip()[:1] in ("{", "["):
        return _json(path, first, (line for line in lines if line[1].strip()), note)
    return _rows(path, first, lines, note)


def _json(path: Path, first: Line, rest: Iterator[Line], note: Note) -> Iterator[Record]:
    value, trouble = _loads(first[1])
    second = next(rest, None)
    if second is None and trouble is None:
        return _members(path, value)
    if second is None:
        raise Damaged(f"the JSON breaks: {trouble}")
    lines = chain((first, second), rest)
    if trouble is None:
        return _json_lines(path, lines, note)
    whole = list(lines)
    value, trouble = _loads("".join(text for _, text in whole))
    if trouble is None:
        return _members(path, value)
    if 2 * sum(text[:1] in ("{", "[") and not _loads(text)[1] for _, text in whole) < len(whole):
        raise Damaged(f"the JSON breaks: {trouble}")
    return _json_lines(path, iter(whole), note)


def _members(path: Path, value: Any) -> Iterator[Record]:
    if isinstance(value, list):
        return (Record(path, 0, each, member) for member, each in enumerate(value, 1))
    return iter((Record(path, 0, value),))


def _json_lines(path: Path, lines: Iterator[Line], note: Note) -> Iterator[Record]:
    for number, text in lines:
        value, trouble = _loads(text)
        if trouble:
            note(Record(path, number, None), f"the line is no JSON: {trouble}")
        else:
            yield Record(path, number, value)


def _loads(text: str) -> tuple[Any, str | None]:
    try:
        return json.loads(text, parse_int=whole_number), None
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        return None, f"{error.msg.removesuffix(' at')} ({line}column {error.colno})"
    except RecursionError:
        return None, "it is nested too deep"


def _rows(path: Path, first: Line, rest: Iterator[Line], note: Note) -> Iterator[Record]:
    csv.field_size_limit(sys.maxsize)  # messages are longer than the 131,072 characters it stops at
    reader = csv.reader(chain((first[1],), (text for _, text in rest)))
    try:
        columns = next(reader)
    except csv.Error:
        columns = []
    if len(columns) < 2 or not all(name.replace("_", "").replace(" ", "").isalnum() for name in columns):
        raise Unknown("is neither JSON nor a CSV file with a header of names")
    return _table(path, first[0], columns, reader, note)


def _table(path: Path, start: int, columns: list[str], reader: Any, note: Note) -> Iterator[Record]:
    while True:
        place = Record(path, start + reader.line_num, None)
        try:
            row = next(reader, None)
        except csv.Error as error:
            note(place, f"the row is damaged: {error}")
            continue
        if row is None:
            return
        if len(row) == len(columns):
            yield Record(path, place.line, dict(zip(columns, row, strict=True)))
        elif row:
            note(place, f"the row has {len(row)} fields where the header has {len(columns)}")


class _Plain(io.RawIOBase):
    """The plain bytes of a file that may be packed; where packed data is damaged, they end with a note."""

    def __init__(self, path: Path, note: Note) -> None:
        self._path, self._note = path, note
        self._pieces, self._rest = chunks(path), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        try:
            while not self._rest and (piece := next(self._pieces, None)) is not None:
                self._rest = memoryview(piece)
        except Cut as cut:
            self._note(Record(self._path, 0, None), str(cut))
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
