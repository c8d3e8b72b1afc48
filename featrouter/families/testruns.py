"""testruns: what the test runs said, of whichever runner; and scripts written to reproduce the problem."""

from __future__ import annotations

from math import log2

from featrouter.families.steps import PROGRAMS, is_script, tries
from featrouter.observations.test_results import Result, failed_names
from featrouter.reading import CallReading, Reading
from featrouter.trajectory import Operation

# Past this many distinct scripts the counts stand still, so that a session's memory is bounded.
MAX_SCRIPTS = 512
RECENT_TURNS = 3

_RECENT = (1 << RECENT_TURNS) - 1


class Testruns:
    def __init__(self, task: str, row: dict[str, float]) -> None:
        self._row = row
        self._runs = self._programs = 0
        self._first: Result | None = None
        self._latest: Result | None = None
        self._failing: frozenset[str] = frozenset()
        self._changed = False
        self._turn = self._first_turn = self._last_turn = 0
        self._tested = 0  # one bit a turn, the latest lowest
        self._scripts: set[str] = set()
        self._scripts_run = 0
        for name in ("failing", "green", "fixed", "step", "worse", "stuck", "recent"):
            row[f"testruns_{name}"] = 0.0

    def observe(self, reading: Reading) -> None:
        turn = self._turn = reading.number
        for call in reading.calls:
            ran = False
            for operation in call.operations:
                kind = operation.kind
                if kind in PROGRAMS:
                    if tries(operation):
                        self._observe_program(operation)
                    ran = True
                elif kind == "create" or kind == "edit":
                    self._changed = True
                    if kind == "create":
                        self._observe_create(operation)
            if ran:
                self._observe_output(call)
        row = self._row
        if self._programs:
            row["testruns_share"] = self._runs / self._programs
        self._tested = (self._tested << 1 | (self._last_turn == turn)) & _RECENT
        row["testruns_recent"] = float(self._tested.bit_count())

    def _observe_program(self, operation: Operation) -> None:
        self._programs += 1
        if operation.kind == "test":
            self._runs += 1
            self._first_turn = self._first_turn or self._turn
            self._last_turn = self._turn
        else:
            self._scripts_run += any(name in self._scripts for name in operation.files)

    def _observe_create(self, operation: Operation) -> None:
        for name in operation.files:
            if len(self._scripts) < MAX_SCRIPTS and is_script(name):
                self._scripts.add(name)

    def _observe_output(self, call: CallReading) -> None:
        result = call.result
        if result is None:
            return
        row, before = self._row, self._latest
        first = self._first = self._first or result
        self._latest = result
        bad, total = result.bad, result.bad + result.passed
        row["testruns_failing"] = bad / total if total else 0.0
        row["testruns_green"] = float(result.green)
        row["testruns_fixed"] = (first.bad - bad) / max(first.bad, bad, 1)
        row["testruns_step"] = (before.bad - bad) / max(before.bad, bad, 1) if before else 0.0
        row["testruns_worse"] = max(0.0, log2((1 + bad) / (1 + first.bad)))
        self._observe_stuck(call, result, before)

    def _observe_stuck(self, call: CallReading, result: Result, before: Result | None) -> None:
        """Counts the changes in a row that left the same tests failing."""
        row = self._row
        names = failed_names(call.output) if result.bad else frozenset()
        if not result.bad or before is None:
            row["testruns_stuck"] = 0.0
        elif self._changed:
            same = names == self._failing if names or self._failing else result.bad == before.bad
            row["testruns_stuck"] = row["testruns_stuck"] + 1.0 if same else 0.0
        self._failing = names
        self._changed = False

    def facts(self) -> dict[str, float]:
        nan = float("nan")
        first, latest = self._first, self._latest
        return {
            "testruns_runs": float(self._runs),
            "testruns_share": self._row["testruns_share"],
            "testruns_passed_last": float(latest.passed) if latest else nan,
            "testruns_failed_last": float(latest.failed) if latest else nan,
            "testruns_errors_last": float(latest.errors) if latest else nan,
            "testruns_skipped_last": float(latest.skipped) if latest else nan,
            "testruns_failed_first": float(first.bad) if first else nan,
            "testruns_trend": float(latest.bad - first.bad) if first and latest else nan,
            "testruns_green_last": float(latest.green) if latest else nan,
            "testruns_since": float(self._turn - self._last_turn) if self._first_turn else nan,
            "testruns_first_turn": float(self._first_turn) if self._first_turn else nan,
            "testruns_scripts": float(len(self._scripts)),
            "testruns_scripts_run": float(self._scripts_run),
        }
