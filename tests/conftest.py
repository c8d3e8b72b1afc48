"""One small bundle and the runs it was learned from, made once for every test that serves or asks for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from featrouter import Bundle
from featrouter.logs import Logs, Run
from featrouter.training.bundling import train
from featrouter.training.table import join_strong, table_of
from featrouter.trajectory import Trajectory

RECORDED = Path(__file__).parent.parent / "data" / "recorded"


@pytest.fixture(scope="session")
def recorded_runs() -> list[tuple[Run, Trajectory]]:
    return list(Logs([RECORDED]).trajectories())


@pytest.fixture(scope="session")
def recorded_bundle() -> Bundle:
    logs = Logs([RECORDED])
    return train(join_strong(table_of(logs), logs, "scripted-strong"), strong="scripted-strong")


@pytest.fixture(scope="session")
def bundle_file(recorded_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "recorded.featrouter"
    recorded_bundle.save(path)
    return path
