"""A report in a browser: it is drawn, its knob turns, its folds open, and nobody is left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from featrouter.report.findings import Findings

pytestmark = pytest.mark.browser
Open = Callable[..., Any]


@pytest.mark.parametrize("wide", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn_without_a_complaint_at_any_width(
    open_page: Open, report_file: Path, wide: int, scheme: str
) -> None:
    page = open_page(report_file, wide, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= wide
    for chart in page.locator("svg.chart").all():
        box = chart.bounding_box()
        assert box["width"] > 150 and box["height"] > 80
    ground, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert (brightness(ground) > brightness(ink)) == (scheme == "light")


def brightness(colour: str) -> int:
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


def test_the_knob_moves_the_table_the_bill_and_the_marks(open_page: Open, report_file: Path, anew: Findings) -> None:
    page = open_page(report_file)
    assert anew.knob is not None
    seen = set()
    for at in (0, 20, 30, 45, 60):
        page.locator("#worth").fill(str(at))
        row = anew.knob["policies"]["end"][at]
        cells = page.locator("#policies tr[data-policy=end] td").all_inner_texts()
        assert cells[0] == f"{round(1000 * row['resolved']):,}" and cells[1] == f"{round(100 * row['escalated'])}%"
        assert cells[2] == f"{round(1000 * row['cost']):,}"
        shown = float(page.locator("#worth-usd").inner_text().removesuffix(" USD").replace(",", ""))
        assert shown == pytest.approx(anew.knob["values"][at], rel=0.01)
        marks = page.locator(".operating path").evaluate_all(
            "marks => marks.map(mark => mark.getAttribute('transform'))"
        )
        assert len(marks) == 4
        seen.add((*cells, *marks))
    assert len(seen) >= 3
    page.locator("#reset").click()
    assert page.locator("#worth-usd").inner_text() == "0.2 USD"


def test_the_marks_stand_where_the_charts_scales_put_them(open_page: Open, report_file: Path, anew: Findings) -> None:
    page = open_page(report_file)
    page.locator("#worth").fill("60")
    assert anew.knob is not None
    weak, strong = (anew.knob["policies"][name][60] for name in ("always-weak", "always-strong"))
    mark = page.locator("#operating-end path").first.bounding_box()
    middle = mark["x"] + mark["width"] / 2
    chart = page.locator("figure", has=page.locator("#operating-end"))
    squares = [dot.bounding_box() for dot in chart.locator("path.dot.s6").all()][:2]
    ends = sorted(box["x"] + box["width"] / 2 for box in squares)
    row = anew.knob["policies"]["rule"][60]
    expected = ends[0] + (ends[1] - ends[0]) * (row["cost"] - weak["cost"]) / (strong["cost"] - weak["cost"])
    assert middle == pytest.approx(expected, abs=2)


def test_the_knob_answers_to_keys_and_tells_what_it_says(open_page: Open, report_file: Path) -> None:
    page = open_page(report_file)
    page.locator("#worth").focus()
    before = page.locator("#worth-usd").inner_text()
    page.keyboard.press("ArrowRight")
    after = page.locator("#worth-usd").inner_text()
    assert after != before
    assert page.locator("#worth").get_attribute("aria-valuetext") == f"{after} a solved task"


def test_the_first_key_leads_past_the_head(open_page: Open, report_file: Path) -> None:
    page = open_page(report_file)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def test_numbers_unfold_beside_every_picture(open_page: Open, report_file: Path) -> None:
    page = open_page(report_file)
    folds = page.locator("figure details").all()
    assert len(folds) > 10
    for fold in folds:
        assert not fold.locator("table").is_visible()
        fold.locator("summary").click()
        assert fold.locator("tbody tr").count() > 0 and fold.locator("table").is_visible()


def test_on_paper_the_knob_is_left_out_and_the_ground_is_white(open_page: Open, report_file: Path) -> None:
    page = open_page(report_file, scheme="dark")
    page.emulate_media(media="print")
    assert not page.locator("form.knob").is_visible() and page.locator("#policies").is_visible()
    assert brightness(page.evaluate("getComputedStyle(document.body).backgroundColor")) == 3 * 255
    assert len(page.pdf()) > 20_000


def test_without_its_script_the_page_still_tells(open_page: Open, report_file: Path) -> None:
    page = open_page(report_file, java_script_enabled=False)
    assert page.locator("#policies tbody tr").count() >= 6 and page.locator("svg.chart").count() > 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_would_leave_somebody_out(open_page: Open, report_file: Path, scheme: str) -> None:
    assert faults(open_page(report_file, scheme=scheme, bypass_csp=True)) == []


def faults(page: Any) -> list[str]:
    """What axe-core has to say against a page, and where."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]
