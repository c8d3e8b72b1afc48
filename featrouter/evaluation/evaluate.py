"""Does routing this pair pay, and when? Cross-validated (or a given bundle's) numbers, each with its interval."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from featrouter.bundle import Bundle
from featrouter.evaluation.baselines import BASELINES
from featrouter.evaluation.crossval import Judged, cross_validated
from featrouter.evaluation.discrimination import calibration, compared, heads
from featrouter.evaluation.evaluation import Evaluation
from featrouter.evaluation.offpolicy import estimate, logged
from featrouter.evaluation.texts import Texts
from featrouter.evaluation.turns import by_turn
from featrouter.evaluation.value import net_value, value_range
from featrouter.evaluation.verdict import co_failure, verdict
from featrouter.logs import LogError, Logs
from featrouter.policy import Policy
from featrouter.training.leaks import leaking
from featrouter.training.learn import Settings
from featrouter.training.oracle import oracle_stopped
from featrouter.training.overlap import seen_before
from featrouter.training.pair import pair
from featrouter.training.predictions import Predictions, of_bundle
from featrouter.training.table import Table, table_of
from featrouter.training.worth import follow, walks

#: Both are reported always: the sign of the trajectory's gain can flip between them (method.md section 2).
SPLITS = {"mixed": "task_id", "repo_disjoint": "repo"}
DRAWS = 500
#: The baselines that are quick and need no text.
USUAL = ("repeated", "stage", "cost", "logistic", "prompt")


def evaluate(
    table: Table,
    *,
    weak: str,
    strong: str | None = None,
    given: Predictions | None = None,
    policies: Mapping[str, Policy] | None = None,
    seen: float | None = None,
    settings: Settings | None = None,
    baselines: Sequence[str] = (),
    texts: Texts | None = None,
    splits: Sequence[str] = tuple(SPLITS),
    values: Sequence[float] | None = None,
    draws: int = DRAWS,
    jobs: int = 1,
    progress: Callable[[str], None] = lambda stage: None,
    held_out: Callable[[str, Judged], None] = lambda split, judged: None,
) -> Evaluation:
    """The report of `featrouter evaluate --json` (keys: method.md section 2 and README). Numbers unknown are None.

    `given`: predictions to judge as they are, with the `policies` that go with them and the share of the tasks that who
    made them had `seen`; otherwise the router of `settings` and the `baselines` (of BASELINES) are trained inside every
    fold of both splits. `values`: what a solved task is worth, in USD, where policies are compared; by default the
    settings' own and five around the break-even. `held_out` is told what was said of every row, by split. ValueError for
    a baseline that is not known, or wants texts and has none.
    """
    settings = settings or Settings()
    _check(baselines, texts)
    report: dict[str, Any] = {
        "pair": {"weak": weak, "strong": strong},
        "tasks": int(table.meta["task_id"].nunique()),
        "runs": int(table.meta["run_id"].nunique()),
        "value": settings.value,
        "settings": settings.as_dict(),
        "splits": {},
        "co_failure": co_failure(table),
        "oracle_stopped": oracle_stopped(table),
        "leaking": leaking(table),
    } | ({} if seen is None else {"tasks_seen": round(seen, 4)})
    if values is None:
        values = value_range(walks(table, Predictions.unknown(len(table))), settings.value)
    for split in ("given",) if given is not None else splits:
        group = SPLITS.get(split)
        if group and table.meta[group].nunique() < 2:
            continue
        progress(split)
        if given is not None:
            judged = _as_given(table, given, policies or {"rule": Policy()}, values)
        else:
            judged = cross_validated(
                table,
                str(group),
                settings,
                values=values,
                baselines=baselines,
                texts=texts,
                jobs=jobs,
                progress=progress,
            )
        held_out(split, judged)
        progress("intervals")
        report["splits"][split] = _judge(table, judged, settings, draws)
    return Evaluation(report | {"verdict": verdict(report)})


def evaluate_logs(
    logs: Sequence[str | os.PathLike[str]],
    *,
    strong: str | None = None,
    weak: str | None = None,
    harness: Sequence[str] = (),
    bundle: Bundle | None = None,
    settings: Settings | None = None,
    baselines: Sequence[str] = USUAL,
    jobs: int = 1,
    max_rejects: int = 0,
) -> Evaluation:
    """`evaluate` for one pair of models in log files and folders: what `featrouter evaluate` does, in a notebook.

    With a `bundle` that one is judged as it is. LogError for what cannot be read, and for more rejected rows than
    `max_rejects`; ValueError for baselines that are not known.
    """
    read = Logs([Path(log) for log in logs])
    if read.rejected > max_rejects:
        raise LogError(f"{read.rejected} rows were rejected: {'; '.join(map(str, read.summary()))}")
    table = pair(table_of(read, jobs=jobs), read, weak, strong, harness)
    return evaluate(
        table,
        weak=", ".join(sorted(table.meta["weak_model"].unique())),
        strong=strong,
        given=of_bundle(table, bundle) if bundle else None,
        policies=bundle.policies if bundle else None,
        seen=seen_before(table.meta["task_id"].unique(), bundle.provenance) if bundle else None,
        settings=settings,
        baselines=() if bundle else baselines,
        jobs=jobs,
    )


def _check(baselines: Sequence[str], texts: Texts | None) -> None:
    if unknown := [name for name in baselines if name not in BASELINES]:
        raise ValueError(f"baseline {unknown[0]!r}: known are {', '.join(BASELINES)}")
    if "tfidf" in baselines and texts is None:
        raise ValueError("baseline tfidf reads text: give the turns and runs files, not feature rows")


def _as_given(table: Table, given: Predictions, policies: Mapping[str, Policy], values: Sequence[float]) -> Judged:
    judged = Judged(given, {}, np.zeros(len(table), np.int64))
    if (runs := walks(table, given)) is not None:
        for value in values:
            for name, policy in policies.items():
                judged.ledgers[name, value] = follow(policy, runs, value)
                judged.ledgers[f"{name} + stop", value] = follow(replace(policy, allow_stop=True), runs, value)
    return judged


def _judge(table: Table, judged: Judged, settings: Settings, draws: int) -> dict[str, Any]:
    """The split's numbers: `k` by turn, and `end`, where the answer is in and is accepted or escalated."""
    meta = table.meta
    going, k = (meta["at_end"] == 0).to_numpy(), meta["k"].to_numpy()
    found: dict[str, Any] = {"k": {}}
    for turn, route in by_turn(table, judged, settings.value, draws).items():
        rows = ~going if turn == "end" else going & (k == int(turn))
        areas = compared(table, judged, rows, draws)
        routes = route.pop("baselines")
        both = {name: {"r1": areas[name], "route": routes.get(name)} for name in areas}
        row = heads(table, judged, rows, draws) | route | ({"baselines": both} if both else {})
        (found if turn == "end" else found["k"])[turn] = row
    if judged.baselines:
        found["all_turns"] = compared(table, judged, going, draws)
    runs = walks(table, judged.told)
    found["value"], found["unpriced"] = [], 0
    if runs is not None:
        found["unpriced"] = int((np.isnan(runs.cost_weak) | np.isnan(runs.cost_strong)).sum())
        found["value"] = [] if found["unpriced"] else net_value(runs, judged.ledgers, draws)
    found["calibration"] = calibration(table, judged.told, draws)
    found["folds"] = judged.made
    if "route" in meta:
        found["off_policy"] = estimate(logged(table, judged.told, settings.value))
    return found
