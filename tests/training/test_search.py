"""The recipe is chosen by what holds out: linear data, an exclusive or, ties, the panel's labels, the tuned settings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from featrouter.forest import Forest
from featrouter.training.calibrate import cross_calibrated
from featrouter.training.fit import HeldOut, Recipe, Rows, fit_head, rows_of
from featrouter.training.metrics import auroc, logloss
from featrouter.training.search import GRID, GRID_C, HEADS, choose


def labelled(logit: np.ndarray, x: np.ndarray, seed: int) -> Rows:
    """One row a run and task, its label drawn with these log-odds."""
    y = (np.random.default_rng(seed).random(len(x)) < 1 / (1 + np.exp(-logit))).astype(float)
    names = np.array([f"t{i:04}" for i in range(len(x))], dtype=object)
    return rows_of(x, y, names, names)


def linear(n: int = 300, seed: int = 0) -> Rows:
    x = np.random.default_rng(seed).normal(size=(n, 8))
    return labelled(x @ np.full(8, 0.7), x, seed + 1)


def exclusive(seed: int) -> Rows:
    """Only the signs of two columns together tell anything: no weighted sum can."""
    x = np.random.default_rng(seed).normal(size=(400, 8))
    return labelled(4.0 * np.sign(x[:, 0] * x[:, 1]), x, seed + 1)


def outside(seed: int) -> Rows:
    """Solved where one column is far from its mean, on either side."""
    x = np.random.default_rng(seed).normal(size=(300, 4))
    return labelled(3.0 * (np.abs(x[:, 0]) > 0.67) - 1.5, x, seed + 1)


def noise(seed: int) -> Rows:
    x = np.random.default_rng(seed).normal(size=(100, 4))
    return labelled(np.zeros(100), x, seed + 1)


def difficulty(seed: int, n: int = 300) -> tuple[Rows, np.ndarray]:
    """Rows that show a task's difficulty, labels that are coins thrown with it, and the chance that is thrown with."""
    x = np.random.default_rng(seed).normal(size=(n, 6))
    chance = 1 / (1 + np.exp(-x @ np.full(6, 0.6)))
    return labelled(np.log(chance / (1 - chance)), x, seed + 1), chance


def loss(held: HeldOut, rows: Rows) -> float:
    return logloss(cross_calibrated(held, rows.y, rows.weights, rows.tasks, kind="platt"), rows.y)


@pytest.mark.parametrize("seed", [0, 1])
def test_linear_data_gets_a_linear_part(seed: int) -> None:
    rows = linear(seed=seed)
    recipe, held = choose("r1", rows, rows.tasks)
    assert recipe.kind in ("linear", "blend")
    assert loss(held, rows) < loss(choose("r1", rows, rows.tasks, head="lightgbm")[1], rows)
    assert fit_head("r1", "logit", rows, recipe).head.linear is not None


@pytest.mark.parametrize("rows", [exclusive(0), exclusive(1), outside(0), outside(1)])
def test_what_no_weighted_sum_can_tell_keeps_the_forest(rows: Rows) -> None:
    recipe, held = choose("r1", rows, rows.tasks)
    assert recipe == Recipe("lightgbm")
    line = choose("r1", rows, rows.tasks, head="linear")[1]
    assert loss(held, rows) < 0.67 < loss(line, rows)


def test_a_tie_keeps_the_forest() -> None:
    rows = noise(0)
    blank = replace(rows, x=np.zeros_like(rows.x), share=np.full(len(rows), 0.5))  # all recipes say the base rate
    assert choose("r1", blank, blank.tasks)[0] == Recipe("lightgbm")


def test_noise_mostly_keeps_the_forest() -> None:
    """One standard error is a low bar: some noise passes it, and does no harm where nothing can be learned."""
    kinds = [choose("r1", rows, rows.tasks)[0].kind for rows in map(noise, range(10))]
    assert kinds.count("lightgbm") >= 6


@pytest.mark.parametrize("head", ["lightgbm", "linear", "blend"])
@pytest.mark.parametrize("rows", [linear(120), exclusive(0)])
def test_a_head_that_is_named_is_taken(head: str, rows: Rows) -> None:
    recipe, held = choose("r1", rows, rows.tasks, head=head)
    assert recipe.kind == head and not np.isnan(held.scores).any()
    for one in (*held.heads, fit_head("r1", "logit", rows, recipe).head):
        assert (len(one.sizes) > 0, one.linear is not None) == (head != "linear", head != "lightgbm")


def test_a_blends_held_out_scores_are_the_mean_of_its_parts() -> None:
    rows = linear(120)
    forest, line, blend = (choose("r1", rows, rows.tasks, head=head)[1].scores for head in HEADS[1:])
    np.testing.assert_allclose(blend, (forest + line) / 2, atol=1e-12)


def test_an_unknown_head_is_refused() -> None:
    rows = noise(0)
    with pytest.raises(ValueError, match="head 'forest': known are auto, lightgbm, linear, blend"):
        choose("r1", rows, rows.tasks, head="forest")


def test_too_little_is_not_searched() -> None:
    rows = linear(39)
    recipe, held = choose("r1", rows, rows.tasks, tune=True)
    assert recipe == Recipe() and all(head.empty for head in held.heads)


def test_tuning_finds_something_no_worse() -> None:
    rows = linear(150)
    plain, tuned = (choose("r1", rows, rows.tasks, tune=tune) for tune in (False, True))
    # what is within one standard error is a tie: the search may end a little above where it would without tuning
    assert loss(tuned[1], rows) <= loss(plain[1], rows) + 0.005
    assert set(tuned[0].params) <= {"C"}.union(*GRID)


def test_tuning_finds_the_strength_that_a_linear_head_needs() -> None:
    rng = np.random.default_rng(0)
    x, apart = rng.normal(size=(300, 4)), rng.normal(size=300)
    x[:, 1] = x[:, 0] + 0.3 * apart  # the small difference of two like columns: much shrinkage hides it
    rows = labelled(2.0 * apart, x, 1)
    plain, tuned = (choose("r1", rows, rows.tasks, head="linear", tune=tune) for tune in (False, True))
    assert plain[0].params == {} and tuned[0].params == {"C": max(GRID_C)}
    assert loss(tuned[1], rows) < loss(plain[1], rows) - 0.02


def hard_area(rows: Rows, recipe: Recipe, fresh: Rows) -> float:
    """Of outcomes, not shares: what a panel teaches must show in labels that are 0 or 1."""
    scores = Forest([fit_head("r1", "logit", rows, recipe).head], rows.x.shape[1]).score_many(fresh.x)[:, 0]
    return float(auroc(scores, fresh.y, np.ones((1, len(fresh))))[0])


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_a_panel_that_knows_the_difficulty_helps_where_labels_are_coins(kind: str) -> None:
    fresh, _ = difficulty(99, 4000)
    gains = []
    for seed in range(6):
        rows, chance = difficulty(seed, 120)
        rows = replace(rows, share=np.random.default_rng(seed).binomial(20, chance) / 20)
        gains.append(hard_area(rows, Recipe(kind, 0.5), fresh) - hard_area(rows, Recipe(kind), fresh))
    assert np.mean(gains) > 0.01 and min(gains) > -0.005


def test_a_panel_is_used_where_it_helps_and_not_where_it_misleads() -> None:
    rows, chance = difficulty(0)
    good = replace(rows, share=chance)
    assert choose("r1", good, good.tasks, head="lightgbm")[0].panel == 0.5
    bad = replace(rows, share=1 - chance)
    assert choose("r1", bad, bad.tasks, head="lightgbm")[0].panel == 0.0
    few = replace(rows, share=np.where(np.arange(len(rows)) % 5 < 2, chance, np.nan))  # most tasks have no panel
    assert choose("r1", few, few.tasks, head="lightgbm")[0].panel == 0.0
