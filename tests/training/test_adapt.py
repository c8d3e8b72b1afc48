"""A bundle fitted to a new harness: its values count, its outcomes do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from featrouter import Router
from featrouter.bundle import Bundle
from featrouter.catalogue import digest
from featrouter.policy import Policy
from featrouter.training.adapt import LEAST_RUNS, adapt
from featrouter.training.bundling import train
from featrouter.training.costs import weak_knots
from featrouter.training.fit import weights_of
from featrouter.training.learn import Settings
from featrouter.training.predictions import of_bundle
from featrouter.training.references import references_of
from featrouter.training.table import Table

MadeUp = Callable[..., Table]


@pytest.fixture(scope="module")
def base(made_up: MadeUp) -> Bundle:
    return train(world(made_up, 120, 0), strong="s", settings=Settings(head="lightgbm", calibration="platt"))


def world(made_up: MadeUp, n: int, seed: int, harness: str = "a") -> Table:
    rng = np.random.default_rng(seed)
    table = made_up((rng.random(n) < 0.5).astype(float), (rng.random(n) < 0.8).astype(float), seed=seed, signal=2.0)
    return replace(table, meta=table.meta.assign(harness=harness))


@pytest.fixture(scope="module")
def new(made_up: MadeUp) -> Table:
    table = world(made_up, 60, 7, "b")
    return replace(table, x=np.exp(table.x))


def test_its_references_are_those_of_the_runs_and_heads_stay(base: Bundle, new: Table) -> None:
    dear = replace(new, meta=new.meta.assign(cost_weak_usd=3.0))
    found = adapt(base, dear)
    assert {name: one.as_dict() for name, one in found.references.items()} == {
        name: one.as_dict() for name, one in references_of(new).items()
    }
    assert found.calibrators == base.calibrators and found.policies == base.policies
    kept = set(base.heads) - {"c1"}
    assert set(found.heads) == kept
    assert all(found.heads[name] is base.heads[name] for name in kept)
    assert found.costs["weak_remaining"] == weak_knots(dear) != base.costs["weak_remaining"]
    unpriced = replace(new, meta=new.meta.assign(cost_weak_usd=np.nan, spent_usd=np.nan))
    assert set(adapt(base, unpriced).heads) == set(base.heads)
    assert adapt(base, unpriced).costs == base.costs


def test_outcomes_never_matter(base: Bundle, new: Table) -> None:
    want = adapt(base, new, resolved=0.3).to_bytes()
    for y in (np.nan, 1 - new.meta["y_weak"]):
        assert adapt(base, replace(new, meta=new.meta.assign(y_weak=y)), resolved=0.3).to_bytes() == want


@pytest.mark.parametrize("rate", [0.05, 0.4, 0.9])
def test_probabilities_average_to_the_rate_that_is_told(base: Bundle, new: Table, rate: float) -> None:
    told = of_bundle(new, adapt(base, new, resolved=rate, strong=0.8))
    for ended in (0, 1):
        rows = (new.meta["at_end"] == ended).to_numpy()
        weights = weights_of(new.meta["run_id"].to_numpy()[rows])
        assert np.average(told.r1[rows], weights=weights) == pytest.approx(rate, abs=1e-4)
        assert np.average(told.r2[rows], weights=weights) == pytest.approx(0.8, abs=1e-4)


def test_it_serves_where_the_unadapted_bundle_is_lost(base: Bundle, new: Table) -> None:
    names = ("files_opened", "loops_again", "effort_length", "edits_refused")
    base, new = replace(base, features=names, catalogue=digest(), importances={}), replace(new, names=names)
    assert "adapt" in Router(base, harness="b").session("x").decide().fallback
    found = adapt(base, new)
    decision = Router(found, guard=False).session("x").decide()  # the only harness needs no name
    assert not decision.fallback and np.isfinite(decision.r1)


def test_it_says_what_it_does_not_know(base: Bundle, new: Table) -> None:
    found = adapt(base, new)
    words = " ".join(found.flags[len(base.flags) :])
    assert "adapted to 'b' on 60 runs without outcomes" in words and "--resolved" in words
    assert "--resolved" not in " ".join(adapt(base, new, resolved=0.5).flags[len(base.flags) :])
    assert found.provenance["adapted"] == {"runs": {"b": 60}, "resolved": None, "strong": None}
    few = new.where(new.meta["run_id"].isin(sorted(set(new.meta["run_id"]))[: LEAST_RUNS - 1]).to_numpy())
    with pytest.raises(ValueError, match=rf"harness 'b': {LEAST_RUNS - 1} runs are too few"):
        adapt(base, few)


def test_a_promise_on_harm_does_not_hold_for_other_runs_and_is_dropped(base: Bundle, new: Table) -> None:
    promise = Policy("risk-controlled", ((0, 0.1),), 0.1, promise={"harm": 0.1})
    found = adapt(replace(base, policies=base.policies | {"risk-controlled": promise}), new, resolved=0.4)
    assert found.policies == base.policies and any("is dropped: train with" in flag for flag in found.flags)
    assert not any("is dropped" in flag for flag in adapt(base, new, resolved=0.4).flags)
