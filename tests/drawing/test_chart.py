"""A chart is well-formed SVG, stays inside its picture, and takes any name for a name."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from featrouter.drawing.bars import bars
from featrouter.drawing.chart import Axis, Chart, percent

EVIL = '"><script>alert(1)</script>&<svg onload=alert(1)>'


@pytest.fixture
def chart() -> Chart:
    made = Chart(f"about {EVIL}", Axis(f"x {EVIL}", 0, 10), Axis("y", 0, 1, percent))
    made.band([0, 10], [0.1, 0.2], [0.3, 0.4], 7, f"band {EVIL}")
    made.line([0, 5, 10], [0, 0.5, 2.0], 0, "line")
    made.dots([1, 2], [0.2, 0.4], 1, "dots", [[0.1, 0.3], None], [f"word {EVIL}", ""])
    made.rule(y=0.5, x=3)
    made.slope()
    return made


def test_it_is_well_formed_and_strangers_names_are_text(chart: Chart) -> None:
    tree = ElementTree.fromstring(chart.svg())
    assert tree.get("aria-label") == f"about {EVIL}" and tree.get("role") == "img"
    assert not [each for each in tree.iter() if each.tag == "script" or "onload" in each.attrib]
    assert f"x {EVIL}" in [each.text for each in tree.iter("text")]
    assert f"word {EVIL}" in [each.text for each in tree.iter("title")]
    legend = ElementTree.fromstring(chart.legend())
    assert ["".join(each.itertext()).strip() for each in legend.iter("li")] == [f"band {EVIL}", "line", "dots"]


def test_what_lies_beyond_an_axis_is_drawn_at_its_end(chart: Chart) -> None:
    (line,) = re.findall(r'<polyline class="line s0" points="([^"]*)"', chart.svg())
    points = [tuple(map(float, pair.split(","))) for pair in line.split()]
    assert points == [(54, 212), (202, 110), (350, 8)]


def test_an_interval_that_is_not_known_has_no_whisker(chart: Chart) -> None:
    assert chart.svg().count('class="whisker s1"') == 1 and chart.svg().count('class="dot s1"') == 2


def test_a_chart_without_names_has_no_legend() -> None:
    assert Chart("", Axis("x", 0, 1), Axis("y", 0, 1)).legend() == ""


def test_bars_below_0_go_to_the_left_and_share_a_scale() -> None:
    rows = [("up", [(3.0, "+3")]), (EVIL, [(-1.0, "-1")])]
    table = ElementTree.fromstring(bars(["", "gain"], rows, "caption"))
    first, second = ((float(bar.get("x", "")), float(bar.get("width", ""))) for bar in table.iter("rect"))
    assert first == (30, 90) and second == (0, 30)
    assert EVIL in [each.text for each in table.iter("th")]
