"""The demo: what the shipped numbers say about routing, then one recorded run, turn by turn. Offline, under a minute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from featrouter.decision import Decision, Reason
from featrouter.resources import resource
from featrouter.router import Router
from featrouter.trajectory import Turn

#: Two pairs of the public runs: one where the trajectory buys something, and one where it does not.
PAIRS = (("CodeQwen1.5-7B-Chat", "gpt-4-0613"), ("claude-3-5-sonnet-20241022", "openhands/claude-opus-4-5"))

_DRAWS = 200
_WIDTH = 76


def run(say: Callable[[str], None], tell: Callable[[str], None]) -> dict[str, Any]:
    """`say` prints a result, `tell` progress; the answer holds what was found, as JSON has it.

    Raises ValueError where data/ is not at hand (a wheel has none of it).
    """
    from featrouter.evaluation.evaluate import evaluate
    from featrouter.evaluation.words import evaluation
    from featrouter.logs import Logs
    from featrouter.training.bundling import train
    from featrouter.training.learn import Settings
    from featrouter.training.table import join_strong, select, table_of

    try:
        numbers = [resource(f"data/public-runs.{form}.csv.xz") for form in ("features", "outcomes")]
        recorded = resource("data/recorded")
    except FileNotFoundError:
        raise ValueError("the demo needs the folder data/, which only a checkout has: run it from a clone") from None
    tell("reading data/public-runs.*, training two routers on each split")
    logs = Logs(numbers)
    public = table_of(logs)
    quick = Settings(head="lightgbm", panel=False)  # what takes longest is what `featrouter evaluate` adds
    say("1. Would routing pay? Cross-validated on public runs (numbers only; data/README.md).\n")
    reports = []
    for weak, strong in PAIRS:
        table = join_strong(select(public, weak=weak), logs, strong)
        report = evaluate(
            table, weak=weak, strong=strong, settings=quick, splits=("repo_disjoint",), draws=_DRAWS, jobs=2
        )
        say(evaluation(report, at=(0, 1, 2, 4, 8)) + "\n")
        reports.append(report)
    say("2. One recorded run, replayed with a router trained on the other packages' recorded runs.\n")
    tell("training on data/recorded")
    log = Logs([recorded])
    runs = sorted(log.runs.values(), key=lambda run: run.run_id)
    shown = next(run for run in runs if run.y_weak == 0 and "__3" in run.run_id)
    table = join_strong(table_of(log), log, "scripted-strong")
    others = table.where((table.meta["repo"] != shown.repo).to_numpy())
    router = Router(
        train(others, strong="scripted-strong", settings=Settings(value=0.15)), guard=False, harness=shown.harness
    )
    turns = next(trajectory for run, trajectory in log.trajectories() if run.run_id == shown.run_id)
    decisions = _replay(router, shown.task, turns.turns, say)
    say(f"\nIn truth the weak agent {'solved it' if shown.y_weak else 'failed'} (hidden test).")
    say("Next: featrouter evaluate LOGS... --strong MODEL on your own runs.")
    return {"evaluations": reports, "run": shown.run_id, "solved": shown.y_weak, "decisions": decisions}


def _replay(router: Router, task: str, turns: tuple[Turn, ...], say: Callable[[str], None]) -> list[dict[str, Any]]:
    said = []
    say(f"task: {_line(task)}")
    session = router.session(task)
    for number in range(len(turns) + 1):
        if number:
            session.observe(turns[number - 1])
            say(f"  {_line(' ; '.join(call.action for call in turns[number - 1].each_call()) or '(thinks)')}")
        said.append(_show(session.decide(), session.explain(1), say))
    session.end()
    say("  (submits)")
    said.append(_show(session.decide(), session.explain(3), say))
    return said


def _show(d: Decision, reasons: list[Reason], say: Callable[[str], None]) -> dict[str, Any]:
    say(f"{d.turn:3}  r1 {d.r1:.2f}  r2 {d.r2:.2f}  y1 {d.y1:.2f}  y2 {d.y2:.2f}  {d.choice}")
    for reason in reasons:
        say(f"        {reason}")
    return d.as_dict() | {"reasons": [str(reason) for reason in reasons]}


def _line(text: str) -> str:
    first = " ".join(text.split())
    return first if len(first) <= _WIDTH else first[: _WIDTH - 3] + "..."
