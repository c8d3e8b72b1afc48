"""A Router serves what its bundle learned: the rule, the costs, the reasons, the guard, many threads, message lists."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter import Bundle, BundleError, Costs, Router, Trajectory, Turn
from featrouter.logs import Logs
from featrouter.messages import trajectory_of
from featrouter.shap import contributions

RECORDED = Path(__file__).parent.parent / "data" / "recorded"
RUNS = list(Logs([RECORDED]).trajectories())


@pytest.fixture(scope="module")
def router() -> Router:
    return Router.load(guard=False)


def test_the_rule_of_the_house(router: Router) -> None:
    choices = set()
    for run, trajectory in RUNS[:20]:
        session = router.session(run.task)
        for turn in trajectory:
            session.observe(turn)
            told = session.decide()
            value = router.bundle.costs["value"]
            assert told.y1 == told.r1 - told.c1 / value and told.y2 == told.r2 - told.c2 / value
            assert told.choice == ("continue" if told.y1 >= told.y2 else "escalate")
            assert 0 < told.r1 < 1 and 0 < told.r2 < 1 and not told.fallback
            choices.add(told.choice)
        session.end()
        told = session.decide()
        assert told.ended and told.c1 == 0 and told.choice in ("accept", "escalate")
    assert "escalate" in choices


def test_costs_are_knobs_of_the_decision(router: Router) -> None:
    _, trajectory = RUNS[0]
    cheap = router.decide(trajectory, costs=Costs(value=1e6, weak=0, strong=0))
    assert (cheap.y1, cheap.y2) == (cheap.r1, cheap.r2)
    dear = router.decide(replace(trajectory, ended=False), costs=Costs(value=0.01, weak=0, strong=5))
    assert dear.choice == "continue" and dear.c2 == 5
    going = replace(trajectory, ended=False)
    assert router.decide(going, costs=Costs(value=0.01, weak=5, strong=5, allow_stop=True)).choice == "stop"
    for bad in ({"value": 0}, {"value": -1}, {"weak": -1}, {"strong": math.inf}):
        with pytest.raises(ValueError, match="Costs"):
            Costs(**bad)


def test_reasons_are_the_exact_shares_of_r2_minus_r1(router: Router) -> None:
    run, trajectory = RUNS[3]
    session = router.replay(replace(trajectory, ended=False), task=run.task)
    heads = router.bundle.heads
    moves = {name: calibrator.kind != "constant" for name, calibrator in router.bundle.calibrators.items()}
    assert moves["r1"]
    shares = moves["r2"] * contributions(heads["r2"], session.row)[:-1] - contributions(heads["r1"], session.row)[:-1]
    reasons = session.explain(len(shares))
    told = {reason.feature: reason.effect for reason in reasons}
    for name, share in zip(router.bundle.features, shares.tolist(), strict=True):
        assert told.get(name, 0.0) == pytest.approx(share, abs=1e-12)
    sizes = [abs(reason.effect) for reason in reasons]
    assert sizes == sorted(sizes, reverse=True)
    assert all(reason.feature in str(reason) and reason.words in str(reason) for reason in reasons)


def test_a_reason_tells_how_the_number_moved(router: Router) -> None:
    session = router.session("fix the parser in src/a.py")
    for failed in (1, 4):
        session.observe(Turn("run", "python -m pytest", f"== {failed} failed, 9 passed in 0.10s ==", "bash"))
    column = router.bundle.features.index("testruns_failed_last")
    reason = session._reason(column, -0.42)
    assert str(reason) == "4 failing tests, up from 1 (testruns_failed_last)  -0.42"
    unknown = router.session("x")._reason(column, 0.1)
    assert unknown.words == "no test result yet"


def test_the_guard_does_not_trust_what_it_never_saw() -> None:
    router = Router.load(default="escalate")
    session = router.session("fix")
    for number in range(700):
        session.observe(Turn("hmm " * 400, f"cat f{number}.py " * 30, "x" * 50_000, cost=900.0, prompt_tokens=10**8))
    told = session.decide()
    assert "outside the range" in told.fallback and told.choice == "escalate"
    assert not math.isnan(told.r1)


def test_another_catalogue_is_refused() -> None:
    bundle = Router.load().bundle
    with pytest.raises(BundleError, match="train it again"):
        Router(replace(bundle, catalogue="0" * 64))
    with pytest.raises(ValueError, match="default must be one of"):
        Router(bundle, default="maybe")


def test_a_bundle_without_a_strong_head_says_so() -> None:
    whole = Router.load().bundle
    heads = {name: head for name, head in whole.heads.items() if not name.startswith("r2")}
    calibrators = {name: c for name, c in whole.calibrators.items() if name in heads}
    router = Router(replace(whole, heads=heads, calibrators=calibrators))
    told = router.decide(RUNS[0][1])
    assert "without a strong model" in told.fallback and math.isnan(told.r2)
    assert told.as_dict()["r2"] is None


def test_eight_threads_share_a_router_bit_for_bit(router: Router) -> None:
    expected = [router.decide(trajectory, task=run.task) for run, trajectory in RUNS]
    wrong: list[object] = []

    def work() -> None:
        for (run, trajectory), right in zip(RUNS, expected, strict=True):
            told = router.decide(trajectory, task=run.task)
            if told != right:
                wrong.append((told, right))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_pinned_bundle_is_that_bundle(tmp_path: Path) -> None:
    path = tmp_path / "b.featrouter"
    Router.load().bundle.save(path)
    with pytest.raises(BundleError, match="sha256"):
        Router.load(path, sha256="0" * 64)
    assert isinstance(Bundle.load(path), Bundle)


def openai(task: str, turns: list[tuple[str, str, str]]) -> list[dict[str, object]]:
    messages: list[dict[str, object]] = [{"role": "system", "content": "s"}, {"role": "user", "content": task}]
    for number, (thought, command, output) in enumerate(turns):
        call = {"id": f"c{number}", "function": {"name": "bash", "arguments": json.dumps({"command": command})}}
        messages.append({"role": "assistant", "content": thought, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": output})
    return messages


def anthropic(task: str, turns: list[tuple[str, str, str]]) -> list[dict[str, object]]:
    messages: list[dict[str, object]] = [
        {"role": "user", "content": [{"type": "text", "text": task}, {"type": "image"}]}
    ]
    for number, (thought, command, output) in enumerate(turns):
        use = {"type": "tool_use", "id": f"c{number}", "name": "bash", "input": {"command": command}}
        result = {"type": "tool_result", "tool_use_id": f"c{number}", "content": [{"type": "text", "text": output}]}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": thought}, use]})
        messages.append({"role": "user", "content": [result]})
    return messages


def responses(task: str, turns: list[tuple[str, str, str]]) -> list[dict[str, object]]:
    items: list[dict[str, object]] = [{"role": "user", "content": [{"type": "input_text", "text": task}]}]
    for number, (thought, command, output) in enumerate(turns):
        items.append({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": thought}]})
        arguments = json.dumps({"command": command})
        items.append({"type": "function_call", "call_id": f"c{number}", "name": "bash", "arguments": arguments})
        items.append({"type": "function_call_output", "call_id": f"c{number}", "output": output})
    return items


TURNS = [("look", "cat a.py", "x = 1"), ("run", "pytest", "1 failed in 0.1s"), ("fix", "sed -i 's/1/2/' a.py", "")]


@pytest.mark.parametrize("form", [openai, anthropic, responses])
def test_the_same_run_in_any_message_form_is_the_same_decision(form: object, router: Router) -> None:
    messages = form("fix a.py", TURNS)  # type: ignore[operator]
    read = trajectory_of(messages)
    assert read.task == "fix a.py" and len(read) == 3
    assert [turn.thought for turn in read] == ["look", "run", "fix"]
    plain = Trajectory("fix a.py", tuple(Turn(t, json.dumps({"command": c}), o, "bash") for t, c, o in TURNS))
    assert router.decide(messages) == router.decide(plain)


def test_parallel_calls_and_text_only_agents() -> None:
    calls = [{"id": str(i), "function": {"name": "bash", "arguments": "{}"}} for i in (1, 2)]
    read = trajectory_of(
        [
            {"role": "user", "content": "task"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "2", "content": "two"},
            {"role": "tool", "tool_call_id": "1", "content": "one"},
            {"role": "assistant", "content": "THOUGHT: look\n```bash\nls -la\n```"},
            {"role": "user", "content": "a.py"},
        ]
    )
    assert [call.observation for call in read.turns[0].calls] == ["one", "two"]
    assert (read.turns[1].thought, read.turns[1].action, read.turns[1].observation) == (
        "THOUGHT: look",
        "ls -la",
        "a.py",
    )


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["assistant", "user", "tool"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "tool_calls", "function", "id", "text"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(JUNK, max_size=6))
def test_junk_messages_never_raise(messages: list[object]) -> None:
    decision = ROUTER.decide(messages)  # type: ignore[arg-type]
    assert decision.choice in ("continue", "escalate")


ROUTER = Router.load()


def test_scores_do_not_depend_on_who_asks_before(router: Router) -> None:
    run, trajectory = RUNS[5]
    first = router.replay(trajectory, task=run.task)
    rows = [first.row.copy()]
    first.explain(5)
    first.decide()
    np.testing.assert_array_equal(first.row, rows[0])
