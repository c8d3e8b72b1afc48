"""The report: its keys as the issue names them, JSON without NaN, and right on tables whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from featrouter.bundle import Bundle
from featrouter.logs import LogError, Logs
from featrouter.training.evaluate import LEAST_ROWS, Predictions, cross_validated, evaluate
from featrouter.training.given import predictions
from featrouter.training.table import Table, join_strong, select, table_of

ROOT = Path(__file__).parent.parent.parent
SHARED = ROOT.parent / "shared" / "data"
STRONG = "scripted-strong"

HEAD = {"auroc", "auroc_ci", "brier", "brier_constant", "logloss", "n"}
ROUTE = {"route_auc", "route_auc_ci", "gain_over_prompt", "gain_ci", "random_band", "oracle", "perfect_r1"}


@pytest.fixture(scope="module")
def report(recorded: Table) -> dict[str, Any]:
    return evaluate(recorded, weak="scripted-agent", strong=STRONG, draws=60)


def all_rows(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for split in report["splits"].values() for row in [*split["k"].values(), split["end"]]]


def test_the_keys_are_those_of_the_issue(report: dict[str, Any], recorded: Table) -> None:
    top = {"pair", "tasks", "runs", "value", "splits", "co_failure", "oracle_stopped", "verdict"}
    assert set(report) == top
    assert report["pair"] == {"weak": "scripted-agent", "strong": STRONG}
    assert report["tasks"] == 24 and report["runs"] == 60
    assert set(report["splits"]) == {"mixed", "repo_disjoint"}
    going = recorded.meta[recorded.meta["at_end"] == 0]
    enough = [str(int(k)) for k, rows in going.groupby("k") if len(rows) >= LEAST_ROWS]
    for split in report["splits"].values():
        assert set(split) == {"k", "end"} and list(split["k"]) == enough
        for k, row in split["k"].items():
            assert row["r1"]["n"] == row["r2"]["n"] == (going["k"] == int(k)).sum()
        assert split["end"]["r1"]["n"] == 60
    for row in all_rows(report):
        assert set(row) == {"r1", "r2"} | ROUTE
        assert set(row["r1"]) == HEAD == set(row["r2"])


def test_the_report_is_json_without_nan_and_the_same_twice(report: dict[str, Any], recorded: Table) -> None:
    text = json.dumps(report, allow_nan=False)
    assert json.loads(text) == report
    assert json.dumps(evaluate(recorded, weak="scripted-agent", strong=STRONG, draws=60), allow_nan=False) == text


def test_numbers_keep_their_order(report: dict[str, Any]) -> None:
    for row in all_rows(report):
        for name, ends in (("route_auc", row["route_auc_ci"]), ("gain_over_prompt", row["gain_ci"])):
            assert ends[0] - 0.05 <= row[name] <= ends[1] + 0.05
        assert row["r1"]["auroc_ci"][0] < row["r1"]["auroc"] < row["r1"]["auroc_ci"][1]
        assert row["random_band"][0] < row["random_band"][1] < row["oracle"]
        assert row["oracle"] >= row["perfect_r1"] and row["oracle"] >= row["route_auc"]
    for split in report["splits"].values():
        prompt = split["k"]["0"]
        assert prompt["gain_over_prompt"] == 0 and prompt["gain_ci"] == [0, 0]
        for row in split["k"].values():
            assert row["gain_over_prompt"] == pytest.approx(row["route_auc"] - prompt["route_auc"], abs=2e-4)


def pair(made_up: Any, n: int = 150, **more: Any) -> Table:
    rng = np.random.default_rng(3)
    weak = (rng.random(n) < 0.5).astype(float)
    return made_up(weak, np.maximum(weak, (rng.random(n) < 0.8).astype(float)), **more)


def given_r1(table: Table, r1: np.ndarray, draws: int = 30) -> dict[str, Any]:
    n = len(table)
    told = Predictions(np.broadcast_to(r1, n).astype(float), np.full(n, 0.9), np.full(n, 0.5), np.full(n, 10.0))
    return evaluate(table, weak="small", strong="big", given=told, draws=draws)


def test_given_predictions_are_reported_as_they_are(made_up: Any) -> None:
    table = pair(made_up)
    p = np.random.default_rng(0).random(len(table))
    found = given_r1(table, p)
    assert set(found["splits"]) == {"given"}
    for k, row in found["splits"]["given"]["k"].items():
        at = ((table.meta["k"] == int(k)) & (table.meta["at_end"] == 0)).to_numpy()
        y = table.meta["y_weak"].to_numpy()[at]
        assert row["r1"]["auroc"] == pytest.approx(roc_auc_score(y, p[at]), abs=5.1e-5)
        assert row["r1"]["brier"] == pytest.approx(brier_score_loss(y, p[at]), abs=5.1e-5)
        assert row["r1"]["logloss"] == pytest.approx(log_loss(y, p[at]), abs=5.1e-5)
        assert row["r1"]["brier_constant"] == pytest.approx(y.mean() * (1 - y.mean()), abs=5.1e-5)
        assert row["r2"]["auroc"] == 0.5
    assert set(found["splits"]["given"]["k"]) == {"0", "1", "2"}


def test_a_perfect_r1_gets_the_area_of_perfect_r1_and_a_reversed_one_less_than_chance(made_up: Any) -> None:
    table = pair(made_up)
    y = table.meta["y_weak"].to_numpy()
    row = given_r1(table, 0.01 + 0.98 * y)["splits"]["given"]["k"]["1"]
    assert row["r1"]["auroc"] == 1 and row["route_auc"] == row["perfect_r1"] > row["random_band"][1]
    assert row["oracle"] > row["perfect_r1"]  # it knows strong's failures, too
    back = given_r1(table, 0.99 - 0.98 * y)["splits"]["given"]["k"]["1"]
    assert back["r1"]["auroc"] == 0 and back["route_auc"] < back["random_band"][0]
    constant = given_r1(table, np.array(0.5))["splits"]["given"]
    assert constant["k"]["0"]["route_auc"] == pytest.approx(0.5, abs=1e-4)
    # a third of the weak run (0.333 USD) is charged on top of the 9 USD that strong costs more
    assert constant["k"]["1"]["route_auc"] == pytest.approx(0.5 * 9 / (9 + 1 / 3), abs=1e-4)


def test_the_scores_weigh_both_arms_and_the_costs() -> None:
    told = Predictions(
        *(np.array(column) for column in ([0.5, 0.5, 0.2], [0.9, np.nan, 0.9], [1, 1, np.nan], [3, 3.0, 3]))
    )
    assert told.scores(10).tolist() == pytest.approx([0.9 - 0.5 - 0.2, -0.5 - 0.2, 0.7])
    assert told.scores(1).tolist() == pytest.approx([0.4 - 2, -2.5, 0.7])


def test_a_planted_signal_is_found_at_its_turn_and_routing_is_advised(made_up: Any) -> None:
    table = pair(made_up, n=200, signal=3.0)
    found = evaluate(table, weak="small", strong="big", draws=60)
    for split in found["splits"].values():
        assert split["k"]["0"]["r1"]["auroc"] < 0.65 and split["k"]["1"]["r1"]["auroc"] > 0.85
        assert split["k"]["1"]["route_auc"] > split["k"]["1"]["random_band"][1]
        assert split["k"]["1"]["gain_ci"][0] > 0
        assert split["k"]["1"]["r1"]["brier"] < split["k"]["1"]["r1"]["brier_constant"]
    assert found["verdict"][0].startswith("route at turn ")
    assert found["oracle_stopped"] == []


def test_no_group_is_seen_by_the_heads_that_judge_it(made_up: Any) -> None:
    """A column that names the repository tells its label within it, and nothing of another."""
    table = made_up(np.tile([0.0, 1, 0, 1, 0], 40), np.ones(200), repos=5)
    table.x[:, 1] = [float(name[4:]) for name in table.meta["repo"]]
    y = table.meta["y_weak"].to_numpy()
    going = (table.meta["at_end"] == 0).to_numpy()
    mixed, apart = (cross_validated(table, group).r1[going] for group in ("task_id", "repo"))
    assert roc_auc_score(y[going], mixed) > 0.95
    assert roc_auc_score(y[going], apart) < 0.6


def test_equal_models_are_refused_with_a_reason(made_up: Any) -> None:
    weak = (np.arange(80) % 2).astype(float)
    found = given_r1(made_up(weak, weak), np.array(0.5))
    for row in all_rows(found):
        assert row["route_auc"] is row["route_auc_ci"] is row["gain_over_prompt"] is row["gain_ci"] is None
        assert row["random_band"] is row["oracle"] is None
        assert "within two standard errors" in row["route_auc_refused"]
        assert row["r1"]["auroc"] == 0.5
    assert found["verdict"][0].startswith("do not route this pair: Route-AUC is not defined (strong solves 50.0%")
    json.dumps(found, allow_nan=False)


def test_missing_costs_are_a_reason_too(made_up: Any) -> None:
    table = pair(made_up)
    table.meta["cost_strong_usd"] = np.nan
    row = given_r1(table, np.array(0.5))["splits"]["given"]["k"]["0"]
    assert row["route_auc"] is None and "do not hold the cost" in row["route_auc_refused"]


def test_an_oracle_stopped_log_is_named_and_in_the_verdict(made_up: Any) -> None:
    solved = np.repeat([1.0, 0.0], 40)
    found = given_r1(made_up(solved, np.ones(80), turns=np.repeat([3, 8], 40)), np.array(0.5))
    (stop,) = found["oracle_stopped"]
    assert stop["harness"] == "harness" and stop["last_turn"] == 8
    assert any(words.startswith("oracle-stopped log: runs of small (harness)") for words in found["verdict"])


def test_turns_with_few_runs_are_left_out(made_up: Any) -> None:
    table = pair(made_up, n=60, turns=np.repeat([2, 6], [60 - LEAST_ROWS + 1, LEAST_ROWS - 1]))
    found = given_r1(table, np.array(0.5))["splits"]["given"]["k"]
    assert set(found) == {"0", "1"}


def test_without_a_strong_model_r1_is_judged_alone(made_up: Any) -> None:
    table = pair(made_up, n=60)
    bare = Table(table.meta.drop(columns=["y_strong", "cost_strong_usd"]), table.x, table.names)
    found = evaluate(bare, weak="small", draws=20)
    row = found["splits"]["mixed"]["k"]["0"]
    assert row["r1"]["n"] == 60 and row["r2"]["n"] == 0 and row["r2"]["auroc"] is None and row["route_auc"] is None
    assert found["co_failure"] is None and "no strong model was named" in found["verdict"][0]
    json.dumps(found, allow_nan=False)


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_handful_of_runs_gives_a_report_in_words(recorded: Table, n: int) -> None:
    runs = recorded.meta.drop_duplicates("task_id")["run_id"][:n]
    found = evaluate(recorded.where(recorded.meta["run_id"].isin(runs).to_numpy()), weak="w", strong="s", draws=5)
    assert found["runs"] == n and found["verdict"][0].startswith(
        "too few tasks" if n == 1 else "do not route this pair"
    )
    json.dumps(found, allow_nan=False)


def test_one_repository_has_no_repo_disjoint_split(made_up: Any) -> None:
    table = made_up((np.arange(50) % 2).astype(float), np.ones(50), repos=1)
    assert set(evaluate(table, weak="w", strong="s", draws=5)["splits"]) == {"mixed"}


def test_a_bundles_own_predictions(bundle: Bundle, recorded: Table, tmp_path: Path) -> None:
    bundle.save(tmp_path / "b.featrouter")
    told = predictions(recorded, tmp_path / "b.featrouter")
    ended = (recorded.meta["at_end"] == 1).to_numpy()
    assert (told.c1[ended] == 0).all() and (told.c1[~ended] > 0).all() and (told.c2 > 0).all()
    assert ((told.r1 > 0) & (told.r1 < 1) & (told.r2 > 0) & (told.r2 < 1)).all()
    found = evaluate(recorded, weak="w", strong="s", given=told, draws=10)
    assert found["splits"]["given"]["k"]["2"]["r1"]["auroc"] > 0.7  # it saw these labels
    other = Table(recorded.meta, recorded.x[:, 1:], recorded.names[1:])
    with pytest.raises(LogError, match="another feature catalogue; train it again"):
        predictions(other, tmp_path / "b.featrouter")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_the_oracle_stopped_sql_log_is_as_the_issue_says() -> None:
    logs = Logs([SHARED / f"intercode-sql.{form}.csv.xz" for form in ("turns", "runs", "outcomes")])
    table = join_strong(select(table_of(logs), weak="gpt-3.5", harness=["intercode-sql"]), logs, "gpt-4")
    found = evaluate(table, weak="gpt-3.5", strong="gpt-4", draws=40)
    row = found["splits"]["repo_disjoint"]["k"]["3"]
    assert row["r1"]["auroc"] >= 0.78
    assert row["route_auc"] > row["random_band"][1]
    assert [stop["harness"] for stop in found["oracle_stopped"]] == ["intercode-sql"]
    assert any(words.startswith("oracle-stopped log: runs of gpt-3.5 (intercode-sql)") for words in found["verdict"])
