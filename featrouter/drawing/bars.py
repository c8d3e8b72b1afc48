"""Bars: named quantities side by side, drawn and written as one table."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from featrouter.drawing.scale import Scale

_WIDE = 120


def bars(header: Sequence[str], rows: Sequence[tuple[str, Sequence[tuple[float, str]]]], caption: str) -> Markup:
    """A table with a bar beside every number: rows of (name, [(quantity, in words), …]), a column a quantity.

    Bars of a column share a scale that holds 0; below it they go to the left.
    """
    scales = []
    for column in range(len(header) - 1):
        told = [row[1][column][0] for row in rows]
        scales.append(Scale(min(0.0, *told), max(1e-12, *told), 0, _WIDE))
    lines = []
    for name, cells in rows:
        drawn = [_cell(*cell, scale, series) for series, (cell, scale) in enumerate(zip(cells, scales, strict=True))]
        lines.append(Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, Markup("").join(drawn)))
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in header)
    form = '<table class="bars"><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
    return Markup(form).format(caption, head, Markup("").join(lines))


def _cell(quantity: float, words: str, scale: Scale, series: int) -> Markup:
    zero, end = scale(0.0), scale(quantity)
    form = (
        '<td><svg class="bar" viewBox="0 0 {} 12" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="fill s{}" x="{}" y="1" width="{}" height="10"/></svg> <span class="number">{}</span></td>'
    )
    return Markup(form).format(_WIDE, series, min(zero, end), max(0.6, abs(end - zero)), words)
