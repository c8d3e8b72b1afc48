"""Which runs make a partition, and which rows must move for it, from a look at every file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter.logs.forms import OUTCOMES, RUNS, TURNS
from featrouter.partitions.files import File
from featrouter.partitions.scan import ROW, Hashes, Scan, keys_of_rows

#: Runs without turns take next to nothing: so many share a partition.
_TURNLESS = 100_000
_NONE = np.empty(0, np.uint64)


@dataclass(frozen=True)
class Move:
    """Rows of a file that go elsewhere: those of `runs` (r,), sorted, to the partitions `to` (r,)."""

    file: File
    form: str
    runs: Hashes
    to: npt.NDArray[np.int64]

    @cached_property
    def key(self) -> str:
        return digested(self.file.url, self.file.stamp, self.runs.tobytes(), self.to.tobytes())


@dataclass(frozen=True)
class Partition:
    """Whole runs: all rows of `files` but those of the runs `gone` (sorted), and what `moves` bring to this `number`."""

    number: int
    files: tuple[File, ...]
    gone: Hashes
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True)
class Plan:
    """`partitions` and `moves`; `outcomes` and `features` are files to be read whole, `errors` those that cannot be.

    `keys` (m, 2), sorted: the run and what labels it (see scan.keys_of); `numbers` (m,): its partition. `runs`, `spread`:
    how many runs there are, and how many lie in several files. `bytes`, `moved`: plain bytes of turns, and of those that move.
    `same_texts`: how many tasks share how many texts.
    """

    partitions: tuple[Partition, ...] = ()
    moves: tuple[Move, ...] = ()
    outcomes: tuple[File, ...] = ()
    features: tuple[File, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)
    keys: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty((0, 2), np.uint64))
    numbers: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    runs: int = 0
    spread: int = 0
    bytes: int = 0
    moved: int = 0
    same_texts: tuple[int, int] = (0, 0)


def plan(files: Sequence[File], scans: Sequence[Scan], *, size: int, skip: Hashes | None = None) -> Plan:
    """Partitions of about `size` bytes of turns. Runs in `skip` are left out.

    A run whose turns lie in one file is read there. One that lies in several, or in a file much larger than `size`, moves.
    """
    looked = list(zip(files, scans, strict=True))
    turns = [(file, scan) for file, scan in looked if scan.form == TURNS.name and len(scan.runs)]
    tables = [(file, scan) for file, scan in looked if scan.form == RUNS.name]
    seen, often = np.unique(np.concatenate([_NONE, *(scan.runs for _, scan in turns)]), return_counts=True)
    left = _NONE if skip is None else skip
    spread = np.setdiff1d(seen[often > 1], left)
    large = [scan.runs for _, scan in turns if scan.sizes.sum() > 2 * size and len(scan.runs) > 1]
    moving = np.setdiff1d(np.unique(np.concatenate([spread, *large])), left)
    gone = np.union1d(moving, left)
    moved = int(sum(scan.sizes[np.isin(scan.runs, moving)].sum() for _, scan in turns))
    groups = _groups([(file, _left(scan, gone)) for file, scan in turns], size)
    buckets = -(-moved // size) if moved else 0
    alone = np.setdiff1d(np.concatenate([_NONE, *(scan.runs for _, scan in tables)]), np.union1d(seen, left))
    rest = -(-len(alone) // _TURNLESS)

    of = {file.url: scan for file, scan in turns}
    stay = [np.concatenate([np.setdiff1d(of[file.url].runs, gone) for file in group]) for group in groups]
    first = len(groups)
    owners = [(own, np.full(len(own), number)) for number, own in enumerate(stay)]
    owners += [_shared_out(moving, first, buckets), _shared_out(alone, first + buckets, rest)]
    runs, to = (np.concatenate(part) for part in zip(*owners, strict=True))
    order = np.argsort(runs)
    runs, to = runs[order], to[order]

    moves = [_move(file, scan, np.intersect1d(scan.runs, moving), runs, to) for file, scan in turns]
    moves += [_move(file, scan, np.setdiff1d(scan.runs, left), runs, to) for file, scan in tables]
    moves = [move for move in moves if len(move.runs) or move.form == RUNS.name]
    brings: dict[int, list[Move]] = {}
    for move in moves:
        for number in np.unique(move.to).tolist():
            brings.setdefault(number, []).append(move)
    partitions = []
    for number in range(first + buckets + rest):
        own_files = tuple(groups[number]) if number < first else ()
        here = [_NONE, *(np.intersect1d(of[file.url].runs, gone) for file in own_files)]
        if own_files or number in brings:
            brought = tuple(brings.get(number, ()))
            partitions.append(Partition(number, own_files, np.unique(np.concatenate(here)), brought))
    keys = _keys([scan.rows for _, scan in tables])
    keys = keys[np.isin(keys[:, 0], runs)]
    return Plan(
        tuple(partitions),
        tuple(moves),
        tuple(file for file, scan in looked if scan.form == OUTCOMES.name),
        tuple(file for file, scan in looked if scan.form == "features"),
        {file.url: scan.error for file, scan in looked if scan.error},
        keys,
        to[np.searchsorted(runs, keys[:, 0])],
        len(np.setdiff1d(seen, left)) + len(alone),
        len(spread),
        int(sum(scan.sizes[~np.isin(scan.runs, left)].sum() for _, scan in turns)),
        moved,
        _same_texts([scan.rows for _, scan in tables]),
    )


def words(found: Plan) -> Iterator[str]:
    """The plan for people: what cannot be read, how much there is, what moves."""
    for name, error in found.errors.items():
        yield f"refused: {error if name in error else f'{name}: {error}'}"
    yield f"{found.runs} runs, {found.bytes / 1e6:.1f} MB of turns, in {len(found.partitions)} partitions"
    if found.moved:
        share = found.moved / max(1, found.bytes)
        yield (
            f"shuffle: {found.spread} runs lie in several files; {found.moved / 1e6:.1f} MB of turns ({share:.0%}) move "
            "to the rest of their run, or out of files too large for a partition"
        )
    else:
        yield "no shuffle: every run lies in one file"
    if found.same_texts[0]:
        tasks, texts = found.same_texts
        yield f"note: {tasks} tasks share {texts} texts; if these are one task each, give them one task_id"


def _shared_out(runs: Hashes, first: int, many: int) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """The runs, and for each one of so many partitions."""
    return runs, first + (runs % np.uint64(max(many, 1))).astype(np.int64)


def _left(scan: Scan, gone: Hashes) -> int:
    """The bytes of a file that stay; -1 where no run does."""
    stays = ~np.isin(scan.runs, gone)
    return int(scan.sizes[stays].sum()) if stays.any() else -1


def _groups(files: list[tuple[File, int]], size: int) -> list[list[File]]:
    """Files that stay, neighbours together up to about `size` bytes."""
    groups: list[list[File]] = []
    room = 0
    for file, takes in files:
        if takes < 0:
            continue
        if not groups or takes > room:
            groups.append([])
            room = size
        groups[-1].append(file)
        room -= takes
    return groups


def _move(file: File, scan: Scan, runs: Hashes, every: Hashes, to: npt.NDArray[np.int64]) -> Move:
    return Move(file, scan.form, runs, to[np.searchsorted(every, runs)])


def _keys(tables: list[npt.NDArray[np.void]]) -> npt.NDArray[np.uint64]:
    """(run, key) of every run that has a row, sorted by run."""
    joined = joined_rows(tables)
    return np.column_stack([joined["run"], keys_of_rows(joined)])


def joined_rows(tables: list[npt.NDArray[np.void]]) -> npt.NDArray[np.void]:
    """One row (dtype ROW) a run, sorted: several rows of a run are joined as `Logs` joins them."""
    rows = np.concatenate(tables) if tables else np.empty(0, ROW)
    order = np.argsort(rows["run"], kind="stable")
    rows = rows[order]
    first = np.flatnonzero(np.diff(rows["run"], prepend=np.uint64(0)))
    joined = rows[first]
    for at, start, end in zip(range(len(first)), first, [*first[1:], len(rows)], strict=True):
        if end - start > 1:
            joined[at] = _joined(rows[start:end])
    return joined


def _same_texts(tables: list[npt.NDArray[np.void]]) -> tuple[int, int]:
    """How many tasks go by how many texts that other tasks have, too."""
    rows = np.concatenate(tables) if tables else np.empty(0, ROW)
    pairs = np.unique(np.column_stack([rows["text"], rows["task"]])[rows["text"] > 0], axis=0)
    _, often = np.unique(pairs[:, 0], return_counts=True)
    return int(often[often > 1].sum()), int((often > 1).sum())


def _joined(rows: npt.NDArray[np.void]) -> Any:
    found = rows[0].copy()
    for row in rows[1:]:
        if row["turns"] == found["turns"]:
            continue
        later = row["turns"] > found["turns"]
        for name in ("task", "weak", "strong", "route"):
            if row[name] and (later or not found[name]):
                found[name] = row[name]
        for name in ("y_weak", "y_strong"):
            if not np.isnan(row[name]) and (later or np.isnan(found[name])):
                found[name] = row[name]
        if later and np.isfinite(row["turns"]):
            found["turns"] = row["turns"]
    return found


def digested(*parts: str | bytes) -> str:
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little") + data)
    return sha.hexdigest()[:16]
