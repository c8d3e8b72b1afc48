"""The panel: how many other systems solve a task, which says more of its difficulty than one run's outcome."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from featrouter.logs import Outcome
from featrouter.training.metrics import Floats
from featrouter.training.table import Table

#: A share of fewer systems than this says little.
LEAST_MODELS = 3
_TWIN_TASKS = 30


def shares(table: Table, outcomes: Mapping[tuple[str, str], Outcome], without: str | None = None) -> Floats:
    """Of each row's task the share of systems that solve it, (n,); NaN where fewer than LEAST_MODELS are known.

    Left out are the run's own system and `without`. A system is the run's own by its name (one is part of the other,
    punctuation aside), or when it agrees with the runs' own outcomes on all of many tasks.
    """
    by_task: dict[str, dict[str, int]] = defaultdict(dict)
    for (task, model), outcome in outcomes.items():
        if outcome.resolved is not None and model != without:
            by_task[task][model] = outcome.resolved
    models = {model for found in by_task.values() for model in found}
    own = {
        weak: {m for m in models if _same(weak, m) or _twin(runs, by_task, m)}
        for weak, runs in table.meta[table.meta["y_weak"].notna()].groupby("weak_model")
    }
    known: dict[tuple[str, str], float] = {}
    told = np.full(len(table), np.nan)
    for row, key in enumerate(zip(table.meta["task_id"], table.meta["weak_model"], strict=True)):
        if key not in known:
            others = [solved for model, solved in by_task[key[0]].items() if model not in own.get(key[1], ())]
            known[key] = float(np.mean(others)) if len(others) >= LEAST_MODELS else float("nan")
        told[row] = known[key]
    return told


def _same(weak: str, model: str) -> bool:
    one, other = (re.sub(r"[^a-z0-9]", "", name.lower()) for name in (weak, model))
    return bool(one) and bool(other) and (one in other or other in one)


def _twin(runs: pd.DataFrame, by_task: Mapping[str, Mapping[str, int]], model: str) -> bool:
    first = runs.drop_duplicates("task_id")
    pairs = [
        (solved, by_task[task][model])
        for task, solved in zip(first["task_id"], first["y_weak"], strict=True)
        if task in by_task and model in by_task[task]
    ]
    return len(pairs) >= _TWIN_TASKS and all(own == other for own, other in pairs)


def join_panel(table: Table, outcomes: Mapping[tuple[str, str], Outcome], strong: str | None) -> Table:
    """The table with `share_weak` and, of the systems but the strong one, `share_strong`, where a panel is known."""
    found = {"share_weak": shares(table, outcomes)}
    if strong is not None:
        found["share_strong"] = shares(table, outcomes, strong)
    known = {name: told for name, told in found.items() if not np.isnan(told).all()}
    return replace(table, meta=table.meta.assign(**known)) if known else table
