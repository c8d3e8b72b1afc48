"""When this backfires: what the logs themselves say against routing, and the verdict in words."""

from __future__ import annotations

from typing import Any

from featrouter.evaluation.reliability import proportion_interval
from featrouter.evaluation.value import POLICIES
from featrouter.training.leaks import leak_words
from featrouter.training.oracle import oracle_words
from featrouter.training.table import Table


def co_failure(table: Table) -> dict[str, Any] | None:
    """Share of tasks that neither model solves, with its 95 % Clopper-Pearson interval: no router can solve these."""
    if "y_strong" not in table.meta:
        return None
    ends = table.meta[(table.meta["at_end"] == 1)].dropna(subset=["y_weak", "y_strong"])
    if not len(ends):
        return None
    tasks = ends.groupby("task_id")[["y_weak", "y_strong"]].max().max(axis=1)
    n, lost = len(tasks), int((tasks == 0).sum())
    low, high = proportion_interval(lost, n)
    return {"tasks": n, "share": round(lost / n, 4), "ci": [round(low, 4), round(high, 4)]}


def verdict(report: dict[str, Any]) -> list[str]:
    """What a user should make of the numbers, a sentence a finding; the first says whether to route."""
    split = "repo_disjoint" if "repo_disjoint" in report["splits"] else next(iter(report["splits"]), None)
    found = report["splits"].get(split, {})
    words = [_routing(report, split)]
    if report.get("tasks_seen"):
        words.append(
            f"{report['tasks_seen']:.0%} of these tasks taught this bundle, so its numbers flatter it: without --bundle its "
            "making is judged, on tasks that it did not see"
        )
    words += [oracle_words(stop) for stop in report["oracle_stopped"]]
    words += [leak_words(leak) for leak in report["leaking"]]
    words += _worth(found.get("value", []), report["value"]) or _no_worth(found)
    shared = report["co_failure"]
    if shared:
        words.append(
            f"{shared['share']:.0%} of the tasks (95 % interval {shared['ci'][0]:.0%} to {shared['ci'][1]:.0%}) are "
            "solved by neither model: no router can solve more than the rest"
        )
    return words


def _routing(report: dict[str, Any], split: str | None) -> str:
    if report["pair"]["strong"] is None:
        return "no strong model was named: only r1 is judged (name one with --strong)"
    if split is None:
        return "too few tasks to judge routing"
    found = report["splits"][split]
    if "off_policy" in found:
        return _one_armed(found["off_policy"])
    turns = {k: row for k, row in found["k"].items() if row["route_auc"] is not None}
    if not turns:
        refused = next((row["route_auc_refused"] for row in found["k"].values()), "no turn has enough runs")
        return f"do not route this pair: Route-AUC is not defined ({refused})"
    beyond = {k: row for k, row in turns.items() if row["above_chance"]}
    ended = {"end": found["end"]} if found.get("end", {}).get("above_chance") else {}
    gaining = {k: row for k, row in (beyond | ended).items() if k != "0" and (row["gain_ci_all"] or [0])[0] > 0}
    values = found.get("value", [])
    if (gaining or "0" in beyond) and values and not _shown(values):
        best = max(gaining or beyond, key=lambda k: float((gaining or beyond)[k]["route_auc"]))
        return (
            f"do not route this pair: runs are ranked better than chance (Route-AUC {(gaining or beyond)[best]['route_auc']:.2f} "
            f"at k = {best}, random {_band((gaining or beyond)[best])}), but no policy is shown to earn more than the best "
            f"constant at any value of a solved task ({split})"
        )
    if gaining:
        best = max(gaining, key=lambda k: float(gaining[k]["route_auc"]))
        row = gaining[best]
        at = "once the weak answer is in: accept it or escalate" if best == "end" else f"at turn {best}"
        return (
            f"route {at}: Route-AUC {row['route_auc']:.2f} against {_band(row)} for a random router, and "
            f"{row['gain_over_prompt']:+.2f} [{row['gain_ci_all'][0]:+.2f}, {row['gain_ci_all'][1]:+.2f}] over the prompt "
            f"alone (an interval for all turns together; {split})"
        )
    if not beyond and (shown := _shown(values)):
        value, name, row = min(shown, key=lambda one: (abs(one[0] - report["value"]), -one[2]["net"]))
        low, high = row["gain_over_constant_ci_all"]
        return (
            f"route by when runs end rather than by what they do: at {value:g} USD a solved task deciding by {name} earns "
            f"{_usd(row['gain_over_constant'])} [{_usd(low)}, {_usd(high)}] USD a run over the best constant, though at no turn "
            f"are the runs that still go on ranked better than chance ({split})"
        )
    if not beyond:
        best = max(turns, key=lambda k: float(turns[k]["route_auc"]))
        return (
            f"do not route this pair: at no turn is Route-AUC shown to be above that of a random router ({split}; best "
            f"{turns[best]['route_auc']:.2f} at k = {best}, random {_band(turns[best])})"
        )
    if "0" in beyond:
        return (
            f"route on the prompt alone (k = 0, Route-AUC {beyond['0']['route_auc']:.2f}, random {_band(beyond['0'])}): "
            f"no gain of the trajectory is shown ({split})"
        )
    best = max(beyond, key=lambda k: float(beyond[k]["route_auc"]))
    row = beyond[best]
    return (
        f"unsure: Route-AUC {row['route_auc']:.2f} at turn {best} is above the random band {_band(row)}, "
        f"but no gain over the prompt alone is shown ({split})"
    )


def _one_armed(found: dict[str, Any]) -> str:
    if "claim" in found:
        return (
            f"nothing can be claimed from this log: {found['claim'].removeprefix('none: ')}; log `propensity` "
            "(Router(epsilon=...) puts it on each Decision)"
        )
    constant = min(("weak", "strong"), key=lambda name: found[f"gain_over_{name}"]["value"])
    gain = found[f"gain_over_{constant}"]
    low, high = gain["ci"] or (float("-inf"), float("inf"))
    told = (
        f"{gain['value']:+.3g} [{low:+.3g}, {high:+.3g}] USD a run over always-{constant} (doubly robust; "
        f"{found['ess']:.0f} effective of {found['n']} logged decisions)"
    )
    return f"route: the router earns {told}" if low > 0 else f"do not route this pair: no gain is shown, {told}"


def _no_worth(found: dict[str, Any]) -> list[str]:
    if found.get("unpriced"):
        return [
            f"what policies earn is not told: {found['unpriced']} runs have no cost of the weak or the strong model"
        ]
    return []


def _shown(values: list[dict[str, Any]]) -> list[tuple[float, str, dict[str, Any]]]:
    """(value, policy, row) wherever a policy is shown to earn more than the best constant, all looked at together."""
    return [
        (one["value"], name, row)
        for one in values
        for name, row in one["policies"].items()
        if (row.get("gain_over_constant_ci_all") or [0])[0] > 0
    ]


def _worth(values: list[dict[str, Any]], at: float) -> list[str]:
    """What the policies earn: at the user's value, and where in the range a gain is shown."""
    if not values:
        return []
    words = []
    here = next((one for one in values if one["value"] == at), values[0])
    mine = {name: row for name, row in here["policies"].items() if name in POLICIES}
    if mine:
        name = max(mine, key=lambda name: float(mine[name]["net"]))
        together = mine[name]["gain_over_constant_ci_all"]
        ends = together or mine[name]["gain_over_constant_ci"]
        words.append(
            f"at {at:g} USD a solved task the best constant is {here['best_constant']}; deciding by {name}, the best of "
            f"{len(mine)} policies, earns {_usd(mine[name]['gain_over_constant'])} [{_usd(ends[0])}, {_usd(ends[1])}] USD a run "
            f"more: {'a gain' if together and together[0] > 0 else 'no gain is shown'}"
        )
    gains = [
        f"{value:g} USD ({name}, {_usd(row['gain_over_constant'])} [{_usd(row['gain_over_constant_ci_all'][0])}, "
        f"{_usd(row['gain_over_constant_ci_all'][1])}])"
        for value, name, row in _shown(values)
    ]
    listed = ", ".join(gains[:4]) + (f" and {len(gains) - 4} more" if len(gains) > 4 else "")
    words.append(
        f"over the range of values a gain over the best constant is shown at: {listed or 'none'} (intervals for all "
        f"{len(values)} values and {len(POLICIES)} policies together)"
    )
    promised = here["policies"].get("risk-controlled")
    if promised:
        words.append(
            f"risk-controlled: realised harm {promised['harm']:.3f} [{promised['harm_ci'][0]:.3f}, "
            f"{promised['harm_ci'][1]:.3f}], {promised['escalated']:.0%} escalated"
        )
    return words


def _usd(amount: float) -> str:
    return f"{amount:+.3g}"


def _band(row: dict[str, Any]) -> str:
    return f"{row['random_band'][0]:.2f} to {row['random_band'][1]:.2f}"
