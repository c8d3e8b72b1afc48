"""edits: how much was changed, how, and whether the changes stuck."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from featrouter.catalogue import lexicon
from featrouter.dialects.diffs import size_of_diff
from featrouter.families.steps import outdates, tries
from featrouter.observations.refusals import refused_for_syntax
from featrouter.reading import CallReading, Reading
from featrouter.syntax import is_broken
from featrouter.trajectory import Operation

# Past this many distinct texts and names a run's counts stand still, so that a session's memory is bounded.
MAX_NAMES = 2048
#: So many of the latest changes are looked at for refusals; so many may stand unchecked before that is a sign.
RECENT, RECENT_TURNS, UNCHECKED = 6, 3, 2

_REFUSED, _EDITED = (1 << RECENT) - 1, (1 << RECENT_TURNS) - 1


class Edits:
    def __init__(self, task: str, row: dict[str, float]) -> None:
        self._row = row
        self._test_file = lexicon("files")["test_file"]
        self._counts = dict.fromkeys(("edits", "added", "removed", "written", "test_files", "failed"), 0)
        self._size_last = self._size_max = float("nan")
        # One bit a change, and one a turn, the latest lowest.
        self._refused = self._edited = 0
        self._seen: set[int] = set()
        self._undoing: set[int] = set()
        self._per_file: dict[str, int] = {}
        self._unchecked = self._chained = self._same_file = 0
        self._turn = self._first = self._last = 0
        for name in ("refused", "repeated", "undone", "blind", "syntax", "largest", "recent"):
            row[f"edits_{name}"] = 0.0

    def observe(self, reading: Reading) -> None:
        turn = self._turn = reading.number
        for call in reading.calls:
            for operation in call.operations:
                kind = operation.kind
                if kind == "edit" or kind == "create":
                    self._observe_change(operation, call)
                elif tries(operation):
                    self._unchecked = 0
        row = self._row
        row["edits_blind"] = float(self._unchecked - UNCHECKED) if self._unchecked > UNCHECKED else 0.0
        self._edited = (self._edited << 1 | (self._last == turn)) & _EDITED
        row["edits_recent"] = float(self._edited.bit_count())

    def _observe_change(self, operation: Operation, call: CallReading) -> None:
        row, counts = self._row, self._counts
        created = operation.kind == "create"
        self._unchecked += outdates(operation)
        self._chained = max(self._chained, self._unchecked)
        if not created:
            counts["edits"] += 1
            self._first = self._first or self._turn
            self._last = self._turn
        added, removed = _size(operation)
        counts["written" if created else "added"] += added
        counts["removed"] += removed
        self._size_last = float(added + removed)
        self._size_max = max(self._size_last, self._size_max) if self._size_max == self._size_max else self._size_last
        for name in operation.files:
            counts["test_files"] += self._test_file.search(name) is not None
            if name in self._per_file or len(self._per_file) < MAX_NAMES:
                times = self._per_file[name] = self._per_file.get(name, 0) + 1
                self._same_file = max(self._same_file, times)
        refused = call.refused
        counts["failed"] += refused
        self._refused = (self._refused << 1 | refused) & _REFUSED
        row["edits_refused"] = float(self._refused.bit_count())
        row["edits_largest"] = log2(1.0 + self._size_max)
        row["edits_syntax"] += _breaks(operation) or (refused and refused_for_syntax(call.observation))
        self._observe_history(operation)

    def _observe_history(self, operation: Operation) -> None:
        old, new, diff = operation.old, operation.new, operation.diff
        if not (new or old or diff):
            return
        row = self._row
        # hash(str) differs between processes; these are only ever compared within one session.
        whole = hash((operation.files, old, new, diff))
        if whole in self._seen:
            row["edits_repeated"] += 1.0
        elif len(self._seen) < MAX_NAMES:
            self._seen.add(whole)
        if old and new:
            row["edits_undone"] += whole in self._undoing
            if len(self._undoing) < MAX_NAMES:
                self._undoing.add(hash((operation.files, new, old, diff)))

    def facts(self) -> dict[str, float]:
        nan, counts = float("nan"), self._counts
        return {
            "edits_count": float(counts["edits"]),
            "edits_added": float(counts["added"]),
            "edits_removed": float(counts["removed"]),
            "edits_written": float(counts["written"]),
            "edits_size_last": self._size_last,
            "edits_size_max": self._size_max,
            "edits_test_files": float(counts["test_files"]),
            "edits_failed": float(counts["failed"]),
            "edits_syntax_errors": self._row["edits_syntax"],
            "edits_repeated": self._row["edits_repeated"],
            "edits_undone": self._row["edits_undone"],
            "edits_same_file": float(self._same_file),
            "edits_chained": float(self._chained),
            "edits_unchecked": float(self._unchecked),
            "edits_first_turn": float(self._first) if self._first else nan,
            "edits_since": float(self._turn - self._last) if self._first else nan,
        }


def _breaks(operation: Operation) -> bool:
    """Whether the new text does not parse although the text that it replaces did.

    Only an edit that opens or closes more brackets or quotes than before is parsed: a parse may cost more than a turn.
    """
    old, new = operation.old, operation.new
    if not new or not operation.files or _open(new) == _open(old):
        return False
    name = operation.files[0]
    return is_broken(new, name) is True and not (old and is_broken(old, name) is not False)


def _open(text: str) -> tuple[int, int, int, int]:
    """What a text leaves open: brackets of three kinds, and whether its quotes are odd in number."""
    count = text.count
    quotes = count('"') + count("'")
    return count("(") - count(")"), count("[") - count("]"), count("{") - count("}"), quotes & 1


def _size(operation: Operation) -> tuple[int, int]:
    """(lines added, lines removed) of a change."""
    if operation.diff:
        return size_of_diff(operation.diff)
    old = operation.old.splitlines()
    new = operation.new.splitlines()
    if not old:
        return len(new), 0
    # An edit tool's texts repeat their context: lines that both hold, at either end, were not changed.
    start = _alike(old, new)
    end = _alike(old[: start - len(old) - 1 : -1], new[: start - len(new) - 1 : -1])
    return len(new) - start - end, len(old) - start - end


def _alike(some: Sequence[str], others: Sequence[str]) -> int:
    """How many lines at the beginning are the same in both."""
    for number, (one, other) in enumerate(zip(some, others, strict=False)):
        if one != other:
            return number
    return min(len(some), len(others))
