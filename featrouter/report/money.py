"""Figures of money: what a ranking buys at a turn, at any turn, and at any value of a solved task."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from featrouter.drawing.chart import Axis, Chart, percent, short
from featrouter.report.figures import Figure, row_of, turn_axis, turns_of
from featrouter.report.findings import Findings
from featrouter.report.frontier import Frontier
from featrouter.training.words import band, number, with_interval

#: One colour, dash and shape for each name wherever it appears; grey is what a router must beat.
SERIES = {"router": 0, "oracle": 2, "prompt": 3, "logistic": 4, "cost": 5, "stage": 1, "repeated": 6, "random": 7}
#: Policies that the knob moves about in the charts, each by a sign of its own.
SIGNS = ("rule", "end")
#: A policy that is worse than this, in solved tasks a run, leaves the picture: what is near 0 must be seen.
_LEAST_GAIN = -0.3


def frontiers(found: Findings) -> list[Figure]:
    """One for each turn; all of what the knob may move about in them is in the picture."""
    told = found.knob["policies"] if found.knob else {}
    moving = [(row["cost"], row["resolved"]) for name in SIGNS if name in told for row in told[name]]
    return [_frontier(one, moving) for one in found.frontiers]


def _frontier(one: Frontier, moving: list[tuple[float, float]]) -> Figure:
    points = [
        *moving,
        one.weak,
        one.strong,
        *(point for x, y in one.curves.values() for point in zip(x, y, strict=True)),
    ]
    (low, high), (bottom, top) = ((min(each), max(each)) for each in zip(*points, strict=True))
    when = "once the answer is in" if one.turn == "end" else f"at turn {one.turn}"
    chart = Chart(
        f"Share of runs solved against mean cost when more and more runs are escalated {when}; the numbers stand below",
        Axis("USD a run", low - 0.04 * (high - low), high + 0.04 * (high - low)),
        Axis("runs solved", max(0.0, bottom - 0.03), min(1.0, top + 0.03), percent),
        height=290,
    )
    chart.band(*one.random, SERIES["random"], "95 % of random routers")
    for name, (x, y) in sorted(one.curves.items(), key=lambda item: item[0] == "router"):
        chart.line(x, y, SERIES.get(name, 6), name)
    for name, (cost, solved) in (("always weak", one.weak), ("always strong", one.strong)):
        chart.dots([cost], [solved], 6, words=[f"{name}: {cost:.3g} USD, {percent(solved)} solved"], size=4.5)
        chart.put(_beside(chart, cost, solved, name))
    chart.put(Markup('<g class="operating" id="operating-{}"></g>').format(one.turn))
    chart.name("rule, at your value", Markup('<use href="#sign-rule"/>'))
    chart.name("end, at your value", Markup('<use href="#sign-end"/>'))
    rows = [
        [name, *(f"{y[at]:.3f} at {x[at]:.3g} USD" for at in (0, 10, 20, 30, 40))]
        for name, (x, y) in one.curves.items()
    ]
    hindsight = (
        ""
        if one.turn == "end"
        else " Of the turns after the first it is the one with the highest Route-AUC, in hindsight."
    )
    left_out = f" {one.left_out} runs without a known cost are left out." if one.left_out else ""
    return Figure(
        f"Cost and quality: deciding {when}",
        chart,
        f"Up and to the left is better. {one.runs} runs, ranked by each router; from left to right more of them are "
        f"escalated.{hindsight}{left_out}",
        ["ranked by", "0 % escalated", "25 %", "50 %", "75 %", "100 %"],
        rows,
    )


def _beside(chart: Chart, x: float, y: float, name: str) -> Markup:
    """A name beside a mark, on the side where there is room."""
    at = chart.across(x)
    left = at > chart.width * 0.6
    form = '<text class="name{}" x="{}" y="{}">{}</text>'
    return Markup(form).format(" end" if left else "", at + (-7 if left else 7), chart.up(y) + 14, name)


def routing(found: Findings) -> Figure | None:
    part = found.evaluation["splits"][found.split]
    told = [(turn, row) for turn in turns_of(part) if (row := row_of(part, turn))["route_auc"] is not None]
    if not told:
        return None
    turns = [turn for turn, _ in told]
    ends = [end for _, row in told for end in (*row["route_auc_ci"], row["oracle"])]
    chart = Chart(
        "Route-AUC by turn with 95 % intervals and the band of random routers; the numbers stand below",
        turn_axis(turns),
        Axis("Route-AUC", min(0.0, *ends), max(1.0, *ends)),
    )
    at = list(range(len(told)))
    bands = [row["random_band"] or [float("nan")] * 2 for _, row in told]
    lows, highs = zip(*bands, strict=True)
    if len(at) > 1:
        chart.band(at, lows, highs, SERIES["random"], "95 % of random routers")
    chart.line(at, [row["oracle"] for _, row in told], SERIES["oracle"], "oracle")
    chart.dots(
        at,
        [row["route_auc"] for _, row in told],
        SERIES["router"],
        "router",
        [row["route_auc_ci"] for _, row in told],
        [f"turn {turn}: {with_interval(row['route_auc'], row['route_auc_ci'])}" for turn, row in told],
    )
    rows = [
        [
            turn,
            with_interval(row["route_auc"], row["route_auc_ci"]),
            band(row["random_band"]),
            with_interval(row["gain_over_prompt"], row["gain_ci"], sign=True),
            number(row["oracle"]),
        ]
        for turn, row in told
    ]
    return Figure(
        "Route-AUC: what a ranking at this turn buys",
        chart,
        "The area under solved against cost, between always weak and always strong; the weak turns are paid for.",
        ["turn", "Route-AUC", "random", "gain over the prompt alone", "oracle"],
        rows,
    )


def gains(found: Findings) -> Figure | None:
    """Net gain over the best constant, over the values of a solved task; where the knob stands is drawn by the page."""
    told = found.knob
    if told is None:
        return None
    shares = {name: _shares(told, name) for name in ("rule", "rule + stop")}
    ends = [end for rows in shares.values() for row in rows for end in row]
    chart = Chart(
        "Gain of the rule over the best constant by the value of a solved task, with its 95 % interval",
        Axis("USD a solved task (logarithmic)", told["values"][0], told["values"][-1], short, log=True),
        Axis("gain, solved tasks a run", max(_LEAST_GAIN, min(ends)), max(0.02, *ends)),
    )
    for series, (name, rows) in enumerate(shares.items()):
        chart.band(told["values"], [row[1] for row in rows], [row[2] for row in rows], series)
        chart.line(told["values"], [row[0] for row in rows], series, name)
    chart.rule(y=0.0)
    chart.put(Markup('<path class="here" id="worth-line" d=""/>'))
    table = [
        [short(at), told["best_constant"][n], *(gain_words(told["policies"][name][n]) for name in shares)]
        for n, at in enumerate(told["values"])
        if n % 5 == 0
    ]
    return Figure(
        "Where would routing pay?",
        chart,
        "Above the dotted line comparing y1 and y2 at every turn earns more than the best of always weak, always strong and "
        "doing nothing; + stop: it may give up, too. Bands are 95 %, each on its own.",
        ["USD a solved task", "best constant", *(f"gain of {name}, USD a run" for name in shares)],
        table,
    )


def _shares(told: dict[str, Any], name: str) -> list[list[float]]:
    """Gain and its ends as a share of the value, so that all of the range can be seen."""
    rows = zip(told["policies"][name], told["values"], strict=True)
    return [[each / at for each in (row["gain"], *row["gain_ci"])] for row, at in rows]


def gain_words(row: dict[str, Any]) -> str:
    """The gain of a row of the knob over the best constant, in USD a run."""
    return f"{signed(row['gain'])} [{signed(row['gain_ci'][0])}, {signed(row['gain_ci'][1])}]"


def signed(usd: float) -> str:
    return f"{usd:+.3g}" if usd else "0"
