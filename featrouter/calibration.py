"""From a head's score to a probability."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

KINDS = ("none", "platt", "constant")
#: Probabilities keep this distance from 0 and 1: no finite sample is surer than that.
MARGIN = 1e-6
#: Bound on the parameters: with a head's scores within 1e100 and more, a * score + b stays a number.
MAX_PARAMETER = 1e100


@dataclass(frozen=True)
class Calibrator:
    """A probability from a score s in log-odds: "none" sigmoid(s), "platt" sigmoid(a s + b), "constant" b itself.

    Parameters a kind does not use keep their defaults. The answer lies in [1e-6, 1 - 1e-6]. ValueError for an unknown
    kind, a parameter that is not finite, a constant that is no probability.
    """

    kind: str = "none"
    a: float = 1.0
    b: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"calibrator kind {self.kind!r}, known are {', '.join(KINDS)}")
        for name in ("a", "b"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= MAX_PARAMETER:
                raise ValueError(f"calibrator {name}={value!r:.40} is not a number within {MAX_PARAMETER:g}")
            object.__setattr__(self, name, float(value))
        if (self.kind != "platt" and self.a != 1.0) or (self.kind == "none" and self.b != 0.0):
            raise ValueError(f"calibrator of kind {self.kind} has a={self.a}, b={self.b} that it does not use")
        if self.kind == "constant" and not 0.0 <= self.b <= 1.0:
            raise ValueError(f"constant calibrator b={self.b} is not a probability")

    @overload
    def __call__(self, score: float) -> float: ...
    @overload
    def __call__(self, score: Floats) -> Floats: ...
    def __call__(self, score: float | Floats) -> float | Floats:
        """The probability of one score, or of an array of scores in its shape."""
        if isinstance(score, np.ndarray):
            clear = np.full(score.shape, self.b) if self.kind == "constant" else _sigmoids(self.a * score + self.b)
            return np.clip(clear, MARGIN, 1 - MARGIN)
        probability = self.b if self.kind == "constant" else _sigmoid(self.a * score + self.b)
        return min(max(probability, MARGIN), 1 - MARGIN)

    @classmethod
    def platt(cls, scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> Calibrator:
        """Fit a and b on scores and labels (0 or 1) of shape (n,), weights of the same shape or all 1.

        Log-loss against Platt's targets (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) (Platt 1999), with n0, n1 the classes'
        weights, by Newton's method with backtracking (Lin, Lin, Weng 2007, Machine Learning 68). ValueError for
        one class only, for labels other than 0 and 1, for scores that are not finite.
        """
        s, y = np.asarray(scores, np.float64), np.asarray(labels, np.float64)
        w = np.ones_like(s) if weights is None else np.asarray(weights, np.float64)
        if s.ndim != 1 or not s.shape == y.shape == w.shape:
            raise ValueError(f"scores {s.shape}, labels {y.shape}, weights {w.shape}: want one shape (n,)")
        if not np.isfinite(s).all() or not ((y == 0) | (y == 1)).all():
            raise ValueError("scores must be finite, labels 0 or 1")
        if not (np.isfinite(w) & (w >= 0)).all():
            raise ValueError("weights must be finite and not negative")
        n0, n1 = float(w @ (1 - y)), float(w @ y)
        if n0 == 0 or n1 == 0:
            raise ValueError("only one class: nothing to calibrate on; use a constant calibrator")
        target = np.where(y == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
        # Centred and scaled, Newton's steps do not depend on the scores' units.
        centre = float(w @ s) / (n0 + n1)
        scale = math.sqrt(float(w @ (s - centre) ** 2) / (n0 + n1)) or 1.0
        a, b = _newton((s - centre) / scale, target, w / (n0 + n1), math.log((n1 + 1) / (n0 + 1)))
        return cls("platt", a / scale, b - a * centre / scale)

    def as_dict(self) -> dict[str, Any]:
        """Plain data: {"kind", "a", "b"}."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibrator:
        """The inverse of `as_dict`. ValueError for any other keys or values."""
        if not isinstance(data, Mapping) or set(data) != {"kind", "a", "b"}:
            raise ValueError("a calibrator has exactly the keys kind, a, b")
        return cls(**data)


def _sigmoid(z: float) -> float:
    tail = math.exp(-abs(z))
    return (1.0 if z >= 0 else tail) / (1.0 + tail)


def _sigmoids(z: Floats) -> Floats:
    tail = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, tail) / (1.0 + tail)


def _newton(s: Floats, target: Floats, w: Floats, b: float) -> tuple[float, float]:
    def loss(a: float, b: float) -> float:
        z = a * s + b
        return float(w @ (np.logaddexp(0.0, z) - target * z))

    a = 0.0
    for _ in range(100):
        p = _sigmoids(a * s + b)
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
