"""Heads: what LightGBM's dump must not hold, and what no head may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.linear import Linear

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"zero_as_missing": True}, "zero_as_missing"),
        ({"categorical_feature": [5], "min_data_per_group": 1, "cat_smooth": 0}, "categorical"),
        ({"objective": "multiclass", "num_class": 3}, "one class"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "rf"),
        ({"linear_tree": True}, "linear"),
        ({"num_leaves": 80}, "at most 64"),
    ],
)
def test_what_has_no_form_here_is_refused(params: dict[str, Any], words: str) -> None:
    rng = np.random.default_rng(0)
    x = np.abs(rng.normal(size=(1500, 6)))
    x[:, 5] = rng.integers(0, 5, len(x))
    x[rng.random(len(x)) < 0.2, 0] = NAN
    y = np.where(np.isin(x[:, 5], [0, 2]), 2.0, 0.0)
    y = (y + rng.integers(0, 2, len(x))) % 3 if "num_class" in params else y + x[:, 1]
    base = {"objective": "regression", "num_leaves": 20, "verbose": -1, "min_data_in_leaf": 3, "num_threads": 1}
    columns = params.get("categorical_feature", [])
    params = {key: value for key, value in params.items() if key != "categorical_feature"}
    data = lgb.Dataset(x, y, categorical_feature=columns, free_raw_data=False)
    booster = lgb.train(base | params, data, 5)
    with pytest.raises(ValueError, match=words):
        Head.from_booster("r1", booster.dump_model(), "logit")


def two_leaves(**changes: Any) -> Head:
    nodes: dict[str, Any] = {"sizes": [3], "feature": [0, -1, -1], "threshold": [0.5, 0.0, 0.0], "left": [1, -1, -1]}
    nodes |= {"right": [2, -1, -1], "default_left": [True, False, False], "value": [0.0, -1.0, 1.0], "cover": [9, 4, 5]}
    return Head("r1", changes.pop("link", "logit"), **(nodes | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"link": "probit"}, "link 'probit'"),
        ({"intercept": NAN}, "intercept"),
        ({"sizes": [2]}, "sizes add up to 2"),
        ({"sizes": [0, 3]}, "sizes: not in 1..127 nodes, first at index 0"),
        ({"sizes": [-3, 6]}, "sizes: not in"),
        ({"value": [0.0, -1.0]}, "value has shape"),
        ({"sizes": [[3]]}, "sizes has shape"),
        ({"feature": [0, -2, -1]}, "feature: below -1, first at index 1"),
        ({"threshold": [NAN, 0.0, 0.0]}, "threshold: NaN"),
        ({"threshold": [0.5, 1.0, 0.0]}, "at a leaf, first at index 1"),
        ({"default_left": [True, False, True]}, "at a leaf, first at index 2"),
        ({"value": [0.0, INF, 1.0]}, "value: not finite"),
        ({"value": [0.0, 1e200, 1.0]}, "value: not finite or beyond"),
        ({"value": [1.0, -1.0, 1.0]}, "value: not 0 at an inner node"),
        ({"cover": [0, 0, 0]}, "cover: an inner node without rows"),
        ({"cover": [9, -4, 13]}, "cover: negative"),
        ({"cover": [9, 4, 4]}, "cover: not the sum"),
        ({"left": [1, 2, -1]}, "left: a leaf has a child, first at index 1"),
        ({"left": [0, -1, -1]}, "left: child not above its parent"),
        ({"right": [3, -1, -1]}, "right: child not above its parent or outside its tree"),
        ({"right": [2**52, -1, -1]}, "outside its tree"),
        ({"right": [1, -1, -1]}, "needs one parent"),
    ],
)
def test_an_unsound_head_cannot_exist(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        two_leaves(**changes)


def test_heads_of_one_link_are_joined() -> None:
    both = Head.joined([two_leaves(intercept=0.5), two_leaves(intercept=0.25)])
    assert both.intercept == 0.75 and both.sizes.tolist() == [3, 3]
    assert both.value.tolist() == [0.0, -1.0, 1.0] * 2
    for heads in ([], [two_leaves(), two_leaves(link="identity")]):
        with pytest.raises(ValueError, match="one link"):
            Head.joined(heads)


def test_a_scaled_head_has_scaled_leaves_and_intercept() -> None:
    half = two_leaves(intercept=3.0).scaled(0.5)
    assert half.value.tolist() == [0.0, -0.5, 0.5] and half.intercept == 1.5
    assert (half.cover.tolist(), half.threshold.tolist(), half.link) == ([9, 4, 5], [0.5, 0.0, 0.0], "logit")
    with pytest.raises(ValueError, match="value: not finite or beyond"):
        two_leaves().scaled(1e101)


@pytest.mark.parametrize("place", [[0, 1, 2, 3, 4, 5], [1, 2, 5, 6, 7, 9], [3, 5, 6, 8, 9, 10]])
def test_a_moved_head_scores_rows_whose_features_stand_elsewhere_the_same(place: list[int]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 6))
    x[rng.random(x.shape) < 0.2] = NAN
    y = np.nan_to_num(x[:, 1]) + np.nan_to_num(x[:, 4]) * 2 - np.nan_to_num(x[:, 5])
    booster = lgb.train(
        {"objective": "regression", "num_leaves": 9, "verbose": -1, "num_threads": 1}, lgb.Dataset(x, y), 8
    )
    line = Linear(*map(np.array, ([0, 2, 5], [0.1, 0.0, -0.2], [1.0, 2.0, 0.5], [1.0, -0.3, 0.2], [0.0, 0.1, 0.0])))
    forest = Head.from_booster("r1", booster.dump_model(), "log")
    wide = np.full((len(x), 11), NAN)
    wide[:, place] = x
    other = [n for n in range(11) if n not in place]
    wide[:, other] = rng.normal(size=(len(x), len(other)))  # what else stands there is not read
    for head in (forest, replace(forest, linear=line), Head.constant("r1", "log", 0.25)):
        moved = head.moved(np.array(place))
        assert Forest([moved], 11).score_many(wide).tobytes() == Forest([head], 6).score_many(x).tobytes()
        assert moved.features().tolist() == [place[n] for n in head.features()]
        assert (moved.name, moved.link, moved.intercept) == (head.name, head.link, head.intercept)
        assert moved.cover.tolist() == head.cover.tolist()
    assert forest.features().tolist() == [1, 4, 5]  # the first head is left as it was


def test_what_a_head_asks_for() -> None:
    line = Linear(*map(np.array, ([2, 6], [0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0])))
    none = Head.constant("r1", "logit", 0.5)
    assert none.features().tolist() == [] and none.reach == -1 and none.empty
    assert two_leaves().features().tolist() == [0] and two_leaves().reach == 0 and not two_leaves().empty
    assert two_leaves(linear=line).features().tolist() == [0, 2, 6] and two_leaves(linear=line).reach == 6
    assert Head.joined([none, two_leaves(linear=line), none]).linear is line


def test_arrays_are_copied_and_read_only() -> None:
    value = np.array([0.0, -1.0, 1.0])
    head = two_leaves(value=value)
    value[1] = 7.0
    assert head.value[1] == -1.0
    with pytest.raises(ValueError, match="read-only"):
        head.value[1] = 7.0
