"""What the tests of the families share: the features of a few turns, by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from featrouter.extractor import extract
from featrouter.trajectory import Trajectory, Turn

Features = Callable[..., dict[str, float]]


@pytest.fixture
def features() -> Features:
    def of(*turns: Turn, task: str = "") -> dict[str, float]:
        return extract(Trajectory.of(task, turns))

    return of
