"""What one would use instead: rules of thumb, and learners that anyone has at hand; on the router's own folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from featrouter.evaluation.texts import Texts
from featrouter.training.calibrate import fit_calibrator
from featrouter.training.costs import at_knots, fit_costs, weak_knots
from featrouter.training.fit import FOLDS, Fitted, HeldOut, Recipe, Rows, fit_head, folds, out_of_fold, too_little
from featrouter.training.learn import HEADS, Settings, learn, rows_for
from featrouter.training.metrics import Floats
from featrouter.training.predictions import Predictions, predict
from featrouter.training.spread import scores_of
from featrouter.training.table import Table

#: Each baseline and what it is, as a page of tables explains it.
BASELINES = {
    "repeated": "escalate when the same call or the same error occurs 3 times in a window of six turns",
    "stage": "the hand-weighted stage score of today's proxies: severity, spinning, exploring, production",
    "cost": "escalate the runs whose predicted remaining cost is highest, beside the strong model's",
    "logistic": "logistic regression on our features",
    "tfidf": "TF-IDF of the text so far and logistic regression (needs turns with text)",
    "prompt": "LightGBM on the features of the prompt alone",
    "no-panel": "this router without panel labels",
    "lightgbm": "this router with LightGBM alone: no linear part, no panel",
}
#: Rules of thumb escalate where their score exceeds this.
LIMITS = {"repeated": 2.5, "stage": 0.5}
#: Baselines whose r1 is a score, not a probability.
SCORES = ("repeated", "stage", "cost")

_TFIDF_C = 1.0


def judge(name: str, train: Table, test: Table, settings: Settings, texts: tuple[Texts, Texts] | None) -> Predictions:
    """What a baseline fitted on `train` says of the rows of `test`; costs are means, unless it is a router.

    Rules of thumb have no probabilities: r1 is minus their score and r2 is 0, so that their margin is the score.
    """
    if name in ("repeated", "stage"):
        score = (repeated if name == "repeated" else stage)(test)
        nothing = np.zeros(len(test))
        return Predictions(-score, nothing, nothing, nothing)
    if name == "cost":
        return _by_cost(train, test)
    if name == "no-panel":
        return _router(train, test, settings, panel=False)
    if name == "lightgbm":
        return _router(train, test, settings, panel=False, head="lightgbm")
    fits: dict[str, Callable[[Rows, str], Callable[[Table], Floats]]] = {
        "logistic": lambda rows, head: _of_features(rows, head, Recipe("linear"), np.arange(train.x.shape[1])),
        "prompt": lambda rows, head: _of_features(rows, head, Recipe(), _prompt_columns(train)),
    }
    told = Predictions.unknown(len(test))
    for head, arm, ended in HEADS:
        if arm not in train.meta:
            continue
        seen, asked = ((part.meta["at_end"] == int(ended)).to_numpy() for part in (train, test))
        if name == "prompt":
            seen = seen & (train.meta["k"] == 0).to_numpy()
        rows = rows_for(train, arm, panel=False).where(seen)
        if np.isnan(rows.y).all() or not asked.any():
            continue
        answers = told.r1 if arm == "y_weak" else told.r2
        if name == "tfidf":
            assert texts is not None
            answers[asked] = _of_texts(rows, texts[0].where(seen), texts[1].where(asked))
        else:
            answers[asked] = fits[name](rows, head)(test.where(asked))
    if name == "prompt":
        _spread(told, test)
    told.c1[:] = np.where(test.meta["at_end"] == 1, 0.0, at_knots(weak_knots(train), test.meta["k"].to_numpy()))
    if "cost_strong_usd" in train.meta:
        told.c2[:] = (
            np.nanmean(train.meta["cost_strong_usd"]) if train.meta["cost_strong_usd"].notna().any() else np.nan
        )
    return told


def repeated(table: Table) -> Floats:
    """How often the latest turns repeated a call or an error: 1 is once, 3 the third time, (n,).

    Read off the features: the same call with the same answer, in a row or among the latest twelve; errors in a row.
    """
    again, futile = _column(table, "loops_again"), _column(table, "loops_futile")
    return np.asarray(np.max([again + 1, futile + 1, _column(table, "traces_streak")], axis=0))


def stage(table: Table) -> Floats:
    """tanh(5 * 0.10 * (severity/0.7 + spinning + exploring - production)), each read off the latest three turns.

    Spinning and exploring are muted before turn 8; a critical error counts as 1, tests that have just passed as -1
    (method.md section 5). Ours is a reading of it from the features.
    """
    turn = table.meta["k"].to_numpy(dtype=np.float64)
    errors, edits, tests = (_column(table, f"{family}_recent") > 0 for family in ("traces", "edits", "testruns"))
    critical = (_column(table, "traces_streak") >= 3) | ((_column(table, "traces_timeouts") > 0) & errors)
    severity = np.where(critical, 1.0, np.where(errors, 0.7, 0.0))
    stuck = (_column(table, "loops_again") >= 2) | (_column(table, "loops_cycle") > 0)
    spinning = np.where(stuck | (_column(table, "loops_same_answer") >= 2), 1.0, 0.0)
    exploring = np.where((_column(table, "files_since_read", np.inf) < 3) & ~edits, 1.0, 0.0)
    production = np.where(edits, 1.0, 0.0)
    muted = turn < 8
    raw = 0.10 * (severity / 0.7 + np.where(muted, 0.0, spinning + exploring) - production)
    passed = tests & (_column(table, "testruns_green") == 1)
    return np.where(critical, 1.0, np.where(passed, -1.0, np.tanh(5 * raw)))


def _column(table: Table, name: str, missing: float = 0.0) -> Floats:
    if name not in table.names:
        return np.full(len(table), missing)
    return np.nan_to_num(table.x[:, table.names.index(name)], nan=missing)


def _router(train: Table, test: Table, settings: Settings, **changes: Any) -> Predictions:
    return learn(train, replace(settings, policy="rule", max_harm=None, confidence=None, **changes)).predict(test)


def _by_cost(train: Table, test: Table) -> Predictions:
    """As scores: r2 - r1 is c1 - c2, the predicted costs, and dear runs are taken for failing ones."""
    costs, _, _ = fit_costs(train, train.meta["task_id"].to_numpy())
    told = predict(
        test,
        {head.name: head for head in costs.heads},
        {},
        {"weak_remaining": costs.weak_remaining, "strong": costs.strong},
    )
    nothing = np.zeros(len(test))
    return Predictions(-np.nan_to_num(told.c1), -np.nan_to_num(told.c2), nothing, nothing)


def _prompt_columns(table: Table) -> npt.NDArray[np.intp]:
    return np.flatnonzero([name.startswith("prompt_") for name in table.names])


def _of_features(rows: Rows, name: str, recipe: Recipe, columns: npt.NDArray[np.intp]) -> Callable[[Table], Floats]:
    if not len(columns):
        mean = float(np.nanmean(rows.y))
        return lambda table: np.full(len(table), mean)
    rows = Rows(rows.x[:, columns], rows.y, rows.runs, rows.tasks, rows.weights, rows.share)
    fitted: Fitted = fit_head(name, "logit", rows.known(), recipe)
    held = out_of_fold(name, "logit", rows, rows.tasks, recipe)
    calibrator = _platt(held, rows)
    return lambda table: calibrator(scores_of([fitted.head], table.x[:, columns])[:, 0])


def _platt(held: HeldOut, rows: Rows) -> Callable[[Floats], Floats]:
    known = ~np.isnan(rows.y) & (held.fold >= 0)
    weights = rows.weights
    return fit_calibrator(
        held.scores[known], rows.y[known], weights[known], rows.tasks[known], rows.runs[known], "platt"
    )


def _of_texts(rows: Rows, seen: Texts, asked: Texts) -> Floats:
    """TF-IDF (sublinear counts) and logistic regression, each run counted once; calibrated like the rest."""
    known = ~np.isnan(rows.y)
    if too_little("tfidf", rows.known()):
        return np.full(asked.counts.shape[0], float(np.nanmean(rows.y)))
    scores, fold = np.full(len(rows), np.nan), np.full(len(rows), -1)
    for number, (train, test) in enumerate(folds(rows.y, rows.tasks, FOLDS)):
        scores[test] = _text_scores(rows.where(train & known), seen.where(train & known), seen.where(test))
        fold[test] = number
    calibrator = _platt(HeldOut(scores, fold, ()), rows)
    return calibrator(_text_scores(rows.known(), seen.where(known), asked))


def _text_scores(rows: Rows, seen: Texts, asked: Texts) -> Floats:
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(rows.y)) < 2:  # all solved runs may be of one task
        return np.zeros(asked.counts.shape[0])
    transformer = TfidfTransformer(sublinear_tf=True)
    x = transformer.fit_transform(seen.counts)
    model = LogisticRegression(C=_TFIDF_C, solver="liblinear", dual=False, random_state=0, tol=1e-3)
    model.fit(x, rows.y, sample_weight=rows.weights * len(np.unique(rows.runs.astype(str))) / len(rows))
    return np.asarray(model.decision_function(transformer.transform(asked.counts)))


def _spread(told: Predictions, table: Table) -> None:
    """The prompt says the same of a run at every turn: what it says at k = 0."""
    runs = table.meta["run_id"]
    start = ((table.meta["k"] == 0) & (table.meta["at_end"] == 0)).to_numpy()
    for answers in (told.r1, told.r2):
        known = pd.Series(answers[start], index=runs[start])
        answers[:] = runs.map(known[~known.index.duplicated()]).to_numpy()
