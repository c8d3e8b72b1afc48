"""The table that training sees: one row a decision point, features and labels side by side."""

from __future__ import annotations

import csv
import difflib
import lzma
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from featrouter.catalogue import feature_set
from featrouter.logs import LogError, Logs, Outcome, Run, columns_of
from featrouter.logs.sources import packing
from featrouter.training.columns import LOGGED, LOGGED_NUMBERS, META, NUMBERS, TEXT_META
from featrouter.training.rows import extracted

# Numbers must read back bit for bit: pandas 3 does so by itself and warns when asked to.
_EXACT: dict[str, Any] = {"float_precision": "round_trip"} if pd.__version__.startswith("2.") else {}


@dataclass(frozen=True)
class Table:
    """`meta`: n rows of META (and, once a strong model is joined, y_strong and cost_strong_usd); `x`: float64 (n, p), or
    a Spread that stands for it.

    Rows are sorted by run and turn, whatever the order of the log, so that training on them is reproducible.
    """

    meta: pd.DataFrame
    x: npt.NDArray[np.float64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.meta)

    def where(self, mask: npt.NDArray[np.bool_]) -> Table:
        return replace(self, meta=self.meta[mask].reset_index(drop=True), x=self.x[mask])

    @property
    def inputs(self) -> npt.NDArray[np.float64]:
        """What the model sees, (n, p + 1): the features and whether the weak agent has submitted."""
        return np.column_stack([self.x, self.meta["at_end"].to_numpy(dtype=np.float64)])


def table_of(logs: Logs, *, jobs: int = 1, progress: Callable[[int], None] | None = None) -> Table:
    """All rows of the logs: extracted from turns, read from feature files, or both. `progress` is told run counts."""
    names = feature_set().names
    parts = [read_features(path) for path in logs.features]
    known: list[tuple[object, ...]] = []
    numbers: list[npt.NDArray[np.float64]] = []
    for meta, x, runs in extracted(logs.trajectories(), jobs):
        known += meta
        numbers.append(x)
        if progress:
            progress(runs)
    if known:
        frame = pd.DataFrame(known, columns=[*META, *LOGGED])
        parts.append(Table(_numbers(frame), np.concatenate(numbers), names))
    if not parts:
        raise LogError("no runs: give at least one turns or features file (data/README.md describes the log forms)")
    meta = pd.concat([part.meta for part in parts], ignore_index=True)
    if "route" in meta and meta["route"].isna().all():
        meta = meta.drop(columns=list(LOGGED))
    order = meta.sort_values(["run_id", "at_end", "k"], kind="stable").index.to_numpy()
    twice = meta.duplicated(["run_id", "at_end", "k"])
    if twice.any():
        run = meta.loc[twice, "run_id"].iloc[0]
        raise LogError(f"run {run!r} stands in the logs twice (turns and features of one run given together?)")
    x = np.concatenate([part.x for part in parts])
    return Table(meta.loc[order].reset_index(drop=True), x[order], names)


Column: TypeAlias = "pd.Series[Any]"
_LABEL = (lambda column: column.isna() | column.isin((0, 1))), "0, 1 or blank"
_NAME = (lambda column: column.fillna("").map(str.isprintable)), "a name of printable characters"
_PAID = (lambda column: column.isna() | column.between(0, 1e100)), "a number >= 0, or blank"
#: What the cells of a *features* file may be, by column.
_CELLS: dict[str, tuple[Callable[[Column], Column], str]] = {
    "run_id": (lambda column: (column.str.strip() != "") & _NAME[0](column), "an id of printable characters"),
    "y_weak": _LABEL,
    "at_end": (lambda column: column.isin((0, 1)), "0 or 1"),
    "k": (lambda column: column.between(0, 2**53) & (column % 1 == 0), "a whole number >= 0"),
    "cost_weak_usd": _PAID,
    "spent_usd": _PAID,
    "route": (lambda column: column.isna() | column.isin(("weak", "strong")), "weak, strong or blank"),
    "propensity": (
        lambda column: column.isna() | ((column > 0) & (column <= 1)),
        "a number above 0 and at most 1, or blank",
    ),
    "route_turn": (
        lambda column: column.isna() | (column.between(0, 2**53) & (column % 1 == 0)),
        "a whole number >= 0, or blank",
    ),
    "y_strong": _LABEL,
    "cost_strong_usd": _PAID,
} | dict.fromkeys(("task_id", "repo", "harness", "weak_model", "strong_model"), _NAME)


def read_features(path: Path) -> Table:
    """A *features* file. Raises LogError when its columns are not this version's catalogue or its labels are not 0/1."""
    names = feature_set().names
    by_column = packing(path) == "parquet"
    header = columns_of(path) if by_column else list(_read_csv(path, nrows=0).columns)
    missing = [name for name in (*META, *names) if name not in header]
    if missing:
        raise LogError(
            f"{path}: {len(missing)} columns are missing, first {missing[0]!r}: this features file was made with "
            "another catalogue; extract it again from the turns (featrouter extract)"
        )
    logged = LOGGED if all(name in header for name in LOGGED) else ()
    numbers = (*NUMBERS, *(LOGGED_NUMBERS if logged else ()), *names)
    dtypes: dict[str, object] = dict.fromkeys((*TEXT_META, *logged[:2]), str) | dict.fromkeys(numbers, np.float64)
    used = [*META, *logged, *names]
    if by_column:
        frame = _read_parquet(path, used, numbers)
    else:
        blank = {name: [""] for name in (*numbers, *logged[:1])}
        frame = _read_csv(path, usecols=used, dtype=dtypes, keep_default_na=False, na_values=blank, **_EXACT)
    for column, (good, wanted) in _CELLS.items():
        if column in frame and not (fine := good(frame[column])).all():
            row = int(np.argmin(fine.to_numpy()))
            wrong = frame[column].iloc[row]
            shown = f"{wrong:g}" if isinstance(wrong, float) else repr(wrong)
            raise LogError(f"{path}: row {row + 2}, column {column}: {shown} is not {wanted}")
    return _table(frame, names)


def _read_csv(path: Path, **options: Any) -> pd.DataFrame:
    try:
        return pd.read_csv(path, **options)
    except (ValueError, OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise LogError(f"{path}: cannot be read as numbers: {error}") from None


def _read_parquet(path: Path, columns: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path, columns=list(columns))
        texts = [name for name in columns if name not in numbers]
        frame[list(numbers)] = frame[list(numbers)].astype(np.float64)
        for name in set(texts) - {"route"}:
            frame[name] = frame[name].fillna("").astype(str)
        return frame
    except (ValueError, TypeError, OSError) as error:
        raise LogError(f"{path}: cannot be read as numbers: {error}") from None


def write_features(table: Table, path: Path) -> None:
    """The table as a *features* log file; packed by its name (.gz, .xz, .zst, .parquet). Numbers read back bit for bit."""
    columns = [name for name in (*META, *LOGGED) if name in META or "route" in table.meta]
    frame = pd.concat([table.meta[columns], pd.DataFrame(table.x, columns=list(table.names))], axis=1)
    if path.suffix == ".parquet":
        frame.to_parquet(path, compression="zstd")
        return
    for name in ("k", "at_end", "y_weak", "y_strong", "route_turn"):
        if name in columns:
            frame[name] = frame[name].astype("Int64")
    whole = [name for name in table.names if _is_whole(frame[name])]
    frame[whole] = frame[whole].astype("Int64")
    frame.to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")


def write_outcomes(logs: Logs, path: Path) -> None:
    """All outcomes of the logs as one *outcomes* file, sorted by task and model."""
    rows = [(task, model, outcome.resolved, outcome.cost) for (task, model), outcome in sorted(logs.outcomes.items())]
    frame = pd.DataFrame(rows, columns=["task_id", "model", "resolved", "cost_usd"])
    frame["resolved"] = frame["resolved"].astype("Int64")
    frame.to_csv(path, index=False, lineterminator="\n")


def _is_whole(column: pd.Series[float]) -> bool:
    known = column.dropna()
    return bool((known == known.round()).all() and (known.abs() < 2**53).all())


def _table(frame: pd.DataFrame, names: tuple[str, ...]) -> Table:
    return Table(_numbers(frame), frame[list(names)].to_numpy(dtype=np.float64), names)


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that are not features, numbers as numbers."""
    columns = [name for name in (*META, *LOGGED) if name in frame]
    for name in (*NUMBERS, *LOGGED_NUMBERS):
        if name in columns:
            frame[name] = pd.to_numeric(frame[name]).astype(np.float64)
    return frame[columns]


class Told(Protocol):
    """What a log tells of outcomes: its own, by task and model, and those in its runs."""

    @property
    def outcomes(self) -> Mapping[tuple[str, str], Outcome]: ...

    @property
    def runs(self) -> Mapping[str, Run]: ...


def join_strong(table: Table, logs: Told, strong: str) -> Table:
    """The table with y_strong and cost_strong_usd of one strong model, from outcomes files or the runs themselves.

    A run whose log tells the route taken keeps what its own row says: the other arm was not seen there. Raises
    LogError naming the models at hand when the logs do not hold this one.
    """
    outcomes = {task: outcome for (task, model), outcome in logs.outcomes.items() if model == strong}
    for run in logs.runs.values():
        if run.strong_model == strong and run.y_strong is not None and run.task_id not in outcomes:
            outcomes[run.task_id] = Outcome(run.task_id, strong, run.y_strong, run.cost_strong)
    routed = table.meta["route"].notna() if "route" in table.meta else pd.Series(False, table.meta.index)
    named = routed & table.meta["strong_model"].isin(("", strong)) if routed.any() else routed
    if not outcomes and not (named.any() and table.meta["y_strong"][named].notna().any()):
        known = sorted(
            {model for _, model in logs.outcomes} | {run.strong_model for run in logs.runs.values() if run.strong_model}
        )
        raise LogError(f"--strong {strong!r} has no outcome in these logs; {_nearest(strong, known)}")
    tasks = table.meta["task_id"]
    solved = tasks.map({task: outcome.resolved for task, outcome in outcomes.items()})
    cost = tasks.map({task: outcome.cost for task, outcome in outcomes.items()})
    told = {"y_strong": solved, "cost_strong_usd": cost}
    joined = {name: pd.to_numeric(values).astype(np.float64) for name, values in told.items()}
    if routed.any():
        joined = {name: values.where(~routed, table.meta[name].where(named)) for name, values in joined.items()}
    return replace(table, meta=table.meta.assign(**joined))


def select(table: Table, *, weak: str | None, harness: Iterable[str] = ()) -> Table:
    """The rows of one weak model (None or `all`: of every one) and, where given, of some harnesses; LogError if none."""
    harness = tuple(harness)
    if harness:
        kept = table.meta["harness"].isin(harness).to_numpy()
        if not kept.any():
            raise LogError(f"--harness: no run; {_nearest(harness[0], sorted(table.meta['harness'].unique()))}")
        table = table.where(kept)
    models = sorted(table.meta["weak_model"].unique())
    if weak in (None, "all"):
        return table
    if weak not in models:
        raise LogError(f"--weak {weak!r} has no run in these logs; {_nearest(weak, models)}")
    return table.where((table.meta["weak_model"] == weak).to_numpy())


def _nearest(word: str, known: Sequence[str]) -> str:
    if not known:
        return "none is named there"
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"known are: {', '.join(known[:12])}"
