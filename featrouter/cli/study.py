"""The verb that studies: features, harnesses and pairs side by side."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import click

from featrouter.cli.options import HARNESS, JOBS, JSON, LOGS, MAX_REJECTS, pair_of, refusals, table_of
from featrouter.cli.painting import echo
from featrouter.cli.progress import Stages

_PARTS = (
    "discrimination",
    "ablation",
    "stability",
    "transfer",
    "catalogues",
    "choice",
    "warm-start",
    "costs",
    "payoff",
)


@click.command()
@LOGS
@HARNESS
@click.option(
    "--pair",
    "pairs",
    type=(str, str),
    multiple=True,
    metavar="WEAK STRONG",
    help="A pair for costs and payoff (repeatable).",
)
@click.option("--part", "parts", type=click.Choice(_PARTS), multiple=True, help="Only this part (repeatable).")
@click.option(
    "--before",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For catalogues: the features of the same runs by an earlier catalogue.",
)
@JOBS
@MAX_REJECTS
@JSON
def study(
    logs: tuple[Path, ...],
    harness: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    parts: tuple[str, ...],
    before: Path | None,
    jobs: int,
    max_rejects: int,
    as_json: bool,
) -> None:
    """Which features hold across agents and harnesses, what transfers, and where routing pays: a page in Markdown.

    Takes minutes for each part. data/study.md is this page for the public runs.

    \b
    Examples:
      featrouter study logs/ --part stability
      featrouter study logs/ --pair small gpt-4 --part payoff > payoff.md
      featrouter study features.csv.xz --part catalogues --before old.features.csv.xz
    """
    from featrouter.study.catalogues import read_any_catalogue
    from featrouter.study.page import PARTS, page, sections
    from featrouter.training.table import select

    chosen = parts or tuple(PARTS)
    if not pairs and {"costs", "payoff"} & set(parts):
        raise click.UsageError("costs and payoff want at least one --pair WEAK STRONG")
    if before is None and "catalogues" in parts:
        raise click.UsageError("catalogues wants --before FEATURES: those of an earlier catalogue")
    with refusals():
        read, table = table_of(logs, jobs, max_rejects)
        table = select(table, weak=None, harness=harness)
        named = {f"{weak} -> {strong}": pair_of(read, table, weak, strong, ()) for weak, strong in pairs}
        if not pairs:
            chosen = tuple(part for part in chosen if part not in ("costs", "payoff"))
        if before is None:
            chosen = tuple(part for part in chosen if part != "catalogues")
        earlier = read_any_catalogue(before) if before else None
        found = list(sections(table, named, chosen, jobs, Stages(), earlier))
    command = shlex.join(["featrouter", *sys.argv[1:]])
    if as_json:
        echo(json.dumps({"command": command, "parts": [each._asdict() for each in found]}, indent=1))
    else:
        echo(page(found, command), nl=False)
