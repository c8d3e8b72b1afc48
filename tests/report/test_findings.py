"""What a report finds is what its parts say: curves, policies, shapes, and what was judged."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest

from featrouter import Bundle
from featrouter.evaluation.crossval import Judged
from featrouter.evaluation.routing import oracle_scores, route_auc
from featrouter.evaluation.turns import arms_at
from featrouter.policy import Policy
from featrouter.report.findings import Findings, find, made_like
from featrouter.report.frontier import frontier
from featrouter.report.knob import STEPS, knob
from featrouter.report.page import page
from featrouter.report.shapes import drawn, swarms
from featrouter.training.costs import spent
from featrouter.training.overlap import KEPT, seen_before, sketch
from featrouter.training.predictions import of_bundle, predict
from featrouter.training.table import Table
from featrouter.training.worth import follow, walks
from tests.report.conftest import QUICK


@pytest.fixture(scope="module")
def judged(table: Table, quick_bundle: Bundle) -> Judged:
    return Judged(of_bundle(table, quick_bundle), {}, np.zeros(len(table), np.int64))


@pytest.mark.campaign
def test_a_bundle_taught_with_these_tasks_is_judged_by_its_making(anew: Findings, as_is: Findings) -> None:
    assert anew.seen == as_is.seen == 1.0
    assert anew.trained_anew and list(anew.evaluation["splits"]) == ["mixed", "repo_disjoint"]
    assert not as_is.trained_anew and list(as_is.evaluation["splits"]) == ["given"]
    assert anew.split == "repo_disjoint" and as_is.split == "given"


def test_on_tasks_that_it_never_saw_the_bundle_itself_is_judged(table: Table, quick_bundle: Bundle) -> None:
    renamed = dataclasses.replace(table, meta=table.meta.assign(task_id="other " + table.meta["task_id"]))
    found = find(renamed, quick_bundle, weak="w", strong="s", draws=20)
    assert found.seen == 0.0 and not found.trained_anew
    silent = dataclasses.replace(quick_bundle, provenance={})
    assert seen_before(["a"], silent.provenance) is None and made_like(silent, 3.0).value == 3.0


def test_it_is_made_like_the_bundle_at_the_value_that_is_asked_for(quick_bundle: Bundle) -> None:
    assert made_like(quick_bundle, 0.7) == dataclasses.replace(QUICK, value=0.7)
    odd = dataclasses.replace(quick_bundle, provenance={"settings": {"without": ["nonsense"]}})
    with pytest.raises(ValueError, match="nonsense"):
        made_like(odd, 1.0)


def test_the_sketch_estimates_the_share_of_tasks_seen() -> None:
    tasks = [f"task {n}" for n in range(5000)]
    provenance = {"tasks_sketch": sketch(tasks)}
    assert len(provenance["tasks_sketch"]) == KEPT and "task" not in "".join(provenance["tasks_sketch"])
    half = [*tasks[:300], *(f"new {n}" for n in range(300))]
    assert seen_before(half, provenance) == pytest.approx(0.5, abs=0.2)
    assert seen_before(tasks, provenance) == 1.0 and seen_before([f"new {n}" for n in range(900)], provenance) == 0.0
    few = {"tasks_sketch": sketch(tasks[:10])}
    assert seen_before(tasks[5:15], few) == 0.5


def test_the_frontier_begins_with_weak_and_its_oracle_has_the_oracle_s_area(table: Table, judged: Judged) -> None:
    told = frontier(table, judged, 0.2, "2")
    assert told is not None and told.runs == 60 and told.left_out == 0
    for x, y in told.curves.values():
        assert (x[0], y[0]) == (pytest.approx(told.weak[0]), pytest.approx(told.weak[1]))
    rows = ((table.meta["at_end"] == 0) & (table.meta["k"] == 2)).to_numpy()
    arms, _ = arms_at(table, rows, spent(table))
    x, y = told.curves["oracle"]
    share = (x - told.weak[0]) / (told.strong[0] - told.weak[0]), (y - told.weak[1]) / (told.strong[1] - told.weak[1])
    area = float(route_auc(oracle_scores(arms), arms, np.ones((1, 60)))[0])
    kept = np.flatnonzero(np.diff(share[0], append=2) > 0)
    inside = np.interp(np.linspace(0, 1, 2001), share[0][kept], share[1][kept])
    assert float(np.mean(inside)) == pytest.approx(area, abs=0.03)
    band = told.random[2] - told.random[1]
    assert (band >= -1e-12).all() and band[20] > 0


def test_runs_without_a_cost_are_left_out_of_money_and_counted(table: Table, judged: Judged) -> None:
    first = table.meta["run_id"] == table.meta["run_id"].iloc[0]
    costs = table.meta["cost_strong_usd"].where(~first)
    missing = dataclasses.replace(table, meta=table.meta.assign(cost_strong_usd=costs))
    told = frontier(missing, judged, 0.2, "end")
    runs = walks(missing, judged.told)
    assert told is not None and (told.runs, told.left_out) == (59, 1)
    assert runs is not None
    turned = knob(runs, {"rule": Policy()}, 0.2, draws=10)
    assert turned is not None and (turned["runs"], turned["left_out"]) == (59, 1)
    none = runs.where(np.zeros(len(runs), bool))
    assert knob(none, {"rule": Policy()}, 0.2) is None


def test_the_knob_tells_what_each_policy_would_have_done(table: Table, judged: Judged, as_is: Findings) -> None:
    runs = walks(table, judged.told)
    assert runs is not None and as_is.knob is not None
    for at in (0, STEPS, 2 * STEPS):
        value = as_is.knob["values"][at]
        ledger = follow(Policy(), runs, value)
        row = as_is.knob["policies"]["rule"][at]
        assert row["resolved"] == pytest.approx(ledger.resolved.mean(), abs=1e-4)
        assert row["cost"] == pytest.approx(ledger.cost.mean(), rel=1e-3)
        best = max(as_is.knob["policies"][name][at]["net"] for name in ("always-weak", "always-strong", "stop"))
        assert row["gain"] == pytest.approx(row["net"] - best, abs=2e-3 * (1 + abs(best)))
        assert row["gain_ci"][0] <= row["gain"] <= row["gain_ci"][1]
        assert as_is.knob["policies"]["oracle"][at]["net"] >= best - 1e-3 * abs(best)
    assert as_is.knob["values"][STEPS] == 0.2 and as_is.knob["values"] == sorted(as_is.knob["values"])
    assert set(as_is.knob["policies"]) > set(as_is.bundle.policies)


@pytest.mark.campaign
def test_at_the_user_s_value_the_knob_says_what_evaluate_says(anew: Findings) -> None:
    (told,) = [one for one in anew.evaluation["splits"]["repo_disjoint"]["value"] if one["value"] == 0.2]
    assert anew.knob is not None
    for name in ("rule", "rule + stop", "end", "always-weak", "always-strong", "oracle"):
        row = anew.knob["policies"][name][STEPS]
        assert (row["net"], row["resolved"]) == (told["policies"][name]["net"], told["policies"][name]["resolved"])


def test_swarms_are_the_effects_that_sessions_explain(table: Table, quick_bundle: Bundle) -> None:
    sample = drawn(table, quick_bundle)
    assert len(sample) == 60 and sample.meta["run_id"].is_unique and (sample.meta["at_end"] == 0).all()
    found = swarms(sample, quick_bundle)
    means = [float(np.abs(one.effects).mean()) for one in found]
    assert means == sorted(means, reverse=True) and means[-1] > 0
    assert all(len(one.effects) == len(one.ranks) == 60 for one in found)


def test_dependence_is_the_mean_answer_with_one_feature_set(table: Table, as_is: Findings) -> None:
    bundle, sample = as_is.bundle, drawn(table, as_is.bundle)
    one = as_is.dependences[0]
    at = bundle.features.index(one.feature)
    x = sample.x.copy()
    for row, harness in enumerate(sample.meta["harness"]):
        x[row, at] = bundle.references[harness].quantiles[at][10]
    told = predict(dataclasses.replace(sample, x=x), bundle.heads, bundle.calibrators, bundle.costs, bundle.references)
    assert one.r1[10] == pytest.approx(told.r1.mean()) and one.r2[10] == pytest.approx(told.r2.mean())


@pytest.mark.campaign
def test_the_numbers_behind_the_page_are_json(anew: Findings) -> None:
    told = json.loads(json.dumps(anew.as_dict(), allow_nan=False))
    assert told["judged"] == "folds" and [one["turn"] for one in told["frontiers"]][-1] == "end"
    assert set(told["frontiers"][0]["curves"]) == {"router", "oracle", "repeated"}


@pytest.mark.campaign
def test_it_begins_with_the_verdict_and_says_what_was_judged(anew: Findings, as_is: Findings) -> None:
    for found, words in ((anew, "how this bundle was made"), (as_is, "this bundle as it is")):
        text = page(found, "b")
        verdict = re.search(r'<p class="verdict[^"]*"><b>(.*?)\.</b></p>', text, re.DOTALL)
        assert verdict and verdict[1].lower() == found.evaluation["verdict"][0].lower()
        assert words in text and "It learned from 100% of the tasks" in text


@pytest.mark.campaign
def test_both_pages_are_small(anew: Findings, as_is: Findings) -> None:
    assert all(len(page(found, "b").encode()) < 2**20 for found in (anew, as_is))
