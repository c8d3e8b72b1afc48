"""The small packages of packages/*.txt: their files, and per seeded bug an issue, edits and a hidden test.

A text file rather than a folder of modules: neither pytest nor a linter shall take the material for the project's own.
Sections open with "@@": file PATH; task NAME DIFFICULTY; issue; words; plant PATH (right text) followed by bug (planted
text); wrong PATH (planted text) followed by to (a plausible but wrong repair); reproduce; hidden.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).with_name("packages")


@dataclass(frozen=True)
class Edit:
    """Replaces `old` by `new` in the file `path`."""

    path: str
    old: str
    new: str

    def reverse(self) -> Edit:
        return Edit(self.path, self.new, self.old)

    def apply(self, root: Path) -> None:
        file = root / self.path
        text = file.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.path}: text to replace is there {text.count(self.old)} times: {self.old!r}")
        file.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass
class Task:
    package: str
    name: str
    difficulty: str
    issue: str = ""
    words: tuple[str, ...] = ()
    plants: list[Edit] = field(default_factory=list)
    wrongs: list[Edit] = field(default_factory=list)
    reproduce: str = ""
    hidden: str = ""

    @property
    def id(self) -> str:
        return f"{self.package}__{self.name}"

    def repairs(self) -> list[Edit]:
        """The right repair: every planted edit undone."""
        return [plant.reverse() for plant in self.plants]


@dataclass
class Package:
    name: str
    files: dict[str, str] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)

    @property
    def uses_unittest(self) -> bool:
        return any("import unittest" in text for text in self.files.values())

    def modules(self) -> list[str]:
        return [path for path in self.files if path.endswith(".py") and not path.startswith("tests/")]

    def write(self, root: Path, task: Task | None = None) -> None:
        """Writes the package, with the bug of `task` planted."""
        for path, text in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        for plant in task.plants if task else ():
            plant.apply(root)


def _sections(text: str) -> list[tuple[list[str], str]]:
    sections = []
    for block in ("\n" + text).split("\n@@ ")[1:]:
        head, _, body = block.partition("\n")
        sections.append((head.split(), body))
    return sections


def read(file: Path) -> Package:
    package = Package(file.stem)
    task, path, old = Task(package.name, "", ""), "", ""
    for (kind, *rest), body in _sections(file.read_text(encoding="utf-8").rstrip("\n")):
        whole = body + "\n" if body else ""
        if kind == "file":
            package.files[rest[0]] = whole
        elif kind == "task":
            task = Task(package.name, rest[0], rest[1])
            package.tasks.append(task)
        elif kind in ("plant", "wrong"):
            path, old = rest[0], body
        elif kind == "bug":
            task.plants.append(Edit(path, old, body))
        elif kind == "to":
            task.wrongs.append(Edit(path, old, body))
        elif kind == "words":
            task.words = tuple(rest)
        elif kind in ("issue", "reproduce", "hidden"):
            setattr(task, kind, whole)
        else:
            raise ValueError(f"{file.name}: unknown section {kind!r}")
    return package


def read_all() -> list[Package]:
    return [read(file) for file in sorted(FOLDER.glob("*.txt"))]
