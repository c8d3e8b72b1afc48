"""decide() of the shipped default beside LightGBM's Booster.predict on the very same trees, in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
import pytest

from featrouter import Router, Turn
from featrouter.forest import Forest
from featrouter.head import Head

pytestmark = pytest.mark.bench

_ROUNDS = 3000


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


def _microseconds(work: Callable[[int], Any]) -> np.ndarray:
    taken = np.empty(_ROUNDS)
    for index in range(_ROUNDS):
        start = time.perf_counter_ns()
        work(index)
        taken[index] = (time.perf_counter_ns() - start) / 1e3
    return taken


def _line(name: str, taken: np.ndarray, peer: np.ndarray) -> str:
    ratio = np.median(taken) / np.median(peer)
    return f"{name:44} median {np.median(taken):7.1f} us   p99 {np.percentile(taken, 99):7.1f} us   ratio {ratio:5.2f}"


def test_decide_costs_no_more_than_two_booster_predicts() -> None:
    router = Router.load(guard=False, harness="openhands")
    bundle, width = router.bundle, len(router.bundle.features)
    sessions = []
    for number in range(200):
        session = router.session("the parser fails on empty input")
        for turn in range(1 + number % 7):
            session.observe(Turn(f"look at {number}", f"cat src/m{turn}.py", "x = 1\n" * (number % 50)))
        sessions.append(session)
    rows = [session._ranks for session in sessions]  # what heads read
    boosters = {name: booster_of(bundle.heads[name], width) for name in ("r1", "r2")}
    for name, booster in boosters.items():
        place = router._stages[False].place[name]
        ours = np.array([router._stages[False].forest.score(row)[place] for row in rows])
        # A Booster has the trees alone: the peer is spared the linear part and the intercept, which we are not.
        rest = replace(bundle.heads[name], **dict.fromkeys(("sizes", *_NODES), ()))
        want = booster.predict(np.array(rows), raw_score=True) + Forest([rest], width).score_many(np.array(rows))[:, 0]
        np.testing.assert_allclose(ours, want, rtol=0, atol=1e-12)

    singles = [row[None] for row in rows]
    peer = _microseconds(lambda i: boosters["r1"].predict(singles[i % 200], num_threads=1))
    both = _microseconds(lambda i: [boosters[n].predict(singles[i % 200], num_threads=1) for n in ("r1", "r2")])
    decide = _microseconds(lambda i: sessions[i % 200].decide())
    turns = [Turn("so the test fails", f"sed -n {i},{i + 9}p a.py", "line\n" * (i % 60)) for i in range(_ROUNDS)]
    observer = router.session("the parser fails")
    observe = _microseconds(lambda i: observer.observe(turns[i]))
    trees = {name: len(head.sizes) for name, head in bundle.heads.items() if not name.endswith("_end")}
    print(f"\ndefault bundle, trees a head: {trees}; a new row each call, one thread; ratio to one Booster.predict")
    print(_line("Booster.predict, one head (r1)", peer, peer))
    print(_line("Booster.predict, r1 and r2", both, peer))
    print(_line("session.decide(), all heads and the decision", decide, peer))
    print(_line("session.observe(turn)", observe, peer))
    assert np.median(decide) < 2.0 * np.median(both)
