"""One partition from logs to feature rows in parquet, by the code that one machine uses."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from featrouter.catalogue import digest, feature_set
from featrouter.logs import Logs, Outcome
from featrouter.logs.part import Key, Part
from featrouter.partitions.files import File, fetched_all, made
from featrouter.partitions.folder import Folder
from featrouter.partitions.moving import MOVED, WORK, Piece
from featrouter.partitions.plan import Partition, digested
from featrouter.partitions.scan import Hashes, hashed
from featrouter.partitions.tally import summed, tally
from featrouter.training.columns import LOGGED, META, TEXT
from featrouter.training.rows import SCHEDULE, extracted

#: Rows of a row group: what is in memory before it is written.
_GROUP = 8192


@dataclass(frozen=True)
class Task:
    """A partition to extract: all rows of `files` but those of the runs `gone`, and `pieces` that were moved here; of the
    whole log's `outcomes` those of its runs, and which of them are `shared` (see logs.Part). `key`: see `key_of`.
    """

    key: str
    files: tuple[File, ...]
    gone: Hashes
    pieces: tuple[Piece, ...] = ()
    outcomes: Mapping[Key, Outcome] = field(default_factory=dict)
    shared: frozenset[Key] = frozenset()

    @property
    def file(self) -> str:
        return f"part-{self.key}.parquet"

    @property
    def sources(self) -> list[str]:
        return [file.url for file in (*self.files, *(piece.file for piece in self.pieces))]


def key_of(partition: Partition, outcomes: Mapping[Key, Outcome], shared: Collection[Key]) -> str:
    """Changes when anything does that the rows of a partition come from: logs, outcomes, features, schedule."""
    files = [text for file in partition.files for text in (file.url, file.stamp)]
    moves = [text for move in partition.moves for text in (move.key, str(partition.number))]
    labels = repr(sorted(outcomes.items())), repr(sorted(shared))
    return digested(digest(), repr(SCHEDULE), *files, "|", *moves, partition.gone.tobytes(), *labels)


def extract_partition(task: Task, folder: Folder) -> dict[str, Any]:
    """Writes the feature rows of a partition, then an entry for the manifest, which is returned. Raises LogError."""
    began, cpu = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        paths = fetched_all(task.files, room)
        paths += [piece.written(folder, made(room / f"moved-{n}")) for n, piece in enumerate(task.pieces)]
        logs = Logs(paths, Part(_mine(task.gone), task.outcomes, task.shared))
        (rows, runs), sha256 = folder.make(task.file, lambda out: _write(logs, out))
    entry = {
        "file": task.file,
        "sha256": sha256,
        "rows": rows,
        "runs": runs,
        "sources": task.sources,
        "tally": summed(tally(account, moved=account.file.endswith(MOVED)) for account in logs.accounts),
        "seconds": round(time.monotonic() - began, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
    }
    folder.write(f"{WORK}/{task.key}.json", entry)
    return entry


def _mine(gone: Hashes) -> Callable[[str], bool]:
    if not len(gone):
        return lambda run_id: True
    away = set(gone.tolist())
    return lambda run_id: hashed(run_id) not in away


def _write(logs: Logs, path: Path) -> tuple[int, int]:
    """How many rows, of how many runs."""
    import pyarrow as pa
    from pyarrow import parquet

    names = feature_set().names
    columns = (*META, *LOGGED)
    fields = [pa.field(name, pa.string() if name in TEXT else pa.float64()) for name in columns]
    schema = pa.schema([*fields, *(pa.field(name, pa.float64()) for name in names)], {"catalogue": digest()})
    rows = runs = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for known, x, n in _grouped(logs):
            cells = list(zip(*known, strict=True)) or [()] * len(columns)
            arrays = [pa.array(cell, one.type) for cell, one in zip(cells, fields, strict=True)]
            arrays += [pa.array(np.ascontiguousarray(column), pa.float64()) for column in x.T]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            rows, runs = rows + len(known), runs + n
    return rows, runs


def _grouped(logs: Logs) -> Iterator[tuple[list[tuple[object, ...]], Any, int]]:
    known: list[tuple[object, ...]] = []
    parts: list[Any] = []
    runs = 0
    for meta, x, n in extracted(logs.trajectories(), 1):
        known, runs = known + meta, runs + n
        parts.append(x)
        if len(known) >= _GROUP:
            yield known, np.concatenate(parts), runs
            known, parts, runs = [], [], 0
    if known:
        yield known, np.concatenate(parts), runs
