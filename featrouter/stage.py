"""Stage: the heads that answer at one stage of a run, and what their scores mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from featrouter.bundle import Bundle
from featrouter.calibration import Floats, shifted, shifted_many
from featrouter.forest import Forest
from featrouter.head import MOST_LOG, Head
from featrouter.reference import RANKS
from featrouter.shap import Explainer, work

#: Beyond it explaining one decision would take a good part of a second, and hundreds of megabytes.
MAX_STEPS = 2**23

_NOTHING = Head.constant("none", "identity", 0.0)


class Arm:
    """One side of the decision at one stage: which head speaks for it, and how its score becomes a probability."""

    def __init__(self, bundle: Bundle, head: str) -> None:
        self.head = head
        self.calibrator = bundle.calibrators[head]
        #: A constant says the same of any score, so that its trees need not be asked.
        self.scored = self.calibrator.kind != "constant"
        self.place = 0
        self.splits = self.calibrator.kind == "venn-abers"

    def probability(self, scores: list[float], shifts: Mapping[str, float]) -> float:
        return shifted(self.calibrator(scores[self.place]), shifts.get(self.head, 0.0))

    def probabilities(self, scores: Floats, shifts: Mapping[str, float]) -> Floats:
        """`probability` of many rows of scores."""
        return shifted_many(self.calibrator(scores[:, self.place]), shifts.get(self.head, 0.0))

    def interval(self, scores: list[float], shifts: Mapping[str, float]) -> tuple[float, float] | None:
        """Venn-Abers' two probabilities; None for other calibrators."""
        found = self.calibrator.interval(scores[self.place])
        by = shifts.get(self.head, 0.0)
        return (shifted(found[0], by), shifted(found[1], by)) if found else None


class Stage:
    """The heads that answer while the agent works, or once it has submitted, and where their scores stand."""

    def __init__(self, bundle: Bundle, *, ended: bool) -> None:
        names = {arm: f"{arm}_end" if ended and f"{arm}_end" in bundle.heads else arm for arm in ("r1", "r2")}
        self.arms = {arm: Arm(bundle, name) for arm, name in names.items() if name in bundle.heads}
        self.r1, self.r2 = self.arms.get("r1"), self.arms.get("r2")
        #: Of the arms whose score moves anything: what `explain` is about.
        self.speaking = {arm: bundle.heads[one.head] for arm, one in self.arms.items() if one.scored}
        priced = {
            name: bundle.heads[name] for name in ("c1", "c2") if name in bundle.heads and not (ended and name == "c1")
        }
        heads = self.speaking | priced
        self.place = {name: index for index, name in enumerate(heads)}
        for name in self.speaking:
            self.arms[name].place = self.place[name]
        self.priced, self.logs = tuple(priced), {name for name, head in priced.items() if head.link == "log"}
        self.width = len(bundle.features)
        if (steps := sum(map(work, self.speaking.values()))) > MAX_STEPS:
            raise ValueError(f"explaining it would take {steps} steps, more than {MAX_STEPS}")
        self.forest = Forest(list(heads.values()) or [_NOTHING], self.width, RANKS[:-1])

    def usd(self, name: str, scores: list[float], shifts: Mapping[str, float]) -> float:
        score = scores[self.place[name]] + shifts.get(name, 0.0)
        return math.exp(min(score, MOST_LOG)) if name in self.logs else max(0.0, score)

    def usds(self, name: str, scores: Floats, shifts: Mapping[str, float]) -> Floats:
        """`usd` of many rows of scores."""
        score = scores[:, self.place[name]] + shifts.get(name, 0.0)
        return np.asarray(np.exp(np.minimum(score, MOST_LOG)) if name in self.logs else np.maximum(0.0, score))

    @cached_property
    def explainer(self) -> Explainer:
        return Explainer(list(self.speaking.values()), self.width)

    @cached_property
    def expected(self) -> float:
        """The expected score of r2 less that of r1, over the training rows; an arm that does not speak counts as 0."""
        told = dict(zip(self.speaking, self.explainer.expected, strict=True))
        return float(told.get("r2", 0.0) - told.get("r1", 0.0))
