"""The fast path of reading turns: rows whose cells look as usual, found by one pattern.

It only skips work. A row is taken here only if the strict path (`Records` and `Form.reader`) takes the same bytes as a
row with the same values. Everything else is left to that path: quoted numbers, odd ids, and damage of any kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from featrouter.logs.forms import TURNS
from featrouter.logs.rows import Cells, pattern, text

# Each of these matches a part of what the reader of its column takes, and nothing else.
_AMOUNT = rb"(?:[0-9]{1,15}(?:\.[0-9]{0,30})?(?:[eE]-[0-9]{1,3})?)?"
_USUAL = {
    "turn": rb"[1-9][0-9]{0,8}",
    "call": rb"[0-9]{0,9}",
    "exit_code": rb"(?:-?[0-9]{1,9})?",
    "is_error": rb"[01]?",
    "prompt_tokens": _AMOUNT,
    "completion_tokens": _AMOUNT,
    "cost_usd": _AMOUNT,
    "latency_ms": _AMOUNT,
}

_PLACED = ("run_id", "turn", "call")


class UsualRecord:
    """Finds the usual records of a file with these `columns`: `match(data, at)`, and then `cells` of the match.

    `cells` gives the raw cells of the `wanted` columns, in that order; a column that the file lacks is b"".
    """

    def __init__(self, columns: Sequence[str], wanted: Sequence[str]) -> None:
        self.match = pattern(columns, wanted, shapes=_USUAL).match
        # -1, of a column that is not there, is the b"" behind the last group.
        self._order = itemgetter(*(_group(columns, wanted, column) - 1 for column in wanted))

    def cells(self, match: re.Match[bytes]) -> Cells:
        cells: Cells = self._order((*match.groups(), b""))
        return cells


def _group(columns: Sequence[str], wanted: Sequence[str], column: str) -> int:
    """The number of the column's group in a pattern of the `wanted` cells, or 0."""
    groups = [name for name in columns if name in wanted]
    return groups.index(column) + 1 if column in groups else 0


def usual_rows(columns: Sequence[str]) -> Callable[[bytes, int], tuple[int, dict[str, Any]] | None]:
    """Returns a function of a window of the file and a position in it, to be called in the file's order.

    It tells the end of the usual row at that position, and its run_id, turn and call; or None.
    """
    match = UsualRecord(columns, _PLACED).match
    run, turn, call = (_group(columns, _PLACED, column) for column in _PLACED)
    read_id = TURNS.cells["run_id"]
    last, run_id = b"", ""  # the rows of a run mostly follow each other

    def read(window: bytes, at: int) -> tuple[int, dict[str, Any]] | None:
        nonlocal last, run_id
        if not (found := match(window, at)):
            return None
        whole, raw, number = found.group(0, run, turn)
        try:
            if not whole.isascii():
                whole.decode()
            if raw != last or not run_id:
                last, run_id = raw, read_id(text(raw))
        except ValueError:  # not UTF-8, or no id; the strict path says so
            last, run_id = b"", ""
            return None
        if b"\0" in whole:
            return None
        row = {"run_id": run_id, "turn": int(number)}
        if call:
            row["call"] = int(found[call] or 0)
        return found.end(), row

    return read
