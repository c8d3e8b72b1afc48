"""CPU time of a stretch of a test, whatever else measures it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Taken:
    """Seconds of CPU that this thread took."""

    seconds = 0.0


@contextmanager
def clocked() -> Iterator[Taken]:
    """Times what is inside without a tracer: what measures coverage takes as long again."""
    taken, tracer = Taken(), sys.gettrace()
    sys.settrace(None)
    started = time.thread_time()
    try:
        yield taken
    finally:
        taken.seconds = time.thread_time() - started
        sys.settrace(tracer)
