"""The str_replace_editor family, as tags, as JSON and as a command line."""

from __future__ import annotations

import json

import pytest

from featrouter.dialects import operations
from featrouter.trajectory import Call, Operation


def tagged(name: str, **parameters: str) -> str:
    inner = "".join(f"\n<parameter={key}>{value}</parameter>" for key, value in parameters.items())
    return f"<function={name}>{inner}\n</function>"


REPLACE = {"command": "str_replace", "path": "/testbed/a.py", "old_str": "x = 1", "new_str": "x = 2"}
EDIT = Operation("edit", ("a.py",), commands=("str_replace",), old="x = 1", new="x = 2")


@pytest.mark.parametrize(
    "call",
    [
        Call(tagged("str_replace_editor", **REPLACE), tool="str_replace_editor"),
        Call(tagged("str_replace_editor", **REPLACE)),
        Call(json.dumps(REPLACE), tool="str_replace_based_edit_tool"),
        Call(json.dumps(REPLACE)),
        Call("str_replace_editor str_replace /testbed/a.py --old_str 'x = 1' --new_str 'x = 2'"),
    ],
    ids=["tags", "tags without a tool", "json", "json without a tool", "command line"],
)
def test_replace(call: Call) -> None:
    assert operations(call) == (EDIT,)


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        ({"command": "view", "path": "/testbed/a.py", "view_range": "[1, 20]"}, "read"),
        ({"command": "create", "path": "/testbed/a.py", "file_text": "x"}, "create"),
        ({"command": "insert", "path": "/testbed/a.py", "insert_line": "3", "new_str": "x"}, "edit"),
        ({"command": "undo_edit", "path": "/testbed/a.py"}, "edit"),
        ({"command": "dance", "path": "/testbed/a.py"}, "other"),
    ],
)
def test_commands(parameters: dict[str, str], kind: str) -> None:
    (op,) = operations(Call(tagged("str_replace_editor", **parameters)))
    assert (op.kind, op.files) == (kind, ("a.py",))


def test_view_of_a_directory_shows_in_the_answer() -> None:
    action = tagged("str_replace_editor", command="view", path="/workspace/me__lib__1.2/src")
    listing = "Here's the files and directories up to 2 levels deep in /workspace/me__lib__1.2/src:"
    assert operations(Call(action, listing))[0].directory
    assert not operations(Call(action, "Here's the result of running `cat -n`"))[0].directory


def test_shell_finish_and_python_of_the_same_harness() -> None:
    assert operations(Call(tagged("execute_bash", command="pytest -q"), tool="execute_bash"))[0].kind == "test"
    assert operations(Call("<function=finish>\n</function>", tool="finish"))[0].kind == "submit"
    assert operations(Call(tagged("think", thought="hm")))[0].kind == "think"
    assert operations(Call(tagged("execute_ipython_cell", code="1 + 1")))[0].commands == ("python",)


def test_text_cut_short_keeps_what_is_there() -> None:
    action = tagged("str_replace_editor", command="create", path="/testbed/a.py", file_text="x = 1")[:-40]
    assert operations(Call(action))[0].files == ("a.py",)
    action = json.dumps({"command": "create", "path": "/testbed/a.py", "file_text": 'say "hi"\n' * 40})[:120]
    (op,) = operations(Call(action, tool="str_replace_editor"))
    assert (op.kind, op.files) == ("create", ("a.py",))
    assert op.new.startswith('say "hi"\nsay')
