"""Prose where a command should be is a thought; a command that reads like prose is a command."""

from __future__ import annotations

import pytest

from featrouter.dialects import operations
from featrouter.trajectory import Call

PROSE = [
    "I will look at the parser next.\n",
    "Wait, `f` is called twice.\n\nLet me check `g`.\n",
    "If `x` is None, the loop ends.",
    "`Parser` inherits from `Base`, so this is fine.",
    "(it should be empty by now, as far as I can tell)",
    "1. Read the file\n2. Fix the bug",
    "- **Status**: done",
    "## Summary\nThe bug is fixed.\nEOF",
    "breaks at `limit` in the last step, see `walk`.",
    "after that.\n\nSo the result of it is not what we need.",
    "which is the reason that it fails.",
    "find the place where it is called and fix it.",
    "├── src/  # the sources",
    "# nothing to do",
    "",
    " \n\n",
]
COMMANDS = [
    "which python",
    "find . -name 'the file that is in it'",
    "make",
    "time ls",
    "R --version",
    "PYTHONPATH=. python a.py",
    "(cd src && ls)",
    "frobnicate --all",
    "./a.sh",
    "Get-ChildItem",
    "mytool <<EOF\nthis is what it should do\nEOF",
    "for i in 1 2 3; do date; done",
]


@pytest.mark.parametrize("tool", ["bash", ""])
@pytest.mark.parametrize("text", PROSE)
def test_prose(text: str, tool: str) -> None:
    assert [op.kind for op in operations(Call(text, tool=tool))] == ["think"]


@pytest.mark.parametrize("text", COMMANDS)
def test_command(text: str) -> None:
    assert "think" not in [op.kind for op in operations(Call(text, tool="bash"))]


@pytest.mark.parametrize(
    "answer",
    [
        "Please always provide EXACTLY ONE action in triple backticks, found 2 actions.",
        "I don't understand your input.",
    ],
)
def test_what_the_harness_refused_did_nothing(answer: str) -> None:
    assert operations(Call("rm -rf src", answer, "bash"))[0].kind == "think"
    assert operations(Call("rm -rf src", f"{'x' * 500}{answer}", "bash"))[0].kind == "edit"


def test_unknown_tool_with_unknown_words() -> None:
    assert operations(Call("blorb", tool="blorb"))[0].kind == "other"
