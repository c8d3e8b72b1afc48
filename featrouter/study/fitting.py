"""Scores of r1 by heads fitted as `train` fits them, without what leaves a ranking as it is: calibration, costs, policies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from featrouter.reference import Reference
from featrouter.training.fit import Fitted, Mask, Recipe, fit_head, folds
from featrouter.training.learn import rows_for
from featrouter.training.metrics import Floats
from featrouter.training.predictions import with_features
from featrouter.training.references import even, known_to, ranked, references_of
from featrouter.training.spread import scores_of
from featrouter.training.table import Table

#: The default bundle's kind of head. A choice of the kind would hide what the features do.
RECIPE = Recipe("blend")


@dataclass(frozen=True)
class Ranker:
    """Heads of r1 while runs go on and after they end, and the references of the harnesses they were fitted on."""

    features: tuple[str, ...]
    references: dict[str, Reference]
    fitted: dict[int, Fitted]
    per_harness: bool

    def scores(self, table: Table) -> Floats:
        """The raw score of every row, (n,); NaN where no head was fitted. A new harness is ranked among its own rows."""
        part = with_features(table if self.per_harness else _as_one_harness(table), self.features)
        part = ranked(part, known_to(part, self.references))
        scores = np.full(len(part), np.nan)
        for ended, fitted in self.fitted.items():
            rows = (part.meta["at_end"] == ended).to_numpy()
            if rows.any():
                scores[rows] = scores_of([fitted.head], part.x[rows])[:, 0]
        return scores

    def gain(self) -> Floats:
        """The mean share that each feature has in the gain of the heads, (p,); zeros where nothing was learned."""
        shares = [one.gain / one.gain.sum() for one in self.fitted.values() if one.gain.sum() > 0]
        return np.mean(shares, axis=0) if shares else np.zeros(len(self.features))


def fit_ranker(table: Table, *, per_harness: bool = True) -> Ranker:
    """Heads of the labelled rows of a table.

    `per_harness`: values are ranked among those of their harness. Otherwise they are compared as they are.
    """
    part = table if per_harness else _as_one_harness(table)
    references = references_of(part)
    part = ranked(part, references)
    fitted = {}
    for ended in (0, 1):
        among = (part.meta["at_end"] == ended).to_numpy()
        if not among.any():
            continue
        rows = rows_for(part, "y_weak", panel=False).where(among)
        harness = table.meta["harness"].to_numpy()[among]
        rows = replace(rows, weights=rows.weights * even(harness, rows.runs))
        fitted[ended] = fit_head("r1", "logit", rows.known(), RECIPE)
    return Ranker(table.names, references, fitted, per_harness)


def split_by(table: Table, group: str) -> list[tuple[Mask, Mask]]:
    """(train, test) masks of the folds in which `cross_validated` judges: no value of this column of meta in both."""
    y = table.meta["y_weak"].to_numpy(dtype=np.float64)
    return list(folds(y, table.meta[group].to_numpy()))


def _as_one_harness(table: Table) -> Table:
    return replace(table, meta=table.meta.assign(harness=""))
