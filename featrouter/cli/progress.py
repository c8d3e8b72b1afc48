"""Long work, told on stderr as it goes on: its stages, and how long the one at hand will still take."""

from __future__ import annotations

import re
import sys
import time

import click

from featrouter.cli.painting import echo

_STEP = re.compile(r"(\d+) of (\d+)$")
_WIDE = 76


class Stages:
    """Call it with each stage. One that ends in `3 of 5`, so many steps done, tells the time left for the other two.

    Time counts from `0 of 5`, where that is told; else from the stage before the first step.
    """

    def __init__(self) -> None:
        self._called = self._began = time.monotonic()
        self._step = (0, 0)
        self._shown = sys.stderr.isatty()
        self._open = False
        if ctx := click.get_current_context(silent=True):  # an error begins a line of its own
            ctx.call_on_close(self._end_line)

    def __call__(self, stage: str) -> None:
        now, step = time.monotonic(), _STEP.search(stage)
        left = ""
        if step:
            done, of = int(step[1]), int(step[2])
            if of != self._step[1] or done <= self._step[0]:  # another series, begun with what was said before it
                self._began = self._called if done else now
            self._step = (done, of)
            left = _left(done, of, now - self._began)
        self._called = now
        line = f"  {stage}{left}"
        if self._shown and step:  # steps of one stage share a line
            self._open = step[1] != step[2]
            echo(line[:_WIDE].ljust(_WIDE), "faint", err=True, nl=not self._open)
            if self._open:
                click.echo("\r", err=True, nl=False)
        else:
            self._end_line()
            echo(line, "faint", err=True)

    def _end_line(self) -> None:
        if self._open:
            click.echo(err=True)
            self._open = False


def _left(done: int, of: int, seconds: float) -> str:
    """How long the rest takes if it goes on like this."""
    if not 0 < done < of:
        return ""
    return f", about {span(seconds / done * (of - done))} left"


def span(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
