"""The two tool dialects: everything through bash, or a JSON editor beside bash."""

from __future__ import annotations

import difflib
import json
import random
import re
from typing import Protocol

from .packages import Edit
from .sandbox import Answer, Sandbox

#: (tool, action) as the log shows it.
Op = tuple[str, str]


class Harness(Protocol):
    name: str

    def view(self, path: str, first: int = 0, last: int = 0) -> Op: ...
    def create(self, path: str, text: str) -> Op: ...
    def replace(self, edit: Edit) -> Op: ...
    def submit(self) -> Op: ...
    def answer(self, op: Op) -> Answer: ...


class BashHarness:
    name = "recorded-bash"

    def __init__(self, sandbox: Sandbox, rng: random.Random) -> None:
        self.sandbox, self.rng = sandbox, rng
        # A habit of the whole run, not of one command.
        self.prefix = rng.choice(["", "", "cd /repo && "])

    def run(self, command: str) -> Op:
        return ("bash", self.prefix + command)

    def view(self, path: str, first: int = 0, last: int = 0) -> Op:
        if last:
            span = f"{first},{last}p"
            return self.run(self.rng.choice([f"sed -n '{span}' {path}", f"nl -ba {path} | sed -n '{span}'"]))
        return self.run(self.rng.choice([f"cat {path}", f"cat {path}", f"cat -n {path}", f"head -n 80 {path}"]))

    def create(self, path: str, text: str) -> Op:
        return self.run(f"cat > {path} <<'EOF'\n{text}EOF")

    def replace(self, edit: Edit) -> Op:
        ways = [self._script, self._patch]
        if "\n" not in edit.old + edit.new and "'" not in edit.old + edit.new:
            ways += [self._sed, self._sed]
        return self.rng.choice(ways)(edit)

    def _sed(self, edit: Edit) -> Op:
        old = re.sub(r"([][\\.*^$|])", r"\\\1", edit.old.strip())
        new = re.sub(r"([\\&|])", r"\\\1", edit.new.strip())
        return self.run(f"sed -i 's|{old}|{new}|' {edit.path}")

    def _script(self, edit: Edit) -> Op:
        quoted = [json.dumps(part, ensure_ascii=False) for part in (edit.old, edit.new)]
        return self.run(
            "python - <<'EOF'\nfrom pathlib import Path\n\n"
            f'path = Path("{edit.path}")\ntext = path.read_text()\nold = {quoted[0]}\nnew = {quoted[1]}\n'
            'assert old in text, "old text not found"\npath.write_text(text.replace(old, new, 1))\nEOF'
        )

    def _patch(self, edit: Edit) -> Op:
        before = (self.sandbox.root / edit.path).read_text(encoding="utf-8")
        after = before.replace(edit.old, edit.new, 1)
        lines = difflib.unified_diff(
            before.splitlines(True), after.splitlines(True), f"a/{edit.path}", f"b/{edit.path}", n=2
        )
        patch = "".join(lines)
        if not patch:  # the text is not there: an agent that writes from memory sends the hunk all the same
            patch = f"--- a/{edit.path}\n+++ b/{edit.path}\n@@ -12 +12 @@\n-{edit.old}\n+{edit.new}\n"
        return self.run(f"git apply <<'EOF'\n{patch}EOF")

    def submit(self) -> Op:
        return self.run("git add -A && git diff --cached --stat && echo TASK_COMPLETE_SUBMIT")

    def answer(self, op: Op) -> Answer:
        return self.sandbox.bash(op[1])


class EditorHarness:
    name = "recorded-editor"

    def __init__(self, sandbox: Sandbox, rng: random.Random) -> None:
        self.sandbox, self.rng = sandbox, rng

    def run(self, command: str) -> Op:
        return ("bash", json.dumps({"command": command}, ensure_ascii=False))

    def _editor(self, command: str, path: str, **arguments: object) -> Op:
        place = "/repo" if path == "." else f"/repo/{path}"
        asked = {"command": command, "path": place, **arguments}
        return ("str_replace_editor", json.dumps(asked, ensure_ascii=False))

    def view(self, path: str, first: int = 0, last: int = 0) -> Op:
        return self._editor("view", path, **({"view_range": [first, last]} if last else {}))

    def create(self, path: str, text: str) -> Op:
        return self._editor("create", path, file_text=text)

    def replace(self, edit: Edit) -> Op:
        old, new = edit.old.splitlines(), edit.new.splitlines()
        file = self.sandbox.root / edit.path
        # Lines that are only added can go in by number, as long as the agent's picture of the file is right.
        if len(new) > len(old) and new[: len(old)] == old and self.rng.random() < 0.5 and edit.old in file.read_text():
            before = file.read_text(encoding="utf-8").split(edit.old)[0]
            line = before.count("\n") + len(old)
            return self._editor("insert", edit.path, insert_line=line, new_str="\n".join(new[len(old) :]) + "\n")
        return self._editor("str_replace", edit.path, old_str=edit.old, new_str=edit.new)

    def submit(self) -> Op:
        return ("submit", "{}")

    def answer(self, op: Op) -> Answer:
        tool, action = op
        if tool == "submit":
            diff = self.sandbox.bash("git add -A && git diff --cached").text
            return Answer(f"Submitted. Final patch:\n{diff}" if diff else "Submitted. The patch is empty.", None, False)
        asked = json.loads(action)
        if tool == "bash":
            answer = self.sandbox.bash(asked["command"])
            note = f"\n[exit code {answer.exit_code}]" if answer.exit_code else ""
            return Answer(answer.text + note, answer.exit_code, bool(answer.exit_code))
        try:
            return Answer(self._edit(asked), None, False)
        except (ValueError, OSError) as error:
            return Answer(self.sandbox.scrub(f"ERROR: {error}"), None, True)

    def _edit(self, asked: dict) -> str:
        """The editor itself: does what was asked and shows the place."""
        path = asked["path"]
        file = self.sandbox.root / path.removeprefix("/repo").lstrip("/")
        if asked["command"] == "create":
            file.write_text(asked["file_text"], encoding="utf-8")
            return f"Created {path} ({asked['file_text'].count(chr(10))} lines)."
        if not file.exists():
            raise ValueError(f"{path} does not exist. Give the full path of an existing file.")
        if file.is_dir():
            inside = (entry for entry in file.rglob("*") if entry.is_file() and ".git" not in entry.parts)
            names = sorted(str(entry.relative_to(file)) for entry in inside)
            return f"Files in {path}:\n" + "\n".join(names)
        text = file.read_text(encoding="utf-8")
        if asked["command"] == "view":
            first, last = asked.get("view_range", [1, text.count("\n")])
            return f"Contents of {path}, lines {first}-{last}:\n{_numbered(text, first, last)}"
        if asked["command"] == "insert":
            lines, at = text.splitlines(True), asked["insert_line"]
            file.write_text("".join(lines[:at]) + asked["new_str"] + "".join(lines[at:]), encoding="utf-8")
            shown, height = at, asked["new_str"].count("\n")
        else:
            found = text.count(asked["old_str"])
            if found != 1:
                reason = "did not appear verbatim" if not found else f"appears {found} times and is not unique"
                told = f"No replacement was performed, old_str {reason} in {path}."
                raise ValueError(f"{told}\nold_str: {asked['old_str']}")
            file.write_text(text.replace(asked["old_str"], asked["new_str"]), encoding="utf-8")
            shown, height = text.split(asked["old_str"])[0].count("\n"), asked["new_str"].count("\n")
        place = _numbered(file.read_text(encoding="utf-8"), shown - 2, shown + height + 4)
        return f"{path} has been edited. The place now reads:\n{place}"


def _numbered(text: str, first: int, last: int) -> str:
    lines = text.splitlines()
    first = max(1, first)
    return "\n".join(f"{number:6}\t{line}" for number, line in enumerate(lines[first - 1 : last], start=first))
