"""Time in tests, without seconds: work is compared with a fixed piece of work in the same process.

Machines differ in speed, and a shared machine changes its own. So a test names a number of yardsticks or a factor of
growth, and the comparison is repeated before it fails: a busy neighbour goes, a quadratic algorithm stays.
"""

from __future__ import annotations

import gc
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Input = TypeVar("Input")
Work = Callable[[], Any]

#: How often a comparison is made before it fails.
TRIES = 6
#: Below so many yardsticks, noise and constant costs hide how work grows.
CLEAR = 0.02

_FIXED_WORDS = [f"word{number % 97}_{number}" for number in range(2_000)]
_FIXED_PATTERN = re.compile(r"\b(\w{3,9})_(\d+)\b")
_last: list[float] = []


class Taken:
    """Seconds of CPU that this thread took."""

    seconds = 0.0


@contextmanager
def clocked() -> Iterator[Taken]:
    """Measures what is inside, without a tracer and without collecting the garbage of other tests."""
    # A tracer that measures coverage takes as long again.
    taken, tracer = Taken(), sys.gettrace()
    gc.freeze()
    sys.settrace(None)
    started = time.thread_time()
    try:
        yield taken
    finally:
        taken.seconds = time.thread_time() - started
        sys.settrace(tracer)
        gc.unfreeze()


def cpu_seconds(work: Work, best_of: int = 1) -> float:
    """Returns the CPU seconds of a call, the least of several calls."""
    least = float("inf")
    for _ in range(best_of):
        with clocked() as taken:
            work()
        least = min(least, taken.seconds)
    return least


def fixed_work() -> int:
    """Arithmetic and text of always the same amount, about 10 ms on a usual machine."""
    total, seen = 0, {}
    for number in range(55_000):
        total = (total * 31 + number) % 1_000_003
        seen[total & 1023] = number
    text = " ".join(_FIXED_WORDS)
    for _ in range(5):
        total += len(_FIXED_PATTERN.findall(text)) + len(text.split()) + text.count("7")
    return total + len(seen)


def yardstick(anew: bool = False) -> float:
    """Returns the CPU seconds of the fixed work: as last measured in this process, or measured again."""
    if anew or not _last:
        _last[:] = [cpu_seconds(fixed_work, best_of=3)]
    return _last[0]


def yardsticks_of(work: Work, enough: float = 0.0) -> float:
    """Returns how many yardsticks a call takes: the least of several calls, or the first that is at most `enough`."""
    least = float("inf")
    for attempt in range(TRIES):
        before = yardstick(anew=attempt > 0)
        seconds = cpu_seconds(work)
        least = min(least, seconds / before)
        if least > enough:  # the machine may have become slower since
            least = min(least, seconds / max(before, yardstick(anew=True)))
        if least <= enough:
            break
    return least


def assert_takes_at_most(work: Work, *, yardsticks: float) -> None:
    """Fails if every one of several calls takes longer than so many times the fixed work."""
    least = yardsticks_of(work, yardsticks)
    assert least <= yardsticks, f"took {least:.2f} yardsticks at best, at most {yardsticks:.2f} are allowed"


def growth_of(
    work: Callable[[Any], Any],
    small: Input,
    large: Input,
    enough: float = 0.0,
    prepare: Callable[[Input], Any] | None = None,
) -> float:
    """Returns how many times as long the large input takes as the small one: the least of several comparisons.

    The small input is measured before and after the large one, and the longer time counts: a machine that becomes slower
    in between does not make the large one look worse. What takes next to no time has not grown. `prepare` makes of an input
    what the work takes, before each call and outside the measurement.
    """

    def once(given: Input) -> float:
        argument = given if prepare is None else prepare(given)
        return cpu_seconds(lambda: work(argument))

    once(small)  # fills caches
    least = float("inf")
    for attempt in range(TRIES):
        before = min(once(small), once(small))
        whole = once(large)
        after = min(once(small), once(small))
        if whole < CLEAR * yardstick(anew=attempt > 0):
            return 0.0
        least = min(least, whole / max(before, after, 1e-9))
        if least <= enough:
            break
    return least


def assert_grows_in_proportion(
    work: Callable[[Any], Any],
    small: Input,
    large: Input,
    *,
    factor: float,
    prepare: Callable[[Input], Any] | None = None,
) -> None:
    """Fails if the large input takes more than `factor` times as long as the small one, in each of several comparisons.

    Choose a factor between the ratio of the sizes, which is linear work, and its square.
    """
    least = growth_of(work, small, large, factor, prepare)
    assert least <= factor, f"took {least:.1f} times as long at best, at most {factor:.1f} times are allowed"


def wait_until(happened: Callable[[], Any], seconds: float = 120.0) -> None:
    """Waits for a condition; fails after so many seconds, which no machine should need."""
    ends, pause = time.monotonic() + seconds, threading.Event()
    while not happened():
        assert time.monotonic() < ends, f"it did not happen within {seconds:.0f} s"
        pause.wait(0.02)
