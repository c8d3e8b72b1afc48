"""traces: the errors that the environment answered with - tracebacks, exit codes, complaints of shells and tools."""

from __future__ import annotations

from featrouter.catalogue import lexicon
from featrouter.families.steps import PROGRAMS
from featrouter.observations.errors import NONE, Errors, signature
from featrouter.reading import CallReading, Reading

# Past this many distinct errors the counts stand still, so that a session's memory is bounded.
MAX_ERRORS = 2048
_RECENT = 4
_LATEST = (1 << _RECENT) - 1

_SQL_SYNTAX = ("syntax", "parse error")
_SQL_NAMES = ("Unknown column", "doesn't exist", "no such", "does not exist", "Unknown table")
_NAMED = ("syntax", "imports", "names", "asserts")


class Traces:
    def __init__(self, task: str, row: dict[str, float]) -> None:
        self._row = row
        self._words = {name: lexicon("errors").words[name] for name in _NAMED}
        self._counts = dict.fromkeys(("again", *_NAMED), 0)
        self._tracebacks = self._exits = self._bad_exits = self._programs = 0
        self._complaints: dict[str, int] = {}
        self._frames_last = float("nan")
        self._kinds: set[str] = set()
        self._seen: set[str] = set()
        self._latest: set[str] = set()
        self._recent = 0  # one bit a turn, the latest lowest
        self._turn = self._errors = self._last_error = 0
        for name in ("streak", "repeat", "rate", "not_found", "timeouts", "refused", "recent"):
            row[f"traces_{name}"] = 0.0

    def observe(self, reading: Reading) -> None:
        turn = self._turn = reading.number
        row, failed = self._row, False
        for call in reading.calls:  # every call of the turn is read, also after a failed one
            failed |= self._observe_call(call)
        if failed:
            self._recent = (self._recent << 1 | 1) & _LATEST
            self._errors += 1
            self._last_error = turn
            row["traces_streak"] += 1.0
        else:
            self._recent = self._recent << 1 & _LATEST
            row["traces_streak"] = 0.0
        row["traces_share"] = self._errors / turn
        row["traces_recent"] = float(self._recent.bit_count())
        row["traces_rate"] = self._tracebacks / turn

    def _observe_call(self, call: CallReading) -> bool:
        if call.kind in PROGRAMS:
            self._programs += 1
        if call.exit_code is not None:
            self._exits += 1
            self._bad_exits += call.exit_code != 0
        errors = call.errors
        if errors is not NONE:
            self._observe_errors(errors)
        return call.failed

    def _observe_errors(self, errors: Errors) -> None:
        row, counts, complaints = self._row, self._counts, self._complaints
        if errors.tracebacks:
            self._tracebacks += errors.tracebacks
            self._frames_last = float(errors.frames)
        for name in errors.complaints:
            complaints[name] = complaints.get(name, 0) + 1
        keys = set()
        for kind, message in errors.named:
            if kind == "query":
                counts["syntax"] += any(word in message for word in _SQL_SYNTAX)
                counts["names"] += any(word in message for word in _SQL_NAMES)
            for name in _NAMED:
                counts[name] += kind in self._words[name]
            key = signature((kind, message))
            keys.add(key)
            counts["again"] += key in self._seen
            if len(self._seen) < MAX_ERRORS:
                self._seen.add(key)
                self._kinds.add(kind)
        if keys:
            row["traces_repeat"] = row["traces_repeat"] + 1.0 if keys & self._latest else 0.0
            self._latest = keys
        row["traces_not_found"] = float(complaints.get("not_found", 0))
        row["traces_timeouts"] = float(complaints.get("timeout", 0))
        row["traces_refused"] += errors.refused

    def _trend(self) -> float:
        """The share of the latest four turns that ended in an error, less that of all turns before them."""
        late = min(self._turn, _RECENT)
        early, recent = self._turn - late, self._recent.bit_count()
        return recent / late - (self._errors - recent) / early if early > 0 else float("nan")

    def facts(self) -> dict[str, float]:
        nan, counts, complaints = float("nan"), self._counts, self._complaints
        exits = self._exits
        # Some hosts tell the exit code of failures only: then the other commands ended well.
        commands = max(exits, self._programs) if exits == self._bad_exits else exits
        return {
            "traces_count": float(self._tracebacks),
            "traces_frames_last": self._frames_last,
            "traces_kinds": float(len(self._kinds)),
            "traces_again": float(counts["again"]),
            "traces_streak": self._row["traces_streak"],
            "traces_share": self._errors / self._turn if self._turn else nan,
            "traces_trend": self._trend(),
            "traces_since": float(self._turn - self._last_error) if self._last_error else nan,
            "traces_exit_share": self._bad_exits / commands if exits else nan,
            "traces_not_found": float(complaints.get("not_found", 0)),
            "traces_missing": float(complaints.get("missing", 0)),
            "traces_timeouts": float(complaints.get("timeout", 0)),
            "traces_syntax": float(counts["syntax"]),
            "traces_imports": float(counts["imports"]),
            "traces_names": float(counts["names"]),
            "traces_asserts": float(counts["asserts"]),
        }
