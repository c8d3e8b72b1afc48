"""Net value: against plain arithmetic, over its range of values, under the oracle, and with the harm that was done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import simulator as sim

from featrouter.evaluation.value import AROUND, net_value, value_range
from featrouter.policy import NEVER, Policy
from featrouter.training.policies import fit_anytime, fit_fixed, fit_risk_controlled
from featrouter.training.worth import Ledger, Walks, constants, follow, walks


def five_runs() -> Walks:
    """Of three tasks, one turn each: weak costs 1, 2, 3, 4, 5 USD and strong 10."""
    one = np.full((5, 2), 0.5)
    return Walks(
        turns=np.array([0]),
        r1=one,
        r2=one,
        c1=one,
        c2=one,
        spent=np.zeros((5, 2)),
        alive=np.ones((5, 2), bool),
        y_weak=np.array([1.0, 0, 0, 1, 0]),
        y_strong=np.array([1.0, 1, 1, 0, 0]),
        cost_weak=np.array([1.0, 2, 3, 4, 5]),
        cost_strong=np.full(5, 10.0),
        runs=np.array(["a1", "a2", "b1", "b2", "c1"], dtype=object),
        tasks=np.array(["a", "a", "b", "b", "c"], dtype=object),
    )


def mixed_ledger() -> Ledger:
    """The second and third run escalated, the last one stopped after 1 USD."""
    escalated, stopped = np.array([0, 1, 1, 0, 0], bool), np.array([0, 0, 0, 0, 1], bool)
    return Ledger(np.array([1.0, 1, 1, 1, 0]), np.array([1.0, 12, 13, 4, 1]), escalated, stopped)


def test_the_numbers_are_those_of_plain_arithmetic() -> None:
    (found,) = net_value(five_runs(), {("mine", 20.0): mixed_ledger()}, draws=40)
    assert found["value"] == 20 and found["best_constant"] == "always-weak"
    mine = found["policies"]["mine"]
    assert mine["net"] == pytest.approx((4 * 20 - 31) / 5)
    assert mine["gain_over_constant"] == pytest.approx((4 * 20 - 31) / 5 - (2 * 20 - 15) / 5)
    assert mine["resolved"] == 0.8 and mine["cost"] == pytest.approx(31 / 5)
    assert mine["usd_per_solved"] == pytest.approx(31 / 4)
    assert mine["escalated"] == 0.4 and mine["stopped"] == 0.2
    assert mine["net_ci"][0] <= mine["net"] <= mine["net_ci"][1]
    net = {name: row["net"] for name, row in found["policies"].items()}
    assert net["always-weak"] == 5 and net["always-strong"] == 2 and net["stop"] == 0
    # it keeps the first and the fourth run, has the second and third escalated at the start, and drops the last
    assert net["oracle"] == pytest.approx((19 + 10 + 10 + 16 + 0) / 5)
    assert found["policies"]["stop"]["usd_per_solved"] is found["policies"]["stop"]["usd_per_solved_ci"] is None
    assert found["policies"]["stop"]["stopped"] == 1 and "gain_over_fixed" not in mine


def test_each_value_has_its_own_best_constant_and_ledgers() -> None:
    ledgers = {("mine", value): mixed_ledger() for value in (1.0, 20.0, 200.0)}
    found = net_value(five_runs(), ledgers | {("other", 20.0): mixed_ledger()}, draws=5)
    assert [(one["value"], one["best_constant"]) for one in found] == [
        (1, "stop"),
        (20, "always-weak"),
        (200, "always-strong"),
    ]
    assert ["other" in one["policies"] for one in found] == [False, True, False]


def test_a_resample_draws_tasks_and_pairs_the_policies() -> None:
    """All of the policy's gain is on one task of three, so that a resample has it 0 to 3 times, with its two runs."""
    runs = five_runs()
    always = constants(runs)["always-weak"]
    better = Ledger(np.array([1.0, 1, 0, 1, 0]), always.cost, always.escalated, always.stopped)
    (found,) = net_value(runs, {("mine", 20.0): better}, draws=400)
    assert found["policies"]["mine"]["gain_over_constant_ci"] == [0, pytest.approx(20 / 2)]
    assert found["policies"]["always-weak"]["gain_over_constant_ci"] == [0, 0]


def test_gains_over_the_fixed_turn_are_told_where_there_is_one() -> None:
    runs = five_runs()
    ledgers = {("mine", 20.0): mixed_ledger(), ("fixed", 20.0): constants(runs)["always-strong"]}
    (found,) = net_value(runs, ledgers, draws=20)
    assert found["policies"]["mine"]["gain_over_fixed"] == pytest.approx((4 * 20 - 31) / 5 - 2)
    assert found["policies"]["fixed"]["gain_over_fixed"] == 0
    assert found["policies"]["fixed"]["gain_over_fixed_ci"] == [0, 0]


def test_the_range_is_around_the_break_even_of_the_constants() -> None:
    runs = five_runs()  # strong solves .2 more, and costs 7 USD more: 35 USD
    assert value_range(runs, 10.0) == sorted([10.0, *(float(f"{35 * times:.2g}") for times in AROUND)])
    assert 35 in value_range(runs, 35.0) and len(value_range(runs, 35.0)) == len(AROUND)
    assert value_range(None, 10.0) == [10.0]


@pytest.mark.parametrize("change", [{"y_strong": np.zeros(5)}, {"cost_strong": np.zeros(5)}])
def test_without_a_break_even_there_is_the_users_value_alone(change: dict[str, Any]) -> None:
    fields = {name: getattr(five_runs(), name) for name in Walks.__dataclass_fields__}
    assert value_range(Walks(**fields | change), 10.0) == [10.0]


@pytest.fixture(scope="module")
def simulated() -> Walks:
    found = walks(*sim.table_of(sim.draw(sim.World(stay=0.7, stay_failed=0.95), 400, seed=3)))
    assert found is not None
    return found


def test_the_oracle_is_never_beaten_and_the_rule_beats_the_constants(simulated: Walks) -> None:
    ledgers = {}
    for value in value_range(simulated, 10.0):
        for stops in (False, True):
            ledgers[f"rule {stops}", value] = follow(Policy(allow_stop=stops), simulated, value)
            ledgers[f"fixed {stops}", value] = follow(fit_fixed(simulated, value, allow_stop=stops), simulated, value)
            ledgers[f"anytime {stops}", value] = follow(
                fit_anytime(simulated, value, allow_stop=stops), simulated, value
            )
    found = net_value(simulated, ledgers, draws=50)
    assert len(found) == 6
    for one in found:
        nets = {name: row["net"] for name, row in one["policies"].items()}
        assert max(nets, key=nets.__getitem__) == "oracle" and nets["oracle"] > nets[one["best_constant"]] + 0.1
        for (_, at), ledger in ledgers.items():
            if at == one["value"]:
                always = [constant.net(at) for constant in constants(simulated).values()]
                assert (ledger.net(at) <= np.max(always, axis=0) + 1e-9).all()  # of each single run
    assert any(one["policies"]["rule False"]["gain_over_constant_ci"][0] > 0 for one in found)


def test_giving_up_costs_what_was_spent_and_pays_where_a_solved_task_is_worth_little(simulated: Walks) -> None:
    value = 1.0
    rule, stopping = (follow(Policy(allow_stop=stops), simulated, value) for stops in (False, True))
    assert stopping.net(value).mean() > rule.net(value).mean() and stopping.stopped.any() and not rule.stopped.any()
    assert (stopping.resolved[stopping.stopped] == 0).all()
    assert (stopping.cost[stopping.stopped] < simulated.cost_weak[stopping.stopped]).all()


def test_the_harm_of_a_risk_controlled_policy_is_told_and_keeps_its_promise(simulated: Walks) -> None:
    first = np.arange(len(simulated)) % 2 == 0
    policy = fit_risk_controlled(simulated.where(first), 10.0, turn=2, max_harm=0.1)
    aside = simulated.where(~first)
    ledger = follow(policy, aside, 10.0)
    (found,) = net_value(aside, {("risk-controlled", 10.0): ledger, ("rule", 10.0): ledger}, draws=100)
    row = found["policies"]["risk-controlled"]
    kept = ~ledger.escalated
    assert row["harm"] == pytest.approx(np.mean(kept & (aside.y_weak == 0) & (aside.y_strong == 1)), abs=5e-5)
    assert row["harm_ci"][0] <= row["harm"] <= row["harm_ci"][1]
    assert 0.02 < row["harm"] < 0.18  # promised: .1 in expectation
    assert "harm" not in found["policies"]["rule"]


def test_a_policy_that_escalates_everything_does_no_harm(simulated: Walks) -> None:
    ledger = follow(Policy("risk-controlled", ((0, -NEVER),), -NEVER), simulated, 10.0)
    (found,) = net_value(simulated, {("risk-controlled", 10.0): ledger}, draws=10)
    assert found["policies"]["risk-controlled"]["harm"] == 0
    assert found["policies"]["risk-controlled"]["net"] == found["policies"]["always-strong"]["net"]
