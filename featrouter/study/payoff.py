"""Where does routing pay? A map over how much dearer the strong model is, and what a solved task is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from joblib import Parallel, delayed

from featrouter.evaluation.value import AROUND, LEAST_DIFFERENT
from featrouter.policy import Policy
from featrouter.training.fit import Mask, folds
from featrouter.training.learn import Settings, learn
from featrouter.training.metrics import Floats, simultaneous, task_weights
from featrouter.training.policies import fit_anytime, fit_fixed
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table
from featrouter.training.words import markdown
from featrouter.training.worth import Ledger, Walks, constants, follow, walks

#: A strong run costs so many times a weak one.
RATIOS = (2, 5, 10, 20, 50)
#: A solved task is worth so many times the value at which always-weak and always-strong earn the same.
VALUES = AROUND
POLICIES = ("prompt", "fixed", "anytime")
#: What the tool would say of a cell.
ROUTE, PROMPT, DONT = "route", "prompt only", "do not route"
_DRAWS = 400

Cell = tuple[int, float]


@dataclass(frozen=True)
class Map:
    """By (ratio, multiple of the break-even value): the verdict, and the best policy's gain over the best constant.

    `gains`: USD a run, the sample and its interval for all cells and policies of the pair together; `usd`: what a
    solved task is worth in that cell. `refused`: why there is no map.
    """

    verdicts: dict[Cell, str]
    gains: dict[Cell, tuple[str, float, float, float]]
    usd: dict[Cell, float]
    refused: str = ""


def scaled(runs: Walks, ratio: float, mean_weak: float, mean_strong: float) -> Walks:
    """The runs as if a strong run cost `ratio` times a weak one on average; a price nobody knows is that mean."""
    by = ratio * mean_weak / mean_strong if mean_strong > 0 else np.nan
    flat = ratio * mean_weak

    def dearer(usd: Floats) -> Floats:
        return np.where(np.isnan(usd), flat, usd * by) if by == by else np.full(usd.shape, flat)

    return replace(runs, c2=dearer(runs.c2), cost_strong=dearer(runs.cost_strong))


def payoff(table: Table, jobs: int) -> Map:
    """Routers and policies are fitted inside folds by repository, and judged on the repositories they never saw."""
    everyone = walks(table, Predictions.unknown(len(table)))
    if everyone is None or np.isnan(everyone.cost_weak).any():
        return Map({}, {}, {}, "the cost of a weak run is not known")
    better = float(np.mean(everyone.y_strong - everyone.y_weak))
    weak = float(everyone.cost_weak.mean())
    if better <= 0 or weak <= 0:
        return Map({}, {}, {}, "the strong model does not solve more")
    strong = float(np.nanmean(everyone.cost_strong)) if np.isfinite(everyone.cost_strong).any() else float("nan")
    usd = {(ratio, times): float(f"{(ratio - 1) * weak / better * times:.3g}") for ratio in RATIOS for times in VALUES}
    y = table.meta["y_weak"].to_numpy(dtype=np.float64)
    splits = list(folds(y, table.meta["repo"].to_numpy()))
    if not splits:
        return Map({}, {}, {}, "its runs are of a single repository")
    done = Parallel(n_jobs=jobs)(delayed(_fold)(table, train, test, usd, weak, strong) for train, test in splits)
    place = {run: at for at, run in enumerate(everyone.runs)}
    nets = {(cell, name): np.full(len(place), np.nan) for cell in usd for name in POLICIES}
    for runs, ledgers in done:
        at = np.array([place[run] for run in runs], int)
        for (cell, name), ledger in ledgers.items():
            nets[cell, name][at] = ledger.net(usd[cell])
    return _verdicts(everyone, nets, usd, weak, strong)


def _fold(
    table: Table, train: Mask, test: Mask, usd: Mapping[Cell, float], weak: float, strong: float
) -> tuple[list[str], dict[tuple[Cell, str], Ledger]]:
    found = learn(table.where(train), Settings())
    tested = table.where(test)
    runs, seen = walks(tested, found.predict(tested)), walks(table.where(train), found.told)
    ledgers: dict[tuple[Cell, str], Ledger] = {}
    if runs is None or seen is None:
        return [], ledgers
    for cell, value in usd.items():
        mine, theirs = (scaled(one, cell[0], weak, strong) for one in (seen, runs))
        policies = {"prompt": Policy.fixed(0), "fixed": fit_fixed(mine, value), "anytime": fit_anytime(mine, value)}
        for name, policy in policies.items():
            ledgers[cell, name] = follow(policy, theirs, value)
    return list(runs.runs), ledgers


def _verdicts(
    runs: Walks, nets: Mapping[tuple[Cell, str], Floats], usd: Mapping[Cell, float], weak: float, strong: float
) -> Map:
    weights = task_weights(runs.tasks, _DRAWS)
    totals = weights.sum(axis=1)
    gains: dict[tuple[Cell, str], Floats] = {}
    differ: dict[tuple[Cell, str], bool] = {}
    for cell, value in usd.items():
        always = {name: one.net(value) for name, one in constants(scaled(runs, cell[0], weak, strong)).items()}
        best = max(always.values(), key=lambda net: float(net.mean()))
        for name in POLICIES:
            net = nets[cell, name]
            if np.isfinite(net).all():
                gains[cell, name] = weights @ (net - best) / totals
                differ[cell, name] = int((net != best).sum()) >= LEAST_DIFFERENT
    width = simultaneous([gain[1:] for key, gain in gains.items() if differ[key]])
    verdicts, shown = {}, {}
    for cell in usd:
        ends = {}
        for name in POLICIES:
            gain = gains.get((cell, name))
            if gain is None:
                continue
            half = width * float(np.nanstd(gain[1:])) if differ[cell, name] else 0.0
            ends[name] = (float(gain[0]), float(gain[0]) - half, float(gain[0]) + half)
        paying = {name: one for name, one in ends.items() if one[1] > 0 and differ[cell, name]}
        alone = set(paying) == {"prompt"} or (paying and max(paying, key=lambda name: paying[name][0]) == "prompt")
        verdicts[cell] = PROMPT if alone else ROUTE if paying else DONT
        name = max(paying or ends, key=lambda name: (paying or ends)[name][0])
        shown[cell] = (name, *ends[name])
    return Map(verdicts, shown, dict(usd))


def payoffs(pairs: Mapping[str, Table], jobs: int, say: Callable[[str], None]) -> str:
    text, counted = [], []
    for name, table in pairs.items():
        say(f"payoff: {name}")
        found = payoff(table, jobs)
        if found.refused:
            text.append(f"#### {name}\n\nNo map: {found.refused}.")
            continue
        rows = []
        for ratio in RATIOS:
            cells = []
            for times in VALUES:
                policy, gain, low, high = found.gains[ratio, times]
                verdict = found.verdicts[ratio, times]
                told = f"{policy} {gain:+.3g} [{low:+.3g}, {high:+.3g}]" if low < high else "no policy differs"
                word = verdict if verdict == DONT else f"**{verdict}**"
                cells.append(f"{word}; {told}, {found.usd[ratio, times]:.3g} USD")
            rows.append([f"1 : {ratio}", *cells])
        text.append(
            f"#### {name}\n\n" + markdown(["weak : strong", *(f"{times:g} x break-even" for times in VALUES)], rows)
        )
        counts = [sum(one == word for one in found.verdicts.values()) for word in (ROUTE, PROMPT, DONT)]
        counted.append([name, *(str(count) for count in counts)])
    summary = markdown(["pair", ROUTE, PROMPT, DONT], counted)
    return f"Of {len(RATIOS) * len(VALUES)} cells of each map:\n\n{summary}\n\n" + "\n\n".join(text)
