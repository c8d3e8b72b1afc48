"""Which features carry the probabilities: gain, splits, permutation on held-out runs, mean |SHAP|; heads r1 and r2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from featrouter.calibration import Calibrator
from featrouter.catalogue import feature_set
from featrouter.forest import Forest
from featrouter.shap import Explainer
from featrouter.training.fit import one_of_each
from featrouter.training.learn import Taught
from featrouter.training.metrics import Floats, logloss
from featrouter.training.spread import here

KINDS = ("gain", "split", "permutation", "shap")

#: Rows that are looked at: enough for a ranking, few enough for a summary that takes seconds.
MOST_ROWS = 600


def importances(
    names: Sequence[str], gain: Floats, split: Floats, taught: Mapping[str, Taught]
) -> dict[str, dict[str, float | None]]:
    """By feature: total gain and number of splits; rise of the held-out log-loss (nats) when its values are shuffled
    among runs; mean |SHAP| in log-odds of held-out rows. Each summed over the heads r1 and r2.
    """
    permutation, shap = np.zeros(len(names)), np.zeros(len(names))
    for one in taught.values():
        known = one.rows.known()
        x_all, y, out, fold = known.x, known.y, one.held, one.held.fold[~np.isnan(one.rows.y)]
        looked_at = one_of_each(known.runs, 0)
        rng = np.random.default_rng(0)
        if len(looked_at) > MOST_ROWS:
            looked_at = np.sort(rng.choice(looked_at, MOST_ROWS, replace=False))
        for number, head in enumerate(out.heads):
            rows = looked_at[fold[looked_at] == number]
            if not len(rows) or head.empty:
                continue
            x, share = here(x_all[rows]), len(rows) / len(looked_at)
            forest, explainer = Forest([head], x.shape[1]), Explainer([head], x.shape[1])
            probability = Calibrator("none")
            before = logloss(probability(forest.score_many(x)[:, 0]), y[rows])
            for feature in head.features():
                shuffled = x.copy()
                shuffled[:, feature] = x[rng.permutation(len(x)), feature]
                after = logloss(probability(forest.score_many(shuffled)[:, 0]), y[rows])
                permutation[feature] += share * (after - before)
            shares = np.array([explainer.contributions(row)[0, :-1] for row in x])
            shap += share * np.abs(shares).mean(axis=0)
    return {
        name: dict(zip(KINDS, (_short(gain[i]), int(split[i]), _short(permutation[i]), _short(shap[i])), strict=True))
        for i, name in enumerate(names)
        if split[i] or shap[i]
    }


def by_family(table: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """Importances summed over the features of each family, in the order of the catalogue."""
    known = feature_set().by_name
    found: dict[str, dict[str, float | None]] = {}
    for feature in feature_set():
        row = table.get(feature.name)
        if row:
            total = found.setdefault(known[feature.name].family, dict.fromkeys(KINDS, 0.0))
            for kind in KINDS:
                total[kind] = (total[kind] or 0.0) + (row[kind] or 0.0)
    return found


def _short(number: float) -> float:
    return float(f"{number:.6g}")
