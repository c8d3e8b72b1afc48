"""Verbs about numbers: the features there are, and the features of a log."""

from __future__ import annotations

import json
from pathlib import Path

import click

from featrouter.cli.completion import families, offering
from featrouter.cli.options import JOBS, JSON, MAX_REJECTS, mistaken, refusals, table_of
from featrouter.cli.painting import echo
from featrouter.cli.scaling import PLACES, Scale, extracted, local, scaling


@click.command()
@click.option("--family", shell_complete=offering(families), help="Only this family.")
@click.option("--markdown", is_flag=True, help="The page features/README.md.")
@JSON
def features(family: str | None, markdown: bool, as_json: bool) -> None:
    """List the features: name, unit, sign, meaning.

    \b
    Examples:
      featrouter features --family testruns
      featrouter features --json | jq -r '.[].name'
    """
    from featrouter.catalogue import FAMILIES, feature_set
    from featrouter.catalogue_page import page

    if family is not None and family not in FAMILIES:
        raise mistaken("family", f"{family!r}: families are {', '.join(FAMILIES)}")
    if markdown:
        echo(page(), nl=False)
        return
    chosen = [feature for feature in feature_set() if family in (None, feature.family)]
    if as_json:
        keys = ("name", "family", "unit", "low", "high", "sign", "weight", "meaning")
        echo(json.dumps([{key: getattr(feature, key) for key in keys} for feature in chosen], indent=1))
        return
    for feature in chosen:
        echo(f"{feature.name:26} {feature.sign:4}  {feature.meaning} [{feature.unit}]")


@click.command()
@PLACES
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="PATH",
    help="F.csv, .csv.gz, .csv.xz, .parquet; with --workers or --scheduler a folder, or its URL.",
)
@click.option("--outcomes", type=click.Path(path_type=Path), help="Also gather all outcomes of the logs in this file.")
@scaling(since=False)
@JOBS
@MAX_REJECTS
@JSON
def extract(
    logs: tuple[str, ...],
    output: str,
    outcomes: Path | None,
    scale: Scale,
    jobs: int,
    max_rejects: int,
    as_json: bool,
) -> None:
    """Turn logs into feature rows: numbers only, safe to share, and all that training needs.

    \b
    Examples:
      featrouter extract runs.csv turns.csv -o features.csv.xz
      featrouter extract logs/ -o features.csv.xz --outcomes outcomes.csv.xz --jobs 4
      featrouter extract 'logs/*.parquet' -o features.parquet --workers 4 --memory 2GB
      featrouter extract 's3://logs/2026/*.parquet' -o s3://logs/features --scheduler tcp://head:8786
    """
    from featrouter.training.table import write_features, write_outcomes

    if scale.cluster:
        if outcomes:
            raise mistaken("outcomes", "outcomes files are read as they are beside partitions; leave it out")
        with refusals(), scale.engine() as engine:
            done = extracted(logs, output, engine, since=False, max_rejects=max_rejects)
        echo(f"{output}: {done.rows} rows of {done.runs} runs in {len(done.entries)} partitions", err=True)
        if as_json:
            told = {name: getattr(done, name) for name in ("rows", "runs", "rejected", "kept", "seconds")}
            told |= {"output": output, "partitions": len(done.entries), "moved": done.plan.moved}
            echo(json.dumps(told, indent=1))
        return
    with refusals():
        read, table = table_of(local(logs), jobs, max_rejects)
        write_features(table, Path(output))
        if outcomes:
            write_outcomes(read, outcomes)
    echo(f"{output}: {len(table)} rows of {len(table.names)} features", err=True)
    if as_json:
        told = {"output": output, "rows": len(table), "features": len(table.names), "runs": len(read.runs)}
        echo(json.dumps(told | {"rejected": read.rejected}, indent=1))
