"""Where r1 is off: by repository, harness and turn, what it says beside what happened."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from featrouter.drawing.chart import mark
from featrouter.drawing.scale import Scale
from featrouter.evaluation.reliability import proportion_interval
from featrouter.training.words import number, with_interval

_GROUPS = 20
_WIDE = 160


def failures(told: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]], int]]:
    """Where r1 is off: by repository, harness and turn; the rows, worst first, and how many of them are off."""
    found = told["calibration"].get("r1", {})
    turns = [
        {"group": f"turn {k}" if k != "end" else "answer in", "n": row["r1"]["n"], "auroc": row["r1"]["auroc"]}
        | _rates(row["r1"])
        for k, row in (told["k"] | {"end": told["end"]}).items()
        if row["r1"]["n"]
    ]
    tables = []
    for title, rows in (
        ("By repository", found.get("by_repo", [])),
        ("By harness", found.get("by_harness", [])),
        ("By turn", turns),
    ):
        lines = [_range(row) for row in rows if row["ci"]]
        if title != "By turn":
            lines.sort(key=lambda line: -abs(line["miss"]))
        if lines:
            tables.append((title, lines[:_GROUPS], sum(line["off"] for line in lines)))
    return tables


def _rates(row: dict[str, Any]) -> dict[str, Any]:
    low, high = proportion_interval(round(row["resolved"] * row["n"]), row["n"])
    return {"predicted": row["predicted"], "observed": row["resolved"], "ci": [low, high]}


def _range(row: dict[str, Any]) -> dict[str, Any]:
    across, (low, high) = Scale(0.0, 1.0, 4, _WIDE - 4), row["ci"]
    drawn = Markup(
        '<svg class="range" viewBox="0 0 {} 16" aria-hidden="true"><path class="grid" d="M4,8H{}"/>'
        '<path class="whisker s0" d="M{},8H{}"/>{}{}</svg>'
    ).format(
        _WIDE,
        _WIDE - 4,
        across(low),
        across(high),
        mark(across(row["observed"]), 8, 0),
        mark(across(row["predicted"]), 8, 3, size=4),
    )
    return {
        "group": row["group"],
        "n": row["n"],
        "predicted": number(row["predicted"]),
        "observed": with_interval(row["observed"], row["ci"]),
        "auroc": number(row["auroc"]) if "auroc" in row else "",
        "miss": row["predicted"] - row["observed"],
        "off": not low <= row["predicted"] <= high,
        "drawn": drawn,
    }
