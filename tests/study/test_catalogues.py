"""Two catalogues on the same runs, and how many features are needed: tables whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from featrouter.cli import main
from featrouter.logs import LogError
from featrouter.study.catalogues import catalogues, on_same_rows, read_any_catalogue
from featrouter.study.choice import choice
from featrouter.study.fitting import fit_ranker, split_by
from featrouter.study.page import sections
from featrouter.study.sets import END, Held, areas, mean_of_benchmarks, sets_of
from featrouter.study.transfer import TWINS, twins_of
from featrouter.training.fit import Recipe
from featrouter.training.learn import Settings, learn
from featrouter.training.table import Table, write_features

NAMES = ("files_reads", "loops_streak", "traces_streak")


def agent(harness: str, n: int, seed: int, signal: float = 2.0) -> Table:
    """Runs of three turns and their end; the first feature tells the outcome once a turn was taken, the others nothing."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.5).astype(float)
    base = pd.DataFrame(
        {
            "run_id": [f"{harness}/{i}" for i in range(n)],
            "task_id": [f"{harness}{i}" for i in range(n)],
            "repo": [f"r{i % 6}" for i in range(n)],
            "harness": harness,
            "weak_model": "a",
        }
    )
    parts, x = [], []
    for k in range(4):
        parts.append(base.assign(k=float(k), at_end=float(k == 3), y_weak=y, cost_weak_usd=1.0, spent_usd=k / 4))
        row = rng.normal(size=(n, 3))
        row[:, 0] += signal * y * (k > 0)
        x.append(row)
    return Table(pd.concat(parts, ignore_index=True), np.concatenate(x), NAMES)


def together(*tables: Table) -> Table:
    meta = pd.concat([one.meta for one in tables], ignore_index=True)
    return Table(meta, np.concatenate([one.x for one in tables]), tables[0].names)


def renamed(table: Table, *names: str, blind: bool = False) -> Table:
    """The table by another catalogue; `blind`: whose features tell nothing."""
    x = np.random.default_rng(9).normal(size=(len(table), len(names))) if blind else table.x[:, : len(names)]
    return Table(table.meta, x, names)


def quiet(line: str) -> None:
    """Progress that nobody reads."""


def cells(page: str, *begin: str) -> list[str]:
    """The row of a table that begins with these cells."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    (row,) = [row for row in rows if tuple(row[: len(begin)]) == begin]
    return row


def difference(cell: str) -> tuple[float, float, float]:
    """Of `.621 to .624: +.003 [-.010, +.016]` the difference and its interval."""
    value, low, high = cell.split(": ")[1].replace("[", "").replace("]", "").replace(",", "").split()
    return float(value), float(low), float(high)


@pytest.fixture
def few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One split, few runs and small forests: a part in a second or two."""
    monkeypatch.setattr("featrouter.study.fitting.RECIPE", Recipe("blend", 0.0, {"members": 2, "trees": 20}))
    for module in ("catalogues", "choice"):
        monkeypatch.setattr(f"featrouter.study.{module}.SPLITS", {"mixed": "task_id"})
    for name, least in (("LEAST_ROWS", 30), ("LEAST_RUNS", 50)):
        monkeypatch.setattr(f"featrouter.study.sets.{name}", least)


@pytest.mark.parametrize("suffix", [".csv", ".csv.xz", ".parquet"])
def test_a_features_file_of_other_names_is_read_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"old.features{suffix}"
    table = renamed(agent("openhands", 3, 0), "gone_one", "gone_two")
    table.x[0, 1] = np.nan
    table = Table(table.meta.assign(task_id="007", weak_model="NA"), table.x, table.names)
    write_features(table, path)
    back = read_any_catalogue(path)
    assert back.names == ("gone_one", "gone_two")
    np.testing.assert_array_equal(back.x, table.x)
    assert set(back.meta["task_id"]) == {"007"} and set(back.meta["weak_model"]) == {"NA"}
    assert back.meta["k"].dtype == np.float64


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        "run_id,task_id,repo,harness,weak_model,k,at_end,y_weak,cost_weak_usd,spent_usd\nr,t,p,h,m,0,0,1,,\n",
        "run_id,task_id,repo,harness,weak_model,k,at_end,y_weak,cost_weak_usd,spent_usd,x\nr,t,p,h,m,0,0,1,,,much\n",
    ],
)
def test_what_is_no_features_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "old.features.csv"
    path.write_text(text)
    with pytest.raises(LogError):
        read_any_catalogue(path)


def test_both_tables_hold_the_shared_rows_in_one_order() -> None:
    table = agent("openhands", 5, 0)
    shuffled = np.random.default_rng(1).permutation(len(table))
    other = Table(table.meta.iloc[shuffled].reset_index(drop=True), table.x[shuffled], ("a", "b", "c"))
    now, before = on_same_rows(table.where((table.meta["k"] < 3).to_numpy()), other)
    assert len(now) == 15 and before.names == ("a", "b", "c")
    np.testing.assert_array_equal(now.x, before.x)
    with pytest.raises(LogError):
        on_same_rows(table, agent("swe-agent", 5, 0))
    with pytest.raises(LogError):
        on_same_rows(table, together(other, other))


def test_scores_rank_as_those_of_training_without_calibration() -> None:
    table = agent("openhands", 80, 0, 4.0)
    train, test = split_by(table, "task_id")[0]
    settings = Settings(head="blend", calibration="none", panel=False)
    r1 = learn(table.where(train), settings).predict(table.where(test)).r1
    scores = fit_ranker(table.where(train)).scores(table.where(test))
    np.testing.assert_allclose(1 / (1 + np.exp(-scores)), r1, rtol=1e-9)


def test_the_gain_of_a_ranker_is_shared_out_among_its_features() -> None:
    gain = fit_ranker(agent("openhands", 80, 0)).gain()
    assert gain.sum() == pytest.approx(1) and gain.argmax() == 0 and gain[0] > 0.4
    assert not fit_ranker(agent("openhands", 5, 0)).gain().any()  # too few runs: a constant


def test_the_end_of_runs_is_a_decision_point_of_its_own() -> None:
    table = agent("openhands", 80, 0)
    held = Held(np.where(table.meta["at_end"] == 1, table.meta["y_weak"], 0.0), np.zeros(len(table), int))
    assert areas(table, held, END)[0] == 1 and areas(table, held, 2)[0] == 0.5


def test_a_benchmark_of_two_models_counts_once() -> None:
    one, two = agent("openhands", 10, 0), agent("mint", 10, 1)
    samples = {"a": np.full(301, 0.5), "b": np.full(301, 0.7), "c": np.full(301, 0.9)}
    assert mean_of_benchmarks({"a": one, "b": one, "c": two}, samples)[0] == pytest.approx(0.75)


def test_a_twin_is_left_out_with_its_harness() -> None:
    for group in TWINS:
        assert all(twins_of(name) == set(group) for name in group)
    assert twins_of("openhands") == {"openhands"}


def test_a_catalogue_that_tells_less_shows_it_on_own_and_other_harnesses(few_runs: None) -> None:
    table = together(agent("openhands", 60, 0), agent("swe-agent", 60, 1), agent("mint", 60, 2))
    page = catalogues(table, renamed(table, "gone_one", "gone_two", blind=True), ("prompt",), 1, quiet)
    assert page.startswith("Before: 2 features; now: 3. 720 of 720 decision points")
    mean = cells(page, "mixed", "**mean of all benchmarks**")
    assert len(mean) == 2 + 1 + 3 + 1 and mean[4] == mean[5] == "-"  # no run reaches turn 4
    for cell in (mean[2], mean[3], mean[6]):
        assert difference(cell)[0] > 0.2 and difference(cell)[1] > 0
    for way in ("shells, ranked", "all, not ranked"):
        assert difference(cells(page, way, "mint")[3])[0] > 0.2
        assert difference(cells(page, way, "**mean of the shells**")[3])[0] > 0.2


def test_the_same_features_by_other_names_make_no_difference(few_runs: None) -> None:
    table = agent("openhands", 60, 0)
    page = catalogues(table, renamed(table, "a_one", "b_two", "c_three"), (), 1, quiet)
    assert difference(cells(page, "mixed", "openhands")[2]) == (0, 0, 0)
    assert "trained on the other" not in page  # there is no other harness


def test_an_oracle_stopped_set_is_named_and_left_out_of_the_means(few_runs: None) -> None:
    table = together(agent("openhands", 60, 0), agent("sql", 60, 1))
    failed = ((table.meta["harness"] == "sql") & (table.meta["y_weak"] == 0)).to_numpy()
    later = np.where(failed & (table.meta["at_end"] == 1).to_numpy(), 9.0, table.meta["k"])
    table = Table(table.meta.assign(k=later), table.x, NAMES)
    page = catalogues(table, renamed(table, "a_one", "b_two", "c_three"), (), 1, quiet)
    assert "left out of the means: sql." in page
    assert cells(page, "mixed", "**mean of all benchmarks**")[2:] == cells(page, "mixed", "openhands")[2:]
    assert cells(page, "mixed", "sql")[3] != "-"


def test_the_feature_that_tells_is_kept_and_few_are_enough(few_runs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featrouter.study.choice.SIZES", (1, 2, 20))
    page = choice(sets_of(agent("openhands", 60, 0), ended=True), 1, quiet)
    assert cells(page, "`files_reads`") == ["`files_reads`", "100%", "100%"]
    assert float(cells(page, "mixed", "1")[2].split()[0]) > 0.8
    assert float(cells(page, "mixed", "1")[3].split()[0]) > -0.05 and cells(page, "mixed", "all")[3] == ""
    assert not [line for line in page.splitlines() if line.startswith("| mixed | 20")]


def test_with_nothing_to_compare_or_choose_from_it_says_so(few_runs: None) -> None:
    table = agent("openhands", 60, 0)
    with pytest.raises(ValueError):
        choice(sets_of(table, ended=True), 1, quiet)
    small = agent("openhands", 10, 0)
    with pytest.raises(ValueError):
        catalogues(small, renamed(small, "a_one"), (), 1, quiet)
    with pytest.raises(ValueError):
        list(sections(table, {}, ["catalogues"], 1, quiet))


def test_the_command_line_asks_for_the_earlier_features(tmp_path: Path) -> None:
    path = tmp_path / "old.features.csv"
    write_features(renamed(agent("openhands", 3, 0), "gone_one"), path)
    done = CliRunner().invoke(main, ["study", str(path), "--part", "catalogues"])
    assert done.exit_code == 2 and "--before" in done.output
