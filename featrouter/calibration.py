"""From a head's score to a probability, and, with Venn-Abers, to an interval around it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Each kind and the parameters it has.
KINDS: dict[str, tuple[str, ...]] = {
    "none": (),
    "constant": ("b",),
    "platt": ("a", "b"),
    "beta": ("a", "b", "c"),
    "isotonic": ("x", "low"),
    "venn-abers": ("x", "low", "high"),
}
#: Probabilities keep this distance from 0 and 1: no finite sample is surer than that.
MARGIN = 1e-6
#: Bound on the parameters: with a head's scores within 1e100 and more, a * score + b stays a number.
MAX_PARAMETER = 1e100
MAX_KNOTS = 100_000
#: Knots closer than this would make lines too steep to compute.
LEAST_GAP = 1e-12


@dataclass(frozen=True)
class Calibrator:
    """A probability from a score s in log-odds, by kind:

    "none" sigmoid(s); "constant" b; "platt" sigmoid(a s + b);
    "beta" sigmoid(a ln p - c ln(1 - p) + b) with p = sigmoid(s) (Kull, Silva Filho, Flach 2017);
    "isotonic" straight lines between the knots (x, low);
    "venn-abers" p1 / (1 - p0 + p1) with p0, p1 the steps low, high between the scores x (Vovk, Petej, Fedorova 2015).

    The answer lies in [1e-6, 1 - 1e-6]. Parameters a kind does not use keep their defaults. ValueError for an unknown
    kind, a parameter that is not finite or not the kind's, knots that are no probabilities in order.
    """

    kind: str = "none"
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    x: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"calibrator kind {self.kind!r:.40}, known are {', '.join(KINDS)}")
        for name in ("a", "b", "c"):
            object.__setattr__(self, name, _number(getattr(self, name), f"calibrator {name}"))
        for name in ("x", "low", "high"):
            knots = getattr(self, name)
            if not isinstance(knots, (list, tuple)) or len(knots) > MAX_KNOTS:
                raise ValueError(f"calibrator {name}: not a list of at most {MAX_KNOTS} numbers")
            object.__setattr__(self, name, tuple(_number(knot, f"calibrator {name}[…]") for knot in knots))
        _check(self)

    @overload
    def __call__(self, score: float) -> float: ...
    @overload
    def __call__(self, score: Floats) -> Floats: ...
    def __call__(self, score: float | Floats) -> float | Floats:
        """The probability of one score, or of an array of scores in its shape."""
        if isinstance(score, np.ndarray):
            return np.clip(self._many(score), MARGIN, 1 - MARGIN)
        return min(max(self._one(score), MARGIN), 1 - MARGIN)

    def interval(self, score: float) -> tuple[float, float] | None:
        """Venn-Abers' two probabilities: one of them is calibrated, whatever the scores; None for other kinds."""
        if self.kind != "venn-abers":
            return None
        return self.low[bisect_right(self.x, score)], self.high[bisect_left(self.x, score)]

    def _one(self, s: float) -> float:
        if self.kind == "platt":
            return _sigmoid(self.a * s + self.b)
        if self.kind == "none":
            return _sigmoid(s)
        if self.kind == "constant":
            return self.b
        if self.kind == "beta":
            z = min(max(s, -MAX_PARAMETER), MAX_PARAMETER)
            return _sigmoid(self.c * _softplus(z) - self.a * _softplus(-z) + self.b)
        if self.kind == "venn-abers":
            low, high = self.low[bisect_right(self.x, s)], self.high[bisect_left(self.x, s)]
            return high / (1 - low + high)
        return between(s, self.x, self.low)

    def _many(self, s: Floats) -> Floats:
        if self.kind == "constant":
            return np.full(s.shape, self.b)
        if self.kind == "beta":
            # ln sigmoid(s) = -softplus(-s); the cap keeps a * softplus a number
            z = np.clip(s, -MAX_PARAMETER, MAX_PARAMETER)
            return _sigmoids(self.c * np.logaddexp(0, z) - self.a * np.logaddexp(0, -z) + self.b)
        if self.kind == "isotonic":
            return np.asarray(np.interp(s, self.x, self.low))
        if self.kind == "venn-abers":
            low = np.array(self.low)[np.searchsorted(self.x, s, side="right")]
            high = np.array(self.high)[np.searchsorted(self.x, s, side="left")]
            return np.asarray(high / (1 - low + high))
        return _sigmoids(self.a * s + self.b)

    def as_dict(self) -> dict[str, Any]:
        """Plain data: {"kind", and the kind's own parameters}."""
        own = {name: getattr(self, name) for name in KINDS[self.kind]}
        return {"kind": self.kind} | {name: list(v) if isinstance(v, tuple) else v for name, v in own.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibrator:
        """The inverse of `as_dict`. ValueError for any other keys or values."""
        kind = data.get("kind") if isinstance(data, Mapping) else None
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"calibrator kind {kind!r:.40}, known are {', '.join(KINDS)}")
        if set(data) != {"kind", *KINDS[kind]}:
            raise ValueError(f"a calibrator of kind {kind} has exactly the keys {', '.join(('kind', *KINDS[kind]))}")
        return cls(**data)


def between(at: float, x: Sequence[float], y: Sequence[float]) -> float:
    """What `np.interp` says of one number, many times sooner: a straight line between knots, beyond them the outermost."""
    right = bisect_right(x, at)
    if not 0 < right < len(x):
        return y[min(right, len(x) - 1)]
    slope = (y[right] - y[right - 1]) / (x[right] - x[right - 1])
    return slope * (at - x[right - 1]) + y[right - 1]


def shifted(probability: float, by: float) -> float:
    """The probability whose log-odds are higher by so much; within [1e-6, 1 - 1e-6]."""
    if not by:
        return probability
    p = min(max(probability, MARGIN), 1 - MARGIN)
    return min(max(_sigmoid(math.log(p / (1 - p)) + by), MARGIN), 1 - MARGIN)


def shifted_many(probabilities: Floats, by: float) -> Floats:
    """`shifted` of each."""
    if not by:
        return probabilities
    p = np.clip(probabilities, MARGIN, 1 - MARGIN)
    return np.clip(_sigmoids(np.log(p / (1 - p)) + by), MARGIN, 1 - MARGIN)


def shift_to(probabilities: Floats, rate: float, weights: Floats | None = None) -> float:
    """The shift of log-odds after which the probabilities average to `rate`, which lies between 0 and 1 (bisection)."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        below = float(np.average(shifted_many(probabilities, middle), weights=weights)) < rate
        low, high = (middle, high) if below else (low, middle)
    return float(f"{(low + high) / 2:.6g}")


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= MAX_PARAMETER:
        raise ValueError(f"{where}={value!r:.40} is not a number within {MAX_PARAMETER:g}")
    return float(value)


def _check(one: Calibrator) -> None:
    plain = {"a": 1.0, "b": 0.0, "c": 0.0, "x": (), "low": (), "high": ()}
    if unused := [name for name, value in plain.items() if name not in KINDS[one.kind] and getattr(one, name) != value]:
        raise ValueError(f"calibrator of kind {one.kind} has {unused[0]}, which it does not use")
    if one.kind == "constant" and not 0.0 <= one.b <= 1.0:
        raise ValueError(f"constant calibrator b={one.b} is not a probability")
    if one.kind == "beta" and min(one.a, one.c) < 0:
        raise ValueError(f"beta calibrator a={one.a}, c={one.c}: below 0, so it would not rise with the score")
    if "x" not in KINDS[one.kind]:
        return
    steps = one.kind == "venn-abers"
    if not one.x or any(len(knots) != len(one.x) + steps for knots in ((one.low, one.high) if steps else (one.low,))):
        raise ValueError(f"calibrator of kind {one.kind}: x, low, high do not fit each other in length")
    if any(after - before < LEAST_GAP for before, after in pairwise(one.x)):
        raise ValueError(f"calibrator of kind {one.kind}: x does not rise")
    for knots in (one.low, one.high):
        if any(not 0 <= p <= 1 for p in knots) or any(b < a for a, b in pairwise(knots)):
            raise ValueError(f"calibrator of kind {one.kind}: low, high are not probabilities that rise")
    # At a score that was seen, low is already the step above it and high still the one below.
    if any(low > high for low, high in zip(one.low[1:], one.high, strict=False)):
        raise ValueError("calibrator of kind venn-abers: low above high")


def _sigmoid(z: float) -> float:
    tail = math.exp(-abs(z))
    return (1.0 if z >= 0 else tail) / (1.0 + tail)


def _softplus(z: float) -> float:
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def _sigmoids(z: Floats) -> Floats:
    tail = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, tail) / (1.0 + tail)
