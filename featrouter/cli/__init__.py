"""The command line: thin verbs, each importing its work when it is called. Results on stdout, the rest on stderr."""

from __future__ import annotations

import difflib
from itertools import chain
from typing import Any

import click

import featrouter
from featrouter.cli import defaults
from featrouter.cli.bench import bench
from featrouter.cli.completion import completion
from featrouter.cli.harnesses import adapt, drift
from featrouter.cli.importing import export, import_
from featrouter.cli.judging import evaluate
from featrouter.cli.learning import importances, train
from featrouter.cli.looking import report, view
from featrouter.cli.machine import demo, doctor
from featrouter.cli.numbers import extract, features
from featrouter.cli.options import EXIT_CODES, EXIT_DATA, Refused
from featrouter.cli.painting import coloured, echo, painted, printable
from featrouter.cli.serving import decide, explain
from featrouter.cli.study import study
from featrouter.cli.watching import watch

__all__ = ["EXIT_CODES", "EXIT_DATA", "Refused", "main"]

_FIRST = """\
featrouter decides, while a cheap agent works, whether it should go on or hand over to a strong one.

Three things to do first:

  1. See what it does, on shipped runs:   featrouter demo
  2. Would routing pay on your own?       featrouter import RUNS... -o log --outcomes solved.csv
                                          featrouter evaluate log --strong MODEL
  3. Train it, look at it, embed it:      featrouter train log --strong MODEL -o my.featrouter
                                          featrouter report my.featrouter log -o report.html
                                          router = featrouter.Router.load("my.featrouter")

featrouter --help lists all verbs, featrouter VERB --help teaches one.
"""


_SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Logs": (import_, export, extract, features),
    "Learn and judge": (evaluate, train, adapt, drift, importances, study),
    "Ask a router": (decide, explain),
    "Look": (report, view, watch),
    "This machine": (demo, doctor, bench, completion),
}


class _Verbs(click.Group):
    """The group of all verbs: errors are escaped and say where a bad value came from, defaults come from outside, too."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(str(verb.name), verb.get_short_help_str(92)) for verb in verbs])

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        try:
            return super().make_context(*args, **{"color": coloured(err=True), **extra})
        except click.ClickException as error:
            raise _told(error) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            raise _told(error) from None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if ctx.resilient_parsing:  # a shell asks what may follow
            return super().resolve_command(ctx, args)
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            near = difflib.get_close_matches(args[0], list(self.commands), n=1, cutoff=0.5)
            mend = f"did you mean {near[0]}?" if near else "featrouter --help lists them"
            ctx.fail(f"no verb {args[0]!r:.60}; {mend}")
        found = super().resolve_command(ctx, args)
        if told := defaults.project():
            ctx.default_map = defaults.map_of(*told, str(found[0]), self.commands)
        return found


def _told(error: click.ClickException) -> click.ClickException:
    """The error, in words that a terminal can be shown."""
    words = error.format_message()
    if isinstance(error, click.BadParameter) and (source := defaults.source_of(error)):
        words = f"{words} ({source})"
    told = painted(printable(words), "bad", err=True)
    error.format_message = lambda: told  # type: ignore[method-assign]  # what every kind of them is shown by
    return error


@click.group(
    cls=_Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="\b\nExit codes: " + "\n            ".join(f"{code} {means}" for code, means in EXIT_CODES.items()),
)
@click.version_option(featrouter.__version__, prog_name="featrouter")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Decide, while a cheap agent works, whether it should go on or hand over to a strong one.

    \b
    First steps:
      featrouter demo                                    what it does, on shipped data, under a minute
      featrouter evaluate LOGS... --strong MODEL         would routing pay on your own runs?
      featrouter train LOGS... --strong MODEL -o my.featrouter

    Options have defaults of your own in FEATROUTER_* variables and in [tool.featrouter] of a pyproject.toml:
    featrouter/cli/README.md tells how, and has the help of every verb.
    """
    if ctx.invoked_subcommand is None:
        echo(_FIRST, nl=False)


for verb in chain.from_iterable(_SECTIONS.values()):
    main.add_command(verb)
    defaults.let_variables_in(str(verb.name), verb)
