"""Knob: what each policy would have done, solved and cost, over a range of what a solved task is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from featrouter.evaluation.plain import plain, usd
from featrouter.evaluation.value import oracle
from featrouter.policy import Policy
from featrouter.training.metrics import interval, task_weights
from featrouter.training.worth import Walks, constants, follow

#: Steps to either side of the value, and how many of them make a tenfold.
STEPS, A_TENFOLD = 30, 15


def knob(runs: Walks, policies: Mapping[str, Policy], value: float, draws: int = 300) -> dict[str, Any] | None:
    """`values` (61,), USD a solved task, and by policy its rows (61): cost and net a run in USD, shares resolved,
    escalated and stopped, and the gain over the best constant with its 95 % interval over tasks.

    Of runs whose costs are known alone: `runs` of them, `left_out` are not; None where there is none.
    """
    priced = ~(np.isnan(runs.cost_weak) | np.isnan(runs.cost_strong))
    known = runs.where(priced)
    if not len(known):
        return None
    weights = task_weights(known.tasks, draws)
    weights /= weights.sum(axis=1, keepdims=True)
    always = constants(known)
    values = [float(f"{value * 10 ** (step / A_TENFOLD):.3g}") for step in range(-STEPS, STEPS + 1)]
    found: dict[str, list[dict[str, Any]]] = {}
    best_constants = []
    for at in values:
        best = max(always, key=lambda name: float(always[name].net(at).mean()))
        best_constants.append(best)
        followed = {name: follow(policy, known, at) for name, policy in policies.items()}
        for name, one in (followed | always | {"oracle": oracle(always, at)}).items():
            gain = weights @ (one.net(at) - always[best].net(at))
            row = {
                "cost": usd(one.cost.mean()),
                "net": usd(one.net(at).mean()),
                "resolved": plain(one.resolved.mean()),
                "escalated": plain(one.escalated.mean()),
                "stopped": plain(one.stopped.mean()),
                "gain": usd(gain[0]),
                "gain_ci": usd(interval(gain[1:])),
            }
            found.setdefault(name, []).append(row)
    told = {"runs": len(known), "left_out": int((~priced).sum()), "values": values}
    return told | {"best_constant": best_constants, "policies": found}
