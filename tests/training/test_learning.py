"""Training and evaluation on the recorded runs and on small made-up tables: honest, deterministic, in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from featrouter.calibration import Calibrator
from featrouter.catalogue import feature_set
from featrouter.logs import LogError, Logs
from featrouter.training.evaluate import Predictions, evaluate
from featrouter.training.fit import cross_calibrated, fit_calibrator, fit_head, folds, one_of_each, out_of_fold
from featrouter.training.learn import train
from featrouter.training.metrics import auroc, logloss
from featrouter.training.table import (
    META,
    SCHEDULE,
    Table,
    join_strong,
    read_features,
    select,
    table_of,
    write_features,
)
from featrouter.training.verdict import co_failure, oracle_stopped

RECORDED = Path(__file__).parent.parent.parent / "data" / "recorded"
SHARED = RECORDED.parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="module")
def logs() -> Logs:
    return Logs([RECORDED])


@pytest.fixture(scope="module")
def table(logs: Logs) -> Table:
    return join_strong(table_of(logs), logs, "scripted-strong")


def test_rows_are_prefixes_of_going_runs_and_one_end(table: Table) -> None:
    for _, rows in table.meta.groupby("run_id"):
        end = rows[rows["at_end"] == 1]
        going = rows[rows["at_end"] == 0]
        assert len(end) == 1
        n = int(end["k"].iloc[0])
        assert going["k"].tolist() == [k for k in SCHEDULE if k < n]
        assert going["spent_usd"].is_monotonic_increasing
        assert end["spent_usd"].iloc[0] == pytest.approx(end["cost_weak_usd"].iloc[0], rel=0.02)


@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz", "f.csv.xz"])
def test_features_read_back_bit_for_bit(table: Table, name: str, tmp_path: Path) -> None:
    few = table.where(np.arange(len(table)) < 80)
    ids = few.meta.assign(repo=["007", "NA", "1e5", "None"] * 20)
    write_features(replace(few, meta=ids), tmp_path / name)
    back = read_features(tmp_path / name)
    assert back.x.tobytes() == few.x.tobytes()
    pd.testing.assert_frame_equal(back.meta[list(META)], ids[list(META)])


def test_a_label_that_is_none_is_refused_by_row_and_column(table: Table, tmp_path: Path) -> None:
    few = table.where(np.arange(len(table)) < 5)
    write_features(few, tmp_path / "f.csv")
    text = (tmp_path / "f.csv").read_text().splitlines()
    cells = text[3].split(",")
    cells[META.index("y_weak")] = "0.3"
    (tmp_path / "f.csv").write_text("\n".join([*text[:3], ",".join(cells), *text[4:]]) + "\n")
    with pytest.raises(LogError, match=r"f\.csv: row 4, column y_weak: 0\.3 is not 0, 1 or blank"):
        read_features(tmp_path / "f.csv")


def test_names_that_miss_are_answered_with_near_ones(table: Table, logs: Logs) -> None:
    with pytest.raises(LogError, match="did you mean scripted-strong"):
        join_strong(table, logs, "scripted-strng")
    with pytest.raises(LogError, match="did you mean scripted-agent"):
        select(table, weak="scripted-agnt")
    with pytest.raises(LogError, match="--harness"):
        select(table, weak=None, harness=["nowhere"])


def test_the_order_of_rows_does_not_matter(table: Table, tmp_path: Path) -> None:
    for name in ("turns", "runs", "outcomes"):
        frame = pd.read_csv(RECORDED / f"{name}.csv", dtype=str, keep_default_na=False)
        frame.sample(frac=1, random_state=3).to_csv(tmp_path / f"{name}.csv", index=False)
    shuffled = Logs([tmp_path])
    other = join_strong(table_of(shuffled), shuffled, "scripted-strong")
    assert other.x.tobytes() == table.x.tobytes()
    pd.testing.assert_frame_equal(other.meta, table.meta)
    strong = "scripted-strong"
    assert train(other, strong=strong).to_bytes() == train(table, strong=strong).to_bytes()


def test_a_bundle_knows_what_it_learned(table: Table) -> None:
    few = table.where(table.meta["run_id"].isin(sorted(set(table.meta["run_id"]))[:20]).to_numpy())
    small = train(few, strong="scripted-strong", handover="handover", value=3)
    assert len(small.flags) == 4 and "20 labelled runs" in small.flags[0]
    assert small.costs["handover"] == "handover" and small.costs["value"] == 3
    whole = train(table, strong="scripted-strong")
    assert set(whole.heads) >= {"r1", "r2", "r1_end", "r2_end"}
    assert whole.features == feature_set().names
    assert whole.provenance["runs"] == 60 and whole.provenance["strong_model"] == "scripted-strong"
    assert whole.importances and all(row["split"] > 0 for row in whole.importances.values() if row["split"])


def made_up(signal: float, n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x (3n, 6), y, runs, groups: three rows a run, the first column carries the label as strongly as `signal` says."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.5).astype(float)
    y = np.repeat(labels, 3)
    x = rng.normal(size=(3 * n, 6))
    x[:, 0] += signal * y
    runs = np.repeat([f"run{i}" for i in range(n)], 3).astype(object)
    return x, y, runs, np.repeat([f"group{i % 60}" for i in range(n)], 3).astype(object)


@pytest.mark.parametrize(("signal", "low", "high"), [(0.0, 0.4, 0.6), (2.0, 0.85, 0.97)])
def test_noise_is_told_as_noise_and_a_signal_is_found(signal: float, low: float, high: float) -> None:
    x, y, runs, groups = made_up(signal)
    held = out_of_fold("r1", "logit", x, y, runs, groups, members=2, trees=30)
    assert low < auroc(held.scores, y, np.ones((1, len(y))))[0] < high


def test_folds_and_members_keep_runs_together() -> None:
    _, y, runs, groups = made_up(0.0, 100)
    seen = np.zeros(len(y), int)
    for train_rows, test_rows in folds(y, groups):
        assert not set(groups[train_rows]) & set(groups[test_rows])
        seen += test_rows
    assert (seen == 1).all()
    rows = one_of_each(runs, 0)
    assert sorted(runs[rows]) == sorted(set(runs))
    assert (rows != one_of_each(runs, 1)).any()


def test_too_little_to_learn_from_is_a_flagged_constant() -> None:
    x, y, runs, _ = made_up(2.0, 30)
    fitted = fit_head("r1", "logit", x, y, runs)
    assert not len(fitted.head.sizes)
    assert "30 labelled runs" in fitted.flag
    one_class = fit_head("r1", "logit", *made_up(0.0, 60)[:1], np.ones(180), made_up(0.0, 60)[2])
    assert "60 of them solved" in one_class.flag


def test_platt_is_kept_where_it_helps_only() -> None:
    rng = np.random.default_rng(1)
    clear = rng.normal(size=900)
    y = (rng.random(900) < 1 / (1 + np.exp(-clear))).astype(float)
    groups = np.array([f"g{i % 90}" for i in range(900)], dtype=object)
    weights = np.ones(900)
    over = fit_calibrator(clear * 4, y, weights, groups)
    assert over.kind == "platt" and over.a == pytest.approx(0.25, abs=0.05)
    assert logloss(over(clear * 4), y) < logloss(Calibrator("none")(clear * 4), y)
    x, labels, runs, apart = made_up(1.0)
    told = cross_calibrated(
        out_of_fold("r1", "logit", x, labels, runs, apart, members=1, trees=10), labels, np.ones(900), apart
    )
    assert ((told > 0) & (told < 1)).all()


HEAD = {"auroc", "auroc_ci", "brier", "brier_constant", "logloss", "n"}
ROUTE = {"route_auc", "route_auc_ci", "gain_over_prompt", "gain_ci", "random_band", "oracle", "perfect_r1"}


def test_the_report_has_the_keys_it_promises(table: Table) -> None:
    report = evaluate(table, weak="scripted-agent", strong="scripted-strong", draws=20)
    again = json.loads(json.dumps(report, allow_nan=False))
    assert {"pair", "tasks", "runs", "splits"} <= set(again)
    assert again["pair"] == {"weak": "scripted-agent", "strong": "scripted-strong"}
    assert set(again["splits"]) == {"mixed", "repo_disjoint"}
    for split in again["splits"].values():
        assert "0" in split["k"]
        for row in [*split["k"].values(), split["end"]]:
            assert set(row) - {"route_auc_refused"} == {"r1", "r2"} | ROUTE
            assert set(row["r1"]) == HEAD == set(row["r2"])
    constant = np.full(len(table), 0.5)
    given = evaluate(
        table, weak="w", strong="s", given=Predictions(constant, constant, constant * 0, constant), draws=20
    )
    assert set(given["splits"]) == {"given"}
    assert given["splits"]["given"]["k"]["0"]["r1"]["auroc"] == 0.5


def ends(turns: list[int], solved: list[int], strong: list[int] | None = None) -> Table:
    meta = pd.DataFrame({"run_id": [f"r{i}" for i in range(len(turns))], "k": turns, "y_weak": solved, "at_end": 1.0})
    meta = meta.assign(task_id=meta["run_id"], harness="h", weak_model="w")
    return Table(meta if strong is None else meta.assign(y_strong=strong), np.zeros((len(turns), 1)), ("f",))


def test_an_oracle_stopped_log_is_named_and_an_honest_one_is_not() -> None:
    stopped = oracle_stopped(ends([3] * 40 + [10] * 40, [1] * 40 + [0] * 38 + [1] * 2))
    assert stopped[0]["last_turn"] == 10 and stopped[0]["resolved_early"] == 1.0
    assert oracle_stopped(ends([3] * 40 + [10] * 40, [1, 0] * 40)) == []


def test_the_co_failure_interval_is_clopper_pearson() -> None:
    found = co_failure(ends([1] * 50, [0] * 40 + [1] * 10, [0] * 12 + [1] * 38))
    exact = binomtest(12, 50).proportion_ci(method="exact")
    assert found == {"tasks": 50, "share": 0.24, "ci": [round(exact.low, 4), round(exact.high, 4)]}


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_the_oracle_stopped_sql_log_as_the_issue_asks() -> None:
    files = [SHARED / f"intercode-sql.{form}.csv.xz" for form in ("turns", "runs", "outcomes")]
    read = Logs(files)
    whole = join_strong(select(table_of(read), weak="gpt-3.5"), read, "gpt-4")
    report = evaluate(whole, weak="gpt-3.5", strong="gpt-4", draws=50)
    row = report["splits"]["repo_disjoint"]["k"]["3"]
    assert row["r1"]["auroc"] >= 0.78
    assert row["route_auc"] > row["random_band"][1]
    assert any("oracle-stopped" in sentence for sentence in report["verdict"])
