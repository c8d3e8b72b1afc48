"""The shipped default beside LightGBM on the very same trees: an oracle of the way back, from bundle to Booster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
import pytest

from featrouter import Router, Turn
from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.reference import RANKS

pytestmark = pytest.mark.bench


def booster_of(head: Head, width: int) -> lightgbm.Booster:
    """The head's trees as a LightGBM model, by its text format (v4): the peer, and an oracle of the conversion."""
    trees = []
    start = 0
    for number, size in enumerate(head.sizes.tolist()):
        nodes = slice(start, start + size)
        start += size
        leaf = head.feature[nodes] < 0
        # LightGBM numbers inner nodes and leaves apart and writes leaf i as ~i.
        number_of = np.where(leaf, ~(np.cumsum(leaf) - 1), np.cumsum(~leaf) - 1)
        inner, ends = np.flatnonzero(~leaf), np.flatnonzero(leaf)
        columns: dict[str, Any] = {
            "split_feature": head.feature[nodes][inner],
            "split_gain": np.zeros(len(inner)),
            "threshold": head.threshold[nodes][inner],
            "decision_type": 8 + 2 * head.default_left[nodes][inner].astype(int),
            "left_child": number_of[head.left[nodes][inner]],
            "right_child": number_of[head.right[nodes][inner]],
            "leaf_value": head.value[nodes][ends],
            "leaf_weight": head.cover[nodes][ends],
            "leaf_count": head.cover[nodes][ends],
            "internal_value": np.zeros(len(inner)),
            "internal_weight": head.cover[nodes][inner],
            "internal_count": head.cover[nodes][inner],
        }
        body = [f"{key}={' '.join(repr(value) for value in column.tolist())}" for key, column in columns.items()]
        trees.append(
            "\n".join([f"Tree={number}", f"num_leaves={len(ends)}", "num_cat=0", *body, "is_linear=0", "shrinkage=1"])
        )
    names = " ".join(f"f{index}" for index in range(width))
    header = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={width - 1}",
        "objective=regression",
        f"feature_names={names}",
        f"feature_infos={' '.join(['none'] * width)}",
    ]
    text = "\n".join(header) + "\n\n" + "\n\n\n".join(trees) + "\n\n\nend of trees\n\n"
    return lightgbm.Booster(model_str=text)


_NODES = ("feature", "threshold", "left", "right", "default_left", "value", "cover")


def test_the_default_decides_what_boosters_of_its_trees_say() -> None:
    router = Router.load(guard=False, harness="openhands")
    bundle, stage, width = router.bundle, router.stages[False], len(router.bundle.features)
    sessions = []
    for number in range(200):
        session = router.session("the parser fails on empty input")
        for turn in range(1 + number % 7):
            session.observe(Turn(f"look at {number}", f"cat src/m{turn}.py", "x = 1\n" * (number % 50)))
        sessions.append(session)
    places = np.array([session.places for session in sessions])
    ours = stage.forest.score(places)
    for name, place in stage.place.items():
        # A Booster has the trees alone: without the linear part and the intercept.
        rest = replace(bundle.heads[name], **dict.fromkeys(("sizes", *_NODES), ()))
        want = booster_of(bundle.heads[name], width).predict(RANKS[places], raw_score=True)
        want += Forest([rest], width).score_many(RANKS[places])[:, 0]
        np.testing.assert_allclose(ours[:, place], want, rtol=0, atol=1e-12)
