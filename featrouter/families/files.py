"""files: which files the agent looked at, looked for and changed."""

from __future__ import annotations

from featrouter import task as found_in
from featrouter.catalogue import lexicon
from featrouter.reading import CallReading, Reading, task_window
from featrouter.trajectory import Operation

# Past this many distinct names a run's counts stand still, so that a session's memory is bounded.
MOST = 2048

_CHANGES = ("edit", "create")


class Files:
    def __init__(self, task: str) -> None:
        self._lex = lexicon("files")
        self._named = frozenset([name.rsplit("/", 1)[-1] for name in found_in.files(task_window(task))])
        self._named_touched: set[str] = set()
        self._read: dict[str, int] = {}
        self._edited: set[str] = set()
        self._created: set[str] = set()
        self._touched: dict[str, int] = {}
        self._folders: set[str] = set()
        self._searched: set[str] = set()
        self._traced: set[str] = set()
        self._basenames: set[str] = set()
        self._tests: set[str] = set()
        self._traced_touched = self._depth_max = 0
        self._edits = 0
        self._turn = 0
        self._last_read = self._first_read = self._last_new = 0
        self._counts = dict.fromkeys(("reads", "revisits", "listings", "unread", "searches", "empty", "again"), 0)

    def observe(self, reading: Reading) -> None:
        self._turn = reading.number
        for call in reading.calls:
            for operation in call.operations:
                if operation.kind == "read":
                    self._observe_read(operation)
                elif operation.kind == "search":
                    self._observe_search(operation, call)
                elif operation.kind in _CHANGES:
                    self._observe_change(operation)
            self._observe_traces(call)

    def _observe_read(self, operation: Operation) -> None:
        if operation.directory:
            self._counts["listings"] += 1
            return
        for name in operation.files:
            self._counts["reads"] += 1
            if name in self._read:
                self._counts["revisits"] += self._read[name] == self._edits
            if name in self._read or len(self._read) < MOST:
                self._read[name] = self._edits
            if self._lex["test_file"].search(name) and len(self._tests) < MOST:
                self._tests.add(name)
            self._touch(name)
        if operation.files:
            self._last_read = self._turn
            self._first_read = self._first_read or self._turn

    def _observe_search(self, operation: Operation, call: CallReading) -> None:
        self._counts["searches"] += 1
        text = call.observation
        # A long answer is never an empty one, so only short ones are read for the words of an empty search.
        if len(text) < 400 and self._lex["empty"].search(text):
            self._counts["empty"] += 1
        for pattern in operation.patterns:
            if pattern in self._searched:
                self._counts["again"] += 1
            elif len(self._searched) < MOST:
                self._searched.add(pattern)

    def _observe_change(self, operation: Operation) -> None:
        self._edits += 1
        for name in operation.files:
            known = name in self._read or name in self._created or name in self._edited
            if operation.kind == "create" and not known and len(self._created) < MOST:
                self._created.add(name)
            elif name not in self._created and name not in self._edited and len(self._edited) < MOST:
                self._edited.add(name)
                self._counts["unread"] += not known
            self._touch(name)

    def _observe_traces(self, call: CallReading) -> None:
        for match in self._lex["trace_file"].finditer(call.observation):
            name = match.group(1)
            if "site-packages" not in name and "/lib/python" not in name and len(self._traced) < MOST:
                basename = name.rsplit("/", 1)[-1]
                self._traced_touched += basename in self._basenames and basename not in self._traced
                self._traced.add(basename)

    def _touch(self, name: str) -> None:
        if name in self._touched or len(self._touched) >= MOST:
            return
        depth = name.strip("/").count("/")
        self._touched[name] = depth
        self._depth_max = max(self._depth_max, depth)
        folder, _, basename = name.rpartition("/")
        self._folders.add(folder)
        self._traced_touched += basename in self._traced and basename not in self._basenames
        self._basenames.add(basename)
        if basename in self._named:
            self._named_touched.add(basename)
        self._last_new = self._turn

    def row(self) -> dict[str, float]:
        nan = float("nan")
        counts = self._counts
        touched = len(self._touched)
        return {
            "files_reads": counts["reads"],
            "files_opened": len(self._read),
            "files_revisits": counts["revisits"],
            "files_listings": counts["listings"],
            "files_edited": len(self._edited),
            "files_edited_unread": counts["unread"],
            "files_created": len(self._created),
            "files_depth_max": self._depth_max if touched else nan,
            "files_folders": len(self._folders),
            "files_prompt_touched": len(self._named_touched) / len(self._named) if self._named else nan,
            "files_trace_touched": self._traced_touched / len(self._traced) if self._traced else nan,
            "files_tests_read": len(self._tests),
            "files_searches": counts["searches"],
            "files_searches_empty": counts["empty"],
            "files_searches_again": counts["again"],
            "files_first_read_turn": self._first_read if self._first_read else nan,
            "files_since_read": self._turn - self._last_read if self._first_read else nan,
            "files_since_new": self._turn - self._last_new if touched else nan,
        }
