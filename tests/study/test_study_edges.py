"""A study of too little: it says so, and never ends in a traceback; and what the parts show where there is enough."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from featrouter.study.costs import priced
from featrouter.study.page import PARTS, page, sections
from featrouter.study.payoff import payoffs, scaled
from featrouter.study.sets import LEAST_RUNS, MOST_MODELS, few, mean_of, sets_of, told
from featrouter.study.stability import stability
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table
from featrouter.training.worth import walks

NAMES = ("files_reads", "loops_streak", "edits_count")


def agent(harness: str, model: str, n: int, seed: int, *, repos: int = 5) -> Table:
    """Runs of six turns: fewer edits mean success, reads mean nothing, the streak never differs."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(n), 7)
    y = (rng.random(n) < 0.5).astype(float)[number]
    k = np.tile(np.arange(7), n).astype(float)
    meta = pd.DataFrame(
        {
            "run_id": [f"{harness}/{model}/{i}" for i in number],
            "task_id": [f"{harness}/{i}" for i in number],
            "repo": [f"repo{i % repos}" for i in number],
            "harness": harness,
            "weak_model": model,
            "k": k,
            "at_end": (k == 6).astype(float),
            "y_weak": y,
            "cost_weak_usd": 1.0,
            "spent_usd": k / 6,
            "y_strong": 1.0,
            "cost_strong_usd": np.where(number % 2, 3.0, 5.0),
        }
    )
    x = rng.normal(size=(len(meta), 3))
    x[:, 1] = 1.0
    x[:, 2] -= 2 * y
    return Table(meta, x, NAMES)


def together(*tables: Table) -> Table:
    return Table(
        pd.concat([one.meta for one in tables], ignore_index=True), np.vstack([one.x for one in tables]), NAMES
    )


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def everything() -> Table:
    models = [agent("shell", model, LEAST_RUNS, seed) for seed, model in enumerate("abc")]
    return together(*models, agent("editor", "a", LEAST_RUNS - 1, 4), agent("browser", "a", LEAST_RUNS, 5, repos=60))


def test_one_run_too_few_is_no_set_and_unlabelled_runs_do_not_count(everything: Table) -> None:
    sets = sets_of(everything)
    assert list(sets) == ["browser", "shell (a)", "shell (b)", "shell (c)"]
    assert list(few(sets)) == ["browser", "shell (a)", "shell (b)"] and MOST_MODELS == 2
    blank = everything.meta["y_weak"].mask(everything.meta["run_id"] == "browser/a/0")
    assert list(sets_of(Table(everything.meta.assign(y_weak=blank), everything.x, NAMES))) == list(sets)[1:]


def test_a_mean_is_of_those_that_there_are_draw_by_draw() -> None:
    one, two = np.array([0.6, 0.5, np.nan]), np.array([0.8, 0.7, 0.9])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(mean_of([one, two, np.full(3, np.nan)]), [0.7, 0.6, 0.9])
        assert np.isnan(mean_of([])).all() and told(mean_of([])) == "-"
    assert told(np.r_[-0.2, np.linspace(-0.3, 0.1, 101)], True) == "-0.20 [-0.29, +0.09]"


def test_stability_names_the_feature_that_counts_by_set_and_repository(everything: Table) -> None:
    text = stability(sets_of(everything))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == ["`edits_count`", "`files_reads`"]  # what never varies is not there
    edits = rows[0]
    assert 0.02 < float(edits[1].split()[0]) < 0.15 and edits[2] == "4 of 4"
    assert edits[3] == "15 of 15"  # three models in five repositories; sixty of the other are too small
    assert all(float(cell) < 0.2 for cell in edits[4:]) and len(edits) == 4 + 4
    assert text.startswith("2 features vary in at least two sets at k = 4; the mean of 1 differs from .5")


@pytest.mark.parametrize("left", [0, 1])
def test_with_too_few_sets_stability_says_so(everything: Table, left: int) -> None:
    """In words, on the page or as the error that the command line shows."""
    sets = dict(list(sets_of(everything).items())[:left])
    try:
        assert isinstance(stability(sets), str)
    except ValueError as error:
        assert len(str(error)) > 10


@pytest.mark.parametrize("part", [name for name in PARTS if name not in ("costs", "payoff")])
def test_every_part_has_its_heading_whatever_there_is_to_study(part: str) -> None:
    small = agent("shell", "a", 10, 0)
    try:
        text = page(sections(small, {}, [part], 1, quiet), "featrouter study x")
    except ValueError as error:
        assert len(str(error)) > 10
        return
    assert text.startswith("<!-- Generated: featrouter study x -->") and f"## {PARTS[part][0]}" in text
    assert [heading for heading, _ in PARTS.values() if f"## {heading}\n" in text] == [PARTS[part][0]]


@pytest.mark.parametrize("part", ["transfer", "warm-start"])
def test_a_single_harness_has_no_other_to_learn_from_and_is_told_so(part: str) -> None:
    alone = agent("openhands", "a", LEAST_RUNS, 0)
    try:
        assert f"## {PARTS[part][0]}" in page(sections(alone, {}, [part], 1, quiet), "featrouter study x")
    except ValueError as error:
        assert "harness" in str(error), error


def test_a_pair_of_one_repository_has_no_map_and_is_told_so() -> None:
    """Folds by repository are none: nothing was judged."""
    text = payoffs({"a -> b": agent("shell", "a", 60, 0, repos=1)}, 1, quiet)
    assert "No map: " in text


def test_prices_are_scaled_on_average_and_what_nobody_knows_is_the_mean(everything: Table) -> None:
    table = agent("shell", "a", 50, 0)
    unknown = np.full(len(table), np.nan)
    runs = walks(table, Predictions(unknown, unknown, unknown, np.where(table.meta["k"] == 2, np.nan, 8.0)))
    assert runs is not None
    weak, strong = runs.cost_weak.mean(), runs.cost_strong.mean()
    dearer = scaled(runs, 7, weak, strong)
    assert dearer.cost_strong.mean() == pytest.approx(7 * weak)
    np.testing.assert_allclose(dearer.cost_strong / runs.cost_strong, 7 * weak / strong)
    np.testing.assert_allclose(dearer.c2[runs.c2 == 8.0], 8 * 7 * weak / strong)
    assert np.isnan(runs.c2).any() and set(dearer.c2[np.isnan(runs.c2)]) == {7 * weak}
    for known in (float("nan"), 0.0):
        assert set(scaled(runs, 7, weak, known).cost_strong) == {7 * weak}
    assert runs.cost_weak is dearer.cost_weak and runs.y_strong is dearer.y_strong


@pytest.mark.parametrize("column", ["y_weak", "y_strong", "cost_weak_usd", "cost_strong_usd"])
def test_a_pair_is_priced_when_nothing_of_it_is_unknown(column: str) -> None:
    table = agent("shell", "a", 10, 0)
    assert priced(table)
    blank = table.meta[column].mask(table.meta["run_id"] == "shell/a/3")
    assert not priced(Table(table.meta.assign(**{column: blank}), table.x, NAMES))
    assert not priced(table.where((table.meta["at_end"] == 0).to_numpy()))
