"""What several verbs share: options, errors in words, reading logs with an account of every row."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from featrouter.cli.completion import BundleName
from featrouter.cli.defaults import options_of
from featrouter.cli.painting import echo

if TYPE_CHECKING:
    from featrouter.logs import Logs
    from featrouter.training.table import Table, Told

EXIT_DATA = 3
EXIT_GATE = 4
EXIT_CODES = {
    0: "done",
    1: "it failed; the message says why",
    2: "the call was wrong: an option, an argument, a default from outside",
    EXIT_DATA: "logs or files hold what had to be rejected or refused; each is named",
    EXIT_GATE: "what --require asks for does not hold; the old bundle is left as it was",
}

BUNDLE = click.argument("bundle", type=BundleName())
LOGS = click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
JOBS = click.option("--jobs", default=2, show_default=True, help="Processes that extract features, or train on folds.")
MAX_REJECTS = click.option(
    "--max-rejects", default=0, show_default=True, help="Rows that may be rejected before this ends with exit code 3."
)
STRONG = click.option("--strong", metavar="MODEL", help="The strong model, as the outcomes (or runs) name it.")
WEAK = click.option(
    "--weak", metavar="MODEL", help="The weak model, where the logs hold several; else they are pooled."
)
HARNESS = click.option("--harness", multiple=True, metavar="NAME", help="Only runs of this harness (repeatable).")
ABOVE_0 = click.FloatRange(min=0, min_open=True)
VALUE = click.option("--value", type=ABOVE_0, default=None, help="USD that one solved task is worth to you.")


class Refused(click.ClickException):
    """A message for the user, and the exit code that goes with it."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]  # click reads it from the instance, too


def mistaken(option: str, message: str) -> click.BadParameter:
    """What is wrong with the value of an option (`max-rejects`) of the verb that runs; it tells where the value came from."""
    ctx = click.get_current_context()
    return click.BadParameter(message, ctx, options_of(ctx.command)[option])


def check_folder(option: str, output: Path) -> None:
    if not output.parent.is_dir():
        raise mistaken(option, f"{output.parent} is no folder; make it first")


@contextmanager
def refusals() -> Iterator[None]:
    from featrouter.bundle import BundleError
    from featrouter.logs import LogError

    try:
        yield
    except LogError as error:
        raise Refused(str(error), EXIT_DATA) from None
    except (BundleError, ValueError, OSError) as error:
        raise Refused(str(error)) from None


def table_of(logs: Sequence[Path], jobs: int, max_rejects: int) -> tuple[Logs, Table]:
    """Read the logs and extract; say what became of every row; end with exit code 3 above the reject limit."""
    from featrouter.logs import Logs
    from featrouter.training.table import table_of as extracted

    read = Logs(logs)
    for line in read.summary():
        echo(line, err=True)
    if read.rejected > max_rejects:
        raise Refused(
            f"{read.rejected} rows were rejected (see above); mend the log, or allow as many with --max-rejects",
            EXIT_DATA,
        )
    # A log without a runs file does not tell how many runs there are: the bar is full early, and nothing else is wrong.
    with click.progressbar(length=max(1, len(read.runs)), label="reading runs", file=sys.stderr) as bar:
        table = extracted(read, jobs=jobs, progress=bar.update)
    return read, table


def pair_of(
    read: Told, table: Table, weak: str | None, strong: str | None, harness: Sequence[str], *, quiet: bool = False
) -> Table:
    """The rows of one pair of models, with the strong model's outcomes and the panel's shares joined."""
    from featrouter.training.pair import pair

    table = pair(table, read, weak, strong, harness)
    models = sorted(table.meta["weak_model"].unique())
    if weak is None and len(models) > 1 and not quiet:
        pooled = f"note: runs of {len(models)} weak models are pooled ({', '.join(models)}); --weak picks one"
        echo(pooled, "faint", err=True)
    return table
