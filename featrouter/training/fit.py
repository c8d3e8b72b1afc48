"""Two heads, r1 and r2, and two cost heads: small, regularised forests; folds by task; deterministic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from featrouter.calibration import Calibrator
from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.training.metrics import Floats, logloss

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

LEAST_RUNS, LEAST_OF_A_CLASS = 40, 10

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Fitted:
    """A trained head, what LightGBM says of its features, and a word to the user where it is only a constant."""

    head: Head
    gain: Floats
    split: Floats
    flag: str = ""


def weights_of(runs: npt.NDArray[np.object_]) -> Floats:
    """Row weights that give every run the same say, however long it was; mean 1."""
    _, codes, counts = np.unique(runs.astype(str), return_inverse=True, return_counts=True)
    weights = 1.0 / counts[codes]
    return np.asarray(weights / weights.mean())


def fit_head(
    name: str,
    link: str,
    x: Floats,
    y: Floats,
    runs: npt.NDArray[np.object_],
    *,
    members: int = MEMBERS,
    trees: int = TREES,
) -> Fitted:
    """One head on rows (n, p) whose label y (n,) is known; `runs` (n,) names the run of each row.

    With too little to learn from it is a constant, and its flag says so.
    """
    nothing = np.zeros(x.shape[1])
    flag = too_little(name, y, runs) if link == "logit" else ""
    if flag or len(np.unique(runs.astype(str))) < 2:  # of one run, bagging may leave no row at all
        mean = float(np.average(y, weights=weights_of(runs))) if len(y) else 0.0
        p = min(max(mean if len(y) else 0.5, 0.01), 0.99)
        score = float(np.log(p / (1 - p))) if link == "logit" else mean
        return Fitted(Head.constant(name, link, score), nothing, nothing, flag)
    import lightgbm

    objective = "binary" if link == "logit" else "regression"
    heads, gain, split = [], nothing.copy(), nothing.copy()
    for member in range(members):
        rows = one_of_each(runs, member)
        data = lightgbm.Dataset(x[rows], y[rows], params={"max_bin": PARAMS["max_bin"], "verbosity": -1})
        booster = lightgbm.train(PARAMS | {"objective": objective, "seed": member}, data, num_boost_round=trees)
        heads.append(Head.from_booster(name, booster.dump_model(), link, scale=1.0 / members))
        gain += booster.feature_importance("gain") / members
        split += booster.feature_importance("split")
    return Fitted(Head.joined(heads), gain, split)


def one_of_each(runs: npt.NDArray[np.object_], seed: int) -> npt.NDArray[np.intp]:
    """Indices of one row of every run, drawn evenly among its rows, sorted."""
    _, codes = np.unique(runs.astype(str), return_inverse=True)
    draws = np.random.default_rng(seed).random(len(codes))
    order = np.lexsort((draws, codes))
    first = np.r_[True, np.diff(codes[order]) > 0]
    return np.sort(order[first])


def too_little(name: str, y: Floats, runs: npt.NDArray[np.object_]) -> str:
    """Why these labels cannot train a head; empty when they can."""
    _, first = np.unique(runs.astype(str), return_index=True)
    total, solved = len(first), int(y[first].sum())
    if total >= LEAST_RUNS and min(solved, total - solved) >= LEAST_OF_A_CLASS:
        return ""
    return (
        f"{name} answers the base rate: {total} labelled runs, {solved} of them solved "
        f"(at least {LEAST_RUNS} runs and {LEAST_OF_A_CLASS} of either outcome are needed to learn from)"
    )


def folds(y: Floats, groups: npt.NDArray[np.object_], n: int = FOLDS, seed: int = 0) -> Iterator[tuple[Mask, Mask]]:
    """(train, test) masks: no group in both, resolved rates alike. Fewer folds where there are fewer groups."""
    strata = np.nan_to_num(y, nan=2.0).astype(int)
    # scikit-learn refuses more folds than the largest class has rows
    n = min(n, len(np.unique(groups.astype(str))), int(np.bincount(strata, minlength=1).max()))
    if n < 2:
        return
    splitter = StratifiedGroupKFold(n_splits=n, shuffle=True, random_state=seed)
    for train, test in splitter.split(np.zeros(len(y)), strata, groups.astype(str)):
        masks = np.zeros(len(y), bool), np.zeros(len(y), bool)
        masks[0][train], masks[1][test] = True, True
        yield masks


@dataclass(frozen=True)
class HeldOut:
    """What heads say of rows whose group they never saw: raw scores (n,), the fold of each row (-1: none), the heads."""

    scores: Floats
    fold: npt.NDArray[np.intp]
    heads: tuple[Head, ...]


def out_of_fold(
    name: str,
    link: str,
    x: Floats,
    y: Floats,
    runs: npt.NDArray[np.object_],
    groups: npt.NDArray[np.object_],
    *,
    members: int = MEMBERS,
    trees: int = TREES,
) -> HeldOut:
    """Cross-validated scores of every row; a row whose label y is NaN is scored but not learned from."""
    scores, fold = np.full(len(y), np.nan), np.full(len(y), -1)
    heads = []
    strata = y if link == "logit" else np.zeros(len(y))
    for number, (train, test) in enumerate(folds(strata, groups)):
        known = train & ~np.isnan(y)
        head = fit_head(name, link, x[known], y[known], runs[known], members=members, trees=trees).head
        scores[test] = Forest([head], x.shape[1]).score_many(x[test])[:, 0]
        fold[test] = number
        heads.append(head)
    return HeldOut(scores, fold, tuple(heads))


def cross_calibrated(held: HeldOut, y: Floats, weights: Floats, groups: npt.NDArray[np.object_]) -> Floats:
    """Probabilities (n,): each fold's scores calibrated on those of the other folds."""
    known = ~np.isnan(y)
    found = np.full(len(y), np.nan)
    for number in range(len(held.heads)):
        test = held.fold == number
        rest = known & ~test & (held.fold >= 0)
        calibrator = fit_calibrator(held.scores[rest], y[rest], weights[rest], groups[rest])
        found[test] = calibrator(held.scores[test])
    return found


def fit_calibrator(scores: Floats, y: Floats, weights: Floats, groups: npt.NDArray[np.object_]) -> Calibrator:
    """Platt where it lowers the log-loss, cross-validated by group over these out-of-fold scores; otherwise none.

    Where the scores rank backwards the head has learned nothing that holds: the base rate, as a constant.
    """
    none = Calibrator("none")
    if min(y.sum(), len(y) - y.sum()) < LEAST_OF_A_CLASS:
        return none
    held = np.full(len(y), np.nan)
    for train, test in folds(y, groups):
        if len(np.unique(y[train])) < 2:
            return none
        held[test] = Calibrator.platt(scores[train], y[train], weights[train])(scores[test])
    if np.isnan(held).any() or logloss(held, y, weights) >= logloss(none(scores), y, weights):
        return none
    found = Calibrator.platt(scores, y, weights)
    # Scores that rank backwards where they were not trained hold nothing: turning them round would learn the folds.
    return found if found.a > 0 else Calibrator("constant", b=float(np.average(y, weights=weights)))
