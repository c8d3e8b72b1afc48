"""From a table to a bundle: the same bytes whenever and wherever, and all that a bundle promises to hold."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from featrouter.bundle import Bundle
from featrouter.calibration import Calibrator
from featrouter.catalogue import digest, feature_set
from featrouter.training.fit import fit_calibrator, fit_head, out_of_fold, weights_of
from featrouter.training.learn import train
from featrouter.training.table import Table

ROOT = Path(__file__).parent.parent.parent
RECORDED = ROOT / "data" / "recorded"
STRONG = "scripted-strong"

AGAIN = """
import hashlib, sys
from featrouter.logs import Logs
from featrouter.training.learn import train
from featrouter.training.table import join_strong, table_of
logs = Logs(sys.argv[2:])
data = train(join_strong(table_of(logs), logs, sys.argv[1]), strong=sys.argv[1]).to_bytes()
print(hashlib.sha256(data).hexdigest())
"""


def test_the_same_table_gives_the_same_bytes(recorded: Table, bundle: Bundle) -> None:
    assert train(recorded, strong=STRONG).to_bytes() == bundle.to_bytes()
    assert Bundle.from_bytes(bundle.to_bytes()).to_bytes() == bundle.to_bytes()


def test_neither_row_order_nor_hash_seed_time_zone_or_locale_change_a_byte(bundle: Bundle, tmp_path: Path) -> None:
    for name in ("turns", "runs", "outcomes"):
        frame = pd.read_csv(RECORDED / f"{name}.csv", dtype=str, keep_default_na=False)
        frame.sample(frac=1, random_state=11).to_csv(tmp_path / f"{name}.csv", index=False)
    paths = [str(tmp_path / f"{name}.csv") for name in ("runs", "turns", "outcomes")]
    told = []
    for seed, zone, locale in (("1", "Pacific/Kiritimati", "C"), ("77", "America/St_Johns", "C.UTF-8")):
        extra = {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": seed}
        run = [sys.executable, "-c", AGAIN, STRONG, *paths]
        done = subprocess.run(run, env=os.environ | extra, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.strip())
    assert told == [hashlib.sha256(bundle.to_bytes()).hexdigest()] * 2


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
    assert all(len(bundle.heads[name].sizes) == 480 for name in bundle.calibrators)
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


def test_ranges_span_99_percent_of_the_rows(bundle: Bundle, recorded: Table) -> None:
    low, high = (np.array(bundle.ranges[side], dtype=float) for side in ("low", "high"))
    unknown = np.isnan(recorded.x).all(axis=0)
    assert (np.isnan(low) == unknown).all() and (np.isnan(high) == unknown).all()
    outside = (recorded.x < low) | (recorded.x > high)
    assert 0 < outside.sum(axis=0).max() <= 0.01 * len(recorded) + 1
    assert (outside.sum(axis=1) <= bundle.ranges["limit"]).mean() >= 0.99
    assert (outside.sum(axis=1) < bundle.ranges["limit"]).mean() < 0.99 or bundle.ranges["limit"] == 0


def test_heads_and_calibrators_are_of_the_rows_they_are_named_for(bundle: Bundle, recorded: Table) -> None:
    part = recorded.where((recorded.meta["at_end"] == 1).to_numpy())
    y, runs = part.meta["y_weak"].to_numpy(), part.meta["run_id"].to_numpy()
    head = fit_head("r1_end", "logit", part.x, y, runs).head
    np.testing.assert_array_equal(head.value, bundle.heads["r1_end"].value)
    np.testing.assert_array_equal(head.threshold, bundle.heads["r1_end"].threshold)
    tasks = part.meta["task_id"].to_numpy()
    held = out_of_fold("r1_end", "logit", part.x, y, runs, tasks)
    assert fit_calibrator(held.scores, y, weights_of(runs), tasks) == bundle.calibrators["r1_end"]


def test_importances_are_of_catalogue_features_and_agree_with_the_trees(bundle: Bundle) -> None:
    assert bundle.importances and set(bundle.importances) <= set(feature_set().names)
    used = np.bincount(
        np.concatenate(
            [head.feature[head.feature >= 0] for name, head in bundle.heads.items() if name in ("r1", "r2")]
        ),
        minlength=len(bundle.features),
    )
    splits = {name: row["split"] for name, row in bundle.importances.items()}
    assert splits == {name: used[i] for i, name in enumerate(bundle.features) if used[i]}
    for row in bundle.importances.values():
        assert set(row) == {"gain", "split", "permutation", "shap"}
        assert row["gain"] > 0 and row["shap"] >= 0


def test_twenty_runs_give_constants_and_flags(recorded: Table, first_runs) -> None:
    few = train(first_runs(recorded, 20), strong=STRONG)
    names = ["r1", "r2", "r1_end", "r2_end"]
    assert [flag.split(" answers the base rate: 20 labelled runs")[0] for flag in few.flags] == names
    assert not any(len(few.heads[name].sizes) for name in names)
    assert set(few.calibrators.values()) == {Calibrator("none")} and few.metrics == {} and few.importances == {}


@pytest.mark.parametrize("handover", ["restart", "handover"])
def test_handover_and_value_are_recorded(recorded: Table, first_runs, handover: str) -> None:
    found = train(first_runs(recorded, 3), strong=STRONG, handover=handover, value=0.5)
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
    assert told == ["r1", "r2", "r1_end", "r2_end", "costs", "importances"]


def test_a_calibrator_never_turns_the_ranking_round(bundle: Bundle) -> None:
    """Out-of-fold scores that rank backwards are noise about the base rate; the refitted head ranks forwards."""
    assert all(calibrator.a > 0 for calibrator in bundle.calibrators.values())
