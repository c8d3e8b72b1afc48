"""A replayed run tells at every turn what a router said there."""

from __future__ import annotations

import numpy as np
import pytest

from featrouter import Bundle, Router, Trajectory
from featrouter.logs import Run
from featrouter.policy import NEVER
from featrouter.view.replay import REASONS, replay

Runs = list[tuple[Run, Trajectory]]


@pytest.fixture(scope="module")
def router(recorded_bundle: Bundle) -> Router:
    return Router(recorded_bundle, harness="recorded-bash")


@pytest.fixture(scope="module")
def run(recorded_runs: Runs) -> Trajectory:
    return next(
        trajectory for run, trajectory in recorded_runs if run.harness == "recorded-bash" and len(trajectory) > 8
    )


def test_each_step_is_the_decision_of_the_run_so_far(router: Router, run: Trajectory) -> None:
    steps = list(replay(router, run))
    assert run.ended and len(steps) == len(run) + 2
    told = [router.decide(Trajectory(run.task, run.turns[:turn])) for turn in range(len(run) + 1)]
    assert [step.decision for step in steps] == [*told, router.decide(run)]


def test_effects_lead_from_what_is_expected_to_the_heads_own_difference(router: Router, run: Trajectory) -> None:
    for turn, step in enumerate(replay(router, run)):
        ended = turn > len(run)
        session = router.replay(Trajectory(run.task, run.turns[:turn], ended))
        _ = session.row
        stage = router.stages[ended]
        scores = dict(zip(stage.place, stage.forest.score(session.places), strict=True))
        difference = sum(sign * scores[arm] for arm, sign in (("r2", 1), ("r1", -1)) if arm in stage.speaking)
        told = step.expected + sum(reason.effect for reason in step.reasons) + step.rest
        assert told == pytest.approx(difference, abs=1e-9)
        assert len(step.reasons) <= REASONS and (step.n_rest == 0 or len(step.reasons) == REASONS)


def test_changes_are_the_features_that_this_turn_moved(router: Router, run: Trajectory) -> None:
    before = router.session(run.task).row
    for turn, step in enumerate(list(replay(router, run))[: len(run) + 1]):
        after = router.replay(Trajectory(run.task, run.turns[:turn])).row
        moved = {
            name
            for name, one, other in zip(router.bundle.features, before, after, strict=True)
            if one != other and not (np.isnan(one) and np.isnan(other))
        }
        assert {change.feature for change in step.changes} == moved
        assert not turn or moved
        before = after


def test_an_escalation_does_not_silence_the_turns_after_it(recorded_bundle: Bundle, run: Trajectory) -> None:
    latching = Router(recorded_bundle, harness="recorded-bash", policy="fixed:2", latch=True)
    steps = list(replay(latching, run))
    plain = list(replay(Router(recorded_bundle, harness="recorded-bash"), run))
    assert [step.decision.y2 for step in steps] == [step.decision.y2 for step in plain]
    assert [step.threshold for step in steps] == [NEVER, NEVER, 0.0] + [NEVER] * (len(steps) - 3)
    assert {step.decision.choice for step in steps[3:-1]} == {"continue"}


def test_the_harness_of_the_run_goes_before_the_router_s(recorded_bundle: Bundle, run: Trajectory) -> None:
    router = Router(recorded_bundle, harness="recorded-editor")
    assert (
        next(replay(router, run, "recorded-bash")).decision
        == next(replay(Router(recorded_bundle, harness="recorded-bash"), run)).decision
    )
    unknown = list(replay(Router(recorded_bundle), run))
    assert all("no harness is named" in step.decision.fallback and not step.reasons for step in unknown)
