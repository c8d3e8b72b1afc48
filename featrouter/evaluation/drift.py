"""Have the runs moved away from those a bundle was made for, and do its probabilities still hold?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from featrouter.bundle import Bundle
from featrouter.catalogue import feature_set
from featrouter.evaluation.discrimination import ARMS
from featrouter.evaluation.plain import plain
from featrouter.evaluation.reliability import chance_error, error_interval, smooth_error
from featrouter.reference import LEVELS, Reference
from featrouter.training.fit import one_of_each
from featrouter.training.metrics import Floats, auroc, interval, task_weights
from featrouter.training.predictions import of_bundle, with_features
from featrouter.training.table import Table

#: Of the features that are reported to have moved, at most this share is expected to have stayed.
FALSE_DISCOVERIES = 0.05
#: A feature may have moved surely and yet by nothing that matters.
LEAST_DISTANCE = 0.1
_DRAWS = 500


def drift(bundle: Bundle, table: Table, named: str | None = None) -> dict[str, Any]:
    """By harness of the table: which features moved, what the guard would say, and how calibration holds.

    `named`: compare with this one of the bundle's references, whatever the log calls its harness. The distance of a
    feature is the Kolmogorov-Smirnov one between its values and the reference's quantiles, as far as these tell; its
    p-value counts runs, not rows, and the false discovery rate is held over all features (Benjamini, Hochberg 1995).
    """
    part = with_features(table, bundle.features)
    found: dict[str, Any] = {}
    for harness in sorted(part.meta["harness"].unique()):
        rows = (part.meta["harness"] == harness).to_numpy()
        reference = reference_for(bundle, harness, named)
        if reference is None:
            found[harness] = {"runs": int(part.meta["run_id"][rows].nunique()), "known": sorted(bundle.references)}
            continue
        here = part.where(rows)
        as_known = replace(bundle, references={harness: reference})
        found[harness] = _moved(reference, here, bundle.features) | {"calibration": _calibration(here, as_known)}
    return found


def reference_for(bundle: Bundle, harness: str, named: str | None) -> Reference | None:
    """The bundle's reference for runs of a harness: the one that was named, its own, or the only one there is."""
    known = bundle.references
    if named is not None:
        return known.get(named)
    return known.get(harness) or (next(iter(known.values())) if len(known) == 1 else None)


def _moved(reference: Reference, table: Table, names: tuple[str, ...]) -> dict[str, Any]:
    runs = table.meta["run_id"].to_numpy()
    n, m = len(np.unique(runs.astype(str))), reference.runs
    weights = np.ones(len(table))  # the reference's quantiles are of rows, too
    features: list[dict[str, Any]] = []
    never: list[str] = []
    new: list[str] = []
    for name, column, quantiles in zip(names, table.x.T, reference.quantiles, strict=True):
        known = ~np.isnan(column)
        if not known.any() or np.isnan(quantiles[0]):
            if known.any():
                new.append(name)
            elif not np.isnan(quantiles[0]):
                never.append(name)
            continue
        distance, up = ks_distance(column[known], weights[known], quantiles)
        lone = len(np.unique(runs[known].astype(str)))
        size = lone * m / (lone + m)
        p = min(1.0, 2 * float(np.exp(-2 * distance**2 * size)))
        features.append({"feature": name, "distance": plain(distance), "p": p, "direction": "up" if up else "down"})
    limit = _rejected([one["p"] for one in features])
    for one in features:
        one["moved"] = bool(one["p"] <= limit and (one["distance"] or 0) >= LEAST_DISTANCE)
    outside = reference.outside(table.x)
    return {
        "runs": n,
        "reference_runs": m,
        "features": sorted(features, key=lambda one: (-one["moved"], -(one["distance"] or 0))),
        "never_reported": never,
        "newly_reported": new,
        "outside_mean": plain(outside.sum(axis=1).mean()),
        "outside_limit": reference.limit,
        "guard_doubts": plain((outside.sum(axis=1) > reference.limit).mean()),
    }


def ks_distance(values: Floats, weights: Floats, quantiles: Floats) -> tuple[float, bool]:
    """How far the values' distribution must be from any that has these quantiles at LEVELS, and whether it lies above.

    Between two levels a distribution is not known, so only what no such distribution would allow is counted.
    """
    order = np.argsort(values, kind="stable")
    ranked, mass = values[order], np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    steps = np.array(LEVELS)
    below = mass[np.searchsorted(ranked, quantiles, side="left")]  # share strictly below each quantile
    upto = mass[np.searchsorted(ranked, quantiles, side="right")]
    # The reference holds at most `level` strictly below its quantile, and at least `level` up to it.
    lower, higher = float(np.max(below - steps)), float(np.max(steps - upto))
    return max(0.0, lower, higher), higher > lower


def _rejected(p: list[float]) -> float:
    """The largest p-value that is still a discovery; below 0 when none is."""
    ranked = np.sort(np.array(p))
    good = ranked <= FALSE_DISCOVERIES * np.arange(1, len(ranked) + 1) / max(1, len(ranked))
    return float(ranked[good].max()) if good.any() else -1.0


def _calibration(table: Table, bundle: Bundle) -> dict[str, Any]:
    """Of each arm whose outcomes are known: predicted and resolved share, their gap, AUROC and smooth ECE."""
    told = of_bundle(table, bundle)
    found: dict[str, Any] = {}
    going = (table.meta["at_end"] == 0).to_numpy()
    for name, arm in ARMS:
        if arm not in table.meta:
            continue
        y, p = table.meta[arm].to_numpy(dtype=np.float64), getattr(told, name)
        known = going & ~np.isnan(y) & ~np.isnan(p)
        runs = table.meta["run_id"].to_numpy()[known]
        if len(np.unique(runs.astype(str))) < 2:
            continue
        one = np.flatnonzero(known)[one_of_each(runs, 0)]
        weights = task_weights(table.meta["task_id"].to_numpy()[one], _DRAWS)
        gap = (weights @ (p[one] - y[one])) / weights.sum(axis=1)
        errors, chance = smooth_error(p[one], y[one], weights), chance_error(p[one])
        areas = auroc(p[one], y[one], weights)
        found[name] = {
            "runs": len(one),
            "predicted": plain(p[one].mean()),
            "resolved": plain(y[one].mean()),
            "gap": plain(gap[0]),
            "gap_ci": plain(interval(gap[1:])),
            "smece": plain(errors[0]),
            "smece_ci": plain(error_interval(errors, chance)),
            "smece_chance": plain(chance),
            "auroc": plain(areas[0]),
            "auroc_ci": plain(interval(areas[1:])),
        }
    return found


def words(found: dict[str, Any], most: int = 15) -> str:
    """What drifted, for people."""
    lines = []
    for harness, one in found.items():
        lines.append(f"{harness or '(no harness named)'}: {one['runs']} runs")
        if "known" in one:
            names = ", ".join(repr(name) for name in one["known"])
            lines.append(
                f"  not known to this bundle ({names}): featrouter adapt it, or compare with one of them (--as)"
            )
            continue
        moved = [each for each in one["features"] if each["moved"]]
        lines.append(
            f"  {len(moved)} of {len(one['features'])} features moved against {one['reference_runs']} reference runs "
            f"(KS distance of at least {LEAST_DISTANCE:g}, false discovery rate {FALSE_DISCOVERIES:.0%})"
        )
        for each in moved[:most]:
            meaning = feature_set().by_name[each["feature"]].meaning
            lines.append(f"    {each['distance']:.2f} {each['direction']:4}  {each['feature']}: {meaning}")
        if len(moved) > most:
            lines.append(f"    and {len(moved) - most} more (--json has all)")
        for key, told in (("never_reported", "no longer reported"), ("newly_reported", "reported, but never before")):
            if one[key]:
                lines.append(f"  {told}: {', '.join(one[key])}")
        doubts = one["guard_doubts"] or 0.0
        lines.append(
            f"  the guard would not trust {doubts:.1%} of the decision points (1 % of the reference runs'): "
            f"{one['outside_mean']:.1f} features out of range on average, {one['outside_limit']} may be"
        )
        for name, told in one["calibration"].items():
            low, high = told["gap_ci"] or (float("-inf"), float("inf"))
            verdict = "it no longer holds" if low > 0 or high < 0 else "no drift is shown"
            lines.append(
                f"  {name}: says {told['predicted']:.2f} on average, {told['resolved']:.2f} were solved (gap {told['gap']:+.2f} "
                f"[{low:+.2f}, {high:+.2f}]; {told['runs']} runs): {verdict}; smECE {told['smece']:.3f} (chance "
                f"{told['smece_chance']:.3f})" + (f", AUROC {told['auroc']:.2f}" if told["auroc"] is not None else "")
            )
        if not one["calibration"]:
            lines.append("  no outcomes: whether the probabilities still hold cannot be told")
    return "\n".join(lines)
