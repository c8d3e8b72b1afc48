"""What tries a change, and what makes a check outdated."""

from __future__ import annotations

from typing import Any

import pytest

from featrouter.trajectory import Turn

EDIT = Turn("", "sed -i 's/1/2/' pond.py", "", exit_code=0)
GREEN = Turn("", "python -m pytest", "===== 3 passed in 0.1s =====", exit_code=0)


@pytest.mark.parametrize(
    "command", ["git add -A", "git commit -am mended", "echo done", "pip list", "chmod +x fill", "cd /pond && git push"]
)
def test_what_keeps_books_is_no_check(features: Any, command: str) -> None:
    found = features(EDIT, Turn("The fix is complete.", command, "", exit_code=0))
    assert found["ending_check"] == 0
    assert found["thoughts_unproven"] == 1


@pytest.mark.parametrize("command", ["python pond.py", "make", "go build ./...", "./fill", "curl localhost:80"])
def test_a_program_is_one(features: Any, command: str) -> None:
    assert features(EDIT, Turn("", command, "", exit_code=0))["ending_check"] == 1


@pytest.mark.parametrize(
    "command", ["rm -f reproduce.py", "rm -rf __pycache__", "mkdir -p out", "rm reproduce.py && git status --short"]
)
def test_tidying_up_leaves_a_check_standing(features: Any, command: str) -> None:
    found = features(EDIT, GREEN, Turn("", command, "", exit_code=0), Turn("All tests pass, the fix is complete."))
    assert found["ending_check"] == 1
    assert found["thoughts_unproven"] == 0


def test_another_change_does_not(features: Any) -> None:
    found = features(EDIT, GREEN, EDIT, Turn("The fix is complete."))
    assert found["ending_check"] == 0
    assert found["thoughts_unproven"] == 1
