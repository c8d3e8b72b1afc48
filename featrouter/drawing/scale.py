"""Scale: where a number stands along an axis, and which numbers are written beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Numbers nearer to each other than this, or than a billionth of themselves, are written as one.
_LEAST = 1e-300


@dataclass(frozen=True)
class Scale:
    """Numbers from `low` to `high` along pixels `start` to `end`; beyond them the nearest end. `log`: by their ratios."""

    low: float
    high: float
    start: float = 0.0
    end: float = 1.0
    log: bool = False

    def __call__(self, number: float) -> float:
        """Pixels, to a tenth."""
        low, high, at = self.low, self.high, min(max(number, self.low), self.high)
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        share = (at - low) / (high - low) if high > low else 0.5
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, most: int = 5) -> list[float]:
        """At most so many round numbers within it: steps of 1, 2 or 5, on a log scale powers of ten."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            every = max(1, math.ceil((last - first + 1) / most))
            return [10.0**power for power in range(first, last + 1, every)]
        span = self.high - self.low
        if not span > max(_LEAST, 1e-9 * max(abs(self.low), abs(self.high))):
            return [self.low]
        power = 10.0 ** math.floor(math.log10(span / most))
        step = next(step for step in (power, 2 * power, 5 * power, 10 * power, 20 * power) if span / step <= most)
        first = math.ceil(self.low / step - 1e-9)
        return [float(f"{n * step:.12g}") for n in range(first, math.floor(self.high / step + 1e-9) + 1)]
