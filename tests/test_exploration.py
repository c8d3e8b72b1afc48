"""Routers that follow a policy, or explore: how often, with which propensity, and the same whenever asked again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from featrouter import Bundle, Costs, Decision, Router, Trajectory, Turn
from featrouter.calibration import Calibrator
from featrouter.logs import Run
from featrouter.messages import trajectory_of
from featrouter.policy import NEVER, Policy
from featrouter.session import Session

Runs = list[tuple[Run, Trajectory]]
#: The bundle knows two harnesses; of dice and policies it does not matter which one a router is told.
HARNESS = "recorded-bash"
#: Money that settles what the rule says: y2 leads by 1 and more, or y1 does.
STRONG, WEAK = Costs(value=1.0, weak=9.0, strong=0.0), Costs(value=1.0, weak=0.0, strong=9.0)


def with_policy(bundle: Bundle, policy: Policy) -> Bundle:
    return replace(bundle, policies={"rule": Policy()} | {policy.kind: policy}, policy=policy.kind)


def walked(session: Session, trajectory: Trajectory) -> list[Decision]:
    """What is said before the first turn, after every turn, and once the agent has submitted."""
    told = [session.decide()]
    for turn in trajectory:
        session.observe(turn)
        told.append(session.decide())
    if trajectory.ended:
        session.end()
        told.append(session.decide())
    return told


def short(runs: Runs, n: int) -> tuple[str, Trajectory]:
    """A run's first n turns, after which it submits."""
    run, trajectory = min(runs, key=lambda pair: len(pair[1]))
    return run.task, Trajectory(run.task, tuple(trajectory)[:n], ended=True)


def test_the_share_that_explores_is_as_promised(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    plain, *routers = (
        Router(recorded_bundle, harness=HARNESS, guard=False, policy="rule", epsilon=epsilon, seed=seed)
        for epsilon, seed in ((0.0, 0), (0.3, 1), (0.3, 2))
    )
    turned = asked = 0
    for run, trajectory in recorded_runs:
        greedy = walked(plain.session(run.task), trajectory)
        for router in routers:
            dice = walked(router.session(run.task), trajectory)
            turned += sum(a.choice != b.choice for a, b in zip(dice, greedy, strict=True))
            asked += len(dice)
    assert asked > 1500
    # half of those that explore come out as the rule would have had it
    assert turned / asked == pytest.approx(0.15, abs=4 * (0.15 * 0.85 / asked) ** 0.5)


@pytest.mark.parametrize("costs", [STRONG, WEAK])
def test_the_propensity_is_the_probability_of_the_path(
    recorded_bundle: Bundle, recorded_runs: Runs, costs: Costs
) -> None:
    task, trajectory = short(recorded_runs, 2)
    paths: Counter[tuple[str, ...]] = Counter()
    promised: dict[tuple[str, ...], set[float]] = {}
    n = 700
    for seed in range(n):
        router = Router(recorded_bundle, harness=HARNESS, guard=False, policy="rule", epsilon=0.6, seed=seed)
        choices, reached = [], None
        for told in walked(router.session(task, costs=costs), trajectory):
            choices.append(told.choice)
            reached = told
            if told.escalate:  # here a host leaves its loop
                break
        assert reached is not None
        paths[tuple(choices)] += 1
        promised.setdefault(tuple(choices), set()).add(round(reached.propensity, 12))
    assert all(len(told) == 1 for told in promised.values())
    chance = {path: told.pop() for path, told in promised.items()}
    assert len(chance) == 5 and sum(chance.values()) == pytest.approx(1.0, abs=1e-9)
    greedy, other = 0.7, 0.3
    onward, away = (other, greedy) if costs is STRONG else (greedy, other)
    assert chance["continue", "continue", "continue", "escalate"] == pytest.approx(onward**3 * away)
    assert chance[("escalate",)] == pytest.approx(away)
    for path, p in chance.items():
        assert paths[path] / n == pytest.approx(p, abs=4.5 * (p * (1 - p) / n) ** 0.5), path


def test_stop_is_a_third_arm_when_the_rule_gives_up(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    task, _ = short(recorded_runs, 1)
    broke = Costs(value=1.0, weak=9.0, strong=9.0, allow_stop=True)
    told = Counter()
    n = 600
    for seed in range(n):
        router = Router(recorded_bundle, harness=HARNESS, guard=False, policy="rule", epsilon=0.6, seed=seed)
        one = router.session(task, costs=broke).decide()
        assert one.propensity == pytest.approx(0.6 if one.choice == "stop" else 0.2)
        told[one.choice] += 1
    for choice, p in (("stop", 0.6), ("continue", 0.2), ("escalate", 0.2)):
        assert told[choice] / n == pytest.approx(p, abs=4.5 * (p * (1 - p) / n) ** 0.5)


def test_asked_twice_it_answers_the_same(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    router = Router(recorded_bundle, harness=HARNESS, guard=False, epsilon=0.5, seed=3)
    for run, trajectory in recorded_runs[:8]:
        once = walked(router.session(run.task), trajectory)
        session, twice = router.session(run.task), []
        for turn in (None, *trajectory):
            if turn is not None:
                session.observe(turn)
            twice.append(session.decide())
            session.explain(2)
            assert [session.decide() for _ in range(3)] == [twice[-1]] * 3
        assert twice == once[: len(twice)]
        assert min(told.propensity for told in once) < 0.3


@pytest.mark.parametrize(
    "settings", [{"epsilon": 0.4, "seed": 5}, {"epsilon": 0.4, "policy": "fixed"}, {"policy": "fixed"}]
)
def test_a_stateless_answer_is_the_sessions(
    recorded_bundle: Bundle, recorded_runs: Runs, settings: dict[str, Any]
) -> None:
    router = Router(
        with_policy(recorded_bundle, Policy.fixed(3)), harness=HARNESS, guard=False, **({"policy": "rule"} | settings)
    )
    for run, trajectory in recorded_runs[:12]:
        told = walked(router.session(run.task), trajectory)
        assert router.decide(trajectory, task=run.task) == told[-1]
        going = Trajectory(trajectory.task, tuple(trajectory)[:5], ended=False)
        assert router.decide(going, task=run.task) == told[min(5, len(trajectory))]


def test_a_stateless_answer_to_messages_is_the_sessions(recorded_bundle: Bundle) -> None:
    messages = [{"role": "user", "content": "fix the parser in src/a.py"}]
    for failed in (1, 4, 0):
        thought = f"let me see\n```bash\npython -m pytest -k {failed}\n```"
        messages.append({"role": "assistant", "content": thought})
        messages.append({"role": "user", "content": f"== {failed} failed, 9 passed in 0.10s =="})
    read = trajectory_of(messages)
    assert len(read) == 3
    choices = set()
    for seed in range(12):
        router = Router(recorded_bundle, harness=HARNESS, guard=False, policy="rule", epsilon=1.0, seed=seed)
        told = walked(router.session(read.task), read)
        assert router.decide(messages) == told[-1]
        assert told[-1].propensity == pytest.approx(0.5 ** len(told))
        choices.add(told[-1].choice)
    assert len(choices) == 2


def test_the_seed_and_the_run_are_what_the_draw_depends_on(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    task, trajectory = short(recorded_runs, 4)

    def choices(task: str, seed: int) -> list[str]:
        router = Router(recorded_bundle, harness=HARNESS, guard=False, policy="rule", epsilon=1.0, seed=seed)
        return [told.choice for told in walked(router.session(task), trajectory)]

    assert choices(task, 1) == choices(task, 1)
    assert len({tuple(choices(task, seed)) for seed in range(20)}) > 5
    assert len({tuple(choices(f"{task} {word}", 1)) for word in ("a", "b", "c", "d", "e", "f", "g", "h")}) > 2


def test_who_does_not_explore_is_sure(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    for policy in recorded_bundle.policies:
        for run, trajectory in recorded_runs[:5]:
            routers = [
                Router(recorded_bundle, harness=HARNESS, guard=False, policy=policy, epsilon=0, seed=seed)
                for seed in (0, 1)
            ]
            told = [walked(router.session(run.task), trajectory) for router in routers]
            assert told[0] == told[1]
            assert {one.propensity for one in told[0]} == {1.0}


def test_an_explorer_that_never_turns_aside_still_says_how_likely_it_was(recorded_bundle: Bundle) -> None:
    router = Router(recorded_bundle, harness=HARNESS, guard=False, policy="rule", epsilon=0.2, costs=WEAK)
    session = router.session("fix")
    expected = 1.0
    for number in range(4):
        told = session.decide()
        expected *= 0.9 if told.choice == "continue" else 0.1
        assert told.propensity == pytest.approx(expected)
        if told.escalate:
            break
        session.observe(Turn("look", f"cat f{number}.py", "x = 1"))


def test_a_latched_escalation_stays(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    task, trajectory = short(recorded_runs, 4)
    once = Policy("anytime", ((2, -NEVER), (3, NEVER)), NEVER)
    for latch, after in ((True, ["escalate"] * 3), (False, ["continue"] * 2 + ["accept"])):
        router = Router(with_policy(recorded_bundle, replace(once, latch=latch)), harness=HARNESS, guard=False)
        told = walked(router.session(task, costs=WEAK), trajectory)
        assert [one.choice for one in told] == ["continue", "continue", "escalate", *after]
        assert [one.turn for one in told] == [0, 1, 2, 3, 4, 4]
        assert [one.ended for one in told] == [False] * 5 + [True]
        assert router.decide(trajectory, task=task, costs=WEAK) == told[-1]


def test_a_router_may_latch_whatever_its_policy(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    """Asked at the end alone, it says what it would have said on the way: a host that starts anew loses nothing."""
    free, latching = (
        Router(recorded_bundle, guard=False, costs=Costs(value=0.15), latch=latch) for latch in (False, True)
    )
    turned_back = 0
    for run, trajectory in recorded_runs:
        session, choices = free.session(trajectory.task, harness=run.harness), []
        for turn in trajectory:
            choices.append(session.decide().choice)
            session.observe(turn)
        choices.append(session.decide().choice)
        told = latching.decide(replace(trajectory, ended=False), harness=run.harness)
        assert told.escalate == ("escalate" in choices) and told.turn == len(trajectory)
        turned_back += told.escalate and choices[-1] == "continue"
    assert turned_back


def test_an_explored_escalation_is_latched_with_its_propensity(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    task, trajectory = short(recorded_runs, 4)
    always = Policy("anytime", ((0, 0.0),), 0.0, latch=True)
    seen = set()
    for seed in range(30):
        router = Router(with_policy(recorded_bundle, always), harness=HARNESS, guard=False, epsilon=0.5, seed=seed)
        told = walked(router.session(task, costs=WEAK), trajectory)
        choices = [one.choice for one in told]
        if "escalate" in choices:
            first = choices.index("escalate")
            assert choices[first:] == ["escalate"] * (len(told) - first)
            assert [one.propensity for one in told[first:]] == pytest.approx([0.75**first * 0.25] * (len(told) - first))
            seen.add(first)
    assert len(seen) > 2


def test_a_fixed_policy_looks_only_at_its_turn(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    task, trajectory = short(recorded_runs, 4)
    fixed = Policy.fixed(2)
    for latch, after in ((True, ["escalate"] * 3), (False, ["continue"] * 2 + ["accept"])):
        router = Router(
            with_policy(recorded_bundle, replace(fixed, latch=latch)), harness=HARNESS, guard=False, costs=STRONG
        )
        assert [one.choice for one in walked(router.session(task), trajectory)] == ["continue"] * 2 + [
            "escalate",
            *after,
        ]
    router = Router(with_policy(recorded_bundle, fixed), harness=HARNESS, guard=False)
    told = walked(router.session(task, costs=WEAK), trajectory)
    assert [one.choice for one in told] == ["continue"] * 5 + ["accept"]
    broke = Costs(value=1.0, weak=9.0, strong=9.0, allow_stop=True)
    told = walked(router.session(task, costs=broke), trajectory)
    assert [one.choice for one in told] == ["continue", "continue", "stop", "continue", "continue", "accept"]


def test_a_fixed_policy_rolls_the_dice_only_at_its_turn(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    task, trajectory = short(recorded_runs, 4)
    bundle = with_policy(recorded_bundle, Policy.fixed(2))
    turned = set()
    for seed in range(20):
        told = walked(
            Router(bundle, harness=HARNESS, guard=False, epsilon=0.5, seed=seed, costs=WEAK).session(task), trajectory
        )
        assert [one.propensity for one in told[:2]] == [1.0, 1.0]
        p = 0.25 if told[2].escalate else 0.75
        assert [one.propensity for one in told[2:]] == pytest.approx([p] * 4)
        turned.add(told[2].choice)
        assert {one.choice for one in told[2:]} == ({"escalate"} if told[2].escalate else {"continue", "accept"})
    assert turned == {"continue", "escalate"}


def test_a_threshold_is_what_y2_must_lead_by(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    task, trajectory = short(recorded_runs, 4)
    lead = [
        one.y2 - one.y1
        for one in walked(Router(recorded_bundle, harness=HARNESS, guard=False).session(task), trajectory)
    ]
    for shift, choice in ((1e-9, ("continue", "accept")), (-1e-9, ("escalate", "escalate"))):
        steps = tuple((turn, lead[turn] + shift) for turn in range(5))
        policy = Policy("anytime", steps, lead[-1] + shift)
        told = walked(
            Router(with_policy(recorded_bundle, policy), harness=HARNESS, guard=False).session(task), trajectory
        )
        assert [one.choice for one in told] == [choice[0]] * 5 + [choice[1]]


def test_the_policy_of_the_bundle_is_followed_unless_another_is_asked_for(recorded_bundle: Bundle) -> None:
    bundle = with_policy(recorded_bundle, Policy.fixed(7))
    assert Router(bundle).policy == Policy.fixed(7)
    assert Router(bundle, harness=HARNESS, policy="rule").policy == Policy()
    with pytest.raises(ValueError, match="policy 'nosuch' is not in this bundle; it has fixed, rule"):
        Router(bundle, harness=HARNESS, policy="nosuch")


def test_any_bundle_decides_at_the_turn_that_is_named(recorded_bundle: Bundle) -> None:
    assert Router(recorded_bundle, policy="fixed:3").policy == Policy.fixed(3)
    for name in ("fixed:", "fixed:-1", "fixed:x", "fixed:3 "):
        with pytest.raises(ValueError, match="every one has fixed:TURN"):
            Router(recorded_bundle, policy=name)


@pytest.mark.parametrize("epsilon", [2, -0.1, float("nan"), 1.0001])
def test_an_epsilon_that_is_no_share_is_refused(recorded_bundle: Bundle, epsilon: float) -> None:
    with pytest.raises(ValueError, match="epsilon is the share of decisions that explore, 0 to 1"):
        Router(recorded_bundle, harness=HARNESS, epsilon=epsilon)
    Router(recorded_bundle, harness=HARNESS, epsilon=1)


def test_intervals_are_shown_exactly_where_venn_abers_calibrates(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    steps = Calibrator("venn-abers", x=(-0.5, 0.5), low=(0.1, 0.2, 0.3), high=(0.4, 0.5, 0.6))
    run, trajectory = recorded_runs[0]
    assert all(one.kind != "venn-abers" for one in recorded_bundle.calibrators.values())
    for names in ((), ("r1",), ("r2",), ("r1", "r2"), ("r1_end", "r2_end")):
        bundle = replace(recorded_bundle, calibrators=recorded_bundle.calibrators | dict.fromkeys(names, steps))
        for one in walked(Router(bundle, harness=HARNESS, guard=False).session(run.task), trajectory):
            for arm, told, r in (("r1", one.r1_interval, one.r1), ("r2", one.r2_interval, one.r2)):
                if (f"{arm}_end" if one.ended else arm) in names:
                    assert told is not None
                    low, high = told
                    assert (low, high) in {(0.1, 0.4), (0.2, 0.5), (0.3, 0.6)}
                    assert r == pytest.approx(high / (1 - low + high)) and low < r < high
                else:
                    assert told is None


def test_a_doubt_after_dice_is_as_likely_as_the_way_there(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    router = Router(recorded_bundle, harness=HARNESS, policy="rule", epsilon=1.0)
    session = router.session(recorded_runs[0][0].task)
    assert not session.decide().fallback
    assert session.decide().propensity == 0.5
    for _ in range(300):
        session.observe(Turn("hmm " * 400, "cat f.py " * 30, "x" * 50_000, cost=900.0, prompt_tokens=10**8))
    told = session.decide()
    assert told.fallback and told.propensity == 0.5


def test_a_policy_that_looks_at_the_prompt_does_not_wait_to_be_asked(recorded_bundle: Bundle) -> None:
    always = replace(recorded_bundle.policies["fixed"], turns=((0, -float("inf")), (1, float("inf"))))
    bundle = replace(recorded_bundle, policies=recorded_bundle.policies | {"fixed": always})
    session = Router(bundle, harness=HARNESS, guard=False, policy="fixed").session("fix the parser in src/a.py")
    session.observe(Turn("run", "ls", "a.py", "bash"))
    assert session.decide().escalate
    session.end()
    assert session.decide().escalate


def test_a_promise_on_harm_is_kept_by_escalating_what_cannot_be_judged(recorded_bundle: Bundle) -> None:
    promise = {"max_harm": 0.1, "confidence": None}
    careful = Policy("risk-controlled", ((0, 0.9), (1, float("inf"))), 0.9, latch=True, promise=promise)
    bundle = replace(recorded_bundle, policies=recorded_bundle.policies | {"risk-controlled": careful})
    known = bundle.references[HARNESS]
    odd = replace(known, quantiles=np.full_like(known.quantiles, 1e9), limit=0)
    free = replace(known, limit=len(bundle.features))
    for reference, costs, choice in (
        (free, Costs(), "continue"),
        (odd, Costs(), "escalate"),
        (free, Costs(value=1e-9, allow_stop=True), "escalate"),  # the promise was made at another value
    ):
        router = Router(replace(bundle, references={HARNESS: reference}), policy="risk-controlled", costs=costs)
        decision = router.session("fix the parser in src/a.py").decide()
        assert decision.choice == choice and bool(decision.fallback) == (choice == "escalate")
    with pytest.raises(ValueError, match="leaves no room for exploring"):
        Router(bundle, harness=HARNESS, policy="risk-controlled", epsilon=0.1)


def test_runs_of_one_task_draw_apart_by_their_name_and_without_any_by_chance(recorded_bundle: Bundle) -> None:
    router = Router(recorded_bundle, harness=HARNESS, guard=False, epsilon=0.5, policy="rule")

    def choices(*keys: tuple[str, str]) -> set[str]:
        return {router.session(task, run=run).decide().choice for task, run in keys}

    assert len(choices(*[("fix it", "") for _ in range(40)])) == 1  # nothing tells them apart
    assert len(choices(*[("fix it", f"run {number}") for number in range(40)])) == 2
    assert len(choices(*[("fix it", "run 7") for _ in range(40)])) == 1
    assert len(choices(*[("", "") for _ in range(40)])) == 2
