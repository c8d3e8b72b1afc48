"""The scripted agent: it really runs what it asks for, and reacts to what it sees. Its plans are in policies.py."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from .harness import BashHarness, EditorHarness, Op
from .packages import Edit, Package, Task
from .sandbox import Answer, Sandbox
from .thoughts import THOUGHTS

#: Turns after which a run is stopped.
MOST_TURNS = 25

_ERROR = re.compile(r"^(?:E\s+)?((?:[A-Za-z_.]*(?:Error|Loop|Mismatch|Unit|Unbalanced)\b|assert ).*)$", re.MULTILINE)


class OutOfTurns(Exception):
    """The run has reached MOST_TURNS."""


@dataclass(frozen=True)
class Step:
    thought: str
    calls: list[tuple[Op, Answer]]


class Agent:
    def __init__(self, sandbox: Sandbox, package: Package, task: Task, rng: random.Random, editor: bool) -> None:
        self.sandbox, self.package, self.task, self.rng = sandbox, package, task, rng
        self.tools: BashHarness | EditorHarness = (EditorHarness if editor else BashHarness)(sandbox, rng)
        self.steps: list[Step] = []
        self.seen: list[str] = []
        self._said: set[str] = set()

    # -- one turn ------------------------------------------------------------------------------------------

    def say(self, occasion: str, **values: str) -> str:
        """A wording for the occasion that the run has not used yet, as long as there is one."""
        fresh = [text for text in THOUGHTS[occasion] if text not in self._said] or THOUGHTS[occasion]
        text = self.rng.choice(fresh)
        self._said.add(text)
        known = {"word": self.rng.choice(self.task.words), "path": self.target, "error": "an error", **values}
        return text.format(**known)

    def step(self, thought: str, *ops: Op) -> Answer:
        """One turn of parallel calls, or of thinking only; the answer of the last call."""
        if len(self.steps) == MOST_TURNS:
            raise OutOfTurns
        calls = [(op, self.tools.answer(op)) for op in ops]
        self.steps.append(Step(thought, calls))
        return calls[-1][1] if calls else Answer("")

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    # -- what it knows -------------------------------------------------------------------------------------

    @property
    def target(self) -> str:
        return self.task.plants[0].path

    def others(self) -> list[str]:
        """Modules that have nothing to do with the bug."""
        touched = {edit.path for edit in self.task.plants}
        return [path for path in self.package.modules() if path not in touched]

    def test_file(self) -> str:
        """The tests nearest to the target by name."""
        files = [path for path in self.package.files if path.startswith("tests/test_")]
        stem = self.target.split("/")[-1].removesuffix(".py")
        return next((path for path in files if stem in path), self.rng.choice(files))

    def error_of(self, answer: Answer) -> str:
        found = _ERROR.findall(answer.text)
        return found[-1].strip()[:90] if found else "a failure"

    def present(self, edit: Edit) -> bool:
        return edit.old in (self.sandbox.root / edit.path).read_text(encoding="utf-8")

    # -- moves ---------------------------------------------------------------------------------------------

    def look(self) -> None:
        name = self.package.name
        commands = (
            "ls",
            f"ls {name} tests",
            "ls -R . | head -40",
            "git log --oneline && ls",
            "cat README.md && ls",
            f"find . -name '*.py' | sort && wc -l {name}/*.py",
        )
        ways = [self.tools.run(command) for command in commands]
        if isinstance(self.tools, EditorHarness):
            ways += [self.tools.view(".")] * 3
        self.step(self.say("look"), self.rng.choice(ways))

    def search(self) -> None:
        word = self.rng.choice(self.task.words)
        command = self.rng.choice(
            [
                f"grep -rn '{word}' {self.package.name}",
                f"grep -rn '{word}' --include='*.py' .",
                f"git grep -n {word}",
                f"grep -n '{word}' {self.package.name}/*.py",
            ]
        )
        self.step(self.say("search", word=word), self.tools.run(command))

    def open(self, path: str = "") -> None:
        path = path or self.target
        self.seen.append(path)
        self.step(self.say("open", path=path), self.tools.view(path))

    def open_both(self) -> None:
        """Two calls in one turn."""
        self.seen.append(self.target)
        self.step(self.say("both"), self.tools.view(self.target), self.tools.view(self.test_file()))

    def open_around(self, edit: Edit, thought: str = "") -> None:
        text = (self.sandbox.root / edit.path).read_text(encoding="utf-8")
        line = text.split(edit.old)[0].count("\n") + 1 if edit.old in text else 1
        last = min(text.count("\n"), line + self.rng.randint(8, 16))
        first = max(1, line - self.rng.randint(4, 9))
        self.step(thought or self.say("open", path=edit.path), self.tools.view(edit.path, first, last))

    def script_command(self) -> str:
        return self.rng.choice(["python reproduce.py", "python reproduce.py", "timeout 2 python reproduce.py"])

    def reproduce(self) -> Answer:
        script = self.task.reproduce
        if isinstance(self.tools, BashHarness) and self.chance(0.4):
            tool, action = self.tools.create("reproduce.py", script)
            return self.step(self.say("reproduce"), (tool, f"{action}\npython reproduce.py"))
        self.step(self.say("reproduce"), self.tools.create("reproduce.py", script))
        answer = self.step(self.say("run"), self.tools.run(self.script_command()))
        if answer.exit_code == 124 and self.chance(0.6):
            answer = self.step(self.say("slow"), self.tools.run("timeout 1 python reproduce.py; echo exit=$?"))
        return answer

    def run_script(self) -> Answer:
        return self.step(self.say("again"), self.tools.run(self.script_command()))

    def add_regression_test(self) -> Answer:
        """A test made from the reproduction script."""
        head, _, body = self.task.reproduce.partition("\n\n")
        inner = "".join(f"    {line}\n" if line else "\n" for line in body.strip("\n").split("\n"))
        name = self.rng.choice(["test_regression.py", "test_issue.py", f"test_{self.task.name}.py"])
        text = f"{head}\n\n\ndef test_{self.task.name}():\n{inner}"
        self.step(self.say("regression"), self.tools.create(f"tests/{name}", text))
        return self.run_tests(f"tests/{name}")

    def test_command(self, path: str = "") -> str:
        if self.package.uses_unittest and not path:
            discover = "python -m unittest discover -s tests -t ."
            return self.rng.choice([discover, f"{discover} -v", "python -m unittest -q"])
        return (
            self.rng.choice(
                [
                    f"python -m pytest -q {path}",
                    f"python -m pytest {path} -q 2>&1 | tail -40",
                    f"python -m pytest {path} -x",
                    f"python -m pytest -q --tb=short {path}",
                    f"python -m pytest {path}",
                ]
            )
            .replace("  ", " ")
            .strip()
        )

    def run_tests(self, path: str = "") -> Answer:
        return self.step(self.say("test"), self.tools.run(self.test_command(path)))

    def edit(self, edit: Edit, occasion: str) -> Answer:
        return self.step(self.say(occasion, path=edit.path), self.tools.replace(edit))

    def undo(self) -> None:
        command = self.rng.choice(
            [
                f"git checkout {self.package.name}",
                f"git checkout -- {self.package.name}/",
                "git stash && git stash drop",
                f"git restore {self.package.name}",
            ]
        )
        self.step(self.say("undo"), self.tools.run(command))

    def show_diff(self) -> None:
        command = self.rng.choice(["git diff", "git diff", "git diff --stat && git status --short"])
        self.step(self.say("green"), self.tools.run(command))

    def clean_up(self) -> None:
        if (self.sandbox.root / "reproduce.py").exists():
            command = self.rng.choice(["rm reproduce.py", "rm -f reproduce.py && git status --short"])
            self.step(self.say("cleanup"), self.tools.run(command))

    def slip(self) -> None:
        """A command that fails for reasons of its own."""
        name = self.package.name
        word = self.task.words[0]
        command = self.rng.choice(
            [
                "pytest -q",
                f"rg -n {word}",
                f"cat src/{name}/__init__.py",
                "tree -L 2",
                "pip list",
                f"cat {name}.py",
                "cd /repo/src && ls",
                f"python -m {name}",
                "git diff HEAD~1",
            ]
        )
        self.step(self.say("slip"), self.tools.run(command))

    def submit(self, occasion: str = "submit") -> None:
        self.step(self.say(occasion), self.tools.submit())
