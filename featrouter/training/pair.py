"""The rows of one pair of models, ready to be learned from or judged."""

from __future__ import annotations

from collections.abc import Sequence

from featrouter.training.panel import join_panel
from featrouter.training.table import Table, Told, join_strong, select


def pair(table: Table, logs: Told, weak: str | None, strong: str | None, harness: Sequence[str] = ()) -> Table:
    """The weak model's rows (None: of all, pooled) on these harnesses (empty: on all), with the strong model's outcomes
    and the panel's shares joined. LogError, naming what is there, for models and harnesses that are not.
    """
    table = select(table, weak=weak, harness=harness)
    return join_panel(join_strong(table, logs, strong) if strong else table, logs.outcomes, strong)
