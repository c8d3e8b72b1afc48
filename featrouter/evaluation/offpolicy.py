"""What a policy would have earned on logs that hold the outcome of one arm only: IPS, SNIPS, doubly robust."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter.evaluation.plain import plain, usd
from featrouter.training.costs import spent
from featrouter.training.learn import MOST_WEIGHT
from featrouter.training.metrics import Floats, clustered
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table

Mask = npt.NDArray[np.bool_]
#: Runs of either arm below which nothing is claimed.
LEAST_TRIED = 10


@dataclass(frozen=True)
class Logged:
    """n logged decisions: the arm taken (`strong`), its `propensity` (NaN where unknown), the `reward` that followed.

    `reward`: resolved * value - USD spent from the decision on. `q_weak`, `q_strong`: what a model that never saw the
    run's group expects of either arm. `tasks` names clusters, `turn` is when it was decided. All (n,). `left_out`:
    routed runs without a row at that turn, or without the outcome of their arm.
    """

    strong: Mask
    propensity: Floats
    reward: Floats
    q_weak: Floats
    q_strong: Floats
    tasks: npt.NDArray[np.object_]
    turn: Floats
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.strong)

    def where(self, mask: Mask) -> Logged:
        names = ("strong", "propensity", "reward", "q_weak", "q_strong", "tasks", "turn")
        return replace(self, **{name: getattr(self, name)[mask] for name in names})


def logged(table: Table, told: Predictions, value: float) -> Logged:
    """The decisions that a log with a `route` column holds: one a run, at the turn where the route was taken.

    That turn is `route_turn`; where blank, the last turn logged of a run that was handed over, and for the others the
    turn most common among those.
    """
    meta = table.meta
    going, routed = (meta["at_end"] == 0).to_numpy(), meta["route"].notna().to_numpy()
    last = meta[going & (meta["route"] == "strong")].groupby("run_id")["k"].max()
    usual = float(last.mode().iloc[0]) if len(last) else 0.0
    turn = meta["route_turn"].fillna(meta["run_id"].map(last)).fillna(usual).to_numpy(dtype=float)
    strong = (meta["route"] == "strong").to_numpy()
    solved = np.where(strong, meta["y_strong"], meta["y_weak"]).astype(float)
    paid = np.where(strong, meta["cost_strong_usd"], meta["cost_weak_usd"] - spent(table)).astype(float)
    y1, y2 = (r * value - np.nan_to_num(c) for r, c in ((told.r1, told.c1), (told.r2, told.c2)))
    here = going & routed & (meta["k"] == turn).to_numpy() & ~np.isnan(solved) & ~np.isnan(y1) & ~np.isnan(y2)
    return Logged(
        strong=strong[here],
        propensity=meta["propensity"].to_numpy(dtype=float)[here],
        reward=(solved * value - np.nan_to_num(paid))[here],
        q_weak=y1[here],
        q_strong=y2[here],
        tasks=meta["task_id"].to_numpy()[here],
        turn=turn[here],
        left_out=int(meta["run_id"][routed].nunique() - here.sum()),
    )


def estimate(log: Logged, escalate: Mask | None = None) -> dict[str, Any]:
    """The value, USD a run, of the policy that escalates where `escalate` (default: where q_strong > q_weak).

    `dm` trusts the model alone and carries no interval; `ips` weighs the runs that took the policy's arm by
    1/propensity, `snips` normalises those weights, `dr` corrects the model by them (Dudík, Langford, Li 2011). The 95 %
    intervals are normal, clustered by task; `ess` is (sum w)^2 / sum w^2, the runs that the estimate rests on.
    `gain_over_weak`, `gain_over_strong`: paired doubly robust differences to the constants.

    Only `dm`, and why in `claim`: without propensities, when the log holds decisions of several turns (the choices at
    one turn then depend on those before it), and where either arm was hardly tried. Decisions of propensity 1 are left
    out: there the other arm could not be seen (`certain` counts them).
    """
    escalate = log.q_strong > log.q_weak if escalate is None else escalate
    certain = log.propensity >= 1 - 1e-9
    found: dict[str, Any] = {
        "n": len(log),
        "left_out": log.left_out,
        "certain": int(certain.sum()),
        "escalated": plain(escalate.mean() if len(log) else np.nan),
        "dm": {"value": usd(np.where(escalate, log.q_strong, log.q_weak).mean() if len(log) else np.nan), "ci": None},
    }
    if why := _no_claim(log, certain):
        return found | {"claim": f"none: {why}, so only the model's own guess (dm) can be given"}
    log, escalate = log.where(~certain), escalate[~certain]
    weights = _weights(log, escalate)
    dr = _robust(log, escalate)
    mean = float((weights * log.reward).sum() / weights.sum()) if weights.any() else float("nan")
    linear = weights * (log.reward - mean) / max(float(weights.mean()), 1e-12) + mean
    found |= {
        "ips": _told(weights * log.reward, log.tasks),
        "snips": _told(linear, log.tasks),
        "dr": _told(dr, log.tasks),
        "ess": round(float(weights.sum() ** 2 / (weights**2).sum()), 1) if weights.any() else 0.0,
        "clipped": int((weights >= MOST_WEIGHT).sum()),
    }
    for name, arm in (("weak", False), ("strong", True)):
        found[f"gain_over_{name}"] = _told(dr - _robust(log, np.full(len(log), arm)), log.tasks)
    return found


def _no_claim(log: Logged, certain: Mask) -> str:
    if not len(log):
        return "no decision was logged"
    if missing := int(np.isnan(log.propensity).sum()):
        return f"{missing} of {len(log)} decisions have no propensity"
    if len(turns := np.unique(log.turn)) > 1:
        return (
            f"decisions were taken at {len(turns)} turns ({turns[0]:g} to {turns[-1]:g}), and those that came to the later "
            "ones had been chosen before; explore at one turn (policy fixed)"
        )
    tried = min(int(log.strong[~certain].sum()), int((~log.strong[~certain]).sum()))
    if tried < LEAST_TRIED:
        return f"where either arm could have been taken, one was tried only {tried} times (at least {LEAST_TRIED})"
    return ""


def _weights(log: Logged, escalate: Mask) -> Floats:
    return np.where(log.strong == escalate, np.minimum(1 / log.propensity, MOST_WEIGHT), 0.0)


def _robust(log: Logged, escalate: Mask) -> Floats:
    taken = np.where(log.strong, log.q_strong, log.q_weak)
    model = np.where(escalate, log.q_strong, log.q_weak)
    return np.asarray(model + _weights(log, escalate) * (log.reward - taken))


def _told(each: Floats, tasks: npt.NDArray[np.object_]) -> dict[str, Any]:
    """Mean and its 95 % interval, by Student's t over clusters."""
    from scipy.stats import t

    mean, error, n = clustered(each, tasks)
    if n < 2:
        return {"value": usd(mean), "ci": None}
    half = float(t.ppf(0.975, n - 1)) * error
    return {"value": usd(mean), "ci": [usd(mean - half), usd(mean + half)]}
