"""What a policy would have earned on finished runs whose both outcomes are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from featrouter.policy import NEVER, Policy
from featrouter.training.costs import spent
from featrouter.training.metrics import Floats
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Walks:
    """n runs at m decision points: `turns` (m - 1,) of them while the run goes on, the last column once it has ended.

    r1, r2, c1, c2 and the USD `spent` so far (n, m), NaN where the run does not come to that point; `alive` (n, m).
    Outcomes 0/1 and USD of whole runs (n,); their names `runs` and `tasks` (n,).
    """

    turns: npt.NDArray[np.int64]
    r1: Floats
    r2: Floats
    c1: Floats
    c2: Floats
    spent: Floats
    alive: Mask
    y_weak: Floats
    y_strong: Floats
    cost_weak: Floats
    cost_strong: Floats
    runs: npt.NDArray[np.object_]
    tasks: npt.NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.tasks)

    def where(self, mask: Mask) -> Walks:
        return Walks(self.turns, *(getattr(self, name)[mask] for name in list(self.__dataclass_fields__)[1:]))

    def y(self, value: float) -> tuple[Floats, Floats]:
        """y1 and y2, each (n, m), at `value` USD a solved task; a cost that nobody knows counts as nothing."""
        return self.r1 - np.nan_to_num(self.c1) / value, self.r2 - np.nan_to_num(self.c2) / value


@dataclass(frozen=True)
class Ledger:
    """What became of each run under a policy, each (n,): solved (0/1), USD spent, and what was done with it."""

    resolved: Floats
    cost: Floats
    escalated: Mask
    stopped: Mask

    def net(self, value: float) -> Floats:
        """USD that each run earned: value where solved, minus its cost."""
        return self.resolved * value - self.cost


def walks(table: Table, told: Predictions) -> Walks | None:
    """The runs of a table whose both outcomes are known, with predictions; None where no strong model was joined.

    Decision points are the rows of the table: turns are thinned by its schedule.
    """
    meta = table.meta
    if "y_strong" not in meta:
        return None
    ends = meta[(meta["at_end"] == 1) & meta["y_weak"].notna() & meta["y_strong"].notna()]
    if not len(ends):
        return None
    number = pd.Series(np.arange(len(ends)), index=ends["run_id"].to_numpy())
    place = number.reindex(meta["run_id"]).to_numpy()
    known = ~np.isnan(place)
    going = (meta["at_end"] == 0).to_numpy()
    turns = np.unique(meta["k"].to_numpy()[going & known]).astype(np.int64)
    column = np.where(going, np.searchsorted(turns, meta["k"].to_numpy()), len(turns))
    at = place[known].astype(int), column[known]

    def grid(values: Floats) -> Floats:
        found = np.full((len(ends), len(turns) + 1), np.nan)
        found[at] = values[known]
        return found

    alive = np.zeros((len(ends), len(turns) + 1), bool)
    alive[at] = True
    return Walks(
        turns,
        grid(told.r1),
        grid(told.r2),
        grid(told.c1),
        grid(told.c2),
        grid(spent(table)),
        alive,
        ends["y_weak"].to_numpy(dtype=np.float64),
        ends["y_strong"].to_numpy(dtype=np.float64),
        ends["cost_weak_usd"].to_numpy(dtype=np.float64),
        ends["cost_strong_usd"].to_numpy(dtype=np.float64),
        ends["run_id"].to_numpy(),
        ends["task_id"].to_numpy(),
    )


def follow(policy: Policy, runs: Walks, value: float) -> Ledger:
    """The ledger of a policy: each run goes on until it first escalates or stops; costs unknown count as nothing."""
    limits = np.array([*(policy.threshold(int(turn), ended=False) for turn in runs.turns), policy.end])
    y1, y2 = runs.y(value)
    with np.errstate(invalid="ignore"):
        escalate = runs.alive & (y2 - y1 > limits)
        stop = runs.alive & (limits != NEVER) & (y1 < 0) & (y2 < 0) if policy.allow_stop else np.zeros_like(escalate)
    stop[:, -1] = False  # the answer is in, and accepting it costs nothing
    if policy.allow_stop:
        escalate[:, -1] &= ~((y1[:, -1] < 0) & (y2[:, -1] < 0))
    act = stop | escalate
    first = np.where(act.any(axis=1), act.argmax(axis=1), -1)
    each = np.arange(len(runs))
    acted = first >= 0
    stopped = acted & stop[each, first]
    escalated = acted & ~stopped
    paid = np.nan_to_num(runs.spent[each, first])
    weak, strong = np.nan_to_num(runs.cost_weak), np.nan_to_num(runs.cost_strong)
    # The end's column holds what the whole weak run has cost.
    paid = np.where(first == runs.alive.shape[1] - 1, weak, paid)
    resolved = np.where(escalated, runs.y_strong, np.where(stopped, 0.0, runs.y_weak))
    return Ledger(resolved, np.where(escalated, paid + strong, np.where(stopped, paid, weak)), escalated, stopped)


def constants(runs: Walks) -> dict[str, Ledger]:
    """The three policies that look at nothing: always weak, always strong (from the start), and doing nothing."""
    no, yes = np.zeros(len(runs), bool), np.ones(len(runs), bool)
    weak, strong = np.nan_to_num(runs.cost_weak), np.nan_to_num(runs.cost_strong)
    return {
        "always-weak": Ledger(runs.y_weak, weak, no, no),
        "always-strong": Ledger(runs.y_strong, strong, yes, no),
        "stop": Ledger(np.zeros(len(runs)), np.zeros(len(runs)), no, yes),
    }
