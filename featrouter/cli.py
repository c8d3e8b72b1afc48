"""The command line: thin verbs, each importing its work when it is called. Results on stdout, the rest on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import featrouter

if TYPE_CHECKING:
    from featrouter.logs import Logs
    from featrouter.router import Router
    from featrouter.training.table import Table
    from featrouter.trajectory import Trajectory

#: 0 done, 1 it failed, 2 the call was wrong, 3 the logs hold rows that were rejected.
EXIT_DATA = 3

LOGS = click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
JOBS = click.option("--jobs", default=2, show_default=True, help="Processes that extract features.")
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


@contextmanager
def _refusals() -> Iterator[None]:
    from featrouter.bundle import BundleError
    from featrouter.logs import LogError

    try:
        yield
    except LogError as error:
        raise Refused(str(error), EXIT_DATA) from None
    except (BundleError, ValueError, OSError) as error:
        raise Refused(str(error)) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(featrouter.__version__, prog_name="featrouter")
def main() -> None:
    """Decide, while a cheap agent works, whether it should go on or hand over to a strong one.

    \b
    First steps:
      featrouter demo                                    what it does, on shipped data, under a minute
      featrouter evaluate LOGS... --strong MODEL         would routing pay on your own runs?
      featrouter train LOGS... --strong MODEL -o my.featrouter
    """


def _table(logs: Sequence[Path], jobs: int, max_rejects: int) -> tuple[Logs, Table]:
    """Read the logs and extract; say what became of every row; end with exit code 3 above the reject limit."""
    from featrouter.logs import Logs
    from featrouter.training.table import table_of

    read = Logs(logs)
    for line in read.summary():
        click.echo(line, err=True)
    if read.rejected > max_rejects:
        raise Refused(
            f"{read.rejected} rows were rejected (see above); mend the log, or allow as many with --max-rejects",
            EXIT_DATA,
        )
    # A log without a runs file does not tell how many runs there are: the bar is full early, and nothing else is wrong.
    with click.progressbar(length=max(1, len(read.runs)), label="reading runs", file=sys.stderr) as bar:
        table = table_of(read, jobs=jobs, progress=bar.update)
    return read, table


def _stages(verbose: bool = True) -> Callable[[str], None]:
    return lambda stage: click.echo(f"  {stage}", err=True) if verbose else None


@main.command()
@click.option("--family", help="Only this family.")
@click.option("--markdown", is_flag=True, help="The page features/README.md.")
@JSON
def features(family: str | None, markdown: bool, as_json: bool) -> None:
    """List the features: name, unit, direction, meaning."""
    from featrouter.catalogue import FAMILIES, feature_set
    from featrouter.catalogue_page import page

    if family is not None and family not in FAMILIES:
        raise click.BadParameter(f"{family!r}: families are {', '.join(FAMILIES)}", param_hint="--family")
    if markdown:
        click.echo(page(), nl=False)
        return
    chosen = [feature for feature in feature_set() if family in (None, feature.family)]
    if as_json:
        keys = ("name", "family", "unit", "direction", "meaning")
        click.echo(json.dumps([{key: getattr(feature, key) for key in keys} for feature in chosen], indent=1))
        return
    for feature in chosen:
        click.echo(f"{feature.name:26} {feature.direction}  {feature.meaning} [{feature.unit}]")


@main.command()
@LOGS
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="F.csv, or .csv.gz, .csv.xz.")
@click.option("--outcomes", type=click.Path(path_type=Path), help="Also gather all outcomes of the logs in this file.")
@JOBS
@MAX_REJECTS
def extract(logs: tuple[Path, ...], output: Path, outcomes: Path | None, jobs: int, max_rejects: int) -> None:
    """Turn logs into feature rows: numbers only, safe to share, and all that training needs.

    Example: featrouter extract runs.csv turns.csv -o features.csv.xz
    """
    from featrouter.training.table import write_features, write_outcomes

    with _refusals():
        read, table = _table(logs, jobs, max_rejects)
        write_features(table, output)
        if outcomes:
            write_outcomes(read, outcomes)
    click.echo(f"{output}: {len(table)} rows of {len(table.names)} features", err=True)


@main.command()
@LOGS
@STRONG
@WEAK
@HARNESS
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The bundle to write.")
@click.option(
    "--value",
    type=ABOVE_0,
    default=10.0,
    show_default=True,
    help="USD that one solved task is worth (can be changed later).",
)
@click.option(
    "--takeover",
    type=click.Choice(["restart", "handover"]),
    default="restart",
    show_default=True,
    help="Does the strong model start anew, or go on from the weak one's turns?",
)
@click.option("--card", type=click.Path(path_type=Path), help="Also write a model card in Markdown.")
@JOBS
@MAX_REJECTS
@JSON
def train(
    logs: tuple[Path, ...],
    strong: str | None,
    weak: str | None,
    harness: tuple[str, ...],
    output: Path,
    value: float,
    takeover: str,
    card: Path | None,
    jobs: int,
    max_rejects: int,
    as_json: bool,
) -> None:
    """Learn a router from your logs: turns and runs, or feature rows; outcomes hold the strong model's side.

    Example: featrouter train turns.csv runs.csv outcomes.csv --strong gpt-4 -o my.featrouter
    """
    from featrouter.training.card import page
    from featrouter.training.learn import train as learn
    from featrouter.training.words import learned

    with _refusals():
        read, table = _table(logs, jobs, max_rejects)
        table = _pair(read, table, weak, strong, harness)
        click.echo("training", err=True)
        bundle = learn(table, strong=strong, value=value, handover=takeover, progress=_stages())
        bundle.save(output)
        if card:
            card.write_text(page(bundle, output.name), encoding="utf-8")
    if as_json:
        click.echo(json.dumps({"bundle": str(output), "flags": bundle.flags, "metrics": bundle.metrics}, indent=1))
    else:
        click.echo(learned(bundle))
    click.echo(f"{output}: {output.stat().st_size / 1024:.0f} KiB", err=True)


def _pair(read: Logs, table: Table, weak: str | None, strong: str | None, harness: tuple[str, ...]) -> Table:
    from featrouter.training.table import join_strong, select

    table = select(table, weak=weak, harness=harness)
    models = sorted(table.meta["weak_model"].unique())
    if weak is None and len(models) > 1:
        click.echo(
            f"note: runs of {len(models)} weak models are pooled ({', '.join(models)}); --weak picks one", err=True
        )
    return join_strong(table, read, strong) if strong else table


@main.command()
@LOGS
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
@click.option("--bundle", type=click.Path(exists=True, path_type=Path), help="Judge this bundle on logs it never saw.")
@click.option("--value", type=ABOVE_0, default=10.0, show_default=True, help="USD that one solved task is worth.")
@click.option("--at", multiple=True, type=int, help="Only these turns in the printed table (repeatable).")
@JOBS
@MAX_REJECTS
@JSON
def evaluate(
    logs: tuple[Path, ...],
    strong: str | None,
    weak: str | None,
    harness: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    bundle: Path | None,
    value: float,
    at: tuple[int, ...],
    jobs: int,
    max_rejects: int,
    as_json: bool,
) -> None:
    """Would routing pay? Cross-validated on your logs (or a given bundle), each number with its interval.

    Two splits: `mixed` keeps a task's runs together, `repo_disjoint` whole repositories. Columns: method in README.

    Example: featrouter evaluate turns.csv runs.csv outcomes.csv --weak gpt-3.5 --strong gpt-4
    """
    from featrouter.training.evaluate import evaluate as judge
    from featrouter.training.given import predictions
    from featrouter.training.words import evaluation, pairs_table

    if pairs and (weak or strong):
        raise click.UsageError("give either --pair (repeatable) or --weak and --strong")
    reports = []
    with _refusals():
        read, table = _table(logs, jobs, max_rejects)
        for weak_model, named in pairs or ((weak, strong),):
            strong_model = None if named == "-" else named
            part = _pair(read, table, weak_model, strong_model, harness)
            names = ", ".join(sorted(part.meta["weak_model"].unique()))
            click.echo(f"evaluating {names} -> {strong_model or '(no strong model)'}", err=True)
            told = predictions(part, bundle) if bundle else None
            reports.append(judge(part, weak=names, strong=strong_model, given=told, value=value, progress=_stages()))
    if as_json:
        click.echo(json.dumps(reports if pairs else reports[0], indent=1))
    elif pairs:
        click.echo(pairs_table(reports, at or (0, 2, 4, 8)))
    else:
        click.echo(evaluation(reports[0], at))


@main.command()
@click.argument("bundle")
@click.option("-n", default=20, show_default=True, help="How many features to print.")
@click.option("--csv", "as_csv", is_flag=True, help="All of them, as CSV on stdout.")
@JSON
def importances(bundle: str, n: int, as_csv: bool, as_json: bool) -> None:
    """Which features and families carry a bundle's probabilities: gain, splits, held-out permutation, mean |SHAP|.

    BUNDLE is a file, or `default` for the shipped one.
    """
    from featrouter.training.importances import by_family
    from featrouter.training.words import importances_csv, importances_table

    with _refusals():
        found = _router(bundle).bundle.importances
    if as_json:
        click.echo(json.dumps({"families": by_family(found), "features": found}, indent=1))
    elif as_csv:
        click.echo(importances_csv(found), nl=False)
    else:
        click.echo(importances_table(found, by_family(found), n))


RUN = click.argument("run", default="-", type=click.File("r", encoding="utf-8", errors="replace"))
TURN = click.option("--turn", type=int, help="Look at the run after this turn instead of the last one.")
ENDED = click.option("--ended", is_flag=True, help="The weak agent has submitted: accept or escalate?")
TASK = click.option("--task", default="", help="The task text, where the run does not hold it.")


@main.command()
@click.argument("bundle")
@RUN
@TASK
@VALUE
@TURN
@ENDED
@click.option("-n", default=3, show_default=True, help="How many reasons.")
def decide(bundle: str, run: Any, task: str, value: float | None, turn: int | None, ended: bool, n: int) -> None:
    """Decide on a run: one JSON object with choice, r1, r2, y1, y2, c1, c2, turn and reasons.

    BUNDLE is a file or `default`. RUN is JSON, a file or - for stdin: a chat-message list (OpenAI, Anthropic,
    Responses), an object with `messages`, or {"task": ..., "turns": [{"thought", "action", "observation"}, ...]}.
    """
    session = _session(bundle, run, task, value, turn, ended)
    reasons = [
        {"feature": reason.feature, "value": reason.value, "effect": round(reason.effect, 4), "words": reason.words}
        for reason in session.explain(n)
    ]
    for reason in reasons:
        reason["value"] = None if reason["value"] != reason["value"] else reason["value"]
    click.echo(json.dumps(session.decide().as_dict() | {"reasons": reasons}))


@main.command()
@click.argument("bundle")
@RUN
@TASK
@VALUE
@TURN
@ENDED
@click.option("-n", default=8, show_default=True, help="How many reasons.")
@JSON
def explain(
    bundle: str, run: Any, task: str, value: float | None, turn: int | None, ended: bool, n: int, as_json: bool
) -> None:
    """Say in words what moved a decision: above 0 speaks for escalating, below 0 for going on (log-odds)."""
    session = _session(bundle, run, task, value, turn, ended)
    reasons = session.explain(n)
    if as_json:
        click.echo(
            json.dumps([{"feature": r.feature, "effect": r.effect, "words": r.words} for r in reasons], indent=1)
        )
        return
    decision = session.decide()
    click.echo(f"turn {decision.turn}: {decision.choice}  y1 {decision.y1:.3f}  y2 {decision.y2:.3f}")
    if decision.fallback:
        click.echo(f"  not trusted: {decision.fallback}")
    for reason in reasons:
        click.echo(f"  {reason}")


def _router(bundle: str, value: float | None = None) -> Router:
    from featrouter.decision import Costs
    from featrouter.router import Router

    return Router.load(None if bundle == "default" else bundle, costs=Costs(value=value))


def _session(bundle: str, run: Any, task: str, value: float | None, turn: int | None, ended: bool) -> Any:
    with _refusals():
        router = _router(bundle, value)
        trajectory = _trajectory(run)
        if turn is not None and not 0 <= turn <= len(trajectory):
            raise click.BadParameter(f"{turn}: the run has {len(trajectory)} turns", param_hint="--turn")
        whole = turn is None or turn == len(trajectory)
        session = router.session(task or trajectory.task)
        for step in trajectory.turns[:turn]:
            session.observe(step)
        if ended or (trajectory.ended and whole):
            session.end()
        return session


def _trajectory(run: Any) -> Trajectory:
    from featrouter.messages import trajectory_of
    from featrouter.trajectory import Call, Trajectory, Turn

    name = getattr(run, "name", "<stdin>")
    try:
        read = json.load(run)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Refused(f"{name}: not JSON: {error}") from None
    if isinstance(read, list):
        return trajectory_of(read)
    if isinstance(read, dict) and isinstance(read.get("messages"), list):
        return trajectory_of(read["messages"])
    if isinstance(read, dict) and isinstance(read.get("turns"), list):
        turns = []
        for number, fields in enumerate(read["turns"], 1):
            try:
                calls = tuple(Call(**call) for call in fields.pop("calls", ()))
                turns.append(Turn(**fields, calls=calls))
            except (TypeError, AttributeError) as error:
                raise Refused(f"{name}: turn {number}: {str(error).replace('Turn.__init__() ', '')}") from None
        return Trajectory(str(read.get("task", "")), tuple(turns), bool(read.get("ended", False)))
    raise Refused(f"{name}: neither a message list, nor an object with `messages` or `turns` (featrouter decide -h)")


@main.command()
def demo() -> None:
    """Train on the shipped numbers, print the cross-validated table, replay one recorded run turn by turn."""
    from featrouter.demo import run

    with _refusals():
        run(click.echo, lambda line: click.echo(line, err=True))


@main.command()
@JSON
def doctor(as_json: bool) -> None:
    """Say what is missing on this machine and how to mend it; exit code 1 when something needed is."""
    from featrouter.doctor import examine

    found = examine()
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        for check in found:
            click.echo(
                f"{'ok  ' if check['ok'] else 'MISS' if check['needed'] else 'note'}  {check['what']}: {check['found']}"
            )
            if not check["ok"]:
                click.echo(f"      {check['mend']}")
    if not all(check["ok"] for check in found if check["needed"]):
        sys.exit(1)
