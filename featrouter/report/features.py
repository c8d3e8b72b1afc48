"""Pictures of features: which carry the bundle, which way they push, and what they do on average."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from featrouter.bundle import Bundle
from featrouter.catalogue import feature_set
from featrouter.catalogue import number as plain
from featrouter.drawing.bars import bars
from featrouter.drawing.chart import Axis, Chart
from featrouter.drawing.scale import Scale
from featrouter.reference import LEVELS
from featrouter.report.figures import Figure
from featrouter.report.shapes import Dependence, Swarm
from featrouter.training.importances import by_family
from featrouter.training.words import number

_MOST = 15
_WIDE, _ROW, _LEFT = 560, 24, 150
#: Colours from a feature's least value to its greatest; the middle one is grey.
_COLOURS = 7


def importances(bundle: Bundle) -> list[Markup]:
    """By family, and of the features that carry most: mean |SHAP| and held-out permutation."""
    tables = (
        ("family", "Families, all their features together", by_family(bundle.importances)),
        ("feature", f"The {_MOST} features that carry most", bundle.importances),
    )
    return [_importances(kind, caption, found) for kind, caption, found in tables if found]


def _importances(kind: str, caption: str, found: dict[str, dict[str, float | None]]) -> Markup:
    top = sorted(found.items(), key=lambda item: -(item[1]["shap"] or 0.0))[:_MOST]
    rows = [
        (
            name,
            [
                (row["shap"] or 0.0, number(row["shap"], 3)),
                (row["permutation"] or 0.0, number(row["permutation"], 4, True)),
            ],
        )
        for name, row in top
    ]
    return bars([kind, "mean |SHAP|, log-odds", "permutation, nats held out"], rows, caption)


def beeswarm(found: Sequence[Swarm]) -> Markup:
    """Each drawn row a dot: how far the feature moved it, and by its colour whether the value was low or high there."""
    if not found:
        return Markup("")
    most = max(float(np.abs(one.effects).max()) for one in found) or 1.0
    across = Scale(-most, most, _LEFT + 8, _WIDE - 8)
    high = _ROW * len(found)
    parts = [
        Markup(
            '<svg class="chart swarm" viewBox="0 0 {} {}" role="img" aria-label="Effects of the features that move most, a dot '
            'a run; their means stand in the table of importances">'
        ).format(_WIDE, high + 34),
        Markup('<path class="axis" d="M{},0V{}"/>').format(across(0), high),
    ]
    for at, one in enumerate(found):
        middle = _ROW * at + _ROW / 2
        parts.append(
            Markup('<text class="name end" x="{}" y="{}"><title>{}</title>{}</text>').format(
                _LEFT, middle + 4, _meaning(one.feature), one.feature
            )
        )
        parts.append(_dots(one, across, middle))
    for tick in across.ticks(4):
        parts.append(
            Markup('<text class="tick mid" x="{}" y="{}">{}</text>').format(across(tick), high + 14, f"{tick:+g}")
        )
    ends = '<text class="tick" x="{}" y="{}">← go on</text><text class="tick end" x="{}" y="{}">escalate →</text>'
    parts.append(Markup(ends).format(_LEFT + 8, high + 30, _WIDE - 8, high + 30))
    return Markup("").join([*parts, Markup("</svg>")])


def _dots(one: Swarm, across: Scale, middle: float) -> Markup:
    """Dots that would cover each other stand above and below the line in turn."""
    taken: dict[int, int] = {}
    told = []
    for effect, rank in zip(one.effects, one.ranks, strict=True):
        x = across(float(effect))
        n = taken[round(x / 3)] = taken.get(round(x / 3), -1) + 1
        aside = min((n + 1) // 2 * 2.2, _ROW / 2 - 2) * (1 if n % 2 else -1)
        colour = "n" if np.isnan(rank) else int(min(_COLOURS - 1, (rank + 1) / 2 * _COLOURS))
        told.append(Markup('<circle class="q{}" cx="{}" cy="{}" r="2"/>').format(colour, x, round(middle + aside, 1)))
    return Markup("").join(told)


def dependence(found: Sequence[Dependence]) -> list[Figure]:
    """Small multiples, all on one scale: by how much r1 and r2 are off their averages over the range of one feature."""
    moved = [each - each.mean() for one in found for each in (one.r1, one.r2)]
    most = max([0.02, *(float(np.abs(each).max()) for each in moved if not np.isnan(each).any())])
    return [_dependence(one, most) for one in found]


def _dependence(one: Dependence, most: float) -> Figure:
    percents = [100 * level for level in LEVELS]
    chart = Chart(
        f"r1 and r2 on average, from the least to the greatest values of {one.feature}",
        Axis("its rank among runs, %", 0.0, 100.0, ticks=[0, 25, 50, 75, 100]),
        Axis("off its average", -most, most, lambda y: f"{y:+.3g}" if y else "0"),
        width=270,
        height=180,
    )
    chart.rule(y=0.0)
    for series, name in enumerate(("r1", "r2")):
        told = getattr(one, name)
        if not np.isnan(told).any():
            chart.line(percents, told - told.mean(), series, name)
    values = ", ".join(plain(each) for each in one.typical) if one.typical[0] == one.typical[0] else "not reported"
    return Figure(
        one.feature,
        chart,
        f"{_meaning(one.feature)}. At 5, 50 and 95 %: {values}.",
        ["rank, %", "r1", "r2"],
        [
            [f"{100 * level:g}", number(r1, 3), number(r2, 3)]
            for level, r1, r2 in zip(LEVELS, one.r1, one.r2, strict=True)
        ][::5],
    )


def _meaning(feature: str) -> str:
    known = feature_set().by_name.get(feature)
    return known.meaning if known else feature
