"""Do predicted costs carry the decision? The ranking by y2 - y1 against r2 - r1 and against costs alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from featrouter.evaluation.crossval import Judged, cross_validated
from featrouter.evaluation.evaluate import SPLITS
from featrouter.evaluation.turns import by_turn
from featrouter.evaluation.value import value_range
from featrouter.training.costs import remaining
from featrouter.training.learn import Settings
from featrouter.training.metrics import Floats
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table
from featrouter.training.words import band, markdown, number, with_interval
from featrouter.training.worth import walks

TURNS = (0, 2, 4, 8)
_DRAWS = 500


def costs(pairs: Mapping[str, Table], jobs: int, say: Callable[[str], None]) -> str:
    """Route-AUC, costs charged, by what runs are ranked by; at the value at which both constants earn the same."""
    routes, errors = [], []
    for name, table in pairs.items():
        for split, group in SPLITS.items():
            say(f"costs: {name}, {split}")
            judged = cross_validated(table, group, Settings(), jobs=jobs)
            told = judged.told
            values = value_range(walks(table, told), 10.0)
            value = values[len(values) // 2]
            nothing = np.zeros(len(table))
            by = {
                "r2 - r1": Predictions(told.r1, told.r2, nothing, nothing),
                "costs alone": Predictions(-told.c1, -told.c2, nothing, nothing),
            }
            both = Judged(told, by, judged.fold)
            for turn, row in by_turn(table, both, value, _DRAWS).items():
                if row["route_auc"] is None or (turn != "end" and int(turn) not in TURNS):
                    continue
                cells = [with_interval(row["route_auc"], row["route_auc_ci"]), band(row["random_band"])]
                for one in row["baselines"].values():
                    cells += [number(one["route_auc"]), with_interval(one["gain"], one["gain_ci"], True)]
                routes.append([name, split, turn, f"{value:g}", *cells])
            errors += [[name, split, arm, *cells] for arm, cells in _errors(table, told).items()]
    header = [
        "pair",
        "split",
        "k",
        "USD",
        "y2 - y1",
        "random band",
        "r2 - r1",
        "gain over it",
        "costs alone",
        "gain over it",
    ]
    fit = [
        "pair",
        "split",
        "cost",
        "mean, USD",
        "mean predicted",
        "squared error of the mean that is explained",
        "rank correlation",
    ]
    return markdown(header, routes) + "\n\n" + markdown(fit, errors)


def _errors(table: Table, told: Predictions) -> dict[str, list[str]]:
    """How well c1 and c2 are predicted on held-out tasks, over the rows of runs that go on."""
    from scipy.stats import spearmanr

    found = {}
    going = (table.meta["at_end"] == 0).to_numpy()
    for arm, truth in (("c1", remaining(table)), ("c2", table.meta["cost_strong_usd"].to_numpy(dtype=np.float64))):
        p: Floats = getattr(told, arm)
        rows = going & ~np.isnan(truth) & ~np.isnan(p)
        if rows.sum() < 2 or not truth[rows].std():
            continue
        explained = 1 - np.mean((p[rows] - truth[rows]) ** 2) / truth[rows].var()
        rank = float(spearmanr(p[rows], truth[rows])[0]) if p[rows].std() else float("nan")
        found[arm] = [
            f"{truth[rows].mean():.3g}",
            f"{p[rows].mean():.3g}",
            f"{explained:+.2f}",
            "-" if rank != rank else f"{rank:+.2f}",
        ]
    return found


def priced(table: Table) -> bool:
    """Both outcomes and both costs of its runs are known."""
    ends = table.meta[(table.meta["at_end"] == 1)]
    return bool(len(ends) and ends[["y_weak", "y_strong", "cost_weak_usd", "cost_strong_usd"]].notna().all().all())
