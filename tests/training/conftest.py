"""What several training tests share: the recorded runs as a table, a bundle trained on them, small made-up tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from featrouter.bundle import Bundle
from featrouter.logs import Logs
from featrouter.training.bundling import train
from featrouter.training.table import Table, join_strong, table_of

RECORDED = Path(__file__).parent.parent.parent / "data" / "recorded"
STRONG = "scripted-strong"


@pytest.fixture(scope="session")
def recorded_logs() -> Logs:
    return Logs([RECORDED])


@pytest.fixture(scope="session")
def recorded() -> Table:
    """All rows of the recorded runs, with the strong model joined. The logs are read anew: texts are read once only."""
    logs = Logs([RECORDED])
    return join_strong(table_of(logs), logs, STRONG)


@pytest.fixture(scope="session")
def bundle(recorded: Table) -> Bundle:
    return train(recorded, strong=STRONG)


@pytest.fixture(scope="session")
def first_runs() -> Callable[[Table, int], Table]:
    return _first_runs


@pytest.fixture(scope="session")
def made_up() -> Callable[..., Table]:
    return _made_up


def _first_runs(table: Table, n: int) -> Table:
    return table.where(table.meta["run_id"].isin(sorted(set(table.meta["run_id"]))[:n]).to_numpy())


def _made_up(
    y_weak: np.ndarray,
    y_strong: np.ndarray,
    *,
    turns: np.ndarray | int = 3,
    signal: float = 0.0,
    repos: int = 10,
    cost: tuple[float, float] = (1.0, 10.0),
    seed: int = 0,
) -> Table:
    """A table of one run a task: rows k = 0 … turns - 1 and one at the end; column 0 carries y_weak from k = 1 on."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, (weak, strong, n) in enumerate(zip(y_weak, y_strong, np.broadcast_to(turns, len(y_weak)), strict=True)):
        for k in range(n + 1):
            rows.append((f"run{number:04}", f"task{number:04}", f"repo{number % repos}", "harness", "small", k))
            rows[-1] += (int(k == n), weak, cost[0], cost[0] * k / n, strong, cost[1])
    columns = ["run_id", "task_id", "repo", "harness", "weak_model", "k", "at_end", "y_weak", "cost_weak_usd"]
    meta = pd.DataFrame(rows, columns=[*columns, "spent_usd", "y_strong", "cost_strong_usd"])
    numbers = ["k", "at_end", "y_weak", "cost_weak_usd", "spent_usd", "y_strong", "cost_strong_usd"]
    meta[numbers] = meta[numbers].astype(np.float64)
    x = rng.normal(size=(len(meta), 4))
    x[:, 0] += signal * meta["y_weak"].to_numpy() * (meta["k"].to_numpy() > 0)
    return Table(meta, x, ("a", "b", "c", "d"))
