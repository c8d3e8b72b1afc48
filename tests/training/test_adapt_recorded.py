"""Adapting on recorded runs: what is served there afterwards, and that outcomes are never looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from featrouter import Bundle, Router
from featrouter.evaluation.drift import reference_for
from featrouter.head import Head
from featrouter.logs import LogError, Run
from featrouter.training.adapt import ENOUGH_RUNS, LEAST_RUNS, adapt
from featrouter.training.bundling import train
from featrouter.training.costs import weak_knots
from featrouter.training.fit import weights_of
from featrouter.training.learn import Settings
from featrouter.training.predictions import of_bundle, with_features
from featrouter.training.references import references_of
from featrouter.training.table import Table
from featrouter.trajectory import Trajectory

BASH, EDITOR = "recorded-bash", "recorded-editor"


@pytest.fixture(scope="module")
def base(recorded: Table) -> Bundle:
    """Of a harness that none of the logs below is from; with a head for each cost, whatever these runs would teach."""
    elsewhere = replace(recorded, meta=recorded.meta.assign(harness="elsewhere"))
    quick = Settings(head="linear", calibration="platt", panel=False, without=("prompt",))
    found = train(elsewhere, strong="scripted-strong", settings=quick)
    heads = found.heads | {name: Head.constant(name, "log", -5.0) for name in ("c1", "c2")}
    assert not found.heads["r1"].empty
    return replace(found, heads=heads, costs=found.costs | {"weak_remaining": [[0.0, 0.5], [9.0, 0.25]]})


@pytest.fixture(scope="module")
def editor(recorded: Table) -> Table:
    return recorded.where((recorded.meta["harness"] == EDITOR).to_numpy())


def test_references_become_those_of_the_log_and_no_other_is_kept(base: Bundle, recorded: Table) -> None:
    found = adapt(base, recorded)
    want = references_of(with_features(recorded, base.features))
    assert list(found.references) == [BASH, EDITOR]  # "elsewhere" is gone
    assert {name: one.as_dict() for name, one in found.references.items()} == {
        name: one.as_dict() for name, one in want.items()
    }
    assert adapt(found, recorded).references[BASH].as_dict() == want[BASH].as_dict()  # nothing of the base is in them


def test_heads_calibrators_and_policies_stay(base: Bundle, editor: Table) -> None:
    found = adapt(base, editor, resolved=0.3, strong=0.9)
    assert found.calibrators == base.calibrators and found.policies == base.policies and found.policy == base.policy
    assert found.features == base.features and found.metrics == base.metrics
    for name in ("r1", "r2", "r1_end", "r2_end", "c2"):
        assert found.heads[name] is base.heads[name]
    assert Bundle.from_bytes(found.to_bytes()).to_bytes() == found.to_bytes()


def test_what_runs_cost_there_replaces_what_was_learned_of_it_elsewhere(base: Bundle, editor: Table) -> None:
    found = adapt(base, editor)
    assert "c1" in base.heads and "c1" not in found.heads
    assert found.costs == base.costs | {"weak_remaining": weak_knots(editor)}
    assert found.costs["weak_remaining"] != base.costs["weak_remaining"]
    unpriced = replace(editor, meta=editor.meta.assign(cost_weak_usd=np.nan, spent_usd=np.nan))
    kept = adapt(base, unpriced)
    assert kept.heads["c1"] is base.heads["c1"] and kept.costs == base.costs


@pytest.mark.parametrize("resolved", [None, 0.4])
def test_outcomes_do_not_matter_and_features_do(base: Bundle, editor: Table, resolved: float | None) -> None:
    meta = editor.meta
    told = adapt(base, editor, resolved=resolved).to_bytes()
    for changed in (
        meta.assign(y_weak=np.nan, y_strong=np.nan, cost_strong_usd=np.nan),
        meta.assign(y_weak=1 - meta["y_weak"], y_strong=1 - meta["y_strong"]),
        meta.drop(columns=["y_strong", "cost_strong_usd"]),
    ):
        assert adapt(base, replace(editor, meta=changed), resolved=resolved).to_bytes() == told
    assert adapt(base, replace(editor, x=editor.x + 1.0), resolved=resolved).to_bytes() != told


def test_every_harness_gets_the_share_that_is_told_in_both_stages_and_keeps_its_ranking(
    base: Bundle, recorded: Table
) -> None:
    found = adapt(base, recorded, resolved=0.2, strong=0.9)
    told, before = of_bundle(recorded, found), of_bundle(recorded, adapt(base, recorded)).r1
    meta = recorded.meta
    for name in (BASH, EDITOR):
        assert set(found.references[name].shifts) == {"r1", "r2", "r1_end", "r2_end"}
        for ended in (0, 1):
            rows = ((meta["harness"] == name) & (meta["at_end"] == ended)).to_numpy()
            weights = weights_of(meta["run_id"].to_numpy()[rows])
            assert np.average(told.r1[rows], weights=weights) == pytest.approx(0.2, abs=1e-5)
            assert np.average(told.r2[rows], weights=weights) == pytest.approx(0.9, abs=1e-5)
            assert (np.diff(told.r1[rows][np.argsort(before[rows])]) >= 0).all() and np.ptp(told.r1[rows]) > 0.01


def test_only_the_arm_whose_share_is_told_moves(base: Bundle, editor: Table) -> None:
    weak, strong = adapt(base, editor, resolved=0.2), adapt(base, editor, strong=0.6)
    assert set(weak.references[EDITOR].shifts) == {"r1", "r1_end"}
    assert set(strong.references[EDITOR].shifts) == {"r2", "r2_end"}
    alone = {name: one for name, one in base.heads.items() if name in ("r1", "c1")}
    single = replace(base, heads=alone, calibrators={"r1": base.calibrators["r1"]})
    assert set(adapt(single, editor, resolved=0.2, strong=0.6).references[EDITOR].shifts) == {"r1"}


def test_what_was_told_before_does_not_matter_when_it_is_told_anew(base: Bundle, editor: Table) -> None:
    again = adapt(adapt(base, editor, resolved=0.9), editor, resolved=0.2)
    assert again.references[EDITOR].as_dict() == adapt(base, editor, resolved=0.2).references[EDITOR].as_dict()
    assert not adapt(again, editor).references[EDITOR].shifts


def test_too_few_runs_are_refused_by_the_name_of_their_harness(
    base: Bundle, recorded: Table, first_runs: Callable[[Table, int], Table]
) -> None:
    names = recorded.meta["harness"].to_numpy()
    both = [first_runs(recorded.where(names == name), n) for name, n in ((BASH, 30), (EDITOR, LEAST_RUNS - 1))]
    few = recorded.where(recorded.meta["run_id"].isin({run for one in both for run in one.meta["run_id"]}).to_numpy())
    with pytest.raises(ValueError, match=rf"harness '{EDITOR}': 11 runs are too few .*; give {LEAST_RUNS}"):
        adapt(base, few)
    enough = first_runs(recorded.where(names == EDITOR), LEAST_RUNS)
    assert adapt(base, enough).references[EDITOR].runs == LEAST_RUNS
    with pytest.raises(LogError, match="another feature catalogue"):
        adapt(base, Table(recorded.meta, recorded.x[:, :5], recorded.names[:5]))


def test_flags_and_provenance_say_what_was_done(base: Bundle, recorded: Table, editor: Table) -> None:
    found = adapt(base, recorded)
    assert found.provenance == base.provenance | {
        "adapted": {"runs": {BASH: 30, EDITOR: 30}, "resolved": None, "strong": None}
    }
    assert found.flags[: len(base.flags)] == base.flags
    bash, ed, rate = found.flags[len(base.flags) :]
    assert bash.startswith(f"adapted to '{BASH}' on 30 runs without outcomes") and f"'{EDITOR}'" in ed
    assert bash.endswith(f"{ENOUGH_RUNS} runs would be safer") and "--resolved" in rate
    told = adapt(base, editor, resolved=0.4, strong=0.7)
    assert told.provenance["adapted"] == {"runs": {EDITOR: 30}, "resolved": 0.4, "strong": 0.7}
    assert len(told.flags) == len(base.flags) + 1
    one = replace(recorded, meta=recorded.meta.assign(harness=EDITOR))
    assert not adapt(base, one, resolved=0.4).flags[-1].endswith("safer")  # 60 runs are enough


def test_a_router_of_an_adapted_bundle_serves_that_harness_without_its_name(
    base: Bundle, editor: Table, recorded_runs: list[tuple[Run, Trajectory]]
) -> None:
    run, trajectory = next((run, one) for run, one in recorded_runs if run.harness == EDITOR)
    assert Router(base, harness=EDITOR).decide(trajectory, task=run.task).fallback
    found = adapt(base, editor, resolved=0.4)
    rows = of_bundle(editor, found)
    session = Router(found).session(run.task)
    mine = editor.meta["run_id"] == run.run_id
    turns = dict(zip(editor.meta["k"][mine], np.flatnonzero(mine), strict=True))
    compared = 0
    for turn in trajectory:
        decision = session.decide()
        assert not decision.fallback
        if session.turn in turns:  # what is served is what is judged
            row = turns[session.turn]
            told = (rows.r1[row], rows.r2[row], rows.c1[row], rows.c2[row])
            assert (decision.r1, decision.r2, decision.c1, decision.c2) == pytest.approx(told, rel=1e-9)
            compared += 1
        session.observe(turn)
    assert compared > 3


def test_the_reference_that_runs_are_compared_with(base: Bundle, recorded: Table, editor: Table) -> None:
    two, one = adapt(base, recorded), adapt(base, editor)
    assert reference_for(two, BASH, None) is two.references[BASH]
    assert reference_for(two, "nosuch", None) is None and reference_for(two, BASH, "nosuch") is None
    assert reference_for(two, BASH, EDITOR) is two.references[EDITOR]
    assert reference_for(two, "nosuch", EDITOR) is two.references[EDITOR]
    assert reference_for(one, "nosuch", None) is one.references[EDITOR]  # the only one there is
