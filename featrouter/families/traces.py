"""traces: the errors that the environment answered with - tracebacks, exit codes, the shell's complaints."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from featrouter.catalogue import Pattern, lexicon
from featrouter.reading import CallReading, Reading

# Past this many distinct errors the counts stand still, so that a session's memory is bounded.
MOST = 2048
_RECENT = 4

_DIGITS = re.compile(r"0x[0-9a-fA-F]+|\d+")
_SQL_SYNTAX = ("syntax", "parse error")
_SQL_NAMES = ("Unknown column", "doesn't exist", "no such", "does not exist", "Unknown table")


class Traces:
    def __init__(self, task: str) -> None:
        lex = lexicon("traces")
        self._lex = lex
        self._exit = lex["exit"]
        self._styles = {style: lex.styled(style) for style in ("trace", "frame", "error", "shell")}
        self._counts = dict.fromkeys(
            ("traces", "again", "exits", "bad_exits", "syntax", "imports", "names", "asserts"), 0
        )
        self._shell = dict.fromkeys(("not_found", "missing", "timeout", "rejected"), 0)
        self._frames_last = float("nan")
        self._kinds: set[str] = set()
        self._seen: set[tuple[str, str]] = set()
        self._recent: deque[bool] = deque(maxlen=_RECENT)
        self._turn = self._errors = self._streak = self._last_error = 0

    def observe(self, reading: Reading) -> None:
        self._turn = reading.number
        # A list and not a generator under any(): every call of the turn is to be read, also after a failed one.
        failed = sum([self._observe_call(call) for call in reading.calls]) > 0
        self._errors += failed
        self._streak = self._streak + 1 if failed else 0
        if failed:
            self._last_error = self._turn
        self._recent.append(failed)

    def _observe_call(self, call: CallReading) -> bool:
        text = call.observation
        failed = call.is_error is True
        code = self._exit_code(call)
        if code is not None:
            self._counts["exits"] += 1
            self._counts["bad_exits"] += code != 0
            failed |= code != 0
        # What a file or a search shows may quote errors; only what was run can raise them.
        if call.kind in ("read", "search"):
            head = text[:400]
            return failed | self._observe_shell(head, [p for p in self._styles["shell"] if p.open_for(head)])
        styles = self._styles
        traces = sum([1 for pattern in call.opened(styles["trace"]) for _ in pattern.tried(text)])
        named = self._observe_errors(text, call.opened(styles["error"]))
        if traces:
            self._counts["traces"] += traces
            self._frames_last = float(sum([pattern.count(text) for pattern in self._styles["frame"]]))
        return failed | (traces > 0) | named | self._observe_shell(text, call.opened(styles["shell"]))

    def _exit_code(self, call: CallReading) -> int | None:
        if call.exit_code is not None:
            return call.exit_code
        text = call.observation
        match = self._exit.search(text[:200]) or (self._exit.search(text[-200:]) if len(text) > 200 else None)
        return int(next(filter(None, match.groups()))) if match else None

    def _observe_shell(self, text: str, opened: Sequence[Pattern]) -> bool:
        failed = False
        for pattern in opened:
            if next(pattern.tried(text), None):
                self._shell[pattern.name] += 1
                failed = True
        return failed

    def _observe_errors(self, text: str, opened: Sequence[Pattern]) -> bool:
        counts, words = self._counts, self._lex.words
        found = False
        for pattern in opened:
            for match in pattern.tried(text):
                groups = [group for group in match.groups() if group is not None]
                if pattern.name == "query":
                    kind, message = "query", groups[0]
                    counts["syntax"] += any(word in message for word in _SQL_SYNTAX)
                    counts["names"] += any(word in message for word in _SQL_NAMES)
                else:
                    kind = groups[0].rsplit(".", 1)[-1]
                    message = groups[1] if len(groups) > 1 else ""
                if kind.endswith("Warning"):
                    continue
                found = True
                for name in ("syntax", "imports", "names", "asserts"):
                    counts[name] += kind in words[name]
                key = (kind, _DIGITS.sub("0", message))
                counts["again"] += key in self._seen
                if len(self._seen) < MOST:
                    self._seen.add(key)
                    self._kinds.add(kind)
        return found

    def row(self) -> dict[str, float]:
        nan = float("nan")
        counts, shell, turn = self._counts, self._shell, self._turn
        recent, early = sum(self._recent), turn - len(self._recent)
        late_share = recent / len(self._recent) if self._recent else 0.0
        return {
            "traces_count": counts["traces"],
            "traces_frames_last": self._frames_last,
            "traces_kinds": len(self._kinds),
            "traces_again": counts["again"],
            "traces_streak": self._streak,
            "traces_share": self._errors / turn if turn else nan,
            "traces_trend": late_share - (self._errors - recent) / early if early > 0 else nan,
            "traces_since": turn - self._last_error if self._last_error else nan,
            "traces_exit_share": counts["bad_exits"] / counts["exits"] if counts["exits"] else nan,
            "traces_not_found": shell["not_found"],
            "traces_missing": shell["missing"],
            "traces_timeouts": shell["timeout"],
            "traces_syntax": counts["syntax"],
            "traces_imports": counts["imports"],
            "traces_names": counts["names"],
            "traces_asserts": counts["asserts"],
            "traces_rejected": shell["rejected"],
        }
