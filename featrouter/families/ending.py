"""ending: would the answer stand as it is now? What was changed, what was checked since, what the agent says of it."""

from __future__ import annotations

from math import log2

from featrouter import task as found_in
from featrouter.catalogue import lexicon
from featrouter.dialects.diffs import size_of_diff
from featrouter.families.steps import is_script, outdates, tries
from featrouter.reading import CallReading, Reading
from featrouter.trajectory import Operation

# Past this many distinct names a run's counts stand still, so that a session's memory is bounded.
MAX_NAMES = 512

#: So much of the latest message is read for words of doubt.
_LAST_CHARS = 800


class Ending:
    def __init__(self, task: str, row: dict[str, float]) -> None:
        self._row = row
        lex = lexicon("ending")
        self._debug, self._doubt = lex["debug"], lexicon("speech")["doubt"]
        self._doubt_words = lexicon("speech").words["doubt"]
        self._named = found_in.basenames(task)
        self._named_changed: set[str] = set()
        self._lines = 0
        #: By key: the calls that failed when they were last made, and whether they ran tests.
        self._unanswered: dict[int, bool] = {}
        self._left: set[str] = set()
        self._debug_lines = 0
        for name in ("size", "check", "failing", "unanswered", "leftovers", "doubt"):
            row[f"ending_{name}"] = 0.0
        if self._named:
            row["ending_task_changed"] = 0.0

    def observe(self, reading: Reading) -> None:
        row = self._row
        for call in reading.calls:
            self._observe_call(call)
        row["ending_unanswered"] = float(len(self._unanswered))
        if reading.thought and not reading.distinct.isdisjoint(self._doubt_words):
            row["ending_doubt"] = float(self._doubt.count(reading.low[-_LAST_CHARS:]))
        else:
            row["ending_doubt"] = 0.0

    def _observe_call(self, call: CallReading) -> None:
        failed, unanswered = call.failed, self._unanswered
        if failed:
            if len(unanswered) < MAX_NAMES:
                unanswered[call.key] = "test" in call.kinds
        elif unanswered:
            unanswered.pop(call.key, None)
            if "test" in call.kinds:  # other tests, or the same by another command, answer a failing one
                self._unanswered = {key: False for key, of_tests in unanswered.items() if not of_tests}
        for operation in call.operations:
            if tries(operation):
                self._row["ending_failing"] = float(failed)
                if self._lines:
                    self._row["ending_check"] = -1.0 if failed else 1.0
            elif operation.kind in ("edit", "create") and not failed:
                self._observe_change(operation)

    def _observe_change(self, operation: Operation) -> None:
        row = self._row
        tidies = not outdates(operation)
        if not tidies:
            row["ending_check"] = 0.0
        added, removed = (
            size_of_diff(operation.diff) if operation.diff else (_lines(operation.new), _lines(operation.old))
        )
        self._lines += added + removed
        row["ending_size"] = log2(1.0 + self._lines)
        deletes = tidies and operation.kind == "edit"
        for name in operation.files:
            basename = name.replace("\\", "/").rpartition("/")[2]
            if basename in self._named:
                self._named_changed.add(basename)
                row["ending_task_changed"] = len(self._named_changed) / len(self._named)
            if deletes:
                self._left.discard(name)
            elif operation.kind == "create" and len(self._left) < MAX_NAMES and is_script(name):
                self._left.add(name)
        self._debug_lines = max(
            0, self._debug_lines + self._debug.count(operation.new) - self._debug.count(operation.old)
        )
        row["ending_leftovers"] = float(len(self._left) + (self._debug_lines > 0))

    def facts(self) -> dict[str, float]:
        return {"ending_lines": float(self._lines)}


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0
