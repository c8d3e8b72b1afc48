"""What a new router must reach before it takes an old one's place: requirements such as `gain_ci_low>0`."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featrouter.bundle import Bundle
from featrouter.evaluation.evaluate import evaluate
from featrouter.training.learn import Settings
from featrouter.training.table import Table

#: Numbers that may be required, and what they are.
NUMBERS = {
    "gain": "USD a run that the bundle's policy earns over the better constant, in folds on other tasks",
    "gain_ci_low": "the lower end of its 95 % interval",
    "gain_ci_high": "the upper end",
    "net": "USD a run that the policy earns, in folds on other tasks",
    "resolved": "the share of tasks that it solves, in folds on other tasks",
    "r1_auroc": "AUROC of r1 on held-out tasks, over all turns; r2_auroc alike",
    "r1_auroc_ci_low": "the lower end of its 95 % interval; r2_auroc_ci_low alike",
    "r1_logloss_gain_ci_low": "the lower end of what r1 gains over its base rate, in nats; r2_logloss_gain_ci_low alike",
    "runs": "runs that it was learned from",
    "tasks": "their tasks",
}
_KNOWN = (*NUMBERS, "r2_auroc", "r2_auroc_ci_low", "r2_logloss_gain_ci_low")
_OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_WORDS = re.compile(r"\s*([a-z0-9_]+)\s*(>=|<=|>|<)\s*([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*")


@dataclass(frozen=True)
class Requirement:
    """`name` compared with `number`; ValueError for words that are none."""

    name: str
    sign: str
    number: float

    @classmethod
    def of(cls, words: str) -> Requirement:
        if not (found := _WORDS.fullmatch(words)):
            raise ValueError(f"{words!r:.80} is no requirement; write NAME>NUMBER, such as gain_ci_low>0")
        if found[1] not in _KNOWN:
            near = difflib.get_close_matches(found[1], _KNOWN, n=1)
            mend = f"did you mean {near[0]}?" if near else f"known are {', '.join(_KNOWN)}"
            raise ValueError(f"{found[1]!r:.80}: {mend}")
        return cls(found[1], found[2], float(found[3]))

    def failure(self, told: Mapping[str, float | None]) -> str:
        """Why it does not hold, in words; empty where it does. A number that is not known fails."""
        value = told.get(self.name)
        if value is not None and _OPERATORS[self.sign](value, self.number):
            return ""
        is_ = "not known (are both models' outcomes and costs in the log?)" if value is None else f"{value:g}"
        return f"{self.name} is {is_}, required: {self.sign} {self.number:g}"


def measured(
    table: Table, bundle: Bundle, strong: str | None, settings: Settings, names: Sequence[str], jobs: int
) -> dict[str, float | None]:
    """The numbers of NUMBERS, of a bundle made with these settings from this table; what costs folds only where asked for."""
    told: dict[str, float | None] = {name: float(bundle.provenance[name]) for name in ("runs", "tasks")}
    for head in ("r1", "r2"):
        row = bundle.metrics.get(head, {})
        told[f"{head}_auroc"] = row.get("auroc")
        for name in ("auroc", "logloss_gain"):
            told[f"{head}_{name}_ci_low"] = (row.get(f"{name}_ci") or [None])[0]
    if {"gain", "gain_ci_low", "gain_ci_high", "net", "resolved"}.intersection(names):
        told |= _earned(table, bundle, strong, settings, jobs)
    return told


def _earned(table: Table, bundle: Bundle, strong: str | None, settings: Settings, jobs: int) -> dict[str, float | None]:
    report: Any = evaluate(
        table, weak="weak", strong=strong, settings=settings, splits=("mixed",), jobs=jobs, values=(settings.value,)
    )
    rows = report["splits"].get("mixed", {}).get("value") or []
    policy = bundle.policy + " + stop" * (bundle.policies[bundle.policy].allow_stop)
    mine: dict[str, Any] = rows[0]["policies"].get(policy, {}) if rows else {}
    low, high = mine.get("gain_over_constant_ci") or (None, None)
    return {
        "gain": mine.get("gain_over_constant"),
        "gain_ci_low": low,
        "gain_ci_high": high,
        "net": mine.get("net"),
        "resolved": mine.get("resolved"),
    }
