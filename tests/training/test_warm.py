"""Building on a base bundle: it counts where it knows something, does no harm where not, and is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from featrouter.bundle import Bundle
from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.logs import LogError
from featrouter.training.bundling import train
from featrouter.training.fit import HeldOut, Recipe, fit_head, out_of_fold, rows_of
from featrouter.training.learn import Settings, learn
from featrouter.training.metrics import logloss
from featrouter.training.predictions import of_bundle
from featrouter.training.references import ranked, references_of
from featrouter.training.table import Table
from featrouter.training.warm import PRIOR, Weights, on_base, weigh

MadeUp = Callable[..., Table]
PLAIN = Settings(head="lightgbm", calibration="platt")
#: Names of the catalogue, as a bundle must have them; the outcome depends on all four of them a little.
NAMES = ("files_opened", "loops_again", "effort_length", "edits_refused")


def world(made_up: MadeUp, n: int, seed: int, *, true: bool = True, unit: float = 1.0, harness: str = "a") -> Table:
    """Runs whose outcome follows from their features (or from nothing), which their harness measures in some unit."""
    rng = np.random.default_rng(seed)
    traits = rng.normal(size=(n, 4))
    odds = traits @ [1.2, -1.2, 1.0, -1.0] if true else np.zeros(n)
    weak = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    table = made_up(weak, (rng.random(n) < 0.8).astype(float), seed=seed)
    x = np.repeat(traits, 4, axis=0) + 0.1 * table.x
    meta = table.meta.assign(
        harness=harness, run_id=table.meta["run_id"] + f"-{seed}", task_id=table.meta["task_id"] + f"-{seed}"
    )
    return Table(meta, np.exp(x * unit), NAMES)


def loss(told: np.ndarray, table: Table) -> float:
    return logloss(told, table.meta["y_weak"].to_numpy(), np.ones(len(table)))


@pytest.fixture(scope="module")
def knowing(made_up: MadeUp) -> Bundle:
    return train(world(made_up, 900, 1), strong="s", settings=PLAIN)


@pytest.fixture(scope="module")
def noise(made_up: MadeUp) -> Bundle:
    """What it learned holds nowhere: labels of a world without a signal, and no constant to shrink them."""
    return train(world(made_up, 300, 2, true=False), strong="s", settings=replace(PLAIN, calibration="none"))


@pytest.fixture(scope="module")
def few(made_up: MadeUp) -> list[Table]:
    return [world(made_up, 60, seed, unit=3.0, harness="b") for seed in (11, 12, 13)]


@pytest.fixture(scope="module")
def fresh(made_up: MadeUp) -> Table:
    return world(made_up, 800, 21, unit=3.0, harness="b")


@pytest.mark.campaign
def test_sixty_runs_on_top_of_a_base_that_knows_beat_sixty_runs_alone(
    knowing: Bundle, few: list[Table], fresh: Table
) -> None:
    gains = []
    for table in few:
        alone, warm = learn(table, PLAIN), learn(table, PLAIN, base=knowing)
        assert alone.taught["r1"].recipe.base is None and (warm.taught["r1"].recipe.base or 0) > 0
        gains.append(loss(alone.predict(fresh).r1, fresh) - loss(warm.predict(fresh).r1, fresh))
    assert np.mean(gains) > 0.02 and min(gains) > -0.02, gains


@pytest.mark.campaign
def test_a_base_that_is_noise_does_no_harm_beyond_a_small_margin(noise: Bundle, few: list[Table], fresh: Table) -> None:
    assert not noise.heads["r1"].empty
    harm = []
    for table in few:
        alone, warm = learn(table, PLAIN), learn(table, PLAIN, base=noise)
        harm.append(loss(warm.predict(fresh).r1, fresh) - loss(alone.predict(fresh).r1, fresh))
    # on 60 runs the held-out losses with and without it may all but tie, so that one table alone may come out worse
    assert np.mean(harm) < 0.03 and max(harm) < 0.08, harm


def test_the_same_table_on_the_same_base_gives_the_same_bytes(knowing: Bundle, few: list[Table]) -> None:
    made = [
        train(few[0], strong="s", settings=PLAIN, base=base)
        for base in (knowing, Bundle.from_bytes(knowing.to_bytes()))
    ]
    assert made[0].to_bytes() == made[1].to_bytes()
    assert Bundle.from_bytes(made[0].to_bytes()).to_bytes() == made[0].to_bytes()
    assert made[0].metrics["r1"]["recipe"]["base"] > 0
    assert made[0].to_bytes() != train(few[0], strong="s", settings=PLAIN).to_bytes()
    assert list(made[0].references) == ["b"]  # the base's harness is not that of these runs


def test_a_base_reads_what_is_left_out_of_the_heads_and_is_refused_in_words(knowing: Bundle, few: list[Table]) -> None:
    with pytest.raises(
        LogError, match=r"--base reads 'loops_again', which these features do not hold; .*drop --without"
    ):
        learn(few[0], replace(PLAIN, without=("loops",)), base=knowing)
    small = train(few[1], strong="s", settings=replace(PLAIN, without=("loops", "edits")))
    assert small.features == ("files_opened", "effort_length")
    # the other way round it is no hindrance: the base reads fewer features than are at hand
    found = learn(few[0], PLAIN, base=small)
    assert found.features == NAMES


def test_a_family_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="family 'loop': known are prompt, files, code"):
        Settings(without=("loops", "loop"))


def test_too_few_runs_to_learn_from_move_the_base_to_their_base_rate(knowing: Bundle, made_up: MadeUp) -> None:
    tiny = world(made_up, 20, 5, harness="b")
    found = train(tiny, strong="s", base=knowing)
    assert found.flags[0].startswith("r1 is the base bundle's, moved to the base rate of these runs: 20 labelled runs")
    for name in ("r1", "r2", "r1_end", "r2_end"):
        ratio = (
            found.heads[name].value[found.heads[name].value != 0]
            / knowing.heads[name].value[knowing.heads[name].value != 0]
        )
        assert np.ptp(ratio) < 1e-9 and 0.3 < ratio[0] < 2  # the same trees, listened to a little less or more
    assert found.heads["r1"].intercept != knowing.heads["r1"].intercept
    assert train(tiny, strong="s").heads["r1"].empty  # without a base nothing but the rate is known


def test_a_base_that_is_but_constants_leaves_what_is_learned_as_it_is(few: list[Table], made_up: MadeUp) -> None:
    constants = train(world(made_up, 20, 5, harness="b"), strong="s")
    assert constants.heads["r1"].empty
    alone, warm = (train(few[0], strong="s", settings=PLAIN, base=base) for base in (None, constants))
    assert warm.calibrators == alone.calibrators and warm.policies == alone.policies
    for name, head in alone.heads.items():
        assert warm.heads[name].value.tobytes() == head.value.tobytes()
        assert warm.heads[name].intercept == head.intercept


def scored(n: int, seed: int, own: float, base: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels that follow from two scores with these weights."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, n))
    odds = own * one + base * other
    return one, other, (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)


def test_few_runs_leave_the_base_as_it_is_and_many_are_heard() -> None:
    for own, base in ((1.5, 0.0), (0.0, 1.0), (0.7, 0.4)):
        few = weigh(*scored(5, 0, own, base), np.ones(5))
        assert abs(few.own) < 0.5 and abs(few.base - 1) < 0.5
        many = weigh(*scored(20_000, 1, own, base), np.ones(20_000))
        assert (many.own, many.base) == pytest.approx((own, base), abs=0.08)


def test_the_weights_are_the_penalised_optimum_and_never_below_0() -> None:
    one, other, y = scored(300, 3, 0.8, 0.5)
    weights = np.random.default_rng(4).uniform(0.2, 2, 300)
    found = weigh(one, other, y, weights)

    def loss_at(own: float, base: float, intercept: float) -> float:
        z = own * one + base * other + intercept
        return float(weights @ (np.logaddexp(0, z) - y * z) + PRIOR / 2 * (own**2 + (base - 1) ** 2))

    best = loss_at(found.own, found.base, found.intercept)
    for step in (-0.01, 0.01):
        moved = ((step, 0, 0), (0, step, 0), (0, 0, step))
        assert all(loss_at(found.own + a, found.base + b, found.intercept + c) > best for a, b, c in moved)
    backwards = weigh(-one, -other, y, weights)
    assert backwards.own == 0 and backwards.base == 0
    assert weigh(np.full(300, np.nan), other, y, weights).own == 0


def test_the_joined_head_scores_what_the_weights_say_with_linear_parts_on_both_sides(
    made_up: MadeUp, few: list[Table]
) -> None:
    settings = replace(PLAIN, head="blend")
    base = train(world(made_up, 300, 1), strong="s", settings=settings).heads["r1"]
    table = ranked(few[0], references_of(few[0]))
    going = (table.meta["at_end"] == 0).to_numpy()
    names = (table.meta[key].to_numpy()[going] for key in ("y_weak", "run_id", "task_id"))
    rows = rows_of(table.x[going], *names)
    own = fit_head("r1", "logit", rows, Recipe("blend")).head
    held = out_of_fold("r1", "logit", rows, rows.tasks, Recipe("blend"))
    head, both, weights = on_base(rows, own, held, base)
    scores = Forest([head, own, base], 4).score_many(rows.x).T
    want = weights.own * scores[1] + weights.base * scores[2] + weights.intercept
    assert weights.own > 0 and weights.base > 0 and own.linear and base.linear
    np.testing.assert_allclose(scores[0], want, rtol=0, atol=1e-9)
    for number, one in enumerate(both.heads):
        rest = held.fold == number
        np.testing.assert_allclose(
            Forest([one], 4).score_many(rows.x[rest])[:, 0], both.scores[rest], rtol=0, atol=1e-9
        )


def test_without_a_head_of_ones_own_the_base_moves_to_the_base_rate() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(30) < 0.8).astype(float)
    names = np.array([f"r{i}" for i in range(30)], dtype=object)
    rows = rows_of(rng.normal(size=(30, 1)), y, names, names)
    nobody = HeldOut(np.full(30, np.nan), np.full(30, -1), ())
    head, held, weights = on_base(rows, None, nobody, Head.constant("r1", "logit", -2.0))
    assert 1 / (1 + np.exp(-head.intercept)) == pytest.approx(y.mean(), abs=1e-4)
    assert weights.own == 0 and not held.heads and isinstance(weights, Weights)


def test_a_base_that_ranks_backwards_is_left_alone_where_the_runs_say_so(knowing: Bundle, made_up: MadeUp) -> None:
    table = world(made_up, 300, 31, harness="b")
    against = replace(table, meta=table.meta.assign(y_weak=1 - table.meta["y_weak"]))
    recipe = learn(against, PLAIN, base=knowing).taught["r1"].recipe
    assert recipe.base == 0 and recipe.own > 0


def test_of_bundle_reads_a_base_on_a_harness_that_it_does_not_know_by_ranks(knowing: Bundle, fresh: Table) -> None:
    told = of_bundle(fresh, knowing).r1
    assert loss(told, fresh) < loss(np.full(len(fresh), 0.5), fresh) - 0.1
