"""Verbs for people who would rather look than read: a bundle's report, and a run replayed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from featrouter.cli.completion import BundleName
from featrouter.cli.harnesses import bundle_of
from featrouter.cli.judging import USUAL, chosen_of
from featrouter.cli.options import (
    BUNDLE,
    HARNESS,
    JOBS,
    JSON,
    LOGS,
    MAX_REJECTS,
    STRONG,
    VALUE,
    WEAK,
    Refused,
    check_folder,
    pair_of,
    refusals,
    table_of,
)
from featrouter.cli.painting import echo
from featrouter.cli.progress import Stages
from featrouter.cli.runs import RUN, TASK, WHICH, Found, run_of
from featrouter.cli.serving import ON, POLICY, STOP, router_of

if TYPE_CHECKING:
    from featrouter.router import Router
    from featrouter.view.page import View

_HTML = click.option("-o", "--output", type=click.Path(path_type=Path), help="The HTML file to write.")


@click.command()
@BUNDLE
@LOGS
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The HTML file to write.")
@STRONG
@WEAK
@HARNESS
@VALUE
@click.option(
    "--judge",
    type=click.Choice(["auto", "bundle", "folds"]),
    default="auto",
    show_default=True,
    help="The bundle's own answers, or those of routers made like it, each on other tasks; auto: the latter where the "
    "bundle may have learned from these logs.",
)
@click.option(
    "--baselines", default=USUAL, show_default=True, metavar="LIST", help="As in evaluate; beside folds alone."
)
@JOBS
@MAX_REJECTS
@JSON
def report(
    bundle: str,
    logs: tuple[Path, ...],
    output: Path,
    strong: str | None,
    weak: str | None,
    harness: tuple[str, ...],
    value: float | None,
    judge: str,
    baselines: str,
    jobs: int,
    max_rejects: int,
    as_json: bool,
) -> None:
    """A bundle on some logs, as one page to look at: verdict, cost and quality, calibration, what carries it, where it
    fails, and a knob for what a solved task is worth.

    The page needs no network, and holds numbers and names alone. BUNDLE is a file, or `default`. The strong model is the
    bundle's own, unless you name another.

    \b
    Examples:
      featrouter report my.featrouter turns.csv runs.csv outcomes.csv -o report.html
      featrouter report default logs/ --weak small --strong gpt-4 --judge bundle -o report.html
    """
    from featrouter import atomic
    from featrouter.report.findings import find
    from featrouter.report.page import page

    check_folder("output", output)
    chosen = [name for name in chosen_of(baselines) if name != "tfidf"]
    with refusals():
        given = bundle_of(bundle)
        read, table = table_of(logs, jobs, max_rejects)
        named = strong or given.provenance.get("strong_model")
        strong_model = named if isinstance(named, str) else None
        table = pair_of(read, table, weak, strong_model, harness)
        found = find(
            table,
            given,
            weak=", ".join(sorted(table.meta["weak_model"].unique())),
            strong=strong_model,
            value=value,
            judge=judge,
            baselines=chosen,
            jobs=jobs,
            progress=Stages(),
        )
        atomic.write(output, page(found, Path(bundle).name).encode())
    if as_json:
        echo(json.dumps(found.as_dict(), indent=1))
    else:
        verdict = found.evaluation["verdict"][0]
        echo(verdict, "good" if verdict.startswith("route") else "warn")
    echo(f"{output}: {output.stat().st_size / 1024:.0f} KiB", err=True)


@click.command()
@RUN
@click.option(
    "--bundle", type=BundleName(), default="default", show_default=True, metavar="BUNDLE", help="A file, or `default`."
)
@_HTML
@click.option("--serve", is_flag=True, help="Serve the page to this machine instead, until Ctrl-C.")
@click.option("--port", default=0, help="Where to serve it; a free port unless you say.")
@click.option("--whole", is_flag=True, help="Leave nothing out of long texts in the file (--serve never does).")
@WHICH
@TASK
@VALUE
@POLICY
@STOP
@ON
@JSON
def view(
    run: Path,
    bundle: str,
    output: Path | None,
    serve: bool,
    port: int,
    whole: bool,
    which: str | None,
    task: str,
    value: float | None,
    policy: str | None,
    allow_stop: bool,
    harness: str | None,
    as_json: bool,
) -> None:
    """Replay a run as a page to look at: what the agent did, y1 and y2 over the turns, why, and what another value of a
    solved task would have changed.

    RUN is what `decide` takes: a trajectory file of any format, chat messages, turns as JSON, or a log with --run. What
    it holds is shown and never obeyed. --json prints a decision for every turn, with its reasons.

    \b
    Examples:
      featrouter view run.traj.json -o run.html
      featrouter view session.jsonl --bundle my.featrouter --serve
      featrouter view log --run django__django-11001 -o run.html
      featrouter view run.json --json
    """
    from featrouter import atomic
    from featrouter.view.page import LONGEST

    if not (output or serve or as_json):
        raise click.UsageError("say where the page goes: -o FILE, or --serve")
    if output:
        check_folder("output", output)
    shown = _view(run_of(run, which), router_of(bundle, value, policy, allow_stop, harness), task, harness)
    if as_json:
        steps = [
            step.decision.as_dict() | {"reasons": [str(reason) for reason in step.reasons]} for step in shown.steps
        ]
        echo(json.dumps(steps, indent=1))
    if output:
        with refusals():
            atomic.write(output, "".join(shown.pieces(0 if whole else LONGEST)).encode("utf-8", "replace"))
        echo(f"{output}: {output.stat().st_size / 1024:,.0f} KiB, {len(shown.steps)} decision points", err=True)
    if serve:
        _serve(shown, port)


def _view(found: Found, router: Router, task: str, harness: str | None) -> View:
    from dataclasses import replace

    from featrouter.view.page import View
    from featrouter.view.replay import replay

    run = replace(found.trajectory, task=task or found.trajectory.task)
    on = harness or (found.harness if found.harness in router.bundle.references else None)
    points = len(run) + 1 + run.ended
    with click.progressbar(replay(router, run, on), length=points, label="replaying", file=sys.stderr) as steps:
        return View(Path(found.name).name, router, run, list(steps))


def _serve(shown: View, port: int) -> None:
    from featrouter.view.server import Server

    try:
        server = Server(shown, port)
    except (OSError, OverflowError) as error:
        raise Refused(f"--port {port}: {error}") from None
    echo(f"{server.address}  (Ctrl-C ends it)", err=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        echo("", err=True)
    finally:
        server.server_close()
