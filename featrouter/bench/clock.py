"""Taking times, one call at a time, and what is kept of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from featrouter.calibration import Floats


@dataclass(frozen=True)
class Line:
    """One line of the benchmark: median and 99th percentile in `unit`, and the ratio of its median to its peer's."""

    group: str
    what: str
    median: float
    p99: float | None = None
    unit: str = "us"
    ratio: float | None = None
    peer: str = ""

    def against(self, peer: Line, times: float = 1.0) -> Line:
        """The line with its ratio to `times` another's median."""
        told = f"{times:g} x {peer.what}" if times != 1 else peer.what
        return Line(self.group, self.what, self.median, self.p99, self.unit, self.median / (times * peer.median), told)


def times(work: Callable[[int], Any], calls: int) -> Floats:
    """Microseconds of work(0), work(1), … each taken alone, after a tenth of the calls to warm up."""
    for index in range(max(1, calls // 10)):
        work(index)
    taken = np.empty(calls)
    for index in range(calls):
        start = time.perf_counter_ns()
        work(index)
        taken[index] = (time.perf_counter_ns() - start) / 1e3
    return taken


def line(group: str, what: str, taken: Floats, per: float = 1.0) -> Line:
    """The line of some times; of work that does `per` things at once, the time of one."""
    return Line(group, what, float(np.median(taken)) / per, float(np.percentile(taken, 99)) / per)
