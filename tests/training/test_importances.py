"""Importances: the planted feature leads, what no head asks is left out, families are sums."""

from __future__ import annotations

import numpy as np
import pytest

from featrouter.catalogue import feature_set
from featrouter.training.fit import Recipe, Rows, fit_head, out_of_fold
from featrouter.training.importances import KINDS, by_family, importances
from featrouter.training.learn import Taught, rows_for

Importances = dict[str, dict[str, float | None]]


@pytest.fixture(scope="module")
def rows(made_up) -> Rows:
    y = (np.arange(160) % 2).astype(float)
    table = made_up(y, y, signal=3.0)
    table.x[:, 3] = 7.0  # a constant: no tree can ask it
    return rows_for(table, "y_weak", panel=False).where((table.meta["at_end"] == 0).to_numpy())


def told(rows: Rows, kind: str) -> tuple[Importances, np.ndarray]:
    recipe = Recipe(kind, params={"members": 2, "trees": 20})
    fitted = fit_head("r1", "logit", rows.known(), recipe)
    held = out_of_fold("r1", "logit", rows, rows.tasks, recipe)
    one = Taught(fitted, recipe, rows, rows.tasks, held, np.full(len(rows), 0.5))
    return importances("abcd", fitted.gain, fitted.split, {"r1": one}), fitted.split


@pytest.fixture(scope="module")
def found(rows: Rows) -> tuple[Importances, np.ndarray]:
    return told(rows, "lightgbm")


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


@pytest.mark.parametrize("kind", ["linear", "blend"])
def test_a_linear_part_has_importances_too(rows: Rows, kind: str) -> None:
    found, split = told(rows, kind)
    assert set(found) == {"a", "b", "c"}
    for by in ("permutation", "shap"):
        assert max(found, key=lambda name: found[name][by]) == "a", by
    assert found["a"]["permutation"] > 0.02
    assert (split.sum() == 0) == (kind == "linear")


def test_runs_without_a_label_are_passed_over(rows: Rows, found) -> None:
    blank = Rows(rows.x, rows.y.copy(), rows.runs, rows.tasks, rows.weights, rows.share)
    blank.y[:30] = np.nan
    part, _ = told(blank, "lightgbm")
    assert part["a"]["permutation"] == pytest.approx(found[0]["a"]["permutation"], abs=0.03)


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
