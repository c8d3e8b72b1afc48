"""A bundle for a harness that it was not trained on: its normalisation, from runs whose outcomes nobody knows."""

from __future__ import annotations

from dataclasses import replace

from featrouter.bundle import Bundle
from featrouter.calibration import shift_to
from featrouter.training.costs import weak_knots
from featrouter.training.fit import weights_of
from featrouter.training.predictions import Predictions, of_bundle, with_features
from featrouter.training.references import references_of
from featrouter.training.table import Table

#: With fewer runs the outer quantiles are those of single runs.
LEAST_RUNS, ENOUGH_RUNS = 12, 40


def adapt(bundle: Bundle, table: Table, *, resolved: float | None = None, strong: float | None = None) -> Bundle:
    """The bundle with the references of the table's harnesses in place of its own.

    Heads, calibrators and policies stay, but for one that made a promise on harm. `resolved`, `strong`: the share of tasks
    (0 to 1) that the weak and the strong model are believed to solve there; probabilities are moved to it. Where the
    table knows what its runs cost, mean remaining costs replace the weak model's. ValueError where a harness has too few
    runs; LogError for other features.
    """
    part = with_features(table, bundle.features)
    references = references_of(part)
    for name, one in references.items():
        if one.runs < LEAST_RUNS:
            raise ValueError(
                f"harness {name!r}: {one.runs} runs are too few to learn what is usual there; give {LEAST_RUNS}"
            )
    told = of_bundle(table, replace(bundle, references=references))
    flags = [
        f"adapted to {name!r} on {one.runs} runs without outcomes: how well it ranks and is calibrated there is not known "
        "until outcomes are (featrouter evaluate --bundle)"
        + ("" if one.runs >= ENOUGH_RUNS else f"; {ENOUGH_RUNS} runs would be safer")
        for name, one in references.items()
    ]
    if resolved is None:
        flags.append(
            "nobody said what share of tasks the weak model solves there (--resolved): r1 is that of all harnesses"
        )
    shifted = {
        name: replace(one, shifts=_shifts(bundle, part, told, name, {"r1": resolved, "r2": strong}))
        for name, one in references.items()
    }
    heads, costs = bundle.heads, bundle.costs
    if knots := weak_knots(table):  # the means of these runs say more than a head that learned others' prices
        costs = costs | {"weak_remaining": knots}
        heads = {name: head for name, head in heads.items() if name != "c1"}
    kept = {name: policy for name, policy in bundle.policies.items() if not policy.promise}
    if len(kept) < len(bundle.policies):
        flags.append(
            "the promise on harm was made for other runs and is dropped: train with --policy risk-controlled again"
        )
    about = {"runs": {name: one.runs for name, one in references.items()}, "resolved": resolved, "strong": strong}
    return replace(
        bundle,
        heads=heads,
        costs=costs,
        policies=kept,
        policy=bundle.policy if bundle.policy in kept else "rule",
        references=shifted,
        provenance=bundle.provenance | {"adapted": about},
        flags=(*(flag for flag in bundle.flags if not flag.startswith("promise: ")), *flags),
    )


def _shifts(
    bundle: Bundle, table: Table, told: Predictions, harness: str, rates: dict[str, float | None]
) -> dict[str, float]:
    found = {}
    here = (table.meta["harness"] == harness).to_numpy()
    for name in bundle.calibrators:
        rate = rates[name.removesuffix("_end")]
        rows = here & (table.meta["at_end"] == int(name.endswith("_end"))).to_numpy()
        if rate is not None and rows.any():
            p = (told.r1 if name.startswith("r1") else told.r2)[rows]
            found[name] = shift_to(p, rate, weights_of(table.meta["run_id"].to_numpy()[rows]))
    return found
