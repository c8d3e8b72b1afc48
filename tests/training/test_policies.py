"""Fitted policies: a planted best turn is found, noise is left alone, and a promise on harm holds by simulation."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from featrouter.policy import NEVER, Policy
from featrouter.training.policies import fit_anytime, fit_end, fit_fixed, fit_risk_controlled, promise_words
from featrouter.training.worth import Walks, constants, follow

VALUE = 10.0


def walks_of(r1: np.ndarray, y_weak: np.ndarray, y_strong: np.ndarray, *, tasks: int | None = None) -> Walks:
    """Runs that all live through every turn; weak costs 1 USD in all, strong 5, and r2 is 0.9 throughout."""
    n, m = r1.shape
    share = np.broadcast_to(np.linspace(0, 1, m), (n, m))
    names = np.array([f"t{i % (tasks or n):05}" for i in range(n)], dtype=object)
    return Walks(
        np.arange(m - 1, dtype=np.int64),
        r1,
        np.full((n, m), 0.9),
        1 - share,
        np.full((n, m), 5.0),
        share.copy(),
        np.ones((n, m), bool),
        y_weak,
        y_strong,
        np.ones(n),
        np.full(n, 5.0),
        np.array([f"r{i:05}" for i in range(n)], dtype=object),
        names,
    )


def planted(n: int, seed: int, turn: int | None, columns: int = 7) -> Walks:
    """r1 says nothing before this turn, and nearly all from then on; with None it is noise for good."""
    rng = np.random.default_rng(seed)
    y_weak, y_strong = (rng.random(n) < 0.5).astype(float), (rng.random(n) < 0.9).astype(float)
    r1 = rng.random((n, columns))
    if turn is not None:
        sure = np.where(rng.random(n) < 0.95, y_weak, 1 - y_weak)
        r1[:, turn:] = (0.05 + 0.9 * sure)[:, None]
    return walks_of(r1, y_weak, y_strong)


def earned(policy: Policy, runs: Walks) -> float:
    return float(follow(policy, runs, VALUE).net(VALUE).mean())


def better_constant(runs: Walks) -> float:
    return max(float(ledger.net(VALUE).mean()) for ledger in constants(runs).values())


@pytest.mark.parametrize("turn", [0, 2, 4])
def test_fixed_finds_the_planted_turn(turn: int) -> None:
    assert fit_fixed(planted(400, turn, turn), VALUE) == Policy.fixed(turn)


def test_fixed_takes_the_earliest_of_equal_turns() -> None:
    runs = planted(100, 0, None)
    kept = walks_of(np.full((100, 7), 0.99), runs.y_weak, runs.y_strong)  # nobody is escalated, whatever the turn
    assert fit_fixed(kept, VALUE) == Policy.fixed(0)


@pytest.mark.parametrize(("alive", "turn"), [(19, 0), (20, 4)])
def test_fixed_takes_no_turn_that_few_runs_reach(alive: int, turn: int) -> None:
    r1 = np.full((100, 7), 0.99)
    r1[:, 4] = 0.0  # here alone it would escalate, and be right to
    runs = walks_of(r1, np.zeros(100), np.ones(100))
    runs.alive[alive:, 4] = False
    assert fit_fixed(runs, VALUE) == Policy.fixed(turn)


def test_fixed_carries_leave_to_stop() -> None:
    assert fit_fixed(planted(60, 0, 1), VALUE, allow_stop=True).allow_stop
    assert not fit_fixed(planted(60, 0, 1), VALUE).allow_stop


def test_the_cascade_decides_at_the_end_alone() -> None:
    runs = planted(200, 1, 0)
    ledger = follow(fit_end(), runs, VALUE)
    y1, y2 = runs.y(VALUE)
    np.testing.assert_array_equal(ledger.escalated, y2[:, -1] > y1[:, -1])
    assert 0.3 < ledger.escalated.mean() < 0.7
    np.testing.assert_array_equal(ledger.cost, np.where(ledger.escalated, 6.0, 1.0))  # a whole weak run is paid
    assert fit_end(allow_stop=True).allow_stop


def test_anytime_stays_at_the_better_constant_on_noise() -> None:
    stayed, fresh = [], []
    for seed in range(20):
        runs = planted(200, seed, None)
        policy = fit_anytime(runs, VALUE)
        stayed.append(earned(policy, runs) == better_constant(runs))
        other = planted(4000, 1000 + seed, None)
        fresh.append(earned(policy, other) - better_constant(other))
    assert np.mean(stayed) >= 0.95
    assert np.mean(fresh) > -0.1  # the constants are close, and a sample may mistake which is better


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_anytime_beats_both_constants_on_fresh_data_where_there_is_a_signal(seed: int) -> None:
    policy = fit_anytime(planted(300, seed, 2), VALUE)
    fresh = planted(20000, 100 + seed, 2)
    assert policy.kind == "anytime" and policy.latch
    assert earned(policy, fresh) > better_constant(fresh) + 0.3
    first = follow(policy, fresh, VALUE)
    assert first.cost[first.escalated].min() >= 5 + 2 / 6  # nobody is handed over before anything is known


def test_anytime_starts_from_the_constant_that_is_better() -> None:
    runs = planted(100, 5, None)
    weak = walks_of(runs.r1, np.ones(100), np.zeros(100))
    assert not follow(fit_anytime(weak, VALUE), weak, VALUE).escalated.any()
    strong = walks_of(runs.r1, np.zeros(100), np.ones(100))
    ledger = follow(fit_anytime(strong, VALUE), strong, VALUE)
    assert ledger.escalated.all() and (ledger.cost == 5).all()


def test_anytime_counts_tasks_not_runs() -> None:
    """Three runs of the same gain are no evidence when they are of a single task."""
    runs = planted(300, 0, 2)
    one = walks_of(runs.r1, runs.y_weak, runs.y_strong, tasks=1)
    assert earned(fit_anytime(runs, VALUE), runs) > better_constant(runs)
    assert earned(fit_anytime(one, VALUE), one) == better_constant(one)


def simulated(n: int, seed: int) -> Walks:
    """Tasks whose harm (weak fails, strong solves) is the likelier the higher their margin y2 - y1."""
    rng = np.random.default_rng(seed)
    doubt = rng.random(n)
    harm = rng.random(n) < 0.8 * doubt**2
    y_weak = np.where(harm, 0.0, rng.random(n) < 0.8)
    y_strong = np.where(harm, 1.0, np.where(y_weak == 1, rng.random(n) < 0.8, 0.0))
    # what is said at the turn and at the end differs a little
    r1 = 1 - np.clip(doubt[:, None] + rng.normal(scale=0.1, size=(n, 3)), 0, 1)
    return walks_of(r1, y_weak, y_strong)


@cache
def large() -> Walks:
    return simulated(200_000, 10**6)


@cache
def harmful_margins() -> np.ndarray:
    y1, y2 = large().y(VALUE)
    margins = (y2 - y1)[:, [0, -1]].max(axis=1)
    return np.sort(margins[(large().y_weak == 0) & (large().y_strong == 1)])


def harm_of(policy: Policy) -> float:
    """The share of a large fresh sample that the policy keeps, weak fails and strong would have solved."""
    return float(np.searchsorted(harmful_margins(), policy.end, side="right") / len(large()))


def test_the_harm_is_that_of_following_the_policy() -> None:
    policy = fit_risk_controlled(simulated(300, 0), VALUE, turn=0, max_harm=0.1)
    kept = ~follow(policy, large(), VALUE).escalated
    harm = (kept & (large().y_weak == 0) & (large().y_strong == 1)).mean()
    assert harm_of(policy) == pytest.approx(harm, abs=1e-12)
    assert 0 < harm < harm_of(Policy("anytime", (), NEVER))


@pytest.mark.parametrize("n", [60, 200])
def test_the_expected_harm_keeps_the_promise(n: int) -> None:
    harms = np.array(
        [harm_of(fit_risk_controlled(simulated(n, seed), VALUE, turn=0, max_harm=0.05)) for seed in range(500)]
    )
    error = harms.std(ddof=1) / math.sqrt(len(harms))
    assert harms.mean() <= 0.05 + 3 * error
    assert harms.mean() > 0.02  # always escalating keeps any promise


def test_with_confidence_the_harm_itself_seldom_breaks_the_promise() -> None:
    harms = np.array(
        [
            harm_of(fit_risk_controlled(simulated(300, seed), VALUE, turn=0, max_harm=0.05, confidence=0.9))
            for seed in range(500)
        ]
    )
    assert (harms > 0.05).mean() <= 0.1 + 3 * math.sqrt(0.1 * 0.9 / 500)
    assert harms.mean() > 0.02


def test_a_promise_without_confidence_is_of_the_mean_alone() -> None:
    """So that the test above shows something: the same runs without `confidence` break it far more often."""
    harms = [harm_of(fit_risk_controlled(simulated(300, seed), VALUE, turn=0, max_harm=0.05)) for seed in range(200)]
    assert (np.array(harms) > 0.05).mean() > 0.2


@pytest.mark.parametrize(
    ("n", "confidence", "enough"), [(19, None, True), (18, None, False), (45, 0.9, True), (44, 0.9, False)]
)
def test_too_few_tasks_are_refused_with_the_number_it_takes(n: int, confidence: float | None, enough: bool) -> None:
    runs = simulated(n, 0)
    if enough:
        policy = fit_risk_controlled(runs, VALUE, turn=0, max_harm=0.05, confidence=confidence)
        assert policy.promise is not None and policy.promise["harmed"] == 0
    else:
        with pytest.raises(ValueError, match=rf"0\.05 cannot be promised on {n} held-out tasks.*take {n + 1};"):
            fit_risk_controlled(runs, VALUE, turn=0, max_harm=0.05, confidence=confidence)


@pytest.mark.parametrize(("max_harm", "confidence"), [(0.0, None), (1.0, None), (-0.1, None), (0.1, 0.0), (0.1, 1.0)])
def test_bounds_that_are_no_shares_are_refused(max_harm: float, confidence: float | None) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        fit_risk_controlled(simulated(100, 0), VALUE, turn=0, max_harm=max_harm, confidence=confidence)


def test_several_runs_of_one_task_count_once() -> None:
    runs = simulated(300, 0)
    same = walks_of(runs.r1, runs.y_weak, runs.y_strong, tasks=100)
    policy = fit_risk_controlled(same, VALUE, turn=0, max_harm=0.05)
    assert policy.promise is not None and policy.promise["tasks"] == 100
    with pytest.raises(ValueError, match="cannot be promised on 10 held-out tasks"):
        fit_risk_controlled(walks_of(runs.r1, runs.y_weak, runs.y_strong, tasks=10), VALUE, turn=0, max_harm=0.05)


def test_a_run_that_has_ended_is_judged_by_its_end() -> None:
    runs = simulated(200, 3)
    runs.alive[::2, 0] = False
    policy = fit_risk_controlled(runs, VALUE, turn=0, max_harm=0.1)
    ledger = follow(policy, runs, VALUE)
    harmed = ~ledger.escalated & (runs.y_weak == 0) & (runs.y_strong == 1)
    assert policy.promise is not None and harmed.sum() == policy.promise["harmed"] == math.floor(0.1 * 201 - 1)


def test_where_nothing_harms_everything_is_kept() -> None:
    runs = simulated(100, 0)
    policy = fit_risk_controlled(walks_of(runs.r1, np.ones(100), np.ones(100)), VALUE, turn=1, max_harm=0.05)
    assert policy.end == NEVER and policy.threshold(1, ended=False) == NEVER
    assert not follow(policy, runs, VALUE).escalated.any()


def test_the_promise_is_told_in_words_with_its_assumption() -> None:
    policy = fit_risk_controlled(simulated(100, 0), VALUE, turn=0, max_harm=0.05)
    words = promise_words(policy.promise or {})
    assert words.startswith("promise: the expected share of tasks that weak keeps and fails although strong would")
    assert (
        "at most 0.05 (4 of 100 held-out tasks), with the bundle's costs and 10 USD a solved task" in words
        and "exchangeable" in words
    )
    sure = fit_risk_controlled(simulated(100, 0), VALUE, turn=0, max_harm=0.05, confidence=0.9)
    assert "with 90% confidence the share of tasks" in promise_words(sure.promise or {})
    assert sure.end < policy.end and Policy.from_dict(sure.as_dict()) == sure
