"""Figures of foresight: how well r1 and r2 tell solved from unsolved runs, and whether they can be taken at their word."""

from __future__ import annotations

from typing import Any

from featrouter.drawing.chart import Axis, Chart
from featrouter.report.figures import Figure, row_of, turn_axis, turns_of
from featrouter.report.findings import Findings
from featrouter.training.words import number, with_interval


def discrimination(found: Findings) -> list[Figure]:
    return [_auroc(found, "r1", "the weak model solves it"), _auroc(found, "r2", "the strong model solves it")]


def _auroc(found: Findings, head: str, what: str) -> Figure:
    splits = found.evaluation["splits"]
    turns = turns_of(splits[found.split])
    chart = Chart(
        f"AUROC of {head} by turn, with 95 % intervals; the numbers stand below",
        turn_axis(turns),
        Axis("AUROC", 0.2, 1.0),
    )
    chart.rule(y=0.5)
    rows = []
    for series, (split, part) in enumerate(splits.items()):
        told = [(at, row_of(part, turn)[head]) for at, turn in enumerate(turns) if turn == "end" or turn in part["k"]]
        told = [(at, row) for at, row in told if row["auroc"] is not None]
        aside = (series - (len(splits) - 1) / 2) * 0.22
        chart.dots(
            [at + aside for at, _ in told],
            [row["auroc"] for _, row in told],
            series,
            _SPLITS.get(split, split),
            [row["auroc_ci"] for _, row in told],
            [f"turn {turns[at]}: {with_interval(row['auroc'], row['auroc_ci'])}, {row['n']} runs" for at, row in told],
        )
        rows += [
            [split, turns[at], with_interval(row["auroc"], row["auroc_ci"]), str(row["n"]), number(row["brier"], 3)]
            for at, row in told
        ]
    return Figure(
        f"{head}: is it known whether {what}?",
        chart,
        "0.5 is chance, 1 is certainty; intervals are 95 % over tasks.",
        ["split", "turn", "AUROC", "runs", "Brier"],
        rows,
    )


_SPLITS = {
    "mixed": "other tasks (mixed)",
    "repo_disjoint": "other repositories (repo-disjoint)",
    "given": "this bundle, as it is",
}


def reliability(found: Findings) -> list[Figure]:
    told = found.evaluation["splits"][found.split]["calibration"]
    return [_reliability(head, told[head]) for head in ("r1", "r2") if head in told]


def _reliability(head: str, told: dict[str, Any]) -> Figure:
    chart = Chart(
        f"Share of runs solved against predicted {head}, with 95 % intervals; the numbers stand below",
        Axis(f"predicted {head}", 0.0, 1.0),
        Axis("solved", 0.0, 1.0),
        height=300,
    )
    chart.slope()
    bins = told["curve"]
    words = [f"{each['n']} runs: predicted {each['predicted']:.2f}, solved {each['observed']:.2f}" for each in bins]
    series = 0 if head == "r1" else 1
    chart.dots(
        [each["predicted"] for each in bins],
        [each["observed"] for each in bins],
        series,
        ends=[each["ci"] for each in bins],
        words=words,
    )
    error = f"smooth calibration error {with_interval(told['smece'], told['smece_ci'], digits=3)}"
    return Figure(
        f"{head}: can it be taken at its word?",
        chart,
        f"On the dotted line what is predicted is what happens. The {error}; perfect probabilities stay below "
        f"{number(told['smece_chance'], 3)}.",
        ["predicted", "solved", "runs"],
        [[number(each["predicted"]), with_interval(each["observed"], each["ci"]), str(each["n"])] for each in bins],
    )
