"""Which recipe a head is made by, chosen on held-out folds inside the training rows; ties go to the simplest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from featrouter.head import Head
from featrouter.training.calibrate import cross_calibrated, surely_less
from featrouter.training.fit import C, HeldOut, Names, Recipe, Rows, out_of_fold, too_little
from featrouter.training.metrics import Floats, losses

HEADS = ("auto", "lightgbm", "linear", "blend")
#: How much of the label may be the panel's.
PANEL = (0.5,)
#: The small fixed search of `--tune`: changes to the settings of a forest, and the strength of a linear part.
GRID = (
    {"num_leaves": 3},
    {"num_leaves": 8},
    {"min_data_in_leaf": 30},
    {"trees": 40},
    {"trees": 160},
    {"feature_fraction": 0.1},
)
GRID_C = (C, 0.001, 0.02)


def choose(name: str, rows: Rows, groups: Names, *, head: str = "auto", tune: bool = False) -> tuple[Recipe, HeldOut]:
    """The recipe of least log-loss on held-out groups, and its held-out scores.

    A recipe replaces the one before it only where it gains more than one standard error (over groups) of the
    cross-validated log-loss, after Platt scaling. The order is that of simplicity: LightGBM, then the panel's share
    in the label, the settings of `tune`, the linear part, their blend; `head` other than "auto" fixes the kind.
    """
    if head not in HEADS:
        raise ValueError(f"head {head!r}: known are {', '.join(HEADS)}")
    best = Recipe("linear" if head == "linear" else "lightgbm")
    held = out_of_fold(name, "logit", rows, groups, best)
    if too_little(name, rows.known()):
        return best, held
    least = held_out_losses(held, rows, groups)
    for recipe in _variants(best, rows, tune):
        other = out_of_fold(name, "logit", rows, groups, recipe)
        loss = held_out_losses(other, rows, groups)
        if _less(loss, least, rows, groups):
            best, held, least = recipe, other, loss
    if head in ("lightgbm", "linear"):
        return best, held
    candidates = []
    for strength in GRID_C if tune else (C,):
        params = dict(best.params) | ({"C": strength} if tune else {})
        line = out_of_fold(name, "logit", rows, groups, Recipe("linear", best.panel, params))
        if head != "blend":
            candidates.append((Recipe("linear", best.panel, params), line))
        candidates.append((Recipe("blend", best.panel, params), _blend(held, line)))
    if head == "blend":
        best, held = candidates.pop(0)
        least = held_out_losses(held, rows, groups)
    for recipe, other in candidates:
        loss = held_out_losses(other, rows, groups)
        if _less(loss, least, rows, groups):
            best, held, least = recipe, other, loss
    return best, held


def _variants(base: Recipe, rows: Rows, tune: bool) -> Iterator[Recipe]:
    panels = PANEL if np.mean(~np.isnan(rows.share)) > 0.5 else ()
    for panel in panels:
        yield Recipe(base.kind, panel)
    if tune:
        grid = [{"C": c} for c in GRID_C] if base.kind == "linear" else GRID
        for params in grid:
            for panel in (0.0, *panels):
                yield Recipe(base.kind, panel, params)


def held_out_losses(held: HeldOut, rows: Rows, groups: Names, kind: str = "platt") -> Floats:
    """The log-loss of every row, calibrated on the other folds, (n,); NaN where nothing is held out."""
    told = cross_calibrated(held, rows.y, rows.weights, groups, rows.runs, kind)
    return losses(told, np.nan_to_num(rows.y))


def _less(loss: Floats, other: Floats, rows: Rows, groups: Names) -> bool:
    known = ~np.isnan(rows.y) & ~np.isnan(loss) & ~np.isnan(other)
    weights = rows.weights[known]
    return bool(known.any()) and surely_less(loss[known], other[known], weights, groups[known])


def _blend(forest: HeldOut, line: HeldOut) -> HeldOut:
    heads = tuple(
        Head.joined([one.scaled(0.5), other.scaled(0.5)]) for one, other in zip(forest.heads, line.heads, strict=True)
    )
    return HeldOut((forest.scores + line.scores) / 2, forest.fold, heads)
