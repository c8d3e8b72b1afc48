"""The sets a study compares: the runs of one agent on one harness; and what is measured on each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from featrouter.evaluation.crossval import cross_validated
from featrouter.evaluation.unseen import harness_of
from featrouter.training.learn import Settings
from featrouter.training.metrics import Floats, interval, task_weights, within_auroc
from featrouter.training.table import Table

#: Turns at which the studies look.
TURNS = (0, 1, 2, 3, 4, 6, 8, 12)
#: The turns over which a single number is averaged, where every turn would be too much to print.
CHOSEN = (2, 4, 8)
#: The decision point after a run.
END = "end"
LEAST_RUNS, LEAST_ROWS = 100, 60
MOST_MODELS = 2
DRAWS = 300


def sets_of(table: Table, *, ended: bool = False) -> dict[str, Table]:
    """The labelled rows while runs go on, by set: named after the harness, and the weak model where it ran several.

    `ended`: with the rows of finished runs, too.
    """
    among = table.meta["y_weak"].notna() if ended else (table.meta["at_end"] == 0) & table.meta["y_weak"].notna()
    known = table.where(among.to_numpy())
    found = {}
    for harness, runs in known.meta.groupby("harness"):
        models = sorted(runs["weak_model"].unique())
        for model in models:
            part = known.where(((known.meta["harness"] == harness) & (known.meta["weak_model"] == model)).to_numpy())
            if part.meta["run_id"].nunique() >= LEAST_RUNS:
                found[f"{harness} ({model})" if len(models) > 1 else str(harness)] = part
    return found


def few(sets: Mapping[str, Table]) -> dict[str, Table]:
    """At most MOST_MODELS sets of one harness, the first by name: what must be trained many times over."""
    taken: Counter[str] = Counter()
    found = {}
    for name, table in sets.items():
        harness = harness_of(table)
        taken[harness] += 1
        if taken[harness] <= MOST_MODELS:
            found[name] = table
    return found


def benchmarks(sets: Mapping[str, Table]) -> list[list[str]]:
    """The names of sets that share harness and tasks, together: their mean is to count once."""
    found: list[list[str]] = []
    for name, table in sets.items():
        tasks = set(table.meta["task_id"])
        for group in found:
            other = sets[group[0]]
            if harness_of(other) == harness_of(table) and tasks & set(other.meta["task_id"]):
                group.append(name)
                break
        else:
            found.append([name])
    return found


@dataclass(frozen=True)
class Held:
    """Scores of every row of a set by models that did not see its group, and the fold that gave them, each (n,)."""

    scores: Floats
    fold: npt.NDArray[np.int64]


def held_out(table: Table, group: str, settings: Settings, jobs: int) -> Held:
    """The whole of training inside every fold, each choice on folds within."""
    judged = cross_validated(table, group, settings, jobs=jobs)
    return Held(judged.told.r1, judged.fold)


def areas(table: Table, held: Held, k: int | str, draws: int = DRAWS) -> Floats:
    """AUROC of the runs that go on after turn k, ranked within folds: the sample, then resamples of tasks, (draws + 1,).

    k = END: of finished runs. NaN where fewer than LEAST_ROWS runs come so far.
    """
    ended = table.meta["at_end"] == 1
    among = ended if k == END else ~ended & (table.meta["k"] == k)
    rows = among.to_numpy() & ~np.isnan(held.scores)
    if rows.sum() < LEAST_ROWS:
        return np.full(draws + 1, np.nan)
    weights = task_weights(table.meta["task_id"].to_numpy()[rows], draws)
    y = table.meta["y_weak"].to_numpy(dtype=np.float64)[rows]
    return within_auroc(held.scores[rows], y, held.fold[rows].astype(str), weights)


def mean_of(samples: Sequence[Floats]) -> Floats:
    """The mean of those of several estimates that there are, draw by draw."""
    known = [one for one in samples if np.isfinite(one[0])]
    return np.nanmean(known, axis=0) if known else np.full(DRAWS + 1, np.nan)


def mean_of_benchmarks(sets: Mapping[str, Table], samples: Mapping[str, Floats]) -> Floats:
    """The mean over benchmarks of estimates by set: models that share harness and tasks count once, together."""
    return mean_of([mean_of([samples[name] for name in group]) for group in benchmarks(sets)])


def told(sample: Floats, sign: bool = False, digits: int = 2) -> str:
    """`.63 [.58, .68]`, or - where there is none."""
    if not np.isfinite(sample[0]):
        return "-"
    low, high = interval(sample[1:])
    plus = "+" if sign else ""
    form = f"{plus}.{digits}f"
    return f"{sample[0]:{form}} [{low:{form}}, {high:{form}}]"
