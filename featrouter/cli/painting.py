"""What reaches the terminal: strangers' texts escaped, then colour where somebody looks at it."""

from __future__ import annotations

import os
import sys

import click

STYLES: dict[str, dict[str, object]] = {
    "heading": {"bold": True},
    "good": {"fg": "green", "bold": True},
    "warn": {"fg": "yellow", "bold": True},
    "bad": {"fg": "red"},
    "faint": {"dim": True},
}


def printable(text: str) -> str:
    """The text with an escape for what a terminal would obey: names of files, columns and keys are a stranger's."""
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


def coloured(*, err: bool = False) -> bool:
    """Whether this stream is shown in colour: NO_COLOR forbids it, FORCE_COLOR asks for it, else a terminal has it."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stderr if err else sys.stdout).isatty()


def painted(text: str, style: str, *, err: bool = False) -> str:
    """The text, escaped, in one of STYLES where the stream is shown in colour."""
    told = printable(text)
    return click.style(told, **STYLES[style]) if style and coloured(err=err) else told  # type: ignore[arg-type]


def echo(text: str, style: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a result, or with `err` what is said beside it."""
    click.echo(painted(text, style, err=err), err=err, nl=nl, color=coloured(err=err))


def headed(text: str) -> None:
    """Print paragraphs, the first line of each as its heading; of a list of sentences (`* …`) the first is the verdict."""
    above, verdict = "", True
    for line in text.split("\n"):
        style = "" if above else "heading"
        if verdict and line.startswith("* "):
            style, verdict = ("good" if line.startswith("* route") else "warn"), False
        echo(line, style)
        above = line
