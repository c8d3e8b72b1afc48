"""From a table of decision points to heads, calibrators, costs and policies: what `train` keeps and `evaluate` judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from featrouter.bundle import Bundle
from featrouter.calibration import Calibrator
from featrouter.catalogue import FAMILIES
from featrouter.head import Head
from featrouter.logs import LogError
from featrouter.policy import KINDS, Policy
from featrouter.reference import Reference
from featrouter.training.calibrate import chosen_kind, cross_calibrated, fit_calibrator
from featrouter.training.costs import fit_costs
from featrouter.training.fit import Fitted, HeldOut, Names, Recipe, Rows, fit_head, folds, too_little
from featrouter.training.metrics import Floats
from featrouter.training.policies import fit_anytime, fit_fixed, fit_risk_controlled, promise_words
from featrouter.training.predictions import Predictions, predict, with_features, without_families
from featrouter.training.references import even, ranked, references_of, shifted_by, shifts_of
from featrouter.training.search import choose, held_out_losses
from featrouter.training.spread import scores_of
from featrouter.training.table import Table
from featrouter.training.warm import on_base
from featrouter.training.worth import walks

#: USD that one solved task is worth, where the user does not say.
VALUE = 10.0

#: Head, the arm whose label it learns, and whether it reads runs that still go on or answers that are in.
HEADS = (("r1", "y_weak", False), ("r2", "y_strong", False), ("r1_end", "y_weak", True), ("r2_end", "y_strong", True))

#: In one-armed logs a row counts 1/propensity times, but not more often than this.
MOST_WEIGHT = 50.0


@dataclass(frozen=True)
class Settings:
    """How a router is made. ValueError for what is not known.

    `value`: USD a solved task is worth, at which policies are fitted. `head`: lightgbm, linear, blend, or auto (chosen
    on held-out folds). `calibration`: a kind, or auto. `panel`: may other systems' outcomes soften the labels? `tune`:
    search settings, too. `policy`: the one the bundle follows. `max_harm`, `confidence`: of a risk-controlled one.
    `without`: families that the heads do not read.
    """

    value: float = VALUE
    handover: str = "restart"
    head: str = "auto"
    calibration: str = "auto"
    panel: bool = True
    tune: bool = False
    policy: str = "rule"
    max_harm: float | None = None
    confidence: float | None = None
    allow_stop: bool = False
    without: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as JSON reads it back."""
        return asdict(self) | {"without": list(self.without)}

    def __post_init__(self) -> None:
        if unknown := [name for name in self.without if name not in FAMILIES]:
            raise ValueError(f"family {unknown[0]!r}: known are {', '.join(FAMILIES)}")
        if self.policy not in KINDS:
            raise ValueError(f"policy {self.policy!r}: known are {', '.join(KINDS)}")
        if (self.policy == "risk-controlled") != (self.max_harm is not None):
            raise ValueError("policy risk-controlled and a bound on harm (--max-harm) go together")
        if self.policy == "risk-controlled" and self.allow_stop:
            raise ValueError("a promise on harm leaves no room for giving up: drop --allow-stop")


@dataclass(frozen=True)
class Taught:
    """One probability head: its recipe, the rows it was fitted on and their weak models, what it says of them held out."""

    fitted: Fitted
    recipe: Recipe
    rows: Rows
    models: Names
    held: HeldOut
    told: Floats


@dataclass(frozen=True)
class Learned:
    """The parts of a bundle, and held-out `told` for each row of the table they were learned from."""

    features: tuple[str, ...]
    references: dict[str, Reference]
    heads: dict[str, Head]
    calibrators: dict[str, Calibrator]
    costs: dict[str, Any]
    policies: dict[str, Policy]
    policy: str
    flags: tuple[str, ...]
    taught: dict[str, Taught]
    told: Predictions

    def predict(self, table: Table) -> Predictions:
        """What these heads say of the rows of another table."""
        part = with_features(table, self.features)
        return predict(part, self.heads, self.calibrators, self.costs, self.references)


def rows_for(table: Table, arm: str, *, panel: bool) -> Rows:
    """The rows of a table as one arm's head sees them: its labels, their weights, the panel's share."""
    meta = table.meta
    y = meta[arm].to_numpy(dtype=np.float64)
    share_name = "share_weak" if arm == "y_weak" else "share_strong"
    share = meta[share_name].to_numpy() if panel and share_name in meta else np.full(len(meta), np.nan)
    weights = np.ones(len(meta))
    if "propensity" in meta:
        taken = (meta["route"] == ("weak" if arm == "y_weak" else "strong")).to_numpy()
        known = taken & meta["propensity"].notna().to_numpy()
        weights[known] = np.minimum(1 / meta["propensity"].to_numpy(dtype=np.float64)[known], MOST_WEIGHT)
    return Rows(table.x, y, meta["run_id"].to_numpy(), meta["task_id"].to_numpy(), weights, share)


def learn(
    table: Table,
    settings: Settings,
    progress: Callable[[str], None] = lambda stage: None,
    base: Bundle | None = None,
) -> Learned:
    """Learn everything from a table (see table.table_of, join_strong, select); deterministic.

    Every choice (recipe, calibrator, policy) is made on folds held out by task within the table. `base`: a bundle
    whose heads these may build on, where that helps held-out tasks; LogError when its features are not at hand.
    """
    if settings.policy == "risk-controlled":
        return _risk_controlled(table, settings, progress, base)
    table = without_families(table, settings.without)
    references = references_of(table)
    table = ranked(table, references)
    shifts: dict[str, dict[str, float]] = {name: {} for name in references}
    told = Predictions.unknown(len(table))
    taught: dict[str, Taught] = {}
    heads, calibrators, flags = {}, {}, _unweighted(table)
    asked = [(name, arm, ended) for name, arm, ended in HEADS if arm in table.meta]
    for done, (name, arm, ended) in enumerate(asked):
        progress(f"{name}; heads done: {done} of {len(asked)}")
        among = (table.meta["at_end"] == int(ended)).to_numpy()
        if not among.any():
            continue
        rows = rows_for(table, arm, panel=settings.panel).where(among)
        harness = table.meta["harness"].to_numpy()[among]
        rows = replace(rows, weights=rows.weights * even(harness, rows.runs))
        if np.isnan(rows.y).all():
            continue
        models = table.meta["weak_model"].to_numpy()[among]
        one, calibrator, flag = _head(name, rows, models, settings, _base_head(base, name, table.names))
        found = shifts_of(one.told, rows.y, rows.weights, harness, rows.runs)
        for group, by in found.items():
            shifts[group][name] = by
        one = replace(one, told=shifted_by(one.told, found, harness))
        heads[name], calibrators[name], taught[name] = one.fitted.head, calibrator, one
        flags += [flag] if flag else []
        (told.r1 if arm == "y_weak" else told.r2)[among] = one.told
    progress("costs")
    costs, told.c1[:], told.c2[:] = fit_costs(table, table.meta["task_id"].to_numpy())
    for name, by_harness in costs.shifts.items():
        for group, by in by_harness.items():
            shifts[group][name] = by
    policies = {"rule": Policy(allow_stop=settings.allow_stop)}
    runs = walks(table, told)
    if runs is not None:
        policies["fixed"] = fit_fixed(runs, settings.value, allow_stop=settings.allow_stop)
        policies["anytime"] = fit_anytime(runs, settings.value, allow_stop=settings.allow_stop)
    policy = settings.policy
    if policy not in policies:
        flags.append(f"policy {policy} needs runs with both outcomes; the bundle follows the rule y1 >= y2")
        policy = "rule"
    return Learned(
        features=table.names,
        references={name: replace(one, shifts=shifts[name]) for name, one in references.items()},
        heads=heads | {head.name: head for head in costs.heads},
        calibrators=calibrators,
        costs={
            "value": float(settings.value),
            "strong": None if costs.strong is None else float(f"{costs.strong:.6g}"),
            "weak_remaining": costs.weak_remaining,
            "handover": settings.handover,
        },
        policies=policies,
        policy=policy,
        flags=tuple(flags),
        taught=taught,
        told=told,
    )


def _unweighted(table: Table) -> list[str]:
    """A word on one-armed logs whose propensities are not known."""
    if "route" not in table.meta:
        return []
    routed = table.meta[table.meta["route"].notna()].groupby("run_id")["propensity"].first()
    blank = int(routed.isna().sum())
    return [
        f"{blank} of {len(routed)} routed runs have no propensity: each arm was learned from the runs that were sent to it, "
        "which may be the easier ones; log `propensity` (Router(epsilon=...) puts it on each Decision)"
    ] * bool(blank)


def _base_head(base: Bundle | None, name: str, names: tuple[str, ...]) -> Head | None:
    """The base's head of this name (or of the same arm), over these columns."""
    if base is None:
        return None
    head = base.heads.get(name) or base.heads.get(name.removesuffix("_end"))
    if head is None or head.empty:
        return None
    if missing := [base.features[i] for i in head.features() if base.features[i] not in names]:
        raise LogError(
            f"--base reads {missing[0]!r}, which these features do not hold; train it again, or drop --without"
        )
    return head.moved(np.array([names.index(feature) if feature in names else -1 for feature in base.features]))


def _head(
    name: str, rows: Rows, models: Names, settings: Settings, base: Head | None
) -> tuple[Taught, Calibrator, str]:
    """A head with its calibrator, and a word to the user where it is only a constant."""
    known, y = ~np.isnan(rows.y), rows.y
    flag = too_little(name, rows.known())
    if flag:
        held = HeldOut(np.full(len(rows), np.nan), np.full(len(rows), -1), ())
        fitted, recipe = fit_head(name, "logit", rows.known()), Recipe()
        if base is not None:
            head, _, weights = on_base(rows, None, held, base)
            fitted, recipe = replace(fitted, head=head), replace(recipe, own=0.0, base=weights.base)
            flag = flag.replace("answers the base rate", "is the base bundle's, moved to the base rate of these runs")
        told = Calibrator("none")(scores_of([fitted.head], rows.x)[:, 0])
        return Taught(fitted, recipe, rows, models, held, told), Calibrator("none"), flag
    recipe, held = choose(name, rows, rows.tasks, head=settings.head, tune=settings.tune)
    fitted = fit_head(name, "logit", rows.known(), recipe)
    if base is not None:
        head, both, found = on_base(rows, fitted.head, held, base)
        recipe = replace(recipe, base=0.0)
        if _loss(both, rows, "none") < _loss(held, rows, "platt"):
            held, fitted, recipe = both, replace(fitted, head=head), replace(recipe, own=found.own, base=found.base)
            # Both scores were weighed by their likelihood: that is a calibration, and few runs allow no second one.
            settings = replace(settings, calibration="none") if settings.calibration == "auto" else settings
    fits = known & (held.fold >= 0)
    scored = held.scores[fits], y[fits], rows.weights[fits], rows.tasks[fits], rows.runs[fits]
    kind = chosen_kind(*scored) if settings.calibration == "auto" else settings.calibration
    calibrator = fit_calibrator(*scored, kind)
    if calibrator.kind == "constant":
        flag = f"{name} answers the base rate: what it learned does not hold on tasks it did not see"
    told = cross_calibrated(held, y, rows.weights, rows.tasks, rows.runs, kind)
    return Taught(fitted, recipe, rows, models, held, told), calibrator, flag


def _loss(held: HeldOut, rows: Rows, kind: str) -> float:
    """The mean of what `choose` compares, over the rows whose label is known."""
    found = held_out_losses(held, rows, rows.tasks, kind)
    known = ~np.isnan(rows.y) & ~np.isnan(found)
    return float(np.average(found[known], weights=rows.weights[known]))


def _risk_controlled(table: Table, settings: Settings, progress: Callable[[str], None], base: Bundle | None) -> Learned:
    """Two thirds of the tasks teach everything; the last third, which nothing has seen, sets the threshold."""
    ends = table.meta.groupby("task_id")["y_weak"].max()
    split = next(folds(ends.to_numpy(dtype=np.float64), ends.index.to_numpy(), n=3), None)
    if split is None or "y_strong" not in table.meta:
        raise ValueError("a promise on harm needs tasks of which both outcomes are known")
    seen = table.meta["task_id"].isin(set(ends.index[split[0]])).to_numpy()
    found = learn(table.where(seen), replace(settings, policy="fixed", max_harm=None, confidence=None), progress, base)
    progress("promise")
    aside = table.where(~seen)
    runs = walks(aside, found.predict(aside))
    if runs is None or found.policy != "fixed":
        raise ValueError("a promise on harm needs tasks of which both outcomes are known")
    turn = found.policies["fixed"].turns[0][0]
    policy = fit_risk_controlled(
        runs, settings.value, turn=turn, max_harm=settings.max_harm or 0.0, confidence=settings.confidence
    )
    told = Predictions.unknown(len(table))
    told.put(seen, found.told)
    told.put(~seen, found.predict(aside))
    words = promise_words(policy.promise or {})
    return replace(
        found,
        policies=found.policies | {"risk-controlled": policy},
        policy="risk-controlled",
        flags=(*found.flags, words),
        told=told,
    )
