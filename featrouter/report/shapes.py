"""Shapes: which way each feature pushes a bundle's answers, on rows of the logs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from featrouter.bundle import Bundle
from featrouter.reference import LEVELS, Reference
from featrouter.stage import Stage
from featrouter.training.fit import one_of_each
from featrouter.training.metrics import Floats
from featrouter.training.predictions import predict, with_features
from featrouter.training.references import known_to, ranked
from featrouter.training.table import Table

#: Rows that are drawn, one a run; features that are shown.
ROWS, SWARMS, CURVES = 160, 14, 9


@dataclass(frozen=True)
class Swarm:
    """Of one feature in n drawn rows: its effect on r2 - r1 (log-odds) and its rank there, -1 to 1, NaN unknown; (n,)."""

    feature: str
    effects: Floats
    ranks: Floats


@dataclass(frozen=True)
class Dependence:
    """What r1 and r2 (21,) are on average when one feature is set to each of LEVELS' quantiles in all drawn rows.

    `typical`: the feature's quantiles at 5, 50 and 95 % on the harness with most rows.
    """

    feature: str
    r1: Floats
    r2: Floats
    typical: tuple[float, float, float]


def drawn(table: Table, bundle: Bundle) -> Table:
    """One row of each of at most ROWS runs that still go on, with the bundle's features."""
    going = with_features(table.where((table.meta["at_end"] == 0).to_numpy()), bundle.features)
    rows = one_of_each(going.meta["run_id"].to_numpy(), 0)
    if len(rows) > ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, ROWS, replace=False))
    mask = np.zeros(len(going), bool)
    mask[rows] = True
    return going.where(mask)


def swarms(sample: Table, bundle: Bundle) -> list[Swarm]:
    """The features that move the sample's answers most, largest mean |effect| first."""
    stage = Stage(bundle, ended=False)
    if not stage.speaking or not len(sample):
        return []
    x = ranked(sample, known_to(sample, bundle.references)).x
    each = np.array([stage.explainer.contributions(row)[:, :-1] for row in x])
    told = {name: each[:, at] for at, name in enumerate(stage.speaking)}
    nothing = np.zeros(x.shape)
    effects = told.get("r2", nothing) - told.get("r1", nothing)
    order = np.argsort(-np.abs(effects).mean(axis=0), kind="stable")[:SWARMS]
    return [Swarm(bundle.features[i], effects[:, i], x[:, i]) for i in order if effects[:, i].any()]


def dependences(sample: Table, bundle: Bundle, features: list[str]) -> list[Dependence]:
    """Partial dependence (Friedman 2001) of r1 and r2 on some features, the other features as they are."""
    if not len(sample):
        return []
    references = known_to(sample, bundle.references)
    harness = sample.meta["harness"].to_numpy()
    names, counts = np.unique(harness, return_counts=True)
    most = references[str(names[counts.argmax()])]
    return [_dependence(sample, bundle, references, name, most) for name in features[:CURVES]]


def _dependence(
    sample: Table, bundle: Bundle, references: dict[str, Reference], feature: str, most: Reference
) -> Dependence:
    at = bundle.features.index(feature)
    harness = sample.meta["harness"].to_numpy()
    rows = np.repeat(np.arange(len(sample)), len(LEVELS))
    x = sample.x[rows]
    x[:, at] = np.concatenate([references[str(name)].quantiles[at] for name in harness])
    asked = Table(sample.meta.iloc[rows].reset_index(drop=True), x, sample.names)
    told = predict(asked, bundle.heads, bundle.calibrators, bundle.costs, references)
    r1, r2 = (each.reshape(len(sample), len(LEVELS)).mean(axis=0) for each in (told.r1, told.r2))
    low, middle, high = (float(most.quantiles[at][LEVELS.index(level)]) for level in (0.05, 0.5, 0.95))
    return Dependence(feature, r1, r2, (low, middle, high))
