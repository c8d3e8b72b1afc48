"""One bundle judged on the runs that it was learned from, once for all tests of its report."""

from __future__ import annotations

from pathlib import Path

import pytest

from featrouter import Bundle
from featrouter.logs import Logs
from featrouter.report.findings import Findings, find
from featrouter.training.bundling import train
from featrouter.training.learn import Settings
from featrouter.training.table import Table, join_strong, table_of

RECORDED = Path(__file__).parents[2] / "data" / "recorded"
QUICK = Settings(value=0.2, head="lightgbm", panel=False, calibration="platt")


@pytest.fixture(scope="session")
def table() -> Table:
    logs = Logs([RECORDED])
    return join_strong(table_of(logs), logs, "scripted-strong")


@pytest.fixture(scope="session")
def quick_bundle(table: Table) -> Bundle:
    return train(table, strong="scripted-strong", settings=QUICK)


@pytest.fixture(scope="session")
def anew(table: Table, quick_bundle: Bundle) -> Findings:
    """Judged in folds, with baselines."""
    return find(table, quick_bundle, weak="scripted-agent", strong="scripted-strong", baselines=("repeated",), draws=60)


@pytest.fixture(scope="session")
def as_is(table: Table, quick_bundle: Bundle) -> Findings:
    """The bundle's own answers."""
    return find(table, quick_bundle, weak="scripted-agent", strong="scripted-strong", judge="bundle", draws=60)
