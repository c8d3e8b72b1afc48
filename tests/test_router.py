"""A Router serves what its bundle learned: the rule, the costs, the reasons, the guard, many threads."""

from __future__ import annotations

import hashlib
import math
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featrouter import Bundle, BundleError, Costs, Router, Turn, forest
from featrouter.calibration import Calibrator
from featrouter.head import Head
from featrouter.logs import Logs
from featrouter.shap import contributions

RECORDED = Path(__file__).parent.parent / "data" / "recorded"
RUNS = list(Logs([RECORDED]).trajectories())
#: The bundle knows two harnesses; a router is told whose runs it sees, and where it matters each session is.
HARNESS = "recorded-bash"


@pytest.fixture(scope="module")
def router(recorded_bundle: Bundle) -> Router:
    return Router(recorded_bundle, guard=False, harness=HARNESS)


def test_the_rule_of_the_house(router: Router) -> None:
    choices = set()
    for run, trajectory in RUNS[:20]:
        session = router.session(run.task, harness=run.harness)
        for turn in trajectory:
            session.observe(turn)
            told = session.decide()
            value = router.bundle.costs["value"]
            assert told.y1 == told.r1 - told.c1 / value and told.y2 == told.r2 - told.c2 / value
            assert told.choice == ("continue" if told.y1 >= told.y2 else "escalate")
            assert 0 < told.r1 < 1 and 0 < told.r2 < 1 and not told.fallback
            choices.add(told.choice)
        session.end()
        told = session.decide()
        assert told.ended and told.c1 == 0 and told.choice in ("accept", "escalate")
    assert "escalate" in choices


def test_costs_are_knobs_of_the_decision(router: Router) -> None:
    _, trajectory = RUNS[0]
    cheap = router.decide(trajectory, costs=Costs(value=1e6, weak=0, strong=0))
    assert (cheap.y1, cheap.y2) == (cheap.r1, cheap.r2)
    dear = router.decide(replace(trajectory, ended=False), costs=Costs(value=0.01, weak=0, strong=5))
    assert dear.choice == "continue" and dear.c2 == 5
    going = replace(trajectory, ended=False)
    assert router.decide(going, costs=Costs(value=0.01, weak=5, strong=5, allow_stop=True)).choice == "stop"
    for bad in ({"value": 0}, {"value": -1}, {"weak": -1}, {"strong": math.inf}):
        with pytest.raises(ValueError, match="Costs"):
            Costs(**bad)


def test_reasons_are_the_exact_shares_of_r2_minus_r1(router: Router) -> None:
    run, trajectory = RUNS[3]
    session = router.replay(replace(trajectory, ended=False), task=run.task)
    heads, ranks = router.bundle.heads, router.bundle.references[HARNESS].ranks(session.row)
    moves = {name: calibrator.kind != "constant" for name, calibrator in router.bundle.calibrators.items()}
    assert moves["r1"]
    shares = moves["r2"] * contributions(heads["r2"], ranks)[:-1] - contributions(heads["r1"], ranks)[:-1]
    reasons = session.explain(len(shares))
    told = {reason.feature: reason.effect for reason in reasons}
    for name, share in zip(router.bundle.features, shares.tolist(), strict=True):
        assert told.get(name, 0.0) == pytest.approx(share, abs=1e-12)
    sizes = [abs(reason.effect) for reason in reasons]
    assert sizes == sorted(sizes, reverse=True)
    assert all(reason.feature in str(reason) and reason.words in str(reason) for reason in reasons)


def test_a_reason_tells_how_the_number_moved(router: Router) -> None:
    session = router.session("fix the parser in src/a.py")
    for failed in (1, 4):
        session.observe(Turn("run", "python -m pytest", f"== {failed} failed, 9 passed in 0.10s ==", "bash"))
    column = router.bundle.features.index("testruns_failing")
    reason = session._reason(column, -0.42)
    assert str(reason) == "30.8 % of the tests fail, up from 10 % (testruns_failing)  -0.42"
    unknown = router.session("x")._reason(router.bundle.features.index("testruns_share"), 0.1)
    assert unknown.words == "nothing run yet"


def test_the_guard_does_not_trust_what_it_never_saw(recorded_bundle: Bundle) -> None:
    router = Router(recorded_bundle, default="escalate", harness=HARNESS)
    session = router.session("fix")
    for number in range(700):
        session.observe(Turn("hmm " * 400, f"cat f{number}.py " * 30, "x" * 50_000, cost=900.0, prompt_tokens=10**8))
    told = session.decide()
    assert "outside the range" in told.fallback and told.choice == "escalate"
    assert not math.isnan(told.r1)


def test_another_catalogue_is_refused(recorded_bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="Train it again"):
        Router(replace(recorded_bundle, catalogue="0" * 64))
    with pytest.raises(ValueError, match="default must be one of"):
        Router(recorded_bundle, default="maybe")


def test_a_bundle_that_wants_what_this_version_does_not_compute_is_refused(recorded_bundle: Bundle) -> None:
    for name in ("traces_nosuch", "nosuch"):
        with pytest.raises(BundleError, match=f"wants the feature '{name}', which this version does not compute"):
            Router(replace(recorded_bundle, features=(name, *recorded_bundle.features[1:]), importances={}))


def test_a_forest_that_is_too_large_to_ask_is_refused(recorded_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest, "MAX_SPLITS", 10)
    with pytest.raises(BundleError, match="more than 10 in all; train a smaller one"):
        Router(recorded_bundle)


def test_trees_that_nobody_listens_to_are_not_asked_and_change_nothing(recorded_bundle: Bundle) -> None:
    flat = Calibrator("constant", b=0.25)
    kinds = {name: flat if name == "r2" else Calibrator() for name in recorded_bundle.calibrators}
    bare = recorded_bundle.heads | {"r2": Head.constant("r2", "logit", 9.0)}
    routers = [
        Router(replace(recorded_bundle, calibrators=kinds, heads=heads), guard=False, harness=HARNESS)
        for heads in (recorded_bundle.heads, bare)
    ]
    assert [set(router.stages[False].place) for router in routers] == [{"r1", "c1"}] * 2
    assert {head.name for head in routers[0].stages[True].speaking.values()} == {"r1_end", "r2_end"}
    for run, trajectory in RUNS[:5]:
        one, other = (router.replay(replace(trajectory, ended=False), task=run.task) for router in routers)
        assert one.decide() == other.decide() and one.decide().r2 == 0.25
        assert [str(reason) for reason in one.explain(5)] == [str(reason) for reason in other.explain(5)]


def test_a_bundle_without_a_strong_head_says_so(recorded_bundle: Bundle) -> None:
    whole = recorded_bundle
    heads = {name: head for name, head in whole.heads.items() if not name.startswith("r2")}
    calibrators = {name: c for name, c in whole.calibrators.items() if name in heads}
    router = Router(replace(whole, heads=heads, calibrators=calibrators), harness=HARNESS)
    told = router.decide(RUNS[0][1])
    assert "without a strong model" in told.fallback and math.isnan(told.r2)
    assert told.as_dict()["r2"] is None


def test_eight_threads_share_a_router_bit_for_bit(router: Router) -> None:
    expected = [router.decide(trajectory, task=run.task) for run, trajectory in RUNS]
    wrong: list[object] = []

    def work() -> None:
        for (run, trajectory), right in zip(RUNS, expected, strict=True):
            told = router.decide(trajectory, task=run.task)
            if told != right:
                wrong.append((told, right))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_pinned_bundle_is_that_bundle(recorded_bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "b.featrouter"
    recorded_bundle.save(path)
    assert (
        Router.load(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest()).bundle.to_bytes() == path.read_bytes()
    )
    with pytest.raises(BundleError, match="sha256"):
        Router.load(path, sha256="0" * 64)


def test_scores_do_not_depend_on_who_asks_before(router: Router) -> None:
    run, trajectory = RUNS[5]
    first = router.replay(trajectory, task=run.task)
    rows = [first.row.copy()]
    first.explain(5)
    first.decide()
    np.testing.assert_array_equal(first.row, rows[0])
