"""Asking again with one turn more costs one turn, and never changes what is said."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from featrouter import Bundle, Call, Costs, Decision, Router, Trajectory, Turn
from featrouter.calibration import Calibrator
from featrouter.conversations import MOST
from featrouter.extractor import Extractor
from featrouter.logs import Run
from featrouter.policy import NEVER, Policy
from featrouter.session import Session

Runs = list[tuple[Run, Trajectory]]
HARNESS = "recorded-bash"
STEPS = ((1, 0.0), (2, -0.3), (4, NEVER), (5, -0.1))
SETTINGS: dict[str, tuple[Policy, dict[str, Any]]] = {
    "rule": (Policy(), {}),
    "guarded": (Policy(), {"guard": True, "default": "escalate"}),
    "dice": (Policy(), {"epsilon": 0.4, "seed": 2}),
    "latch": (Policy("anytime", STEPS, -0.2, latch=True, allow_stop=True), {}),
    "latch and dice": (Policy("anytime", STEPS, 0.0, latch=True), {"epsilon": 0.3, "seed": 1}),
    "fixed": (Policy.fixed(2), {}),
    "promise": (Policy("risk-controlled", STEPS, 0.1, promise={"harm": 0.1}), {}),
}


def router_of(bundle: Bundle, name: str = "rule") -> Router:
    policy, settings = SETTINGS[name]
    kinds = {head: Calibrator("platt", 2.0, 0.1 if head[:2] == "r1" else -3.2) for head in bundle.calibrators}
    policies = {"rule": Policy()} | {policy.kind: policy}
    bundle = replace(bundle, calibrators=kinds, policies=policies, policy=policy.kind)
    return Router(bundle, harness=HARNESS, **({"guard": False} | settings))


def assert_replayed(router: Router, messages: Any, **told: Any) -> Decision:
    got = router.decide(messages, **told)
    # NaN differs from itself; as text it does not.
    assert repr(got) == repr(router.replay(messages, **told).decide())
    return got


def growing(trajectory: Trajectory) -> Iterator[Trajectory]:
    for n in range(len(trajectory) + 1):
        yield Trajectory(trajectory.task, trajectory.turns[:n])
    yield replace(trajectory, ended=True)


def remembered(router: Router) -> list[int]:
    """How many turns each remembered session has seen, the oldest first."""
    return [session.turn for session in router._conversations._sessions.values()]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_growing_conversation_is_told_what_a_replay_tells(
    name: str, recorded_bundle: Bundle, recorded_runs: Runs
) -> None:
    router = router_of(recorded_bundle, name)
    choices = set()
    for run, trajectory in recorded_runs[:8]:
        for going in growing(trajectory):
            told = assert_replayed(router, going, task=run.task)
            choices.add(told.choice)
            if len(going) < 3:
                assert_replayed(router, going, task=run.task)
    assert len(choices) > 1, choices


@pytest.mark.parametrize("name", SETTINGS)
def test_forks_edits_and_shorter_lists_are_told_what_a_replay_tells(
    name: str, recorded_bundle: Bundle, recorded_runs: Runs
) -> None:
    router, rng = router_of(recorded_bundle, name), random.Random(name)
    pool = [turn for _, trajectory in recorded_runs[:6] for turn in trajectory.turns[:4]]
    costs = (None, Costs(value=0.5), Costs(value=0.02, allow_stop=True))
    kept = [Trajectory(task, ()) for task in ("fix the parser", "fix the lexer")]
    for _ in range(150):
        going = rng.choice(kept)
        turns = list(going.turns)
        match rng.randrange(6):
            case 0 if turns:
                del turns[rng.randrange(len(turns)) :]
            case 1 if turns:
                at = rng.randrange(len(turns))
                turns[at] = replace(turns[at], observation=turns[at].observation + rng.choice(["", ".", "\nKilled\n"]))
            case _ if len(turns) < 7:
                turns.append(rng.choice(pool))
        going = Trajectory(going.task, tuple(turns), ended=rng.random() < 0.1)
        settings: dict[str, Any] = {"costs": rng.choice(costs), "run": rng.choice(["", "", "a"])}
        settings["harness"] = rng.choice([None, None, "recorded-editor", "nobody"])
        assert_replayed(router, going, **settings)
        kept = [*kept, going][-6:]
    assert len(remembered(router)) > 10


def test_messages_are_told_what_a_replay_tells(recorded_bundle: Bundle) -> None:
    router = router_of(recorded_bundle, "latch")
    messages: list[dict[str, Any]] = [{"role": "user", "content": "fix the parser in src/a.py"}]
    for failed in (1, 4, 4, 0):
        assert_replayed(router, messages)
        messages.append({"role": "assistant", "content": f"let me see\n```bash\npython -m pytest -k {failed}\n```"})
        assert_replayed(router, messages)  # as yet unanswered
        messages.append({"role": "user", "content": f"== {failed} failed, 9 passed in 0.10s =="})
    last = assert_replayed(router, messages)
    messages[2]["content"] = "== 9 failed in 0.10s =="  # the host's own list, edited where it stands
    assert assert_replayed(router, messages).turn == last.turn == 4
    assert_replayed(router, messages, task="another task")
    assert_replayed(router, messages[:3])


def test_one_session_goes_along_with_a_conversation(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    router, (_, trajectory) = router_of(recorded_bundle), recorded_runs[0]
    for going in growing(trajectory):
        router.decide(going)
        assert remembered(router) == ([] if going.ended else [len(going)])
        router.decide(going)
        assert remembered(router) == ([] if going.ended else [len(going)])


def test_after_the_end_it_may_go_on_all_the_same(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    router, (_, trajectory) = router_of(recorded_bundle, "latch"), recorded_runs[0]
    for n, ended in ((2, False), (2, True), (2, False), (3, True), (3, False), (2, True)):
        told = assert_replayed(router, Trajectory("fix", trajectory.turns[:n], ended))
        assert (told.turn, told.ended) == (n, ended)


def test_the_oldest_are_forgotten_and_told_the_same_when_they_come_back(
    recorded_bundle: Bundle, recorded_runs: Runs
) -> None:
    router, turns = router_of(recorded_bundle), recorded_runs[0][1].turns
    first = [router.decide(Trajectory(f"task {number}", turns[:1])) for number in range(MOST + 20)]
    assert remembered(router) == [1] * MOST
    for number in (0, 19, 20, MOST + 19):
        assert assert_replayed(router, Trajectory(f"task {number}", turns[:1])) == first[number]
        assert_replayed(router, Trajectory(f"task {number}", turns[:2]))
    assert len(remembered(router)) == MOST


@pytest.mark.parametrize("name", ["rule", "latch and dice"])
def test_threads_on_one_conversation_are_told_what_a_replay_tells(
    name: str, recorded_bundle: Bundle, recorded_runs: Runs
) -> None:
    router, (run, trajectory) = router_of(recorded_bundle, name), recorded_runs[1]
    want = [router.replay(going, task=run.task).decide() for going in growing(trajectory)]
    wrong: list[object] = []

    def work(seed: int) -> None:
        try:
            for _ in range(3):
                got = [router.decide(going, task=run.task) for going in growing(trajectory)]
                wrong.extend(pair for pair in zip(got, want, strict=True) if pair[0] != pair[1])
                router.decide(Trajectory(f"{seed}", trajectory.turns[:1]))
        except BaseException as error:
            wrong.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    assert len(remembered(router)) <= MOST


def test_a_failure_is_not_remembered(recorded_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    router, going = router_of(recorded_bundle), Trajectory("fix it", (Turn("look", "ls", "a.py"),))

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(Extractor, "observe", fail)
        assert router.decide(going).fallback == "MemoryError: "
    assert not assert_replayed(router, going).fallback


def odd(**fields: Any) -> Trajectory:
    return Trajectory("fix it", (Turn("look", "ls", "a.py"), Turn(**{"action": "python a.py"} | fields)))


@pytest.mark.parametrize(
    "messages",
    [
        odd(action={"command": "ls"}),
        odd(observation=["a", "b"]),
        odd(calls=[Call("ls", "a")]),
        odd(calls=(Call("ls", {"a": 1}),)),  # type: ignore[arg-type]
        odd(calls=({"action": "ls"},)),
        odd(cost=float("nan"), exit_code="1"),
        Trajectory("fix", (None, Turn())),  # type: ignore[arg-type]
        Trajectory({"fix": 1}, (Turn("a", "ls", "b"),)),  # type: ignore[arg-type]
        Trajectory(None, None),  # type: ignore[arg-type]
        [{"role": "user", "content": [{"text": 3}]}, {"role": "assistant", "tool_calls": [{"id": [], "name": {}}]}],
        None,
        "text",
    ],
    ids=repr,
)
def test_what_cannot_be_hashed_or_read_is_told_what_a_replay_tells(messages: Any, recorded_bundle: Bundle) -> None:
    router = router_of(recorded_bundle)
    for _ in range(3):
        assert_replayed(router, messages)
    assert_replayed(router, messages, harness=["recorded-bash"])
    assert_replayed(router, messages, run=["a"])
    assert_replayed(router, messages, costs={"value": 1})


#: Of bytes the head alone is read, of text the tail as well.
LONG = "x = 1\n" * 2000 + "== 9 failed in 0.10s ==\n"
#: What is equal, or has one hash, and yet is not read alike.
ALIKE = {
    "an exit code and a float": ({"exit_code": 1}, {"exit_code": 1.0}),
    "an error and a number": ({"is_error": True}, {"is_error": 1}),
    "a count and a truth": ({"prompt_tokens": 1}, {"prompt_tokens": True}),
    "a cost and no number": ({"cost": 0.0}, {"cost": ""}),
    "two numbers of one hash": ({"prompt_tokens": 0}, {"prompt_tokens": 2**61 - 1}),
    "no answer and the number 0": ({"observation": ""}, {"observation": 0}),
    "text and bytes": ({"observation": LONG}, {"observation": LONG.encode()}),
    "calls": ({"calls": (Call("python a.py", "x", exit_code=1),)}, {"calls": (Call("python a.py", "x", "", 1.0),)}),  # type: ignore[arg-type]
}


def read_of(session: Session) -> tuple[list[float], dict[str, float]]:
    return session.row.tolist(), session._extractor.facts()


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_read_differently_is_never_taken_for_the_same(name: str, recorded_bundle: Bundle) -> None:
    router, (one, other) = router_of(recorded_bundle), ALIKE[name]
    sessions = [router.replay(odd(**fields)) for fields in (one, other)]
    # Amounts are facts, and no feature reads them.
    rows, facts = ([repr(told) for told in both] for both in zip(*map(read_of, sessions), strict=True))
    assert rows[0] != rows[1] or facts[0] != facts[1]
    for fields in (one, other, one):
        assert_replayed(router, odd(**fields))


@pytest.mark.parametrize(("one", "other"), [("", 0), (LONG, LONG.encode())], ids=["a number", "bytes"])
def test_a_task_is_never_taken_for_another_of_the_same_hash(one: Any, other: Any, recorded_bundle: Bundle) -> None:
    router = router_of(recorded_bundle)
    for task in (one, other, one):
        assert_replayed(router, Trajectory(task, (Turn("look", "ls", "a.py"),)))


def test_a_turn_of_the_hosts_own_class_that_was_edited_in_place_is_read_again(recorded_bundle: Bundle) -> None:
    @dataclass(eq=False)
    class Own:
        thought: Any = "look"
        action: Any = "python -m pytest"
        observation: Any = "9 passed in 0.10s"
        tool: Any = ""
        exit_code: Any = None
        is_error: Any = None
        calls: Any = ()
        prompt_tokens: Any = None
        completion_tokens: Any = None
        cost: Any = None

    turn: Any = Own()
    router, run = router_of(recorded_bundle), Trajectory("fix it", (turn,))
    before = assert_replayed(router, run)
    turn.observation = "Traceback (most recent call last):\nValueError: bad\n== 9 failed in 0.10s =="
    assert assert_replayed(router, run) != before


def test_runs_without_a_name_explore_by_chance(recorded_bundle: Bundle) -> None:
    router = router_of(recorded_bundle, "dice")
    # 60 coins of 0.2 fall alike once in a million.
    for run in (Trajectory(), Trajectory("", (Turn("look", "ls", "a.py"),))):
        assert len({router.decide(run).choice for _ in range(60)}) == 2


def test_a_value_that_nests_too_deep_to_be_hashed_does_not_end_the_process(
    child: Callable[..., Any], bundle_file: Path
) -> None:
    code = """
import sys, featrouter
deep = ()
for _ in range(1_000_000):
    deep = (deep,)
router = featrouter.Router.load(sys.argv[1], harness="recorded-bash")
run = featrouter.Trajectory("fix it", (featrouter.Turn(action=deep),))
assert router.decide(run).turn == router.replay(run).decide().turn == 1
"""
    done = child(code, bundle_file)
    assert (done.returncode, done.stderr) == (0, "")
