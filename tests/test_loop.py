"""The plain loop that users copy, as they would run it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_the_whole_loop_hands_over_and_mends_the_module(child: Callable[..., Any]) -> None:
    done = child("from featrouter.integrations.loop import main\nmain()")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    choices = [line.split()[2] for line in lines if line.startswith("turn ")]
    assert choices == ["continue,", "continue,", "continue,", "escalate,"]
    spoke = [line.split(":")[0].strip() for line in lines if line.startswith(("  weak", "  strong"))]
    assert spoke == ["weak"] * 3 + ["strong"] * 3
    assert done.stdout.count("AssertionError") == 1
