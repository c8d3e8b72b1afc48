"""Route-AUC against cases worked out by hand and against every possible order; which pairs can be judged."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from featrouter.evaluation.routing import Arms, Undefined, check_pair, oracle_scores, random_areas, route_auc
from featrouter.training.metrics import task_weights


def arms(
    y_weak: object,
    y_strong: object,
    *,
    weak: object = 1.0,
    strong: object = 2.0,
    spent: object = 0.0,
    alive: object = True,
    tasks: object = None,
) -> Arms:
    n = np.shape(y_weak)
    costs = [np.broadcast_to(np.asarray(value, dtype=np.float64), n) for value in (weak, strong, spent)]
    labels = np.asarray(y_weak, dtype=np.float64), np.asarray(y_strong, dtype=np.float64)
    names = [f"t{i}" for i in range(n[0])] if tasks is None else tasks
    return Arms(*labels, *costs, np.broadcast_to(np.asarray(alive, dtype=bool), n), np.array(names, dtype=object))


def area(scores: object, pair: Arms) -> float:
    return float(route_auc(np.asarray(scores, dtype=np.float64), pair, np.ones((1, len(pair.y_weak))))[0])


TWO_GAIN = arms([0, 0, 1, 1], [1, 1, 1, 1])


@pytest.mark.parametrize(
    ("scores", "pair", "expected"),
    [
        pytest.param([4, 3, 2, 1], TWO_GAIN, 0.75, id="perfect: up to y = 1 at x = 1/2, then flat"),
        pytest.param([1, 2, 3, 4], TWO_GAIN, 0.25, id="worst: flat to x = 1/2"),
        pytest.param([3, 1, 2, 0], TWO_GAIN, 0.625, id="one gain first, the other third"),
        pytest.param([0, 0, 0, 0], TWO_GAIN, 0.5, id="equal scores: one straight line"),
        pytest.param([2, 1, 2, 1], TWO_GAIN, 0.5, id="two ties, each half a gain"),
        # 4 runs at 1.5 extra each, all-strong is 4 dearer: x ends at 1.5, the line reaches x = 1 at y = 2/3
        pytest.param([0, 0, 0, 0], arms([0, 0, 1, 1], [1, 1, 1, 1], spent=0.5), 1 / 3, id="weak turns are charged"),
        # gains at x = 3/8 and 6/8, then flat
        pytest.param([4, 3, 2, 1], arms([0, 0, 1, 1], [1] * 4, spent=0.5), 0.75 / 2 + 0.25, id="perfect, but charged"),
        # only one gain is left to escalate: (1/4, 1/2), the rest is flat
        pytest.param(
            [1] * 4, arms([0, 0, 1, 1], [1] * 4, alive=[True, False, False, False]), 0.4375, id="ended runs stay"
        ),
        pytest.param(
            [9, 1, 9, 9],
            arms([0, 0, 1, 1], [1] * 4, alive=[False, True, False, False]),
            0.4375,
            id="whatever their score",
        ),
        # strong loses what weak solves: up to 2, back to 1 (as a share: 2, then 1) over x = 1/3, 2/3, 1
        pytest.param(
            [3, 2, 1], arms([0, 0, 1], [1, 1, 0]), (1 / 3) * (0.5 + 1.5 + 1.5) * 1.0, id="harm lowers y below its peak"
        ),
        # escalating the second is 1 cheaper: (2/2, 1/2), back to (1/2, 1), on to (1, 1)
        pytest.param(
            [3, 2, 1],
            arms([0, 0, 1], [1, 1, 1], weak=[1, 3, 1], strong=[3, 2, 2]),
            0.25 - 0.375 + 0.5,
            id="a cheaper escalation turns the path back",
        ),
        # the cheaper one first: x < 0 lies outside; from (-1/2, 1/2) to (1/2, 1) enters at y = 3/4; then flat
        pytest.param(
            [2, 3, 1],
            arms([0, 0, 1], [1, 1, 1], weak=[1, 3, 1], strong=[3, 2, 2]),
            0.5 * 0.875 + 0.5,
            id="left of x = 0 is not counted",
        ),
    ],
)
def test_route_auc_worked_out_by_hand(scores: object, pair: Arms, expected: float) -> None:
    assert area(scores, pair) == pytest.approx(expected, abs=1e-12)


def test_route_auc_of_a_resample_is_that_of_the_repeated_tasks() -> None:
    rng = np.random.default_rng(8)
    n = 40
    pair = arms(rng.random(n) < 0.4, rng.random(n) < 0.9, weak=rng.random(n), strong=2 + rng.random(n), spent=0.1)
    scores = rng.integers(0, 12, n).astype(float)
    weights = task_weights(np.array([f"t{i}" for i in range(n)], dtype=object), 6)
    for row, found in zip(weights, route_auc(scores, pair, weights), strict=True):
        again = np.repeat(np.arange(n), row.astype(int))
        columns = tuple(getattr(pair, name) for name in pair.__dataclass_fields__)
        assert found == pytest.approx(area(scores[again], Arms(*(column[again] for column in columns))), abs=1e-12)


def test_a_resample_where_strong_is_not_better_has_no_area() -> None:
    weights = np.array([[1.0, 1, 1, 1], [0, 0, 2, 2]])
    found = route_auc(np.arange(4.0), TWO_GAIN, weights)
    assert np.isfinite(found[0]) and np.isnan(found[1])


def test_where_nothing_is_alive_there_is_no_area() -> None:
    found = route_auc(np.arange(4.0), arms([0, 0, 1, 1], [1] * 4, alive=False), np.ones((3, 4)))
    assert found.shape == (3,) and np.isnan(found).all()


def test_the_score_matters_by_its_order_only() -> None:
    rng = np.random.default_rng(2)
    pair = arms(rng.random(50) < 0.3, rng.random(50) < 0.9, strong=5)
    scores = rng.normal(size=50)
    assert area(scores, pair) == area(np.exp(3 * scores), pair)
    assert area(scores, pair) != area(-scores, pair)


def test_the_oracle_is_the_best_of_all_orders() -> None:
    """Also where an escalation is cheaper than going on. (Where strong loses nothing: harm would make it a knapsack.)"""
    rng = np.random.default_rng(0)
    tried = 0
    while tried < 40:
        y_weak = rng.random(5) < 0.4
        pair = arms(y_weak, y_weak | (rng.random(5) < 0.7), weak=rng.random(5), strong=rng.random(5) + 0.3, spent=0.05)
        oracle = area(oracle_scores(pair), pair)
        if np.isnan(oracle):
            continue
        assert oracle >= max(area(order, pair) for order in permutations(range(5))) - 1e-9
        tried += 1


def test_no_random_order_beats_the_oracle_where_strong_also_harms() -> None:
    rng = np.random.default_rng(6)
    for _ in range(5):
        y_weak, y_strong = rng.random(80) < 0.4, rng.random(80) < 0.7
        pair = arms(
            y_weak, y_strong, weak=rng.random(80), strong=1.5 + rng.random(80), spent=0.2, alive=rng.random(80) < 0.8
        )
        oracle = area(oracle_scores(pair), pair)
        assert all(area(rng.random(80), pair) <= oracle for _ in range(100))
        assert area(-pair.y_weak, pair) <= oracle


def test_a_random_router_is_near_the_diagonal_and_below_it_when_turns_were_spent() -> None:
    rng = np.random.default_rng(1)
    y_weak, y_strong = rng.random(1000) < 0.4, rng.random(1000) < 0.8
    free = random_areas(arms(y_weak, y_strong, strong=10))
    assert len(free) == 400 and (np.diff(free) >= 0).all()
    assert 0.4 < free[10] < 0.5 < free[-10] < 0.6
    spent = random_areas(arms(y_weak, y_strong, strong=10, spent=4.5))
    assert spent[-10] < free[10]


def test_random_areas_are_seeded_and_leave_out_what_has_no_area() -> None:
    first = random_areas(TWO_GAIN, 20)
    assert first.tolist() == random_areas(TWO_GAIN, 20).tolist() != random_areas(TWO_GAIN, 20, seed=1).tolist()
    assert random_areas(arms([0, 0, 1, 1], [1] * 4, alive=False), 20).tolist() == []


def test_a_pair_that_cannot_be_judged_is_refused_in_words() -> None:
    good = arms([0] * 30 + [1] * 10, [1] * 40)
    check_pair(good)
    with pytest.raises(Undefined, match="fewer than two tasks"):
        check_pair(arms([0], [1]))
    with pytest.raises(Undefined, match=r"strong solves 50\.0% and weak 50\.0%: within two standard errors"):
        check_pair(arms([0, 1] * 20, [1, 0] * 20))
    with pytest.raises(Undefined, match="within two standard errors"):
        check_pair(arms([1] * 40, [0] * 30 + [1] * 10))
    with pytest.raises(Undefined, match="strong is not dearer, so always use it"):
        check_pair(arms(good.y_weak, good.y_strong, weak=2, strong=2))
    for side in ("weak", "strong"):
        with pytest.raises(Undefined, match="do not hold the cost of every run"):
            check_pair(arms(good.y_weak, good.y_strong, **{side: [np.nan] + [1.0] * 39}))


def test_two_standard_errors_are_where_the_line_is() -> None:
    # n = 100, gain g of 100: mean .g, sd of the difference sqrt(g(1-g) * 100/99); g = 4 gives 2.03 errors, g = 3 gives 1.75
    for gains, refused in ((3, True), (4, False)):
        pair = arms([0] * 100, [1] * gains + [0] * (100 - gains))
        assert pair.y_strong.mean() / (np.std(pair.y_strong, ddof=1) / 10) == pytest.approx(
            [1.75, 2.03][gains - 3], abs=0.01
        )
        if refused:
            with pytest.raises(Undefined):
                check_pair(pair)
        else:
            check_pair(pair)


def test_runs_of_one_task_are_one_piece_of_evidence() -> None:
    """Four gains on 100 tasks are just enough; the same four gains on a single task's four runs are not."""
    gains = [1] * 4 + [0] * 96
    check_pair(arms([0] * 100, gains))
    with pytest.raises(Undefined, match="within two standard errors"):
        check_pair(arms([0] * 100, gains, tasks=["t0"] * 4 + [f"t{i}" for i in range(4, 100)]))
    with pytest.raises(Undefined, match="fewer than two tasks"):
        check_pair(arms([0] * 5, [1] * 5, tasks=["t"] * 5))
