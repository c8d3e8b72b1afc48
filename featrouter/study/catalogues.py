"""Two catalogues of features on the same runs: does the one at hand rank as well as an earlier one?"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from featrouter.evaluation.evaluate import SPLITS
from featrouter.evaluation.unseen import harness_of, task_folds, without_tasks
from featrouter.logs import LogError
from featrouter.logs.sources import packing
from featrouter.study.fitting import fit_ranker, split_by
from featrouter.study.sets import CHOSEN, END, Held, areas, mean_of, mean_of_benchmarks, sets_of
from featrouter.study.transfer import SHELLS, twins_of
from featrouter.training.columns import LOGGED, META, NUMBERS, TEXT_META
from featrouter.training.metrics import Floats, interval
from featrouter.training.oracle import oracle_stopped
from featrouter.training.predictions import without_families
from featrouter.training.table import Table
from featrouter.training.words import markdown

TURNS = (*CHOSEN, END)
#: The columns of the tables: one a turn, and one number for the turns of a run that goes on.
HEADER = (f"mean of k = {', '.join(map(str, CHOSEN))}", *(f"k = {k}" for k in CHOSEN), "at the end")


def read_any_catalogue(path: Path) -> Table:
    """A *features* file whatever its features are: every column that is not one of the log itself. Raises LogError."""
    try:
        if packing(path) == "parquet":
            frame = pd.read_parquet(path)
        else:
            blank = {name: [""] for name in pd.read_csv(path, nrows=0).columns if name not in TEXT_META}
            texts = dict.fromkeys(TEXT_META, str)
            frame = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=blank, low_memory=False)
    except (ValueError, OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise LogError(f"{path}: cannot be read as features: {error}") from None
    if missing := [name for name in META if name not in frame]:
        raise LogError(
            f"{path}: column {missing[0]!r} is missing: this is no features file (featrouter extract makes it)"
        )
    names = tuple(name for name in frame.columns if name not in (*META, *LOGGED))
    if not names:
        raise LogError(f"{path}: holds no feature")
    try:
        numbers = frame[[*NUMBERS, *names]].astype(np.float64)
    except (ValueError, TypeError) as error:
        raise LogError(f"{path}: cannot be read as numbers: {error}") from None
    meta = pd.concat([frame[list(TEXT_META)].fillna("").astype(str), numbers[list(NUMBERS)]], axis=1)
    return Table(meta, numbers[list(names)].to_numpy(), names)


def on_same_rows(now: Table, before: Table) -> tuple[Table, Table]:
    """Both tables on the decision points that they share: in the order and with the labels of the first.

    LogError when they share none, or when a decision point stands twice in the second.
    """
    keys = [pd.MultiIndex.from_frame(one.meta[["run_id", "at_end", "k"]]) for one in (now, before)]
    if not keys[1].is_unique:
        raise LogError("--before: a decision point stands there twice")
    at = keys[1].get_indexer(keys[0])
    shared = at >= 0
    if not shared.any():
        raise LogError("--before: none of its runs is among these; extract both from the same logs")
    kept = now.where(shared)
    return kept, Table(kept.meta, before.x[at[shared]], before.names)


def catalogues(
    everything: Table, earlier: Table, without: tuple[str, ...], jobs: int, say: Callable[[str], None]
) -> str:
    """AUROC with the features of `earlier` and with those at hand, and the paired difference. LogError, ValueError.

    `without`: families that are left out where a harness is, as the default bundle leaves them out.
    """
    both = on_same_rows(everything, earlier)
    sets = [sets_of(one, ended=True) for one in both]
    if not sets[0]:
        raise ValueError("no agent has enough labelled runs in both features files")
    before, now = len(both[1].names), len(both[0].names)
    stopped = {name for name, table in sets[0].items() if oracle_stopped(table)}
    parts = [
        f"Before: {before} features; now: {now}. {len(both[0])} of {len(everything)} decision points are in both files.",
        f"Oracle-stopped, so left out of the means: {', '.join(sorted(stopped))}." if stopped else "",
        _own_harness(sets[0], sets[1], stopped, jobs, say),
        _other_harnesses(both, sets, stopped, without, jobs, say),
    ]
    return "\n\n".join(part for part in parts if part)


def _own_harness(
    now: dict[str, Table], before: dict[str, Table], stopped: set[str], jobs: int, say: Callable[[str], None]
) -> str:
    asked = [(split, name, side) for split in SPLITS for name in now for side in (0, 1)]
    say(f"catalogues: {len(asked)} times five folds")
    sides = (now, before)
    made = Parallel(n_jobs=jobs)(delayed(_judged)(sides[side][name], SPLITS[split]) for split, name, side in asked)
    held = dict(zip(asked, made, strict=True))
    rows = []
    for split in SPLITS:
        rows += _rows([split], now, stopped, *({name: held[split, name, side] for name in now} for side in (0, 1)))
    return markdown(["split", "set", *HEADER], rows)


def _judged(table: Table, group: str) -> Held:
    """Scores of every row by heads of the other folds."""
    scores, fold = np.full(len(table), np.nan), np.full(len(table), -1)
    for number, (train, test) in enumerate(split_by(table, group)):
        scores[test] = fit_ranker(table.where(train)).scores(table.where(test))
        fold[test] = number
    return Held(scores, fold)


def _other_harnesses(
    both: tuple[Table, Table],
    sets: list[dict[str, Table]],
    stopped: set[str],
    without: tuple[str, ...],
    jobs: int,
    say: Callable[[str], None],
) -> str:
    """Leave one harness out; empty where the runs are all of one."""
    harnesses = sorted(set(both[0].meta["harness"]))
    ways = {"shells, ranked": [name for name in harnesses if name in SHELLS], "all, not ranked": harnesses}
    tables = [without_families(one, without) for one in both]
    parts = [{name: without_families(one, without) for name, one in side.items()} for side in sets]
    asked = [
        (way, name, side)
        for way, others in ways.items()
        for name, table in sets[0].items()
        if set(others) - twins_of(harness_of(table))
        for side in (0, 1)
    ]
    if not asked:
        return ""
    say(f"catalogues: {len(asked)} times a set was left out")
    made = Parallel(n_jobs=jobs)(
        delayed(_transferred)(parts[side][name], tables[side], ways[way], way.endswith(", ranked"))
        for way, name, side in asked
    )
    held = dict(zip(asked, made, strict=True))
    rows = []
    for way in ways:
        tested = {name: table for name, table in sets[0].items() if (way, name, 0) in held}
        rows += _rows([way], tested, stopped, *({name: held[way, name, side] for name in tested} for side in (0, 1)))
    return markdown(["trained on the other", "tested on", *HEADER], rows)


def _transferred(tested: Table, everything: Table, harnesses: Collection[str], ranked: bool) -> Held:
    """Scores by heads of these harnesses but the tested one and its twins; they never saw a task of the fold they judge."""
    others = sorted(set(harnesses) - twins_of(harness_of(tested)))
    rest = everything.where(everything.meta["harness"].isin(others).to_numpy())
    scores, fold = np.full(len(tested), np.nan), np.full(len(tested), -1)
    for number, test in enumerate(task_folds(tested, rest)):
        seen = without_tasks(rest, tested.where(test))
        if len(seen):
            # All tested runs give the reference: their values, never their outcomes.
            scores[test] = fit_ranker(seen, per_harness=ranked).scores(tested)[test]
            fold[test] = number
    return Held(scores, fold)


def _rows(
    begin: list[str], sets: Mapping[str, Table], stopped: set[str], now: Mapping[str, Held], before: Mapping[str, Held]
) -> list[list[str]]:
    """A row a set, after a row for the mean of the benchmarks and, where there are others, for that of the shells."""
    columns: list[dict[str, tuple[Floats, Floats]]] = [
        {name: (areas(table, before[name], k), areas(table, now[name], k)) for name, table in sets.items()}
        for k in TURNS
    ]
    early = {
        name: (mean_of([c[name][0] for c in columns[:-1]]), mean_of([c[name][1] for c in columns[:-1]]))
        for name in sets
    }
    columns.insert(0, early)
    every = {name: table for name, table in sets.items() if name not in stopped}
    shells = {name: table for name, table in every.items() if harness_of(table) in SHELLS}
    groups = {"**mean of all benchmarks**": every}
    if 0 < len(shells) < len(every):
        groups["**mean of the shells**"] = shells
    rows = [
        [
            *begin,
            label,
            *(
                _cell(*(mean_of_benchmarks(group, {name: c[name][i] for name in group}) for i in (0, 1)))
                for c in columns
            ),
        ]
        for label, group in groups.items()
    ]
    return rows + [[*begin, name, *(_cell(*c[name]) for c in columns)] for name in sets]


def _cell(before: Floats, now: Floats) -> str:
    """`.621 to .624: +.003 [-.010, +.016]`, or - where there is none."""
    if not (np.isfinite(before[0]) and np.isfinite(now[0])):
        return "-"
    low, high = interval(now[1:] - before[1:])
    ends = f"[{_short(low, True)}, {_short(high, True)}]"
    return f"{_short(before[0])} to {_short(now[0])}: {_short(now[0] - before[0], True)} {ends}"


def _short(number: float, sign: bool = False) -> str:
    return f"{number:{'+' if sign else ''}.3f}".replace("0.", ".", 1)
