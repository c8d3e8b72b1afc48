"""A bundle that knows several harnesses: whose runs a session sees decides what its numbers mean."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from featrouter import Bundle, Decision, Router, Trajectory, Turn
from featrouter.calibration import Calibrator, shifted
from featrouter.head import Head
from featrouter.logs import Run
from featrouter.training.predictions import of_bundle
from featrouter.training.rows import SCHEDULE
from featrouter.training.table import Table

Runs = list[tuple[Run, Trajectory]]
BASH, EDITOR = "recorded-bash", "recorded-editor"
ABSURD = Turn("hmm " * 400, "cat f.py " * 30, "x" * 50_000, cost=900.0, prompt_tokens=10**8)


def numbers(told: Decision) -> tuple[float, ...]:
    return told.r1, told.r2, told.c1, told.c2


@pytest.mark.parametrize(
    ("harness", "words"),
    [
        (None, f"no harness is named: give harness= one of '{BASH}', '{EDITOR}', or fit it to your own runs"),
        ("bash", f"harness 'bash' is not known to this bundle: give harness= one of '{BASH}', '{EDITOR}', or fit it"),
        ("", "harness '' is not known to this bundle"),
        ("x" * 500, r"harness 'xxx"),
    ],
)
@pytest.mark.parametrize(("default", "ended"), [("continue", "accept"), ("escalate", "escalate")])
def test_of_a_harness_that_is_not_known_every_decision_is_the_default(
    recorded_bundle: Bundle, recorded_runs: Runs, harness: str | None, words: str, default: str, ended: str
) -> None:
    session = Router(recorded_bundle, default=default, harness=harness).session(recorded_runs[0][0].task)
    for turn in (None, *recorded_runs[0][1]):
        if turn is not None:
            session.observe(turn)
        told = session.decide()
        assert told.choice == default and told.fallback.startswith(words) and len(told.fallback) < 250
        assert all(math.isnan(number) for number in numbers(told))
    session.end()
    assert session.decide().choice == ended and session.decide().fallback.startswith(words)
    assert not session.failed  # nothing went wrong inside


def test_guard_or_not_an_unknown_harness_is_not_trusted(recorded_bundle: Bundle) -> None:
    told = Router(recorded_bundle, guard=False, harness="nosuch").session("fix it").decide()
    assert told.fallback.startswith("harness 'nosuch' is not known")


def test_the_only_harness_of_a_bundle_need_not_be_named_but_another_is_still_unknown(
    recorded_bundle: Bundle, recorded_runs: Runs
) -> None:
    run, trajectory = recorded_runs[0]
    single = replace(recorded_bundle, references={BASH: recorded_bundle.references[BASH]})
    named = Router(recorded_bundle, guard=False, harness=BASH).decide(trajectory, task=run.task)
    assert Router(single, guard=False).decide(trajectory, task=run.task) == named and not named.fallback
    other = Router(single, harness=EDITOR).decide(trajectory, task=run.task)
    assert other.fallback.startswith(f"harness '{EDITOR}' is not known to this bundle: give harness= one of '{BASH}'")


def test_a_blank_name_in_the_log_is_a_harness_like_any_other(recorded_bundle: Bundle) -> None:
    known = recorded_bundle.references
    blank = replace(recorded_bundle, references={"": known[BASH], EDITOR: known[EDITOR]})
    assert not Router(blank, guard=False, harness="").session("fix it").decide().fallback
    assert Router(blank, guard=False).session("fix it").decide().fallback.startswith("no harness is named")


def test_a_sessions_harness_wins_over_the_routers(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    run, trajectory = recorded_runs[0]
    bash, editor = (Router(recorded_bundle, guard=False, harness=name) for name in (BASH, EDITOR))
    here, there = (router.decide(trajectory, task=run.task) for router in (bash, editor))
    assert numbers(here) != numbers(there)  # the same turns mean something else there
    for router in (
        bash,
        editor,
        Router(recorded_bundle, guard=False),
        Router(recorded_bundle, guard=False, harness="x"),
    ):
        assert router.decide(trajectory, task=run.task, harness=BASH) == here
        assert router.replay(trajectory, task=run.task, harness=EDITOR).decide() == there
        session = router.session(run.task, harness=BASH)
        for turn in trajectory:
            session.observe(turn)
        if trajectory.ended:
            session.end()
        assert session.decide() == here
    assert editor.session(run.task).decide() == bash.session(run.task, harness=EDITOR).decide()
    assert bash.session(run.task, harness="x").decide().fallback.startswith("harness 'x' is not known")


def test_a_bundle_saved_and_loaded_knows_the_same_harnesses(
    recorded_bundle: Bundle, bundle_file, recorded_runs
) -> None:
    for run, trajectory in recorded_runs[::7]:
        first = Router(recorded_bundle, harness=run.harness).decide(trajectory, task=run.task)
        assert Router.load(bundle_file, harness=run.harness).decide(trajectory, task=run.task) == first


def test_outside_counts_the_features_beyond_the_range_of_the_harness(
    recorded_bundle: Bundle, recorded_runs: Runs
) -> None:
    seen = set()
    for run, trajectory in recorded_runs[::6]:
        for harness in (BASH, EDITOR):
            quantiles = recorded_bundle.references[harness].quantiles
            session = Router(recorded_bundle, harness=harness).session(run.task)
            for turn in (None, *trajectory, ABSURD):
                if turn is not None:
                    session.observe(turn)
                count = sum(
                    1 for value, told in zip(session.row, quantiles, strict=True) if value < told[0] or value > told[-1]
                )
                told = session.decide()
                assert session.outside == told.outside == count == told.as_dict()["outside"]
                limit = recorded_bundle.references[harness].limit
                assert (f"{count} features lie outside" in told.fallback) == (count > limit)
                seen.add(count)
    assert len(seen) > 4


def test_rows_keep_their_own_values_and_only_scores_are_of_ranks(recorded_bundle: Bundle) -> None:
    rows = []
    for harness in (BASH, EDITOR):
        session = Router(recorded_bundle, harness=harness).session("fix the parser")
        session.observe(Turn("run", "python -m pytest", "== 4 failed, 9 passed in 0.10s ==", "bash"))
        rows.append(session.row)
        column = recorded_bundle.features.index("testruns_failing")
        assert session.row[column] == 4 / 13
        assert session._reason(column, 0.1).words == "30.8 % of the tests fail, up from 0 %"
    np.testing.assert_array_equal(*rows)


def shifted_bundle(bundle: Bundle, shifts: dict[str, float]) -> Bundle:
    return replace(bundle, references=bundle.references | {BASH: replace(bundle.references[BASH], shifts=shifts)})


def test_a_harness_shifts_the_log_odds_of_the_heads_that_it_names(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    run, trajectory = recorded_runs[0]
    going = replace(trajectory, ended=False)
    still = shifted_bundle(recorded_bundle, {})
    moved = shifted_bundle(recorded_bundle, {"r1": 0.75, "r2_end": -1.5})
    for harness, asked in ((BASH, going), (BASH, replace(trajectory, ended=True)), (EDITOR, going)):
        plain, told = (Router(one, guard=False, harness=harness).decide(asked, task=run.task) for one in (still, moved))
        r1 = shifted(plain.r1, 0.75) if harness == BASH and not plain.ended else plain.r1
        r2 = shifted(plain.r2, -1.5) if harness == BASH and plain.ended else plain.r2
        assert (told.r1, told.r2) == (r1, r2)
        assert (told.c1, told.c2) == (plain.c1, plain.c2)


def test_intervals_are_shifted_with_their_probability(recorded_bundle: Bundle, recorded_runs: Runs) -> None:
    steps = Calibrator("venn-abers", x=(-0.5, 0.5), low=(0.1, 0.2, 0.3), high=(0.4, 0.5, 0.6))
    bundle = replace(recorded_bundle, calibrators=recorded_bundle.calibrators | {"r1": steps})
    run, trajectory = recorded_runs[0]
    going = replace(trajectory, ended=False)
    plain, told = (
        Router(one, guard=False, harness=BASH).decide(going, task=run.task)
        for one in (bundle, shifted_bundle(bundle, {"r1": 1.25}))
    )
    assert plain.r1_interval and told.r1_interval == tuple(shifted(end, 1.25) for end in plain.r1_interval)
    assert told.r1_interval[0] < told.r1 == shifted(plain.r1, 1.25) < told.r1_interval[1]


@pytest.fixture(scope="module")
def recorded_table() -> Table:
    from pathlib import Path

    from featrouter.logs import Logs
    from featrouter.training.table import join_strong, table_of

    logs = Logs([Path(__file__).parent.parent / "data" / "recorded"])
    return join_strong(table_of(logs), logs, "scripted-strong")


def test_a_router_says_what_training_predicted_costs_by_logarithm_included(
    recorded_bundle: Bundle, recorded_runs: Runs, recorded_table: Table
) -> None:
    """Both cost heads are given the link "log", whatever the recorded runs teach, and both harnesses a shift."""
    forest = recorded_bundle.heads["r1"]
    heads = {"c1": replace(forest, name="c1", link="log", intercept=-3.0, linear=None)}
    heads["c2"] = Head.joined([Head.constant("c2", "log", -1.0), heads["c1"]])
    bundle = shifted_bundle(replace(recorded_bundle, heads=recorded_bundle.heads | heads), {"r1": 0.5, "r2": -0.25})
    told = of_bundle(recorded_table, bundle)
    place = {
        pair: i for i, pair in enumerate(zip(recorded_table.meta["run_id"], recorded_table.meta["k"], strict=True))
    }
    compared = 0
    for run, trajectory in recorded_runs[::5]:
        session = Router(bundle, guard=False, harness=run.harness).session(run.task)
        for k, turn in enumerate((*trajectory, None)):
            if turn is None:
                session.end()
            if turn is None or k in SCHEDULE:
                row = place[run.run_id, k]
                got, want = numbers(session.decide()), (told.r1[row], told.r2[row], told.c1[row], told.c2[row])
                assert got == pytest.approx(want, rel=1e-12)
                compared += 1
                assert got[3] > 0 and (got[2] > 0) != (turn is None)
            if turn is not None:
                session.observe(turn)
    assert compared > 60


def test_a_logarithm_beyond_all_costs_is_still_a_number(recorded_bundle: Bundle) -> None:
    heads = recorded_bundle.heads | {"c2": Head.constant("c2", "log", 1e9), "c1": Head.constant("c1", "log", -1e9)}
    told = Router(replace(recorded_bundle, heads=heads), guard=False, harness=BASH).session("fix it").decide()
    assert told.c2 == math.exp(100) and told.c1 == 0 and math.isfinite(told.y2)
