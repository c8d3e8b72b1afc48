"""Importances: the planted feature leads, what no tree asks is left out, families are sums."""

from __future__ import annotations

import numpy as np
import pytest

from featrouter.catalogue import feature_set
from featrouter.training.fit import fit_head, out_of_fold
from featrouter.training.importances import KINDS, by_family, importances


@pytest.fixture(scope="module")
def found(made_up) -> tuple[dict[str, dict[str, float | None]], np.ndarray]:
    y = (np.arange(160) % 2).astype(float)
    table = made_up(y, y, signal=3.0)
    part = table.where((table.meta["at_end"] == 0).to_numpy())
    x = part.x.copy()
    x[:, 3] = 7.0  # a constant: no tree can ask it
    part = type(part)(part.meta, x, part.names)
    labels, runs, tasks = (part.meta[name].to_numpy() for name in ("y_weak", "run_id", "task_id"))
    fitted = fit_head("r1", "logit", x, labels, runs, members=2, trees=20)
    held = out_of_fold("r1", "logit", x, labels, runs, tasks, members=2, trees=20)
    return importances(part.names, fitted.gain, fitted.split, {"r1": (part, held, labels)}), fitted.split


def test_the_planted_feature_leads(found) -> None:
    rows, _ = found
    for kind in ("gain", "permutation", "shap"):  # noise is asked as often, to no end
        assert max(rows, key=lambda name: rows[name][kind]) == "a", kind
    assert rows["a"]["permutation"] > 0.02 > rows["b"]["permutation"]
    assert rows["a"]["shap"] > 2 * rows["b"]["shap"] > 0


def test_only_what_a_tree_asks_is_listed(found) -> None:
    rows, split = found
    assert set(rows) == {"a", "b", "c"}
    assert [rows[name]["split"] for name in "abc"] == split[:3].tolist()


def test_a_feature_that_tells_nothing_costs_nothing_when_shuffled(found) -> None:
    rows, _ = found
    assert abs(rows["b"]["permutation"]) < 0.02 and abs(rows["c"]["permutation"]) < 0.02


def test_families_are_the_sums_of_their_features(bundle) -> None:
    families = by_family(bundle.importances)
    known = feature_set().by_name
    assert set(families) == {known[name].family for name in bundle.importances}
    order = [feature.family for feature in feature_set()]
    assert list(families) == sorted(families, key=order.index)
    for family, row in families.items():
        own = [values for name, values in bundle.importances.items() if known[name].family == family]
        for kind in KINDS:
            assert row[kind] == pytest.approx(sum(values[kind] for values in own))
    assert by_family({}) == {}
