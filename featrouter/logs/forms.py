"""The named forms of log files: which columns each has, and what a cell of each column may hold."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from featrouter.logs.rows import Cells, Damage, text
from featrouter.logs.sources import LogError
from featrouter.trajectory import MOST_AMOUNT

#: Characters of an id, or of the name of a harness, a model, a repository.
MOST_NAME = 200

_WHOLE = re.compile(r"-?[0-9]{1,9}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def _name(raw: str) -> str:
    if not raw.isprintable() or len(raw) > MOST_NAME:  # it is shown on terminals and in reports
        raise ValueError(f"a name of at most {MOST_NAME} printable characters")
    return raw


def _id(raw: str) -> str:
    if not raw.strip():
        raise ValueError("an id")
    if raw in ("run_id", "task_id"):  # of all columns only these would take a repeated header for a row
        raise ValueError("an id but a column name")
    return _name(raw)


def _label(raw: str) -> int | None:
    if raw not in ("", "0", "1"):
        raise ValueError("0, 1 or blank")
    return int(raw) if raw else None


def _flag(raw: str) -> bool | None:
    return None if (value := _label(raw)) is None else bool(value)


def _whole(expected: str, least: int, blank: int | None = None) -> Callable[[str], int | None]:
    def read(raw: str) -> int | None:
        value = int(raw) if _WHOLE.fullmatch(raw) else None if raw else blank
        if (value is None and raw) or (value is not None and value < least):
            raise ValueError(expected)
        return value

    return read


def _amount(raw: str) -> float | None:
    if not raw:
        return None
    value = float(raw) if _NUMBER.fullmatch(raw) else math.nan
    if not 0 <= value <= MOST_AMOUNT:
        raise ValueError(f"a number from 0 to {MOST_AMOUNT:.0e}, or blank")
    return value


def _share(raw: str) -> float | None:
    value = float(raw) if _NUMBER.fullmatch(raw) else None
    if raw and (value is None or not 0 < value <= 1):
        raise ValueError("a number above 0 and at most 1, or blank")
    return value


def _choice(*options: str) -> Callable[[str], str | None]:
    def read(raw: str) -> str | None:
        if raw and raw not in options:
            raise ValueError(f"{', '.join(options)} or blank")
        return raw or None

    return read


#: What reads a column of free text, of which a lost quote leaves a row that looks whole.
FREE = (str, _name)


@dataclass(frozen=True)
class Form:
    """A form by its `name`: `cells` reads each known column, `shapes` are those that tell a row from a line of text."""

    name: str
    required: tuple[str, ...]
    cells: dict[str, Callable[[str], Any]] = field(default_factory=dict)
    shapes: dict[str, bytes] = field(default_factory=dict)

    def reader(self, columns: Iterable[str], *, texts: bool = True) -> Callable[[Cells], dict[str, Any]]:
        """Reads the raw cells of the known columns, in the order of `columns`, into values by column; raises Damage.

        Without `texts`, columns of free text are left out, which spares decoding what is only passed by.
        """
        places = enumerate(column for column in columns if column in self.cells)
        steps = [(place, column, self.cells[column]) for place, column in places]
        plan = [step for step in steps if texts or step[2] is not str]

        def read(cells: Cells) -> dict[str, Any]:
            row: dict[str, Any] = {}
            for place, column, parse in plan:
                raw = text(cells[place])
                try:
                    row[column] = parse(raw)
                except ValueError as expected:
                    raise Damage(column, f"{shown(raw)} is not {expected}") from None
            return row

        return read


def shown(value: str) -> str:
    """The repr of a value, cut to 40 characters."""
    quoted = repr(value[:50])
    return quoted if len(quoted) <= 40 and len(value) <= 50 else quoted[:39] + "…"


FEATURES = Form("features", ("run_id", "k", "at_end"))
TURNS = Form(
    "turns",
    ("run_id", "turn", "action", "observation"),
    {
        "run_id": _id,
        "turn": _whole("a whole number from 1", 1, blank=0),
        "call": _whole("a whole number from 0, or blank", 0, blank=0),
        "thought": str,
        "tool": str,
        "action": str,
        "observation": str,
        "exit_code": _whole("a whole number or blank", -(10**9)),
        "is_error": _flag,
        "prompt_tokens": _amount,
        "completion_tokens": _amount,
        "cost_usd": _amount,
        "latency_ms": _amount,
        "started_at": str,
        "choice": str,
        "y1": str,
        "y2": str,
    },
    {"turn": rb'"?[0-9]{1,9}"?'},
)
RUNS = Form(
    "runs",
    ("run_id", "task_id"),
    {
        "run_id": _id,
        "task_id": _id,
        "repo": _name,
        "task": str,
        "harness": _name,
        "weak_model": _name,
        "y_weak": _label,
        "cost_weak_usd": _amount,
        "strong_model": _name,
        "y_strong": _label,
        "cost_strong_usd": _amount,
        "route": _choice("weak", "strong"),
        "propensity": _share,
        "route_turn": _whole("a whole number from 0, or blank", 0),
        "takeover": _choice("restart", "handover"),
        "turns": _whole("a whole number from 0, or blank", 0),
    },
    {"y_weak": rb'"?[01]?"?'},
)
OUTCOMES = Form(
    "outcomes",
    ("task_id", "model", "resolved"),
    {"task_id": _id, "model": _id, "resolved": _label, "cost_usd": _amount},
    {"resolved": rb'"?[01]?"?'},
)
FORMS = (FEATURES, TURNS, RUNS, OUTCOMES)


class UnknownForm(LogError):
    """The header fits none of the forms."""


def form_of(columns: Sequence[str], file: str) -> Form:
    """The form a header fits; of several, the one that knows most of its columns. Raises UnknownForm."""
    found = set(columns)
    fits = [form for form in FORMS if found.issuperset(form.required)]
    if fits:
        return fits[0] if fits[0] is FEATURES else max(fits, key=lambda form: len(found.intersection(form.cells)))
    nearest = max(FORMS, key=lambda form: len(found.intersection(form.required)) / len(form.required))
    missing = ", ".join(column for column in nearest.required if column not in found)
    listed = ", ".join(map(shown, columns[:30])) + ", …" * (len(columns) > 30)
    hint = " (the columns must be separated by commas)" if len(columns) == 1 else ""
    raise UnknownForm(f"{file}: fits no log form. Found {listed}{hint}; nearest is {nearest.name}, missing {missing}")
