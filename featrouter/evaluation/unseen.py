"""A harness that was never seen: routers of the other harnesses, judged on it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from featrouter.calibration import shift_to, shifted_many
from featrouter.evaluation.plain import plain
from featrouter.evaluation.reliability import chance_error, error_interval, smooth_error
from featrouter.training.fit import Mask, Names, folds, one_of_each, weights_of
from featrouter.training.learn import Settings, learn
from featrouter.training.metrics import Floats, interval, task_weights, within_auroc
from featrouter.training.table import Table

_DRAWS = 500


def harness_of(table: Table) -> str:
    return str(table.meta["harness"].iloc[0])


def others(everything: Table, tested: Table, harnesses: Iterable[str], twins: Collection[str] = ()) -> Table:
    """Rows of these harnesses while runs go on, but the tested one; nor, where it is one of `twins`, the other twins."""
    own = harness_of(tested)
    left = [name for name in harnesses if name != own and not (own in twins and name in twins)]
    return everything.where(((everything.meta["at_end"] == 0) & everything.meta["harness"].isin(left)).to_numpy())


def without_tasks(table: Table, tested: Table) -> Table:
    return table.where(~table.meta["task_id"].isin(set(tested.meta["task_id"])).to_numpy())


def transferred(
    tested: Table, rest: Table, settings: Settings, ranked: bool = True
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """r1 of the tested rows by routers of the rest, which saw neither the harness nor the tasks; and the fold of each, (n,).

    Not `ranked`: values are compared as they are, as if all came from one harness.
    """
    if not ranked:
        tested, rest = (replace(one, meta=one.meta.assign(harness="")) for one in (tested, rest))
    scores, fold = np.full(len(tested), np.nan), np.full(len(tested), -1)
    for number, mask in enumerate(task_folds(tested, rest)):
        seen = without_tasks(rest, tested.where(mask))
        if not len(seen):
            continue
        found = learn(seen, settings)
        # The reference is that of all tested runs: their values, never their outcomes.
        scores[mask] = found.predict(tested).r1[mask]
        fold[mask] = number
    return scores, fold


def task_folds(tested: Table, rest: Table) -> list[Mask]:
    """Masks of the tested rows; several only where the rest holds the same tasks, which a fold's router must not see."""
    if not set(tested.meta["task_id"]) & set(rest.meta["task_id"]):
        return [np.ones(len(tested), bool)]
    y = tested.meta["y_weak"].to_numpy(dtype=np.float64)
    return [test for _, test in folds(y, tested.meta["task_id"].to_numpy())]


def unseen(
    table: Table, settings: Settings, jobs: int = 1, progress: Callable[[str], None] = lambda stage: None
) -> dict[str, dict[str, Any]]:
    """By harness of a table: r1 of routers that learned from its other harnesses alone.

    AUROC over all decision points within weak models, smooth calibration error beside its level of chance, as
    transferred and once the share of tasks that are solved there is told (`adapt --resolved`).
    """
    harnesses = sorted(table.meta["harness"].unique())
    going = table.where(((table.meta["at_end"] == 0) & table.meta["y_weak"].notna()).to_numpy())
    plain_settings = replace(settings, policy="rule", max_harm=None, confidence=None)
    tested = {name: going.where((going.meta["harness"] == name).to_numpy()) for name in harnesses}
    tested = {name: one for name, one in tested.items() if len(one) and len(others(going, one, harnesses))}
    made = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(transferred)(one, others(going, one, harnesses), plain_settings) for one in tested.values()
    )
    judged = {}
    progress(f"harnesses done: 0 of {len(tested)}")
    for done, ((name, one), (scores, fold)) in enumerate(zip(tested.items(), made, strict=True), 1):
        progress(f"harnesses done: {done} of {len(tested)}")
        known = ~np.isnan(scores)
        if known.any():
            judged[name] = _judged(one.where(known), scores[known], fold[known])
    return judged


def at_the_rate(p: Floats, y: Floats, runs: Names) -> Floats:
    """The probabilities once the share of runs that are solved is told: what `adapt --resolved` makes of them."""
    weights = weights_of(runs)
    return shifted_many(p, shift_to(p, float(np.average(y, weights=weights)), weights))


def _judged(table: Table, p: Floats, fold: npt.NDArray[np.int64]) -> dict[str, Any]:
    meta = table.meta
    y, tasks, runs = meta["y_weak"].to_numpy(dtype=np.float64), meta["task_id"].to_numpy(), meta["run_id"].to_numpy()
    groups = np.char.add(fold.astype(str), meta["weak_model"].to_numpy().astype(str))
    areas = within_auroc(p, y, groups, task_weights(tasks, _DRAWS) * weights_of(runs))
    moved = at_the_rate(p, y, runs)
    one = one_of_each(tasks, 0)
    weights = task_weights(tasks[one], _DRAWS)
    told: dict[str, Any] = {
        "runs": len(np.unique(runs.astype(str))),
        "auroc": plain(areas[0]),
        "auroc_ci": plain(interval(areas[1:])),
        "predicted": plain(p[one].mean()),
        "resolved": plain(y[one].mean()),
    }
    for name, q in (("smece", p[one]), ("smece_told", moved[one])):
        errors, chance = smooth_error(q, y[one], weights), chance_error(q)
        told |= {
            name: plain(errors[0]),
            f"{name}_ci": plain(error_interval(errors, chance)),
            f"{name}_chance": plain(chance),
        }
    return told
