"""The report: its keys, JSON without NaN, the same every time, and right on tables whose answer is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulator as sim
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from featrouter.bundle import Bundle
from featrouter.evaluation.crossval import cross_validated
from featrouter.evaluation.evaluate import evaluate
from featrouter.evaluation.turns import LEAST_ROWS
from featrouter.logs import LogError, Logs
from featrouter.training.fit import folds
from featrouter.training.learn import Settings, learn
from featrouter.training.predictions import Predictions, of_bundle
from featrouter.training.table import Table, join_strong, select, table_of

ROOT = Path(__file__).parent.parent.parent
SHARED = ROOT.parent / "shared" / "data"
STRONG = "scripted-strong"
#: Nested evaluation trains dozens of heads: the linear one is learned in milliseconds, and shows the same of a report.
QUICK = Settings(head="linear", panel=False, calibration="platt")
FOREST = Settings(head="lightgbm", panel=False)

HEAD = {"auroc", "auroc_ci", "within_auroc", "within_auroc_ci", "brier", "brier_ci", "brier_constant"}
HEAD |= {"logloss", "logloss_ci", "smece", "smece_ci", "smece_chance", "curve", "predicted", "resolved", "n"}
ROUTE = {"route_auc", "route_auc_ci", "gain_over_prompt", "gain_ci", "gain_ci_all", "random_band", "above_chance"}
ROUTE |= {"oracle", "perfect_r1"}
POLICIES = {f"{name}{stop}" for name in ("rule", "fixed", "end", "anytime") for stop in ("", " + stop")}


@pytest.fixture(scope="module")
def recorded() -> Table:
    logs = Logs([ROOT / "data" / "recorded"])
    return join_strong(table_of(logs), logs, STRONG)


@pytest.fixture(scope="module")
def early(recorded: Table) -> Table:
    """The first turns and the end, and a few features: all of them would take most of the time of this file."""
    part = recorded.where((recorded.meta["k"].isin((0, 1, 3)) | (recorded.meta["at_end"] == 1)).to_numpy())
    some = [at for at, name in enumerate(part.names) if name.startswith(("prompt_", "loops_", "traces_s", "edits_s"))]
    return Table(part.meta, part.x[:, some], tuple(part.names[at] for at in some))


@pytest.fixture(scope="module")
def report(early: Table) -> dict[str, Any]:
    rules = ("stage", "repeated")
    return evaluate(early, weak="scripted-agent", strong=STRONG, settings=QUICK, baselines=rules, draws=60)


@pytest.fixture(scope="module")
def planted() -> dict[str, Any]:
    """A feature that gives the outcome away from turn 1 on, found by a router that was trained inside the folds."""
    table = pair(n=140, signal=3.0, turns=2)
    return evaluate(table, weak="small", strong="big", settings=QUICK, splits=("repo_disjoint",), draws=60)


def all_rows(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for split in report["splits"].values() for row in [*split["k"].values(), split["end"]]]


def test_the_keys_are_those_of_the_method(report: dict[str, Any], early: Table) -> None:
    top = {"pair", "tasks", "runs", "value", "settings", "splits", "co_failure", "oracle_stopped", "leaking", "verdict"}
    assert set(report) == top
    assert report["pair"] == {"weak": "scripted-agent", "strong": STRONG}
    assert report["tasks"] == 24 and report["runs"] == 60
    assert report["value"] == 10 and report["settings"] == QUICK.as_dict()
    assert set(report["splits"]) == {"mixed", "repo_disjoint"}
    going = early.meta[early.meta["at_end"] == 0]
    enough = [str(int(k)) for k, rows in going.groupby("k") if len(rows) >= LEAST_ROWS]
    for split in report["splits"].values():
        assert (
            set(split) == {"k", "end", "all_turns", "value", "unpriced", "calibration", "folds"}
            and list(split["k"]) == enough
        )
        for k, row in split["k"].items():
            assert row["r1"]["n"] == row["r2"]["n"] == (going["k"] == int(k)).sum()
        assert split["end"]["r1"]["n"] == 60
        assert set(split["calibration"]) == {"r1", "r2"}
    for row in all_rows(report):
        assert set(row) == {"r1", "r2", "baselines"} | ROUTE
        assert set(row["r1"]) == HEAD == set(row["r2"])
        assert set(row["baselines"]) == {"stage", "repeated"}
        assert all(set(one) == {"r1", "route"} for one in row["baselines"].values())


def test_every_policy_of_every_fold_is_judged_at_every_value(report: dict[str, Any]) -> None:
    for split in report["splits"].values():
        assert 10 in [one["value"] for one in split["value"]] and len(split["value"]) == 6
        for one in split["value"]:
            assert set(one["policies"]) == POLICIES | {
                "stage",
                "repeated",
                "always-weak",
                "always-strong",
                "stop",
                "oracle",
            }
            assert one["policies"][one["best_constant"]]["gain_over_constant"] == 0
        assert len(split["folds"]) == 5
        assert all(set(made) == {"recipes", "calibrators", "policies", "flags"} for made in split["folds"])


def test_the_report_is_json_without_nan(report: dict[str, Any]) -> None:
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_the_report_is_the_same_on_one_core_and_on_two() -> None:
    table = pair(n=60, turns=1)
    one, two = (
        evaluate(table, weak="small", strong="big", settings=QUICK, splits=("mixed",), draws=10, jobs=jobs)
        for jobs in (1, 2)
    )
    assert json.dumps(one, allow_nan=False) == json.dumps(two, allow_nan=False)


def test_numbers_keep_their_order(report: dict[str, Any]) -> None:
    for row in all_rows(report):
        for name, ends in (("route_auc", row["route_auc_ci"]), ("gain_over_prompt", row["gain_ci"])):
            assert ends[0] - 0.05 <= row[name] <= ends[1] + 0.05
        low, high = row["r1"]["auroc_ci"]
        assert low < row["r1"]["auroc"] < high or low == row["r1"]["auroc"] == high == 0.5  # it gives all the same r1
        assert row["random_band"][0] < row["random_band"][1] < row["oracle"]
        assert row["oracle"] >= row["perfect_r1"] and row["oracle"] >= row["route_auc"]
    for split in report["splits"].values():
        prompt = split["k"]["0"]
        assert prompt["gain_over_prompt"] == 0 and prompt["gain_ci"] == [0, 0]
        for row in split["k"].values():
            assert row["gain_over_prompt"] == pytest.approx(row["route_auc"] - prompt["route_auc"], abs=2e-4)


def pair(n: int = 150, **more: Any) -> Table:
    rng = np.random.default_rng(3)
    weak = (rng.random(n) < 0.5).astype(float)
    return sim.plain_table(weak, np.maximum(weak, (rng.random(n) < 0.8).astype(float)), **more)


def given_r1(table: Table, r1: Any, draws: int = 30) -> dict[str, Any]:
    n = len(table)
    told = Predictions(np.broadcast_to(r1, n).astype(float), np.full(n, 0.9), np.full(n, 0.5), np.full(n, 10.0))
    return evaluate(table, weak="small", strong="big", given=told, draws=draws)


def test_given_predictions_are_reported_as_they_are() -> None:
    table = pair()
    p = np.random.default_rng(0).random(len(table))
    found = given_r1(table, p)
    assert set(found["splits"]) == {"given"} and set(found["splits"]["given"]["k"]) == {"0", "1", "2"}
    for k, row in found["splits"]["given"]["k"].items():
        at = ((table.meta["k"] == int(k)) & (table.meta["at_end"] == 0)).to_numpy()
        y = table.meta["y_weak"].to_numpy()[at]
        assert row["r1"]["auroc"] == pytest.approx(roc_auc_score(y, p[at]), abs=5.1e-5)
        assert row["r1"]["brier"] == pytest.approx(brier_score_loss(y, p[at]), abs=5.1e-5)
        assert row["r1"]["logloss"] == pytest.approx(log_loss(y, p[at]), abs=5.1e-5)
        assert row["r1"]["brier_constant"] == pytest.approx(y.mean() * (1 - y.mean()), abs=5.1e-5)
        assert row["r1"]["predicted"] == pytest.approx(p[at].mean(), abs=5.1e-5)
        assert row["r1"]["resolved"] == pytest.approx(y.mean(), abs=5.1e-5)
        assert row["r2"]["auroc"] == row["r2"]["within_auroc"] == 0.5
    policies = found["splits"]["given"]["value"][0]["policies"]
    assert set(policies) == {"rule", "rule + stop", "always-weak", "always-strong", "stop", "oracle"}


def test_a_perfect_r1_gets_the_area_of_perfect_r1_and_a_reversed_one_less_than_chance() -> None:
    table = pair()
    y = table.meta["y_weak"].to_numpy()
    row = given_r1(table, 0.01 + 0.98 * y)["splits"]["given"]["k"]["1"]
    assert row["r1"]["auroc"] == 1 and row["route_auc"] == row["perfect_r1"] > row["random_band"][1]
    assert row["above_chance"] is True
    assert row["oracle"] > row["perfect_r1"]  # it knows strong's failures, too
    back = given_r1(table, 0.99 - 0.98 * y)["splits"]["given"]["k"]["1"]
    assert back["r1"]["auroc"] == 0 and back["route_auc"] < back["random_band"][0] and back["above_chance"] is False
    constant = given_r1(table, 0.5)["splits"]["given"]
    assert constant["k"]["0"]["route_auc"] == pytest.approx(0.5, abs=1e-4)
    # a third of the weak run (0.333 USD) is charged on top of the 9 USD that strong costs more
    assert constant["k"]["1"]["route_auc"] == pytest.approx(0.5 * 9 / (9 + 1 / 3), abs=1e-4)


def test_the_scores_weigh_both_arms_and_the_costs() -> None:
    columns = [0.5, 0.5, 0.2], [0.9, np.nan, 0.9], [1, 1, np.nan], [3, 3.0, 3]
    told = Predictions(*(np.array(column) for column in columns))
    assert told.scores(10).tolist() == pytest.approx([0.9 - 0.5 - 0.2, -0.5 - 0.2, 0.7])
    assert told.scores(1).tolist() == pytest.approx([0.4 - 2, -2.5, 0.7])


def test_a_planted_signal_is_found_at_its_turn_and_routing_is_advised(planted: dict[str, Any]) -> None:
    assert set(planted["splits"]) == {"repo_disjoint"}
    prompt, after = (planted["splits"]["repo_disjoint"]["k"][k] for k in ("0", "1"))
    assert prompt["r1"]["auroc"] < 0.65 and after["r1"]["auroc"] > 0.85
    assert after["route_auc"] > after["random_band"][1] and after["gain_ci_all"][0] > 0
    assert after["r1"]["brier"] < after["r1"]["brier_constant"]
    assert planted["verdict"][0].startswith("route at turn 1: ")
    assert planted["oracle_stopped"] == []


@pytest.mark.campaign
def test_labels_that_are_noise_are_not_foreseen_and_routing_is_advised_against() -> None:
    areas = []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        weak, strong = (rng.random(200) < 0.5).astype(float), (rng.random(200) < 0.8).astype(float)
        table = sim.plain_table(weak, strong, turns=1, seed=seed)
        found = evaluate(table, weak="small", strong="big", settings=QUICK, splits=("mixed",), draws=100)
        areas += [row["r1"]["auroc"] for row in all_rows(found)]
        assert found["verdict"][0].startswith("do not route this pair: at no turn")
    assert np.mean(areas) == pytest.approx(0.5, abs=0.05)


def test_no_group_is_seen_by_the_heads_that_judge_it() -> None:
    """Columns that name two repositories tell the label of their runs, and nothing of another's."""
    table = sim.plain_table(np.tile([0.0, 1, 0, 1, 0], 16), np.ones(80), repos=5, turns=1)
    table.x[:, :] = 0
    for column, name in enumerate(("repo00001", "repo00003")):
        table.x[:, column] = table.meta["repo"] == name
    solved = ((table.meta["y_weak"] == 1) & (table.meta["at_end"] == 0)).to_numpy()
    mixed, apart = (cross_validated(table, group, QUICK).told.r1 for group in ("task_id", "repo"))
    assert (mixed[solved] > 0.9).all() and (apart[solved] < 0.1).all()


def test_where_no_promise_on_harm_can_be_made_the_rest_is_judged_all_the_same() -> None:
    table = sim.plain_table(np.tile([0.0, 1], 20), np.ones(40), turns=1)
    alone = replace(table, meta=table.meta.drop(columns=["y_strong", "cost_strong_usd"]))
    promising = replace(QUICK, policy="risk-controlled", max_harm=0.1)
    told, plain = (cross_validated(alone, "task_id", settings).told.r1 for settings in (promising, QUICK))
    np.testing.assert_array_equal(told, plain)
    assert np.isfinite(told).all()


def test_equal_models_are_refused_with_a_reason() -> None:
    weak = (np.arange(80) % 2).astype(float)
    found = given_r1(sim.plain_table(weak, weak), 0.5)
    for row in all_rows(found):
        assert row["route_auc"] is row["route_auc_ci"] is row["gain_over_prompt"] is row["gain_ci"] is None
        assert row["random_band"] is row["oracle"] is None and row["above_chance"] is False
        assert "within two standard errors" in row["route_auc_refused"]
        assert row["r1"]["auroc"] == 0.5
    assert found["verdict"][0].startswith("do not route this pair: Route-AUC is not defined (strong solves 50.0%")
    json.dumps(found, allow_nan=False)


def test_missing_costs_are_a_reason_too() -> None:
    table = pair()
    table.meta["cost_strong_usd"] = np.nan
    found = given_r1(table, 0.5)["splits"]["given"]
    row = found["k"]["0"]
    assert row["route_auc"] is None and "do not hold the cost" in row["route_auc_refused"]
    assert found["value"] == []


def test_an_oracle_stopped_log_is_named_and_in_the_verdict() -> None:
    solved = np.repeat([1.0, 0.0], 40)
    found = given_r1(sim.plain_table(solved, np.ones(80), turns=np.repeat([3, 8], 40)), 0.5)
    (stop,) = found["oracle_stopped"]
    assert stop["harness"] == "harness" and stop["last_turn"] == 8
    assert any(words.startswith("oracle-stopped log: runs of small (harness)") for words in found["verdict"])


def test_turns_with_few_runs_are_left_out() -> None:
    table = pair(n=60, turns=np.repeat([2, 6], [60 - LEAST_ROWS + 1, LEAST_ROWS - 1]))
    assert set(given_r1(table, 0.5)["splits"]["given"]["k"]) == {"0", "1"}


def test_without_a_strong_model_r1_is_judged_alone() -> None:
    table = pair(n=60, turns=1)
    bare = Table(table.meta.drop(columns=["y_strong", "cost_strong_usd"]), table.x, table.names)
    found = evaluate(bare, weak="small", settings=QUICK, splits=("mixed",), draws=20)
    row = found["splits"]["mixed"]["k"]["0"]
    assert row["r1"]["n"] == 60 and row["r2"]["n"] == 0 and row["r2"]["auroc"] is None and row["route_auc"] is None
    assert found["co_failure"] is None and "no strong model was named" in found["verdict"][0]
    assert found["splits"]["mixed"]["value"] == []
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_handful_of_runs_gives_a_report_in_words(recorded: Table, n: int) -> None:
    runs = recorded.meta.drop_duplicates("task_id")["run_id"][:n]
    few = recorded.where(recorded.meta["run_id"].isin(runs).to_numpy())
    found = evaluate(few, weak="w", strong="s", settings=FOREST, draws=5)
    expected = "too few tasks to judge routing" if n == 1 else "do not route this pair"
    assert found["runs"] == n and found["verdict"][0].startswith(expected)
    json.dumps(found, allow_nan=False)


def test_one_repository_has_no_repo_disjoint_split() -> None:
    table = sim.plain_table((np.arange(40) % 2).astype(float), np.ones(40), repos=1, turns=1)
    assert set(evaluate(table, weak="w", strong="s", settings=QUICK, draws=5)["splits"]) == {"mixed"}


def test_a_bundles_own_predictions_and_policies(recorded_bundle: Bundle, recorded: Table) -> None:
    told = of_bundle(recorded, recorded_bundle)
    ended = (recorded.meta["at_end"] == 1).to_numpy()
    assert (told.c1[ended] == 0).all() and (told.c1[~ended] > 0).all() and (told.c2 > 0).all()
    assert ((told.r1 > 0) & (told.r1 < 1) & (told.r2 > 0) & (told.r2 < 1)).all()
    own = recorded_bundle.policies
    found = evaluate(recorded, weak="w", strong="s", given=told, policies=own, draws=10)["splits"]["given"]
    assert found["k"]["2"]["r1"]["auroc"] > 0.7  # it saw these labels
    for one in found["value"]:
        assert set(one["policies"]) >= {"rule", "fixed", "anytime", "rule + stop", "anytime + stop", "oracle"}
    other = Table(recorded.meta, recorded.x[:, 1:], recorded.names[1:])
    with pytest.raises(LogError, match="another feature catalogue; train it again"):
        of_bundle(other, recorded_bundle)


def test_a_bundle_finds_its_features_by_name(recorded_bundle: Bundle, recorded: Table) -> None:
    turned = Table(recorded.meta, recorded.x[:, ::-1], recorded.names[::-1])
    assert of_bundle(turned, recorded_bundle).r1.tolist() == of_bundle(recorded, recorded_bundle).r1.tolist()


@pytest.fixture(scope="module")
def one_armed() -> tuple[Table, Predictions]:
    return sim.one_armed(sim.draw(sim.World(), 400, seed=11), 2, seed=12)


def test_a_one_armed_log_is_judged_off_policy(one_armed: tuple[Table, Predictions]) -> None:
    table, told = one_armed
    found = evaluate(table, weak="small", strong="big", given=told, draws=20, settings=Settings(value=14.0))
    part = found["splits"]["given"]
    assert {"dm", "ips", "snips", "dr", "ess", "gain_over_weak", "gain_over_strong"} < set(part["off_policy"])
    assert part["value"] == [] and found["co_failure"] is None  # no run has both outcomes
    assert "(doubly robust;" in found["verdict"][0]
    assert part["k"]["2"]["r1"]["n"] + part["k"]["2"]["r2"]["n"] == part["off_policy"]["n"]
    json.dumps(found, allow_nan=False)


def test_a_one_armed_log_without_propensities_supports_no_claim(one_armed: tuple[Table, Predictions]) -> None:
    table, told = one_armed
    blank = replace(table, meta=table.meta.assign(propensity=np.nan))
    found = evaluate(blank, weak="small", strong="big", given=told, draws=20)
    assert set(found["splits"]["given"]["off_policy"]) == {"n", "left_out", "certain", "escalated", "dm", "claim"}
    assert found["verdict"][0].startswith("nothing can be claimed from this log")
    json.dumps(found, allow_nan=False)


def test_a_router_is_trained_on_a_one_armed_log_inside_the_folds(one_armed: tuple[Table, Predictions]) -> None:
    table, _ = one_armed
    found = evaluate(table, weak="small", strong="big", settings=QUICK, splits=("mixed",), draws=20)
    part = found["splits"]["mixed"]
    assert part["k"]["2"]["r1"]["auroc"] > 0.6 and part["k"]["2"]["r2"]["auroc"] > 0.55
    assert part["off_policy"]["dr"]["ci"][0] < part["off_policy"]["dr"]["value"] < part["off_policy"]["dr"]["ci"][1]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
@pytest.mark.campaign
def test_on_the_oracle_stopped_sql_log_r1_tells_at_turn_3_in_repositories_it_never_saw() -> None:
    """One fold of the repo-disjoint split, and turns 0 to 3 alone: all of it takes half a minute."""
    logs = Logs([SHARED / f"intercode-sql.{form}.csv.xz" for form in ("turns", "runs", "outcomes")])
    table = join_strong(select(table_of(logs), weak="gpt-3.5", harness=["intercode-sql"]), logs, "gpt-4")
    train, test = next(folds(table.meta["y_weak"].to_numpy(), table.meta["repo"].to_numpy(), n=2))
    early = (table.meta["k"].isin((0, 2, 3)) & (table.meta["at_end"] == 0)).to_numpy()
    judged = table.where(test)
    told = learn(table.where(train & early), replace(FOREST, calibration="platt")).predict(judged)
    found = evaluate(judged, weak="gpt-3.5", strong="gpt-4", given=told, draws=40)
    row = found["splits"]["given"]["k"]["3"]
    assert row["r1"]["auroc"] >= 0.78
    assert row["route_auc"] > row["random_band"][1]
    assert [stop["harness"] for stop in found["oracle_stopped"]] == ["intercode-sql"]
    assert any(words.startswith("oracle-stopped log: runs of gpt-3.5 (intercode-sql)") for words in found["verdict"])
