"""A first look at a log file: which runs it holds, and how much of each. Runs go by a hash of their id from here on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter.logs import recognise
from featrouter.logs.forms import RUNS, TURNS
from featrouter.logs.parquet import run_ids
from featrouter.logs.source import Source
from featrouter.logs.sources import packing
from featrouter.partitions.files import fetched

Hashes = npt.NDArray[np.uint64]
#: A row of a runs file, as hashes (0 for blank): what `Logs` labels runs by.
ROW = np.dtype(
    [(name, np.uint64) for name in ("run", "task", "weak", "strong", "route", "text")]
    + [(name, np.float64) for name in ("turns", "y_weak", "y_strong")]
)


@dataclass(frozen=True)
class Scan:
    """What a file of a `form` holds: `runs` (r,) by hash, each once, with the plain bytes of its rows, `sizes` (r,), and
    the numbers of its first and last turn, `first` and `last` (r,).

    `rows`: of a runs file every row, in its order (dtype ROW). `error`: why the file cannot be read; all else is empty then.
    """

    form: str
    runs: Hashes
    sizes: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    rows: npt.NDArray[Any]
    error: str = ""


@lru_cache(maxsize=4096)
def hashed(name: str) -> int:
    """64 bits of a name, the same in every process; runs of one hash only share a partition."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little") or 1


def scanned(url: str) -> Scan:
    """The file at `url`, looked at once. It does not raise LogError: a file that is none is told as such."""
    with tempfile.TemporaryDirectory() as room:
        try:
            path = fetched(url, Path(room))
            form = recognise(path)
            if form == TURNS.name:
                return _scan(form, _of_parquet(path) if packing(path) == "parquet" else _of_rows(path))
            if form == RUNS.name:
                rows = np.array([_row(row) for row, _ in Source(path, RUNS).rows(_labelled)], ROW)
                return _scan(form, {run: [0, 0, 0] for run in rows["run"].tolist()}, rows)
            return _scan(form, {})
        except ValueError as error:
            return _scan("", {}, error=str(error))


def _scan(form: str, seen: dict[int, list[int]], rows: npt.NDArray[Any] | None = None, error: str = "") -> Scan:
    runs = np.array(sorted(seen), np.uint64)
    each = np.array([seen[run] for run in runs.tolist()], np.int64).reshape(-1, 3)
    return Scan(form, runs, each[:, 0], each[:, 1], each[:, 2], np.empty(0, ROW) if rows is None else rows, error)


def _of_rows(path: Path) -> dict[int, list[int]]:
    seen: dict[int, list[int]] = {}
    for row, (_, _, length) in Source(path, TURNS).rows(lambda row: hashed(row["run_id"]) in seen):
        _add(seen, hashed(row["run_id"]), length, row["turn"])
    return seen


def _of_parquet(path: Path) -> dict[int, list[int]]:
    """Only ids and turns are read, so that the bytes of a row are the file's mean."""
    seen: dict[int, list[int]] = {}
    for names, turns, size in run_ids(path):
        for name, turn in zip(names, turns, strict=True):
            _add(seen, hashed(name), size, turn)
    return seen


def _add(seen: dict[int, list[int]], run: int, size: int, turn: int) -> None:
    known = seen.setdefault(run, [0, turn, turn])
    known[:] = known[0] + size, min(known[1], turn), max(known[2], turn)


def _labelled(row: dict[str, Any]) -> bool:
    return row.get("y_weak") is not None


def _row(row: dict[str, Any]) -> tuple[Any, ...]:
    arms = row.get("weak_model"), row.get("strong_model"), row.get("route")
    names = row["run_id"], row["task_id"], *arms, " ".join(row.get("task", "").split())
    turns = row.get("turns")
    labels = (np.nan if row.get(name) is None else row[name] for name in ("y_weak", "y_strong"))
    return (*(hashed(name) if name else 0 for name in names), np.inf if turns is None else turns, *labels)


def keys_of(tasks: Hashes, models: Hashes) -> Hashes:
    """A hash of each task and model, of theirs."""
    return tasks * np.uint64(0x9E3779B97F4A7C15) + models


def keys_of_rows(rows: npt.NDArray[Any]) -> Hashes:
    """Of each run (dtype ROW) its task and the model that ended it: what an outcome must be of to label it."""
    return keys_of(rows["task"], np.where(handed_over(rows), rows["strong"], rows["weak"]))


def handed_over(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which runs (dtype ROW) went to the strong model."""
    return np.asarray(rows["route"] == np.uint64(hashed("strong")))


def keys_of_outcomes(keys: Iterable[tuple[str, str]]) -> Hashes:
    """Of each outcome its task and model."""
    pairs = np.array([(hashed(task), hashed(model)) for task, model in keys], np.uint64).reshape(-1, 2)
    return keys_of(pairs[:, 0], pairs[:, 1])
