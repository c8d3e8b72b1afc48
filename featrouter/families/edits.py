"""edits: how much was changed, how, and whether the changes stuck."""

from __future__ import annotations

from collections.abc import Sequence

from featrouter.catalogue import lexicon
from featrouter.reading import CallReading, Reading
from featrouter.syntax import syntax
from featrouter.trajectory import Operation

# Past this many distinct texts and names a run's counts stand still, so that a session's memory is bounded.
MOST = 2048

_RUNS = ("run", "test")


class Edits:
    def __init__(self, task: str) -> None:
        lex = lexicon("edits")
        self._failed, self._syntax, self._definition = (lex[name] for name in ("failed", "syntax", "definition"))
        self._test_file = lexicon("files")["test_file"]
        self._counts = dict.fromkeys(("edits", "added", "removed", "written", "test_files", "failed", "syntax"), 0)
        self._definitions = self._repeated = 0
        self._size_last = self._size_max = float("nan")
        self._seen: set[int] = set()
        self._per_file: dict[str, int] = {}
        self._unchecked = self._chained = self._same_file = 0
        self._turn = self._first = self._last = 0

    def observe(self, reading: Reading) -> None:
        self._turn = reading.number
        for call in reading.calls:
            for operation in call.operations:
                if operation.kind in ("edit", "create"):
                    self._observe_change(operation, call)
                elif operation.kind in _RUNS:
                    self._unchecked = 0

    def _observe_change(self, operation: Operation, call: CallReading) -> None:
        counts = self._counts
        created = operation.kind == "create"
        self._unchecked += 1
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
            if name in self._per_file or len(self._per_file) < MOST:
                times = self._per_file[name] = self._per_file.get(name, 0) + 1
                self._same_file = max(self._same_file, times)
        head = call.observation[:400].lower()
        failed = call.is_error is True or self._failed.search(head) is not None
        counts["failed"] += failed
        broken = failed and self._syntax.search(head) is not None
        counts["syntax"] += broken or self._observe_code(operation)
        self._observe_history(operation)

    def _observe_code(self, operation: Operation) -> bool:
        """Counts what the new text defines; True when it does not parse although the text it replaces did."""
        if not operation.new:
            return False
        name = operation.files[0] if operation.files else ""
        parsed = syntax(operation.new, name)
        if parsed is None:
            self._definitions += self._definition.count(operation.new)
            return False
        broken, definitions = parsed
        self._definitions += definitions
        if broken and operation.old:
            before = syntax(operation.old, name)
            return before is not None and not before[0]
        return broken

    def _observe_history(self, operation: Operation) -> None:
        if not (operation.new or operation.old or operation.diff):
            return
        # hash(str) differs between processes; these are only ever compared within one session.
        whole = hash((operation.files, operation.old, operation.new, operation.diff))
        if whole in self._seen:
            self._repeated += 1
        elif len(self._seen) < MOST:
            self._seen.add(whole)

    def row(self) -> dict[str, float]:
        nan = float("nan")
        counts = self._counts
        return {
            "edits_count": counts["edits"],
            "edits_added": counts["added"],
            "edits_removed": counts["removed"],
            "edits_written": counts["written"],
            "edits_size_last": self._size_last,
            "edits_size_max": self._size_max,
            "edits_test_files": counts["test_files"],
            "edits_failed": counts["failed"],
            "edits_syntax_errors": counts["syntax"],
            "edits_definitions": self._definitions,
            "edits_repeated": self._repeated,
            "edits_same_file": self._same_file,
            "edits_chained": self._chained,
            "edits_unchecked": self._unchecked,
            "edits_first_turn": self._first if self._first else nan,
            "edits_since": self._turn - self._last if self._first else nan,
        }


def _size(operation: Operation) -> tuple[int, int]:
    """(lines added, lines removed) of an edit, by unidiff where it carries a diff."""
    if operation.diff:
        return _diff_size(operation.diff)
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


def _diff_size(diff: str) -> tuple[int, int]:
    if "@@" in diff or "diff --git" in diff or ("--- " in diff and "+++ " in diff):  # without, it is none to unidiff
        import unidiff

        try:
            patch = unidiff.PatchSet(diff)
            if len(patch):
                return patch.added, patch.removed
        except (unidiff.UnidiffParseError, ValueError):
            pass
    # Cut, hunkless (apply_patch) and malformed diffs: their marked lines still tell the size.
    lines = [line for line in diff.splitlines() if not line.startswith(("+++", "---", "***"))]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return added, removed
