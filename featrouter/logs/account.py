"""What became of every row and byte of a log file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from featrouter.logs.rows import Damage

KEPT_REJECTS = 1000
_SHOWN_REJECTS = 5


@dataclass(frozen=True, slots=True)
class Reject:
    """A range of a file that was not taken. `line` counts from 1, `offset` and `length` are in `unit`s."""

    file: str
    line: int
    offset: int
    length: int
    column: str | None
    reason: str
    unit: str = "byte"

    def __str__(self) -> str:
        column = f" {self.column}:" if self.column else ""
        return f"{self.file}:{self.line} ({self.unit} {self.offset}){column} {self.reason}"


@dataclass(slots=True)
class Account:
    """What became of one file: rows = good + duplicates + n_rejected (a rejected range counts as one row).

    `spans` tells the bytes (parquet: rows) by what they are: header, good, duplicate, rejected, blank, elsewhere; they sum to
    `bytes`. `rejects` keeps the first 1000. `runs` counts the distinct runs of a turns file, `elsewhere` the good
    rows that are read with another part of the log. A parquet file is counted
    `by_row`: its lines, offsets, lengths and bytes are rows.
    """

    file: str
    form: str
    by_row: bool = False
    bytes: int = 0
    rows: int = 0
    good: int = 0
    duplicates: int = 0
    n_rejected: int = 0
    runs: int = 0
    elsewhere: int = 0
    rejects: list[Reject] = field(default_factory=list)
    ignored_columns: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)
    spans: dict[str, int] = field(default_factory=dict)

    def pass_by(self, kind: str, length: int) -> None:
        """Counts a range that holds no row: the header, or blank lines."""
        self.bytes += self._move(kind, length)

    def take(self, length: int) -> None:
        """Counts a good row."""
        self.pass_by("good", length)
        self.rows += 1
        self.good += 1

    def leave(self, length: int) -> None:
        """Takes a good row back that is read with another part of the log."""
        self.rows -= 1
        self.good -= 1
        self.elsewhere += 1
        self._move("good", length, -1)
        self._move("elsewhere", length)

    def reject(self, line: int, offset: int, length: int, damage: Damage) -> None:
        """Counts a range that is not taken."""
        self.pass_by("rejected", length)
        self.rows += 1
        self._note(line, offset, length, damage)

    def drop(self, line: int, offset: int, length: int, conflict: str | None) -> None:
        """Takes a good row back: an identical one came before it, or a different one, which `conflict` names."""
        self.good -= 1
        self._move("good", length, -1)
        if conflict is None:
            self.duplicates += 1
            self._move("duplicate", length)
        else:
            self._move("rejected", length)
            self._note(line, offset, length, Damage(None, f"contradicts {conflict}, which has the same key"))

    def lines(self) -> Iterator[str]:
        """The account for people: totals, then what was ignored, odd, and (the first few) rejected."""
        runs = f" ({self.runs} runs)" if self.form == "turns" else ""
        yield f"{self.file}: {self.rows} rows read, {self.n_rejected} rejected, {self.duplicates} duplicates{runs}"
        if self.ignored_columns:
            yield f"{self.file}: ignored columns: {', '.join(self.ignored_columns)}"
        yield from (f"{self.file}: {warning}" for warning in self.warnings)
        yield from map(str, self.rejects[:_SHOWN_REJECTS])
        if self.n_rejected > _SHOWN_REJECTS:
            yield f"{self.file}: and {self.n_rejected - _SHOWN_REJECTS} more rejected"

    def _move(self, kind: str, length: int, sign: int = 1) -> int:
        size = min(length, 1) if self.by_row else length
        self.spans[kind] = self.spans.get(kind, 0) + sign * size
        return size

    def _note(self, line: int, offset: int, length: int, damage: Damage) -> None:
        self.n_rejected += 1
        if len(self.rejects) < KEPT_REJECTS:
            if self.by_row:
                offset, length = line - 1, min(length, 1)
            unit = "row" if self.by_row else "byte"
            self.rejects.append(Reject(self.file, line, offset, length, damage.column, damage.reason, unit))
