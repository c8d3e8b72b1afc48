"""Findings: all that the page shows, reckoned once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from featrouter.bundle import Bundle
from featrouter.evaluation.crossval import Judged
from featrouter.evaluation.evaluate import evaluate
from featrouter.evaluation.evaluation import Evaluation
from featrouter.policy import Policy
from featrouter.report.frontier import Frontier, frontier
from featrouter.report.knob import knob
from featrouter.report.shapes import Dependence, Swarm, dependences, drawn, swarms
from featrouter.training.learn import Settings
from featrouter.training.overlap import seen_before
from featrouter.training.policies import fit_end
from featrouter.training.predictions import of_bundle
from featrouter.training.table import Table
from featrouter.training.worth import walks

#: Above this share of known tasks a bundle's own numbers on a log flatter it.
_FEW = 0.02


@dataclass(frozen=True)
class Findings:
    """`evaluation` is what `featrouter evaluate --json` prints; `split` is the one whose pictures are shown.

    `trained_anew`: the answers are those of routers made like the bundle, each on other tasks; else the bundle's own.
    `seen`: the share of the tasks that the bundle was taught with, None where it does not tell. `strange`: harnesses of the
    log that the bundle does not know.
    """

    bundle: Bundle
    evaluation: Evaluation
    split: str
    trained_anew: bool
    seen: float | None
    strange: list[str]
    value: float
    frontiers: list[Frontier]
    knob: dict[str, Any] | None
    swarms: list[Swarm]
    dependences: list[Dependence]

    def as_dict(self) -> dict[str, Any]:
        """The numbers behind the page, as JSON has them."""
        return {
            "judged": "folds" if self.trained_anew else "bundle",
            "tasks_seen": self.seen,
            "evaluation": self.evaluation,
            "frontiers": [_frontier(one) for one in self.frontiers],
            "knob": self.knob,
            "importances": self.bundle.importances,
            "dependence": [
                {"feature": one.feature, "r1": _rounded(one.r1), "r2": _rounded(one.r2)} for one in self.dependences
            ],
        }


def find(
    table: Table,
    bundle: Bundle,
    *,
    weak: str,
    strong: str | None,
    value: float | None = None,
    judge: str = "auto",
    baselines: Sequence[str] = (),
    draws: int = 500,
    jobs: int = 1,
    progress: Callable[[str], None] = lambda stage: None,
) -> Findings:
    """Judge a bundle on a table of one pair. `judge`: "bundle" takes its own answers, "folds" those of routers made
    like it, each on other tasks, and "auto" the latter wherever the bundle may have been taught with these tasks.

    ValueError where neither the bundle nor its making can be judged.
    """
    value = float(bundle.costs["value"]) if value is None else value
    seen = seen_before(table.meta["task_id"].unique(), bundle.provenance)
    anew = judge == "folds" or (judge == "auto" and (seen is None or seen > _FEW))
    held: dict[str, Judged] = {}
    evaluation = evaluate(
        table,
        weak=weak,
        strong=strong,
        given=None if anew else of_bundle(table, bundle),
        policies=None if anew else bundle.policies,
        seen=None if anew else seen,
        settings=made_like(bundle, value),
        baselines=baselines if anew else (),
        draws=draws,
        jobs=jobs,
        progress=progress,
        held_out=held.__setitem__,
    )
    if not held:
        raise ValueError("these logs hold runs of a single task: nothing can be judged on it")
    split = "repo_disjoint" if "repo_disjoint" in held else next(iter(held))
    judged = held[split]
    progress("pictures")
    runs = walks(table, judged.told)
    policies = {"rule": Policy(), "rule + stop": Policy(allow_stop=True), "end": fit_end(allow_stop=False)}
    sample = drawn(table, bundle)
    moving = swarms(sample, bundle)
    return Findings(
        bundle,
        evaluation,
        split,
        anew,
        seen,
        sorted(set(table.meta["harness"]) - set(bundle.references)),
        value,
        [
            one
            for turn in _turns(evaluation["splits"][split])
            if (one := frontier(table, judged, value, turn)) is not None
        ],
        None if runs is None else knob(runs, policies if anew else policies | bundle.policies, value),
        moving,
        dependences(sample, bundle, [one.feature for one in sorted(moving, key=lambda one: -float(one.effects.std()))]),
    )


def made_like(bundle: Bundle, value: float) -> Settings:
    """The settings that a bundle was trained with, as far as it tells; at another value of a solved task."""
    told = bundle.provenance.get("settings")
    known = {name: told[name] for name in Settings.__dataclass_fields__ if isinstance(told, dict) and name in told}
    without = known.get("without") or []
    try:
        # A promise on harm is made at one value, and judged by `evaluate` where it was asked for.
        return Settings(**known | {"value": value, "without": tuple(without), "policy": "rule", "max_harm": None})
    except (TypeError, ValueError) as error:
        raise ValueError(f"provenance.settings of this bundle are none that could be trained with: {error}") from None


def _turns(found: dict[str, Any]) -> list[str]:
    """The turn at which the trajectory looks best in hindsight, and the end."""
    told = {turn: row["route_auc"] for turn, row in found["k"].items() if row["route_auc"] is not None and turn != "0"}
    middle = max(told, key=lambda turn: float(told[turn])) if told else _common(found)
    return [middle, "end"]


def _common(found: dict[str, Any]) -> str:
    """A turn in the middle of those that are judged, where none can be ranked."""
    turns = list(found["k"])
    return str(turns[len(turns) // 2]) if turns else "end"


def _frontier(one: Frontier) -> dict[str, Any]:
    curves = {name: {"usd": _rounded(x), "resolved": _rounded(y)} for name, (x, y) in one.curves.items()}
    band = dict(zip(("usd", "low", "high"), map(_rounded, one.random), strict=True))
    return {
        "turn": one.turn,
        "runs": one.runs,
        "left_out": one.left_out,
        "weak": one.weak,
        "strong": one.strong,
        "curves": curves,
        "random": band,
    }


def _rounded(numbers: Any) -> list[float | None]:
    return [float(f"{number:.5g}") if number == number else None for number in numbers.tolist()]
