"""Verbs that learn: train a router, see what carries it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from featrouter.cli.completion import BundleName
from featrouter.cli.harnesses import bundle_of
from featrouter.cli.making import making
from featrouter.cli.options import (
    BUNDLE,
    EXIT_GATE,
    HARNESS,
    JOBS,
    JSON,
    MAX_REJECTS,
    STRONG,
    WEAK,
    Refused,
    check_folder,
    mistaken,
    pair_of,
    refusals,
)
from featrouter.cli.painting import echo, headed
from featrouter.cli.progress import Stages
from featrouter.cli.scaling import PLACES, Scale, scaling, tabled

if TYPE_CHECKING:
    from featrouter.training.learn import Settings


@click.command()
@PLACES
@STRONG
@WEAK
@HARNESS
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The bundle to write.")
@making
@click.option(
    "--base",
    type=BundleName(),
    metavar="BUNDLE",
    help="Build on this bundle (`default`: the shipped one) where that helps: for few runs.",
)
@click.option(
    "--takeover",
    type=click.Choice(["restart", "handover"]),
    default="restart",
    show_default=True,
    help="Does the strong model start anew, or go on from the weak one's turns?",
)
@click.option(
    "--card",
    type=click.Path(path_type=Path),
    help="Also write a model card in Markdown (of several harnesses: each left out once, too).",
)
@click.option(
    "--require",
    "required",
    multiple=True,
    metavar="NAME>NUMBER",
    help="What the new bundle must reach, such as gain_ci_low>0; else exit code 4, and OUTPUT is left as it was (repeatable). "
    "Over the better constant, in folds: gain, gain_ci_low, gain_ci_high; also net, resolved; of r1 and r2 alike r1_auroc, "
    "r1_auroc_ci_low, r1_logloss_gain_ci_low; runs, tasks.",
)
@scaling()
@JOBS
@MAX_REJECTS
@JSON
def train(
    logs: tuple[str, ...],
    strong: str | None,
    weak: str | None,
    harness: tuple[str, ...],
    output: Path,
    settings: Settings,
    base: str | None,
    takeover: str,
    card: Path | None,
    required: tuple[str, ...],
    scale: Scale,
    jobs: int,
    max_rejects: int,
    as_json: bool,
) -> None:
    """Learn a router from your logs: turns and runs, or feature rows; outcomes hold the strong model's side.

    \b
    Examples:
      featrouter train turns.csv runs.csv outcomes.csv --strong gpt-4 -o my.featrouter
      featrouter train logs/ --strong gpt-4 -o my.featrouter --base default      (50 to 300 runs)
      featrouter train logs/ --strong gpt-4 -o my.featrouter --value 5 --policy anytime
      featrouter train logs/ --strong gpt-4 -o my.featrouter --policy risk-controlled --max-harm 0.05
      featrouter train logs/ --strong gpt-4 -o my.featrouter --since features.parquet --require "gain_ci_low>0"
      featrouter train 's3://logs/2026/*.parquet' --strong gpt-4 -o my.featrouter --scheduler tcp://head:8786
    """
    from featrouter.evaluation.gate import Requirement, measured
    from featrouter.evaluation.unseen import unseen
    from featrouter.training.bundling import train as learn
    from featrouter.training.card import page
    from featrouter.training.words import learned

    check_folder("output", output)
    if card:
        check_folder("card", card)
    try:
        gates = [Requirement.of(words) for words in required]
    except ValueError as error:
        raise mistaken("require", str(error)) from None
    with refusals(), tabled(logs, scale, f"{output}.parquet", jobs, max_rejects) as (read, table):
        jobs = 1 if scale.cluster else jobs
        table = pair_of(read, table, weak, strong, harness)
        echo("training", err=True)
        start = bundle_of(base) if base else None
        made = replace(settings, handover=takeover)
        stages = Stages()
        bundle = learn(table, strong=strong, settings=made, progress=stages, base=start)
        if card and table.meta["harness"].nunique() > 1 and "r1" in bundle.metrics:
            stages("harnesses left out, for the card")
            recipe, kind = bundle.metrics["r1"]["recipe"], bundle.calibrators["r1"].kind
            kind = "platt" if kind == "constant" else kind  # what a constant was refused for
            like = replace(settings, head=recipe["kind"], panel=recipe["panel"] > 0, calibration=kind)
            bundle = replace(bundle, provenance=bundle.provenance | {"unseen": unseen(table, like, jobs, stages)})
        reached: dict[str, float | None] = {}
        if gates:
            stages("what is required, in folds")
            reached = measured(table, bundle, strong, made, [gate.name for gate in gates], jobs)
            if failures := [words for gate in gates if (words := gate.failure(reached))]:
                left = f"{output} is left as it was" if output.exists() else f"{output} was not written"
                raise Refused(f"{'; '.join(failures)}; {left}", EXIT_GATE)
        bundle.save(output)
        if card:
            card.write_text(page(bundle, output.name), encoding="utf-8")
    if as_json:
        policies = {name: policy.as_dict() for name, policy in bundle.policies.items()}
        told = {"bundle": str(output), "flags": bundle.flags, "metrics": bundle.metrics}
        told |= {"required": {gate.name: reached[gate.name] for gate in gates}} if gates else {}
        echo(json.dumps(told | {"policy": bundle.policy, "policies": policies}, indent=1))
    else:
        headed(learned(bundle))
    echo(f"{output}: {output.stat().st_size / 1024:.0f} KiB", err=True)
    if scale.cluster and scale.since is None:
        echo(f"{output}.parquet: the feature rows; next time --since {output}.parquet adds to them", "faint", err=True)


@click.command()
@BUNDLE
@click.option("-n", default=20, show_default=True, help="How many features to print.")
@click.option("--csv", "as_csv", is_flag=True, help="All of them, as CSV on stdout.")
@JSON
def importances(bundle: str, n: int, as_csv: bool, as_json: bool) -> None:
    """Which features and families carry a bundle's probabilities: gain, splits, held-out permutation, mean |SHAP|.

    BUNDLE is a file, or `default` for the shipped one.

    \b
    Examples:
      featrouter importances my.featrouter -n 40
      featrouter importances default --csv > importances.csv
    """
    from featrouter.training.importances import by_family
    from featrouter.training.words import importances_csv, importances_table

    with refusals():
        found = bundle_of(bundle).importances
    if as_json:
        echo(json.dumps({"families": by_family(found), "features": found}, indent=1))
    elif as_csv:
        echo(importances_csv(found), nl=False)
    else:
        headed(importances_table(found, by_family(found), n))
