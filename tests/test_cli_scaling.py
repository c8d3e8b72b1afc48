"""The verbs beyond one machine's memory, on one machine: features kept and added to, and a gate before a bundle goes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from featrouter import Bundle
from featrouter.cli import EXIT_CODES, main

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "data" / "recorded"
TRAIN = ["train", "--strong", "scripted-strong", "--head", "lightgbm", "-o", "my.featrouter"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(RECORDED, tmp_path / "log")
    return tmp_path


def test_a_week_later_one_line_extracts_what_is_new_and_trains_on_all(somewhere: Path) -> None:
    first = run(*TRAIN, "log", "--since", "features.parquet")
    assert first.exit_code == 0, first.stderr
    alone = run(*TRAIN[:-1], "alone.featrouter", "log")
    assert alone.exit_code == 0
    one, other = (Bundle.load(somewhere / name) for name in ("my.featrouter", "alone.featrouter"))
    assert one.to_bytes() == other.to_bytes()  # the same rows in the same order
    turns, runs = (
        pd.read_csv(RECORDED / f"{name}.csv", dtype=str, keep_default_na=False) for name in ("turns", "runs")
    )
    (somewhere / "new").mkdir()
    for name, frame in (("turns", turns), ("runs", runs)):
        frame = frame[frame["run_id"].isin(runs["run_id"][:5])]
        both = pd.concat([frame, frame.assign(run_id="new-" + frame["run_id"])])
        both.to_csv(somewhere / "new" / f"{name}.csv", index=False)
    shutil.copy(RECORDED / "outcomes.csv", somewhere / "new")
    later = run(*TRAIN, "new", "--since", "features.parquet")
    assert later.exit_code == 0 and "5 new runs, 0 changed, 5 there already" in later.stderr
    assert Bundle.load(somewhere / "my.featrouter").provenance["runs"] == one.provenance["runs"] + 5


def test_what_does_not_reach_what_is_required_leaves_the_old_bundle(somewhere: Path) -> None:
    refused = run(*TRAIN, "log", "--require", "r1_auroc>0.999")
    assert refused.exit_code == 4 and "my.featrouter was not written" in refused.stderr
    assert not (somewhere / "my.featrouter").exists()
    assert run(*TRAIN, "log", "--require", "r1_auroc>0.5", "--require", "runs>=10").exit_code == 0
    before = (somewhere / "my.featrouter").read_bytes()
    again = run(*TRAIN, "log", "--value", "3", "--require", "runs>=1000", "--since", "features.parquet")
    assert again.exit_code == 4 and "runs is 60, required: >= 1000; my.featrouter is left as it was" in again.stderr
    assert (somewhere / "my.featrouter").read_bytes() == before
    assert (somewhere / "features.parquet" / "_manifest.json").exists()  # what was extracted stays
    assert EXIT_CODES[4] in run("--help").stdout


def test_what_was_reached_is_told(somewhere: Path) -> None:
    done = run(*TRAIN, "log", "--require", "gain>-1000", "--require", "tasks>1", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)["required"]
    assert told["tasks"] == Bundle.load(somewhere / "my.featrouter").provenance["tasks"] and -1000 < told["gain"] < 10


def test_a_number_that_is_not_known_does_not_pass(somewhere: Path) -> None:
    done = run("train", "log", "-o", "my.featrouter", "--require", "gain_ci_low>-1000", "--head", "lightgbm")
    assert done.exit_code == 4 and "gain_ci_low is not known (are both models' outcomes" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("gian>0", "did you mean gain?"),
        ("xyz>0", "known are gain, gain_ci_low"),
        ("gain", "is no requirement"),
        ("gain>much", "is no requirement"),
        ("gain=0", "is no requirement"),
    ],
)
def test_words_that_are_no_requirement_are_told_at_once(words: str, told: str) -> None:
    done = run(*TRAIN, "log", "--require", words)
    assert done.exit_code == 2 and told in done.stderr and "training" not in done.stderr


def test_globs_are_spelled_out_and_urls_need_partitions(somewhere: Path) -> None:
    done = run("extract", "log/t*.csv", "log/r*.csv", "-o", "f.parquet")
    assert done.exit_code == 0, done.stderr
    one = run("extract", "log", "-o", "f.csv")
    assert one.exit_code == 0
    told = [pd.read_parquet("f.parquet"), pd.read_csv("f.csv")]
    assert len(told[0]) == len(told[1]) and list(told[0]) == list(told[1])
    for arguments, words in (
        (("nowhere/*.csv",), "'nowhere/*.csv' does not exist"),
        (("https://example.invalid/turns.csv",), "a URL is read by partitions"),
    ):
        done = run("extract", *arguments, "-o", "g.csv")
        assert done.exit_code == 2 and words in done.stderr


def test_parquet_features_of_one_file_train_the_same_bundle(somewhere: Path) -> None:
    for name in ("f.parquet", "f.csv"):
        assert run("extract", "log", "-o", name).exit_code == 0
        done = run(*TRAIN[:-1], f"{name}.featrouter", name, "log/outcomes.csv")
        assert done.exit_code == 0, done.stderr
    one, other = (Path(f"{name}.featrouter").read_bytes() for name in ("f.parquet", "f.csv"))
    assert one == other
    Path("broken.parquet").write_bytes(Path("f.parquet").read_bytes()[:-50])
    assert run(*TRAIN, "broken.parquet", "log/outcomes.csv").exit_code == 3


def test_texts_are_not_asked_of_partitions() -> None:
    done = run("evaluate", "log", "--since", "features.parquet", "--baselines", "tfidf")
    assert done.exit_code == 2 and "tfidf reads texts" in done.stderr


def test_evaluation_of_partitions_is_that_of_the_log(somewhere: Path) -> None:
    assert run(*TRAIN, "log").exit_code == 0
    asked = ["evaluate", "log", "--strong", "scripted-strong", "--bundle", "my.featrouter", "--json"]
    one, other = run(*asked), run(*asked, "--since", "features.parquet")
    assert one.exit_code == other.exit_code == 0, other.stderr
    assert json.loads(one.stdout) == json.loads(other.stdout)


def test_a_cluster_elsewhere_needs_a_folder_that_its_workers_see() -> None:
    done = run("evaluate", "log", "--scheduler", "tcp://127.0.0.1:9")
    assert done.exit_code == 2 and "a folder that all its workers see" in done.stderr


def test_help_names_all_that_may_be_required() -> None:
    from featrouter.evaluation.gate import NUMBERS

    told = re.sub(r"\s+", " ", run("train", "--help").stdout)
    assert [name for name in NUMBERS if not re.search(rf"\b{name}\b", told)] == []
