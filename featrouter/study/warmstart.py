"""What a base bundle buys those with few runs: a learning curve with and without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from joblib import Parallel, delayed

from featrouter.bundle import Bundle
from featrouter.evaluation.unseen import harness_of, others, without_tasks
from featrouter.study.sets import CHOSEN, Held, areas, mean_of, told
from featrouter.study.transfer import SHELLS, twins_of
from featrouter.training.bundling import train
from featrouter.training.fit import folds
from featrouter.training.learn import Settings, learn
from featrouter.training.metrics import Floats
from featrouter.training.predictions import of_bundle
from featrouter.training.table import Table
from featrouter.training.words import markdown

SIZES = (50, 100, 200, 400)


def warm_start(
    sets: Mapping[str, Table], everything: Table, without: tuple[str, ...], jobs: int, say: Callable[[str], None]
) -> str:
    """AUROC over the chosen turns of routers from n runs: on their own, on a base of the other harnesses, and the gain.

    Folds by task; the base has seen neither the harness nor the tasks of the test fold.
    """
    if alone := [name for name, table in sets.items() if not len(_base_rows(everything, table))]:
        raise ValueError(f"warm-start wants a base for {alone[0]}: runs of another harness among {', '.join(SHELLS)}")
    work = []
    for name, table in sets.items():
        y, tasks = table.meta["y_weak"].to_numpy(dtype=np.float64), table.meta["task_id"].to_numpy()
        work += [(name, number, *masks) for number, masks in enumerate(folds(y, tasks))]
    say(f"warm start: {len(work)} folds")
    done = Parallel(n_jobs=jobs)(
        delayed(_fold)(
            sets[name].where(seen),
            sets[name].where(tested),
            _base_rows(everything, sets[name]),
            without,
            number,
        )
        for name, number, seen, tested in work
    )
    scores = {
        (name, way, n): np.full(len(table), np.nan)
        for name, table in sets.items()
        for n in (0, *SIZES)
        for way in ("own", "warm")
    }
    fold = {name: np.full(len(table), -1) for name, table in sets.items()}
    uses: dict[int, list[tuple[float, float]]] = {n: [] for n in SIZES}
    for (name, number, _, tested), (found, chosen) in zip(work, done, strict=True):
        fold[name][tested] = number
        for (way, n), given in found.items():
            scores[name, way, n][tested] = given
        for n, use in chosen.items():
            uses[n].append(use)
    rows = []
    gains: dict[int, list[Floats]] = {n: [] for n in SIZES}
    for name, table in sets.items():
        by = {key[1:]: _mean(table, Held(one, fold[name])) for key, one in scores.items() if key[0] == name}
        rows.append([name, "0", "-", told(by["warm", 0]), "-"])
        for n in SIZES:
            gain = by["warm", n] - by["own", n]
            if np.isfinite(gain[0]):
                gains[n].append(gain)
                rows.append([name, str(n), told(by["own", n]), told(by["warm", n]), told(gain, True)])
    rows += [["**mean of the sets**", str(n), "", "", told(mean_of(gains[n]), True)] for n in SIZES if gains[n]]
    page = markdown(["set", "runs", "from these runs", "on a base", "gain"], rows)
    picked = [
        f"{n} runs: own {np.median([own for own, _ in uses[n]]):.2f}, base {np.median([base for _, base in uses[n]]):.2f}"
        for n in SIZES
        if uses[n]
    ]
    return f"{page}\n\nWeights of the two scores, medians of the routers: {'; '.join(picked)}."


def _base_rows(everything: Table, tested: Table) -> Table:
    return others(everything, tested, SHELLS, twins_of(harness_of(tested)))


def _mean(table: Table, held: Held) -> Floats:
    return mean_of([areas(table, held, k) for k in CHOSEN])


def _fold(
    seen: Table, test: Table, rest: Table, without: tuple[str, ...], seed: int
) -> tuple[dict[tuple[str, int], Floats], dict[int, tuple[float, float]]]:
    quick = Settings(head="lightgbm", calibration="platt", panel=False)
    base: Bundle = train(
        without_tasks(rest, test), strong=None, settings=Settings(head="blend", calibration="platt", without=without)
    )
    found: dict[tuple[str, int], Floats] = {}
    chosen: dict[int, tuple[float, float]] = {}
    alone = np.unique(seen.meta["run_id"].to_numpy().astype(str))
    order = np.random.default_rng(seed).permutation(alone)
    found["warm", 0] = of_bundle(test, base).r1
    for n in SIZES:
        if n > len(order):
            continue
        part = seen.where(np.isin(seen.meta["run_id"].to_numpy().astype(str), order[:n]))
        found["own", n] = learn(part, quick).predict(test).r1
        warm = learn(part, quick, base=base)
        found["warm", n] = warm.predict(test).r1
        recipe = warm.taught["r1"].recipe
        chosen[n] = recipe.own, recipe.base or 0.0
    return found, chosen
