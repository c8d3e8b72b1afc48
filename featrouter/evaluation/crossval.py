"""The whole of `train`, run inside every fold and judged on the tasks (or repositories) it never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from featrouter.evaluation.baselines import LIMITS, judge
from featrouter.evaluation.texts import Texts
from featrouter.policy import NEVER, Policy
from featrouter.training.fit import folds
from featrouter.training.learn import Learned, Settings, learn
from featrouter.training.metrics import Floats
from featrouter.training.policies import fit_anytime, fit_end, fit_fixed
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table
from featrouter.training.worth import Ledger, follow, walks


@dataclass
class Judged:
    """One split's held-out answers: of the router and of each baseline, for every row of the table; `fold` (n,) judged it.

    `ledgers`: by (policy, value), what every run of `worth.walks` came to, in that order; each run's policy was fitted
    on other folds. `made`: what each fold chose (recipes, calibrators, the fixed turn, the promise).
    """

    told: Predictions
    baselines: dict[str, Predictions]
    fold: npt.NDArray[np.int64]
    ledgers: dict[tuple[str, float], Ledger] = field(default_factory=dict)
    made: list[dict[str, Any]] = field(default_factory=list)


def cross_validated(
    table: Table,
    group: str,
    settings: Settings,
    *,
    values: Sequence[float] = (),
    baselines: Sequence[str] = (),
    texts: Texts | None = None,
    jobs: int = 1,
    progress: Callable[[str], None] = lambda stage: None,
) -> Judged:
    """Judge every row by a router that never saw its group (a column of meta: task_id or repo)."""
    y, groups = _run_labels(table), table.meta[group].to_numpy()
    splits = list(folds(y, groups))
    blank = {name: Predictions.unknown(len(table)) for name in baselines}
    judged = Judged(Predictions.unknown(len(table)), blank, np.full(len(table), -1))
    work = (
        delayed(_fold)(
            table.where(train),
            table.where(test),
            settings,
            values,
            baselines,
            (texts.where(train), texts.where(test)) if texts else None,
        )
        for train, test in splits
    )
    found = Parallel(n_jobs=min(jobs, max(1, len(splits))), return_as="generator")(work)
    everyone = walks(table, judged.told)
    place = {} if everyone is None else {run: at for at, run in enumerate(everyone.runs)}
    for number, ((_, test), one) in enumerate(zip(splits, found, strict=True), 1):
        judged.told.put(test, one.told)
        judged.fold[test] = number
        for name, told in one.baselines.items():
            judged.baselines[name].put(test, told)
        for key, (runs, ledger) in one.ledgers.items():
            whole = judged.ledgers.setdefault(key, _blank(len(place)))
            at = np.array([place[run] for run in runs], int)
            for name in ("resolved", "cost", "escalated", "stopped"):
                getattr(whole, name)[at] = getattr(ledger, name)
        judged.made.append(one.made)
        progress(f"fold {number} of {len(splits)}")
    # A policy that some fold could not fit cannot be judged on all runs.
    judged.ledgers = {key: one for key, one in judged.ledgers.items() if not np.isnan(one.resolved).any()}
    return judged


@dataclass
class _Fold:
    told: Predictions
    baselines: dict[str, Predictions]
    ledgers: dict[tuple[str, float], tuple[list[str], Ledger]]
    made: dict[str, Any]


def _fold(
    train: Table,
    test: Table,
    settings: Settings,
    values: Sequence[float],
    baselines: Sequence[str],
    texts: tuple[Texts, Texts] | None,
) -> _Fold:
    found = _learned(train, settings)
    told = found.predict(test)
    others = {name: judge(name, train, test, settings, texts) for name in baselines}
    ledgers: dict[tuple[str, float], tuple[list[str], Ledger]] = {}
    runs, seen = walks(test, told), walks(train, found.told)
    if runs is not None and seen is not None:
        for value in values:
            for name, policy in fitted_policies(found, seen, value, settings).items():
                ledgers[name, value] = list(runs.runs), follow(policy, runs, value)
            for name, limit in LIMITS.items():
                if name in others and (scored := walks(test, others[name])) is not None:
                    rule = Policy("anytime", ((0, limit),), NEVER, latch=True)
                    ledgers[name, value] = list(scored.runs), follow(rule, scored, value)
    return _Fold(told, others, ledgers, _made(found))


def _learned(train: Table, settings: Settings) -> Learned:
    """What `train` would make of these tasks; where they are too few for a promise, all but the promise."""
    try:
        return learn(train, settings)
    except ValueError as error:
        if settings.policy != "risk-controlled":
            raise
        plain = replace(settings, policy="rule", max_harm=None, confidence=None)
        found = learn(train, plain)
        return replace(found, flags=(*found.flags, str(error)))


def fitted_policies(found: Learned, seen: Any, value: float, settings: Settings) -> dict[str, Policy]:
    """The policies of a router at one value, fitted on the held-out predictions of its training runs."""
    policies: dict[str, Policy] = {}
    for stops in (False, True):
        word = " + stop" if stops else ""
        policies[f"rule{word}"] = Policy(allow_stop=stops)
        policies[f"fixed{word}"] = fit_fixed(seen, value, allow_stop=stops)
        policies[f"end{word}"] = fit_end(allow_stop=stops)
        policies[f"anytime{word}"] = fit_anytime(seen, value, allow_stop=stops)
    if "risk-controlled" in found.policies and value == settings.value:
        policies["risk-controlled"] = found.policies["risk-controlled"]
    return policies


def _made(found: Learned) -> dict[str, Any]:
    return {
        "recipes": {name: one.recipe.as_dict() for name, one in found.taught.items()},
        "calibrators": {name: calibrator.kind for name, calibrator in found.calibrators.items()},
        "policies": {name: policy.as_dict() for name, policy in found.policies.items()},
        "flags": list(found.flags),
    }


def _blank(n: int) -> Ledger:
    return Ledger(np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, bool), np.zeros(n, bool))


def _run_labels(table: Table) -> Floats:
    """y_weak of every row, for stratification; the strong label where weak's is unknown."""
    y = table.meta["y_weak"].to_numpy(dtype=np.float64)
    if "y_strong" in table.meta:
        y = np.where(np.isnan(y), table.meta["y_strong"].to_numpy(dtype=np.float64), y)
    return np.asarray(y)
