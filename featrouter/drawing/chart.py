"""Chart: a picture of numbers as SVG, its legend, and the same numbers as a table for who cannot see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from featrouter.drawing.scale import Scale

Numbers = Sequence[float] | NDArray[np.float64]
#: A mark is told by its shape as well as by its colour; in units of its size, around the origin.
_SHAPES = (
    "M-1,0A1,1,0,1,0,1,0A1,1,0,1,0,-1,0Z",
    "M-.9,-.9H.9V.9H-.9Z",
    "M0,-1.2L1.1,.9H-1.1Z",
    "M0,-1.3L1.2,0L0,1.3L-1.2,0Z",
    "M-1.1,-.9H1.1L0,1.2Z",
)


def short(number: float) -> str:
    """A number beside an axis."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def percent(number: float) -> str:
    return f"{100 * number:.3g} %"


@dataclass(frozen=True)
class Axis:
    """What is measured, from where to where, and how its numbers are written; `ticks` where they are not chosen by themselves."""

    label: str
    low: float
    high: float
    write: Callable[[float], str] = short
    log: bool = False
    ticks: Sequence[float] = ()


@dataclass
class Chart:
    """A chart in the making: add what it shows, then put `svg()` and `legend()` on the page.

    `about` says in a sentence what one sees, for who does not. Sizes are in pixels at full scale. Series are numbers: each has
    a colour, a dash and a shape of its own in drawing/style.css.
    """

    about: str
    x: Axis
    y: Axis
    width: int = 360
    height: int = 250
    left: int = 54
    bottom: int = 38
    _marks: list[Markup] = field(default_factory=list)
    _named: list[tuple[str, Markup]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.across = Scale(self.x.low, self.x.high, self.left, self.width - 10, self.x.log)
        self.up = Scale(self.y.low, self.y.high, self.height - self.bottom, 8, self.y.log)

    def line(self, xs: Numbers, ys: Numbers, series: int, name: str = "") -> None:
        self._marks.append(Markup('<polyline class="line s{}" points="{}"/>').format(series, self._points(xs, ys)))
        if name:
            self.name(name, Markup('<path class="line s{}" d="M1,6H23"/>').format(series))

    def band(self, xs: Numbers, lows: Numbers, highs: Numbers, series: int, name: str = "") -> None:
        """The area between two lines."""
        around = f"{self._points(xs, lows)} {self._points(xs[::-1], highs[::-1])}"
        self._marks.append(Markup('<polygon class="band s{}" points="{}"/>').format(series, around))
        if name:
            self.name(name, Markup('<path class="band s{}" d="M1,1H23V11H1Z"/>').format(series))

    def dots(
        self,
        xs: Numbers,
        ys: Numbers,
        series: int,
        name: str = "",
        ends: Sequence[Sequence[float] | None] = (),
        words: Sequence[str] = (),
        size: float = 3.5,
    ) -> None:
        """Marks, each with the `ends` of its interval and the `words` that a pointer is shown."""
        for x, end in zip(xs, ends, strict=bool(ends)):
            if end is not None:
                told = Markup('<path class="whisker s{}" d="M{},{}V{}"/>')
                self._marks.append(told.format(series, self.across(x), self.up(end[0]), self.up(end[1])))
        for at, (x, y) in enumerate(zip(xs, ys, strict=True)):
            self._marks.append(mark(self.across(x), self.up(y), series, words[at] if words else "", size))
        if name:
            self.name(name, mark(12, 6, series))

    def rule(self, y: float | None = None, x: float | None = None) -> None:
        """A thin line across, at y or at x."""
        if y is not None:
            self._marks.append(
                Markup('<path class="rule" d="M{},{}H{}"/>').format(self.left, self.up(y), self.width - 10)
            )
        if x is not None:
            self._marks.append(
                Markup('<path class="rule" d="M{},8V{}"/>').format(self.across(x), self.height - self.bottom)
            )

    def slope(self) -> None:
        """The line on which what is predicted is what happens."""
        low, high = max(self.x.low, self.y.low), min(self.x.high, self.y.high)
        points = (self.across(low), self.up(low), self.across(high), self.up(high))
        self._marks.append(Markup('<path class="rule" d="M{},{}L{},{}"/>').format(*points))

    def put(self, mark: Markup) -> None:
        """A mark of the caller's own making."""
        self._marks.append(mark)

    def name(self, name: str, sign: Markup) -> None:
        """A line of the legend; the sign is drawn in 24 x 12 pixels."""
        self._named.append((name, sign))

    def svg(self) -> Markup:
        floor, middle = self.height - self.bottom, (self.height - self.bottom + 8) / 2
        parts = [
            Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
                self.width, self.height, self.about
            )
        ]
        for tick in self.y.ticks or self.up.ticks():
            grid = '<path class="grid" d="M{},{}H{}"/><text class="tick end" x="{}" y="{}">{}</text>'
            at = self.up(tick)
            parts.append(
                Markup(grid).format(self.left, at, self.width - 10, self.left - 5, at + 3.5, self.y.write(tick))
            )
        for tick in self.x.ticks or self.across.ticks():
            axis = '<path class="grid" d="M{},{}v4"/><text class="tick mid" x="{}" y="{}">{}</text>'
            at = self.across(tick)
            parts.append(Markup(axis).format(at, floor, at, floor + 16, self.x.write(tick)))
        parts.append(Markup('<path class="axis" d="M{},8V{}H{}"/>').format(self.left, floor, self.width - 10))
        names = (
            '<text class="name mid" x="{}" y="{}">{}</text>'
            '<text class="name mid" transform="translate(11 {}) rotate(-90)">{}</text>'
        )
        across = (self.left + self.width - 10) / 2
        parts.append(Markup(names).format(across, self.height - 6, self.x.label, middle, self.y.label))
        return Markup("").join([*parts, *self._marks, Markup("</svg>")])

    def legend(self) -> Markup:
        """The names of what is drawn, each with its colour, dash and shape."""
        form = '<li><svg class="swatch" viewBox="0 0 24 12" aria-hidden="true">{}</svg> {}</li>'
        items = [Markup(form).format(sign, name) for name, sign in self._named]
        return Markup('<ul class="legend">{}</ul>').format(Markup("").join(items)) if items else Markup("")

    def _points(self, xs: Numbers, ys: Numbers) -> str:
        return " ".join(f"{self.across(x)},{self.up(y)}" for x, y in zip(xs, ys, strict=True))


def mark(x: float, y: float, series: int, word: str = "", size: float = 3.5) -> Markup:
    """One mark at these pixels, with the words that a pointer is shown."""
    told = Markup("<title>{}</title>").format(word) if word else ""
    form = '<path class="dot s{}" transform="translate({} {}) scale({})" d="{}">{}</path>'
    return Markup(form).format(series, x, y, size, _SHAPES[series % len(_SHAPES)], told)
