"""An evaluation as a static picture, drawn by matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

#: Okabe and Ito's palette, told apart by markers and dashes, too.
_BLUE, _RED, _GREEN, _GREY = "#0072b2", "#d55e00", "#009e73", "#999999"
_STYLES = ((_BLUE, "o", "-"), (_RED, "s", "--"), (_GREEN, "^", ":"))


def figure(report: Mapping[str, Any]) -> Any:
    """Four panels: AUROC of r1 by turn, Route-AUC by turn, reliability, gain over the best constant. ImportError in words."""
    try:
        from matplotlib import figure as made
    except ImportError:
        raise ImportError("plot() draws with matplotlib: pip install 'featrouter[plot]'") from None
    drawn = made.Figure(figsize=(11, 8), layout="constrained")
    drawn.suptitle(textwrap.fill(report["verdict"][0], 110), fontsize=11)
    panels = drawn.subplots(2, 2).flat
    split = "repo_disjoint" if "repo_disjoint" in report["splits"] else next(iter(report["splits"]), None)
    for panel, (draw, title) in zip(panels, _PANELS.items(), strict=True):
        panel.set_title(title, fontsize=10)
        if why := "nothing was judged" if split is None else draw(panel, report, split):
            panel.text(0.5, 0.5, textwrap.fill(why, 40), ha="center", va="center", transform=panel.transAxes)
            panel.set_axis_off()
    return drawn


def _auroc(panel: Any, report: Mapping[str, Any], split: str) -> str:
    """Draws, or says why there is nothing to draw; so do the other panels."""
    turns = [*report["splits"][split]["k"], "end"]
    for aside, (name, part), style in zip((-0.1, 0.1), report["splits"].items(), _STYLES, strict=False):
        rows = [
            (at, (part["end"] if turn == "end" else part["k"].get(turn, {})).get("r1")) for at, turn in enumerate(turns)
        ]
        told = [(at + aside, row["auroc"], row["auroc_ci"]) for at, row in rows if row and row["auroc"] is not None]
        _marks(panel, told, style, name)
    panel.axhline(0.5, color=_GREY, linestyle=":", linewidth=1)
    return _turns(panel, turns, "AUROC of r1")


def _route(panel: Any, report: Mapping[str, Any], split: str) -> str:
    part = report["splits"][split]
    rows = [(turn, row) for turn, row in (part["k"] | {"end": part["end"]}).items() if row["route_auc"] is not None]
    if not rows:
        refused = [row["route_auc_refused"] for row in part["k"].values() if "route_auc_refused" in row]
        return refused[0] if refused else "no turn has enough runs"
    told = [(float(at), row["route_auc"], row["route_auc_ci"]) for at, (_, row) in enumerate(rows)]
    bands = [row["random_band"] or [np.nan, np.nan] for _, row in rows]
    panel.fill_between(
        range(len(rows)), *zip(*bands, strict=True), color=_GREY, alpha=0.3, label="95 % of random routers"
    )
    _marks(panel, told, _STYLES[0], "router")
    return _turns(panel, [turn for turn, _ in rows], "Route-AUC")


def _reliability(panel: Any, report: Mapping[str, Any], split: str) -> str:
    found = report["splits"][split]["calibration"]
    if not found:
        return "no run has both a prediction and an outcome"
    for (name, told), style in zip(found.items(), _STYLES, strict=False):
        _marks(panel, [(row["predicted"], row["observed"], row["ci"]) for row in told["curve"]], style, name)
    panel.plot([0, 1], [0, 1], color=_GREY, linestyle=":", linewidth=1)
    panel.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability", ylabel="share solved")
    panel.legend(fontsize=8)
    return ""


def _gain(panel: Any, report: Mapping[str, Any], split: str) -> str:
    values = report["splits"][split]["value"]
    if not values:
        return "what policies earn is not told: the logs do not hold the costs of both models on the same tasks"
    for name, style in zip(("rule", "end", "anytime"), _STYLES, strict=True):
        rows = [(one["value"], one["policies"].get(name)) for one in values]
        told = [(at, row["gain_over_constant"], row["gain_over_constant_ci"]) for at, row in rows if row]
        _marks(panel, told, style, name)
    panel.axhline(0, color=_GREY, linestyle=":", linewidth=1)
    panel.set(xscale="log", xlabel="USD a solved task", ylabel="gain over the best constant, USD a run")
    panel.legend(fontsize=8)
    return ""


_PANELS = {
    _auroc: "Is success foreseen?",
    _route: "What does a ranking at this turn buy?",
    _reliability: "Can it be taken at its word?",
    _gain: "Does it earn more than a constant?",
}


def _marks(
    panel: Any, told: Sequence[tuple[float, float, Sequence[float] | None]], style: tuple[str, str, str], name: str
) -> None:
    """Points with their intervals; an interval may lie beside its point."""
    colour, marker, dash = style
    for x, _, ends in told:
        if ends:
            panel.vlines(x, ends[0], ends[1], color=colour, linewidth=1)
    xs, ys = ([each[n] for each in told] for n in (0, 1))
    panel.plot(xs, ys, color=colour, marker=marker, linestyle=dash, markersize=4, linewidth=1, label=name)


def _turns(panel: Any, turns: Sequence[str], label: str) -> str:
    panel.set(xlabel="turn at which it is asked", ylabel=label)
    panel.set_xticks(range(len(turns)), turns, fontsize=8)
    panel.legend(fontsize=8)
    return ""
