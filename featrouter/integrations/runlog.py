"""The log that a host writes while it routes: what `featrouter train` reads, with what was decided and how likely."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from featrouter.decision import Decision
from featrouter.logs import LogError, Logs
from featrouter.logs.forms import Form
from featrouter.logs.run import Run
from featrouter.logs.writing import RUNS, TURNS, Row, append, run_row, turn_rows
from featrouter.session import noted
from featrouter.trajectory import Turn


class RunLog:
    """`turns.csv` and `runs.csv` in a directory, which grow by what is new. One process at a time writes to it.

    Runs are told by names that a log can hold (`name_of`). What stands there from before is gone on with. Of each run its
    length and its last row are remembered, no texts.
    Raises OSError when the directory cannot be made; afterwards a failure is logged, never raised.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lengths: dict[str, int] = {}
        self._rows: dict[str, Run] = {}
        if any(self.directory.glob("*.csv")):
            try:
                before = Logs([self.directory])
            except LogError as error:
                noted(error)
            else:
                self._lengths = before.lengths()
                self._rows = {name: replace(run, task="") for name, run in before.runs.items()}

    def last(self, run_id: str) -> Run | None:
        """What the log says of a run so far, without its task text."""
        return self._rows.get(run_id)

    def turns(self, run_id: str, turns: Sequence[Turn], first: int = 1, decision: Decision | None = None) -> None:
        """Adds those of a run's turns that are not in the log yet, `first` the number of the first one given.

        With them what was decided after the last of them.
        """
        length = self._lengths.get(run_id, 0)
        new = turns[max(0, length + 1 - first) :]
        if new and first <= length + 1:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            last = first + len(turns) - 1
            decided = decision.as_dict() if decision and decision.turn == last else {}
            told = {name: decided.get(name) for name in ("choice", "y1", "y2")}
            rows = turn_rows(run_id, new, first=length + 1, started=now, decided=told)
            if self._append("turns.csv", TURNS, rows):
                self._lengths[run_id] = length + len(new)

    def run(self, run: Run) -> None:
        """Adds what is known of a run now, if it has more `turns` than when it was told last; its task text only once."""
        before = self._rows.get(run.run_id)
        if before is None or (run.turns or 0) > (before.turns or 0):
            row = run_row(replace(run, task="") if before else run)
            if self._append("runs.csv", RUNS, [row]):
                self._rows[run.run_id] = replace(run, task="")

    def _append(self, name: str, form: Form, rows: Iterable[Row]) -> bool:
        try:
            append(self.directory / name, form, rows)
        except OSError as error:
            noted(error)
            return False
        return True
