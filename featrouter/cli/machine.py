"""Verbs about this machine: a demonstration, and what is missing."""

from __future__ import annotations

import json
import sys

import click

from featrouter.cli.options import JSON, refusals
from featrouter.cli.painting import echo, headed


@click.command()
@JSON
def demo(as_json: bool) -> None:
    """Train on the shipped numbers, print the cross-validated table, replay one recorded run turn by turn.

    \b
    Examples:
      featrouter demo
      featrouter demo --json > demo.json
    """
    from featrouter.demo import run

    with refusals():
        found = run((lambda text: None) if as_json else headed, lambda line: echo(line, "faint", err=True))
    if as_json:
        echo(json.dumps(found, indent=1))


@click.command()
@JSON
def doctor(as_json: bool) -> None:
    """Say what is missing on this machine and how to mend it; exit code 1 when something needed is.

    \b
    Examples:
      featrouter doctor
      featrouter doctor --json
    """
    from featrouter.doctor import examine

    found = examine()
    if as_json:
        echo(json.dumps(found, indent=1))
    else:
        for check in found:
            echo(
                f"{'ok  ' if check['ok'] else 'MISS' if check['needed'] else 'note'}  {check['what']}: {check['found']}"
            )
            if not check["ok"]:
                echo(f"      {check['mend']}")
    if not all(check["ok"] for check in found if check["needed"]):
        sys.exit(1)
