"""`python -m tests.recorder -o data/recorded` records every run anew; the same files come out, byte for byte."""

from __future__ import annotations

import argparse
import contextlib
import csv
import random
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .agent import Agent, OutOfTurns
from .packages import Package, Task, read_all
from .policies import POLICIES
from .sandbox import Sandbox

TURNS = [
    "run_id",
    "turn",
    "call",
    "thought",
    "tool",
    "action",
    "observation",
    "exit_code",
    "is_error",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
]
RUNS = ["run_id", "task_id", "repo", "task", "harness", "weak_model", "y_weak", "cost_weak_usd"]
OUTCOMES = ["task_id", "model", "resolved", "cost_usd"]
WEAK, STRONG = "scripted-agent", "scripted-strong"
#: USD per million prompt and completion tokens.
PRICES = {WEAK: (0.25, 2.00), STRONG: (2.50, 20.00)}
#: Characters of a system prompt that every call would carry.
SYSTEM = 1600
#: Dealt out to the tasks in turn, two or three each. Careful runs are the most frequent, stuck ones the rarest.
DECK = [
    "careful",
    "hasty",
    "wrong_fix",
    "lost",
    "careful",
    "flaky_recovery",
    "looping",
    "careful",
    "hasty",
    "flaky_recovery",
    "careful",
    "wrong_fix",
    "hasty",
    "looping",
    "careful",
    "flaky_recovery",
    "lost",
    "hasty",
    "wrong_fix",
]


@dataclass(frozen=True)
class Job:
    package: Package
    task: Task
    policy: str
    run_id: str
    editor: bool


def jobs() -> list[Job]:
    """The weak runs. Run ids do not tell the policy."""
    made: list[Job] = []
    at = 0
    tasks = [(package, task) for package in read_all() for task in package.tasks]
    for number, (package, task) in enumerate(tasks):
        taken: list[str] = []
        while len(taken) < (3 if number % 2 else 2):
            policy = DECK[at % len(DECK)]
            at += 1
            if policy not in taken:
                taken.append(policy)
                made.append(Job(package, task, policy, f"{task.id}__{len(taken)}", len(made) % 2 == 1))
    return made


def hidden_test_passes(sandbox: Sandbox, package: Package, task: Task) -> bool:
    """The package's own tests as they were, and the hidden one, against what the agent left behind."""
    for path, text in package.files.items():
        if path.startswith("tests/"):
            (sandbox.root / path).write_text(text, encoding="utf-8")
    ours = [path for path in package.files if path.startswith("tests/test_")] + ["tests/test_hidden.py"]
    (sandbox.root / ours[-1]).write_text(task.hidden, encoding="utf-8")
    return sandbox.bash(f"python -m pytest -q {' '.join(ours)}").exit_code == 0


def record(job: Job, model: str = WEAK, patience: int = 1) -> tuple[list[dict], dict]:
    """Plays one run: its turn rows and its run row."""
    sandbox = Sandbox(patience)
    try:
        job.package.write(sandbox.root, job.task)
        sandbox.bash("git init -q -b main && git add -A && git commit -q -m 'Release 0.4'")
        agent = Agent(sandbox, job.package, job.task, random.Random(f"{job.run_id} {job.policy}"), job.editor)
        with contextlib.suppress(OutOfTurns):
            POLICIES[job.policy](agent)
        resolved = hidden_test_passes(sandbox, job.package, job.task)
    finally:
        sandbox.close()
    rows, cost = _rows(job, agent, model)
    run = {
        "run_id": job.run_id,
        "task_id": job.task.id,
        "repo": job.package.name,
        "task": job.task.issue.strip(),
        "harness": agent.tools.name,
        "weak_model": WEAK,
        "y_weak": int(resolved),
        "cost_weak_usd": f"{cost:.6f}",
    }
    return rows, run


def _rows(job: Job, agent: Agent, model: str) -> tuple[list[dict], float]:
    rows: list[dict] = []
    total = 0.0
    context = SYSTEM + len(job.task.issue)
    for turn, step in enumerate(agent.steps, start=1):
        said = len(step.thought) + sum(len(action) for (_, action), _ in step.calls)
        prompt, completion = context // 4, max(1, said // 4)
        cost = (prompt * PRICES[model][0] + completion * PRICES[model][1]) / 1e6
        total += round(cost, 6)
        context += said + sum(len(answer.text) for _, answer in step.calls)
        for call, ((tool, action), answer) in enumerate(step.calls or [(("", ""), None)]):
            row: dict[str, object] = dict.fromkeys(TURNS, "")
            row |= {"run_id": job.run_id, "turn": turn, "call": call, "tool": tool, "action": action}
            if answer is not None:
                row |= {
                    "observation": answer.text,
                    "exit_code": "" if answer.exit_code is None else answer.exit_code,
                    "is_error": "" if answer.is_error is None else int(answer.is_error),
                }
            if call == 0:
                row |= {
                    "thought": step.thought,
                    "prompt_tokens": prompt,
                    "completion_tokens": completion,
                    "cost_usd": f"{cost:.6f}",
                }
            rows.append(row)
    return rows, total


def _write(file: Path, columns: list[str], rows: list[dict]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.recorder", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("data/recorded"))
    parser.add_argument("--only", nargs="*", metavar="RUN_ID", help="record these runs, and no strong outcomes")
    parser.add_argument(
        "--patience", type=int, default=1, metavar="N", help="let commands take N times as long, on a slow machine"
    )
    asked = parser.parse_args()
    wanted = [job for job in jobs() if not asked.only or job.run_id in asked.only]
    turns, runs = [], []
    solved: Counter[str] = Counter()
    for job in wanted:
        rows, run = record(job, patience=asked.patience)
        turns += rows
        runs.append(run)
        solved[job.policy] += run["y_weak"]
    asked.out.mkdir(parents=True, exist_ok=True)
    _write(asked.out / "turns.csv", TURNS, turns)
    _write(asked.out / "runs.csv", RUNS, runs)
    if asked.only:
        return
    outcomes = []
    for task_job in {job.task.id: job for job in wanted}.values():
        job = Job(task_job.package, task_job.task, "strong", f"{task_job.task.id}__strong", False)
        _, run = record(job, STRONG, asked.patience)
        outcomes.append(
            {"task_id": run["task_id"], "model": STRONG, "resolved": run["y_weak"], "cost_usd": run["cost_weak_usd"]}
        )
    _write(asked.out / "outcomes.csv", OUTCOMES, outcomes)
    for policy, count in Counter(job.policy for job in wanted).items():
        print(f"{policy:15} {solved[policy]:2} of {count:2} resolved", file=sys.stderr)
    print(f"{len(runs)} runs, strong {sum(row['resolved'] for row in outcomes)} of {len(outcomes)}", file=sys.stderr)


if __name__ == "__main__":
    main()
