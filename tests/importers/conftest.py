"""Reading samples, and a run in a few words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from featrouter.dialects import operations
from featrouter.importers import Import
from featrouter.logs import Run
from featrouter.trajectory import Trajectory, Turn

SAMPLES = Path(__file__).parent / "samples"

Runs = list[tuple[Run, Trajectory]]


@pytest.fixture
def samples() -> Path:
    return SAMPLES


@pytest.fixture
def read() -> Callable[..., Runs]:
    """The runs in files or samples, of which nothing may be refused."""

    def runs(*paths: str | Path) -> Runs:
        reading = Import([SAMPLES / path for path in paths])
        found = list(reading)
        assert reading.refused == []
        return found

    return runs


@pytest.fixture
def words() -> Callable[[Iterable[Turn]], list[str]]:
    """What each turn does, as the dialects read it: `test 1 failed` is a test run, exit code 1, told to have failed."""

    def told(turns: Iterable[Turn]) -> list[str]:
        return [", ".join(map(_word, turn.each_call())) or "said" for turn in turns]

    def _word(call: object) -> str:
        kinds = "+".join(done.kind for done in operations(call)) if call.action or call.tool else "answered"
        code = "" if call.exit_code is None else f" {call.exit_code}"
        return kinds + code + {None: "", True: " failed", False: " fine"}[call.is_error]

    return told
