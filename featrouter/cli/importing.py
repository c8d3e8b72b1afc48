"""Verbs about other tools' trajectories: import them as logs, export logs as theirs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from featrouter.cli.completion import formats, offering
from featrouter.cli.options import EXIT_DATA, JSON, LOGS, Refused, mistaken, refusals
from featrouter.cli.painting import echo

if TYPE_CHECKING:
    from featrouter.importers import Import
    from featrouter.importers.filing import Filed
    from featrouter.importers.outcomes import Outcomes

_SHOWN = 5


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The folder for the two logs.")
@click.option(
    "--outcomes",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Who solved what: CSV, SWE-bench report, Harbor result.json (repeatable).",
)
@click.option(
    "--format",
    "form",
    metavar="NAME",
    default="",
    shell_complete=offering(formats),
    help="Only files of this format.",
)
@click.option("--harness", metavar="NAME", default="", help="The harness of runs whose file names none.")
@click.option("--weak", metavar="MODEL", default="", help="The model of runs whose file names none.")
@click.option("--append", "add", is_flag=True, help="Add to the logs in the folder, which is else refused.")
@JSON
def import_(
    files: tuple[Path, ...],
    output: Path,
    outcomes: tuple[Path, ...],
    form: str,
    harness: str,
    weak: str,
    add: bool,
    as_json: bool,
) -> None:
    """Import agents' trajectories: write turns.csv and runs.csv, which train and evaluate read.

    FILES are files, or folders that are walked: known by what is in them, plain or packed (gz, xz, bz2, zst). What
    cannot be read is named, and ends this with exit code 3; all the rest is imported. What else lies in a folder, and
    is no trajectory, is named, too, and only passed by.

    \b
    Formats, and their names for --format:
      mini-swe-agent  .traj.json of 1.x and 2.x: text, tool calls, Responses
      swe-agent       .traj
      openhands       output.jsonl of evaluations; event files, V0 and V1
      atif            ATIF v1.0 to 1.8; a Harbor trial's result.json is joined
      claude-code     session JSONL (~/.claude/projects), stream-json
      chat            message lists, JSON or JSONL: OpenAI chat, Anthropic, Responses, LangChain
      litellm         LiteLLM_SpendLogs with messages, CSV or JSON
      langfuse        export of observations or traces, CSV, JSON or JSONL
      otel            OpenTelemetry GenAI spans, OTLP JSON

    \b
    Examples:
      featrouter import runs/*.traj.json -o logs --outcomes report.json
      featrouter import ~/.claude/projects -o logs --outcomes solved.csv       (run_id,resolved)
      featrouter import jobs/2026-11-25 -o logs                                 (Harbor: all its trials)

    Next: featrouter evaluate logs outcomes.csv --strong MODEL, featrouter train logs outcomes.csv --strong MODEL -o F
    """
    from featrouter.importers import FORMATS, Import
    from featrouter.importers.filing import file_runs

    names = [known.name for known in FORMATS]
    if form and form not in names:
        raise mistaken("format", f"{form!r}: formats are {', '.join(names)}")
    reading = Import(files, only=form, harness=harness, weak_model=weak)
    with refusals():
        filed = file_runs(reading, output, _outcomes(outcomes, reading), add=add)
    _tell(reading, filed)
    if as_json:
        echo(json.dumps(_summary(reading, filed, output), indent=1))
    if not filed.runs and not filed.again:
        raise Refused("no run was found; featrouter import --help lists the formats", EXIT_DATA)
    if filed.runs:
        echo(f"{output}: {len(filed.runs)} runs of {filed.turns} turns", err=True)
    if reading.refused:
        raise Refused(f"{len(reading.refused)} files or places were refused (see above)", EXIT_DATA)


@click.command()
@LOGS
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The folder, a file a run.")
@click.option("--format", "form", type=click.Choice(["atif"]), default="atif", show_default=True, help="What to write.")
@JSON
def export(logs: tuple[Path, ...], output: Path, form: str, as_json: bool) -> None:
    """Export logged runs as trajectories: ATIF v1.7, one JSON file a run, for Harbor and what else reads it.

    An import of them gives the same runs again.

    \b
    Examples:
      featrouter export logs/ -o trajectories
      featrouter export turns.csv runs.csv -o trajectories --format atif
    """
    from featrouter.importers.atif_writing import write_runs
    from featrouter.logs import Logs

    with refusals():
        read = Logs(logs)
        for line in read.summary():
            echo(line, err=True)
        count = write_runs(read.trajectories(), output)
    echo(f"{output}: {count} runs as {form}", err=True)
    if as_json:
        echo(json.dumps({"output": str(output), "format": form, "runs": count, "rejected": read.rejected}, indent=1))
    if read.rejected:
        raise Refused(f"{read.rejected} rows were rejected (see above); the rest is exported", EXIT_DATA)


def _outcomes(paths: tuple[Path, ...], reading: Import) -> Outcomes:
    from featrouter.importers import Refusal
    from featrouter.importers.outcomes import Outcomes

    outcomes = Outcomes()
    for path in paths:
        try:
            outcomes.read(
                path, lambda record, why: reading.refused.append(Refusal(str(record.path), record.place, why))
            )
        except ValueError as error:
            reading.refused.append(Refusal(str(path), "", str(error)))
    return outcomes


def _tell(reading: Import, filed: Filed) -> None:
    for name, count in sorted(reading.counts.items()):
        echo(f"{name}: {count.files} files, {count.runs} runs, {count.turns} turns", err=True)
    blank = sum(run.y_weak is None for run in filed.runs)
    if blank:
        echo(f"{blank} of {len(filed.runs)} runs are without an outcome (--outcomes)", err=True)
    if filed.again:
        echo(f"{filed.again} runs are there already, and not written again", err=True)
    for refusal in reading.passed_by[:_SHOWN]:
        echo(f"passed by: {refusal}", err=True)
    if len(reading.passed_by) > _SHOWN:
        echo(f"passed by: {len(reading.passed_by) - _SHOWN} more files in the folders (--json names them)", err=True)
    files = Counter(refusal.file for refusal in reading.refused)
    shown: Counter[str] = Counter()
    for refusal in reading.refused:
        shown[refusal.file] += 1
        if shown[refusal.file] <= _SHOWN:
            echo(f"refused: {refusal}", err=True)
        elif shown[refusal.file] == files[refusal.file]:
            echo(f"refused: {refusal.file}: and {files[refusal.file] - _SHOWN} places more", err=True)


def _summary(reading: Import, filed: Filed, output: Path) -> dict[str, object]:
    formats = {
        name: {"files": count.files, "runs": count.runs, "turns": count.turns}
        for name, count in sorted(reading.counts.items())
    }
    return {
        "output": str(output),
        "runs": len(filed.runs),
        "turns": filed.turns,
        "with_outcome": sum(run.y_weak is not None for run in filed.runs),
        "already_there": filed.again,
        "formats": formats,
        "refused": [refusal._asdict() for refusal in reading.refused],
        "passed_by": [refusal._asdict() for refusal in reading.passed_by],
    }
