"""Taking times, one call at a time, and what is kept of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
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

    def against(self, peer: Line) -> Line:
        """The line with its ratio to another's median."""
        return replace(self, ratio=self.median / peer.median, peer=peer.what)


def once(work: Callable[[], Any]) -> float:
    """Microseconds of one call."""
    start = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - start) / 1e3


def times(work: Callable[[int], Any], calls: int) -> Floats:
    """Microseconds of work(0), work(1), … each taken alone, after a tenth of the calls to warm up."""
    for index in range(max(1, calls // 10)):
        work(index)
    return np.array([once(partial(work, index)) for index in range(calls)])


def line(group: str, what: str, taken: Floats, per: float = 1.0) -> Line:
    """The line of some times; of work that does `per` things at once, the time of one."""
    return Line(group, what, float(np.median(taken)) / per, float(np.percentile(taken, 99)) / per)
