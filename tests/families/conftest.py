"""What the tests of the families share: the features and the facts of a few turns, by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from featrouter.extractor import Extractor, extract
from featrouter.trajectory import Trajectory, Turn

ByName = Callable[..., dict[str, float]]


@pytest.fixture
def features() -> ByName:
    """The features within their bounds."""

    def of(*turns: Turn, task: str = "") -> dict[str, float]:
        return extract(Trajectory.of(task, turns))

    return of


@pytest.fixture
def facts() -> ByName:
    """The counts without a bound."""

    def of(*turns: Turn, task: str = "") -> dict[str, float]:
        extractor = Extractor(task)
        for turn in turns:
            extractor.observe(turn)
        return extractor.facts()

    return of
