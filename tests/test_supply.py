"""What the project asks of other packages: a version that was tried, or any later one."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
ASKED = [Requirement(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])]


def floors(requirement: Requirement) -> list[str]:
    return [one.version for one in requirement.specifier if one.operator == ">="]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_every_dependency_has_a_floor_and_neither_a_pin_nor_an_address(asked: Requirement) -> None:
    assert asked.url is None
    assert len(floors(asked)) == 1
    assert {one.operator for one in asked.specifier} <= {">=", "!="}


def test_a_package_that_is_asked_for_twice_has_one_floor() -> None:
    assert {asked.name: floors(asked) for asked in ASKED} == {asked.name: floors(asked) for asked in reversed(ASKED)}


def test_no_lock_file_is_in_the_repository() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    files = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in files if name.endswith(".lock") or Path(name).name.startswith("pylock.")]
