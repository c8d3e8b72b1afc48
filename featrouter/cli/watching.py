"""The verb that watches a run being written."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from featrouter.cli.completion import BundleName
from featrouter.cli.options import ABOVE_0, VALUE, refusals
from featrouter.cli.painting import echo
from featrouter.cli.runs import TASK, turn_of
from featrouter.cli.serving import ON, POLICY, STOP, router_of

if TYPE_CHECKING:
    from featrouter.decision import Decision
    from featrouter.watching.watch import Said, Watch

_HEAD = "turn    r1    r2     y1     y2  choice    why"


@click.command()
@click.argument("run", default="-", type=click.Path(allow_dash=True, path_type=Path, dir_okay=False))
@click.option(
    "--bundle", type=BundleName(), default="default", show_default=True, metavar="BUNDLE", help="A file, or `default`."
)
@TASK
@VALUE
@POLICY
@STOP
@ON
@click.option("--poll", type=ABOVE_0, default=0.5, show_default=True, help="Seconds between two looks at the file.")
@click.option("--idle", type=ABOVE_0, help="End when nothing has changed for so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout, one a turn.")
def watch(
    run: Path,
    bundle: str,
    task: str,
    value: float | None,
    policy: str | None,
    allow_stop: bool,
    harness: str | None,
    poll: float,
    idle: float | None,
    as_json: bool,
) -> None:
    """Follow a run while it is being written: after each turn r1, r2, y1, y2, what is decided, and the top reason.

    RUN is a file that an agent writes: mini-swe-agent's trajectory, Claude Code's session, another format that
    `featrouter import` reads, or {"turns": [...]}; it may not be there yet. Or - for lines on stdin: Claude Code's
    stream-json, chat messages, or turns as JSON ({"task": ...} first, {"ended": true} last). Ends when the run says that it
    is over, with the lines, or at Ctrl-C. Nothing is told to the agent. (stream-json does not hold the task: --task does.)

    \b
    Examples:
      featrouter watch run.traj.json --bundle my.featrouter
      featrouter watch ~/.claude/projects/-repo/SESSION.jsonl --harness openhands --idle 600
      claude -p "$TASK" --output-format stream-json --verbose | featrouter watch - --task "$TASK"
    """
    from featrouter.watching.sources import Lines, Source, Written
    from featrouter.watching.watch import Watch, follow

    router = router_of(bundle, value, policy, allow_stop, harness)
    source: Source = Lines(sys.stdin, turn_of) if str(run) == "-" else Written(run, turn_of)
    watching = Watch(router, lambda text: echo(text, "faint", err=True), harness or router.harness, task)
    doubts: set[str] = set()
    try:
        with refusals():
            for number, said in enumerate(follow(source, watching, poll=poll, idle=idle)):
                if as_json:
                    _json(said)
                    continue
                if not number:
                    echo(_HEAD, "heading")
                echo(_row(said), _style(said.decision))
                if said.decision.fallback and said.decision.fallback not in doubts:
                    doubts.add(said.decision.fallback)
                    echo(f"      not trusted: {said.decision.fallback}", "faint")
    except KeyboardInterrupt:
        echo("", err=True)
    echo(_summary(watching), err=True)


def _json(said: Said) -> None:
    reasons = [{"feature": r.feature, "effect": round(r.effect, 4), "words": r.words} for r in said.reasons]
    echo(json.dumps(said.decision.as_dict() | {"reasons": reasons}))


def _row(said: Said) -> str:
    one = said.decision
    turn = "end" if one.ended else str(one.turn)
    numbers = f"{_number(one.r1, 4)}  {_number(one.r2, 4)}  {_number(one.y1, 5)}  {_number(one.y2, 5)}"
    why = str(said.reasons[0]) if said.reasons else ""
    line = f"{turn:>4}  {numbers}  {one.choice:8}  {why}".rstrip()
    wide = max(80, shutil.get_terminal_size().columns)
    return line if len(line) <= wide else f"{line[: wide - 1]}…"


def _number(number: float, wide: int) -> str:
    return f"{number:{wide}.2f}" if number == number else "-".rjust(wide)


def _style(decision: Decision) -> str:
    return "warn" if decision.escalate else "faint" if decision.fallback else ""


def _summary(watching: Watch) -> str:
    turns = f"{len(watching.turns)} turn{'' if len(watching.turns) == 1 else 's'}, {'over' if watching.over else 'not over yet'}"
    first = watching.escalated
    if first is None:
        return f"{turns}: it never escalates"
    when = "once the answer is in" if first.ended else f"at turn {first.turn}"
    return f"{turns}: it escalates {when} (y1 {first.y1:.2f}, y2 {first.y2:.2f})"
