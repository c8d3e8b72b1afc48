"""Fitting calibrators on held-out scores, and choosing among them."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from featrouter.calibration import Calibrator
from featrouter.training.fit import LEAST_OF_A_CLASS, HeldOut, Names, folds, one_of_each, significant
from featrouter.training.metrics import Floats, clustered, losses

#: From the simplest; "venn-abers" needs the optional extra of that name.
CANDIDATES = ("none", "platt", "beta", "isotonic", "venn-abers")
LEAST_ISOTONIC_ROWS = 1000


def fit_calibrator(
    scores: Floats, y: Floats, weights: Floats, groups: Names, runs: Names | None = None, kind: str = "auto"
) -> Calibrator:
    """The calibrator of this kind on out-of-fold scores; "auto": the candidate of least log-loss, ties to the simplest.

    The log-loss is cross-validated by group over the same scores. A candidate is a tie, and not taken, unless it gains
    more than one standard error (over groups) on the simpler one before it. Where the scores rank backwards the head
    has learned nothing that holds: the base rate, as a constant, whatever the kind.
    """
    runs = groups if runs is None else runs
    none = Calibrator("none")
    if not len(y) or min(y.sum(), len(y) - y.sum()) < LEAST_OF_A_CLASS:
        return none
    if platt(scores, y, weights).a <= 0:
        # Turning round scores that rank backwards where they were not trained would learn the folds.
        return _rounded(Calibrator("constant", b=float(np.average(y, weights=weights))))
    if kind == "auto":
        kind = chosen_kind(scores, y, weights, groups, runs)
    return none if kind == "none" else _rounded(_fit(kind, scores, y, weights, runs))


def chosen_kind(scores: Floats, y: Floats, weights: Floats, groups: Names, runs: Names) -> str:
    """The kind that "auto" stands for, see `fit_calibrator`."""
    best, least = "none", losses(Calibrator("none")(scores), y)
    if min(y.sum(), len(y) - y.sum()) < LEAST_OF_A_CLASS:
        return best
    splits = list(folds(y, groups))
    for kind in CANDIDATES[1:]:
        if (kind == "isotonic" and len(y) < LEAST_ISOTONIC_ROWS) or (kind == "venn-abers" and not has_venn_abers()):
            continue
        held = np.full(len(y), np.nan)
        for train, test in splits:
            if len(np.unique(y[train])) < 2:
                return best
            held[test] = _fit(kind, scores[train], y[train], weights[train], runs[train])(scores[test])
        if np.isnan(held).any():
            return best
        found = losses(held, y)
        if surely_less(found, least, weights, groups):
            best, least = kind, found
    return best


def surely_less(loss: Floats, other: Floats, weights: Floats, groups: Names) -> bool:
    """Is the mean loss lower than the other's by more than one standard error, taken over groups?"""
    mean, error, n = clustered(other - loss, groups, weights)
    return mean > (error if n > 1 else 0.0)


def _fit(kind: str, scores: Floats, y: Floats, weights: Floats, runs: Names) -> Calibrator:
    if kind == "platt":
        return platt(scores, y, weights)
    if kind == "beta":
        return beta(scores, y, weights)
    if kind == "isotonic":
        return isotonic(scores, y, weights)
    if kind == "venn-abers":
        # Its validity rests on exchangeable rows: one a run, since rows of a run share their label.
        seen = one_of_each(runs, 0)
        return venn_abers(scores[seen], y[seen])
    raise ValueError(f"calibration {kind!r}: known are auto, {', '.join(CANDIDATES)}")


def _rounded(found: Calibrator) -> Calibrator:
    """Nine significant digits: further ones tell of the machine, not of the model."""
    a, b, c = significant(np.array([found.a, found.b, found.c]), 9).tolist()
    return replace(found, a=a, b=b, c=c)


def cross_calibrated(
    held: HeldOut, y: Floats, weights: Floats, groups: Names, runs: Names | None = None, kind: str = "auto"
) -> Floats:
    """Probabilities (n,): each fold's scores calibrated on those of the other folds."""
    runs = groups if runs is None else runs
    known = ~np.isnan(y)
    found = np.full(len(y), np.nan)
    for number in range(len(held.heads)):
        test = held.fold == number
        rest = known & ~test & (held.fold >= 0)
        calibrator = fit_calibrator(held.scores[rest], y[rest], weights[rest], groups[rest], runs[rest], kind)
        found[test] = calibrator(held.scores[test])
    return found


def platt(scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Calibrator:
    """sigmoid(a s + b), fitted on scores and labels (0 or 1) of shape (n,), weights of the same shape or all 1.

    Log-loss against Platt's targets (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) (Platt 1999), with n0, n1 the classes'
    weights, by Newton's method with backtracking (Lin, Lin, Weng 2007, Machine Learning 68). ValueError for
    one class only, for labels other than 0 and 1, for scores that are not finite.
    """
    s, y, w = _checked(scores, labels, weights)
    n0, n1 = float(w @ (1 - y)), float(w @ y)
    target = np.where(y == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    # Centred and scaled, Newton's steps do not depend on the scores' units.
    centre = float(w @ s) / (n0 + n1)
    scale = math.sqrt(float(w @ (s - centre) ** 2) / (n0 + n1)) or 1.0
    a, b = _newton((s - centre) / scale, target, w / (n0 + n1), math.log((n1 + 1) / (n0 + 1)))
    return Calibrator("platt", a / scale, b - a * centre / scale)


def beta(scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Calibrator:
    """Beta calibration (Kull, Silva Filho, Flach 2017, AISTATS): logistic regression on ln p and -ln(1 - p).

    A feature whose weight comes out negative is left out and the other fitted again, so that the map rises.
    ValueError as `platt`.
    """
    from sklearn.linear_model import LogisticRegression

    s, y, w = _checked(scores, labels, weights)
    both = np.column_stack([-np.logaddexp(0, -s), np.logaddexp(0, s)])
    kept = [0, 1]
    while kept:
        model = LogisticRegression(C=np.inf, max_iter=1000, tol=1e-10).fit(both[:, kept], y, w)
        fitted = dict(zip(kept, model.coef_[0].tolist(), strict=True))
        if min(fitted.values()) >= 0:
            return Calibrator("beta", fitted.get(0, 0.0), float(model.intercept_[0]), fitted.get(1, 0.0))
        kept.remove(min(fitted, key=lambda column: fitted[column]))
    return Calibrator("constant", b=float(np.average(y, weights=w)))


def isotonic(scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Calibrator:
    """The monotone map of least squares (scikit-learn's isotonic regression), flat beyond the scores seen."""
    from sklearn.isotonic import IsotonicRegression

    s, y, w = _checked(scores, labels, weights)
    s = np.round(s, 9)
    model = IsotonicRegression(y_min=0.0, y_max=1.0).fit(s, y, w)
    x, p = model.X_thresholds_, np.maximum.accumulate(model.y_thresholds_)
    return Calibrator("isotonic", x=tuple(x.tolist()), low=tuple(p.tolist()))


def venn_abers(scores: npt.ArrayLike, labels: npt.ArrayLike) -> Calibrator:
    """Inductive Venn-Abers (Vovk, Petej, Fedorova 2015) by the package venn-abers; rows must be exchangeable.

    ValueError where the package is not installed, and as `platt`.
    """
    s, y, _ = _checked(scores, labels, None)
    s = np.round(s, 6)  # scores closer than that are one: fewer knots, the same map
    low, high, x = _p0p1(s, y)
    # A knot between equal steps says nothing. One is left: p0 is 0 below all scores, and more above them.
    kept = np.flatnonzero((np.diff(low) != 0) | (np.diff(high) != 0))
    x, steps = x[kept], np.r_[kept, len(low) - 1]
    return Calibrator(
        "venn-abers", x=tuple(x.tolist()), low=tuple(low[steps].tolist()), high=tuple(high[steps].tolist())
    )


def _p0p1(s: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """p0 and p1 between the sorted distinct scores x: n + 1 steps each."""
    # The package changes numpy's error state for good when it is imported, and warns of slopes that it does not use.
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        try:
            from venn_abers.venn_abers import calc_p0p1
        except ImportError:
            raise ValueError("calibration venn-abers needs: pip install 'featrouter[venn-abers]'") from None
        p0, p1, x = calc_p0p1(np.column_stack([-s, s]), y)
    low, high = (np.maximum.accumulate(np.clip(p[:, 1], 0.0, 1.0)) for p in (p0, p1))
    high[:-1] = np.maximum(high[:-1], low[1:])  # equal but for rounding where they are not apart
    return low, np.maximum.accumulate(high), np.asarray(x)


def has_venn_abers() -> bool:
    from importlib.util import find_spec

    return find_spec("venn_abers") is not None


def _checked(scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[Any, Any, Any]:
    s, y = np.asarray(scores, np.float64), np.asarray(labels, np.float64)
    w = np.ones_like(s) if weights is None else np.asarray(weights, np.float64)
    if s.ndim != 1 or not s.shape == y.shape == w.shape:
        raise ValueError(f"scores {s.shape}, labels {y.shape}, weights {w.shape}: want one shape (n,)")
    if not np.isfinite(s).all() or not ((y == 0) | (y == 1)).all():
        raise ValueError("scores must be finite, labels 0 or 1")
    if not (np.isfinite(w) & (w >= 0)).all():
        raise ValueError("weights must be finite and not negative")
    if w @ y == 0 or w @ (1 - y) == 0:
        raise ValueError("only one class: nothing to calibrate on; use a constant calibrator")
    return s, y, w


def _newton(s: Floats, target: Floats, w: Floats, b: float) -> tuple[float, float]:
    def loss(a: float, b: float) -> float:
        z = a * s + b
        return float(w @ (np.logaddexp(0.0, z) - target * z))

    a = 0.0
    for _ in range(100):
        z = a * s + b
        tail = np.exp(-np.abs(z))
        p = np.where(z >= 0, 1.0, tail) / (1.0 + tail)
        off, curve = w * (p - target), w * p * (1 - p)
        slope_a, slope_b = float(off @ s), float(off.sum())
        if max(abs(slope_a), abs(slope_b)) < 1e-12:
            break
        # the 1e-12 keeps equal scores (no slope to fit) solvable
        aa, ab, bb = float(curve @ s**2) + 1e-12, float(curve @ s), float(curve.sum()) + 1e-12
        step_a, step_b = np.linalg.solve([[aa, ab], [ab, bb]], [slope_a, slope_b]).tolist()
        rate, gain, now = 1.0, slope_a * step_a + slope_b * step_b, loss(a, b)
        while rate > 1e-10 and loss(a - rate * step_a, b - rate * step_b) > now - 1e-4 * rate * gain + 1e-15:
            rate /= 2
        a, b = a - rate * step_a, b - rate * step_b
    return a, b
