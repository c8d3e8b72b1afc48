"""References of harnesses, fitted without outcomes; tables as the heads see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np

from featrouter.calibration import shift_to, shifted_many
from featrouter.reference import LEVELS, MAX_VALUE, Reference
from featrouter.training.fit import LEAST_OF_A_CLASS, LEAST_RUNS, Names
from featrouter.training.metrics import Floats
from featrouter.training.spread import Spread, here, some
from featrouter.training.table import Table


def reference_of(x: Floats, runs: Names) -> Reference:
    """The reference of rows (n, p) of one harness."""
    quantiles = np.full((x.shape[1], len(LEVELS)), np.nan)
    for feature, column in enumerate(x.T):
        known = column[~np.isnan(column)]
        if len(known):
            quantiles[feature] = np.quantile(np.clip(known, -MAX_VALUE, MAX_VALUE), LEVELS, method="inverted_cdf")
    found = Reference(quantiles, 0, len(np.unique(runs.astype(str))))
    limit = int(np.ceil(np.percentile(found.outside(x).sum(axis=1), 99))) if len(x) else 0
    return replace(found, limit=limit)


def references_of(table: Table) -> dict[str, Reference]:
    """A reference for every harness of a table, by name ("" where the log leaves it blank)."""
    harness, runs = table.meta["harness"].to_numpy(), table.meta["run_id"].to_numpy()
    return {
        str(name): reference_of(here(x[part]), runs[rows])
        for name in np.unique(harness)
        for rows in [harness == name]
        for x in [table.x[rows]]
        for part in [some(x)]
    }


def known_to(table: Table, references: Mapping[str, Reference]) -> dict[str, Reference]:
    """The references, and for harnesses that are not among them those of the table's own rows, as `adapt` fits them."""
    new = ~table.meta["harness"].isin(list(references)).to_numpy()
    return dict(references) | (references_of(table.where(new)) if new.any() else {})


def ranked(table: Table, references: Mapping[str, Reference]) -> Table:
    """The table with each value replaced by its rank among those of its harness. KeyError for an unknown harness."""
    harness = table.meta["harness"].to_numpy()
    if isinstance(table.x, Spread):
        return replace(table, x=cast(Floats, table.x.ranked(references, harness)))
    x = np.empty_like(table.x)
    for name in np.unique(harness):
        rows = harness == name
        x[rows] = references[name].ranks(table.x[rows])
    return replace(table, x=x)


def even(harness: Names, runs: Names) -> Floats:
    """Row weights (n,), mean 1, by which no harness drowns another by the number of its runs; all 1 for a single one."""
    weights = np.ones(len(runs))
    names = np.unique(harness)
    if len(names) < 2:
        return weights
    for name in names:
        rows = harness == name
        weights[rows] = 1.0 / len(np.unique(runs[rows].astype(str)))
    return np.asarray(weights / weights.mean())


def shifts_of(told: Floats, y: Floats, weights: Floats, harness: Names, runs: Names) -> dict[str, float]:
    """By harness the shift of log-odds that makes the probabilities' mean its base rate; none for a single harness.

    A harness with too few labelled runs of either outcome has none.
    """
    found: dict[str, float] = {}
    known = ~np.isnan(y) & ~np.isnan(told)
    for name in np.unique(harness):
        rows = known & (harness == name)
        _, first = np.unique(runs[rows].astype(str), return_index=True)
        total, solved = len(first), int(y[rows][first].sum())
        if total >= LEAST_RUNS and min(solved, total - solved) >= LEAST_OF_A_CLASS:
            rate = float(np.average(y[rows], weights=weights[rows]))
            found[str(name)] = shift_to(told[rows], rate, weights[rows])
    return found if len(np.unique(harness)) > 1 else {}


def shifted_by(told: Floats, shifts: Mapping[str, float], harness: Names) -> Floats:
    """Each row's probability after its harness's shift; a harness without one is left as it is."""
    found = told.copy()
    for name, by in shifts.items():
        rows = (harness == name) & ~np.isnan(told)
        found[rows] = shifted_many(told[rows], by)
    return found
