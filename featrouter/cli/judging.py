"""The verb that judges: would routing pay?"""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

import click

from featrouter.cli.completion import BundleName
from featrouter.cli.harnesses import bundle_of
from featrouter.cli.making import making
from featrouter.cli.options import (
    HARNESS,
    JOBS,
    JSON,
    MAX_REJECTS,
    STRONG,
    WEAK,
    mistaken,
    pair_of,
    refusals,
)
from featrouter.cli.painting import echo, headed
from featrouter.cli.progress import Stages
from featrouter.cli.scaling import PLACES, Scale, local, scaling, tabled

if TYPE_CHECKING:
    from featrouter.training.learn import Settings

#: Those that are quick and need no text.
USUAL = "repeated,stage,cost,logistic,prompt"


@click.command()
@PLACES
@STRONG
@WEAK
@HARNESS
@click.option(
    "--pair",
    "pairs",
    type=(str, str),
    multiple=True,
    metavar="WEAK STRONG",
    help="A pair (STRONG may be -); repeat for a table.",
)
@click.option(
    "--bundle",
    type=BundleName(),
    metavar="BUNDLE",
    help="Judge this bundle (`default`: the shipped one) on logs it never saw.",
)
@making
@click.option(
    "--baselines",
    default=USUAL,
    show_default=True,
    metavar="LIST",
    help="Comma-separated: repeated, stage, cost, logistic, tfidf, prompt, no-panel, lightgbm; or all, or none.",
)
@click.option("--at", multiple=True, type=int, help="Only these turns in the printed tables (repeatable).")
@click.option("--markdown", is_flag=True, help="Print a page in Markdown, with every table of every pair.")
@scaling()
@JOBS
@MAX_REJECTS
@JSON
def evaluate(
    logs: tuple[str, ...],
    strong: str | None,
    weak: str | None,
    harness: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    bundle: str | None,
    settings: Settings,
    baselines: str,
    at: tuple[int, ...],
    markdown: bool,
    scale: Scale,
    jobs: int,
    max_rejects: int,
    as_json: bool,
) -> None:
    """Would routing pay? Cross-validated on your logs (or a given bundle), each number with its interval.

    The whole of `train` runs inside every fold. Two splits: `mixed` keeps a task's runs together, `repo_disjoint` whole
    repositories. What each column means: README, Method. Logs with a `route` column are judged off-policy.

    \b
    Examples:
      featrouter evaluate turns.csv runs.csv outcomes.csv --weak gpt-3.5 --strong gpt-4
      featrouter evaluate logs/ --strong gpt-4 --value 5 --baselines all --json > report.json
      featrouter evaluate logs/ --pair small gpt-4 --pair medium gpt-4 --markdown > benchmarks.md
      featrouter evaluate 's3://logs/2026/*.parquet' --strong gpt-4 --scheduler tcp://head:8786 --since s3://logs/features
    """
    from featrouter.evaluation.evaluate import evaluate as judge
    from featrouter.evaluation.texts import texts_of
    from featrouter.evaluation.words import evaluation, page, summary
    from featrouter.training.overlap import seen_before
    from featrouter.training.predictions import of_bundle

    if pairs and (weak or strong):
        raise click.UsageError("give either --pair (repeatable) or --weak and --strong")
    chosen = chosen_of(baselines)
    if "tfidf" in chosen and (scale.cluster or scale.since):
        raise mistaken("baselines", "tfidf reads texts, which partitions of feature rows do not hold; leave it out")
    if scale.scheduler and not scale.since:
        raise mistaken(
            "since", "a cluster keeps feature rows in a folder that all its workers see; give one, or its URL"
        )
    reports = []
    with refusals():
        given = bundle_of(bundle) if bundle else None
    with refusals(), tabled(logs, scale, None, jobs, max_rejects) as (read, table):
        jobs = 1 if scale.cluster else jobs
        for weak_model, named in pairs or ((weak, strong),):
            strong_model = None if named == "-" else named
            part = pair_of(read, table, weak_model, strong_model, harness)
            names = ", ".join(sorted(part.meta["weak_model"].unique()))
            echo(f"evaluating {names} -> {strong_model or '(no strong model)'}", err=True)
            for name in sorted(set(part.meta["harness"]) - set(given.references)) if given else ():
                echo(
                    f"note: harness {name!r} is not known to this bundle; it is judged as `featrouter adapt` would fit it",
                    "faint",
                    err=True,
                )
            told = of_bundle(part, given) if given else None
            texts = texts_of(local(logs), part) if "tfidf" in chosen and not bundle else None
            found = judge(
                part,
                weak=names,
                strong=strong_model,
                given=told,
                policies=given.policies if given else None,
                seen=seen_before(part.meta["task_id"].unique(), given.provenance) if given else None,
                settings=settings,
                baselines=() if bundle else chosen,
                texts=texts,
                jobs=jobs,
                progress=Stages(),
            )
            reports.append(found)
    if as_json:
        echo(json.dumps(reports if pairs else reports[0], indent=1))
    elif markdown:
        echo(page(reports, at, shlex.join(["featrouter", *sys.argv[1:]])))
    elif pairs:
        headed(summary(reports, at or (0, 2, 4, 8)))
    else:
        headed(evaluation(reports[0], at))


def chosen_of(baselines: str) -> list[str]:
    from featrouter.evaluation.baselines import BASELINES

    names = [name.strip() for name in baselines.split(",") if name.strip()]
    if names in (["all"], ["none"]):
        names = list(BASELINES) if names == ["all"] else []
    if unknown := [name for name in names if name not in BASELINES]:
        raise mistaken("baselines", f"{unknown[0]!r}: known are {', '.join(BASELINES)}")
    return names
