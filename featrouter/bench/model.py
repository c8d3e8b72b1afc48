"""The router that is measured, trained on the spot, and the same trees as LightGBM has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from featrouter.bundle import Bundle
from featrouter.calibration import Calibrator, Floats
from featrouter.catalogue import digest, feature_set
from featrouter.extractor import rows
from featrouter.head import Head
from featrouter.policy import Policy
from featrouter.router import Router
from featrouter.session import Session
from featrouter.training.references import reference_of
from featrouter.trajectory import Trajectory

TREES, LEAVES = 100, 15
HARNESS = "bench"
_SETTINGS = {"num_leaves": LEAVES, "num_threads": 1, "verbose": -1, "min_data_in_leaf": 5, "feature_fraction": 0.5}


@dataclass(frozen=True)
class Model:
    """A router of four heads and one of two, LightGBM's boosters of the same trees, and sessions in the midst of a run."""

    four: Router
    two: Router
    boosters: dict[str, Any]
    sessions: list[Session]
    #: What heads read of each session, ranks (n, features).
    rows: Floats


def model_of(runs: Sequence[tuple[str, Trajectory]]) -> Model:
    """Heads of 100 trees of 15 leaves over all features, learned from the runs' own rows and made-up labels."""
    import lightgbm

    found = np.array([row for _, trajectory in runs for _, row in rows(trajectory)])
    reference = reference_of(found, np.array([name for name, _ in runs]))
    ranks, width, dice = reference.ranks(found), found.shape[1], np.random.default_rng(0)
    signal = np.nan_to_num(ranks) @ dice.normal(size=(width, 4)) + 2 * dice.normal(size=(len(ranks), 4))
    boosters, heads = {}, {}
    for name, column in zip(("r1", "r2", "c1", "c2"), signal.T, strict=True):
        logit = name.startswith("r")
        data = lightgbm.Dataset(ranks, (column > np.median(column)).astype(float) if logit else column / 10)
        settings = _SETTINGS | {"objective": "binary" if logit else "regression"}
        boosters[name] = lightgbm.train(settings, data, TREES)
        heads[name] = Head.from_booster(name, boosters[name].dump_model(), "logit" if logit else "log")
    bundle = Bundle(
        features=feature_set().names,
        catalogue=digest(),
        heads=heads,
        calibrators={name: Calibrator("platt", a=0.9, b=0.1) for name in ("r1", "r2")},
        costs={"value": 10.0, "strong": 0.8, "weak_remaining": [[0, 0.5], [50, 0.1]], "handover": "restart"},
        policies={"rule": Policy()},
        policy="rule",
        references={HARNESS: replace(reference, limit=width, shifts={"r1": 0.1})},
    )
    four = Router(bundle, harness=HARNESS)
    two = Router(replace(bundle, heads={name: heads[name] for name in ("r1", "r2")}), harness=HARNESS)
    sessions = sessions_of(four, runs)
    mid = np.array([reference.ranks(session.row) for session in sessions])
    _agree(four, boosters, mid)
    return Model(four, two, boosters, sessions, mid)


def sessions_of(router: Router, runs: Sequence[tuple[str, Trajectory]]) -> list[Session]:
    """A session of every run, some of them early in it and some later."""
    return [_session(router, trajectory, 1 + number % 9) for number, (_, trajectory) in enumerate(runs)]


def _session(router: Router, trajectory: Trajectory, turns: int) -> Session:
    session = router.session(trajectory.task)
    for turn in trajectory.turns[:turns]:
        session.observe(turn)
    session.decide()
    return session


def _agree(router: Router, boosters: dict[str, Any], rows: Floats) -> None:
    """What is measured is the same on both sides: scores agree with LightGBM's, or nothing is measured."""
    stage = router.stages[False]
    ours = stage.forest.score(stage.forest.codes(rows))
    for name, place in stage.place.items():
        theirs = boosters[name].predict(rows, raw_score=True)
        if not np.allclose(ours[:, place], theirs, rtol=0, atol=1e-9):
            raise ValueError(f"head {name}: scores differ from LightGBM's by {np.abs(ours[:, place] - theirs).max()}")
