"""A browser for all tests, and pages that fail a test by whatever they write to the console."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from featrouter import Bundle, Router, Trajectory
from featrouter.report.findings import Findings
from featrouter.report.page import page as report_page
from featrouter.view.page import View
from featrouter.view.replay import replay
from tests.browser.chromium import browser as chromium
from tests.report.conftest import anew, quick_bundle, table  # noqa: F401  # fixtures

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens an address, 1280 or so many pixels wide; at the end of the test no page has complained of anything."""
    told: list[str] = []
    contexts: list[Any] = []

    def opened(address: object, wide: int = 1280, scheme: str = "light", **options: Any) -> Any:
        contexts.append(browser.new_context(viewport={"width": wide, "height": 900}, color_scheme=scheme, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda asked: told.append(asked.url) if not asked.url.startswith(_OWN) else None)
        page.goto(address.as_uri() if isinstance(address, Path) else str(address))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert told == []


_OWN = ("file:", "data:", "http://127.0.0.1:")


@pytest.fixture(scope="session")
def report_file(anew: Findings, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_page(anew, "recorded.featrouter"), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def view_of(recorded_bundle: Bundle) -> Callable[..., View]:
    def made(run: Trajectory, **options: Any) -> View:
        router = Router(recorded_bundle, harness="recorded-bash", guard=False, **options)
        return View("run", router, run, list(replay(router, run)))

    return made


@pytest.fixture(scope="session")
def run(recorded_runs: Any) -> Trajectory:
    return max((told for run, told in recorded_runs if run.harness == "recorded-bash"), key=len)


@pytest.fixture(scope="session")
def view_file(view_of: Callable[..., View], run: Trajectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("view") / "view.html"
    path.write_text("".join(view_of(run).pieces()), encoding="utf-8")
    return path
