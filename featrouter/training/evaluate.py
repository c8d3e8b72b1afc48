"""Does routing this pair pay, and when? Cross-validated (or a given bundle's) numbers, each with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from featrouter.training.costs import expected_costs, spent
from featrouter.training.fit import cross_calibrated, out_of_fold, weights_of
from featrouter.training.learn import HEADS, VALUE
from featrouter.training.metrics import (
    Arms,
    Floats,
    Undefined,
    auroc,
    brier,
    check_pair,
    interval,
    logloss,
    oracle_scores,
    random_band,
    route_auc,
    task_weights,
)
from featrouter.training.table import Table
from featrouter.training.verdict import co_failure, oracle_stopped, verdict

#: Both are reported always: the sign of the trajectory's gain can flip between them (method.md section 2).
SPLITS = {"mixed": "task_id", "repo_disjoint": "repo"}
DRAWS = 500
LEAST_ROWS = 30


@dataclass(frozen=True)
class Predictions:
    """r1, r2 (probabilities) and c1, c2 (USD) of every row of a table, each (n,); NaN where there is none."""

    r1: Floats
    r2: Floats
    c1: Floats
    c2: Floats

    def scores(self, value: float) -> Floats:
        """y2 - y1; without costs, r2 - r1; without r2, -r1."""
        r2 = np.where(np.isnan(self.r2), 0.0, self.r2)
        dearer = np.nan_to_num(self.c2 - self.c1, nan=0.0)
        return np.asarray(r2 - self.r1 - dearer / value)


def cross_validated(table: Table, group: str, progress: Callable[[str], None] = lambda stage: None) -> Predictions:
    """Predictions for every row by heads that never saw its group (a column of meta: task_id or repo)."""
    meta = table.meta
    found = {"y_weak": np.full(len(table), np.nan), "y_strong": np.full(len(table), np.nan)}
    for name, arm, ended in HEADS:
        if arm not in meta:
            continue
        progress(name)
        rows = (meta["at_end"] == int(ended)).to_numpy()
        part = table.where(rows)
        y, groups = part.meta[arm].to_numpy(dtype=np.float64), part.meta[group].to_numpy()
        runs = part.meta["run_id"].to_numpy()
        if np.isnan(y).all():
            continue
        held = out_of_fold(name, "logit", part.x, y, runs, groups)
        found[arm][rows] = cross_calibrated(held, y, weights_of(runs), groups)
    progress("costs")
    return Predictions(found["y_weak"], found["y_strong"], *expected_costs(table, meta[group].to_numpy()))


def evaluate(
    table: Table,
    *,
    weak: str,
    strong: str | None = None,
    given: Predictions | None = None,
    value: float = VALUE,
    draws: int = DRAWS,
    progress: Callable[[str], None] = lambda stage: None,
) -> dict[str, Any]:
    """The report of `featrouter evaluate --json` (keys: method.md section 2 and README). Numbers unknown are None."""
    meta = table.meta
    splits = {}
    sources = {"given": None} if given is not None else SPLITS
    for split, group in sources.items():
        if group and meta[group].nunique() < 2:
            continue
        progress(split)
        told = given or cross_validated(table, str(group), progress)
        progress("intervals")
        splits[split] = _by_turn(table, told, value, draws)
    report: dict[str, Any] = {
        "pair": {"weak": weak, "strong": strong},
        "tasks": int(meta["task_id"].nunique()),
        "runs": int(meta["run_id"].nunique()),
        "value": value,
        "splits": splits,
        "co_failure": co_failure(table),
        "oracle_stopped": oracle_stopped(table),
    }
    return report | {"verdict": verdict(report)}


def _by_turn(table: Table, told: Predictions, value: float, draws: int) -> dict[str, Any]:
    """The split's numbers: `k` by turn, and `end`, where the answer is in and is accepted or escalated."""
    meta, scores = table.meta, told.scores(value)
    going = (meta["at_end"] == 0).to_numpy()
    k = meta["k"].to_numpy()
    paid = spent(table)
    prompt = _route(table, scores, paid, going & (k == 0), draws)
    found: dict[str, Any] = {}
    for turn in np.unique(k[going]).astype(int):
        rows = going & (k == turn)
        if rows.sum() >= LEAST_ROWS:
            route = _route(table, scores, paid, rows, draws)
            found[str(turn)] = _heads(table, told, rows, draws) | _routing(route, prompt)
    rows = ~going
    end = _heads(table, told, rows, draws) | _routing(_route(table, scores, paid, rows, draws), prompt)
    return {"k": found, "end": end}


def _heads(table: Table, told: Predictions, rows: npt.NDArray[np.bool_], draws: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, arm, p in (("r1", "y_weak", told.r1), ("r2", "y_strong", told.r2)):
        y = table.meta[arm].to_numpy(dtype=np.float64) if arm in table.meta else np.full(len(table), np.nan)
        known = rows & ~np.isnan(y) & ~np.isnan(p)
        found[name] = _head(p[known], y[known], table.meta["task_id"].to_numpy()[known], draws)
    return found


def _head(p: Floats, y: Floats, tasks: npt.NDArray[np.object_], draws: int) -> dict[str, Any]:
    areas = auroc(p, y, task_weights(tasks, draws))
    base = np.full(len(y), y.mean()) if len(y) else y
    return {
        "auroc": _plain(areas[0]),
        "auroc_ci": _plain(interval(areas[1:])),
        "brier": _plain(brier(p, y)),
        "brier_constant": _plain(brier(base, y)),
        "logloss": _plain(logloss(p, y)),
        "n": len(y),
    }


@dataclass(frozen=True)
class _Route:
    """Route-AUC of a policy that decides at one turn, and of what it is held against; row 0 is the sample."""

    areas: Floats
    refused: str = ""
    band: tuple[float, float] = (float("nan"), float("nan"))
    oracle: float = float("nan")
    perfect_r1: float = float("nan")


def _route(table: Table, scores: Floats, paid: Floats, rows: npt.NDArray[np.bool_], draws: int) -> _Route:
    """Route-AUC when every run still going at these rows may be escalated there, and the others stay with weak."""
    nothing = np.full(draws + 1, np.nan)
    if "y_strong" not in table.meta:
        return _Route(nothing, "no strong model was named")
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
    )
    try:
        check_pair(arms)
    except Undefined as refused:
        return _Route(nothing, str(refused))
    own = np.where(alive, scores[index], 0.0)
    weights = task_weights(ends["task_id"].to_numpy(), draws)
    one = weights[:1]
    return _Route(
        route_auc(own, arms, weights),
        band=random_band(arms),
        oracle=float(route_auc(oracle_scores(arms), arms, one)[0]),
        perfect_r1=float(route_auc(-arms.y_weak, arms, one)[0]),
    )


def _column(frame: pd.DataFrame, name: str) -> Floats:
    return np.asarray(frame[name], dtype=np.float64)


def _routing(route: _Route, prompt: _Route) -> dict[str, Any]:
    gains = route.areas - prompt.areas
    found = {
        "route_auc": _plain(route.areas[0]),
        "route_auc_ci": _plain(interval(route.areas[1:])),
        "gain_over_prompt": _plain(gains[0]),
        "gain_ci": _plain(interval(gains[1:])),
        "random_band": _plain(route.band),
        "oracle": _plain(route.oracle),
        "perfect_r1": _plain(route.perfect_r1),
    }
    return found | ({"route_auc_refused": route.refused} if route.refused else {})


def _plain(number: Any) -> Any:
    """Four decimals, for JSON; what is not known is None."""
    if isinstance(number, tuple):
        ends = [_plain(end) for end in number]
        return None if None in ends else ends
    return round(float(number), 4) if np.isfinite(number) else None
