"""Outcomes of a whole log, and what each partition needs to know of them to label its runs as one machine would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from featrouter.logs import Logs, Outcome
from featrouter.logs.part import Key
from featrouter.partitions.extraction import key_of
from featrouter.partitions.files import File, fetched, fetched_all
from featrouter.partitions.folder import Folder
from featrouter.partitions.plan import Partition, Plan
from featrouter.partitions.scan import Hashes, keys_of_outcomes
from featrouter.partitions.tally import tally

#: The outcomes that a folder keeps: an outcomes file, which those who read folders of rows pass by for its name.
KEPT = "_outcomes.parquet"


class Labelled(NamedTuple):
    """A partition, its key, and what its labels need: outcomes of its runs, and which of them are shared (see logs.Part)."""

    partition: Partition
    key: str
    outcomes: dict[Key, Outcome]
    shared: frozenset[Key]

    @property
    def file(self) -> str:
        return f"part-{self.key}.parquet"


def outcomes_of(files: Sequence[File]) -> tuple[dict[Key, Outcome], list[dict[str, Any]]]:
    """The outcomes of all these files, and what became of their rows."""
    if not files:
        return {}, []
    with TemporaryDirectory() as name:
        logs = Logs(fetched_all(files, Path(name)))
        return logs.outcomes, [tally(account) for account in logs.accounts]


def kept_outcomes(folder: Folder) -> dict[Key, Outcome]:
    """The outcomes that a folder keeps; none where it keeps none."""
    if not folder.has(KEPT):
        return {}
    with TemporaryDirectory() as name:
        return Logs([fetched(folder.at(KEPT), Path(name))]).outcomes


def keep_outcomes(folder: Folder, outcomes: Mapping[Key, Outcome]) -> None:
    """Makes these the outcomes that a folder keeps."""
    rows = [(*key, one.resolved, one.cost) for key, one in sorted(outcomes.items())]
    frame = pd.DataFrame(rows, columns=["task_id", "model", "resolved", "cost_usd"])
    folder.make(KEPT, frame.astype({"resolved": "Int64", "cost_usd": float}).to_parquet)


def labelled(found: Plan, outcomes: Mapping[Key, Outcome], held: Hashes) -> Iterator[Labelled]:
    """Each partition, with what it needs to know of the rest of the log. `held`: the keys of runs extracted before."""
    by_key = dict(zip(keys_of_outcomes(outcomes).tolist(), outcomes, strict=True))
    told = np.isin(found.keys[:, 1], np.array(list(by_key), np.uint64))
    keys, numbers = found.keys[told, 1], found.numbers[told]
    known, often = np.unique(np.concatenate([keys, held]), return_counts=True)
    several = {by_key[key] for key in known[often > 1].tolist() if key in by_key}
    order = np.argsort(numbers, kind="stable")
    keys, numbers = keys[order], numbers[order]
    for partition in found.partitions:
        start, end = np.searchsorted(numbers, [partition.number, partition.number + 1])
        mine = {by_key[key] for key in keys[start:end].tolist()}
        own, shared = {key: outcomes[key] for key in sorted(mine)}, frozenset(mine & several)
        yield Labelled(partition, key_of(partition, own, shared), own, shared)
