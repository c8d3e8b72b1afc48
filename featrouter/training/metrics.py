"""Discrimination and losses of probabilities, with a bootstrap by task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def task_weights(tasks: npt.NDArray[np.object_], draws: int, seed: int = 0) -> Floats:
    """Bootstrap by task: (draws + 1, n) row weights; row 0 is all ones (the sample itself), each other a resample."""
    if not len(tasks):
        return np.ones((draws + 1, 0))
    _, codes = np.unique(tasks.astype(str), return_inverse=True)
    n_tasks = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n_tasks, np.full(n_tasks, 1.0 / n_tasks), size=draws).astype(np.float64)
    return np.vstack([np.ones(len(codes)), counts[:, codes]])


def interval(samples: Floats, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap samples; NaN samples (a resample of one class) are left out."""
    known = samples[np.isfinite(samples)]
    if len(known) < 2:
        return float("nan"), float("nan")
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return float(low), float(high)


def clustered(each: Floats, groups: npt.NDArray[Any], weights: Floats | None = None) -> tuple[float, float, int]:
    """The weighted mean, its standard error with whole groups as the sample, and how many groups there are.

    With a single group the error is NaN.
    """
    weights = np.ones(len(each)) if weights is None else weights
    _, codes = np.unique(groups.astype(str), return_inverse=True)
    n = int(codes.max()) + 1 if len(codes) else 0
    total, mass = np.bincount(codes, each * weights), np.bincount(codes, weights)
    mean = float(total.sum() / mass.sum()) if n else float("nan")
    if n < 2:
        return mean, float("nan"), n
    return mean, float(np.sqrt(((total - mean * mass) ** 2).sum() * n / (n - 1)) / mass.sum()), n


def simultaneous(samples: Sequence[Floats], level: float = 0.95) -> float:
    """How many bootstrap deviations either way cover all of several estimates together (max-T); NaN if none varies.

    Each of `samples` holds an estimate's resamples, drawn together with the others'.
    """
    known = [one for one in samples if np.isfinite(one).sum() > 1 and np.nanstd(one) > 0]
    if not known:
        return float("nan")
    off = np.array([np.abs(one - np.nanmean(one)) / np.nanstd(one) for one in known])
    told = off[:, ~np.isnan(off).all(axis=0)]  # a draw in which nothing is defined tells nothing
    return float(np.nanquantile(np.nanmax(told, axis=0), level))


def auroc(scores: Floats, labels: Floats, weights: Floats) -> Floats:
    """Area under the ROC curve, ties counted half, for each row of `weights` (m, n) -> (m,); NaN with one class."""
    return _share(*_pairs(scores, labels, weights))


def within_auroc(scores: Floats, labels: Floats, groups: npt.NDArray[Any], weights: Floats) -> Floats:
    """`auroc` over the pairs of runs of one group alone: it cannot be earned by telling groups apart."""
    right, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    names = groups.astype(str)
    for group in np.unique(names):
        rows = names == group
        found = _pairs(scores[rows], labels[rows], weights[:, rows])
        right, pairs = right + found[0], pairs + found[1]
    return _share(right, pairs)


def _pairs(scores: Floats, labels: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Of pairs of a positive and a negative, the weight of those ranked rightly, and of all; each (m,)."""
    if not len(scores):
        return np.zeros(len(weights)), np.zeros(len(weights))
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    positive = np.add.reduceat(weights[:, order] * labels[order], starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * (1 - labels[order]), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    return (positive * below).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1)


def _share(right: Floats, pairs: Floats) -> Floats:
    with np.errstate(invalid="ignore"):  # without pairs 0 / 0, which is NaN
        return right / pairs


def brier(probabilities: Floats, labels: Floats, weights: Floats | None = None) -> float:
    """Mean squared error of a probability (Brier 1950)."""
    return float(np.average((probabilities - labels) ** 2, weights=weights)) if len(labels) else float("nan")


def losses(probabilities: Floats, labels: Floats) -> Floats:
    """Negative log-likelihood of each label, natural logarithm; probabilities are kept 1e-6 away from 0 and 1."""
    p = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return np.asarray(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)))


def logloss(probabilities: Floats, labels: Floats, weights: Floats | None = None) -> float:
    """Mean negative log-likelihood, natural logarithm; probabilities are kept 1e-6 away from 0 and 1."""
    if not len(labels):
        return float("nan")
    return float(np.average(losses(probabilities, labels), weights=weights))
