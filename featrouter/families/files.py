"""files: which files the agent looked at, looked for and changed; and what its look-ups found."""

from __future__ import annotations

from featrouter import task as found_in
from featrouter.catalogue import lexicon
from featrouter.observations.refusals import found_nothing
from featrouter.reading import CallReading, Reading
from featrouter.trajectory import Operation

# Past this many distinct names a run's counts stand still, so that a session's memory is bounded.
MAX_NAMES = 2048
#: Turns of looking around without a change that are nothing unusual.
LOOKING = 8


class Files:
    def __init__(self, task: str, row: dict[str, float]) -> None:
        self._row = row
        lex = lexicon("files")
        self._test_file = lex["test_file"]
        self._named = found_in.basenames(task)
        self._named_touched: set[str] = set()
        self._read: dict[str, int] = {}
        self._edited: set[str] = set()
        self._created: set[str] = set()
        self._touched: set[str] = set()
        self._folders: set[str] = set()
        self._searched: set[str] = set()
        self._tests: set[str] = set()
        self._changes = self._depth = 0
        self._turn = self._last_read = self._first_read = self._last_new = self._last_change = 0
        self._counts = dict.fromkeys(("reads", "revisits", "listings", "unread", "searches", "empty", "again"), 0)
        for name in ("opened", "edited_unread", "first_read", "since_read", "since_new", "looking"):
            row[f"files_{name}"] = 0.0
        if self._named:
            row["files_task_touched"] = 0.0

    def observe(self, reading: Reading) -> None:
        turn = self._turn = reading.number
        for call in reading.calls:
            for operation in call.operations:
                kind = operation.kind
                if kind == "read":
                    self._observe_read(operation)
                elif kind == "search":
                    self._observe_search(operation, call)
                elif kind == "edit" or kind == "create":
                    self._observe_change(operation)
        row = self._row
        if not self._first_read:
            row["files_first_read"] = float(turn)
        row["files_since_read"] = float(turn - self._last_read)
        row["files_since_new"] = float(turn - self._last_new)
        looking = turn - self._last_change - LOOKING
        row["files_looking"] = looking / 4 if looking > 0 else 0.0

    def _observe_read(self, operation: Operation) -> None:
        counts = self._counts
        if operation.directory:
            counts["listings"] += 1
            return
        if not operation.files:
            return
        read, row = self._read, self._row
        for name in operation.files:
            counts["reads"] += 1
            if name in read:
                counts["revisits"] += read[name] == self._changes
            if name in read or len(read) < MAX_NAMES:
                read[name] = self._changes
            if name not in self._touched:
                if self._test_file.search(name):
                    self._tests.add(name)
                self._touch(name)
        self._last_read = self._turn
        if not self._first_read:
            self._first_read = self._turn
            row["files_first_read"] = float(self._turn - 1)
        row["files_opened"] = float(len(read))

    def _observe_search(self, operation: Operation, call: CallReading) -> None:
        counts = self._counts
        counts["searches"] += 1
        # A long answer is never an empty one, so only short ones are read for the words of an empty search.
        counts["empty"] += len(call.observation) < 400 and found_nothing(call.observation)
        self._row["files_found_nothing"] = counts["empty"] / counts["searches"]
        for pattern in operation.patterns:
            if pattern in self._searched:
                counts["again"] += 1
            elif len(self._searched) < MAX_NAMES:
                self._searched.add(pattern)

    def _observe_change(self, operation: Operation) -> None:
        self._changes += 1
        self._last_change = self._turn
        for name in operation.files:
            known = name in self._read or name in self._created or name in self._edited
            if operation.kind == "create" and not known and len(self._created) < MAX_NAMES:
                self._created.add(name)
            elif name not in self._created and name not in self._edited and len(self._edited) < MAX_NAMES:
                self._edited.add(name)
                self._counts["unread"] += not known
            if name not in self._touched:
                self._touch(name)
        self._row["files_edited_unread"] = float(self._counts["unread"])

    def _touch(self, name: str) -> None:
        """A file that was not touched before."""
        if len(self._touched) >= MAX_NAMES:
            return
        row = self._row
        self._touched.add(name)
        path = name.replace("\\", "/")
        self._depth = max(self._depth, path.strip("/").count("/"))
        row["files_depth"] = float(self._depth)
        folder, _, basename = path.rpartition("/")
        self._folders.add(folder)
        if basename in self._named:
            self._named_touched.add(basename)
            row["files_task_touched"] = len(self._named_touched) / len(self._named)
        self._last_new = self._turn

    def facts(self) -> dict[str, float]:
        nan, counts = float("nan"), self._counts
        return {
            "files_reads": float(counts["reads"]),
            "files_opened": float(len(self._read)),
            "files_revisits": float(counts["revisits"]),
            "files_listings": float(counts["listings"]),
            "files_edited": float(len(self._edited)),
            "files_edited_unread": float(counts["unread"]),
            "files_created": float(len(self._created)),
            "files_depth_max": float(self._depth) if self._touched else nan,
            "files_folders": float(len(self._folders)),
            "files_tests_read": float(len(self._tests)),
            "files_searches": float(counts["searches"]),
            "files_searches_empty": float(counts["empty"]),
            "files_searches_again": float(counts["again"]),
            "files_first_read_turn": float(self._first_read) if self._first_read else nan,
            "files_since_read": self._row["files_since_read"] if self._first_read else nan,
            "files_since_new": self._row["files_since_new"] if self._touched else nan,
        }
