"""Frontier: what escalating more and more of the runs at one turn costs and solves, by whose ranking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from featrouter.evaluation.crossval import Judged
from featrouter.evaluation.routing import Arms, oracle_scores
from featrouter.evaluation.turns import arms_at, ranks
from featrouter.training.costs import spent
from featrouter.training.metrics import Floats
from featrouter.training.table import Table

_SHARES = np.linspace(0.0, 1.0, 41)
_DRAWS = 300


@dataclass(frozen=True)
class Frontier:
    """Mean USD and share solved of the `runs` whose costs are known, when 0 to 100 % of those at `turn` are escalated.

    `curves` by name: x and y, each (41,); `oracle` is of one who knows both outcomes. `random`: USD (41,) and the band in
    which 95 % of random rankings lie. `left_out`: runs without a cost of weak or strong.
    """

    turn: str
    runs: int
    left_out: int
    weak: tuple[float, float]
    strong: tuple[float, float]
    curves: Mapping[str, tuple[Floats, Floats]]
    random: tuple[Floats, Floats, Floats]


def frontier(table: Table, judged: Judged, value: float, turn: str) -> Frontier | None:
    """The frontier at a turn ("4", or "end"); None where no run comes to it with both outcomes and costs known."""
    if "y_strong" not in table.meta:
        return None
    going = (table.meta["at_end"] == 0).to_numpy()
    rows = ~going if turn == "end" else going & (table.meta["k"] == int(turn)).to_numpy()
    arms, index = arms_at(table, rows, spent(table))
    priced = ~(np.isnan(arms.cost_weak) | np.isnan(arms.cost_strong) | np.isnan(arms.spent))
    known = Arms(**{field.name: getattr(arms, field.name)[priced] for field in fields(arms)})
    if not known.alive.any():
        return None
    everyone = {"router": judged.told} | judged.baselines
    curves = {}
    for name, told in everyone.items():
        scores = ranks(told.scores(value), judged.fold, rows)[index][priced]
        if not np.isnan(scores[known.alive]).any():
            curves[name] = _path(scores, known)
    curves["oracle"] = _path(oracle_scores(known), known)
    weak = float(known.cost_weak.mean()), float(known.y_weak.mean())
    strong = float(known.cost_strong.mean()), float(known.y_strong.mean())
    return Frontier(turn, len(known.tasks), int((~priced).sum()), weak, strong, curves, _random(known))


def _path(scores: Floats, arms: Arms) -> tuple[Floats, Floats]:
    """Mean cost and share solved at _SHARES of the runs escalated, the highest scores first, equal ones together."""
    alive = np.flatnonzero(arms.alive)
    order = alive[np.argsort(-scores[alive], kind="stable")]
    n = len(arms.tasks)
    ends = np.append(np.flatnonzero(np.diff(scores[order]) < 0) + 1, len(order))
    told = []
    for each, start in (
        (arms.spent + arms.cost_strong - arms.cost_weak, arms.cost_weak.mean()),
        (arms.y_strong - arms.y_weak, arms.y_weak.mean()),
    ):
        sums = np.cumsum(each[order])[ends - 1] / n
        told.append(start + np.interp(_SHARES, np.append(0, ends) / len(order), np.append(0, sums)))
    return told[0], told[1]


def _random(arms: Arms) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(0)
    paths = [_path(rng.random(len(arms.tasks)), arms) for _ in range(_DRAWS)]
    low, high = arms.cost_weak.mean(), max(x[-1] for x, _ in paths)
    across = np.linspace(low, high, len(_SHARES))
    resolved = np.array([np.interp(across, np.maximum.accumulate(x), y) for x, y in paths])
    band = np.percentile(resolved, [2.5, 97.5], axis=0)
    return across, band[0], band[1]
