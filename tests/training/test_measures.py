"""AUROC, Brier, log-loss and Route-AUC against scikit-learn and against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from featrouter.training.metrics import (
    Arms,
    Undefined,
    auroc,
    brier,
    check_pair,
    interval,
    logloss,
    oracle_scores,
    random_band,
    route_auc,
    task_weights,
)

ONE = np.ones((1, 4))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=4, max_size=40))
def test_auroc_is_scikit_learns(rows: list[tuple[int, bool, int]]) -> None:
    scores, labels, weights = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    ours = auroc(scores, labels, weights[None])[0]
    if weights @ labels == 0 or weights @ (1 - labels) == 0:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights), abs=1e-12)


def test_brier_and_log_loss_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    p, y, w = rng.random(50), (rng.random(50) < 0.4).astype(float), rng.random(50)
    assert brier(p, y, w) == pytest.approx(brier_score_loss(y, p, sample_weight=w))
    assert logloss(p, y, w) == pytest.approx(log_loss(y, p, sample_weight=w))


def arms(y_weak: list[float], y_strong: list[float], spent: float = 0.0, alive: list[bool] | None = None) -> Arms:
    n = len(y_weak)
    return Arms(
        np.array(y_weak),
        np.array(y_strong),
        np.full(n, 1.0),
        np.full(n, 2.0),
        np.full(n, spent),
        np.array(alive if alive else [True] * n),
    )


def test_route_auc_by_hand() -> None:
    # Two of four tasks gain. All-weak is (0, 0); each escalation moves x by 1/4, a useful one moves y by 1/2.
    pair = arms([0, 0, 1, 1], [1, 1, 1, 1])
    assert route_auc(np.array([4.0, 3.0, 2.0, 1.0]), pair, ONE)[0] == pytest.approx(0.75)
    assert route_auc(np.array([1.0, 2.0, 3.0, 4.0]), pair, ONE)[0] == pytest.approx(0.25)
    assert route_auc(np.zeros(4), pair, ONE)[0] == pytest.approx(0.5)  # equal scores are a straight line
    assert route_auc(-pair.y_weak, pair, ONE)[0] == pytest.approx(0.75)


def test_weak_turns_are_charged_and_finished_runs_stay_with_weak() -> None:
    # With half a weak run spent, all four escalations cost 6 where all-strong costs 4 more than all-weak: x ends at 1.5.
    assert route_auc(np.zeros(4), arms([0, 0, 1, 1], [1, 1, 1, 1], spent=0.5), ONE)[0] == pytest.approx(1 / 3)
    # Only one task can still be escalated: x stops at 1/4 with y = 1/2, and the rest is flat.
    late = arms([0, 0, 1, 1], [1, 1, 1, 1], alive=[True, False, False, False])
    assert route_auc(np.zeros(4), late, ONE)[0] == pytest.approx(0.25 * 0.25 + 0.75 * 0.5)
    none = arms([0, 0, 1, 1], [1, 1, 1, 1], alive=[False, False, False, False])
    assert route_auc(np.zeros(4), none, ONE)[0] == 0


def test_nobody_beats_the_oracle_and_random_is_about_one_half() -> None:
    rng = np.random.default_rng(3)
    n = 300
    y_weak, y_strong = (rng.random(n) < 0.4).astype(float), (rng.random(n) < 0.7).astype(float)
    pair = Arms(y_weak, y_strong, rng.random(n), 1 + rng.random(n), np.zeros(n), np.ones(n, bool))
    one = np.ones((1, n))
    best = route_auc(oracle_scores(pair), pair, one)[0]
    assert all(route_auc(rng.random(n), pair, one)[0] < best for _ in range(50))
    low, high = random_band(pair)
    assert low < 0.5 < high


def test_a_pair_that_cannot_be_judged_is_refused_in_words() -> None:
    with pytest.raises(Undefined, match="within two standard errors"):
        check_pair(arms([0, 1, 0, 1], [1, 0, 0, 1]))
    better = arms([0.0] * 30 + [1.0] * 10, [1.0] * 40)
    check_pair(better)
    with pytest.raises(Undefined, match="not dearer"):
        check_pair(
            Arms(better.y_weak, better.y_strong, better.cost_strong, better.cost_weak, better.spent, better.alive)
        )
    with pytest.raises(Undefined, match="cost of every run"):
        check_pair(
            Arms(
                better.y_weak,
                better.y_strong,
                better.cost_weak * np.nan,
                better.cost_strong,
                better.spent,
                better.alive,
            )
        )


def test_the_bootstrap_draws_tasks() -> None:
    weights = task_weights(np.array(["a", "b", "a", "c"], dtype=object), 200, seed=1)
    assert weights.shape == (201, 4)
    assert (weights[0] == 1).all()
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[1:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert task_weights(np.array([], dtype=object), 5).shape == (6, 0)
    assert interval(np.array([np.nan, 1.0, 2.0, 3.0])) == pytest.approx((1.05, 2.95))
