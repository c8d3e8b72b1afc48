"""Reading a folder of partitions: what is known of every row, here; their numbers, a partition at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from featrouter.catalogue import feature_set
from featrouter.logs import LogError, Outcome, Run
from featrouter.logs.part import Key
from featrouter.partitions.files import fetched
from featrouter.partitions.folder import Folder
from featrouter.partitions.scan import hashed
from featrouter.training.columns import LOGGED, META, TEXT
from featrouter.training.metrics import Floats
from featrouter.training.spread import Spread
from featrouter.training.table import Table


def numbers(folder: Folder, file: str, names: Sequence[str]) -> Floats:
    """The features of a partition, float64 (n, p)."""
    return np.ascontiguousarray(_columns(folder, file, names).to_numpy(dtype=np.float64))


@dataclass(frozen=True)
class Told:
    """What `pair` asks of a log: outcomes by task and model, and the runs that tell the strong model's outcome themselves."""

    outcomes: Mapping[Key, Outcome]
    runs: Mapping[str, Run]


def table_of(
    folder: Folder,
    entries: Sequence[Mapping[str, Any]],
    outcomes: Mapping[Key, Outcome],
    spread: Callable[[npt.NDArray[np.intp], tuple[str, ...]], Spread] | None = None,
    *,
    sample: float = 1.0,
) -> tuple[Table, Told]:
    """The rows of all partitions, sorted as a table's are, and what is told of their runs.

    `spread` makes what stands for the features, of rows by their place among all; without it they are read here.
    `sample`: the share of the runs that is read, the same ones each time.
    """
    names = feature_set().names
    meta = known(folder, entries, sample=sample).sort_values(["run_id", "at_end", "k"], kind="stable")
    rows = meta.index.to_numpy()
    meta = meta.reset_index(drop=True)
    if (twice := meta.duplicated(["run_id", "at_end", "k"])).any():
        raise LogError(f"{folder.url}: run {meta.loc[twice, 'run_id'].iloc[0]!r} stands in it twice; extract it again")
    runs = _strong(meta)
    if meta["route"].isna().all():
        meta = meta.drop(columns=list(LOGGED))
    x = cast(Floats, spread(rows, names)) if spread else _numbers(folder, entries, names, rows)
    return Table(meta, x, names), Told(outcomes, runs)


def _numbers(
    folder: Folder, entries: Sequence[Mapping[str, Any]], names: Sequence[str], rows: npt.NDArray[np.intp]
) -> Floats:
    """The features of these rows, by their place among all."""
    found, first = np.empty((len(rows), len(names))), 0
    for entry in entries:
        here = (rows >= first) & (rows < first + entry["rows"])
        if here.any():
            found[here] = numbers(folder, str(entry["file"]), names)[rows[here] - first]
        first += entry["rows"]
    return found


def _strong(meta: pd.DataFrame) -> dict[str, Run]:
    """The runs that were not routed, and whose log tells the strong model's outcome."""
    alone = meta[meta["route"].isna() & meta["y_strong"].notna()].drop_duplicates("run_id")
    columns = (alone[name] for name in ("run_id", "task_id", "strong_model", "y_strong", "cost_strong_usd"))
    return {
        run: Run(run, task, strong_model=model, y_strong=int(y), cost_strong=None if np.isnan(usd) else float(usd))
        for run, task, model, y, usd in zip(*columns, strict=True)
    }


def known(
    folder: Folder,
    entries: Sequence[Mapping[str, Any]],
    columns: Sequence[str] = (*META, *LOGGED),
    *,
    sample: float = 1.0,
) -> pd.DataFrame:
    """What is known of the rows of all partitions, by their place among all. Names that repeat take memory once.

    `sample`: of this share of the runs alone. LogError where there is none.
    """
    parts, first = [], 0
    for entry in entries:
        part = _columns(folder, str(entry["file"]), columns)
        part.index = pd.RangeIndex(first, first + len(part))
        if sample < 1:
            part = part[[hashed(run) < sample * 2**64 for run in part["run_id"]]]
        parts.append(part.assign(**{name: _shared(part[name]) for name in columns if name in TEXT}))
        first += entry["rows"]
    if not sum(map(len, parts)):
        raise LogError(f"{folder.url}: holds no feature rows{f' of a sample of {sample:g} of its runs' * (sample < 1)}")
    return pd.concat(parts)


def _shared(names: pd.Series[str]) -> pd.Series[Any]:
    """The same names, each an object but once."""
    codes, once = pd.factorize(names)
    return pd.Series(np.asarray([*once, np.nan], object)[codes], names.index, dtype=object)


def _columns(folder: Folder, file: str, names: Sequence[str]) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as room:
        path = fetched(folder.at(file), Path(room))
        try:
            return pd.read_parquet(path, columns=list(names))
        except (ValueError, OSError) as error:
            raise LogError(f"{folder.at(file)}: cannot be read ({error}); extract it again") from None
