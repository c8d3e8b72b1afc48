"""What a folder of feature rows holds already: which runs of a log are new, which have changed, which are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from featrouter.logs import Outcome
from featrouter.logs.forms import TURNS
from featrouter.logs.part import Key
from featrouter.partitions.files import fetched
from featrouter.partitions.folder import Folder
from featrouter.partitions.plan import joined_rows
from featrouter.partitions.reading import known
from featrouter.partitions.scan import Hashes, Scan, handed_over, hashed, keys_of_outcomes, keys_of_rows

_NONE = np.empty(0, np.uint64)


@dataclass(frozen=True)
class Changes:
    """Runs of a log by hash, against those of a folder: `changed` ones are to be extracted again, the `same` ones not.

    `held`: what labels each run that stays in the folder (see scan.keys_of). `words` say it to people.
    """

    changed: Hashes = field(default_factory=_NONE.copy)
    same: Hashes = field(default_factory=_NONE.copy)
    held: Hashes = field(default_factory=_NONE.copy)
    words: str = ""


def known_of(folder: Folder, entries: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row a run of a folder, by its hash: its last turn `k`, its labels, and the `key` of its task and model."""
    names = ("task_id", "weak_model", "strong_model", "route")
    frame = known(folder, entries, ("run_id", "k", "y_weak", "y_strong", *names))
    runs = frame.groupby("run_id").agg({"k": "max"} | dict.fromkeys(("y_weak", "y_strong", *names), "first"))
    model = runs["strong_model"].where(runs["route"] == "strong", runs["weak_model"])
    runs["key"] = keys_of_outcomes(zip(runs["task_id"], model.fillna(""), strict=True))
    runs.index = pd.Index(np.array([hashed(name) for name in runs.index], np.uint64))
    return runs[["k", "y_weak", "y_strong", "key"]]


def changes_of(before: pd.DataFrame, scans: Sequence[Scan], outcomes: Mapping[Key, Outcome]) -> Changes:
    """A run has changed when the log has more turns of it, or another label, and all the turns that were known.

    One whose label alone is told, without its turns, stays as it is: its rows could not be made again.
    """
    turns = [pd.DataFrame({"first": one.first, "last": one.last}, one.runs) for one in scans if one.form == TURNS.name]
    nothing = pd.DataFrame({"first": [], "last": []}, np.empty(0, np.uint64))
    seen = (pd.concat(turns) if turns else nothing).groupby(level=0)
    first, last = seen["first"].min(), seen["last"].max()
    rows = joined_rows([scan.rows for scan in scans])
    labels = pd.DataFrame({name: rows[name] for name in ("y_weak", "y_strong")}, index=rows["run"])
    if outcomes:
        told = [np.nan if one.resolved is None else one.resolved for one in outcomes.values()]
        by_key = pd.Series(told, index=keys_of_outcomes(outcomes), dtype=float)
        strong, keys = handed_over(rows), keys_of_rows(rows)
        alone = ~pd.Series(keys).duplicated(keep=False).to_numpy()
        found = by_key.reindex(keys).to_numpy()
        for name, arm in (("y_weak", ~strong), ("y_strong", strong)):
            labels[name] = labels[name].where(~(labels[name].isna().to_numpy() & alone & arm), found)
    every = last.index.union(labels.index)
    held = every.intersection(before.index)
    there, now = before.loc[held], labels.reindex(held)
    begun = first.reindex(held) <= 1
    grown = last.reindex(held) > there["k"]
    other = [(now[name] != there[name]) & now[name].notna() for name in ("y_weak", "y_strong")]
    relabelled = other[0] | other[1]
    whole = (last.reindex(held) >= there["k"]) & begun
    changed = (grown | relabelled) & whole
    late = int(((grown | relabelled) & ~whole).sum())
    words = f"{len(every) - len(held)} new runs, {int(changed.sum())} changed, {int((~changed).sum())} there already"
    if late:
        words += f"; {late} have gone on or got a label, but not all of their turns are in these logs: left as they are"
    names = held.to_numpy(np.uint64)
    stays = before["key"][~before.index.isin(names[changed])].to_numpy(np.uint64)
    return Changes(np.sort(names[changed]), np.sort(names[~changed]), stays, words)


def without(folder: Folder, entry: dict[str, Any], runs: Hashes) -> dict[str, Any]:
    """The partition without these runs, written anew where it holds any; the old file stays until it is published."""
    if not len(runs):
        return entry
    from pyarrow import parquet

    away = set(runs.tolist())
    with TemporaryDirectory() as name:
        path = fetched(folder.at(entry["file"]), Path(name))
        ids = parquet.read_table(path, columns=["run_id"]).column("run_id").to_pylist()
        stays = np.array([hashed(one) not in away for one in ids], bool)
        if stays.all():
            return entry
        left = parquet.read_table(path).filter(stays)
    file = f"{entry['file'].removesuffix('.parquet')}-{len(away)}x{len(left)}.parquet"
    _, sha256 = folder.make(file, lambda out: parquet.write_table(left, out, compression="zstd"))
    names = {one for one, stay in zip(ids, stays.tolist(), strict=True) if stay}
    return entry | {"file": file, "sha256": sha256, "rows": len(left), "runs": len(names)}
