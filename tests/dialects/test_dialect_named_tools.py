"""Claude Code, Cursor, Cline, Gemini and unknown tools: arguments as JSON."""

from __future__ import annotations

import json

import pytest

from featrouter.dialects import operations, primary
from featrouter.trajectory import Call

A = "/repo/src/a.py"
TOOLS = [
    ("Bash", {"command": "pytest -q", "description": "run tests"}, "test", ()),
    ("Read", {"file_path": A, "offset": 3}, "read", ("src/a.py",)),
    ("Edit", {"file_path": A, "old_string": "x", "new_string": "y"}, "edit", ("src/a.py",)),
    ("MultiEdit", {"file_path": A, "edits": [{"old_string": "x", "new_string": "y"}]}, "edit", ("src/a.py",)),
    ("NotebookEdit", {"notebook_path": "/repo/n.ipynb", "new_source": "y"}, "edit", ("n.ipynb",)),
    ("Write", {"file_path": A, "content": "x"}, "create", ("src/a.py",)),
    ("Grep", {"pattern": "def f", "path": "/repo/src"}, "search", ("src",)),
    ("Glob", {"pattern": "**/*.py"}, "search", ()),
    ("LS", {"path": "/repo/src"}, "read", ("src",)),
    ("TodoWrite", {"todos": []}, "think", ()),
    ("ExitPlanMode", {"plan": "do it"}, "think", ()),
    ("Task", {"prompt": "look around"}, "run", ()),
    ("WebFetch", {"url": "https://example.org"}, "run", ()),
    ("BashOutput", {"bash_id": "1"}, "read", ()),
    ("KillShell", {"shell_id": "1"}, "run", ()),
    ("read_file", {"target_file": A}, "read", ("src/a.py",)),
    ("write_to_file", {"path": A, "content": "x"}, "create", ("src/a.py",)),
    ("replace_in_file", {"path": A, "diff": "<<<<<<< SEARCH"}, "edit", ("src/a.py",)),
    ("run_terminal_cmd", {"command": "ls src", "is_background": False}, "read", ("src",)),
    ("run_shell_command", {"command": "rm a.py"}, "edit", ("a.py",)),
    ("execute_command", {"command": "go test ./..."}, "test", ("...",)),
    ("codebase_search", {"query": "where is f"}, "search", ()),
    ("search_files", {"path": "src", "regex": "f\\("}, "search", ("src",)),
    ("list_dir", {"relative_workspace_path": "src"}, "read", ("src",)),
    ("read_many_files", {"paths": ["a.py", "b.py"]}, "read", ("a.py", "b.py")),
    ("attempt_completion", {"result": "done"}, "submit", ()),
    ("mcp__files__read_file", {"path": A}, "read", ("src/a.py",)),
    ("functions.shell", {"command": ["bash", "-lc", "cat a.py"]}, "read", ("a.py",)),
    ("frobnicate", {"path": A, "old_str": "x", "new_str": "y"}, "edit", ("src/a.py",)),
    ("frobnicate", {"cmd": "cat a.py"}, "read", ("a.py",)),
    ("frobnicate", {"query": "SELECT a FROM t"}, "run", ("t",)),
    ("frobnicate", {"code": "1 + 1"}, "run", ()),
    ("frobnicate", {"volume": 11}, "other", ()),
]


@pytest.mark.parametrize(("tool", "arguments", "kind", "files"), TOOLS)
def test_tool(tool: str, arguments: dict[str, object], kind: str, files: tuple[str, ...]) -> None:
    op = primary(operations(Call(json.dumps(arguments), tool=tool)))
    assert (op.kind, op.files) == (kind, files)


def test_edits_are_joined() -> None:
    edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": "d"}]
    (op,) = operations(Call(json.dumps({"file_path": "x.py", "edits": edits}), tool="MultiEdit"))
    assert (op.old, op.new) == ("a\nc", "b\nd")


def test_search_carries_its_pattern_and_listing_its_mark() -> None:
    assert operations(Call('{"pattern": "def f"}', tool="Grep"))[0].patterns == ("def f",)
    assert operations(Call('{"path": "src"}', tool="LS"))[0].directory


def test_texts_are_cut() -> None:
    action = json.dumps({"file_path": "a.py", "content": "x" * 15_000})
    assert len(operations(Call(action, tool="Write"))[0].new) == 8192


def test_of_a_broken_object_with_very_many_names_the_first_are_read() -> None:
    many = ", ".join(f'"k{number}": 1' for number in range(40))
    assert operations(Call(f'{{"file_path": "a.py", {many}, "cut', tool="Read"))[0].files == ("a.py",)
    assert operations(Call(f'{{{many}, "file_path": "a.py", "cut', tool="Read"))[0].files == ()


@pytest.mark.parametrize("value", [None, 3, [], {}, [1], {"command": 1}])
def test_arguments_of_the_wrong_type(value: object) -> None:
    for tool in ("Bash", "Edit", "Read", "Grep", "apply_patch", ""):
        for key in ("command", "file_path", "edits", "paths", "pattern", "input"):
            assert operations(Call(json.dumps({key: value}), tool=tool))
