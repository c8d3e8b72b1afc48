"""Route-AUC by turn: what deciding once, at this turn, buys, beside chance, oracle, prompt and baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from featrouter.evaluation.crossval import Judged
from featrouter.evaluation.plain import plain
from featrouter.evaluation.routing import (
    Arms,
    Undefined,
    check_pair,
    oracle_scores,
    random_areas,
    route_auc,
)
from featrouter.training.costs import spent
from featrouter.training.metrics import Floats, interval, simultaneous, task_weights
from featrouter.training.table import Table

Mask = npt.NDArray[np.bool_]
LEAST_ROWS = 30


@dataclass(frozen=True)
class Route:
    """Route-AUC of a policy that decides at one turn, and of what it is held against; row 0 is the sample."""

    areas: Floats
    refused: str = ""
    random: Floats = field(default_factory=lambda: np.empty(0))
    oracle: float = float("nan")
    perfect_r1: float = float("nan")
    others: Mapping[str, Floats] = field(default_factory=dict)


def by_turn(table: Table, judged: Judged, value: float, draws: int) -> dict[str, dict[str, Any]]:
    """Route-AUC at every turn with enough runs ("0", "1", …) and at the "end".

    Runs are ranked within the fold that judged them, and the same share of each fold is escalated: see `heads`.

    `gain_ci` is each turn's own interval; `gain_ci_all` and `above_chance` hold for all turns together: that one of
    several turns looks good by luck is allowed for (max-T over the bootstrap; the random band's level is divided).
    """
    meta = table.meta
    going, k = (meta["at_end"] == 0).to_numpy(), meta["k"].to_numpy()
    scores = judged.told.scores(value)
    others = {name: one.scores(value) for name, one in judged.baselines.items()}
    paid = spent(table)
    masks = {str(turn): going & (k == turn) for turn in np.unique(k[going]).astype(int)}
    masks = {turn: rows for turn, rows in masks.items() if rows.sum() >= LEAST_ROWS} | {"end": ~going}
    routes = {
        turn: _route(
            table,
            ranks(scores, judged.fold, rows),
            {name: ranks(one, judged.fold, rows) for name, one in others.items()},
            paid,
            rows,
            draws,
        )
        for turn, rows in masks.items()
    }
    prompt = routes.get("0") or Route(np.full(draws + 1, np.nan))
    gains = {turn: route.areas - prompt.areas for turn, route in routes.items()}
    widths = simultaneous([gain[1:] for turn, gain in gains.items() if turn != "0"])
    found = {}
    n_turns = len(routes)
    for turn, route in routes.items():
        gain = gains[turn]
        spread = float(np.nanstd(gain[1:])) if np.isfinite(gain[1:]).any() else np.nan
        band = interval(route.random) if len(route.random) else (np.nan, np.nan)
        strict = float(np.quantile(route.random, 1 - 0.025 / n_turns)) if len(route.random) else np.nan
        low = interval(route.areas[1:], 1 - 0.05 / n_turns)[0]
        found[turn] = {
            "route_auc": plain(route.areas[0]),
            "route_auc_ci": plain(interval(route.areas[1:])),
            "gain_over_prompt": plain(gain[0]),
            "gain_ci": plain(interval(gain[1:])),
            "gain_ci_all": plain((gain[0] - widths * spread, gain[0] + widths * spread)),
            "random_band": plain(band),
            "above_chance": bool(route.areas[0] > strict and low > np.mean(band)),
            "oracle": plain(route.oracle),
            "perfect_r1": plain(route.perfect_r1),
            "baselines": {name: _against(route.areas, areas) for name, areas in route.others.items()},
        } | ({"route_auc_refused": route.refused} if route.refused else {})
    return found


def ranks(scores: Floats, folds: npt.NDArray[np.int64], rows: Mask) -> Floats:
    """The share of the fold's rows with a lower score, equal ones counted half, (n,); NaN where there is no score."""
    found = np.full(len(scores), np.nan)
    for fold in np.unique(folds[rows]):
        here = np.flatnonzero(rows & (folds == fold) & ~np.isnan(scores))
        _, place, counts = np.unique(scores[here], return_inverse=True, return_counts=True)
        found[here] = ((np.cumsum(counts) - counts / 2) / max(1, len(here)))[place]
    return found


def _against(ours: Floats, theirs: Floats) -> dict[str, Any]:
    gain = ours - theirs
    return {
        "route_auc": plain(theirs[0]),
        "gain": plain(gain[0]),
        "gain_ci": plain(interval(gain[1:])),
    }


def arms_at(table: Table, rows: Mask, paid: Floats) -> tuple[Arms, npt.NDArray[np.int64]]:
    """What may become of each run with both outcomes if it is escalated at these rows, one a run; and its row, or 0.

    Runs that do not come to one of these rows stay with weak. `paid` (n rows,): USD spent by the row's turn.
    """
    at = pd.Series(np.flatnonzero(rows), index=table.meta["run_id"].to_numpy()[rows])
    ends = table.meta[table.meta["at_end"] == 1].set_index("run_id")
    ends = ends[ends["y_weak"].notna() & ends["y_strong"].notna()]
    place = at.reindex(ends.index)
    alive = place.notna().to_numpy()
    index = place.fillna(0).to_numpy(dtype=int)
    arms = Arms(
        y_weak=_column(ends, "y_weak"),
        y_strong=_column(ends, "y_strong"),
        cost_weak=_column(ends, "cost_weak_usd"),
        cost_strong=_column(ends, "cost_strong_usd"),
        spent=np.where(alive, paid[index], 0.0),
        alive=alive,
        tasks=ends["task_id"].to_numpy(),
    )
    return arms, index


def _route(table: Table, scores: Floats, others: Mapping[str, Floats], paid: Floats, rows: Mask, draws: int) -> Route:
    """Route-AUC when every run still going at these rows may be escalated there, and the others stay with weak."""
    nothing = np.full(draws + 1, np.nan)
    if "y_strong" not in table.meta:
        return Route(nothing, "no strong model was named")
    arms, index = arms_at(table, rows, paid)
    alive = arms.alive
    try:
        check_pair(arms)
    except Undefined as refused:
        return Route(nothing, str(refused))
    weights = task_weights(arms.tasks, draws)

    def area(told: Floats, of: Floats = weights) -> Floats:
        return route_auc(np.where(alive, told[index], 0.0), arms, of)

    return Route(
        area(scores),
        random=random_areas(arms),
        oracle=float(route_auc(oracle_scores(arms), arms, weights[:1])[0]),
        perfect_r1=float(route_auc(-arms.y_weak, arms, weights[:1])[0]),
        others={name: area(told) for name, told in others.items() if not np.isnan(told[index][alive]).any()},
    )


def _column(frame: pd.DataFrame, name: str) -> Floats:
    return np.asarray(frame[name], dtype=np.float64)
