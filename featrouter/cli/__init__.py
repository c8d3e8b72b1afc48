"""The command line: thin verbs, each importing its work when it is called. Results on stdout, the rest on stderr."""

from __future__ import annotations

from typing import Any

import click

import featrouter
from featrouter.cli.bench import bench
from featrouter.cli.harnesses import adapt, drift
from featrouter.cli.importing import export, import_
from featrouter.cli.judging import evaluate
from featrouter.cli.learning import importances, train
from featrouter.cli.looking import report, view
from featrouter.cli.machine import demo, doctor
from featrouter.cli.numbers import extract, features
from featrouter.cli.options import EXIT_DATA, Refused, printable
from featrouter.cli.serving import decide, explain
from featrouter.cli.study import study

__all__ = ["EXIT_DATA", "Refused", "main"]


class _Verbs(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            told = printable(error.format_message())
            error.format_message = lambda: told  # type: ignore[method-assign]  # what every kind of them is shown by
            raise


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(featrouter.__version__, prog_name="featrouter")
def main() -> None:
    """Decide, while a cheap agent works, whether it should go on or hand over to a strong one.

    \b
    First steps:
      featrouter demo                                    what it does, on shipped data, under a minute
      featrouter evaluate LOGS... --strong MODEL         would routing pay on your own runs?
      featrouter train LOGS... --strong MODEL -o my.featrouter
    """


for verb in (
    import_,
    export,
    features,
    extract,
    train,
    adapt,
    drift,
    evaluate,
    study,
    importances,
    decide,
    explain,
    report,
    view,
    demo,
    bench,
    doctor,
):
    main.add_command(verb)
