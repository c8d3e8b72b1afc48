"""The page of a run: all of it is there, and whatever it holds is only shown."""

from __future__ import annotations

import json
import math
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from featrouter import Bundle, Call, Router, Trajectory, Turn
from featrouter.view.page import LONGEST, View
from featrouter.view.replay import replay
from featrouter.view.server import Server
from featrouter.view.texts import line, visible
from tests.drawing.test_page import Scripts, hashed, html_policy
from tests.hostile import TEXTS

EVIL = '</script><script>window.bad=1</script><img src=x onerror="window.bad=1"><svg/onload=bad()>\u202e\x1b[31m'


def view_of(bundle: Bundle, *turns: Turn, task: str = EVIL, name: str = EVIL) -> View:
    router = Router(bundle, harness="recorded-bash")
    run = Trajectory(task, turns, ended=True)
    return View(name, router, run, list(replay(router, run)))


@pytest.fixture(scope="module")
def evil(recorded_bundle: Bundle) -> View:
    calls = (Call(EVIL, EVIL * 3, EVIL, 1), Call("ls", "a"))
    return view_of(recorded_bundle, Turn(EVIL, EVIL, EVIL, EVIL), Turn(EVIL, calls=calls), Turn("only a thought"))


def held(text: str) -> dict[str, Any]:
    """What the page's data elements hold, by id."""
    found = re.findall(r'<script type="application/json" id="([\w-]+)">(.*?)</script>', text, re.DOTALL)
    return {name: json.loads(told) for name, told in found}


def test_nothing_of_a_hostile_run_becomes_an_element_or_an_attribute(evil: View) -> None:
    text = "".join(evil.pieces())
    tags = Scripts(text).tags
    assert {tag for tag, _ in tags} == PLAIN
    assert not [attrs for _, attrs in tags if any(name.startswith("on") or name in ("src", "style") for name in attrs)]
    assert "\x1b" not in text and "\u202e" not in text


PLAIN = set(
    "html head meta title link style body a header h1 p b main section h2 div span svg path polyline ul li form label input "
    "output button details summary pre noscript kbd code script".split()
)


def test_only_its_own_script_may_run_and_nothing_may_be_asked_for(evil: View) -> None:
    for served, asks in ((False, "'none'"), (True, "'self'")):
        text = "".join(evil.pieces(served=served))
        policy = html_policy(text)
        assert policy["connect-src"] == asks and policy["default-src"] == "'none'" and policy["base-uri"] == "'none'"
        scripts = [told for told, (_, attrs) in zip(Scripts(text).found, script_tags(text), strict=True) if not attrs]
        assert [policy["script-src"]] == [hashed(told) for told in scripts]
        assert set(addresses(text)) == {"data:,", "#main"}


def addresses(text: str) -> list[str]:
    return [attrs[name] or "" for _, attrs in Scripts(text).tags for name in ("href", "src", "action") if name in attrs]


def script_tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    return [(tag, attrs) for tag, attrs in Scripts(text).tags if tag == "script"]


def test_every_turn_is_told_with_its_calls_reasons_and_changes(evil: View) -> None:
    told = held("".join(evil.pieces()))
    assert sorted(told) == ["numbers", *(f"turn-{n}" for n in range(5))]
    second = told["turn-2"]
    assert second["thought"] == visible(EVIL) and [call["exit"] for call in second["calls"]] == [1, None]
    assert second["calls"][0]["observation"] == visible(EVIL * 3)
    assert second["reasons"] and all(len(reason) == 3 for reason in second["reasons"])
    assert {change[0] for change in second["changes"]} == {change.feature for change in evil.steps[2].changes}
    assert told["turn-0"]["calls"] == told["turn-4"]["calls"] == []


def test_the_numbers_are_those_of_the_decisions(evil: View) -> None:
    numbers = held("".join(evil.pieces()))["numbers"]
    for (r1, r2, c1, c2, limit, ended, doubt), step in zip(numbers["steps"], evil.steps, strict=True):
        one = step.decision
        assert (r1, r2) == (pytest.approx(one.r1, rel=1e-5), pytest.approx(one.r2, rel=1e-5))
        assert c2 == pytest.approx(one.c2, rel=1e-5) and (c1 is None or c1 == pytest.approx(one.c1, rel=1e-5))
        assert bool(ended) == one.ended and bool(doubt) == bool(one.fallback) and limit == step.threshold
    assert numbers["value"] == evil.router.value


def test_a_router_that_knows_nothing_of_the_run_says_so(recorded_bundle: Bundle) -> None:
    router = Router(recorded_bundle)
    run = Trajectory("", (Turn("a", "b", "c"),))
    text = "".join(View("x", router, run, list(replay(router, run))).pieces())
    assert "At 2 of them the numbers were not trusted" in text and "no harness is named" in text
    assert held(text)["numbers"]["steps"][0][:4] == [None] * 4


def test_long_texts_lose_their_middle_and_say_so_unless_all_is_asked_for(recorded_bundle: Bundle) -> None:
    long = "a" * LONGEST + "b" * 100 + "c" * LONGEST
    view = view_of(recorded_bundle, Turn("t", "x", long))
    (short,) = held("".join(view.pieces()))["turn-1"]["calls"]
    assert short["observation"].startswith("aaa") and short["observation"].endswith("ccc")
    left_out = len(long) - len(short["observation"].replace(re.search(r"\n\[….*?…\]\n", short["observation"])[0], ""))  # type: ignore[index]
    assert f"{left_out:,} characters left out" in short["observation"]
    (whole,) = held("".join(view.pieces(0)))["turn-1"]["calls"]
    assert whole["observation"] == long


@pytest.mark.parametrize("told", TEXTS.values(), ids=TEXTS)
def test_any_text_is_shown(recorded_bundle: Bundle, told: str) -> None:
    view = view_of(recorded_bundle, Turn(told, told, told), task=told, name=told)
    page = "".join(view.pieces())
    page.encode()
    assert len(held(page)) == 4


def test_a_line_is_short_and_has_no_breaks() -> None:
    assert line("a\n  b\t\x1b[31m" + "c" * 500, 20) == "a b ␛[31mcccccccccc…"
    assert visible("a\r\nb\x00\x9b\u2066") == "a\nb␀⟨U+009B⟩⟨U+2066⟩"


@pytest.fixture
def server(evil: View) -> Iterator[Server]:
    made = Server(evil)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def asked(address: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


def test_a_served_page_asks_for_its_turns(server: Server, evil: View) -> None:
    code, text, headers = asked(server.address)
    assert code == 200 and list(held(text)) == ["numbers"] and headers["X-Content-Type-Options"] == "nosniff"
    for index in range(len(evil.steps)):
        code, text, headers = asked(f"{server.address}turn/{index}")
        assert code == 200 and json.loads(text) == json.loads(json.dumps(evil.told(index)))
        assert headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("path", ["turn/5", "turn/-1", "turn/x", "turn/99999999", "../etc/passwd", "favicon.ico"])
def test_what_is_not_there_is_not_found(server: Server, path: str) -> None:
    assert asked(server.address + path)[0] == 404


def test_a_page_elsewhere_that_lets_its_name_point_here_gets_nothing(server: Server) -> None:
    code, text, _ = asked(server.address, Host=f"evil.example:{server.server_port}")
    assert (code, text) == (403, "asked for another host")
    assert asked(server.address, Host=f"localhost:{server.server_port}")[0] == 200
    assert server.server_address[0] == "127.0.0.1"


def test_points_of_the_picture_are_inside_it(evil: View) -> None:
    text = "".join(evil.pieces())
    for points in re.findall(r'<polyline[^>]*points="([^"]*)"', text):
        told = [tuple(map(float, point.split(","))) for point in points.split()]
        assert len(told) == len(evil.steps) and all(0 <= x <= 1000 and 0 <= y <= 200 for x, y in told)
    assert math.isfinite(evil.steps[0].decision.y1)
