"""A replayed run in a browser: folds, keys, what-if, a hostile run that only is shown, and a large one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from featrouter import Bundle, Costs, Router, Trajectory, Turn
from featrouter.view.page import View
from featrouter.view.replay import replay
from featrouter.view.server import Server
from tests.browser.test_browser_report import faults

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
Make = Callable[..., View]

EVIL = '</script></pre><script>window.bad = 1</script><img src=x onerror="window.bad = 2"><svg onload="window.bad = 3">'


def written(view: View, path: Path, longest: int | None = None) -> Path:
    pieces = view.pieces() if longest is None else view.pieces(longest)
    path.write_text("".join(pieces), encoding="utf-8")
    return path


@pytest.mark.parametrize("wide", [1280, 390])
def test_it_is_drawn_and_a_turn_unfolds(open_page: Open, view_file: Path, run: Trajectory, wide: int) -> None:
    page = open_page(view_file, wide)
    assert page.evaluate("document.documentElement.scrollWidth") <= wide
    turn = page.locator("#step-3")
    assert page.locator("details.turn").count() == len(run) + 2 and turn.locator(".body").count() == 0
    turn.locator("> summary").click()
    said = turn.locator(".body pre").all_text_contents()
    assert run.turns[2].thought in said and run.turns[2].each_call()[0].observation in said
    assert turn.locator("table.fall tr").count() > 3 and turn.locator("table.changes tr").count() > 0
    fold = turn.locator("details", has_text="observation").first
    assert not fold.locator("pre").is_visible()
    fold.locator("summary").click()
    assert fold.locator("pre").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= wide


def test_a_waterfall_ends_at_the_sum_of_its_steps(open_page: Open, view_file: Path) -> None:
    page = open_page(view_file)
    page.locator("#step-2 > summary").click()
    rows = page.locator("#step-2 table.fall td.number")
    numbers = [float(text) for text in rows.all_inner_texts()]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=0.06)
    bars = [bar.bounding_box() for bar in page.locator("#step-2 table.fall i").all()]
    for before, after, amount in zip(bars, bars[1:-1], numbers[1:-1], strict=False):
        joined = before["x"] + before["width"] if numbers[0] >= 0 else before["x"]
        assert after["width"] <= 170 and joined > 0 and amount == amount


@pytest.mark.parametrize("policy", ["rule", "fixed:3"])
@pytest.mark.parametrize("stop", [False, True])
def test_what_if_decides_as_the_router_would(
    open_page: Open, recorded_bundle: Bundle, run: Trajectory, tmp_path: Path, policy: str, stop: bool
) -> None:
    def router(value: float) -> Router:
        costs = Costs(value=value, allow_stop=stop)
        return Router(recorded_bundle, harness="recorded-bash", guard=False, policy=policy, costs=costs)

    page = open_page(written(View("run", router(0.2), run, list(replay(router(0.2), run))), tmp_path / "v.html"))
    seen = set()
    for at in (0, 15, 30, 40, 50, 80):
        value = 0.2 * 10 ** ((at - 40) / 20)
        page.locator("#value").fill(str(at))
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        told = [step.decision for step in replay(router(value), run)]
        assert page.locator(".turn .choice").all_inner_texts() == [one.choice for one in told]
        assert page.locator(".turn .y1").all_inner_texts() == [
            f"{one.y1:.2f}".replace("-0.00", "0.00") for one in told
        ] or [float(text) for text in page.locator(".turn .y1").all_inner_texts()] == pytest.approx(
            [one.y1 for one in told], abs=0.0051
        )
        first = next((one for one in told if one.escalate), None)
        words = page.locator("#decision").inner_text()
        assert (first is None) == (words == "It never escalates.")
        if first is not None:
            assert ("once the answer is in" if first.ended else f"at turn {first.turn}:") in words
        seen.add(words)
    assert len(seen) > 1
    page.locator("#reset").click()
    assert page.locator("#worth").inner_text() == "0.2 USD"


def test_keys_the_picture_and_the_field_lead_to_turns(open_page: Open, view_file: Path, run: Trajectory) -> None:
    page = open_page(view_file)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.turn').id") == "step-1"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    assert page.locator("#step-0").get_attribute("open") is not None
    page.locator("#jump").fill("4")
    page.locator("#jump").press("Enter")
    page.locator("#step-4 .body").wait_for()
    wide = page.locator("#chart").bounding_box()["width"]
    page.locator("#chart").click(position={"x": wide * 6 / (len(run) + 1), "y": 20})
    page.locator("#step-6 .body").wait_for()
    assert page.locator("#here").get_attribute("d").startswith("M")


def test_a_hostile_run_is_shown_and_not_obeyed(open_page: Open, view_of: Make, tmp_path: Path) -> None:
    turns = tuple(Turn(EVIL, EVIL, EVIL, EVIL) for _ in range(3))
    page = open_page(written(view_of(Trajectory(EVIL, turns, True)), tmp_path / "evil.html"))
    for at in range(5):
        page.locator(f"#step-{at} > summary").click()
    page.locator("#step-2 .body pre").nth(2).wait_for(state="attached")
    assert page.locator("#step-2 .body pre").all_text_contents() == [EVIL] * 3
    page.wait_for_timeout(100)
    assert page.evaluate("window.bad") is None and page.locator("img").count() == 0


def test_a_served_run_sends_a_turn_when_it_is_opened(open_page: Open, view_of: Make, run: Trajectory) -> None:
    view = view_of(Trajectory(EVIL, (*run.turns, Turn(EVIL, EVIL, EVIL)), True))
    server = Server(view)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        page = open_page(server.address)
        last = len(view.steps) - 2
        page.locator(f"#step-{last} > summary").click()
        page.locator(f"#step-{last} .body pre").first.wait_for()
        assert page.locator(f"#step-{last} .body pre").all_text_contents() == [EVIL] * 3
        assert page.evaluate("window.bad") is None
    finally:
        server.shutdown()
        server.server_close()


def test_a_run_of_2000_turns_and_50_mb_stays_usable(
    open_page: Open, view_of: Make, tmp_path: Path, tally: Callable[..., None]
) -> None:
    text = "Traceback (most recent call last): File a.py, line 3, in f\n" * 420
    turns = tuple(Turn(f"thought {n}", f"cat file{n % 40}.py", text) for n in range(2000))

    def stretches(n: int) -> tuple[Path, list[float]]:
        """The page of so many turns, and the seconds to make it, to draw it, to open a turn and to turn a knob."""
        marks = [time.perf_counter()]
        path = written(view_of(Trajectory("task", turns[:n], True)), tmp_path / f"{n}.html", longest=0)
        marks.append(time.perf_counter())
        page = open_page(path)
        marks.append(time.perf_counter())
        page.locator(f"#step-{n - 100} > summary").click()
        page.locator(f"#step-{n - 100} .body pre").first.wait_for()
        marks.append(time.perf_counter())
        page.locator("#value").fill("70")
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        marks.append(time.perf_counter())
        return path, [end - start for start, end in pairwise(marks)]

    stretches(250)  # starts what a browser starts once
    for _ in range(3):  # the machine may be busy
        (_, before), (path, large), (_, after) = stretches(250), stretches(2000), stretches(250)
        grown = [most / max(one, other) for one, most, other in zip(before, large, after, strict=True)]
        if max(grown) <= 24:
            break
    made, drawn, opened, turned = grown
    tally(megabytes=path.stat().st_size // 10**6, made=made, drawn=drawn, opened=opened, knob_turned=turned)
    assert path.stat().st_size > 50e6 and max(grown) <= 24  # eight times as large


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_would_leave_somebody_out(open_page: Open, view_file: Path, scheme: str) -> None:
    page = open_page(view_file, scheme=scheme, bypass_csp=True)
    for at in (0, 2, 3):
        page.locator(f"#step-{at} > summary").click()
    page.locator("#step-3 .body pre").first.wait_for()
    assert faults(page) == []
