"""Logs in which the environment stopped the run when the answer was right: still going tells the label."""

from __future__ import annotations

from typing import Any

from featrouter.training.table import Table

#: A harness whose early-ending runs nearly all succeed, while the others mostly do not, was stopped by an oracle.
_EARLY_SOLVED, _LATE_SOLVED, _LEAST_RUNS = 0.97, 0.6, 20


def oracle_stopped(table: Table) -> list[dict[str, Any]]:
    """Harnesses whose runs end when the answer is right, so that still going at turn k tells the label.

    Compared are the runs that end before the harness' last turn and those that reach it: the latest turn that enough
    runs reach, since a few may straggle on. With them goes the resolved rate by end turn.
    """
    ends = table.meta[(table.meta["at_end"] == 1) & table.meta["y_weak"].notna()]
    found = []
    for (harness, model), runs in ends.groupby(["harness", "weak_model"]):
        last = runs["k"].sort_values(ascending=False).iloc[min(_LEAST_RUNS, len(runs)) - 1]
        early, late = runs[runs["k"] < last]["y_weak"], runs[runs["k"] >= last]["y_weak"]
        if min(len(early), len(late)) >= _LEAST_RUNS and early.mean() >= _EARLY_SOLVED and late.mean() <= _LATE_SOLVED:
            found.append(
                {
                    "harness": str(harness),
                    "weak_model": str(model),
                    "last_turn": int(last),
                    "resolved_early": round(float(early.mean()), 4),
                    "resolved_at_last_turn": round(float(late.mean()), 4),
                    "resolved_by_end_turn": {
                        str(int(k)): round(float(rate), 4) for k, rate in runs.groupby("k")["y_weak"].mean().items()
                    },
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
