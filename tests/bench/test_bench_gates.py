"""What `featrouter bench` promises, as ratios within one run: wide enough for a shared machine, tight enough to notice."""

from __future__ import annotations

import pytest

from featrouter.bench.clock import Line
from featrouter.bench.page import bench, machine, table

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def lines() -> dict[str, Line]:
    """Decisions are timed again and again, and the best is kept: a shared machine halves its speed for seconds."""
    found = list(bench((), ("decide", "observe", "sessions", "start"), 1000, None, lambda note: None))
    print(f"\n{table(found, markdown=False)}\n\n{machine()}")
    kept = {line.what: line for line in found}
    for _ in range(5):
        for line in bench((), ("decide",), 100, None, lambda note: None):
            kept[line.what] = min(line, kept[line.what], key=lambda each: each.median)
    return kept


def at(lines: dict[str, Line], start: str) -> Line:
    (found,) = [line for what, line in lines.items() if what.startswith(start)]
    return found


def test_a_decision_costs_a_third_of_one_booster_predict_a_head(lines: dict[str, Line]) -> None:
    one, four = at(lines, "Booster.predict, one head"), at(lines, "Booster.predict, four heads")
    assert at(lines, "session.decide(), four heads").median <= 0.35 * four.median
    assert at(lines, "session.decide(), two").median <= 0.65 * 2 * one.median
    assert at(lines, "session.decide(), shipped default").median <= 0.35 * 4 * one.median


def test_what_reads_text_at_every_decision_costs_more_by_far(lines: dict[str, Line]) -> None:
    assert at(lines, "TF-IDF").median > 5 * at(lines, "session.decide(), four heads").median


def test_a_turn_costs_a_dozen_times_what_reading_it_as_json_does_however_long_the_run(lines: dict[str, Line]) -> None:
    peer = at(lines, "Booster.predict, one head")
    for which in ("shipped default", "all features"):
        assert at(lines, f"observe(turn) by json.loads of that turn, {which}").median <= 16
        (turn,) = [line for what, line in lines.items() if what.startswith("session.observe") and what.endswith(which)]
        assert turn.median <= 15 * peer.median
        assert turn.p99 is not None and turn.p99 <= 80 * peer.median
    late = at(lines, "turns 500 to 519")
    assert late.ratio is not None and 0.75 <= late.ratio <= 1.25


def test_a_long_observation_is_not_read_through(lines: dict[str, Line]) -> None:
    ours, scan = at(lines, "an observation of 50 MB"), at(lines, "str.count over 50 MB")
    assert ours.median <= 0.1 * scan.median
    assert ours.median <= 2 * at(lines, "an observation of 30 KB").median


def test_sessions_are_cheap(lines: dict[str, Line]) -> None:
    assert at(lines, "router.session(task)").median <= 0.5 * at(lines, "Booster.predict, one head").median
    assert at(lines, "memory of a session").median <= 64


def test_a_batch_is_several_times_faster_than_one_by_one(lines: dict[str, Line]) -> None:
    many = at(lines, "router.decide_many")
    assert many.ratio is not None and many.ratio <= 1 / 3
    assert many.median <= 0.5 * at(lines, "Booster.predict of").median


def test_explanations_and_message_lists(lines: dict[str, Line]) -> None:
    assert at(lines, "session.explain").median <= 100 * at(lines, "Booster.predict, one head").median
    seen, fresh = (
        at(lines, "router.decide(messages), 50 turns, 49"),
        at(lines, "router.decide(messages), 50 turns, never"),
    )
    assert seen.median <= 0.3 * fresh.median


def test_a_process_that_routes_starts_like_one_that_only_has_numpy(lines: dict[str, Line]) -> None:
    ours, numpy = at(lines, "import featrouter"), at(lines, "import numpy alone")
    assert ours.median <= 3 * numpy.median < 0.5 * at(lines, "import lightgbm alone").median
    memory = at(lines, "memory after it: import featrouter")
    assert memory.median <= at(lines, "memory after it: import numpy alone").median + 20
