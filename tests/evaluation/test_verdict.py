"""What a user is told to make of the numbers: whether to route, at what turn, what it earns, and why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from featrouter.evaluation.verdict import co_failure, verdict
from featrouter.training.oracle import oracle_words
from featrouter.training.table import Table


def ends(turns: Any, weak: Any, strong: Any = None, **more: Any) -> Table:
    n = len(turns)
    meta = pd.DataFrame({"run_id": [f"r{i}" for i in range(n)], "k": turns, "y_weak": weak, "at_end": 1.0})
    meta = meta.assign(task_id=meta["run_id"], harness="h", weak_model="w", **more)
    return Table(meta if strong is None else meta.assign(y_strong=strong), np.zeros((n, 1)), ("f",))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 300), st.data())
def test_the_co_failure_interval_is_clopper_pearson(n: int, data: st.DataObject) -> None:
    lost = data.draw(st.one_of(st.integers(0, n), st.just(0), st.just(n)))
    weak = np.r_[np.zeros(lost), np.ones(n - lost)]
    strong = np.zeros(n)
    found = co_failure(ends([1.0] * n, weak, strong))
    exact = binomtest(lost, n).proportion_ci(0.95, method="exact")
    assert found is not None and found["tasks"] == n
    assert found["share"] == pytest.approx(lost / n, abs=5e-5)
    assert found["ci"] == pytest.approx([exact.low, exact.high], abs=5.1e-5)


def test_co_failure_is_of_tasks_that_no_run_and_neither_model_solves() -> None:
    weak, strong = [0.0, 1, 0, 0, 0, np.nan], [0.0, 0, 1, 0, 0, 0]
    table = ends([1.0] * 6, weak, strong)
    assert co_failure(table)["share"] == 0.6  # r0, r3, r4 of five; r5 has no label
    same = Table(table.meta.assign(task_id=["a", "a", "b", "c", "c", "d"]), table.x, table.names)
    found = co_failure(same)
    assert found["tasks"] == 3 and found["share"] == pytest.approx(1 / 3, abs=1e-4)
    assert co_failure(ends([1.0], [0.0])) is None
    assert co_failure(ends([1.0], [np.nan], [1.0])) is None


def row(
    area: float | None, gain: tuple[float, float] = (0, 0), *, above: bool | None = None, refused: str = ""
) -> dict:
    known = area is not None
    return {
        "route_auc": area,
        "gain_over_prompt": sum(gain) / 2 if known else None,
        "gain_ci_all": list(gain) if known else None,
        "random_band": [0.4, 0.6] if known else None,
        "above_chance": known and (area > 0.6 if above is None else above),
    } | ({"route_auc_refused": refused} if refused else {})


def words(rows: dict[str, Any], split: str = "repo_disjoint", **more: Any) -> list[str]:
    report = {
        "pair": {"weak": "w", "strong": "s"},
        "value": 10.0,
        "splits": {split: {"k": rows}},
        "oracle_stopped": [],
        "leaking": [],
        "co_failure": None,
    }
    return verdict(report | more)


def first(rows: dict[str, Any], split: str = "repo_disjoint", **more: Any) -> str:
    return words(rows, split, **more)[0]


def test_the_verdict_says_whether_to_route_and_at_which_turn() -> None:
    assert first({"0": row(0.62), "2": row(0.7, (0.02, 0.1)), "4": row(0.8, (0.05, 0.2))}) == (
        "route at turn 4: Route-AUC 0.80 against 0.40 to 0.60 for a random router, and +0.12 [+0.05, +0.20] over the "
        "prompt alone (an interval for all turns together; repo_disjoint)"
    )
    alone = first({"0": row(0.7), "2": row(0.75, (-0.01, 0.1))})
    assert alone.startswith("route on the prompt alone (k = 0, Route-AUC 0.70") and "no gain of the trajectory" in alone
    assert first({"0": row(0.55), "2": row(0.7, (-0.1, 0.3))}).startswith("unsure: Route-AUC 0.70 at turn 2")
    none = first({"0": row(0.55), "2": row(0.59, (0.01, 0.1))})
    assert none.startswith("do not route this pair: at no turn is Route-AUC shown") and "0.59 at k = 2" in none


def test_the_end_is_a_decision_point_too() -> None:
    def at_end(rows: dict[str, Any], end: dict[str, Any]) -> str:
        return first({}, splits={"mixed": {"k": rows, "end": end}})

    told = at_end({"0": row(0.5), "2": row(0.7, (0.01, 0.2))}, row(0.8, (0.1, 0.3)))
    assert told.startswith("route once the weak answer is in: accept it or escalate: Route-AUC 0.80")
    assert at_end({"0": row(0.5)}, row(0.8, (-0.1, 0.3))).startswith("do not route this pair")


def test_a_high_area_alone_does_not_make_it_route() -> None:
    assert first({"0": row(0.9, above=False)}).startswith("do not route this pair")


def test_the_verdict_says_why_there_is_none() -> None:
    refused = first({"0": row(None, refused="strong is not dearer")})
    assert refused == "do not route this pair: Route-AUC is not defined (strong is not dearer)"
    assert first({}) == "do not route this pair: Route-AUC is not defined (no turn has enough runs)"
    assert "no strong model was named" in first({}, pair={"weak": "w", "strong": None})
    assert first({}, splits={}) == "too few tasks to judge routing"


def test_the_repo_disjoint_split_decides_where_there_is_one() -> None:
    good, bad = {"k": {"0": row(0.9)}}, {"k": {"0": row(0.5)}}
    assert first({}, splits={"mixed": good, "repo_disjoint": bad}).startswith("do not route")
    assert first({}, splits={"mixed": good}).endswith("(mixed)")


def test_warnings_follow_the_verdict() -> None:
    stop = {"harness": "h", "weak_model": "w", "last_turn": 10, "resolved_early": 1.0, "resolved_at_last_turn": 0.1}
    shared = {"tasks": 100, "share": 0.25, "ci": [0.17, 0.35]}
    told = words({}, splits={}, oracle_stopped=[stop], co_failure=shared)
    assert len(told) == 3 and told[1] == oracle_words(stop)
    assert told[2].startswith("25% of the tasks (95 % interval 17% to 35%) are solved by neither model")


def worth(value: float, best: str, **gains: tuple[float, float, float]) -> dict[str, Any]:
    policies = {
        name.replace("_", " + "): {
            "net": gain[1],
            "gain_over_constant": gain[1],
            "gain_over_constant_ci_all": [gain[0], gain[2]],
        }
        for name, gain in gains.items()
    }
    return {"value": value, "best_constant": best, "policies": policies}


def test_what_the_policies_earn_is_told_at_the_users_value_and_over_the_range() -> None:
    values = [
        worth(1.0, "always-weak", rule=(-0.1, 0.02, 0.1), anytime=(0.01, 0.05, 0.09)),
        worth(10.0, "always-strong", rule=(-0.2, -0.1, 0.1), anytime=(-0.3, -0.2, 0.0)),
    ]
    told = words({}, splits={"mixed": {"k": {"0": row(0.5)}, "value": values}})
    assert told[1] == (
        "at 10 USD a solved task the best constant is always-strong; deciding by rule, the best of 2 policies, earns "
        "-0.1 [-0.2, +0.1] USD a run more: no gain is shown"
    )
    assert "a gain over the best constant is shown at: 1 USD (anytime, +0.05 [+0.01, +0.09])" in told[2]
    nowhere = words({}, splits={"mixed": {"k": {"0": row(0.5)}, "value": values[1:]}})
    assert "is shown at: none" in nowhere[2]


def test_a_ranking_that_earns_nothing_is_not_worth_routing() -> None:
    rows = {"0": row(0.5), "2": row(0.7, (0.1, 0.2))}
    poor, rich = (
        first({}, splits={"mixed": {"k": rows, "value": [worth(10.0, "always-weak", fixed=gain)]}})
        for gain in ((-0.1, 0.1, 0.3), (0.05, 0.1, 0.3))
    )
    assert poor.startswith("do not route this pair: runs are ranked better than chance (Route-AUC 0.70 at k = 2")
    assert rich.startswith("route at turn 2")


def test_a_gain_without_a_ranking_comes_from_when_runs_end() -> None:
    values = [worth(1.0, "always-weak", fixed=(0.3, 0.4, 0.5)), worth(10.0, "always-weak", fixed=(0.05, 0.1, 0.3))]
    told = first({}, splits={"mixed": {"k": {"0": row(0.5)}, "value": values}})
    assert told == (
        "route by when runs end rather than by what they do: at 10 USD a solved task deciding by fixed earns +0.1 "
        "[+0.05, +0.3] USD a run over the best constant, though at no turn are the runs that still go on ranked better "
        "than chance (mixed)"
    )


def test_what_is_not_priced_earns_nothing_that_could_be_told() -> None:
    told = words({}, splits={"mixed": {"k": {"0": row(0.5)}, "value": [], "unpriced": 7}})
    assert told[-1] == "what policies earn is not told: 7 runs have no cost of the weak or the strong model"


def test_a_kept_promise_is_told_with_its_interval() -> None:
    one = worth(10.0, "always-strong", rule=(0, 0, 0))
    one["policies"]["risk-controlled"] = {"harm": 0.012, "harm_ci": [0.0, 0.03], "escalated": 0.8}
    told = words({}, splits={"mixed": {"k": {"0": row(0.5)}, "value": [one]}})
    assert told[-1] == "risk-controlled: realised harm 0.012 [0.000, 0.030], 80% escalated"


def one_armed(weak: tuple[float, float, float], strong: tuple[float, float, float]) -> dict[str, Any]:
    gains = {f"gain_over_{n}": {"value": g[1], "ci": [g[0], g[2]]} for n, g in (("weak", weak), ("strong", strong))}
    return {"n": 300, "ess": 120.4} | gains


def test_one_armed_logs_are_judged_by_the_doubly_robust_gain_over_the_harder_constant() -> None:
    good = first({}, splits={"mixed": {"k": {}, "off_policy": one_armed((0.5, 1, 1.5), (0.1, 0.3, 0.5))}})
    assert good == (
        "route: the router earns +0.3 [+0.1, +0.5] USD a run over always-strong (doubly robust; 120 effective of 300 "
        "logged decisions)"
    )
    bad = first({}, splits={"mixed": {"k": {}, "off_policy": one_armed((-0.5, 0.1, 0.7), (0.1, 0.3, 0.5))}})
    assert bad.startswith("do not route this pair: no gain is shown, +0.1 [-0.5, +0.7] USD a run over always-weak")


def test_without_propensities_nothing_is_claimed() -> None:
    off = {
        "n": 5,
        "claim": "none: 5 of 5 decisions have no propensity, so only the model's own guess (dm) can be given",
    }
    told = first({}, splits={"mixed": {"k": {}, "off_policy": off}})
    assert told.startswith("nothing can be claimed from this log: 5 of 5 decisions have no propensity")
    assert "Router(epsilon=...)" in told
