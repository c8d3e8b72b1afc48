"""Calibration: the smooth calibration error, what it would be by chance, and reliability by bins, turns, repositories."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from featrouter.training.metrics import Floats, interval

_CELLS = 128
_BANDWIDTHS = np.geomspace(0.01, 1.0, 24)


def smooth_error(p: Floats, y: Floats, weights: Floats) -> Floats:
    """Smooth calibration error for each row of `weights` (m, n) -> (m,), in probability units.

    smECE of Błasiok and Nakkiran (2023, arXiv 2309.12236): residuals y - p, smoothed over p by a Gaussian kernel
    reflected at 0 and 1, integrated in absolute value; the bandwidth is where it equals the error itself. On a grid of
    128 cells and 24 bandwidths, between which it is interpolated.
    """
    if not len(p):
        return np.full(len(weights), np.nan)
    cells = np.minimum((p * _CELLS).astype(int), _CELLS - 1)
    total = weights.sum(axis=1, keepdims=True)
    into = np.zeros((len(p), _CELLS))
    into[np.arange(len(p)), cells] = y - p
    residual = (weights / total) @ into
    errors = np.stack([np.abs(residual @ kernel).sum(axis=1) for kernel in _kernels()], axis=1)
    # The error falls with the bandwidth, so the two meet once; below the narrowest they have met already.
    above = errors > _BANDWIDTHS
    last = above.sum(axis=1) - 1
    found = errors[:, 0].copy()
    for row in np.flatnonzero(last >= 0):
        i = last[row]
        if i + 1 == len(_BANDWIDTHS):
            found[row] = errors[row, -1]
            continue
        gap = errors[row, i : i + 2] - _BANDWIDTHS[i : i + 2]
        found[row] = _BANDWIDTHS[i] + (_BANDWIDTHS[i + 1] - _BANDWIDTHS[i]) * gap[0] / (gap[0] - gap[1])
    return found


@cache
def _kernels() -> tuple[Floats, ...]:
    middle = (np.arange(_CELLS) + 0.5) / _CELLS
    found = []
    for bandwidth in _BANDWIDTHS:
        images = [middle + 2 * n for n in range(-3, 4)] + [2 * n - middle for n in range(-3, 4)]
        kernel = sum(np.exp(-0.5 * ((middle[:, None] - image[None, :]) / bandwidth) ** 2) for image in images)
        found.append(kernel / np.sum(kernel, axis=1, keepdims=True))
    return tuple(found)


def error_interval(errors: Floats, chance: float, level: float = 0.95) -> tuple[float, float]:
    """The interval of the true error from that of the sample (first) and of its resamples.

    An error of the sample that chance explains may be none at all: the interval then starts at 0. Otherwise it starts at
    2 * sample - the upper quantile, since a resample adds to the error what the sample itself added to the truth. It
    ends at the upper quantile, which errs on the safe side.
    """
    high = interval(errors[1:], level)[1]
    low = 0.0 if errors[0] <= chance else max(0.0, 2 * float(errors[0]) - high)
    return low, high


def chance_error(p: Floats, draws: int = 200, seed: int = 0) -> float:
    """The 95 % quantile of the smooth calibration error if these probabilities were the truth and runs independent.

    An error below it shows no miscalibration: with few runs even perfect probabilities err.
    """
    if not len(p):
        return float("nan")
    rng = np.random.default_rng(seed)
    one = np.ones((1, len(p)))
    errors = [smooth_error(p, (rng.random(len(p)) < p).astype(float), one)[0] for _ in range(draws)]
    return float(np.quantile(errors, 0.95))


def curve(p: Floats, y: Floats, bins: int = 10) -> list[dict[str, Any]]:
    """The reliability curve: bins of equal count, mean p, observed rate, its 95 % Clopper-Pearson interval, n."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, max(1, len(p) // 20))) if len(part)]
    return [_bin(p[part], y[part]) for part in parts]


def by_group(p: Floats, y: Floats, groups: npt.NDArray[np.object_], least: int = 10) -> list[dict[str, Any]]:
    """`curve`'s numbers for each group of at least `least` runs, largest first."""
    names, counts = np.unique(groups.astype(str), return_counts=True)
    chosen = sorted(zip(-counts, names, strict=True))
    return [
        {"group": str(name)} | _bin(p[groups == name], y[groups == name]) for count, name in chosen if -count >= least
    ]


def _bin(p: Floats, y: Floats) -> dict[str, Any]:
    n, solved = len(y), int(y.sum())
    low, high = proportion_interval(solved, n)
    return {
        "predicted": round(float(p.mean()), 4),
        "observed": round(solved / n, 4),
        "ci": [round(low, 4), round(high, 4)],
        "n": n,
    }


def proportion_interval(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact (Clopper-Pearson) interval of a share of independent trials."""
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high
