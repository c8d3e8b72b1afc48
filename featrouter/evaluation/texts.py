"""Word counts of what a router could have read up to each row: for the TF-IDF baseline alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from featrouter.logs import Logs
from featrouter.training.table import Table

_WORDS = 2**15


@dataclass(frozen=True)
class Texts:
    """Word counts of all text up to each row of a table: a sparse matrix (n, words)."""

    counts: sparse.csr_matrix

    def where(self, mask: npt.NDArray[np.bool_]) -> Texts:
        return Texts(self.counts[mask])


def texts_of(paths: Sequence[Path], table: Table) -> Texts | None:
    """Counts of hashed words for every row of the table, (n, 32768); None where no turns with text are among the logs.

    A row at turn k has the task, and the thoughts, actions and observations of the first k turns.
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    meta = table.meta
    wanted = dict(meta.groupby("run_id").indices)
    hashed = HashingVectorizer(n_features=_WORDS, alternate_sign=False, norm=None, token_pattern=r"[A-Za-z_]\w+")
    parts, places = [], []
    k = meta["k"].to_numpy().astype(int)
    for run, trajectory in Logs(paths).trajectories():
        rows = wanted.get(run.run_id)
        if rows is None or not len(trajectory):
            continue
        said = [run.task]
        for turn in trajectory:
            calls = " ".join(f"{call.tool} {call.action} {call.observation}" for call in turn.each_call())
            said.append(f"{turn.thought} {calls}")
        counts = hashed.transform([text.encode("utf-8", "replace").decode() for text in said])
        upto = np.arange(len(said))[None, :] <= k[rows][:, None]
        parts.append(sparse.csr_matrix(upto.astype(np.float32)) @ counts.astype(np.float32))
        places.append(rows)
    if not parts:
        return None
    # Rows in the table's order; those of runs without text stay empty.
    place = np.concatenate(places)
    into = sparse.csr_matrix((np.ones(len(place)), (place, np.arange(len(place)))), shape=(len(table), len(place)))
    return Texts(sparse.csr_matrix(into @ sparse.vstack(parts, format="csr")))
