"""Codex: shell words as a list, and the apply_patch format."""

from __future__ import annotations

import json

import pytest

from featrouter.dialects import operations
from featrouter.trajectory import Call

PATCH = """*** Begin Patch
*** Add File: docs/new.md
+# New
+text
*** Update File: src/a.py
@@ def f():
-    return 1
+    return 2
*** Delete File: old.py
*** End Patch"""


@pytest.mark.parametrize(
    "call",
    [
        Call(PATCH, tool="apply_patch"),
        Call(PATCH),
        Call(json.dumps({"input": PATCH}), tool="apply_patch"),
        Call(json.dumps({"input": PATCH}), tool="something"),
        Call(json.dumps({"command": ["apply_patch", PATCH]}), tool="shell"),
        Call(f"apply_patch <<'EOF'\n{PATCH}\nEOF", tool="bash"),
        Call(json.dumps({"command": ["bash", "-lc", f"apply_patch <<'EOF'\n{PATCH}\nEOF"]}), tool="shell"),
    ],
)
def test_patch(call: Call) -> None:
    create, update, delete = operations(call)
    assert (create.kind, create.files, create.new) == ("create", ("docs/new.md",), "# New\ntext")
    assert (update.kind, update.files) == ("edit", ("src/a.py",))
    assert "-    return 1\n+    return 2" in update.diff
    assert (delete.kind, delete.files) == ("edit", ("old.py",))


def test_patch_without_files_is_still_an_edit() -> None:
    (op,) = operations(Call("*** Begin Patch\n*** End Patch", tool="apply_patch"))
    assert (op.kind, op.files) == ("edit", ())


@pytest.mark.parametrize(
    ("command", "kind", "files"),
    [
        (["bash", "-lc", "sed -n 1,9p src/a.py"], "read", ("src/a.py",)),
        (["rg", "-n", "def f", "src"], "search", ("src",)),
        (["python3", "-m", "pytest", "tests/test_a.py"], "test", ("tests/test_a.py",)),
        (["echo", "hi"], "run", ()),
        ([], "think", ()),
    ],
)
def test_list_of_words(command: list[str], kind: str, files: tuple[str, ...]) -> None:
    op = operations(Call(json.dumps({"command": command}), tool="shell"))[0]
    assert (op.kind, op.files) == (kind, files)


def test_working_directory_is_where_paths_start() -> None:
    action = json.dumps({"cmd": "cat ../a.py", "workdir": "/repo/src"})
    assert operations(Call(action, tool="exec_command"))[0].files == ("a.py",)
