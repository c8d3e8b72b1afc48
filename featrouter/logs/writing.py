"""Writes runs and their turns as the log files that training reads back."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from featrouter import atomic
from featrouter.logs.forms import MOST_NAME, RUNS, TURNS, Form
from featrouter.logs.run import Run
from featrouter.trajectory import Call, Turn

Row = Mapping[str, object]
_MOST_EXIT = 10**9
_NAMES = {"run_id", "task_id", "repo", "harness", "weak_model", "strong_model", "model"}
#: A log holds no more of one text: a record of a log file is at most 32 MiB.
MOST_TEXT = 4_000_000


def turn_rows(
    run_id: str, turns: Sequence[Turn], *, first: int = 1, started: str = "", decided: Row | None = None
) -> Iterator[dict[str, object]]:
    """The *turns* rows of a run's turns, a row a call.

    The first of them is turn `first`, which `started` then (ISO); `decided` holds what a router said after the last.
    """
    for number, turn in enumerate(turns, first):
        for index, call in enumerate(turn.each_call() or (Call(),)):
            row: dict[str, object] = {
                "run_id": run_id,
                "turn": number,
                "call": index,
                "tool": call.tool,
                "action": call.action,
                "observation": call.observation,
                "exit_code": call.exit_code if call.exit_code is None or abs(call.exit_code) < _MOST_EXIT else None,
                "is_error": None if call.is_error is None else int(call.is_error),
            }
            if index == 0:
                row |= {
                    "thought": turn.thought,
                    "prompt_tokens": _amount(turn.prompt_tokens),
                    "completion_tokens": _amount(turn.completion_tokens),
                    "cost_usd": _amount(turn.cost),
                    "latency_ms": _amount(turn.latency, 1000.0),
                    "started_at": started if number == first else "",
                }
                if decided and number == first + len(turns) - 1:
                    row |= decided
            yield row


def run_row(run: Run) -> dict[str, object]:
    """The *runs* row of a run."""
    return {_COLUMNS[field.name]: getattr(run, field.name) for field in fields(run)}


def name_of(told: object) -> str:
    """A name as a log can hold it; where that is not as it was told, with a hash, so that no two become one."""
    told = str(told)
    shown = (
        told if told.isprintable() else "".join([c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in told])
    )
    if not shown.strip() or shown in ("run_id", "task_id"):
        shown = f"({shown})"
    if shown == told and len(told) <= MOST_NAME:
        return told
    hashed = hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{shown[: MOST_NAME - 20]}…{hashed}"


def write(path: str | os.PathLike[str], form: Form, rows: Iterable[Row]) -> None:
    """A whole log file, or none: a crash leaves what was there before. OSError."""
    atomic.write(path, _lines(form, rows, header=True))


def append(path: str | os.PathLike[str], form: Form, rows: Iterable[Row]) -> None:
    """Adds rows to a log file, begun where it is missing; in one write, so that processes may share it. OSError.

    A row that a crash left without its end costs no other: the next one begins a line.
    """
    lines = _lines(form, rows, header=False)
    path = Path(path)
    if not path.exists():  # with its header or not at all, whoever comes first
        start = path.with_name(f".{path.name}.{os.getpid()}.new")
        start.write_bytes(_lines(form, (), header=True))
        try:
            os.link(start, path)
        except FileExistsError:
            pass
        finally:
            start.unlink()
    with path.open("a+b", buffering=0) as file:
        if file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
            lines = b"\n" + lines
        while lines:  # a full disk takes a part, and says so when it is asked again
            lines = lines[file.write(lines) :]


def clean(text: str) -> str:
    """The text as a log file can hold it: no NUL, no half of a surrogate pair; the middle of a huge one left out."""
    if len(text) > MOST_TEXT:
        text = f"{text[: MOST_TEXT // 2]}\n[…]\n{text[-MOST_TEXT // 2 :]}"
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")  # NUL is the sign of a torn block


def _lines(form: Form, rows: Iterable[Row], *, header: bool) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(form.cells), restval="", lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows({column: _cell(column, value) for column, value in row.items()} for row in rows)
    return text.getvalue().encode("utf-8")


def _cell(column: str, value: object) -> object:
    if isinstance(value, str):
        return name_of(value) if value and column in _NAMES else clean(value)
    return "" if value is None else value


def _amount(value: float | None, scale: float = 1.0) -> float | None:
    return None if value is None or not 0 <= value * scale < math.inf else value * scale


_COLUMNS: dict[str, Any] = {name.removesuffix("_usd"): name for name in RUNS.cells}
__all__ = ["MOST_TEXT", "RUNS", "TURNS", "append", "clean", "name_of", "run_row", "turn_rows", "write"]
