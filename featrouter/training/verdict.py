"""When this backfires: what the logs themselves say against routing, and the verdict in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from featrouter.training.table import Table

#: A harness whose early-ending runs nearly all succeed, while the others mostly do not, was stopped by an oracle.
_EARLY_SOLVED, _LATE_SOLVED, _LEAST_RUNS = 0.97, 0.6, 20


def oracle_stopped(table: Table) -> list[dict[str, Any]]:
    """Harnesses whose runs end when the answer is right, so that still going at turn k tells the label.

    Compared are the runs that end before the harness' last turn and those that reach it.
    """
    ends = table.meta[(table.meta["at_end"] == 1) & table.meta["y_weak"].notna()]
    found = []
    for (harness, model), runs in ends.groupby(["harness", "weak_model"]):
        last = runs["k"].max()
        early, late = runs[runs["k"] < last]["y_weak"], runs[runs["k"] == last]["y_weak"]
        if min(len(early), len(late)) >= _LEAST_RUNS and early.mean() >= _EARLY_SOLVED and late.mean() <= _LATE_SOLVED:
            found.append(
                {
                    "harness": str(harness),
                    "weak_model": str(model),
                    "last_turn": int(last),
                    "resolved_early": round(float(early.mean()), 4),
                    "resolved_at_last_turn": round(float(late.mean()), 4),
                }
            )
    return found


def oracle_words(stop: dict[str, Any]) -> str:
    """The warning that goes with an oracle-stopped log."""
    return (
        f"oracle-stopped log: runs of {stop['weak_model']} ({stop['harness']}) that end before turn "
        f"{stop['last_turn']} are solved in {stop['resolved_early']:.0%} of cases, those that reach it in "
        f"{stop['resolved_at_last_turn']:.0%}. Still going is itself evidence here; "
        "the gain is real for this environment and worth nothing elsewhere"
    )


def co_failure(table: Table) -> dict[str, Any] | None:
    """Share of tasks that neither model solves, with its 95 % Clopper-Pearson interval: no router can solve these."""
    if "y_strong" not in table.meta:
        return None
    from scipy.stats import beta

    ends = table.meta[(table.meta["at_end"] == 1)].dropna(subset=["y_weak", "y_strong"])
    if not len(ends):
        return None
    tasks = ends.groupby("task_id")[["y_weak", "y_strong"]].max().max(axis=1)
    n, lost = len(tasks), int((tasks == 0).sum())
    low = float(beta.ppf(0.025, lost, n - lost + 1)) if lost else 0.0
    high = float(beta.ppf(0.975, lost + 1, n - lost)) if lost < n else 1.0
    return {"tasks": n, "share": round(lost / n, 4), "ci": [round(low, 4), round(high, 4)]}


def verdict(report: dict[str, Any]) -> list[str]:
    """What a user should make of the numbers, a sentence a finding; the first says whether to route."""
    words = [_routing(report)]
    words += [oracle_words(stop) for stop in report["oracle_stopped"]]
    shared = report["co_failure"]
    if shared:
        words.append(
            f"{shared['share']:.0%} of the tasks (95 % interval {shared['ci'][0]:.0%} to {shared['ci'][1]:.0%}) are "
            "solved by neither model: no router can solve more than the rest"
        )
    return words


def _routing(report: dict[str, Any]) -> str:
    if report["pair"]["strong"] is None:
        return "no strong model was named: only r1 is judged (name one with --strong)"
    split = "repo_disjoint" if "repo_disjoint" in report["splits"] else next(iter(report["splits"]), None)
    if split is None:
        return "too few tasks to judge routing"
    turns = {k: row for k, row in report["splits"][split]["k"].items() if row["route_auc"] is not None}
    if not turns:
        refused = next(
            (row["route_auc_refused"] for row in report["splits"][split]["k"].values()), "no turn has enough runs"
        )
        return f"do not route this pair: Route-AUC is not defined ({refused})"
    beyond = {k: row for k, row in turns.items() if row["route_auc_ci"] and row["random_band"] and _beats_chance(row)}
    if not beyond:
        best = max(turns, key=lambda k: float(turns[k]["route_auc"]))
        return (
            f"do not route this pair: at no turn does Route-AUC leave the band of a random router ({split}; best "
            f"{turns[best]['route_auc']:.2f} at k = {best}, random {_band(turns[best])})"
        )
    gaining = [k for k, row in beyond.items() if k != "0" and row["gain_ci"] and row["gain_ci"][0] > 0]
    if gaining:
        best = max(gaining, key=lambda k: float(beyond[k]["route_auc"]))
        row = beyond[best]
        return (
            f"route at turn {best}: Route-AUC {row['route_auc']:.2f} against {_band(row)} for a random router, and "
            f"{row['gain_over_prompt']:+.2f} [{row['gain_ci'][0]:+.2f}, {row['gain_ci'][1]:+.2f}] over the prompt alone "
            f"({split})"
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


def _beats_chance(row: dict[str, Any]) -> bool:
    return bool(
        row["route_auc"] > row["random_band"][1] and row["route_auc_ci"][0] > float(np.mean(row["random_band"]))
    )


def _band(row: dict[str, Any]) -> str:
    return f"{row['random_band'][0]:.2f} to {row['random_band'][1]:.2f}"
