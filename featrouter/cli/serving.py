"""Verbs that ask a router about one run."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featrouter.cli.harnesses import bundle_of
from featrouter.cli.options import JSON, VALUE, Refused, echo, refusals

if TYPE_CHECKING:
    from featrouter.router import Router
    from featrouter.session import Session
    from featrouter.trajectory import Trajectory

RUN = click.argument("run", default="-", type=click.File("r", encoding="utf-8", errors="replace"))
TURN = click.option("--turn", type=int, help="Look at the run after this turn instead of the last one.")
ENDED = click.option("--ended", is_flag=True, help="The weak agent has submitted: accept or escalate?")
POLICY = click.option(
    "--policy", metavar="NAME", help="One of the bundle's policies, or fixed:TURN, instead of its own."
)
STOP = click.option("--allow-stop", is_flag=True, help="Giving up is a choice, where neither arm is worth its cost.")
ON = click.option("--harness", metavar="NAME", help="Whose run this is, where the bundle knows several harnesses.")
TASK = click.option("--task", default="", help="The task text, where the run does not hold it.")


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that name a router and a run; the verb gets the session that has seen it."""

    @wraps(command)
    def told(
        bundle: str,
        run: Any,
        task: str,
        value: float | None,
        turn: int | None,
        ended: bool,
        policy: str | None,
        allow_stop: bool,
        harness: str | None,
        **rest: Any,
    ) -> None:
        command(session=_session(router_of(bundle, value, policy, allow_stop, harness), run, task, turn, ended), **rest)

    for option in (ON, STOP, POLICY, ENDED, TURN, VALUE, TASK, RUN, click.argument("bundle")):
        told = option(told)
    return told


@click.command()
@asking
@click.option("-n", default=3, show_default=True, help="How many reasons.")
def decide(session: Session, n: int) -> None:
    """Decide on a run: one JSON object with choice, r1, r2, y1, y2, c1, c2, turn and reasons.

    BUNDLE is a file or `default`. RUN is a file of any format that `featrouter import` reads (of several runs the first
    counts), or JSON, a file or - for stdin: a list of chat messages (OpenAI, Anthropic, Responses, LangChain), an object
    with `messages`, or {"task": ..., "turns": [{"thought", "action", "observation"}, ...]}.
    """
    reasons = [
        {"feature": reason.feature, "value": reason.value, "effect": round(reason.effect, 4), "words": reason.words}
        for reason in session.explain(n)
    ]
    for reason in reasons:
        reason["value"] = None if reason["value"] != reason["value"] else reason["value"]
    echo(json.dumps(session.decide().as_dict() | {"reasons": reasons}))


@click.command()
@asking
@click.option("-n", default=8, show_default=True, help="How many reasons.")
@JSON
def explain(session: Session, n: int, as_json: bool) -> None:
    """Say in words what moved a decision: above 0 speaks for escalating, below 0 for going on (log-odds)."""
    reasons = session.explain(n)
    if as_json:
        echo(json.dumps([{"feature": r.feature, "effect": r.effect, "words": r.words} for r in reasons], indent=1))
        return
    decision = session.decide()
    echo(f"turn {decision.turn}: {decision.choice}  y1 {decision.y1:.3f}  y2 {decision.y2:.3f}")
    if decision.fallback:
        echo(f"  not trusted: {decision.fallback}")
    for reason in reasons:
        echo(f"  {reason}")


def router_of(bundle: str, value: float | None, policy: str | None, allow_stop: bool, harness: str | None) -> Router:
    from featrouter.decision import Costs
    from featrouter.router import Router

    with refusals():
        costs = Costs(value=value, allow_stop=allow_stop)
        return Router(bundle_of(bundle), costs=costs, policy=policy, harness=harness)


def _session(router: Router, run: Any, task: str, turn: int | None, ended: bool) -> Session:
    from featrouter.trajectory import Trajectory

    trajectory, harness = run_of(run)
    if turn is not None and not 0 <= turn <= len(trajectory):
        raise click.BadParameter(f"{turn}: the run has {len(trajectory)} turns", param_hint="--turn")
    whole = turn is None or turn == len(trajectory)
    seen = Trajectory(task or trajectory.task, trajectory.turns[:turn], ended or (trajectory.ended and whole))
    return router.replay(seen, harness=router.harness or (harness if harness in router.bundle.references else None))


def run_of(run: Any) -> tuple[Trajectory, str]:
    """The run, and whose it is, where its file tells."""
    from featrouter.messages import trajectory_of

    name, text = getattr(run, "name", "<stdin>"), run.read()
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        read = error
    if isinstance(read, dict) and isinstance(read.get("turns"), list):
        return _turns(read, name), ""
    if name != "<stdin>" and (imported := _imported(name, talk=isinstance(read, Exception))):
        return imported
    if isinstance(read, list):
        return trajectory_of(read), ""
    if isinstance(read, dict) and isinstance(read.get("messages"), list):
        return trajectory_of(read["messages"]), ""
    if isinstance(read, Exception):
        raise Refused(f"{name}: not JSON: {read}") from None
    raise Refused(f"{name}: neither a message list, nor an object with `messages` or `turns` (featrouter decide -h)")


def _turns(read: dict[str, Any], name: str) -> Trajectory:
    from featrouter.trajectory import Call, Trajectory, Turn

    turns = []
    for number, told in enumerate(read["turns"], 1):
        fields = _fields(told, Turn, f"{name}: turn {number}")
        calls = fields.pop("calls", [])
        if not isinstance(calls, list):
            raise Refused(f"{name}: turn {number}: calls: {calls!r:.60} is no list of calls")
        made = [Call(**_fields(call, Call, f"{name}: turn {number}, call {n}")) for n, call in enumerate(calls, 1)]
        turns.append(Turn(**fields, calls=tuple(made)))
    return Trajectory(str(read.get("task", "")), tuple(turns), bool(read.get("ended", False)))


def _fields(told: Any, kind: type, where: str) -> dict[str, Any]:
    known = list(inspect.signature(kind).parameters)
    if not isinstance(told, dict):
        raise Refused(f"{where}: {told!r:.60} is no object with {', '.join(known)}")
    if unknown := [field for field in told if field not in known]:
        raise Refused(f"{where}: unknown field {unknown[0]!r:.60}; known are {', '.join(known)}")
    return told


def _imported(name: str, *, talk: bool) -> tuple[Trajectory, str] | None:
    """The first run of a trajectory file, which is over; None where it is of no format, or (without `talk`) a chat."""
    from featrouter.importers import Import

    reading = Import([Path(name)])
    found = next(iter(reading), None)
    return (found[1], found[0].harness) if found and (talk or "chat" not in reading.counts) else None
