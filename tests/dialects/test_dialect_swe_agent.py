"""SWE-agent's window, editor and searches; the file stands in the answer's header."""

from __future__ import annotations

import pytest

from featrouter.dialects import operations, primary
from featrouter.trajectory import Call

HEADER = "[File: /me__lib/src/a.py (120 lines total)]\n(20 more lines above)\n21:x\n"


@pytest.mark.parametrize(
    ("action", "observation", "kind", "files", "patterns"),
    [
        ("open src/a.py 30", HEADER, "read", ("src/a.py",), ()),
        ("open src/b.py", "File src/b.py not found", "read", ("src/b.py",), ()),
        ("goto 30", HEADER, "read", ("src/a.py",), ()),
        ("scroll_down", HEADER, "read", ("src/a.py",), ()),
        ("scroll_up", "", "read", (), ()),
        ("edit 3:4\nx = 1\nend_of_edit", HEADER, "edit", ("src/a.py",), ()),
        ("edit 3:4\nx\nend_of_edit", "Your proposed edit has introduced new syntax error(s).", "edit", (), ()),
        ("create repro.py", "[File: /me__lib/repro.py (1 lines total)]", "create", ("repro.py",), ()),
        ('search_dir "def f" src', "", "search", ("src",), ("def f",)),
        (
            'search_file "def f"',
            'Found 2 matches for "def f" in /me__lib/src/a.py:',
            "search",
            ("src/a.py",),
            ("def f",),
        ),
        ('search_file "def f" src/b.py', "", "search", ("src/b.py",), ("def f",)),
        ('find_file "a.py" src', "", "search", ("src",), ("a.py",)),
        ("undo_edit src/a.py", "", "edit", ("src/a.py",), ()),
        ("undo_edit", HEADER, "edit", ("src/a.py",), ()),
        ("submit", "", "submit", (), ()),
        ("exit_cost", "Exited", "submit", (), ()),
        ("python repro.py", "", "run", ("repro.py",), ()),
        ("ls -a", "", "read", (), ()),
    ],
)
def test_command(action: str, observation: str, kind: str, files: tuple[str, ...], patterns: tuple[str, ...]) -> None:
    op = primary(operations(Call(action, observation)))
    assert (op.kind, op.files, op.patterns) == (kind, files, patterns)


def test_edit_carries_its_text() -> None:
    assert operations(Call("edit 1:2\nx = 1\ny = 2\nend_of_edit", HEADER))[0].new == "x = 1\ny = 2"
    later = operations(Call('edit "x = 1" "x = 2"', HEADER))[0]
    assert (later.old, later.new, later.files) == ("x = 1", "x = 2", ("src/a.py",))


def test_tool_column_holds_the_command() -> None:
    (op,) = operations(Call("src/a.py", HEADER, tool="open"))
    assert (op.kind, op.files) == ("read", ("src/a.py",))
    (op,) = operations(Call("3:4\nx\nend_of_edit", HEADER, tool="edit"))
    assert (op.kind, op.new) == ("edit", "x")


@pytest.mark.parametrize("action", ["def f(x):\n    return x", "import os\nprint(os)", "1:import os\n2:"])
def test_code_where_a_command_should_be(action: str) -> None:
    assert operations(Call(action, "bash: syntax error near unexpected token `('"))[0].kind == "other"


def test_program_that_shares_a_word_is_no_submission() -> None:
    assert operations(Call("submit --job a.sh", tool="bash"))[0].kind == "run"
