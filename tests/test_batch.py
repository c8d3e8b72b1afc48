"""Many sessions decided in one pass: what each of them would have decided alone."""

from __future__ import annotations

import json
import math
import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from featrouter import Bundle, Costs, Decision, Router, Trajectory, batch
from featrouter.calibration import Calibrator
from featrouter.decision import LEAST_VALUE, MOST_USD
from featrouter.linear import Linear
from featrouter.logs import Run
from featrouter.policy import NEVER, Policy
from featrouter.session import Session

Runs = list[tuple[Run, Trajectory]]
Together = Callable[[Router, Sequence[Session]], list[Decision]]
HARNESSES = ("recorded-bash", "recorded-editor", "nobody-knows-it", None)
X = (-2.0, -0.5, 0.25, 1.0)
KINDS = {
    "none": Calibrator(),
    "constant": Calibrator("constant", b=0.4),
    "platt": Calibrator("platt", 0.7, -0.2),
    "beta": Calibrator("beta", 0.8, 0.1, 1.3),
    "isotonic": Calibrator("isotonic", x=X, low=(0.1, 0.3, 0.45, 0.9)),
    "venn-abers": Calibrator("venn-abers", x=X, low=(0.05, 0.1, 0.3, 0.5, 0.8), high=(0.2, 0.4, 0.6, 0.9, 0.95)),
}
COSTS = (
    None,
    Costs(),
    Costs(value=0.02),
    Costs(weak=0.5, strong=0.1),
    Costs(value=0.05, weak=0, allow_stop=True),
    Costs(value=0.001, weak=3, strong=3, allow_stop=True),
    Costs(value=float("inf"), strong=2.0),
    Costs(value=0.03, allow_stop=True),
    Costs(handover=15.0),
)


def with_calibrators(bundle: Bundle, r1: str, r2: str) -> Bundle:
    kinds = {name: KINDS[r1 if name.startswith("r1") else r2] for name in bundle.calibrators}
    return replace(bundle, calibrators=kinds)


def with_heads(bundle: Bundle, *names: str, **more: Any) -> Bundle:
    heads = {name: head for name, head in bundle.heads.items() if name in names} | more
    kinds = {name: kind for name, kind in bundle.calibrators.items() if name in heads}
    return replace(shifted(bundle), heads=heads, calibrators=kinds)


def shifted(bundle: Bundle, **shifts: float) -> Bundle:
    return replace(bundle, references={n: replace(r, shifts=shifts) for n, r in bundle.references.items()})


def straight(bundle: Bundle) -> Bundle:
    """With a linear part beside the trees of r2, and with one alone where r1 has its trees."""
    part = Linear(np.array([0, 3, 9]), np.zeros(3), np.ones(3), np.array([0.5, -0.3, 1.0]), np.zeros(3))
    lone = replace(bundle.heads["r1"].constant("r1", "logit", 0.2), linear=part)
    return replace(bundle, heads=bundle.heads | {"r1": lone, "r2": replace(bundle.heads["r2"], linear=part)})


def bundles(whole: Bundle) -> Iterator[tuple[str, Bundle, dict[str, Any]]]:
    for kind in KINDS:
        yield f"{kind} beside platt", with_calibrators(whole, kind, "platt"), {}
        yield f"platt beside {kind}", shifted(with_calibrators(whole, "platt", kind), r1=0.3, r2=-0.7, c1=0.2), {}
    spread = with_calibrators(whole, "venn-abers", "beta")
    strong = replace(whole.heads["c1"], name="c2")
    yield "no cost heads", with_heads(spread, "r1", "r2", "r1_end", "r2_end"), {}
    yield "a strong cost in dollars", with_heads(spread, *whole.heads, c2=replace(strong, link="identity")), {}
    yield "a strong cost in logs", shifted(with_heads(spread, "r1", "r2", c2=strong), c2=1.5, r1=0.1), {}
    yield "no costs known", replace(spread, costs=spread.costs | {"strong": None, "weak_remaining": []}), {}
    yield "r1 only", with_heads(spread, "r1", "r1_end", "c1"), {}
    yield "r2 only", with_heads(spread, "r2", "c1"), {}
    yield "lines", straight(spread), {}
    yield (
        "a tight guard",
        replace(spread, references={n: replace(r, limit=0) for n, r in spread.references.items()}),
        {},
    )
    yield (
        "a guard on one harness",
        replace(
            spread, references=spread.references | {HARNESSES[0]: replace(spread.references[HARNESSES[0]], limit=0)}
        ),
        {"default": "escalate"},
    )
    yield "alike", with_calibrators(whole, "constant", "constant"), {"costs": Costs(weak=0, strong=0)}


def with_policy(bundle: Bundle, policy: Policy) -> Bundle:
    return replace(bundle, policies={"rule": Policy()} | {policy.kind: policy}, policy=policy.kind)


def policies(whole: Bundle) -> Iterator[tuple[str, Bundle, dict[str, Any]]]:
    spread = with_calibrators(whole, "platt", "beta")
    steps = ((1, 0.05), (3, NEVER), (4, -0.2), (5, -NEVER))
    yield "steps", with_policy(spread, Policy("anytime", steps, 0.1)), {}
    yield "steps that latch", with_policy(spread, Policy("anytime", steps, -0.1, latch=True, allow_stop=True)), {}
    yield "fixed", with_policy(spread, Policy.fixed(2, allow_stop=True)), {}
    promise = Policy("risk-controlled", ((0, 0.1),), 0.1, promise={"harm": 0.1})
    yield "a promise", with_policy(spread, promise), {}
    yield "exploring", spread, {"epsilon": 0.5, "seed": 3}


def sessions(router: Router, other: Router, runs: Runs, seed: int, n: int = 30) -> list[Session]:
    """Sessions in every state that a host may have them in; the same again for the same seed."""
    rng, found = random.Random(seed), []
    for _ in range(n):
        run, trajectory = runs[rng.randrange(len(runs))]
        at = router if rng.random() < 0.9 else other
        costs, harness = rng.choice(COSTS), rng.choice([*HARNESSES[:2], *HARNESSES])
        session = at.session(run.task, costs=costs, harness=harness)
        for turn in tuple(trajectory)[: rng.randint(0, 6)]:
            session.observe(turn)
            if rng.random() < 0.2:
                session.decide()
        if rng.random() < 0.08:
            session.observe(None)  # type: ignore[arg-type]
        if rng.random() < 0.3:
            session.end()
        found.append(session)
    return found


NUMBERS = ("r1", "r2", "y1", "y2", "c1", "c2", "propensity")


def assert_same(got: Sequence[Decision], want: Sequence[Decision]) -> None:
    assert len(got) == len(want)
    for one, two in zip(got, want, strict=True):
        numbers = [getattr(one, name) for name in NUMBERS] + [*(one.r1_interval or ()), *(one.r2_interval or ())]
        assert all(type(number) in (float, int) for number in numbers)
        others = [getattr(two, name) for name in NUMBERS] + [*(two.r1_interval or ()), *(two.r2_interval or ())]
        assert numbers == pytest.approx(others, abs=1e-9, nan_ok=True)
        plain = dict.fromkeys(NUMBERS, 0.0)
        if one.r1_interval and two.r1_interval:
            plain["r1_interval"] = (0.0, 0.0)
        if one.r2_interval and two.r2_interval:
            plain["r2_interval"] = (0.0, 0.0)
        assert one._replace(**plain) == two._replace(**plain)
        json.dumps(one.as_dict(), allow_nan=False)


@pytest.fixture
def together(caplog: pytest.LogCaptureFixture) -> Together:
    """`decide_many`, held to have failed nowhere: it would log that, and ask each session alone."""

    def decide(router: Router, sessions: Sequence[Session]) -> list[Decision]:
        caplog.clear()
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            found = router.decide_many(sessions)
        assert not caplog.records
        return found

    return decide


def compared(decide: Together, bundle: Bundle, settings: dict[str, Any], runs: Runs, seed: int) -> list[Decision]:
    router = Router(bundle, harness=HARNESSES[0], **settings)
    other = Router(replace(bundle, costs=bundle.costs | {"value": 0.04}), harness=HARNESSES[0], **settings)
    many, alone = (sessions(router, other, runs, seed) for _ in range(2))
    got = decide(router, many)
    assert_same(got, [session.decide() for session in alone])
    # What was decided together has left each session as deciding alone does.
    for session, twin, (_, trajectory) in zip(many, alone, runs, strict=False):
        for one in (session, twin):
            one.observe(trajectory.turns[0])
    assert_same([session.decide() for session in many], [session.decide() for session in alone])
    assert_same(decide(router, many), [session.decide() for session in alone])
    return got


def test_together_each_decides_as_alone(together: Together, recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    told: Counter[str] = Counter()
    fallbacks = 0
    for seed, (name, bundle, settings) in enumerate(bundles(recorded_bundle)):
        found = compared(together, bundle, settings, recorded_runs, seed)
        told.update(decision.choice for decision in found)
        fallbacks += sum(bool(decision.fallback) for decision in found)
        one_sided = name.endswith("only")
        assert one_sided == all(decision.fallback for decision in found), name
        if "venn" in name:
            assert any(decision.r1_interval or decision.r2_interval for decision in found)
    assert set(told) == {"continue", "escalate", "accept", "stop"} and min(told.values()) > 20
    assert 50 < fallbacks < sum(told.values()) / 2


def test_policies_latches_promises_and_dice_are_kept(
    together: Together, recorded_bundle: Bundle, recorded_runs: Runs
) -> None:
    for seed, (name, bundle, settings) in enumerate(policies(recorded_bundle)):
        found = compared(together, bundle, settings, recorded_runs, seed)
        assert any(decision.escalate and not decision.fallback for decision in found), name
        assert any(decision.propensity < 1 for decision in found) == (name == "exploring")


def test_an_unguarded_router_trusts_the_same_rows(
    together: Together, recorded_bundle: Bundle, recorded_runs: Runs
) -> None:
    tight = {name: replace(reference, limit=0) for name, reference in recorded_bundle.references.items()}
    found = compared(together, replace(recorded_bundle, references=tight), {"guard": False}, recorded_runs, 1)
    assert any(decision.outside and not decision.fallback for decision in found)


def test_no_session_and_one_session_twice(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    router = Router(recorded_bundle, harness=HARNESSES[0])
    assert router.decide_many([]) == []
    session = router.replay(replace(recorded_runs[0][1], ended=False))
    assert_same(router.decide_many((session, session)), [session.decide()] * 2)


def test_the_order_of_the_sessions_is_that_of_the_answers(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    router = Router(with_calibrators(recorded_bundle, "platt", "beta"), harness=HARNESSES[0])
    some = sessions(router, router, recorded_runs, 9, n=60)
    order = random.Random(1).sample(range(60), 60)
    whole = router.decide_many(some)
    assert len({decision.r1 for decision in whole}) > 15
    assert_same(router.decide_many([some[n] for n in order]), [whole[n] for n in order])


def test_absurd_amounts_neither_raise_nor_warn(
    together: Together, recorded_bundle: Bundle, recorded_runs: Runs
) -> None:
    far = shifted(with_calibrators(recorded_bundle, "platt", "beta"), r1=1e100, r2=-1e100, c1=1e100)
    log = replace(recorded_bundle.heads["c1"], name="c2", intercept=1e90)
    for bundle in (far, with_heads(far, "r1", "r2", c1=replace(log, name="c1"), c2=log)):
        router = Router(bundle, harness=HARNESSES[0], guard=False)
        for costs in (
            Costs(value=LEAST_VALUE),
            Costs(value=1e308, weak=MOST_USD, strong=MOST_USD),
            Costs(value=LEAST_VALUE, weak=MOST_USD, strong=MOST_USD, allow_stop=True),
            Costs(value=LEAST_VALUE, weak=0.0, strong=5e-324, handover=MOST_USD),
        ):
            some = [router.session(run.task, costs=costs) for run, _ in recorded_runs[:4]]
            for session, (_, trajectory) in zip(some, recorded_runs, strict=False):
                session.observe(trajectory.turns[0])
            some[-1].end()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = [session.decide() for session in some]
                assert_same(together(router, some), found)
            assert all(math.isfinite(told.y1) and math.isfinite(told.y2) for told in found)


class Odd:
    """Costs that break whoever reads them."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("do not look")


def test_a_session_that_fails_while_it_decides_takes_no_other_with_it(
    recorded_bundle: Bundle, recorded_runs: Runs
) -> None:
    router = Router(recorded_bundle, harness=HARNESSES[0], guard=False)

    def made() -> list[Session]:
        some = [router.session("x", costs=costs) for costs in (None, Odd(), 5, None)]  # type: ignore[arg-type]
        for session in some:
            session.observe(recorded_runs[0][1].turns[0])
        return some

    got = router.decide_many(made())
    assert_same(got, [session.decide() for session in made()])
    assert [bool(decision.fallback) for decision in got] == [False, True, True, False]


def test_where_the_pass_over_all_fails_each_session_is_asked_alone(
    recorded_bundle: Bundle, recorded_runs: Runs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router(recorded_bundle, harness=HARNESSES[0], guard=False)
    some = [router.session(run.task) for run, _ in recorded_runs[:3]]
    want = [session.decide() for session in some]

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(batch, "_decided", fail)
    assert router.decide_many(some) == want and not any(decision.fallback for decision in want)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
