"""One small bundle and the runs it was learned from, made once for every test that serves or asks for one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from featrouter import Bundle
from featrouter.logs import Logs, Run
from featrouter.training.bundling import train
from featrouter.training.table import join_strong, table_of
from featrouter.trajectory import Trajectory

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "data" / "recorded"

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # where only hosts are tested
    pass
else:  # no example is judged by the seconds that it takes: a slow machine is no fault of the code
    profile = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile("any machine", settings(), **profile)
    settings.load_profile("any machine")

#: Runs some Python, with arguments, in a process of its own.
Child = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def child() -> Child:
    def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Processes that the test starts obey SIGINT, also where this one was started in the background and ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


@pytest.fixture
def tally(record_property: Callable[[str, object], None], request: pytest.FixtureRequest) -> Callable[..., None]:
    """What a campaign has counted, to be printed when all tests are done."""
    name = request.node.nodeid.removeprefix("tests/")

    def told(**counts: Any) -> None:
        shown = [f"{n.replace('_', ' ')} {round(v, 4) if isinstance(v, float) else v:,}" for n, v in counts.items()]
        record_property("tally", f"{name}: {', '.join(shown)}")

    return told


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    told = sorted(value for report in reports for name, value in report.user_properties if name == "tally")
    if told:
        terminalreporter.write_sep("-", "totals")
        for line in told:
            terminalreporter.write_line(line)
