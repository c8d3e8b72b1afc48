"""A report as tables for people: text for the terminal, Markdown for a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from featrouter.evaluation.baselines import BASELINES
from featrouter.training.words import band, markdown, number, rows_of, with_interval

Report = dict[str, Any]


class Shown(NamedTuple):
    """One table: what it is, its header, its rows."""

    title: str
    header: list[str]
    rows: list[list[str]]


def evaluation(report: Report, at: Sequence[int] = ()) -> str:
    """One pair's report for the terminal: the verdict, then the tables of each split."""
    lines = [heading(report), *(f"* {sentence}" for sentence in report["verdict"])]
    for shown in tables(report, at):
        lines += ["", shown.title, rows_of(shown.header, shown.rows)]
    return "\n".join(lines)


def page(reports: Sequence[Report], at: Sequence[int], command: str) -> str:
    """Several pairs as a page in Markdown: a summary, then each pair's tables."""
    asked = {name for report in reports for split in report["splits"].values() for name in split.get("all_turns", {})}
    told = [f"* *{name}*: {what}" for name, what in BASELINES.items() if name in asked]
    lines = [
        "# Benchmarks\n",
        "Printed by:\n",
        f"```sh\n{command}\n```\n",
        _READING,
        *(["\nBaselines, on the same folds:\n", *told] if told else []),
        "\n## Summary\n",
        summary(reports, at),
    ]
    for report in reports:
        lines += [f"\n## {heading(report)}\n", *(f"* {sentence}" for sentence in report["verdict"])]
        for shown in tables(report, at):
            lines += [f"\n**{shown.title}**\n", markdown(shown.header, shown.rows)]
    return "\n".join(lines)


_READING = """\
Intervals are 95 % over tasks, each on its own unless said otherwise. Every number is of a router that was trained,
calibrated and given its policy on other tasks (`mixed`) or other repositories (`repo_disjoint`). *chance*: the smooth
calibration error that perfect probabilities would stay below in 95 % of cases. `+`: the router is significantly better
than the baseline, `-`: significantly worse, `=`: neither is shown."""


def summary(reports: Sequence[Report], at: Sequence[int]) -> str:
    """Pairs side by side, in Markdown: AUROC of r1 on each split, Route-AUC and its random band; then the verdicts."""
    given = any("given" in report["splits"] for report in reports)  # a bundle, as it is: there is nothing to split
    splits = ["given"] if given else ["mixed", "repo_disjoint"]
    last = "" if given else " repo-disjoint"
    header = ["weak -> strong", "k", *(f"AUROC r1 {split.replace('_', '-')}" for split in splits)]
    header += [f"Route-AUC{last}", "random band"]
    rows = []
    for report in reports:
        stopped = " (oracle-stopped)" if report["oracle_stopped"] else ""
        found = [report["splits"].get(split, {"k": {}})["k"] for split in splits]
        for k in map(str, at):
            if k in found[0]:
                told = [part[k]["r1"] if k in part else None for part in found]
                cells = [with_interval(row["auroc"], row["auroc_ci"]) if row else "-" for row in told]
                money = found[-1].get(k)
                cells += [with_interval(money["route_auc"], money["route_auc_ci"]) if money else "-"]
                cells += [band(money["random_band"]) if money else "-"]
                rows.append([_pair(report) + stopped, k, *cells])
    verdicts = [f"* {_pair(report)}: {report['verdict'][0]}" for report in reports]
    return "\n".join([markdown(header, rows), "", *verdicts])


def _pair(report: Report) -> str:
    return f"{report['pair']['weak']} -> {report['pair']['strong'] or '(none)'}"


def heading(report: Report) -> str:
    """The pair, and how much was judged."""
    return f"{_pair(report)}: {report['tasks']} tasks, {report['runs']} runs"


def tables(report: Report, at: Sequence[int] = ()) -> list[Shown]:
    """All tables of a report that have rows; of turns, those `at` alone where some are named."""
    found = []
    for split, part in report["splits"].items():
        turns = {k: row for k, row in part["k"].items() if not at or int(k) in at} | {"end": part["end"]}
        found += [_heads(split, turns), _routes(split, turns)]
        names = list(next(iter(turns.values())).get("baselines", {}))
        if names:
            found.append(_against(f"{split}: AUROC of r1, beside baselines", names, turns, "auroc", lambda b: b["r1"]))
            found.append(
                _against(f"{split}: Route-AUC, beside baselines", names, turns, "route_auc", lambda b: b["route"])
            )
            found.append(_gains(split, part["all_turns"]))
        if part["value"]:
            found += [_values(split, part["value"]), _prices(split, part["value"], report["value"])]
        if by_repo := part["calibration"].get("r1", {}).get("by_repo"):
            found.append(_repositories(split, by_repo))
        if "off_policy" in part:
            found.append(_off_policy(split, part["off_policy"]))
    return [shown for shown in found if shown.rows]


def _heads(split: str, turns: Report) -> Shown:
    header = ["k", "runs", "r1 AUROC", "within repo", "Brier (constant)", "log-loss", "smECE (chance)"]
    header += ["r2 AUROC", "r2 Brier (constant)", "r2 smECE (chance)"]
    rows = []
    for k, row in turns.items():
        r1, r2 = row["r1"], row["r2"]
        rows.append([k, str(r1["n"]), with_interval(r1["auroc"], r1["auroc_ci"])])
        rows[-1] += [with_interval(r1["within_auroc"], r1["within_auroc_ci"]), _beside(r1, "brier", "brier_constant")]
        rows[-1] += [number(r1["logloss"], 3), _beside(r1, "smece", "smece_chance")]
        rows[-1] += [with_interval(r2["auroc"], r2["auroc_ci"]), _beside(r2, "brier", "brier_constant")]
        rows[-1] += [_beside(r2, "smece", "smece_chance")]
    return Shown(f"{split}: how well r1 and r2 tell, and how far they can be taken at their word", header, rows)


def _beside(row: Report, one: str, other: str) -> str:
    return f"{number(row[one], 3)} ({number(row[other], 3)})"


def _routes(split: str, turns: Report) -> Shown:
    header = ["k", "Route-AUC", "random", "gain over prompt", "all turns together", "perfect r1", "oracle"]
    rows = []
    for k, row in turns.items():
        if row["route_auc"] is None:
            continue
        rows.append([k, with_interval(row["route_auc"], row["route_auc_ci"]), band(row["random_band"])])
        rows[-1] += [with_interval(row["gain_over_prompt"], row["gain_ci"], sign=True)]
        ends = row["gain_ci_all"]
        rows[-1] += ["-" if ends is None else f"[{number(ends[0], sign=True)}, {number(ends[1], sign=True)}]"]
        rows[-1] += [number(row["perfect_r1"]), number(row["oracle"])]
    return Shown(f"{split}: what deciding once, at turn k, buys", header, rows)


def _against(title: str, names: Sequence[str], turns: Report, key: str, part: Callable[[Report], Any]) -> Shown:
    rows = []
    for k, row in turns.items():
        ours = row["r1"]["auroc"] if key == "auroc" else row["route_auc"]
        found = [part(row["baselines"][name]) for name in names]
        if ours is not None and any(found):
            rows.append([k, number(ours), *(_marked(one, key) if one else "-" for one in found)])
    return Shown(title, ["k", "router", *names], rows)


def _gains(split: str, found: Report) -> Shown:
    rows = []
    for name, one in found.items():
        rows.append([name, number(one["auroc"]), with_interval(one["gain"], one["gain_ci"], sign=True)])
        rows[-1] += [with_interval(one.get("logloss_gain"), one.get("logloss_gain_ci"), sign=True, digits=3)]
    header = ["baseline", "its AUROC of r1", "gain of the router, AUROC", "gain in log-loss (nats)"]
    return Shown(f"{split}: the router against each baseline, paired, over all turns", header, rows)


def _marked(one: Report, key: str) -> str:
    low, high = one["gain_ci"] or (0, 0)
    return f"{number(one[key])} {'+' if low > 0 else '-' if high < 0 else '='}"


def _values(split: str, values: Sequence[Report]) -> Shown:
    names = [name for name in values[0]["policies"] if name not in ("always-weak", "always-strong", "stop")]
    names = [name for name in names if any(name in one["policies"] for one in values)]
    rows = []
    for one in values:
        gains = [one["policies"].get(name) for name in names]
        told = [_gain(row["gain_over_constant"], row["gain_over_constant_ci"]) if row else "-" for row in gains]
        rows.append([f"{one['value']:g}", one["best_constant"], *told])
    header = ["USD a solved task", "best constant", *names]
    return Shown(f"{split}: what policies earn over the best constant, USD a run", header, rows)


def _prices(split: str, values: Sequence[Report], at: float) -> Shown:
    """At the user's value, and where the two constants earn the same: what each policy does and costs."""
    even = min(values, key=lambda one: abs(_net(one, "always-weak") - _net(one, "always-strong")) / one["value"])
    header = ["USD a solved task", "policy", "net a run", "over the best fixed turn", "resolved"]
    header += ["USD per solved", "escalated", "stopped"]
    rows = []
    for one in [even, *(one for one in values if one["value"] == at and one is not even)]:
        for name, row in one["policies"].items():
            price, ends = row["usd_per_solved"], row["usd_per_solved_ci"]
            rows.append([f"{one['value']:g}", name, _usd(row["net"])])
            rows[-1] += [_gain(row.get("gain_over_fixed"), row.get("gain_over_fixed_ci")), number(row["resolved"])]
            rows[-1] += [
                "-" if price is None else _usd(price) + (f" [{_usd(ends[0])}, {_usd(ends[1])}]" if ends else "")
            ]
            rows[-1] += [number(row["escalated"]), number(row["stopped"])]
    return Shown(f"{split}: what policies do, at break-even of the constants and at your value", header, rows)


def _net(one: Report, name: str) -> float:
    return float(one["policies"][name]["net"])


def _usd(amount: float) -> str:
    return f"{amount:.3g}"


def _gain(amount: float | None, ends: Sequence[float] | None) -> str:
    if amount is None or ends is None:
        return "-"
    return f"{amount:+.2g} [{ends[0]:+.2g}, {ends[1]:+.2g}]"


def _repositories(split: str, found: Sequence[Report]) -> Shown:
    rows = [
        [one["group"], str(one["n"]), number(one["predicted"]), with_interval(one["observed"], one["ci"])]
        for one in found
    ]
    return Shown(f"{split}: r1 by repository (one row a run)", ["repository", "runs", "mean r1", "resolved"], rows)


def _off_policy(split: str, found: Report) -> Shown:
    rows = [
        [
            name,
            _usd(found[name]["value"]),
            "-" if not found[name]["ci"] else "[{:.3g}, {:.3g}]".format(*found[name]["ci"]),
        ]
        for name in ("dm", "ips", "snips", "dr", "gain_over_weak", "gain_over_strong")
        if name in found and found[name]["value"] is not None
    ]
    rest = f"{found['n']} decisions, effective {found['ess']}" if "ess" in found else found.get("claim", "")
    return Shown(
        f"{split}: value of the router on one-armed logs, USD a run ({rest})", ["estimate", "value", "95 %"], rows
    )
