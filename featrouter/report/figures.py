"""Figure: a chart on the page, what stands beside it, and what the figures by turn share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from featrouter.drawing.chart import Axis, Chart

_MOST_TICKS = 10


@dataclass
class Figure:
    """A chart on the page: its title, a note on how to read it, and the numbers in it as a table."""

    title: str
    chart: Chart
    note: str = ""
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default_factory=list)


def turns_of(part: dict[str, Any]) -> list[str]:
    return [*part["k"], "end"]


def row_of(part: dict[str, Any], turn: str) -> dict[str, Any]:
    found: dict[str, Any] = part["end"] if turn == "end" else part["k"][turn]
    return found


def turn_axis(turns: Sequence[str]) -> Axis:
    every = -(-len(turns) // _MOST_TICKS)
    ticks = sorted({*range(0, len(turns) - 1, every), len(turns) - 1} - ({len(turns) - 2} if every > 1 else set()))
    return Axis(
        "turn at which it is asked",
        -0.5,
        len(turns) - 0.5,
        lambda at: turns[round(at)],
        ticks=[float(at) for at in ticks],
    )
