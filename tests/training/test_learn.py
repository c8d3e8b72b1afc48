"""From a table to a bundle: the same bytes whenever and wherever, and all that a bundle promises to hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featrouter.bundle import Bundle
from featrouter.calibration import Calibrator
from featrouter.catalogue import digest, feature_set
from featrouter.logs import Outcome
from featrouter.training.bundling import train
from featrouter.training.calibrate import fit_calibrator
from featrouter.training.fit import fit_head
from featrouter.training.learn import MOST_WEIGHT, Settings, learn, rows_for
from featrouter.training.metrics import auroc
from featrouter.training.panel import join_panel
from featrouter.training.references import ranked
from featrouter.training.search import choose
from featrouter.training.table import Table
from featrouter.training.worth import constants, follow, walks

ROOT = Path(__file__).parent.parent.parent
RECORDED = ROOT / "data" / "recorded"
STRONG = "scripted-strong"


def test_the_same_table_gives_the_same_bytes(recorded: Table, bundle: Bundle) -> None:
    assert train(recorded, strong=STRONG).to_bytes() == bundle.to_bytes()
    assert Bundle.from_bytes(bundle.to_bytes()).to_bytes() == bundle.to_bytes()


def test_another_label_gives_another_bundle(recorded: Table, bundle: Bundle) -> None:
    first = recorded.meta["run_id"] == recorded.meta["run_id"].iloc[0]
    y = recorded.meta["y_weak"].where(~first, 1 - recorded.meta["y_weak"])
    other = train(replace(recorded, meta=recorded.meta.assign(y_weak=y)), strong=STRONG)
    assert other.provenance["data_sha256"] != bundle.provenance["data_sha256"]
    assert other.heads["r1"].value.tolist() != bundle.heads["r1"].value.tolist()
    assert other.heads["r2"].value.tolist() == bundle.heads["r2"].value.tolist()


def test_a_bundle_holds_what_it_promises(bundle: Bundle, recorded: Table) -> None:
    assert bundle.features == feature_set().names and bundle.catalogue == digest()
    assert {"r1", "r2", "r1_end", "r2_end"} <= set(bundle.heads) <= {"r1", "r2", "r1_end", "r2_end", "c1", "c2"}
    assert set(bundle.calibrators) == {"r1", "r2", "r1_end", "r2_end"} == set(bundle.metrics)
    assert not any(bundle.heads[name].empty for name in bundle.calibrators)
    assert set(bundle.policies) == {"rule", "fixed", "anytime"} and bundle.policy == "rule"
    meta = recorded.meta
    per_run = meta.groupby("run_id")["cost_strong_usd"].first()
    assert bundle.costs["strong"] == pytest.approx(per_run.mean(), rel=1e-5)
    assert bundle.costs["value"] == 10 and bundle.costs["handover"] == "restart"
    knots = np.array(bundle.costs["weak_remaining"])
    at_start = meta.loc[meta["k"] == 0, "cost_weak_usd"].mean()
    assert knots[0].tolist() == pytest.approx([0, at_start], rel=1e-5)
    assert knots[:, 0].tolist() == sorted(set(meta.loc[meta["at_end"] == 0, "k"]))
    assert bundle.provenance["runs"] == 60 and bundle.provenance["tasks"] == 24
    assert bundle.provenance["rows"] == len(recorded) and bundle.provenance["strong_model"] == STRONG
    assert bundle.provenance["weak_models"] == ["scripted-agent"]
    assert sum(bundle.provenance["harnesses"].values()) == 60
    json.dumps([bundle.metrics, bundle.provenance, bundle.importances, bundle.costs], allow_nan=False)
    idle = [name for name, calibrator in sorted(bundle.calibrators.items()) if calibrator.kind == "constant"]
    assert sorted(flag.split()[0] for flag in bundle.flags) == idle


def test_references_span_99_percent_of_the_rows_of_their_harness(bundle: Bundle, recorded: Table) -> None:
    assert list(bundle.references) == ["recorded-bash", "recorded-editor"]
    for name, reference in bundle.references.items():
        x = recorded.x[(recorded.meta["harness"] == name).to_numpy()]
        assert reference.runs == 30
        assert set(reference.shifts) <= {"c1", "c2"}  # too few runs to tell one harness's rate from another's
        assert (np.isnan(reference.quantiles).all(axis=1) == np.isnan(x).all(axis=0)).all()
        outside = (x < reference.quantiles[:, 0]) | (x > reference.quantiles[:, -1])
        assert 0 < outside.sum(axis=0).max() <= 0.01 * len(x) + 1
        assert (outside.sum(axis=1) <= reference.limit).mean() >= 0.99
        assert (outside.sum(axis=1) < reference.limit).mean() < 0.99 or reference.limit == 0


def test_heads_and_calibrators_are_of_the_rows_they_are_named_for(bundle: Bundle, recorded: Table) -> None:
    ended = (recorded.meta["at_end"] == 1).to_numpy()
    among = ranked(recorded, bundle.references)  # of each harness as many runs, so that all count alike
    rows = rows_for(among, "y_weak", panel=False).where(ended)
    recipe, held = choose("r1_end", rows, rows.tasks)
    head = fit_head("r1_end", "logit", rows, recipe).head
    np.testing.assert_array_equal(head.value, bundle.heads["r1_end"].value)
    np.testing.assert_array_equal(head.threshold, bundle.heads["r1_end"].threshold)
    assert fit_calibrator(held.scores, rows.y, rows.weights, rows.tasks, rows.runs) == bundle.calibrators["r1_end"]
    assert bundle.metrics["r1_end"]["recipe"] == recipe.as_dict()


def test_importances_are_of_catalogue_features_and_agree_with_the_heads(recorded: Table) -> None:
    found = train(recorded, strong=STRONG, settings=Settings(head="lightgbm"))
    assert found.importances and set(found.importances) <= set(feature_set().names)
    trees = [found.heads[name] for name in ("r1", "r2")]
    used = np.bincount(
        np.concatenate([head.feature[head.feature >= 0] for head in trees]), minlength=len(recorded.names)
    )
    splits = {name: row["split"] for name, row in found.importances.items()}
    asked = {name: used[i] for i, name in enumerate(found.features) if used[i]}
    assert {name: n for name, n in splits.items() if n} == asked
    for row in found.importances.values():
        assert set(row) == {"gain", "split", "permutation", "shap"}
        assert (row["gain"] > 0) == (row["split"] > 0) and row["shap"] >= 0


def test_twenty_runs_give_constants_and_flags(recorded: Table, first_runs) -> None:
    few = train(first_runs(recorded, 20), strong=STRONG)
    names = ["r1", "r2", "r1_end", "r2_end"]
    assert [flag.split(" answers the base rate: 20 labelled runs")[0] for flag in few.flags] == names
    assert all(few.heads[name].empty for name in names)
    assert set(few.calibrators.values()) == {Calibrator("none")} and few.metrics == {} and few.importances == {}


@pytest.mark.parametrize("handover", ["restart", "handover"])
def test_handover_and_value_are_recorded(recorded: Table, first_runs, handover: str) -> None:
    found = train(first_runs(recorded, 3), strong=STRONG, settings=Settings(handover=handover, value=0.5))
    assert found.costs["handover"] == handover and found.costs["value"] == 0.5


def test_without_a_strong_model_there_is_r1_only(recorded: Table, first_runs) -> None:
    bare = first_runs(recorded, 20)
    bare = replace(bare, meta=bare.meta.drop(columns=["y_strong", "cost_strong_usd"]))
    found = train(bare, strong=None)
    assert set(found.calibrators) == {"r1", "r1_end"}
    assert found.costs["strong"] is None and found.provenance["strong_model"] is None and "c2" not in found.heads


def test_runs_without_a_label_are_refused_or_left_out(recorded: Table, first_runs) -> None:
    none = replace(recorded, meta=recorded.meta.assign(y_weak=np.nan))
    with pytest.raises(ValueError, match="no run has a y_weak label: fill y_weak"):
        train(none, strong=STRONG)
    few = first_runs(recorded, 12)
    hidden = few.meta["run_id"].isin(sorted(set(few.meta["run_id"]))[:5])
    found = train(replace(few, meta=few.meta.assign(y_weak=few.meta["y_weak"].mask(hidden))), strong=STRONG)
    assert "r1 answers the base rate: 7 labelled runs" in found.flags[0]
    assert "r2 answers the base rate: 12 labelled runs" in found.flags[1]


def test_a_log_that_prices_turns_above_the_run_still_trains(recorded: Table, first_runs) -> None:
    few = first_runs(recorded, 6)
    found = train(replace(few, meta=few.meta.assign(cost_weak_usd=few.meta["cost_weak_usd"] / 10)), strong=STRONG)
    assert min(usd for _, usd in found.costs["weak_remaining"]) == 0


def test_progress_names_the_stages(recorded: Table, first_runs) -> None:
    told: list[str] = []
    train(first_runs(recorded, 2), strong=STRONG, progress=told.append)
    heads = [f"{name}; heads done: {done} of 4" for done, name in enumerate(("r1", "r2", "r1_end", "r2_end"))]
    assert told == [*heads, "costs", "importances"]


def test_a_calibrator_never_turns_the_ranking_round(bundle: Bundle) -> None:
    """Out-of-fold scores that rank backwards are noise about the base rate; the refitted head ranks forwards."""
    scores = np.linspace(-3, 3, 50)
    assert all((np.diff(calibrator(scores)) >= 0).all() for calibrator in bundle.calibrators.values())


def test_the_settings_are_in_the_provenance(bundle: Bundle) -> None:
    told = bundle.provenance["settings"]
    assert {
        "value": 10.0,
        "head": "auto",
        "calibration": "auto",
        "policy": "rule",
        "tune": False,
    }.items() <= told.items()
    assert told["members"] == 6 and told["trees"] == 80 and told["folds"] == 5


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"policy": "clever"}, "policy 'clever': known are rule, fixed, anytime, risk-controlled"),
        ({"policy": "risk-controlled"}, "go together"),
        ({"max_harm": 0.1}, "go together"),
        ({"policy": "risk-controlled", "max_harm": 0.1, "allow_stop": True}, "no room for giving up"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings(**wrong)


def coins(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return (rng.random(n) < 0.5).astype(float), (rng.random(n) < 0.9).astype(float)


def test_what_is_told_of_a_row_comes_from_heads_that_never_saw_its_task(made_up) -> None:
    """Columns that a run carries through all its rows let a head learn runs by heart: it must not show in `told`."""
    table = made_up(*coins(120))
    table.x[:] = np.repeat(table.x[::4], 4, axis=0)
    found = learn(table, Settings(head="lightgbm", calibration="none"))
    heart = replace(found, calibrators=dict.fromkeys(found.calibrators, Calibrator("none"))).predict(table)
    y, one = table.meta["y_weak"].to_numpy(), np.ones((1, len(table)))
    assert auroc(heart.r1, y, one)[0] > 0.7
    assert auroc(found.told.r1, y, one)[0] < 0.6


def test_the_end_is_told_by_heads_of_ends(made_up) -> None:
    table = made_up(*coins(120), signal=3.0)
    ended = (table.meta["at_end"] == 1).to_numpy()
    table.x[ended, 0] *= -1  # what speaks for an answer on the way speaks against it at the end
    told, y = learn(table, Settings()).told.r1, table.meta["y_weak"].to_numpy()
    late = ended | (table.meta["k"] > 0).to_numpy()
    for rows in (ended, late & ~ended):
        assert told[rows & (y == 1)].mean() > told[rows & (y == 0)].mean() + 0.4


@pytest.mark.parametrize("head", ["lightgbm", "linear", "blend"])
@pytest.mark.parametrize("calibration", ["none", "platt"])
def test_head_and_calibration_are_those_that_were_asked_for(made_up, head: str, calibration: str) -> None:
    table = made_up(*coins(100), signal=2.0)
    found = learn(table, Settings(head=head, calibration=calibration))
    assert found.taught["r1"].recipe.kind == head and found.calibrators["r1"].kind == calibration
    assert (found.heads["r1"].linear is not None) == (head != "lightgbm")


def test_learned_thresholds_earn_more_than_the_constants(made_up) -> None:
    table = made_up(*coins(200), signal=6.0, cost=(1.0, 5.0))
    found = learn(table, Settings(policy="anytime"))
    assert found.policy == "anytime" and set(found.policies) == {"rule", "fixed", "anytime"}
    fresh = made_up(*coins(400, 1), signal=6.0, cost=(1.0, 5.0), seed=1)
    runs = walks(fresh, found.predict(fresh))
    assert runs is not None
    best = max(float(ledger.net(10.0).mean()) for ledger in constants(runs).values())
    for name in ("fixed", "anytime"):
        assert float(follow(found.policies[name], runs, 10.0).net(10.0).mean()) > best + 0.5, name
    assert found.policies["fixed"].turns[0][0] == 1  # before that nothing is known, and later is dearer


def test_a_promise_is_kept_aside_from_what_teaches_the_heads(made_up) -> None:
    table = made_up(*coins(240), signal=3.0)
    found = learn(table, Settings(policy="risk-controlled", max_harm=0.1))
    policy = found.policies["risk-controlled"]
    assert found.policy == "risk-controlled" and policy.promise is not None
    assert policy.promise["tasks"] == 80 and policy.promise["harmed"] <= 7
    assert found.flags[-1].startswith("promise: the expected share of tasks") and "of 80 held-out" in found.flags[-1]
    taught = set(found.taught["r1"].rows.tasks)
    assert len(taught) == 160 and not np.isnan(found.told.r1).any()
    fresh = made_up(*coins(1000, 5), signal=3.0, seed=5)
    runs = walks(fresh, found.predict(fresh))
    assert runs is not None
    kept = ~follow(policy, runs, 10.0).escalated
    assert 0.05 < kept.mean() < 0.95
    assert (kept & (runs.y_weak == 0) & (runs.y_strong == 1)).mean() < 0.15


def test_a_promise_that_cannot_be_made_is_refused(made_up) -> None:
    with pytest.raises(ValueError, match="cannot be promised on 20 held-out tasks"):
        learn(made_up(*coins(60)), Settings(policy="risk-controlled", max_harm=0.02))
    table = made_up(*coins(60))
    bare = replace(table, meta=table.meta.drop(columns=["y_strong", "cost_strong_usd"]))
    with pytest.raises(ValueError, match="needs tasks of which both outcomes are known"):
        learn(bare, Settings(policy="risk-controlled", max_harm=0.2))


def test_a_policy_that_needs_both_outcomes_falls_back_to_the_rule_and_says_so(made_up) -> None:
    table = made_up(*coins(60))
    bare = replace(table, meta=table.meta.drop(columns=["y_strong", "cost_strong_usd"]))
    found = learn(bare, Settings(policy="anytime"))
    assert found.policy == "rule" and set(found.policies) == {"rule"}
    assert "policy anytime needs runs with both outcomes" in found.flags[-1]


def test_the_panel_is_used_only_where_it_is_allowed(made_up) -> None:
    rng = np.random.default_rng(0)
    chance = rng.random(200)
    table = made_up((rng.random(200) < chance).astype(float), np.ones(200))
    table.x[:, 1] = np.repeat(chance, 4) * 4
    solved = rng.random((200, 12)) < chance[:, None]
    names = [f"task{number:04}" for number in range(200)]
    outcomes = {
        (task, f"m{i:02}"): Outcome(task, f"m{i:02}", int(y))
        for task, row in zip(names, solved, strict=True)
        for i, y in enumerate(row)
    }
    joined = join_panel(table, outcomes, None)
    allowed, not_allowed = (
        learn(joined, Settings(head="linear", calibration="platt", panel=panel)) for panel in (True, False)
    )
    assert allowed.taught["r1"].recipe.panel == 0.5 and not_allowed.taught["r1"].recipe.panel == 0.0
    assert allowed.taught["r1"].rows.y.tolist() == table.meta.loc[table.meta["at_end"] == 0, "y_weak"].tolist()


def one_armed(made_up, n: int, seed: int = 0) -> tuple[Table, np.ndarray, np.ndarray]:
    """A table of which one arm of each run is seen, and what both arms would have come to (n,).

    Hard tasks, which weak mostly fails, are mostly handed over: those it keeps are the easy ones. The features do not
    show which are hard, so that nothing but the weights can set the base rate right.
    """
    rng = np.random.default_rng(seed)
    hard = rng.random(n) < 0.5
    weak = (rng.random(n) < np.where(hard, 0.2, 0.8)).astype(float)
    strong = (rng.random(n) < np.where(hard, 0.6, 0.95)).astype(float)
    propensity = np.where(hard, 0.8, 0.2)  # of handing over
    handed = rng.random(n) < propensity
    table = made_up(weak, strong, seed=seed)
    number = table.meta["run_id"].str[3:].astype(int).to_numpy()
    to_strong = handed[number]
    meta = table.meta.assign(
        route=np.where(to_strong, "strong", "weak"),
        propensity=np.where(handed, propensity, 1 - propensity)[number],
        route_turn=2.0,
        y_weak=table.meta["y_weak"].mask(to_strong),
        y_strong=table.meta["y_strong"].where(to_strong),
    )
    seen = ~(to_strong & (meta["at_end"] == 1).to_numpy())  # a run that was handed over has no end
    return replace(table, meta=meta).where(seen), weak, strong


def test_weights_give_a_one_armed_log_the_base_rates_of_both_arms(made_up) -> None:
    table, weak, strong = one_armed(made_up, 2000)
    going = table.where((table.meta["at_end"] == 0).to_numpy())
    for arm, full, lean in (("y_weak", weak, 0.1), ("y_strong", strong, -0.08)):
        rows = rows_for(going, arm, panel=False).known()
        assert np.average(rows.y, weights=rows.weights) == pytest.approx(full.mean(), abs=0.03)
        assert (rows.y.mean() - full.mean()) / lean > 1  # what is seen leans to the runs that the route likes


def test_a_router_learned_from_a_one_armed_log_tells_the_base_rate_of_all_runs(made_up) -> None:
    table, weak, strong = one_armed(made_up, 600)
    plain = Settings(head="linear", calibration="platt")
    found = learn(table, plain)
    start = (table.meta["k"] == 0).to_numpy()
    assert not np.isnan(found.told.r1).any()  # also of runs whose weak outcome nobody saw
    assert found.told.r1[start].mean() == pytest.approx(weak.mean(), abs=0.06)
    assert found.told.r2[start].mean() == pytest.approx(strong.mean(), abs=0.06)
    naive = learn(replace(table, meta=table.meta.assign(propensity=np.nan)), plain)
    assert naive.told.r1[start].mean() > weak.mean() + 0.1
    assert "600 of 600 routed runs have no propensity" in naive.flags[0]
    assert not any("propensity" in flag for flag in found.flags)


def test_a_one_armed_log_has_no_walks_and_a_bundle_of_the_rule(made_up) -> None:
    table, _, _ = one_armed(made_up, 200)
    found = learn(table, Settings(policy="fixed"))
    assert walks(table, found.told) is None and found.policy == "rule"
    assert "policy fixed needs runs with both outcomes" in found.flags[-1]


def test_no_row_counts_more_than_the_most(made_up) -> None:
    table, _, _ = one_armed(made_up, 50)
    rare = replace(table, meta=table.meta.assign(propensity=0.001))
    rows = rows_for(rare, "y_weak", panel=False)
    assert set(rows.weights[~np.isnan(rows.y)]) == {MOST_WEIGHT} == {50.0}
    unknown = replace(table, meta=table.meta.assign(propensity=np.nan))
    assert (rows_for(unknown, "y_weak", panel=False).weights == 1).all()


def test_what_is_told_at_the_start_does_not_lean_to_runs_that_end_soon(made_up) -> None:
    """Nothing is known at the first turn, half of the runs succeed, and they end after it; the others go on."""
    y = np.tile([1.0, 0.0], 120)
    table = made_up(y, np.ones(240), turns=np.tile([1, 10], 120))
    table.x[:, 2] = table.meta["k"]
    for head in ("lightgbm", "linear"):
        told = learn(table, Settings(head=head)).told.r1
        start = ((table.meta["k"] == 0) & (table.meta["at_end"] == 0)).to_numpy()
        assert told[start].mean() == pytest.approx(0.5, abs=0.07), head
