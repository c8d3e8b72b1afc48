"""Verbs about runs that a bundle was not made from: fit it to a new harness, and see what has moved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from featrouter.cli.completion import offering, references
from featrouter.cli.options import (
    BUNDLE,
    HARNESS,
    JOBS,
    JSON,
    LOGS,
    MAX_REJECTS,
    STRONG,
    check_folder,
    mistaken,
    pair_of,
    refusals,
    table_of,
)
from featrouter.cli.painting import echo, headed

if TYPE_CHECKING:
    from featrouter.bundle import Bundle

_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


def bundle_of(name: str | Path) -> Bundle:
    """A bundle by its path; `default` is the shipped one. BundleError when it is damaged, or of another catalogue."""
    from featrouter.bundle import Bundle, refuse_outdated
    from featrouter.resources import resource

    bundle = Bundle.load(resource("models/default/default.featrouter") if str(name) == "default" else name)
    refuse_outdated(bundle, name)
    return bundle


@click.command()
@BUNDLE
@LOGS
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The adapted bundle to write.")
@HARNESS
@click.option(
    "--resolved", type=_SHARE, help="The share of tasks that the weak model solves there, as far as you know."
)
@click.option("--strong-resolved", type=_SHARE, help="The same of the strong model.")
@JOBS
@MAX_REJECTS
@JSON
def adapt(
    bundle: str,
    logs: tuple[Path, ...],
    output: Path,
    harness: tuple[str, ...],
    resolved: float | None,
    strong_resolved: float | None,
    jobs: int,
    max_rejects: int,
    as_json: bool,
) -> None:
    """Fit a bundle to a new harness from a few dozen runs without outcomes.

    What the heads read is not a feature's value but its rank among those of the harness; this learns the ranks of
    yours. BUNDLE is a file, or `default` for the shipped one. LOGS are turns and runs files (y_weak is not needed).

    \b
    Examples:
      featrouter adapt default turns.csv runs.csv -o mine.featrouter
      featrouter adapt default turns.csv runs.csv -o mine.featrouter --resolved 0.4 --strong-resolved 0.7
    """
    from featrouter.training.adapt import adapt as fitted
    from featrouter.training.table import select

    check_folder("output", output)
    with refusals():
        base = bundle_of(bundle)
        _, table = table_of(logs, jobs, max_rejects)
        table = select(table, weak=None, harness=harness)
        found = fitted(base, table, resolved=resolved, strong=strong_resolved)
        found.save(output)
    for flag in found.flags:
        if flag in base.flags:
            continue
        echo(f"note: {flag}", "faint", err=True)
    names = ", ".join(f"{name or '(none named)'} ({one.runs} runs)" for name, one in found.references.items())
    echo(f"{output}: serves {names}", err=True)
    if as_json:
        serves = {name: one.runs for name, one in found.references.items()}
        echo(json.dumps({"bundle": str(output), "serves": serves, "flags": found.flags}, indent=1))


@click.command()
@BUNDLE
@LOGS
@STRONG
@HARNESS
@click.option(
    "--as",
    "named",
    metavar="NAME",
    shell_complete=offering(references),
    help="Compare with this harness of the bundle, whatever the log's is called.",
)
@JOBS
@MAX_REJECTS
@JSON
def drift(
    bundle: str,
    logs: tuple[Path, ...],
    strong: str | None,
    harness: tuple[str, ...],
    named: str | None,
    jobs: int,
    max_rejects: int,
    as_json: bool,
) -> None:
    """Have runs moved away from those a bundle was made for? Features, the guard, and calibration where outcomes are.

    \b
    Examples:
      featrouter drift my.featrouter this-week/*.csv
      featrouter drift default turns.csv runs.csv --as openhands --json
    """
    from featrouter.evaluation.drift import drift as moved
    from featrouter.evaluation.drift import words

    with refusals():
        given = bundle_of(bundle)
        if named is not None and named not in given.references:
            known = ", ".join(repr(name) for name in sorted(given.references))
            raise mistaken("as", f"{named!r}: the bundle knows {known}")
        read, table = table_of(logs, jobs, max_rejects)
        found = moved(given, pair_of(read, table, None, strong, harness, quiet=True), named)
    if as_json:
        echo(json.dumps(found, indent=1))
    else:
        headed(words(found))
