"""Verbs that ask a router about one run."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featrouter.cli.completion import offering, policies, references
from featrouter.cli.harnesses import bundle_of
from featrouter.cli.options import BUNDLE, JSON, VALUE, mistaken, refusals
from featrouter.cli.painting import echo
from featrouter.cli.runs import RUN, TASK, WHICH, run_of

if TYPE_CHECKING:
    from featrouter.router import Router
    from featrouter.session import Session

TURN = click.option("--turn", type=int, help="Look at the run after this turn instead of the last one.")
ENDED = click.option("--ended", is_flag=True, help="The weak agent has submitted: accept or escalate?")
POLICY = click.option(
    "--policy",
    metavar="NAME",
    shell_complete=offering(policies),
    help="One of the bundle's policies, or fixed:TURN, instead of its own.",
)
STOP = click.option("--allow-stop", is_flag=True, help="Giving up is a choice, where neither arm is worth its cost.")
ON = click.option(
    "--harness",
    metavar="NAME",
    shell_complete=offering(references),
    help="Whose run this is, where the bundle knows several harnesses.",
)


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments that name a router and a run; the verb gets the session that has seen it."""

    @wraps(command)
    def told(
        bundle: str,
        run: Path,
        which: str | None,
        task: str,
        value: float | None,
        turn: int | None,
        ended: bool,
        policy: str | None,
        allow_stop: bool,
        harness: str | None,
        **rest: Any,
    ) -> None:
        router = router_of(bundle, value, policy, allow_stop, harness)
        command(session=_session(router, run, which, task, turn, ended), **rest)

    for option in (ON, STOP, POLICY, ENDED, TURN, VALUE, TASK, WHICH, RUN, BUNDLE):
        told = option(told)
    return told


@click.command()
@asking
@click.option("-n", default=3, show_default=True, help="How many reasons.")
@click.option("--json", "as_json", is_flag=True, help="What it prints anyway: one JSON object on stdout.")
def decide(session: Session, n: int, as_json: bool) -> None:
    """Decide on a run: one JSON object with choice, r1, r2, y1, y2, c1, c2, turn and reasons.

    BUNDLE is a file or `default`. RUN is a file of any format that `featrouter import` reads (of several runs the first
    counts), or JSON, a file or - for stdin: a list of chat messages (OpenAI, Anthropic, Responses, LangChain), an object
    with `messages`, or {"task": ..., "turns": [{"thought", "action", "observation"}, ...]}; or a log, with --run.

    \b
    Examples:
      featrouter decide my.featrouter run.traj.json
      featrouter decide default run.json --harness openhands --turn 5 | jq .choice
      featrouter decide my.featrouter log --run django__django-11001
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
    """Say in words what moved a decision: above 0 speaks for escalating, below 0 for going on (log-odds).

    BUNDLE and RUN are those of `decide`.

    \b
    Examples:
      featrouter explain my.featrouter run.traj.json
      featrouter explain default log --run django__django-11001 --turn 5 -n 12
    """
    reasons = session.explain(n)
    if as_json:
        echo(json.dumps([{"feature": r.feature, "effect": r.effect, "words": r.words} for r in reasons], indent=1))
        return
    decision = session.decide()
    style = "warn" if decision.escalate or decision.fallback else "good"
    echo(f"turn {decision.turn}: {decision.choice}  y1 {decision.y1:.3f}  y2 {decision.y2:.3f}", style)
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


def _session(router: Router, run: Path, which: str | None, task: str, turn: int | None, ended: bool) -> Session:
    from featrouter.trajectory import Trajectory

    trajectory, _, harness = run_of(run, which)
    if turn is not None and not 0 <= turn <= len(trajectory):
        raise mistaken("turn", f"{turn}: the run has {len(trajectory)} turns")
    whole = turn is None or turn == len(trajectory)
    seen = Trajectory(task or trajectory.task, trajectory.turns[:turn], ended or (trajectory.ended and whole))
    return router.replay(seen, harness=router.harness or (harness if harness in router.bundle.references else None))
