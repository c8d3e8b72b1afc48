"""A session in a host's loop: what it says turn by turn, and that the host never notices when something goes wrong."""

from __future__ import annotations

import json
import logging
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import deep

from featrouter import Bundle, Call, Costs, Decision, Router, Trajectory, Turn
from featrouter.catalogue import feature_set
from featrouter.extractor import Extractor
from featrouter.forest import Forest
from featrouter.logs import Run

Runs = list[tuple[Run, Trajectory]]
#: The bundle knows two harnesses; a router is told whose runs it sees, and where it matters each session is.
HARNESS = "recorded-bash"


@pytest.fixture(scope="module")
def router(recorded_bundle: Bundle) -> Router:
    return Router(recorded_bundle, harness=HARNESS)


def test_the_ten_lines_that_must_work(bundle_file: Path, recorded_runs: Runs) -> None:
    router = Router.load(bundle_file, harness=HARNESS, costs=Costs(value=10.0, weak=0.0, strong=0.0))
    for run, trajectory in recorded_runs:
        session = router.session(task=run.task, harness=run.harness)
        for number, step in enumerate(trajectory, 1):
            session.observe(Turn(step.thought, step.action, step.observation, cost=step.cost))
            decision = session.decide()
            assert decision.turn == number
            if decision.escalate:
                lines = [str(reason) for reason in session.explain(3)]
                assert len(lines) == 3
                assert all(re.fullmatch(r".+ \([a-z_0-9]+\)  [+-]\d+\.\d\d", line) for line in lines)
                return
    pytest.fail("no run is ever escalated")


def test_only_the_costs_that_are_given_replace_the_bundles(router: Router, recorded_runs: Runs) -> None:
    going = replace(recorded_runs[0][1], ended=False)
    plain = router.decide(going)
    for given in ({"weak": 0.7}, {"strong": 0.9}, {"value": 0.25}, {"weak": 0.7, "strong": 0.9, "value": 0.25}):
        told = router.decide(going, costs=Costs(**given))
        value = given.get("value", router.bundle.costs["value"])
        assert (told.r1, told.r2) == (plain.r1, plain.r2)
        assert told.c1 == given.get("weak", plain.c1) and told.c2 == given.get("strong", plain.c2)
        assert told.y1 == told.r1 - told.c1 / value and told.y2 == told.r2 - told.c2 / value
    broke = Costs(weak=100, strong=99)
    assert router.decide(going, costs=broke).choice == "escalate"
    assert router.decide(going, costs=replace(broke, allow_stop=True)).choice == "stop"


def test_a_handover_pays_for_the_conversation_once(router: Router) -> None:
    """The strong model's prompt cache holds nothing of it: told tokens count, else a quarter of the characters."""
    plain, priced = (router.session("t" * 400, costs=costs) for costs in (Costs(), Costs(handover=10.0)))

    def dearer() -> float:
        return (priced.decide().c2 - plain.decide().c2) * 1e6 / 10.0

    assert dearer() == pytest.approx(100)
    for session in (plain, priced):
        session.observe(Turn("a" * 40, "b" * 40, "c" * 120))
    assert dearer() == pytest.approx(150)
    for session in (plain, priced):
        session.observe(Turn("a", "b", "c" * 40, prompt_tokens=5000, completion_tokens=90))
    assert dearer() == pytest.approx(5100)
    with pytest.raises(ValueError, match=r"Costs\.handover is USD"):
        Costs(handover=-1)


def test_a_sessions_costs_win_over_the_routers(recorded_bundle: Bundle) -> None:
    router = Router(recorded_bundle, harness=HARNESS, costs=Costs(strong=3.0))
    assert router.session("fix").decide().c2 == 3.0
    assert router.session("fix", costs=Costs(strong=4.0)).decide().c2 == 4.0


def test_after_the_end_the_choice_is_accept_or_escalate(router: Router, recorded_runs: Runs) -> None:
    run, trajectory = recorded_runs[1]
    session = router.replay(replace(trajectory, ended=False), task=run.task)
    assert not session.decide().ended
    session.end()
    choices = {}
    for strong in (0.0, 1000.0):
        told = router.replay(replace(trajectory, ended=True), task=run.task, costs=Costs(strong=strong)).decide()
        assert told.ended and told.c1 == 0.0 and told.y1 == told.r1
        choices[strong] = told.choice
    assert choices[1000.0] == "accept"
    assert choices[0.0] == ("accept" if session.decide().r1 >= session.decide().r2 else "escalate")


def test_a_reason_for_an_unknown_feature_says_the_words_for_absent(router: Router) -> None:
    session = router.session("fix the parser")
    reasons = {reason.feature: reason for reason in session.explain(1000)}
    absent = {name: reason for name, reason in reasons.items() if np.isnan(reason.value)}
    assert absent
    for name, reason in absent.items():
        assert reason.words == feature_set().by_name[name].absent
        assert "nan" not in str(reason)


def test_words_say_up_and_down_from(router: Router, recorded_runs: Runs) -> None:
    _, trajectory = recorded_runs[2]
    session = router.session(trajectory.task)
    seen: dict[str, list[float]] = {}
    found = {"up": 0, "down": 0}
    for turn in trajectory:
        session.observe(turn)
        values = dict(zip(router.bundle.features, session.row.tolist(), strict=True))
        for name, value in values.items():
            seen.setdefault(name, []).append(value)
        for reason in session.explain(1000):
            match = re.search(r", (up|down) from (\S+)$", reason.words)
            if match:
                (different,) = [v for v in reversed(seen[reason.feature]) if v != reason.value][:1] or [None]
                if different is None:  # it last stood so before the first turn
                    continue
                assert (match[1] == "up") == (reason.value > different), reason
                found[match[1]] += 1
    assert found["up"] and found["down"]


@pytest.mark.parametrize(("default", "going", "ended"), [("continue",) * 2 + ("accept",), ("escalate",) * 3])
def test_an_absurd_run_falls_back_to_the_default(recorded_bundle: Bundle, default: str, going: str, ended: str) -> None:
    absurd = Turn("hmm " * 400, "cat f.py " * 30, "x" * 50_000, cost=900.0, prompt_tokens=10**8)
    turns = Trajectory("fix", (absurd,) * 300)
    told = Router(recorded_bundle, harness=HARNESS, default=default).decide(turns)
    assert told.choice == going
    match = re.match(r"(\d+) features lie outside .*\(at most (\d+) may\)", told.fallback)
    assert match and int(match[1]) == told.outside > int(match[2]) == recorded_bundle.references[HARNESS].limit
    assert told.r1 == told.r1  # the numbers are shown all the same
    assert Router(recorded_bundle, harness=HARNESS, default=default).decide(replace(turns, ended=True)).choice == ended
    assert not Router(recorded_bundle, harness=HARNESS, guard=False).decide(turns).fallback


def test_most_recorded_turns_are_trusted(router: Router, recorded_runs: Runs) -> None:
    doubts = [
        bool(router.decide(trajectory, task=run.task, harness=run.harness).fallback)
        for run, trajectory in recorded_runs
    ]
    assert sum(doubts) <= len(doubts) * 0.1


class Bomb:
    """An object that breaks whoever looks at it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("do not look")

    def __str__(self) -> str:
        raise RuntimeError("do not print")

    __repr__ = __str__

    def __bool__(self) -> bool:
        raise RuntimeError("neither yes nor no")

    def __iter__(self) -> Any:
        raise RuntimeError("do not walk")


def cyclic() -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "tool_calls": []}
    message["content"] = [message]
    message["tool_calls"].append({"id": message, "function": {"name": message, "arguments": message}})
    return message


JUNK_RUNS = {
    "none": None,
    "number": 3,
    "text": "abc",
    "bytes": b"\xff",
    "cyclic": [cyclic()],
    "cyclic dict": cyclic(),
    "bomb": Bomb(),
    "bombs": [{"role": Bomb(), "content": Bomb()}, Bomb()],
    "bomb text": [{"role": "assistant", "content": [{"type": "text", "text": Bomb()}]}],
    "deep": [{"role": "user", "content": deep(50_000)}, {"role": "assistant", "content": deep(50_000)}],
    "surrogates": [{"role": "user", "content": "\ud800"}, {"role": "assistant", "content": "\udfff```\n\ud800\n```"}],
    "no turns": Trajectory(None, None),  # type: ignore[arg-type]
    "no turn": Trajectory(b"x", (None, 3)),  # type: ignore[arg-type]
    "torn": Trajectory("x", (), Bomb()),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", JUNK_RUNS)
def test_decide_never_raises(name: str, router: Router, capfd: pytest.CaptureFixture[str]) -> None:
    for task in ("", None, b"\xff", Bomb()):
        told = router.decide(JUNK_RUNS[name], task=task)  # type: ignore[arg-type]
        assert isinstance(told, Decision) and told.choice in ("continue", "escalate")
        json.dumps(told.as_dict(), allow_nan=False)
    assert capfd.readouterr() == ("", "")


JUNK_TURNS = {
    "none": None,
    "text": "abc",
    "cyclic": cyclic(),
    "bomb": Bomb(),
    "bytes": Turn(b"\xff", b"ls", b"\x00"),  # type: ignore[arg-type]
    "objects": Turn(object(), {"a": 1}, [object()], tool=object()),  # type: ignore[arg-type]
    "bombs": Turn(Bomb(), Bomb(), Bomb()),  # type: ignore[arg-type]
    "surrogates": Turn("\ud800", "cat \udfff", "\ud800\udc00" * 5000, tool="\ud800"),
    "calls": Turn(calls=5),  # type: ignore[arg-type]
    "no call": Turn(calls=(None, Call(None, b"x"))),  # type: ignore[arg-type]
    "amounts": Turn("", "ls", "a", cost=float("nan"), latency=-1, prompt_tokens=10**400, completion_tokens="x"),  # type: ignore[arg-type]
    "codes": Turn("", "ls", "a", exit_code="1", is_error="no"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", JUNK_TURNS)
def test_observe_decide_and_explain_never_raise(name: str, router: Router, capfd: pytest.CaptureFixture[str]) -> None:
    session = router.session("task")
    for number in (1, 2, 3, 4):
        session.observe(JUNK_TURNS[name])  # type: ignore[arg-type]
        told = session.decide()
        assert told.choice in ("continue", "escalate")
        assert bool(told.fallback) == (told.r1 != told.r1 or "outside" in told.fallback)
        assert isinstance(session.explain(number), list)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("n", [None, "3", 1.5, float("nan"), object(), Bomb(), -1, 0], ids=[*"abcdefgh"])
def test_a_wrong_number_of_reasons_gives_none_and_leaves_the_decision_alone(n: Any, recorded_bundle: Bundle) -> None:
    session = Router(recorded_bundle, guard=False, harness=HARNESS).session("task")
    session.observe(Turn("look", "ls", "a.py"))
    before = session.decide()
    assert [session.explain(n) for _ in range(5)] == [[]] * 5
    assert session.decide() == before and not before.fallback and not session.failed
    assert len(session.explain(2)) == 2


def test_a_failing_feature_falls_back_breaks_the_circuit_and_is_logged_once(
    recorded_bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tried = []

    def fail(*_: object) -> None:
        tried.append(1)
        raise ZeroDivisionError("in a family")

    session = Router(recorded_bundle, default="escalate", harness=HARNESS).session("task")
    monkeypatch.setattr(Extractor, "observe", fail)
    with caplog.at_level(logging.DEBUG):
        for _ in range(10):
            session.observe(Turn("", "ls", "a"))
            told = session.decide()
            assert told.choice == "escalate" and told.fallback == "ZeroDivisionError: in a family"
            assert told.r1 != told.r1
    assert len(tried) == 3
    assert session.explain(3) == []
    assert [(record.name, record.levelname) for record in caplog.records] == [("featrouter", "WARNING")]
    assert capfd.readouterr() == ("", "")


def test_a_failure_while_it_decides_is_the_default_with_its_reason(
    recorded_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Router(recorded_bundle, default="escalate", harness=HARNESS).session("task")

    def fail(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(Forest, "score", fail)
    for _ in range(5):
        told = session.decide()
        assert told.choice == "escalate" and told.fallback == "MemoryError: no room" and told.r1 != told.r1


def test_an_exception_that_cannot_be_printed_is_named_by_its_kind(router: Router) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    class Torn:
        @property
        def thought(self) -> str:
            raise Mute

    session = router.session("task")
    session.observe(Torn())  # type: ignore[arg-type]
    assert session.decide().fallback == "Mute"


def test_a_failing_session_does_not_touch_its_neighbour(recorded_bundle: Bundle) -> None:
    router = Router(recorded_bundle, guard=False, harness=HARNESS)
    broken, sound = router.session("task"), router.session("task")
    for session in (broken, sound):
        session.observe(Turn("", "ls", "a"))
    for _ in range(5):
        broken.observe(None)  # type: ignore[arg-type]
    assert broken.decide().fallback and not sound.decide().fallback


def test_a_host_without_logging_sees_nothing_on_its_terminal(child: Callable[..., Any], bundle_file: Path) -> None:
    code = (
        "import sys, featrouter\n"
        "session = featrouter.Router.load(sys.argv[1], harness='recorded-bash').session('x')\n"
        "session.observe(None)\n"
        "assert 'Error: ' in session.decide().fallback\n"
    )
    done = child(code, bundle_file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class Task(bytes):
    """A task that tells when it is read."""

    looked = 0

    def __getitem__(self, index: Any) -> Any:
        Task.looked += 1
        return super().__getitem__(index)


def test_opening_a_session_reads_nothing_and_the_first_answer_reads_the_task_once(router: Router) -> None:
    Task.looked = 0
    sessions = [router.session(Task(b"fix the parser in src/a.py")) for _ in range(3)]
    assert [session.turn for session in sessions] == [0] * 3 and Task.looked == 0
    told = [sessions[0].decide(), sessions[1].explain(2), sessions[2].observe(Turn("", "ls", "a.py"))]
    assert told[0].turn == 0 and told[1] and Task.looked
    read = Task.looked
    for session in sessions:
        session.observe(Turn("look", "cat src/a.py", "x = 1"))
        session.decide()
        session.explain()
    assert Task.looked == read


def test_a_task_read_late_is_the_task_read_first(router: Router, recorded_runs: Runs) -> None:
    for run, trajectory in recorded_runs[:5]:
        late, early = (router.session(run.task, harness=run.harness) for _ in range(2))
        assert early.row.shape == (len(router.bundle.features),)
        for turn in trajectory:
            for session in (late, early):
                session.observe(turn)
        assert late.decide() == early.decide()
        assert [str(reason) for reason in late.explain()] == [str(reason) for reason in early.explain()]
        assert late.row.tobytes() == early.row.tobytes()


def real_sized(session: int, number: int) -> Turn:
    """A turn of about 1.5 KB: a look around, an edit, or a test run, and never twice the same."""
    at = f"{session}_{number}"
    body = "".join(f"    value_{at}_{line} = compute({line * number})\n" for line in range(30))
    match number % 3:
        case 0:
            action, seen = f"cat src/pkg_{session}/mod_{number}.py", f"def f_{at}():\n{body}"
        case 1:
            edit = {"command": "str_replace", "path": f"/w/src/mod_{number}.py", "old_str": body[:400], "new_str": body}
            action, seen = json.dumps(edit), f"The file /w/src/mod_{number}.py has been edited."
        case _:
            trace = f'  File "/w/src/mod_{number}.py", line {number}, in f_{at}\n'
            seen = f"Traceback (most recent call last):\n{trace * 15}ValueError: bad {at}\n== 2 failed, {number} passed in 1s =="
            action = f"python -m pytest tests/test_{at}.py -x"
    return Turn(f"I think that value_{at} may be wrong; let me look. " * 4, action, seen, cost=0.01, prompt_tokens=900)


def held_by_a_session(router: Router, n: int, turns: int, task: int) -> float:
    """Bytes that a session keeps, all that it was given included; the host keeps nothing of it."""

    def opened(number: int) -> Any:
        session = router.session(f"Fix module {number}. " + "It is said to be broken. " * (task // 25))
        for turn in range(turns):
            session.observe(real_sized(number, turn))
        session.decide()
        return session

    opened(-1)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [opened(number) for number in range(n)]
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert all(session.turn == turns and not session.failed for session in kept)
    return held / n


def test_a_session_of_fifty_turns_holds_less_than_64_kib(router: Router) -> None:
    assert held_by_a_session(router, n=12, turns=50, task=1_500) < 64 * 1024


def test_a_session_does_not_keep_the_text_of_its_task(router: Router) -> None:
    # of the last 64 tasks the head is remembered, whoever asks; among 130 sessions that is little
    small, large = (held_by_a_session(router, n=130, turns=1, task=task) for task in (1_000, 200_000))
    assert large < small + 20_000


def test_a_number_keeps_saying_what_it_was_before_while_it_stands(router: Router) -> None:
    session = router.session("fix the parser in src/a.py")
    for failed in (1, 4):
        session.observe(Turn("run", "python -m pytest", f"== {failed} failed, 9 passed in 0.10s ==", "bash"))
    session.observe(Turn("look", "cat src/a.py", "x = 1", "bash"))
    column = router.bundle.features.index("testruns_failing")
    assert session._reason(column, 0.1).words == "30.8 % of the tests fail, up from 10 %"
