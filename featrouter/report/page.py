"""The page of a report: findings in words, figures and tables, in one file."""

from __future__ import annotations

from typing import Any

from featrouter import __version__
from featrouter.bundle import Bundle
from featrouter.drawing.page import data, render
from featrouter.report import features
from featrouter.report.failures import failures
from featrouter.report.figures import Figure
from featrouter.report.findings import Findings
from featrouter.report.foresight import discrimination, reliability
from featrouter.report.knob import STEPS
from featrouter.report.money import SIGNS, frontiers, gain_words, gains, routing, signed

#: What the knob's table tells of each policy, and in what words; the page's script writes the same.
POLICIES = {
    "rule": "compare y1 and y2 at every turn",
    "rule + stop": "the same, and give up where neither pays",
    "end": "let weak finish, then accept or escalate",
    "fixed": "decide once, at one turn",
    "anytime": "learned thresholds",
    "risk-controlled": "a promise on harm",
    "always-weak": "always weak",
    "always-strong": "always strong",
    "stop": "do nothing",
    "oracle": "oracle: knows both outcomes",
}


def page(found: Findings, name: str) -> str:
    """The report as one HTML file; `name` is the bundle's."""
    evaluation = found.evaluation
    money, told = frontiers(found), evaluation["splits"][found.split]
    worth = gains(found)
    pieces = render(
        "report/report.html",
        title=f"featrouter report: {name}",
        name=name,
        version=__version__,
        pair=evaluation["pair"],
        tasks=evaluation["tasks"],
        runs=evaluation["runs"],
        verdict=evaluation["verdict"],
        routes=evaluation["verdict"][0].startswith("route"),
        judged=_judged(found),
        about=_about(found.bundle),
        flags=found.bundle.flags,
        frontiers=money,
        worth=worth,
        knob=_knob(found),
        discrimination=discrimination(found),
        routing=routing(found),
        refused=next((row["route_auc_refused"] for row in told["k"].values() if "route_auc_refused" in row), ""),
        reliability=reliability(found),
        importances=features.importances(found.bundle),
        swarm=features.beeswarm(found.swarms),
        swarm_rows=min((len(one.effects) for one in found.swarms), default=0),
        dependences=features.dependence(found.dependences),
        failures=failures(told),
        numbers=data("numbers", _numbers(found, money, worth)),
    )
    return "".join(pieces)


def _judged(found: Findings) -> str:
    how = (
        "What is judged is how this bundle was made: routers made like it, each judged on tasks (or repositories) that it did "
        "not learn from. The features' pictures are of the bundle itself."
        if found.trained_anew
        else "What is judged is this bundle as it is, on runs that it has not seen."
    )
    if found.strange:
        names = ", ".join(map(repr, found.strange))
        how += f" It does not know the harness {names}: it is shown as `featrouter adapt` would fit it."
    if found.seen is None:
        return f"{how} The bundle does not tell which tasks it learned from."
    return f"{how} It learned from {found.seen:.0%} of the tasks of these logs."


def _about(bundle: Bundle) -> str:
    told = bundle.provenance
    harnesses = ", ".join(sorted(map(str, bundle.references))) or "none"
    learned = f"It learned from {told.get('runs', '?')} runs of {told.get('tasks', '?')} tasks"
    return f"{learned}; harnesses: {harnesses}. Policy: {bundle.policy}."


def _knob(found: Findings) -> dict[str, Any] | None:
    """The knob's table where it stands at first, which is also what is printed."""
    told = found.knob
    if told is None:
        return None
    rows = []
    for name, series in told["policies"].items():
        row = series[STEPS]
        rows.append(
            {
                "name": name,
                "words": POLICIES.get(name, name),
                "resolved": f"{row['resolved']:.1%}",
                "escalated": f"{row['escalated']:.0%}",
                "bill": f"{1000 * row['cost']:,.0f}",
                "solved": f"{1000 * row['resolved']:,.0f}",
                "net": signed(row["net"]),
                "gain": gain_words(row),
            }
        )
    return {
        "rows": rows,
        "steps": len(told["values"]) - 1,
        "start": STEPS,
        "value": f"{found.value:g}",
        "runs": told["runs"],
        "left_out": told["left_out"],
        "best": POLICIES[told["best_constant"][STEPS]],
    }


def _numbers(found: Findings, money: list[Figure], worth: Figure | None) -> dict[str, Any]:
    """What the page's script needs: the knob's rows, and at which pixels each policy stands in each chart."""
    told = found.knob
    if told is None:
        return {}
    rows = {
        name: [
            [row["resolved"], row["escalated"], row["cost"], row["net"], row["gain"], *row["gain_ci"]] for row in series
        ]
        for name, series in told["policies"].items()
    }
    points = {
        f"operating-{one.turn}": {
            name: [[figure.chart.across(row["cost"]), figure.chart.up(row["resolved"])] for row in series]
            for name, series in told["policies"].items()
            if name in SIGNS
        }
        for one, figure in zip(found.frontiers, money, strict=True)
    }
    line = [] if worth is None else [worth.chart.across(at) for at in told["values"]]
    floor = 0 if worth is None else worth.chart.height - worth.chart.bottom
    best = [POLICIES[name] for name in told["best_constant"]]
    return {"values": told["values"], "rows": rows, "points": points, "line": line, "floor": floor, "best": best}
