"""What every host leans on: conversations stay where they were sent, the log is whole, nothing is ever raised."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clock import wait_until

from featrouter import Bundle, Router, Turn
from featrouter.bundle import BundleError
from featrouter.integrations import escalator as escalators
from featrouter.integrations import settings, source
from featrouter.integrations.escalator import Escalator, Usage
from featrouter.integrations.identity import conversation_of, task_of
from featrouter.integrations.runlog import RunLog
from featrouter.integrations.source import RouterFile
from featrouter.logs import Logs, Run
from featrouter.messages import messages_of
from featrouter.policy import NEVER, Policy
from featrouter.trajectory import Trajectory
from tests.hosts.bundles import told

HARNESS = "recorded-bash"
Making = Callable[..., Path]


@pytest.fixture
def making(recorded_bundle: Bundle, tmp_path: Path) -> Making:
    """Writes a bundle that escalates after so many turns, or never; it trusts every run."""

    def make(turn: int | None, name: str = "b.featrouter") -> Path:
        told(recorded_bundle, turn).save(tmp_path / name)
        return tmp_path / name

    return make


def run_of(turns: int) -> list[dict[str, Any]]:
    return messages_of(Trajectory("fix it", tuple(Turn(f"t{n}", f"echo {n}", f"saw {n}") for n in range(turns))))


def follow(escalator: Escalator, run: str, turns: range) -> list[bool]:
    return [escalator.decide(run_of(n), run).escalate for n in turns]


def test_an_escalation_stays_whatever_the_bundle_says_later(making: Making) -> None:
    escalator = Escalator.load(making(2), harness=HARNESS)
    assert follow(escalator, "a", range(5)) == [False, False, True, True, True]
    route = escalator.decide(run_of(4), "a")
    assert (route.run, route.handed_over, route.decision.turn) == ("a", 2, 4)
    making(None)
    escalator.reload()
    assert follow(escalator, "a", range(5, 7)) == [True, True]
    assert follow(escalator, "b", range(5)) == [False] * 5
    making(1)
    escalator.reload()
    assert follow(escalator, "b", range(5, 6)) == [True]


def test_asked_again_it_answers_the_same_and_a_conversation_that_begins_again_is_another(making: Making) -> None:
    escalator = Escalator.load(making(1), harness=HARNESS)
    assert [escalator.decide(run_of(n), "a").run for n in (0, 0, 1, 1, 2)] == ["a"] * 5
    fresh = escalator.decide(run_of(0), "a")
    assert fresh.run == "a#2" and not fresh.escalate
    assert escalator.decide(run_of(1), "a") == escalator.decide(run_of(1), "a")
    assert [escalator.decide(run_of(n), "a").run for n in (1, 0, 3, 0)] == ["a#2", "a#3", "a#3", "a#4"]
    escalator.answered("b", 1, Usage(), final="hello")
    assert escalator.decide(run_of(0), "b").run == "b#2"


def test_without_memory_it_decides_as_it_would_have_on_the_way(making: Making) -> None:
    """A process that starts anew, or forgot the conversation, hands over what was handed over."""
    assert Escalator.load(making(2), harness=HARNESS).decide(run_of(6), "a").escalate


def test_the_log_is_what_training_reads(making: Making, tmp_path: Path) -> None:
    escalator = Escalator.load(making(2), harness=HARNESS, log=tmp_path / "log")
    models = ("w", "s")
    for turn in range(4):
        for _ in range(2):  # a host that tries twice logs once
            route = escalator.decide(run_of(turn), "a", task_id="t", models=models)
        usage = Usage(100, 10, 0.5 if turn < 2 else 5.0, 1.5)
        escalator.answered(route.run, turn + 1, usage, final="done" if turn == 3 else None)
    escalator.decide(run_of(0), "b", models=models)
    escalator.answered("b", 1, Usage(cost=0.25), final="it works")
    logs = Logs([tmp_path / "log"])
    assert logs.rejected == 0
    told = {
        "task_id": "t",
        "task": "fix it",
        "harness": HARNESS,
        "weak_model": "w",
        "strong_model": "s",
        "propensity": 1.0,
    }
    assert logs.runs["a"] == Run(
        "a",
        **told,
        cost_weak=1.0,
        cost_strong=10.0,
        route="strong",
        route_turn=2,
        turns=4,  # type: ignore[arg-type]
    )
    told["task_id"] = "b"
    assert logs.runs["b"] == Run("b", **told, cost_weak=0.25, route="weak", turns=1)  # type: ignore[arg-type]
    with (tmp_path / "log" / "turns.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["run_id"], row["choice"]) for row in rows] == [("a", "continue"), ("a", "escalate"), ("b", "")]
    assert all(0 < float(row["y2"]) < 1 and row["started_at"] for row in rows[:2])
    (_, handed), (_, kept) = logs.trajectories()
    assert [(turn.thought, turn.cost, turn.latency) for turn in handed] == [("t0", 0.5, 1.5), ("t1", 0.5, 1.5)]
    assert [(turn.thought, turn.cost) for turn in kept] == [("it works", 0.25)]


def test_a_log_is_gone_on_with_by_the_next_process(making: Making, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = Escalator.load(making(2), harness=HARNESS, log=log)
    follow(first, "handed", range(3))
    follow(first, "kept", range(2))
    making(None)
    second = Escalator.load(tmp_path / "b.featrouter", harness=HARNESS, log=log)
    assert second.decide(run_of(3), "handed").handed_over == 2
    assert follow(second, "kept", range(2, 5)) == [False] * 3
    assert second.decide(run_of(0), "kept").run == "kept#2"
    logs = Logs([log])
    assert logs.rejected == 0 and logs.lengths() == {"handed": 2, "kept": 4}
    assert logs.runs["handed"].route == "strong" and logs.runs["kept"].turns == 4


def test_a_log_that_cannot_be_read_or_written_costs_the_log_alone(making: Making, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    (log / "odd.csv").write_bytes(b"a,b\n1,2\n")
    (log / "turns.csv").mkdir()
    escalator = Escalator.load(making(1), harness=HARNESS, log=log)
    assert follow(escalator, "a", range(3)) == [False, True, True]
    (log / "turns.csv").rmdir()  # whoever mends it loses no turn
    escalator.decide(run_of(3), "a")
    assert Logs([log / "turns.csv"]).lengths() == {"a": 1}
    with pytest.raises(OSError, match="odd"):
        RunLog(log / "odd.csv")


@pytest.mark.parametrize("odd", [None, 3, "text", {"messages": []}, [object()], [{"role": []}], iter(())])
def test_nothing_is_raised_whatever_is_given(odd: Any, making: Making, tmp_path: Path) -> None:
    escalator = Escalator.load(making(None), harness=HARNESS, log=tmp_path / "log", default="escalate")
    assert escalator.decide(odd, "a").decision.choice in ("continue", "escalate")
    escalator.answered("nobody", -1, Usage(cost=float("nan")), final="x")
    escalator.answered(odd, odd, odd, final=odd)
    escalator.decide(run_of(1), "b")
    assert Logs([tmp_path / "log"]).rejected == 0


def test_threads_share_an_escalator(making: Making, tmp_path: Path) -> None:
    escalator = Escalator.load(making(3), harness=HARNESS, log=tmp_path / "log")
    found: dict[str, list[bool]] = {}

    def work(name: str) -> None:
        found[name] = follow(escalator, name, range(6))

    threads = [threading.Thread(target=work, args=(f"run {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(found.values()) == [[False] * 3 + [True] * 3] * 8
    logs = Logs([tmp_path / "log"])
    assert logs.rejected == 0 and set(logs.lengths().values()) == {3} and len(logs.runs) == 8


def test_a_new_bundle_file_takes_over_and_a_broken_one_does_not(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SECONDS", 0.0)
    path = making(None)
    file = RouterFile(path, harness=HARNESS)
    before = file.current()

    path.write_text("{}", encoding="utf-8")
    wait_until(lambda: file.current() and file.failed)
    assert file.current() is before
    with pytest.raises(BundleError):
        file.reload()
    making(1)
    wait_until(lambda: file.current() is not before)
    assert not file.failed
    assert file.current().policy.turns == ((0, NEVER), (1, -NEVER))
    path.unlink()
    wait_until(lambda: file.current() and file.failed)
    assert file.current().policy.turns[1:]


def test_a_conversation_is_named_by_what_names_it() -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "t"}]
    longer = [*messages, {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
    assert conversation_of(messages) == conversation_of(longer)
    others = [messages[1:], [messages[0], {"role": "user", "content": "u"}]]
    asked = [{}, {"user_api_key_hash": "k"}, {"session_id": "s"}, {"headers": {"X-Claude-Code-Session-Id": "s"}}]
    names = [conversation_of(messages, metadata=metadata) for metadata in asked]
    names += [conversation_of(other) for other in others]
    names += [conversation_of(messages[1:], "s2"), conversation_of(others[1], metadata=asked[2])]
    agent = {"headers": {"X-Claude-Code-Session-Id": "s", "x-claude-code-agent-id": "7"}}
    names.append(conversation_of(messages, metadata=agent))
    assert len(set(names) - {names[2]}) == len(names) - 2  # a session is one, whichever way it is named
    assert names[2] == names[3] and names[2].startswith("s-")
    told = {"headers": {"X-Featrouter-Run": "mine", "X-Featrouter-Task": "t-1"}, "session_id": "s"}
    assert conversation_of(messages, metadata=told) == "mine" and task_of(told) == "t-1"
    assert conversation_of(messages, metadata={"featrouter_run": 7}) == "7"
    assert task_of(None) == task_of({"headers": []}) == ""


def test_the_environment_says_what_a_configuration_file_cannot(making: Making, tmp_path: Path) -> None:
    told = {
        "FEATROUTER_BUNDLE": str(making(1)),
        "FEATROUTER_HARNESS": HARNESS,
        "FEATROUTER_LOG": str(tmp_path / "log"),
        "FEATROUTER_POLICY": "fixed:2",
        "FEATROUTER_EPSILON": "0.25",
        "FEATROUTER_VALUE": "3",
        "FEATROUTER_HANDOVER": "15",
        "FEATROUTER_WEAK": "cheap",
        "FEATROUTER_STRONG": "dear",
        "PATH": "x",
    }
    router = settings.escalator(told).router
    assert (router.policy, router.epsilon, router.harness) == (Policy.fixed(2), 0.25, HARNESS)
    assert (router.costs.value, router.costs.handover) == (3.0, 15.0)
    assert settings.models(told) == ("cheap", "dear") and settings.models({}) == ("", "")
    assert settings.escalator({}).router.bundle.features == Router.load().bundle.features
    for wrong, words in (
        ({"FEATROUTER_EPSILON": "much"}, "FEATROUTER_EPSILON: 'much' is no float"),
        ({"FEATROUTER_EPSILON": "2"}, "epsilon is the share"),
        ({"FEATROUTER_BUDNLE": "x"}, "FEATROUTER_BUDNLE is no setting of featrouter; there are FEATROUTER_BUNDLE"),
        ({"FEATROUTER_VALUE": "-1"}, "Costs.value"),
    ):
        with pytest.raises(ValueError, match=words.replace("(", r"\(")):
            settings.escalator(told | wrong)
    with pytest.raises(BundleError):
        settings.escalator({"FEATROUTER_BUNDLE": str(tmp_path / "none")})


def test_where_a_request_goes_is_told_as_plain_data(making: Making) -> None:
    route = Escalator.load(making(1), harness=HARNESS).decide(run_of(1), "a")
    told = json.loads(json.dumps(route.as_dict(), allow_nan=False))
    assert (told["run"], told["handed_over"], told["choice"], told["turn"]) == ("a", 1, "escalate", 1)
    assert not any(name.endswith("_interval") for name in told)


def test_of_very_many_conversations_the_oldest_are_forgotten(making: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(escalators, "MOST", 3)
    escalator = Escalator.load(making(1), harness=HARNESS)
    assert all(escalator.decide(run_of(1), f"run {number}").handed_over == 1 for number in range(6))
    assert escalator.decide(run_of(3), "run 5").handed_over == 1  # known: it stays where it went
    assert len(escalator._conversations) == 3


def test_a_conversation_that_began_again_keeps_its_latch_when_old_ones_are_forgotten(making: Making) -> None:
    escalator = Escalator.load(making(1), harness=HARNESS)
    told = run_of(1)
    escalator.decide(told, "x")
    escalator.decide(run_of(0), "x")
    assert escalator.decide(told, "x").run == "x#2" and escalator.decide(told, "x").escalate
    for number in range(2 * escalators.MOST):
        escalator._known(f"o{number}", f"o{number}")
        if number % 500 == 0:
            assert escalator.decide(told, "x").escalate
    route = escalator.decide(told, "x")
    assert (route.run, route.escalate) == ("x#2", True)


def test_names_of_any_kind_are_written_so_that_they_read_back(making: Making, tmp_path: Path) -> None:
    escalator = Escalator.load(making(1), harness=HARNESS, log=tmp_path / "log")
    odd = ["", " ", "run_id", "task_id", "a\x1b]0;b\x07", "x" * 10_000_000, "\ud800"]
    for name in odd:
        escalator.decide(run_of(1), name, task_id=name, models=(name, name))
    logs = Logs([tmp_path / "log"])
    assert logs.rejected == 0 and len(logs.runs) == len(odd) and all(len(run) <= 200 for run in logs.runs)
    assert sum(map(len, escalator._conversations)) < 2000


def test_names_that_differ_in_what_cannot_be_shown_are_two_conversations(making: Making) -> None:
    escalator = Escalator.load(making(1), harness=HARNESS)
    runs = [escalator.decide(run_of(1), name).run for name in ("s\x01", "s\x02", 7, "x" * 200, "x" * 201)]  # type: ignore[arg-type]
    assert len(set(runs)) == 5 and runs[2] == "7"


@pytest.mark.parametrize("name", ["a", "x" * 199, "x" * 200, "x" * 500])
def test_an_answer_is_of_the_conversation_that_its_route_names(name: str, making: Making) -> None:
    escalator = Escalator.load(making(3), harness=HARNESS)
    for turns in (0, 1, 0):
        route = escalator.decide(run_of(turns), name)
    escalator.answered(route.run, 1, Usage(cost=0.5))
    assert len(escalator._conversations) == 2 and escalator._conversations[route.run].usage[1].cost == 0.5
