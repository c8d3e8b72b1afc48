"""Which gates a text holds: in one pass where google-re2 is installed, the same as asked one by one."""

from __future__ import annotations

import random
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter import screen
from featrouter.catalogue import SCREENED, lexicon
from featrouter.extractor import rows
from featrouter.logs import Logs
from featrouter.reading import CallReading
from featrouter.trajectory import Call

PATTERNS = [pattern for name in SCREENED for pattern in lexicon(name).patterns.values() if pattern.style != "refusal"]
#: What families ask of a call; without a gate such a pattern would be tried or not as google-re2 is there or not.
ASKED = tuple(pattern for pattern in PATTERNS if pattern.style and pattern.gates)
GATES = sorted({gate for pattern in PATTERNS for gate in pattern.gates})


def woven(rng: random.Random) -> str:
    """Gates whole, cut, beside and inside each other, among other text."""
    parts = []
    for _ in range(rng.randint(0, 8)):
        gate = rng.choice(GATES)
        parts.append(rng.choice([gate, gate, gate[:-1], gate[1:], gate.upper(), gate.lower(), "é\0²", "\n", "x"]))
    return rng.choice(["", " ", "\n"]).join(parts)


def test_gates_are_found_as_one_by_one() -> None:
    pytest.importorskip("re2")
    rng = random.Random(0)
    texts = [woven(rng) for _ in range(1500)] + ["", *GATES, "\n".join(GATES)]
    assert all(screen.held(text) == {gate for gate in GATES if gate in text} for text in texts)


@given(st.text(st.characters(exclude_categories=()), max_size=60), st.sampled_from(GATES))
def test_any_text_is_screened_or_left_to_be_asked(text: str, gate: str) -> None:
    for one in (text, text + gate, gate + text):
        found = screen.held(one)
        assert found is None or found == {gate for gate in GATES if gate in one}


def test_a_call_opens_the_patterns_that_its_observation_holds_a_gate_of() -> None:
    assert len(ASKED) > 50
    rng = random.Random(1)
    for text in [*(woven(rng) for _ in range(300)), "", "\ud800 1 failed, 2 passed"]:
        reading = CallReading(Call("python a.py", text, "bash"))
        want = [pattern for pattern in ASKED if pattern.open_for(reading.observation)]
        for _ in range(2):
            assert list(reading.output.opened(ASKED)) == want


def test_features_are_the_same_with_and_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("re2")
    runs = [trajectory for _, trajectory in Logs([Path(__file__).parent.parent / "data" / "recorded"]).trajectories()]
    with_it = [row.tobytes() for trajectory in runs for _, row in rows(trajectory)]
    monkeypatch.setattr(screen, "_matcher", lambda: None)
    assert screen.held("Error") is None
    assert [row.tobytes() for trajectory in runs for _, row in rows(trajectory)] == with_it


def test_without_the_package_every_gate_is_asked_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    monkeypatch.setattr(screen, "_matcher", cache(screen._matcher.__wrapped__))
    assert screen.held("Error") is None
