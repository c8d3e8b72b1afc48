"""testruns: what the test runs said, of whichever runner; and scripts written to reproduce the problem."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from featrouter.catalogue import Lexicon, Pattern, lexicon
from featrouter.reading import CallReading, Reading
from featrouter.trajectory import Operation

# Past this many distinct scripts the counts stand still, so that a session's memory is bounded.
MOST = 512

_NUMBER_WORD = re.compile(r"(\d{1,7}) {1,4}([a-z]{2,12})")
_WORD_NUMBER = re.compile(r"(?<!expected )\b([A-Za-z]{3,12})[:=] {0,8}(\d{1,7})|tests? run: (\d{1,7})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Result:
    """What one test run reported, in tests."""

    passed: int
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    @property
    def bad(self) -> int:
        return self.failed + self.errors

    @property
    def green(self) -> bool:
        return self.passed > 0 and self.bad == 0


def runners() -> tuple[Pattern, ...]:
    """The test runners of features/testruns.toml, in the order in which they are tried."""
    return tuple(pattern for pattern in lexicon("testruns").patterns.values() if pattern.style)


def result_of(text: str, tried: Iterable[Pattern]) -> Result | None:
    """The test result that a program's output tells, by the first of these runners that reads one; None if none."""
    return next(filter(None, (result_by(pattern, text) for pattern in tried)), None)


def result_by(pattern: Pattern, text: str) -> Result | None:
    """The test result as one runner of the catalogue writes it."""
    found = list(pattern.finditer(text))
    if not found:
        return None
    lex = lexicon("testruns")
    if pattern.style == "tally":
        verdicts = [match.group(1).lower() for match in found]
        return Result(*(sum(v in lex.words[w] for v in verdicts) for w in ("passed", "failed", "errors", "skipped")))
    if pattern.style == "ctest":
        failed, total = (int(group) for group in found[-1].groups())
        return Result(max(0, total - failed), failed)
    results = [_counts(lex, " ".join(filter(None, match.groups()))) for match in found]
    if pattern.join != "sum":
        return results[-1]
    return Result(
        sum(r.passed for r in results),
        sum(r.failed for r in results),
        sum(r.errors for r in results),
        sum(r.skipped for r in results),
    )


def _counts(lex: Lexicon, summary: str) -> Result:
    """Numbers beside words: `3 passed`, `failures=1`, `Tests run: 5`. What is not stated is 0, passed the rest."""
    seen: dict[str, int] = {}
    pairs = [(word, count) for count, word in _NUMBER_WORD.findall(summary)]
    pairs += [(word or "total", count or run) for word, count, run in _WORD_NUMBER.findall(summary)]
    for word, count in pairs:
        for field in ("passed", "failed", "errors", "skipped", "total"):
            if word.lower() in lex.words[field]:
                seen[field] = seen.get(field, 0) + int(count)
    failed, errors, skipped = (seen.get(field, 0) for field in ("failed", "errors", "skipped"))
    rest = max(0, seen.get("total", 0) - failed - errors - skipped)
    return Result(seen.get("passed", rest), failed, errors, skipped)


class Testruns:
    def __init__(self, task: str) -> None:
        self._lex = lexicon("testruns")
        self._runners = runners()
        self._runs = self._programs = 0
        self._first: Result | None = None
        self._latest: Result | None = None
        self._turn = self._first_turn = self._last_turn = 0
        self._scripts: set[str] = set()
        self._scripts_run = 0

    def observe(self, reading: Reading) -> None:
        self._turn = reading.number
        for call in reading.calls:
            for operation in call.operations:
                self._observe_operation(operation, call)
            if "test" in call.kinds or "run" in call.kinds:
                self._observe_output(call)

    def _observe_operation(self, operation: Operation, call: CallReading) -> None:
        if operation.kind in ("test", "run"):
            self._programs += 1
        if operation.kind == "test":
            self._runs += 1
            self._first_turn = self._first_turn or self._turn
            self._last_turn = self._turn
        elif operation.kind == "run":
            self._scripts_run += any(name in self._scripts for name in operation.files)
        elif operation.kind == "create":
            for name in operation.files:
                # A test file inside the project's tree belongs to its suite; a script lies at the top.
                if name.count("/") <= 1 and self._lex["script"].search(name) and len(self._scripts) < MOST:
                    self._scripts.add(name)

    def _observe_output(self, call: CallReading) -> None:
        result = result_of(call.observation, call.opened(self._runners))
        if result is not None:
            self._first = self._first or result
            self._latest = result

    def row(self) -> dict[str, float]:
        nan = float("nan")
        first, latest = self._first, self._latest
        return {
            "testruns_runs": self._runs,
            "testruns_share": self._runs / self._programs if self._programs else nan,
            "testruns_passed_last": latest.passed if latest else nan,
            "testruns_failed_last": latest.failed if latest else nan,
            "testruns_errors_last": latest.errors if latest else nan,
            "testruns_failed_first": first.bad if first else nan,
            "testruns_trend": latest.bad - first.bad if first and latest else nan,
            "testruns_green_last": latest.green if latest else nan,
            "testruns_since": self._turn - self._last_turn if self._first_turn else nan,
            "testruns_first_turn": self._first_turn if self._first_turn else nan,
            "testruns_scripts": len(self._scripts),
            "testruns_scripts_run": self._scripts_run,
        }
