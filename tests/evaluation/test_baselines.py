"""The baselines: rules of thumb on rows written by hand, learners on the router's own folds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import simulator as sim
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.metrics import roc_auc_score

from featrouter.catalogue import feature_set
from featrouter.evaluation import crossval
from featrouter.evaluation.baselines import BASELINES, LIMITS, judge, repeated, stage
from featrouter.evaluation.crossval import cross_validated
from featrouter.evaluation.discrimination import compared
from featrouter.evaluation.evaluate import evaluate
from featrouter.evaluation.texts import Texts, texts_of
from featrouter.logs import Logs
from featrouter.training.fit import folds
from featrouter.training.learn import Settings
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table, table_of

RECORDED = Path(__file__).parent.parent.parent / "data" / "recorded"
QUICK = Settings(head="linear", panel=False, calibration="platt")


def row(*, k: int = 10, **features: float) -> Table:
    """One decision point whose features are those named, and NaN where a run has not shown any."""
    assert set(features) <= set(feature_set().names)
    return Table(pd.DataFrame({"k": [float(k)]}), np.array([list(features.values())]), tuple(features))


@pytest.mark.parametrize(
    ("features", "times"),
    [
        ({}, 1),
        ({"loops_again": 0.0, "loops_futile": 0.0}, 1),
        ({"loops_futile": 3.0}, 4),
        ({"loops_again": 2.0}, 3),
        ({"traces_streak": 5.0, "loops_again": 1.0}, 5),
        ({"traces_streak": np.nan, "loops_again": np.nan, "loops_futile": np.nan}, 1),
    ],
)
def test_repeated_counts_the_most_frequent_call_or_error(features: dict[str, float], times: float) -> None:
    found = repeated(row(**features))[0]
    assert found == pytest.approx(times)
    assert bool(found > LIMITS["repeated"]) is (times >= 3)


def test_two_equal_calls_in_two_turns_are_not_three() -> None:
    assert repeated(row(k=2, loops_futile=1.0, loops_again=1.0))[0] == 2


@pytest.mark.parametrize(
    ("k", "features", "score"),
    [
        pytest.param(10, {}, 0.0, id="nothing is known"),
        pytest.param(10, {"traces_recent": 1.0}, np.tanh(0.5), id="a recent error"),
        pytest.param(10, {"traces_recent": 0.0, "traces_share": 0.5}, 0.0, id="an error before the window"),
        pytest.param(10, {"edits_recent": 1.0}, np.tanh(-0.5), id="production"),
        pytest.param(10, {"loops_again": 2.0}, np.tanh(0.5), id="spinning"),
        pytest.param(10, {"loops_cycle": 1.0}, np.tanh(0.5), id="spinning in a cycle"),
        pytest.param(10, {"loops_same_answer": 2.0}, np.tanh(0.5), id="spinning at the same answer"),
        pytest.param(7, {"loops_again": 2.0}, 0.0, id="spinning is muted before turn 8"),
        pytest.param(8, {"files_since_read": 1.0}, np.tanh(0.5), id="exploring"),
        pytest.param(8, {"files_since_read": 1.0, "edits_recent": 1.0}, np.tanh(-0.5), id="who edits does not explore"),
        pytest.param(
            8, {"loops_cycle": 1.0, "files_since_read": 0.0, "traces_recent": 1.0}, np.tanh(1.5), id="all three"
        ),
        pytest.param(2, {"traces_streak": 3.0}, 1.0, id="a critical error"),
        pytest.param(2, {"traces_timeouts": 1.0, "traces_recent": 1.0}, 1.0, id="a timeout just now"),
        pytest.param(2, {"traces_timeouts": 1.0, "traces_recent": 0.0}, 0.0, id="a timeout long ago"),
        pytest.param(9, {"testruns_recent": 1.0, "testruns_green": 1.0}, -1.0, id="tests just passed"),
        pytest.param(9, {"testruns_recent": 0.0, "testruns_green": 1.0}, 0.0, id="tests passed long ago"),
        pytest.param(
            9, {"testruns_recent": 1.0, "testruns_green": 1.0, "traces_streak": 4.0}, 1.0, id="critical first"
        ),
    ],
)
def test_the_stage_score_is_the_hand_weighted_one(k: int, features: dict[str, float], score: float) -> None:
    assert stage(row(k=k, **features))[0] == pytest.approx(score)


def test_rules_of_thumb_escalate_where_their_score_passes_its_limit() -> None:
    table = row(loops_again=3.0)
    told = judge("repeated", table, table, QUICK, None)
    assert told.scores(10.0).tolist() == told.scores(1.0).tolist() == [4.0]
    assert judge("stage", table, table, QUICK, None).scores(10.0)[0] == pytest.approx(np.tanh(0.5))


def test_a_rule_of_thumb_has_no_log_loss() -> None:
    table = sim.plain_table(np.arange(60) % 2, np.ones(60), turns=2)
    edits = Table(table.meta, np.where(table.x[:, :1] > 0, 1.0, 0.0), ("edits_recent",))
    told = judge("stage", edits, edits, QUICK, None)
    half = np.full(len(edits), 0.5)
    rows = ((edits.meta["k"] == 1) & (edits.meta["at_end"] == 0)).to_numpy()
    found = compared(edits, sim.judged(Predictions(half, half, half, half), stage=told), rows, 5)
    assert "logloss_gain" not in found["stage"]


@pytest.fixture(scope="module")
def labelled() -> Table:
    """Half of the signal is in the prompt's hint, which no turn changes; the rest in what the turns show."""
    world = sim.World(longest=2, prompt_noise=0.7, turn_noise=0.7, difficulty=2.0)
    return sim.table_of(sim.draw(world, 160, seed=5))[0]


def words_of(table: Table, told: np.ndarray) -> Texts:
    """Counts of three words: one of everyone's, one that `told` rows say, and one of the others'."""
    return Texts(sparse.csr_matrix(np.column_stack([np.ones(len(table)), told, 1 - told])))


@pytest.mark.parametrize("name", ["logistic", "prompt", "tfidf"])
def test_a_learner_judges_tasks_it_never_saw_better_than_chance(labelled: Table, name: str) -> None:
    y = labelled.meta["y_weak"].to_numpy()
    said = np.where(np.random.default_rng(0).random(len(y)) < 0.8, y, 1 - y)
    found = cross_told(labelled, name, words_of(labelled, said))
    going = (labelled.meta["at_end"] == 0).to_numpy()
    assert np.isfinite(found.r1).all() and (found.r1 > 0).all() and (found.r1 < 1).all()
    assert roc_auc_score(y[going], found.r1[going]) > 0.65
    assert (found.c1[~going] == 0).all() and (found.c1[going] > 0).all() and (found.c2 > 0).all()


def cross_told(table: Table, name: str, texts: Texts) -> Predictions:
    told = Predictions.unknown(len(table))
    for train, test in folds(table.meta["y_weak"].to_numpy(), table.meta["task_id"].to_numpy(), n=3):
        both = texts.where(train), texts.where(test)
        told.put(test, judge(name, table.where(train), table.where(test), QUICK, both))
    return told


@pytest.mark.parametrize("name", ["logistic", "prompt", "tfidf"])
def test_what_a_learner_says_does_not_depend_on_the_labels_it_is_judged_by(labelled: Table, name: str) -> None:
    train, test = next(folds(labelled.meta["y_weak"].to_numpy(), labelled.meta["repo"].to_numpy(), n=2))
    texts = words_of(labelled, labelled.meta["y_weak"].to_numpy())
    both = texts.where(train), texts.where(test)
    asked = labelled.where(test)
    turned = replace(asked, meta=asked.meta.assign(y_weak=1 - asked.meta["y_weak"], y_strong=0.0))
    one, other = (judge(name, labelled.where(train), part, QUICK, both) for part in (asked, turned))
    assert one.r1.tolist() == other.r1.tolist() and one.r2.tolist() == other.r2.tolist()


def test_the_prompt_says_the_same_at_every_turn(labelled: Table) -> None:
    train, test = next(folds(labelled.meta["y_weak"].to_numpy(), labelled.meta["task_id"].to_numpy()))
    asked = labelled.where(test)
    told = judge("prompt", labelled.where(train), asked, QUICK, None)
    for answers in (told.r1, told.r2):
        by_run = pd.Series(answers).groupby(asked.meta["run_id"].to_numpy())
        assert (by_run.nunique() == 1).all() and len(np.unique(answers)) > 10
    later = replace(asked, x=asked.x.copy())
    later.x[(asked.meta["k"] > 0).to_numpy()] = 9.0
    assert judge("prompt", labelled.where(train), later, QUICK, None).r1.tolist() == told.r1.tolist()


def test_without_prompt_features_the_prompt_is_the_base_rate() -> None:
    table = sim.plain_table(np.arange(60) % 3 == 0, np.ones(60), turns=1)
    told = judge("prompt", table, table, QUICK, None)
    assert told.r1 == pytest.approx(np.full(len(table), 1 / 3))


def test_baselines_are_judged_on_the_routers_own_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fold hands its baselines the very tables that the router learns from and is judged on."""
    table = sim.plain_table(np.arange(60) % 2, np.ones(60), turns=1, repos=6)
    learned, judged = [], []

    def learning(train: Table, settings: Settings) -> Any:
        learned.append(set(train.meta["repo"]))
        return learn(train, settings)

    def judging(name: str, train: Table, test: Table, *rest: Any) -> Predictions:
        judged.append((set(train.meta["repo"]), set(test.meta["repo"])))
        return judge(name, train, test, *rest)

    learn = crossval.learn
    monkeypatch.setattr(crossval, "learn", learning)
    monkeypatch.setattr(crossval, "judge", judging)
    found = cross_validated(table, "repo", QUICK, baselines=("stage", "logistic"))
    assert [train for train, _ in judged] == [repos for repos in learned for _ in range(2)]
    assert all(not train & test for train, test in judged)
    assert np.isfinite(found.baselines["logistic"].r1).all() and np.isfinite(found.baselines["stage"].r1).all()


def test_a_router_without_its_parts_is_a_router() -> None:
    table = sim.plain_table(np.arange(50) % 2, np.ones(50), turns=1, signal=3.0)
    table.meta["share_weak"] = 0.5
    told = judge("lightgbm", table, table, QUICK, None)
    bare = judge("no-panel", table, table, replace(QUICK, panel=True), None)
    assert np.isfinite(told.r1).all() and np.isfinite(bare.r1).all()
    without = judge("no-panel", table, replace(table, meta=table.meta.drop(columns="share_weak")), QUICK, None)
    assert bare.r1.tolist() == without.r1.tolist() != told.r1.tolist()


def test_an_unknown_baseline_is_refused_and_tfidf_without_texts() -> None:
    table = sim.plain_table(np.arange(10) % 2, np.ones(10))
    with pytest.raises(ValueError, match="baseline 'magic': known are repeated, stage, cost, logistic, tfidf"):
        evaluate(table, weak="w", strong="s", baselines=("stage", "magic"))
    with pytest.raises(ValueError, match="baseline tfidf reads text: give the turns and runs files"):
        evaluate(table, weak="w", strong="s", baselines=("tfidf",))
    assert set(LIMITS) < set(BASELINES)


@pytest.fixture(scope="module")
def recorded() -> tuple[Table, Texts]:
    table = table_of(Logs([RECORDED]))
    texts = texts_of([RECORDED], table)
    assert texts is not None
    return table, texts


def test_texts_have_a_row_for_each_row_of_the_table_and_grow_with_the_turns(recorded: tuple[Table, Texts]) -> None:
    table, texts = recorded
    assert texts.counts.shape == (len(table), 2**15)
    same_run = table.meta["run_id"].to_numpy()[1:] == table.meta["run_id"].to_numpy()[:-1]
    step = texts.counts[1:] - texts.counts[:-1]
    assert step[same_run].min() == 0 and (step[same_run].sum(axis=1) > 0).all()
    start = (table.meta["k"] == 0).to_numpy()
    assert (texts.counts[start].sum(axis=1) > 0).all()
    by_task = pd.Series(list(map(tuple, texts.counts[start].toarray()))).groupby(
        table.meta["task_id"][start].to_numpy()
    )
    assert (by_task.nunique() == 1).all()  # at k = 0 there is the task alone


def test_texts_are_of_the_row_they_stand_at(recorded: tuple[Table, Texts]) -> None:
    table, texts = recorded
    hashed = HashingVectorizer(n_features=2**15, alternate_sign=False, norm=None, token_pattern=r"[A-Za-z_]\w+")
    run, trajectory = next(iter(Logs([RECORDED]).trajectories()))
    for at in np.flatnonzero(table.meta["run_id"] == run.run_id):
        seen = list(trajectory)[: int(table.meta["k"][at])]
        said = [run.task]
        for turn in seen:
            said += [turn.thought, *(f"{call.tool} {call.action} {call.observation}" for call in turn.each_call())]
        expected = hashed.transform([" ".join(said)])
        assert (texts.counts[at] != expected).nnz == 0


def test_texts_follow_the_tables_order_and_are_none_without_turns(
    recorded: tuple[Table, Texts], tmp_path: Path
) -> None:
    table, texts = recorded
    backwards = Table(table.meta[::-1].reset_index(drop=True), table.x[::-1], table.names)
    found = texts_of([RECORDED], backwards)
    assert found is not None and (found.counts != texts.counts[::-1]).nnz == 0
    part = texts.where(np.arange(len(table)) < 7)
    assert (part.counts != texts.counts[:7]).nnz == 0
    outcomes = tmp_path / "outcomes.csv"
    outcomes.write_bytes((RECORDED / "outcomes.csv").read_bytes())
    assert texts_of([outcomes], table) is None


def test_the_cost_baseline_escalates_what_is_predicted_to_be_dear() -> None:
    """Column 0 tells from the start how long, and so how dear, the weak run will be."""
    length = np.tile([2, 8], 60)
    table = sim.plain_table(np.tile([1.0, 0.0], 60), np.ones(120), turns=length)
    table.x[:, 0] = table.meta.groupby("run_id")["k"].transform("max")
    table.meta["cost_weak_usd"] = np.where(table.x[:, 0] == 8, 8.0, 2.0)
    table.meta["spent_usd"] = table.meta["k"].astype(float)
    told = judge("cost", table, table, QUICK, None)
    start = ((table.meta["k"] == 0) & (table.meta["at_end"] == 0)).to_numpy()
    scores = told.scores(10.0)[start]
    assert roc_auc_score(table.x[start, 0] == 8, scores) > 0.95
