"""The study: sets, what is measured on them, and maps whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from featrouter.study import page as pages
from featrouter.study.discrimination import ablation, discrimination
from featrouter.study.payoff import DONT, ROUTE, payoff, payoffs, scaled
from featrouter.study.sets import LEAST_RUNS, areas, benchmarks, few, held_out, mean_of, sets_of, told
from featrouter.study.stability import stability
from featrouter.study.transfer import transfer
from featrouter.study.warmstart import warm_start
from featrouter.training.learn import Settings
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table
from featrouter.training.worth import walks

NAMES = ("files_reads", "loops_streak", "traces_streak")


def agent(harness: str, model: str, n: int, seed: int, signal: float = 2.0, *, strong: str = "none") -> Table:
    """Runs of three turns; from turn 1 on more reads mean success and more errors in a row failure."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.5).astype(float)
    meta = {
        "run_id": [f"{harness}/{model}/{i}" for i in range(n)],
        "task_id": [f"{harness}{i}" for i in range(n)],
        "repo": [f"r{i % 6}" for i in range(n)],
    }
    base = pd.DataFrame(meta).assign(harness=harness, weak_model=model, y_weak=y, cost_weak_usd=1.0)
    if strong != "none":
        solved = np.ones(n) if strong == "always" else (rng.random(n) < 0.7).astype(float)
        base = base.assign(y_strong=solved, cost_strong_usd=5.0)
    parts, x = [], []
    for k in range(5):
        parts.append(base.assign(k=float(k), at_end=float(k == 4), spent_usd=k / 4))
        row = rng.normal(size=(n, 3))
        if k:
            row[:, 0] += signal * y
            row[:, 2] -= signal * y
        x.append(row)
    return Table(pd.concat(parts, ignore_index=True), np.concatenate(x), NAMES)


def together(*tables: Table) -> Table:
    return Table(
        pd.concat([one.meta for one in tables], ignore_index=True), np.concatenate([one.x for one in tables]), NAMES
    )


@pytest.fixture(scope="module")
def everything() -> Table:
    n = LEAST_RUNS
    return together(
        agent("openhands", "a", n, 0),
        agent("swe-agent", "a", n, 1),
        agent("swe-agent", "b", n, 2),
        agent("mint", "a", 20, 3),
    )


@pytest.fixture(scope="module")
def sets(everything: Table) -> dict[str, Table]:
    return sets_of(everything)


def quiet(line: str) -> None:
    """Progress that nobody reads."""


def test_sets_are_the_agents_with_enough_runs_named_by_harness_and_model_where_needed(sets: dict[str, Table]) -> None:
    assert list(sets) == ["openhands", "swe-agent (a)", "swe-agent (b)"]
    assert all((one.meta["at_end"] == 0).all() for one in sets.values())
    assert list(few(sets | {"third": sets["swe-agent (a)"]})) == list(sets)
    assert benchmarks(sets) == [["openhands"], ["swe-agent (a)", "swe-agent (b)"]]


def test_means_leave_out_what_is_not_there() -> None:
    one, other = np.array([0.6, 0.5, 0.7]), np.full(3, np.nan)
    assert mean_of([one, other]).tolist() == one.tolist() and told(other) == "-"
    assert told(np.array([0.613, 0.55, 0.65])) == "0.61 [0.55, 0.65]"


def test_areas_are_nan_where_too_few_runs_come_so_far(sets: dict[str, Table]) -> None:
    table = sets["openhands"]
    held = held_out(table, "task_id", Settings(head="lightgbm", calibration="none"), 1)
    assert areas(table, held, 2)[0] > 0.8 and np.isnan(areas(table, held, 9)).all()
    assert abs(areas(table, held, 0)[0] - 0.5) < 0.15


def test_the_surest_feature_stands_first_with_its_sign(sets: dict[str, Table]) -> None:
    lines = [line for line in stability(sets, k=3).splitlines() if line.startswith("| `")]
    first = {line.split("`")[1]: line for line in lines[:2]}
    assert set(first) == {"files_reads", "traces_streak"} and "3 of 3" in first["files_reads"]
    assert float(first["files_reads"].split("|")[2].split()[0]) > 0.8
    assert float(first["traces_streak"].split("|")[2].split()[0]) < 0.2


@pytest.mark.campaign
def test_every_set_and_split_has_its_row_and_the_family_that_counts_is_missed(
    sets: dict[str, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("featrouter.study.discrimination.FAMILIES", ("files", "thoughts"))  # the others take as long
    one = {"openhands": sets["openhands"]}
    page = discrimination(one, 1, quiet)
    assert page.count("| openhands | mixed |") == page.count("| openhands | repo_disjoint |") == 1
    lost = {row.split("|")[1].strip(): row.split("|")[3] for row in ablation(one, 1, quiet).splitlines()[2:4]}
    assert float(lost["files"].split()[0]) > 0.01 and abs(float(lost["thoughts"].split()[0])) < 0.005


@pytest.mark.campaign
def test_transfer_and_warm_start_tell_each_set(sets: dict[str, Table], everything: Table) -> None:
    two = {name: sets[name] for name in ("openhands", "swe-agent (a)")}
    page = transfer(two, everything, (), 1, quiet)
    rows = [line for line in page.splitlines() if line.startswith("| shells, ranked | openhands |")]
    assert len(rows) == 1 and float(rows[0].split("|")[4].split()[0]) > 0.8  # k = 2
    assert "mean of the shells" in page and "held-out set" in page
    curve = warm_start({"openhands": sets["openhands"]}, everything, (), 1, quiet)
    assert "| openhands | 50 |" in curve and "| openhands | 200 |" not in curve and "base" in curve.splitlines()[-1]


def test_strong_costs_are_scaled_to_the_ratio() -> None:
    table = agent("openhands", "a", 50, 0, strong="always")
    runs = walks(table, Predictions.unknown(len(table)))
    assert runs is not None
    assert scaled(runs, 20, 1.0, 5.0).cost_strong.tolist() == [20.0] * 50
    assert scaled(runs, 20, 1.0, float("nan")).cost_strong.tolist() == [20.0] * 50


@pytest.mark.campaign
def test_a_pair_that_surely_pays_is_routed_and_coin_flips_never_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featrouter.study.payoff.RATIOS", (5, 20))
    monkeypatch.setattr("featrouter.study.payoff.VALUES", (0.5, 1.0))
    pays = payoff(agent("openhands", "a", 150, 0, 6.0, strong="always"), 1)
    assert set(pays.verdicts) == {(5, 0.5), (5, 1.0), (20, 0.5), (20, 1.0)}
    assert pays.verdicts[20, 1.0] == ROUTE and pays.gains[20, 1.0][2] > 0
    coin = payoff(agent("openhands", "a", 150, 0, 0.0, strong="coin"), 1)
    assert set(coin.verdicts.values()) == {DONT}


def test_a_map_that_cannot_be_drawn_says_why() -> None:
    table = agent("openhands", "a", 40, 0, strong="coin")
    worse = Table(table.meta.assign(y_strong=0.0), table.x, NAMES)
    assert payoff(worse, 1).refused == "the strong model does not solve more"
    unpriced = Table(table.meta.assign(cost_weak_usd=np.nan), table.x, NAMES)
    text = payoffs({"a -> b": unpriced}, 1, quiet)
    assert "No map: the cost of a weak run is not known" in text


def test_the_page_holds_the_parts_that_were_asked_for(everything: Table) -> None:
    with pytest.raises(ValueError, match="no agent has 100 labelled runs"):
        list(pages.sections(agent("mint", "a", 20, 3), {}, ["stability"], 1, quiet))
    later = Table(everything.meta.assign(k=everything.meta["k"] + 2), everything.x, NAMES)
    text = pages.page(pages.sections(later, {}, ["stability"], 1, quiet), "featrouter study logs")
    assert text.startswith("<!-- Generated: featrouter study logs -->\n\n# Study\n\n## Does a feature mean")
    assert "Leave one harness out" not in text


@pytest.mark.campaign
def test_the_costs_part_ranks_by_costs_too() -> None:
    from featrouter.study.costs import costs, priced

    table = agent("openhands", "a", 120, 0, 3.0, strong="always")
    assert priced(table) and not priced(Table(table.meta.assign(cost_weak_usd=np.nan), table.x, NAMES))
    page = costs({"a -> b": table}, 1, quiet)
    assert "| a -> b | mixed | 2 |" in page and "| a -> b | repo_disjoint | end |" in page


@pytest.fixture
def few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One split and few runs: a part in a second or two. The campaign has them all."""
    for module in ("costs", "discrimination"):
        monkeypatch.setattr(f"featrouter.study.{module}.SPLITS", {"repo_disjoint": "repo"})
    monkeypatch.setattr("featrouter.study.sets.LEAST_ROWS", 30)


def going(table: Table) -> Table:
    return table.where((table.meta["at_end"] == 0).to_numpy())


def cells(page: str, *begin: str) -> list[str]:
    """The row of a table that begins with these cells."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    (row,) = [row for row in rows if tuple(row[: len(begin)]) == begin]
    return row


def test_of_few_runs_the_ranking_is_told_and_the_family_that_counts_is_missed(
    few_runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("featrouter.study.discrimination.FAMILIES", ("files", "traces"))
    table = going(agent("openhands", "a", 60, 0, 4.0))
    table.x[:, 2] = 1.0  # now files alone tell
    row = cells(discrimination({"openhands": table}, 1, quiet), "openhands", "repo_disjoint")
    assert float(row[4].split()[0]) > 0.7 and row[-1] == "-"  # k = 2, and k = 12, which no run reaches
    page = ablation({"openhands": table}, 1, quiet)
    lost = {family: float(cells(page, family, "repo_disjoint")[2].split()[0]) for family in ("files", "traces")}
    assert lost["files"] > 0.1 and lost["traces"] == 0


def test_of_few_runs_what_transfers_and_what_a_base_buys_is_told(
    few_runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("featrouter.study.warmstart.SIZES", (20, 30, 400))
    both = together(agent("openhands", "a", 60, 0), agent("swe-agent", "a", 60, 1))
    one = {"openhands": going(both.where((both.meta["harness"] == "openhands").to_numpy()))}
    page = transfer(one, both, (), 1, quiet)
    for way in ("shells, ranked", "all, not ranked"):
        told, mean = cells(page, way, "openhands"), cells(page, way, "**mean of the shells**")
        assert float(told[3].split()[0]) > 0.8 and told[2:] == mean[2:]  # k = 2
    assert len(cells(page, "openhands")) == 5  # resolved, and the errors of calibration
    curve = warm_start(one, both, (), 1, quiet)
    own, warm, gain = (float(cell.split()[0]) for cell in cells(curve, "openhands", "20")[2:])
    assert gain == pytest.approx(warm - own, abs=0.02) and gain > 0.2 and cells(curve, "openhands", "0")[2] == "-"
    assert "| openhands | 400 |" not in curve and "20 runs: own 0.00, base" in curve


def test_of_few_runs_a_pair_that_surely_pays_is_routed(few_runs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, one in (("RATIOS", (20,)), ("VALUES", (1.0,)), ("LEAST_DIFFERENT", 10)):
        monkeypatch.setattr(f"featrouter.study.payoff.{name}", one)
    text = payoffs({"a -> b": agent("openhands", "a", 60, 0, 6.0, strong="always")}, 1, quiet)
    assert cells(text, "a -> b") == ["a -> b", "1", "0", "0"]
    assert "**route**; anytime +" in cells(text, "1 : 20")[1] and "#### a -> b" in text


def test_of_few_runs_predicted_costs_are_held_against_what_was_paid(few_runs: None) -> None:
    from featrouter.study.costs import costs

    page = costs({"a -> b": agent("openhands", "a", 60, 0, 3.0, strong="always")}, 1, quiet)
    assert [cells(page, "a -> b", "repo_disjoint", k)[3] for k in ("0", "2", "end")] == ["10"] * 3
    paid, predicted, explained, rank = cells(page, "a -> b", "repo_disjoint", "c1")[3:]
    assert float(paid) == pytest.approx(float(predicted), abs=0.1) and float(explained) > 0.2 and float(rank) > 0.4
