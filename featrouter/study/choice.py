"""How many features are needed? The best are chosen inside the training folds and judged on the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
from joblib import Parallel, delayed

from featrouter.evaluation.evaluate import SPLITS
from featrouter.study.fitting import fit_ranker, split_by
from featrouter.study.sets import CHOSEN, END, Held, areas, mean_of, mean_of_benchmarks, told
from featrouter.training.fit import Mask
from featrouter.training.metrics import Floats
from featrouter.training.oracle import oracle_stopped
from featrouter.training.predictions import with_features
from featrouter.training.table import Table
from featrouter.training.words import markdown

#: How many features are kept.
SIZES = (20, 30, 45)

#: By the number kept (0: all), the scores of the tested rows; by the number kept, the names.
Fold = tuple[dict[int, Floats], dict[int, tuple[str, ...]]]


def choice(sets: Mapping[str, Table], jobs: int, say: Callable[[str], None]) -> str:
    """AUROC by how many features are kept, the difference to all, and how often each is kept.

    `sets`: with the rows of finished runs; those that an oracle stops are left out. ValueError when no set is left, or
    when there are no more features than the least that is kept.
    """
    sets = {name: table for name, table in sets.items() if not oracle_stopped(table)}
    if not sets:
        raise ValueError("every set is oracle-stopped: what is chosen there holds nowhere else")
    width = len(next(iter(sets.values())).names)
    sizes = tuple(size for size in SIZES if size < width)
    if not sizes:
        raise ValueError(f"{width} features: there is nothing to choose, {min(SIZES)} are kept at the least")
    work = [
        (split, name, number, train, test)
        for split, group in SPLITS.items()
        for name, table in sets.items()
        for number, (train, test) in enumerate(split_by(table, group))
    ]
    say(f"choice: {len(work)} folds")
    made = Parallel(n_jobs=jobs)(delayed(_fold)(sets[name], train, test, sizes) for _, name, _, train, test in work)
    held = {
        (split, name, size): Held(np.full(len(table), np.nan), np.full(len(table), -1))
        for split in SPLITS
        for name, table in sets.items()
        for size in (*sizes, 0)
    }
    kept: dict[int, Counter[str]] = {size: Counter() for size in sizes}
    for (split, name, number, _, test), (scores, chosen) in zip(work, made, strict=True):
        for size, given in scores.items():
            held[split, name, size].scores[test] = given
            held[split, name, size].fold[test] = number
        for size, names in chosen.items():
            kept[size].update(names)
    rows = [row for split in SPLITS for row in _rows(split, sets, sizes, held)]
    header = ["split", "features", f"mean of k = {', '.join(map(str, CHOSEN))}", "to all", "at the end", "to all"]
    order = sorted(kept[sizes[-1]], key=lambda name: (-sum(kept[size][name] for size in sizes), name))
    often = [[f"`{name}`", *(f"{kept[size][name] / len(work):.0%}" for size in sizes)] for name in order]
    return markdown(header, rows) + "\n\n" + markdown(["kept in so many folds", *map(str, sizes)], often)


def _fold(table: Table, train: Mask, test: Mask, sizes: tuple[int, ...]) -> Fold:
    """Features are chosen by their share in the gain of the training folds' heads; ties go to the first."""
    seen, tested = table.where(train), table.where(test)
    whole = fit_ranker(seen)
    best = np.argsort(-whole.gain(), kind="stable")
    scores, chosen = {0: whole.scores(tested)}, {}
    for size in sizes:
        chosen[size] = tuple(table.names[i] for i in np.sort(best[:size]))
        scores[size] = fit_ranker(with_features(seen, chosen[size])).scores(tested)
    return scores, chosen


def _rows(
    split: str, sets: Mapping[str, Table], sizes: tuple[int, ...], held: Mapping[tuple[str, str, int], Held]
) -> list[list[str]]:
    """A row a number of features: the mean of the benchmarks."""

    def means(size: int) -> tuple[Floats, Floats]:
        by = {
            k: {name: areas(table, held[split, name, size], k) for name, table in sets.items()} for k in (*CHOSEN, END)
        }
        early = {name: mean_of([by[k][name] for k in CHOSEN]) for name in sets}
        return mean_of_benchmarks(sets, early), mean_of_benchmarks(sets, by[END])

    everything = means(0)
    rows = []
    for size in sizes:
        cells = [
            (told(one, digits=3), told(one - other, True, 3))
            for one, other in zip(means(size), everything, strict=True)
        ]
        rows.append([split, str(size), *(cell for pair in cells for cell in pair)])
    return [*rows, [split, "all", told(everything[0], digits=3), "", told(everything[1], digits=3), ""]]
