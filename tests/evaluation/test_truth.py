"""Every estimator against a simulation whose truth is known: its 95 % interval covers the truth in 95 % of samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import simulator as sim
from simulator import World

from featrouter.evaluation import turns
from featrouter.evaluation.crossval import Judged
from featrouter.evaluation.discrimination import calibration, heads
from featrouter.evaluation.offpolicy import Logged, estimate, logged
from featrouter.evaluation.reliability import chance_error, error_interval, smooth_error
from featrouter.evaluation.routing import Arms, route_auc
from featrouter.evaluation.turns import by_turn
from featrouter.evaluation.value import net_value
from featrouter.evaluation.verdict import co_failure
from featrouter.policy import Policy
from featrouter.training.metrics import auroc, interval, losses, task_weights, within_auroc
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table
from featrouter.training.worth import follow, walks

SAMPLES, TASKS, DRAWS = 200, 250, 200
# Measured with 1000 samples of each world (standard error .007): AUROC .93-.95, within repositories .95-.96, Brier
# .93-.94, log-loss .93, Route-AUC .93-.94, its gain .93-.94, net value .94-.95, gain over the constant .92-.94, USD per
# solved .93-.95, co-failure .97, IPS, SNIPS and DR .94-.96. The percentile intervals of so few tasks are a little short.
TURN, VALUE = 2, 8.0

SINGLE, SEVERAL, TELLING = World(), World(runs=2), World(stay=0.7, stay_failed=0.95)
WORLDS = [
    pytest.param(SINGLE, id="one run a task"),
    pytest.param(SEVERAL, id="two runs a task"),
    pytest.param(TELLING, id="failing runs are longer"),
]
Tally = dict[str, list[float]]


def below_within_above(found: Mapping[str, tuple[Any, float]], into: Tally) -> None:
    """Adds for each interval where the truth lies: -1 below it, 0 within, 1 above."""
    for name, (ends, truth) in found.items():
        into[name].append(float(truth > ends[1]) - float(truth < ends[0]))


def coverage(tally: Tally) -> dict[str, float]:
    return {name: float(np.mean(np.array(sides) == 0)) for name, sides in tally.items()}


def assert_nominal(rates: Mapping[str, float], samples: int = SAMPLES) -> None:
    off = 3 * np.sqrt(0.95 * 0.05 / samples)
    assert {name: rate for name, rate in rates.items() if abs(rate - 0.95) > off} == {}, rates


def names_of(runs: sim.Runs) -> np.ndarray:
    return sim.ids("task", len(runs.task))[runs.task]


def arms_of(runs: sim.Runs, k: int) -> Arms:
    outcomes = runs.y_weak, runs.y_strong, runs.cost_weak, runs.cost_strong
    return Arms(*outcomes, runs.spent(k), runs.length > k, names_of(runs))


def tasks_in(world: World) -> int:
    return TASKS if world.runs == 1 else TASKS * 3 // 5


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("k", [0, 3, None], ids=["prompt", "turn 3", "end"])
def test_the_simulators_predictions_are_the_truth(world: World, k: int | None) -> None:
    """In every fifth of r1, and of r2 - r1, the means of what was told and of what happened are the same."""
    runs = sim.population(world)
    told = sim.known_at_end(runs) if k is None else sim.told_at(world, k)
    going = np.arange(len(runs.task)) if k is None else np.flatnonzero(runs.length > k)
    left = runs.cost_weak * 0 if k is None else runs.cost_weak - runs.spent(k)
    pairs = [(told.r1, runs.y_weak), (told.r2, runs.y_strong), (told.c1, left), (told.c2, runs.cost_strong)]
    for score in (told.r1, told.r2 - told.r1):
        for part in np.array_split(going[np.argsort(score[going])], 5):
            for expected, came in pairs:
                off = (expected - came)[part]
                # runs of one task are alike: at most twice the variance of as many tasks
                assert abs(off.mean()) <= 4 * off.std() * np.sqrt(world.runs / len(part)) + 1e-9


@pytest.mark.campaign
@pytest.mark.parametrize("world", WORLDS)
def test_auroc_brier_and_log_loss_are_covered(world: World) -> None:
    truth = [found(world, TURN) for found in (sim.true_auroc, sim.true_within_auroc, sim.true_brier, sim.true_logloss)]
    tally: Tally = defaultdict(list)
    for seed in range(SAMPLES):
        runs = sim.draw(world, tasks_in(world), seed)
        going = runs.length > TURN
        found = discrimination(sim.known(runs, TURN).r1[going], runs.y_weak[going], runs, going)
        below_within_above({name: (ends, true) for (name, ends), true in zip(found.items(), truth, strict=True)}, tally)
    assert_nominal(coverage(tally))


def discrimination(p: np.ndarray, y: np.ndarray, runs: sim.Runs, rows: np.ndarray) -> dict[str, tuple[float, float]]:
    weights = task_weights(names_of(runs)[rows], DRAWS)
    repos = sim.ids("repo", runs.world.repos)[runs.repo[rows]]
    total = weights.sum(axis=1)
    samples = {
        "auroc": auroc(p, y, weights),
        "within_auroc": within_auroc(p, y, repos, weights),
        "brier": weights @ (p - y) ** 2 / total,
        "logloss": weights @ losses(p, y) / total,
    }
    return {name: interval(found[1:]) for name, found in samples.items()}


def test_the_report_gives_the_intervals_that_were_covered() -> None:
    """What it adds to them (calibration, chance) is too slow for hundreds of samples, so they are taken one by one."""
    runs = sim.draw(SINGLE, TASKS, seed=0)
    table, told = sim.table_of(runs)
    going = runs.length > TURN
    row = ((table.meta["k"] == TURN) & (table.meta["at_end"] == 0)).to_numpy()
    found = heads(table, sim.judged(told), row, DRAWS)["r1"]
    for name, ends in discrimination(sim.known(runs, TURN).r1[going], runs.y_weak[going], runs, going).items():
        assert found[f"{name}_ci"] == pytest.approx(ends, abs=6e-5)
    route = by_turn(table, sim.judged(told), VALUE, DRAWS)[str(TURN)]
    areas, prompt = areas_of(runs, TURN), areas_of(runs, 0)
    assert route["route_auc_ci"] == pytest.approx(interval(areas[1:]), abs=6e-5)
    assert route["gain_ci"] == pytest.approx(interval((areas - prompt)[1:]), abs=6e-5)


def areas_of(runs: sim.Runs, k: int) -> np.ndarray:
    return route_auc(sim.known(runs, k).scores(VALUE), arms_of(runs, k), task_weights(names_of(runs), DRAWS))


@pytest.mark.campaign
# In resamples without a gain of strong over weak the area is not defined, and numpy says so: see the report on `_area`.
@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("world", WORLDS)
def test_route_auc_and_its_gain_over_the_prompt_are_covered(world: World) -> None:
    prompt, truth = (sim.true_route_auc(world, k, VALUE) for k in (0, TURN))
    tally: Tally = defaultdict(list)
    for seed in range(SAMPLES):
        runs = sim.draw(world, tasks_in(world), seed)
        areas, before = areas_of(runs, TURN), areas_of(runs, 0)
        found = {"route": (interval(areas[1:]), truth), "gain": (interval((areas - before)[1:]), truth - prompt)}
        below_within_above(found, tally)
    assert_nominal(coverage(tally))


@pytest.mark.campaign
def test_the_gains_of_all_turns_are_covered_together(monkeypatch: pytest.MonkeyPatch) -> None:
    # The band of random routers takes nine tenths of the time, and nobody looks at it here.
    monkeypatch.setattr(turns, "random_areas", lambda arms: np.array([0.4, 0.6]))
    world = World(longest=3)
    truth = {k: sim.true_route_auc(world, k, VALUE) - sim.true_route_auc(world, 0, VALUE) for k in (1, 2)}
    together, alone = [], []
    for seed in range(100):
        table, told = sim.table_of(sim.draw(world, TASKS, seed))
        found = by_turn(table, sim.judged(told), VALUE, DRAWS)
        rows = [(found[str(k)], true) for k, true in truth.items()]
        together.append(all(row["gain_ci_all"][0] <= true <= row["gain_ci_all"][1] for row, true in rows))
        alone.append(all(row["gain_ci"][0] <= true <= row["gain_ci"][1] for row, true in rows))
    assert np.mean(together) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 100)
    assert np.mean(together) > np.mean(alone)


@pytest.fixture(scope="module")
def earned() -> dict[str, Any]:
    """Where the truth lies for the rule's numbers at a value with one clear best constant, and where two tie."""
    tie = float(f"{sim.break_even(SINGLE):.4g}")
    truth = {value: (sim.rule_earns(SINGLE, value), sim.constants_earn(SINGLE, value)) for value in (VALUE, tie)}
    tally: Tally = defaultdict(list)
    chosen: dict[float, list[str]] = defaultdict(list)
    for seed in range(SAMPLES):
        table, told = sim.table_of(sim.draw(SINGLE, TASKS, seed))
        runs = walks(table, told)
        ledgers = {("rule", value): follow(Policy(), runs, value) for value in truth}
        found: dict[str, tuple[Any, float]] = {}
        for one, (value, (rule, constants)) in zip(net_value(runs, ledgers, DRAWS), truth.items(), strict=True):
            row, word = one["policies"]["rule"], "tie " if value == tie else ""
            best = max(constant.net for constant in constants.values())
            found[f"{word}net"] = row["net_ci"], rule.net
            found[f"{word}gain"] = row["gain_over_constant_ci"], rule.net - best
            found[f"{word}price"] = row["usd_per_solved_ci"], rule.usd_per_solved
            chosen[value].append(one["best_constant"])
        found["co-failure"] = co_failure(table)["ci"], sim.true_co_failure(SINGLE)
        below_within_above(found, tally)
    return {"tally": tally, "chosen": chosen[VALUE], "at a tie": chosen[tie]}


@pytest.mark.campaign
def test_net_value_gain_and_usd_per_solved_are_covered(earned: dict[str, Any]) -> None:
    assert set(earned["chosen"]) == {"always-weak"}  # so that the sample's best constant is the population's
    rates = coverage(earned["tally"])
    assert_nominal({name: rates[name] for name in ("net", "gain", "price", "tie net", "tie price")})


@pytest.mark.campaign
def test_a_constant_chosen_in_hindsight_never_flatters_the_router(earned: dict[str, Any]) -> None:
    """Where two constants tie, the better one of the sample is luckier than the population's: the gain leans down."""
    assert {"always-weak", "always-strong"} <= set(earned["at a tie"])
    sides = np.array(earned["tally"]["tie gain"])
    assert np.mean(sides == -1) <= 0.025  # measured with 1000 samples: .006 above the truth, .057 below it
    assert np.mean(sides == 0) >= 0.9


@pytest.mark.campaign
def test_clopper_pearson_covers_the_co_failure_share_at_least_as_often_as_it_says(earned: dict[str, Any]) -> None:
    least = 0.95 - 3 * np.sqrt(0.95 * 0.05 / SAMPLES)
    assert least <= coverage(earned["tally"])["co-failure"] < 1


def test_tasks_of_several_runs_count_once_in_co_failure() -> None:
    world = World(runs=2, longest=2)
    truth = sim.true_co_failure(world)
    assert truth < sim.true_co_failure(replace(world, runs=1)) - 0.01
    tables = [sim.table_of(sim.draw(world, 100, seed))[0] for seed in range(100)]
    found = [co_failure(table) for table in tables]
    assert np.mean([one["ci"][0] <= truth <= one["ci"][1] for one in found]) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 100)
    assert {one["tasks"] for one in found} == {100}
    assert np.mean([one["share"] for one in found]) == pytest.approx(truth, abs=0.015)


ROUTED = 14.0


def rule(told: Predictions) -> np.ndarray:
    return told.scores(ROUTED) > 0


def always(arm: bool) -> Callable[[Predictions], np.ndarray]:
    return lambda told: np.full(len(told.r1), arm)


def wrong(n: int) -> Predictions:
    return Predictions(np.full(n, 0.9), np.full(n, 0.2), np.zeros(n), np.full(n, 1.0))


@pytest.fixture(scope="module")
def off_policy() -> dict[str, Any]:
    """Estimates of the value of the true rule on one-armed logs, by the true models and by wrong ones."""
    world = replace(TELLING, runs=2)
    value, weak, strong = (sim.true_from_turn(world, TURN, ROUTED, one) for one in (rule, always(False), always(True)))
    truth = {"ips": value, "snips": value, "dr": value, "gain_over_weak": value - weak}
    truth["gain_over_strong"] = value - strong
    found: dict[str, Any] = {"right": defaultdict(list), "wrong": defaultdict(list), "truth": truth, "each": []}
    for seed in range(SAMPLES):
        table, told = sim.one_armed(sim.draw(world, tasks_in(world), seed), TURN, seed + SAMPLES)
        log = logged(table, told, ROUTED)
        escalate = log.q_strong > log.q_weak
        both = {"right": estimate(log), "wrong": estimate(logged(table, wrong(len(table)), ROUTED), escalate)}
        for models, one in both.items():
            below_within_above({name: (one[name]["ci"], true) for name, true in truth.items()}, found[models])
        found["each"].append(both)
    return found


@pytest.mark.campaign
def test_off_policy_values_and_gains_are_covered_whatever_the_models(off_policy: dict[str, Any]) -> None:
    assert_nominal(coverage(off_policy["right"]))
    # With 1000 samples .94 to .96, but the gain over strong with wrong models .92 (one run a task: .90): the policy
    # differs from always-strong in a tenth of the runs, so that a few large weights decide, and no interval of Student's
    # t is wide enough on their side.
    assert_nominal(coverage(off_policy["wrong"]))


@pytest.mark.campaign
def test_wrong_models_mislead_the_direct_method_and_widen_the_robust_one(off_policy: dict[str, Any]) -> None:
    def mean(models: str, number: Callable[[dict[str, Any]], float]) -> float:
        return float(np.mean([number(one[models]) for one in off_policy["each"]]))

    truth = off_policy["truth"]["dr"]
    assert mean("right", lambda one: one["dm"]["value"]) == pytest.approx(truth, abs=0.1)
    assert abs(mean("wrong", lambda one: one["dm"]["value"]) - truth) > 1
    assert mean("wrong", lambda one: one["dr"]["value"]) == pytest.approx(truth, abs=0.25)  # four standard errors
    widths = {models: mean(models, lambda one: np.ptp(one["dr"]["ci"])) for models in ("right", "wrong")}
    assert widths["right"] < widths["wrong"]
    assert widths["right"] < mean("right", lambda one: np.ptp(one["ips"]["ci"]))


def forty_decisions(propensity: Any = 0.5) -> Logged:
    rng, n = np.random.default_rng(5), 40
    strong = np.arange(n) % 2 == 0
    chance = np.broadcast_to(np.asarray(propensity, float), n)
    tasks = np.array([f"t{i}" for i in range(n)], dtype=object)
    return Logged(strong, chance, rng.normal(5, 2, n), rng.normal(5, 1, n), rng.normal(5, 1, n), tasks, np.zeros(n))


def test_off_policy_estimates_are_those_of_plain_arithmetic() -> None:
    log = forty_decisions(np.linspace(0.2, 0.9, 40))
    escalate = np.arange(40) < 24
    weights = np.where(log.strong == escalate, 1 / log.propensity, 0.0)
    model = np.where(escalate, log.q_strong, log.q_weak)
    found = estimate(log, escalate)
    assert found["dm"] == {"value": pytest.approx(model.mean(), rel=1e-3), "ci": None}
    assert found["ips"]["value"] == pytest.approx(np.mean(weights * log.reward), rel=1e-3)
    assert found["snips"]["value"] == pytest.approx(np.average(log.reward, weights=weights), rel=1e-3)
    assert found["dr"]["value"] == pytest.approx(np.mean(model + weights * (log.reward - model)), rel=1e-3)
    assert found["ess"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), abs=0.05)
    assert estimate(forty_decisions(), np.full(40, True))["ess"] == 20  # equal weights: as many as agree
    assert found["clipped"] == 0 and estimate(forty_decisions(0.001), np.full(40, True))["clipped"] == 20


def test_runs_of_one_task_are_one_witness() -> None:
    log = forty_decisions()
    one, other = estimate(log), estimate(log.where(np.tile(np.arange(40), 2)))
    assert other["n"] == 80 and other["dr"] == one["dr"] and other["snips"] == one["snips"]


def test_without_propensities_only_the_models_guess_is_given_and_nothing_is_claimed() -> None:
    found = estimate(forty_decisions([0.5] * 39 + [np.nan]))
    assert set(found) == {"n", "left_out", "certain", "escalated", "dm", "claim"}
    assert found["claim"].startswith("none: 1 of 40 decisions have no propensity") and found["dm"]["ci"] is None


def test_what_was_never_tried_and_what_was_chosen_before_support_no_claim() -> None:
    log = forty_decisions()
    sure = replace(log, propensity=np.where(np.arange(40) < 10, 1.0, 0.5))
    found = estimate(sure)
    assert found["certain"] == 10 and "dr" in found  # the rest explored
    assert found["dr"] == estimate(log.where(np.arange(40) >= 10))["dr"]
    assert "none: no decision was logged" in estimate(log.where(np.zeros(40, bool)))["claim"]
    assert "one was tried only 0 times" in estimate(replace(log, strong=np.zeros(40, bool)))["claim"]
    later = estimate(replace(log, turn=np.arange(40.0) % 3))
    assert "decisions were taken at 3 turns (0 to 2)" in later["claim"] and "dr" not in later


def test_logged_decisions_are_the_runs_still_going_at_the_turn_of_the_route() -> None:
    runs = sim.draw(SINGLE, 80, seed=4)
    table, told = sim.one_armed(runs, TURN, seed=4)
    log = logged(table, told, ROUTED)
    going = runs.length > TURN
    assert len(log) == going.sum() < 80
    chance = sim.escalation_chance(runs, TURN)[going]
    assert log.propensity == pytest.approx(np.where(log.strong, chance, 1 - chance))
    weak = runs.y_weak * ROUTED - (runs.cost_weak - runs.spent(TURN))
    strong = runs.y_strong * ROUTED - runs.cost_strong
    assert log.reward == pytest.approx(np.where(log.strong, strong[going], weak[going]))
    blank = Table(table.meta.assign(route_turn=np.nan), table.x, table.names)
    assert logged(blank, told, ROUTED).reward.tolist() == log.reward.tolist()


def test_the_smooth_error_of_the_truth_vanishes_and_that_of_a_shift_is_the_shift() -> None:
    rng = np.random.default_rng(1)
    errors = {}
    for n in (1000, 20_000, 200_000):
        p, draws, one = rng.uniform(0, 0.8, n), rng.random(n), np.ones((1, n))
        y = (draws < p).astype(float)
        errors[n] = smooth_error(p, y, one)[0]
        assert smooth_error(p + 0.15, y, one)[0] == pytest.approx(0.15, abs=3 / np.sqrt(n))
    assert errors[1000] > errors[20_000] > errors[200_000] < 0.006


def directly(p: np.ndarray, y: np.ndarray) -> float:
    """Błasiok and Nakkiran's definition, integrated on a fine grid, its fixed point found by bisection."""
    t = (np.arange(2000) + 0.5) / 2000
    images = np.concatenate([side + 2 * n for n in range(-4, 5) for side in (p, -p)])
    residuals = np.tile(y - p, 18)

    def error(width: float) -> float:
        kernel = np.exp(-0.5 * ((t[:, None] - images) / width) ** 2) / (width * np.sqrt(2 * np.pi))
        return float(np.mean(np.abs(kernel @ residuals)) / len(p))

    low, high = 1e-3, 1.0
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if error(middle) > middle else (low, middle)
    return (low + high) / 2


@pytest.mark.parametrize("seed", range(4))
def test_the_smooth_error_is_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(40)
    y = (rng.random(40) < (p**2 if seed % 2 else p)).astype(float)
    counts = rng.integers(0, 3, 40)
    found = smooth_error(p, y, np.vstack([np.ones(40), counts]))
    assert found[0] == pytest.approx(directly(p, y), abs=2e-3)
    assert found[1] == pytest.approx(directly(np.repeat(p, counts), np.repeat(y, counts)), abs=2e-3)


def test_calibrated_samples_err_less_than_chance_in_95_percent_and_others_do_not() -> None:
    calibrated, off = [], []
    for seed in range(6):
        rng = np.random.default_rng(100 + seed)
        p, one = rng.random(300), np.ones((1, 300))
        limit = chance_error(p)
        for _ in range(100):
            calibrated.append(smooth_error(p, (rng.random(300) < p).astype(float), one)[0] < limit)
            off.append(smooth_error(p, (rng.random(300) < p**2).astype(float), one)[0] < limit)
    # the limit is itself a quantile of 200 draws, the same for the hundred samples of one p
    assert 0.91 <= np.mean(calibrated) <= 0.985
    assert np.mean(off) < 0.05


def smooth_error_of_the_truth(world: World, n: int) -> dict[str, Any]:
    return calibration(*sim.table_of(sim.draw(world, n, seed=1)), 40)["r1"]


def test_true_probabilities_are_found_calibrated_over_all_turns() -> None:
    found = smooth_error_of_the_truth(SINGLE, 4000)
    assert found["smece"] < found["smece_chance"] < 0.04
    assert all(one["ci"][0] - 0.03 <= one["predicted"] <= one["ci"][1] + 0.03 for one in found["curve"])


def test_true_probabilities_are_found_calibrated_where_failing_runs_are_longer() -> None:
    found = smooth_error_of_the_truth(TELLING, 4000)
    assert found["smece"] < found["smece_chance"]


@pytest.mark.campaign
@pytest.mark.parametrize("power", [1.0, 1.6])
def test_the_interval_of_the_smooth_error_covers_that_of_the_population(power: float) -> None:
    rng = np.random.default_rng(0)
    p = rng.random(200_000)
    truth = float(smooth_error(p, p**power, np.ones((1, len(p))))[0])
    covered = []
    for _ in range(150):
        p = rng.random(300)
        y = (rng.random(300) < p**power).astype(float)
        errors = smooth_error(p, y, task_weights(np.arange(300).astype(object), 100))
        low, high = error_interval(errors, chance_error(p, draws=100))
        covered.append(low <= truth <= high)
    assert 0.9 <= np.mean(covered) <= 1.0, np.mean(covered)


def test_a_constant_router_ranks_nothing_however_its_folds_differ() -> None:
    """The fewer runs are solved in a fold, the more are in what its router learned: pooled, that ranks backwards."""
    table, told = sim.table_of(sim.draw(SINGLE, 300, seed=3))
    fold = np.unique(table.meta["repo"].to_numpy(), return_inverse=True)[1] % 5
    rates = {f: 1 - table.meta["y_weak"][fold == f].mean() for f in range(5)}
    constant = np.array([rates[f] for f in fold])
    blank = Predictions(constant, constant * 0 + 0.9, told.c1 * 0, told.c2 * 0)
    going = (table.meta["at_end"] == 0).to_numpy()
    row = (table.meta["k"] == TURN).to_numpy() & going
    y = table.meta["y_weak"].to_numpy()[row]
    assert auroc(constant[row], y, np.ones((1, len(y))))[0] < 0.45
    found = heads(table, Judged(blank, {}, fold), row, 20)["r1"]
    assert found["auroc"] == 0.5 == found["auroc_ci"][0] == found["auroc_ci"][1]
    route = by_turn(table, Judged(blank, {}, fold), VALUE, 20)[str(TURN)]
    assert route["random_band"][0] < route["route_auc"] < route["random_band"][1] and not route["above_chance"]
