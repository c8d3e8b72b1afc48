"""Reads logs of agent runs for training, and accounts for every row and byte of them.

A log is a CSV file (plain, gz, xz, bz2, zst) or a parquet file in one of four forms, told by its header in any order:
turns (run_id, turn, action, observation, …), runs (run_id, task_id, …), outcomes (task_id, model, resolved, …) and
features (run_id, k, at_end, …; only named here). Blank means unobserved. Whatever is not taken is a Reject with its
place and reason. All checks are done when `Logs(paths)` returns; after that, `trajectories()` only fetches texts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from featrouter.logs.account import Account, Reject
from featrouter.logs.forms import FEATURES, OUTCOMES, RUNS, TURNS, Form, UnknownForm, form_of
from featrouter.logs.part import Key, Part
from featrouter.logs.rows import read_header
from featrouter.logs.run import Outcome, Run
from featrouter.logs.source import Source
from featrouter.logs.sources import LogError, chunks, packing
from featrouter.logs.turnstore import TurnStore
from featrouter.trajectory import Trajectory

__all__ = ["SUFFIXES", "Account", "LogError", "Logs", "Outcome", "Reject", "Run", "columns_of", "recognise"]

#: Files of other names in a folder are passed by.
SUFFIXES = (".csv", ".csv.gz", ".csv.xz", ".csv.bz2", ".csv.zst", ".parquet")


def recognise(path: str | Path) -> str:
    """The form of a log file: "turns", "runs", "outcomes" or "features". Raises LogError when it is none."""
    return _form(Path(path)).name


class Logs:
    """The logs in `paths`, in any order; a directory stands for the log files directly in it.

    `runs` by run_id, `outcomes` by (task_id, model), `features` the files of that form, `accounts` one for each other
    file. Raises LogError for a path that cannot be read, a file of no form (in a directory it is only noted in
    `summary()`), or no file at all. Needs about 26 bytes of memory a turns row, and none for texts. `part`: these files
    are but a part of a log.
    """

    def __init__(self, paths: Sequence[str | Path], part: Part | None = None) -> None:
        self._part = part or Part()
        self.runs: dict[str, Run] = {}
        self.outcomes: dict[Key, Outcome] = dict(self._part.outcomes)
        self.features: list[Path] = []
        self.accounts: list[Account] = []
        self._skipped: list[str] = []
        self._first: dict[tuple[str, Any], str] = {}  # where each key of a table was first seen, to name in a conflict
        self._turns = TurnStore()
        for path, form in self._files(paths):
            if form is FEATURES:
                self.features.append(path)
            elif form is TURNS:
                self._read_turns(path)
            elif form is RUNS:
                self._read_table(path, RUNS, self.runs, lambda row: (row["run_id"], _run(row)))
            else:
                self._read_table(path, OUTCOMES, self.outcomes, _outcome)
        self._turns.settle(self.runs)
        self._label()
        if part is None:
            self._compare_tasks()
        for account in self.accounts:  # contradictions came last
            account.rejects.sort(key=lambda reject: reject.offset)

    @property
    def rejected(self) -> int:
        """How many ranges and rows were refused, over all files."""
        return sum(account.n_rejected for account in self.accounts)

    def summary(self) -> list[str]:
        """Lines for people: each file's totals, then what was ignored, odd or refused in it."""
        return [line for account in self.accounts for line in account.lines()] + self._skipped

    def lengths(self) -> dict[str, int]:
        """The number of the last turn of each run that has any."""
        return self._turns.lengths()

    def trajectories(self) -> Iterator[tuple[Run, Trajectory]]:
        """Every run with its turns, by run_id whatever the order of rows and files; then the runs without turns.

        A run that is in no runs file is a Run of its id alone. Raises LogError when a file was changed meanwhile.
        """
        try:
            for run_id in self._turns:
                run = self.runs.get(run_id) or Run(run_id, run_id)
                yield run, Trajectory(run.task, self._turns.turns(run_id), ended=True)
        finally:
            self._turns.close()
        for run_id in sorted(self.runs):
            if run_id not in self._turns:
                yield self.runs[run_id], Trajectory(self.runs[run_id].task, ended=True)

    def _files(self, paths: Sequence[str | Path]) -> list[tuple[Path, Form]]:
        """The files and their forms; ordered by name, so that which of two rows came first is settled, too."""
        found: dict[Path, tuple[Path, Form]] = {}
        for path in map(Path, paths):
            try:
                inside = [file for file in path.iterdir() if file.name.endswith(SUFFIXES)] if path.is_dir() else []
            except OSError as error:
                raise LogError(f"{path}: cannot be listed ({error.strerror}); check its permissions") from None
            for file in inside or [path]:
                if file.is_dir():
                    raise LogError(f"{path}: holds no log file ({', '.join(SUFFIXES)}); check the path")
                try:
                    found[file.resolve()] = (file, _form(file))
                except UnknownForm as unknown:
                    if not inside:
                        raise
                    self._skipped.append(f"skipped: {unknown}")
        if not found:
            raise LogError(f"no log files given{''.join(f'; {line}' for line in self._skipped)}; name turns and runs")
        return sorted(found.values(), key=lambda entry: (entry[0].name, str(entry[0])))

    def _read_turns(self, path: Path) -> None:
        source = self._source(path, TURNS)
        for row, place in source.rows(lambda row: row["run_id"] in self._turns):
            if self._part.mine(row["run_id"]):
                self._turns.place(row, *place)
            else:
                source.account.leave(place[2])

    def _read_table(
        self, path: Path, form: Form, table: dict[Any, Any], entry: Callable[[dict[str, Any]], tuple[Any, Any]]
    ) -> None:
        source = self._source(path, form)
        account = source.account
        for row, place in source.rows(_labelled):
            key, value = entry(row)
            if key not in table:
                table[key] = value
                self._first[form.name, key] = f"{account.file}:{place[0]}"
            elif newest := _newest(table[key], value):
                table[key] = newest
                account.drop(*place, None)
            else:
                same = table[key] == value
                account.drop(*place, None if same else self._first[form.name, key])

    def _label(self) -> None:
        """Gives runs without a label that of their task and model in the outcomes, where these had no other run."""
        arms = {run_id: "strong" if run.route == "strong" else "weak" for run_id, run in self.runs.items()}
        keys = {run_id: (run.task_id, getattr(run, f"{arms[run_id]}_model")) for run_id, run in self.runs.items()}
        often = Counter(keys.values())
        for run_id, key in keys.items():
            run, arm, outcome = self.runs[run_id], arms[run_id], self.outcomes.get(key)
            if outcome is None or often[key] > 1 or key in self._part.shared or getattr(run, f"y_{arm}") is not None:
                continue
            told: dict[str, Any] = {f"y_{arm}": outcome.resolved}
            if getattr(run, f"cost_{arm}") is None:
                told[f"cost_{arm}"] = outcome.cost
            self.runs[run_id] = replace(run, **told)

    def _compare_tasks(self) -> None:
        """A word on tasks that are one under several names: learning and judging hold tasks apart by their names."""
        names: dict[int, str] = {}
        same: dict[str, set[str]] = {}
        for run in self.runs.values():
            text = " ".join(run.task.split())
            if text and (name := names.setdefault(hash(text), run.task_id)) != run.task_id:
                same.setdefault(name, {name}).add(run.task_id)
        tables = [account for account in self.accounts if account.form == RUNS.name]
        if same:
            n, (one, other, *_) = sum(map(len, same.values())), sorted(next(iter(same.values())))
            tables[0].warnings.append(
                f"{n} tasks share {len(same)} texts, such as {one!r:.100} and {other!r:.100}: if these are one task, give "
                "it one task_id, or routers are judged on tasks that they have seen"
            )

    def _source(self, path: Path, form: Form) -> Source:
        """The file, begun: its rows are to be read next."""
        spill = self._turns.spill() if form is TURNS and packing(path) else None
        source = Source(path, form, spill)
        self.accounts.append(source.account)
        if form is TURNS:
            self._turns.open(path, source.account, source.columns, spill)
        return source


def columns_of(path: Path) -> tuple[str, ...]:
    """The column names of a log file, however it is packed. Raises LogError when it has none."""
    with closing(chunks(path)) as stream:
        return read_header(stream, str(path)).columns


def _form(path: Path) -> Form:
    return form_of(columns_of(path), str(path))


def _labelled(row: dict[str, Any]) -> bool:
    return row.get("y_weak", row.get("resolved")) is not None


def _newest(one: object, other: object) -> Run | None:
    """Two rows of a run as one, where the later tells more: a host wrote it after more turns, or somebody by hand."""
    if not (isinstance(one, Run) and isinstance(other, Run)) or one.turns == other.turns:
        return None
    earlier, later = sorted((one, other), key=lambda run: math.inf if run.turns is None else run.turns)
    told = {name: value for name in Run.__slots__ if (value := getattr(later, name)) not in (None, "")}
    return replace(earlier, **told)


def _run(row: dict[str, Any]) -> Run:
    return Run(**{column.removesuffix("_usd"): value for column, value in row.items()})


def _outcome(row: dict[str, Any]) -> tuple[tuple[str, str], Outcome]:
    outcome = Outcome(row["task_id"], row["model"], row["resolved"], row.get("cost_usd"))
    return (outcome.task_id, outcome.model), outcome
