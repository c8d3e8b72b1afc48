"""The runs that are measured: the user's own, or made-up ones that are the same on every machine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from featrouter.logs import LogError, Logs
from featrouter.trajectory import Trajectory, Turn

#: Runs of each harness: enough turns for a 99th percentile, few enough for a minute.
MOST_RUNS = 60
#: A smaller log is gone through again and again.
LEAST_RUNS = 20


def runs_of(logs: Sequence[Path]) -> list[tuple[str, Trajectory]]:
    """(harness, trajectory) of up to 60 runs of each harness of the logs, drawn evenly; made-up ones without logs.

    LogError when the logs hold no turns.
    """
    if not logs:
        return [("made-up", _made(random.Random(number))) for number in range(MOST_RUNS)]
    by: dict[str, list[Trajectory]] = {}
    for run, trajectory in Logs(logs).trajectories():
        if len(trajectory):
            by.setdefault(run.harness, []).append(trajectory)
    if not by:
        raise LogError("no run with turns in these logs: give turns files, or none at all for made-up runs")
    dice = random.Random(0)
    drawn = [(name, one) for name in sorted(by) for one in dice.sample(by[name], min(MOST_RUNS, len(by[name])))]
    dice.shuffle(drawn)
    return drawn * -(-LEAST_RUNS // len(drawn))


def _made(dice: random.Random) -> Trajectory:
    """A run of 12 to 40 turns that reads, searches, edits and tests, with texts of the sizes that real runs have."""
    names = [f"{dice.choice(_NOUNS)}_{dice.choice(_NOUNS)}" for _ in range(8)]
    task = f"`{names[0]}` fails in src/{names[1]}.py when {names[2]}() gets an empty {dice.choice(_NOUNS)}. " + _talk(
        dice, 120
    )
    turns = []
    for _ in range(dice.randint(12, 40)):
        name = dice.choice(names)
        lines = int(min(400, dice.lognormvariate(2.5, 1.1)))
        thought = _talk(dice, int(min(300, dice.lognormvariate(3.2, 0.9))))
        kind = dice.choice(("read", "read", "search", "search", "edit", "test", "list"))
        if kind == "read":
            action = f"sed -n '{lines},{lines + 80}p' src/{name}.py"
            answer = "\n".join(f"{' ' * 4 * (number % 5)}{_code(dice, names)}" for number in range(lines))
        elif kind == "search":
            action = f'cd /testbed && grep -rn "{name}" src --include=*.py | head -{lines + 5}'
            answer = "\n".join(
                f"src/{dice.choice(names)}.py:{number}:    {_code(dice, names)}" for number in range(lines)
            )
        elif kind == "edit":
            body = "\n".join(f"    {_code(dice, names)}" for _ in range(dice.randint(2, 14)))
            action = f"cat > src/{name}.py << 'EOF'\ndef {name}(self):\n{body}\nEOF"
            answer = ""
        elif kind == "test":
            failed = dice.randint(0, 3)
            action = f"python -m pytest tests/test_{name}.py -x -q 2>&1 | tail -{lines + 5}"
            trace = (
                f"    {_code(dice, names)}\nE   ValueError: {name} is empty\n\nsrc/{name}.py:12: ValueError\n" * failed
            )
            answer = f"{'.' * lines}\n{trace}{failed} failed, {lines} passed in 1.{lines}s"
        else:
            action = "ls -la src && git status"
            answer = "\n".join(
                f"-rw-r--r-- 1 root root {number * 37} {dice.choice(names)}.py" for number in range(lines)
            )
        turns.append(Turn(thought, action, answer, "bash", cost=0.01))
    return Trajectory(task, tuple(turns))


def _talk(dice: random.Random, words: int) -> str:
    return " ".join(dice.choice(_WORDS) for _ in range(words)).capitalize() + "."


def _code(dice: random.Random, names: Sequence[str]) -> str:
    one, other, number = dice.choice(names), dice.choice(names), dice.randint(0, 99)
    return dice.choice(
        (
            f"return self.{one}({other}, {number})",
            f"if {one} is None:",
            f"{one} = {other}[{number}]",
            f"# {other} first",
        )
    )


_NOUNS = "parser token index queue buffer field cache route model value frame node schema cursor batch".split()
_WORDS = (
    "the test still fails so let me look at how it is called now maybe there is an error in this function because "
    "I should check the file first and then run all of them again wait that seems wrong we need another way to do it"
).split()
