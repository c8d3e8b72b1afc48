"""One head from labelled rows: small, regularised forests, a linear part, or both; deterministic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from featrouter.head import Head
from featrouter.linear import Linear, standardised
from featrouter.training.metrics import Floats
from featrouter.training.spread import boosted, here, scores_of, some

#: Small data wants small trees, few columns a tree and much shrinkage.
PARAMS: dict[str, Any] = {
    "num_leaves": 5,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "learning_rate": 0.04,
    "max_bin": 63,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
}
#: A forest of MEMBERS small ones. Each sees every run once, at a turn drawn at random: the many rows of one run share
#: its label and its task text, and trees that see them all learn runs by heart instead of behaviour.
MEMBERS, TREES = 6, 80
FOLDS = 5
#: Strength of the linear part: the inverse of its ridge penalty, as scikit-learn's C.
C = 0.005

LEAST_RUNS, LEAST_OF_A_CLASS = 40, 10

Mask = npt.NDArray[np.bool_]
Names = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Rows:
    """What one head learns from: `x` (n, p); `y` (n,) the label, NaN where unknown; run and task names (n,).

    `weights` (n,): how many rows each stands for (1/propensity in one-armed logs), mean 1. `share` (n,): the share of
    other models that solve the task, NaN where no panel tells.
    """

    x: Floats
    y: Floats
    runs: Names
    tasks: Names
    weights: Floats
    share: Floats

    def __len__(self) -> int:
        return len(self.y)

    def where(self, mask: Mask) -> Rows:
        return Rows(*(getattr(self, name)[mask] for name in ("x", "y", "runs", "tasks", "weights", "share")))

    def known(self) -> Rows:
        return self.where(~np.isnan(self.y))

    @property
    def lengths(self) -> Floats:
        """How many of these rows the row's run has, (n,)."""
        _, codes, counts = np.unique(self.runs.astype(str), return_inverse=True, return_counts=True)
        return np.asarray(counts[codes], dtype=np.float64)


@dataclass(frozen=True)
class Recipe:
    """How a head is made. `kind`: lightgbm, linear or blend (the mean of their scores); `panel`: how much of the label
    is the panel's share instead of the run's own outcome; `params`: changes to PARAMS, and to MEMBERS, TREES and C.
    `own`, `base`: the weights of such a head's score and of a base bundle's, where there is one.
    """

    kind: str = "lightgbm"
    panel: float = 0.0
    params: Mapping[str, Any] = field(default_factory=dict)
    own: float = 1.0
    base: float | None = None

    def as_dict(self) -> dict[str, Any]:
        told = {"kind": self.kind, "panel": self.panel, "params": dict(self.params)}
        return told if self.base is None else told | {"own": self.own, "base": self.base}


@dataclass(frozen=True)
class Fitted:
    """A trained head, what LightGBM says of its features, and a word to the user where it is only a constant."""

    head: Head
    gain: Floats
    split: Floats
    flag: str = ""


def rows_of(x: Floats, y: Floats, runs: Names, tasks: Names) -> Rows:
    """Rows of equal weight without a panel."""
    return Rows(x, y, runs, tasks, np.ones(len(y)), np.full(len(y), np.nan))


def weights_of(runs: Names) -> Floats:
    """Row weights that give every run the same say, however long it was; mean 1."""
    _, codes, counts = np.unique(runs.astype(str), return_inverse=True, return_counts=True)
    weights = 1.0 / counts[codes]
    return np.asarray(weights / weights.mean()) if len(weights) else weights


def fit_head(name: str, link: str, rows: Rows, recipe: Recipe = Recipe()) -> Fitted:  # it is frozen
    """One head on rows whose labels are known; costs (link "log") must be above 0.

    With too little to learn from it is a constant, and its flag says so.
    """
    nothing = np.zeros(rows.x.shape[1])
    flag = too_little(name, rows) if link == "logit" else ""
    if flag or len(np.unique(rows.runs.astype(str))) < 2:  # of one run, bagging may leave no row at all
        mean = float(np.average(rows.y, weights=rows.weights)) if len(rows) else 0.0
        p = min(max(mean if len(rows) else 0.5, 0.01), 0.99)
        score = {"logit": float(np.log(p / (1 - p))), "log": float(np.log(max(mean, 1e-12)))}.get(link, mean)
        return Fitted(Head.constant(name, link, score), nothing, nothing, flag)
    target = np.where(np.isnan(rows.share), rows.y, (1 - recipe.panel) * rows.y + recipe.panel * rows.share)
    if link == "log":
        target = np.log(target)
    if recipe.kind == "linear":
        return Fitted(_linear(name, rows, target, recipe), nothing, nothing)
    forest = _forest(name, link, rows, target, recipe)
    return forest if recipe.kind == "lightgbm" else blended(forest, _linear(name, rows, target, recipe))


def blended(forest: Fitted, linear: Head) -> Fitted:
    """The mean of a forest's and a linear head's scores."""
    return replace(forest, head=Head.joined([forest.head.scaled(0.5), linear.scaled(0.5)]))


def _forest(name: str, link: str, rows: Rows, target: Floats, recipe: Recipe) -> Fitted:
    params = PARAMS | dict(recipe.params)
    members, trees = params.pop("members", MEMBERS), params.pop("trees", TREES)
    params.pop("C", None)
    hard = bool(((target == 0) | (target == 1)).all())
    params["objective"] = ("binary" if hard else "cross_entropy") if link == "logit" else "regression"
    # One row of each run, counted as often as the run has rows: a weight of one a run would make what the head says
    # at a turn lean to the runs that end soon after, which is what it is asked to foresee.
    weights = rows.weights * rows.lengths
    even = bool((weights == weights[0]).all())
    heads = []
    gain, split = np.zeros(rows.x.shape[1]), np.zeros(rows.x.shape[1])
    for member in range(members):
        seen = one_of_each(rows.runs, member)
        weight = None if even else weights[seen] / weights[seen].mean()
        booster = boosted(rows.x[seen], target[seen], weight, params | {"seed": member}, trees)
        heads.append(Head.from_booster(name, booster.dump_model(), link, scale=1.0 / members))
        gain += booster.feature_importance("gain") / members
        split += booster.feature_importance("split")
    return Fitted(Head.joined(heads), gain, split)


def _linear(name: str, rows: Rows, target: Floats, recipe: Recipe) -> Head:
    """A strongly regularised logistic regression on standardised features."""
    from sklearn.linear_model import LogisticRegression

    part = some(rows.x)
    x, weights, target, runs = here(rows.x[part]), rows.weights[part], target[part], rows.runs[part]
    known = ~np.isnan(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        mass = weights @ known
        centre = (weights @ np.where(known, x, 0.0)) / mass
        scale = np.sqrt((weights @ np.where(known, (x - centre) ** 2, 0.0)) / mass)
    feature = np.flatnonzero(np.isfinite(centre) & np.isfinite(scale) & (scale > 1e-9))
    if not len(feature):
        p = float(np.clip(np.average(target, weights=weights), 0.01, 0.99))
        return Head.constant(name, "logit", float(np.log(p / (1 - p))))
    centre, scale = significant(centre[feature]), significant(scale[feature])
    z = standardised(x, feature, centre, scale)
    # As many units of weight as runs: C then means the same whatever the runs' length.
    unit = weights * (len(np.unique(runs.astype(str))) / weights.sum())
    # Newton's steps end at the optimum itself, whose first digits are the same whatever a machine's sums round to.
    model = LogisticRegression(C=float(recipe.params.get("C", C)), solver="newton-cholesky", tol=1e-9)
    # a soft target t is one row of either class, weighted t and 1 - t
    both = np.concatenate([unit * target, unit * (1 - target)])
    used = both > 0
    model.fit(np.concatenate([z, z])[used], np.repeat([1, 0], len(z))[used], both[used])
    mean = significant(np.average(z, axis=0, weights=weights))
    line = Linear(feature, centre, scale, significant(model.coef_[0]), mean)
    return replace(Head.constant(name, "logit", float(significant(model.intercept_)[0])), linear=line)


def significant(numbers: Floats, digits: int = 6) -> Floats:
    """Rounded to so many significant digits: further ones tell of the machine, not of the model."""
    return np.array([float(f"{number:.{digits}g}") for number in numbers])


def one_of_each(runs: Names, seed: int) -> npt.NDArray[np.intp]:
    """Indices of one row of every run, drawn evenly among its rows, sorted."""
    _, codes = np.unique(runs.astype(str), return_inverse=True)
    draws = np.random.default_rng(seed).random(len(codes))
    order = np.lexsort((draws, codes))
    first = np.diff(codes[order], prepend=-1) > 0
    return np.sort(order[first])


def too_little(name: str, rows: Rows) -> str:
    """Why these labels cannot train a head; empty when they can."""
    _, first = np.unique(rows.runs.astype(str), return_index=True)
    total, solved = len(first), int(rows.y[first].sum())
    if total >= LEAST_RUNS and min(solved, total - solved) >= LEAST_OF_A_CLASS:
        return ""
    return (
        f"{name} answers the base rate: {total} labelled runs, {solved} of them solved "
        f"(at least {LEAST_RUNS} runs and {LEAST_OF_A_CLASS} of either outcome are needed to learn from)"
    )


def folds(y: Floats, groups: Names, n: int = FOLDS, seed: int = 0) -> Iterator[tuple[Mask, Mask]]:
    """(train, test) masks: no group in both, resolved rates alike. Fewer folds where there are fewer groups."""
    strata = np.nan_to_num(y, nan=2.0).astype(int)
    counts = np.bincount(strata, minlength=1)
    names, codes = np.unique(groups.astype(str), return_inverse=True)
    # scikit-learn refuses more folds than the largest class has rows
    n = min(n, len(names), int(counts.max()))
    if n < 2:
        return
    if counts[counts > 0].min() < n:  # too few of a class to share out: it would warn, and stratify nothing
        strata = np.zeros(len(strata), int)
    number = _fold_of(strata.astype(np.int64).tobytes(), codes.astype(np.int64).tobytes(), n, seed)
    for fold in range(n):
        yield number != fold, number == fold


# Recipes, calibrators and costs of one head are judged in the same folds, which take longer to find than a forest.
@lru_cache(maxsize=16)
def _fold_of(strata: bytes, groups: bytes, n: int, seed: int) -> npt.NDArray[np.int8]:
    """The fold that tests each row, (rows,); `strata` and `groups` are the bytes of whole numbers (rows,)."""
    of, group = (np.frombuffer(told, np.int64) for told in (strata, groups))
    found = np.zeros(len(of), np.int8)
    splitter = StratifiedGroupKFold(n_splits=n, shuffle=True, random_state=seed)
    for fold, (_, test) in enumerate(splitter.split(np.zeros(len(of)), of, group)):
        found[test] = fold
    return found


@dataclass(frozen=True)
class HeldOut:
    """What heads say of rows whose group they never saw: raw scores (n,), the fold of each row (-1: none), the heads."""

    scores: Floats
    fold: npt.NDArray[np.intp]
    heads: tuple[Head, ...]


def out_of_fold(
    name: str,
    link: str,
    rows: Rows,
    groups: Names,
    recipe: Recipe = Recipe(),  # it is frozen
) -> HeldOut:
    """Cross-validated scores of every row; a row whose label is unknown is scored but not learned from."""
    scores, fold = np.full(len(rows), np.nan), np.full(len(rows), -1)
    heads = []
    strata = rows.y if link == "logit" else np.zeros(len(rows))
    for number, (train, test) in enumerate(folds(strata, groups)):
        head = fit_head(name, link, rows.where(train & ~np.isnan(rows.y)), recipe).head
        scores[test] = scores_of([head], rows.x[test])[:, 0]
        fold[test] = number
        heads.append(head)
    return HeldOut(scores, fold, tuple(heads))
