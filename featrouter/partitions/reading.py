"""Reading a folder of partitions: what is known of every row, here; their numbers, a partition at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featrouter.logs import LogError
from featrouter.partitions.files import fetched
from featrouter.partitions.folder import Folder
from featrouter.training.columns import LOGGED, META, TEXT
from featrouter.training.metrics import Floats


def numbers(folder: Folder, file: str, names: Sequence[str]) -> Floats:
    """The features of a partition, float64 (n, p)."""
    return np.ascontiguousarray(_columns(folder, file, names).to_numpy(dtype=np.float64))


def known(folder: Folder, entries: Sequence[Mapping[str, Any]], columns: Sequence[str] = (*META, *LOGGED)) -> pd.DataFrame:
    """What is known of the rows of all partitions, in the order of these; names that repeat are kept once (categories)."""
    parts = [_columns(folder, str(entry["file"]), columns) for entry in entries]
    if not parts:
        raise LogError(f"{folder.url}: holds no feature rows")
    frame = pd.concat(parts, ignore_index=True)
    for name in set(columns).intersection(TEXT):
        frame[name] = frame[name].astype(object)
    return frame


def _columns(folder: Folder, file: str, names: Sequence[str]) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as room:
        path = fetched(folder.at(file), Path(room))
        try:
            return pd.read_parquet(path, columns=list(names))
        except (ValueError, OSError) as error:
            raise LogError(f"{folder.at(file)}: cannot be read ({error}); extract it again") from None
