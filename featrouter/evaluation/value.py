"""Net value: what each policy earns over a range of what a solved task is worth, against the best constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter.evaluation.plain import plain, usd
from featrouter.training.metrics import Floats, interval, simultaneous, task_weights
from featrouter.training.worth import Ledger, Walks, constants

#: The range: multiples of the value at which always-weak and always-strong earn the same.
AROUND = (0.25, 0.5, 1.0, 2.0, 4.0)
LEAST_DIFFERENT = 20
#: The router's own policies: gains of all of them, at all values, are tested together.
POLICIES = tuple(f"{name}{stop}" for stop in ("", " + stop") for name in ("rule", "fixed", "end", "anytime"))


def value_range(runs: Walks | None, value: float) -> list[float]:
    """The user's value, and five around the break-even of the two constants, where routing has most to gain."""
    if runs is None:
        return [value]
    always = constants(runs)
    better = float(np.mean(always["always-strong"].resolved - always["always-weak"].resolved))
    dearer = float(np.mean(always["always-strong"].cost - always["always-weak"].cost))
    if better <= 0 or dearer <= 0:
        return [value]
    return sorted({value, *(float(f"{dearer / better * times:.2g}") for times in AROUND)})


def net_value(runs: Walks, ledgers: Mapping[tuple[str, float], Ledger], draws: int) -> list[dict[str, Any]]:
    """For each value every policy's numbers a run: net USD, resolved, cost, USD per solved task, and paired gains.

    The best constant is the one that earns most on these very runs: chosen in hindsight, which favours the constant.
    `…_ci_all` holds for all policies and values together; it is given where a policy differs from the constant in
    enough runs for a bootstrap to tell.
    """
    weights = task_weights(runs.tasks, draws)
    always = constants(runs)
    found: list[dict[str, Any]] = []
    gains: dict[tuple[float, str], Floats] = {}
    for value in sorted({at for _, at in ledgers}):
        mine = {name: one for (name, at), one in ledgers.items() if at == value}
        best = max(always, key=lambda name: float(always[name].net(value).mean()))
        nets = {name: _mean(one.net(value), weights) for name, one in (always | mine).items()}
        policies = {}
        for name, one in (always | mine | {"oracle": oracle(always, value)}).items():
            net = nets.get(name, _mean(one.net(value), weights))
            policies[name] = _row(one, net, weights) | _over("constant", net - nets[best])
            if "fixed" in mine:
                policies[name] |= _over("fixed", net - nets["fixed"])
            if name == "risk-controlled":
                policies[name] |= _harm(runs, one, weights)
            if name in POLICIES and (one.net(value) != always[best].net(value)).sum() >= LEAST_DIFFERENT:
                gains[value, name] = net - nets[best]
        found.append({"value": value, "best_constant": best, "policies": policies})
    width = simultaneous([gain[1:] for gain in gains.values()])
    for told in found:
        for name, row in told["policies"].items():
            gain = gains.get((told["value"], name))
            half = width * float(np.nanstd(gain[1:])) if gain is not None else np.nan
            row["gain_over_constant_ci_all"] = None if gain is None else usd((gain[0] - half, gain[0] + half))
    return found


def _row(one: Ledger, net: Floats, weights: Floats) -> dict[str, Any]:
    resolved, cost = _mean(one.resolved, weights), _mean(one.cost, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        price = np.where(resolved > 0, cost / resolved, np.nan)
    return {
        "net": usd(net[0]),
        "net_ci": usd(interval(net[1:])),
        "resolved": plain(resolved[0]),
        "cost": usd(cost[0]),
        "usd_per_solved": usd(price[0]),
        "usd_per_solved_ci": usd(interval(price[1:])),
        "escalated": plain(one.escalated.mean()),
        "stopped": plain(one.stopped.mean()),
    }


def _over(what: str, gain: Floats) -> dict[str, Any]:
    return {f"gain_over_{what}": usd(gain[0]), f"gain_over_{what}_ci": usd(interval(gain[1:]))}


def _mean(each: Floats, weights: Floats) -> Floats:
    return np.asarray(weights @ each / weights.sum(axis=1))


def _harm(runs: Walks, one: Ledger, weights: Floats) -> dict[str, Any]:
    harm = (~one.escalated & (runs.y_weak == 0) & (runs.y_strong == 1)).astype(float)
    means = _mean(harm, weights)
    return {"harm": plain(means[0]), "harm_ci": plain(interval(means[1:]))}


def oracle(always: Mapping[str, Ledger], value: float) -> Ledger:
    """The best of the three constants for each run, known beforehand: what no router can beat."""
    names = list(always)
    nets = np.array([always[name].net(value) for name in names])
    pick = nets.argmax(axis=0)

    def of(field: str) -> npt.NDArray[Any]:
        each = np.array([getattr(always[name], field) for name in names])
        return np.asarray(each[pick, np.arange(len(pick))])

    return Ledger(of("resolved"), of("cost"), of("escalated"), of("stopped"))
