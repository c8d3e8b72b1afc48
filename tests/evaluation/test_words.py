"""A report as tables: each renders, its cells fit its header, and the summary has a line for every pair and turn."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import simulator as sim

from featrouter.evaluation.evaluate import _judge, evaluate
from featrouter.evaluation.verdict import verdict
from featrouter.evaluation.words import evaluation, page, summary
from featrouter.policy import Policy
from featrouter.training.learn import Settings
from featrouter.training.predictions import Predictions
from featrouter.training.table import Table
from featrouter.training.worth import follow, walks


def judged_with_a_baseline(table: Table, told: Predictions) -> dict[str, Any]:
    """The numbers of a split as if it had been cross-validated: nobody trains anything here."""
    one = sim.judged(told, stage=Predictions(-told.r2, told.c1 * 0, told.c1 * 0, told.c1 * 0))
    runs = walks(table, told)
    assert runs is not None
    for value in (10.0, 20.0):
        one.ledgers["rule", value] = follow(Policy(), runs, value)
        one.ledgers["fixed", value] = follow(Policy.fixed(1), runs, value)
        one.ledgers["risk-controlled", value] = follow(Policy(), runs, value)
    return _judge(table, one, Settings(), draws=20)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """A report of both splits, with baselines, policies and a harness that was stopped by an oracle."""
    table, told = sim.table_of(sim.draw(sim.World(longest=3), 150, seed=2))
    found = evaluate(table, weak="small", strong="big", given=told, draws=20)
    found["splits"] = {split: judged_with_a_baseline(table, told) for split in ("mixed", "repo_disjoint")}
    return found | {"verdict": verdict(found)}


@pytest.fixture(scope="module")
def one_armed() -> dict[str, Any]:
    table, told = sim.one_armed(sim.draw(sim.World(longest=3), 200, seed=2), 1, seed=3)
    return evaluate(table, weak="small", strong="big", given=told, draws=20)


def tables_of(markdown: str) -> list[list[list[str]]]:
    """Every Markdown table of a page as rows of cells."""
    found: list[list[list[str]]] = [[]]
    for line in markdown.split("\n"):
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))])
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def test_the_page_has_as_many_cells_in_every_row_as_in_its_header(
    report: dict[str, Any], one_armed: dict[str, Any]
) -> None:
    found = tables_of(page([report, one_armed], (0, 1, 2), "featrouter evaluate"))
    assert len(found) >= 1 + 2 * 6 + 2
    for table in found:
        header, rule, *rows = table
        assert rows and set(rule) == {"---"}
        assert {len(row) for row in table} == {len(header)}, header
        assert all(cell for row in rows for cell in row)


def test_a_bar_in_a_name_is_no_cell(report: dict[str, Any]) -> None:
    named = report | {"pair": {"weak": "small|fast", "strong": "big"}}
    (table,) = tables_of(summary([named], (0,)))
    assert len({len(row) for row in table}) == 1


def test_the_text_starts_with_the_verdict_and_names_every_table(report: dict[str, Any]) -> None:
    lines = evaluation(report).split("\n")
    assert lines[0] == "small -> big: 150 tasks, 150 runs"
    assert lines[1 : 1 + len(report["verdict"])] == [f"* {sentence}" for sentence in report["verdict"]]
    for split in ("mixed", "repo_disjoint"):
        for title in (
            f"{split}: how well r1 and r2 tell, and how far they can be taken at their word",
            f"{split}: what deciding once, at turn k, buys",
            f"{split}: AUROC of r1, beside baselines",
            f"{split}: Route-AUC, beside baselines",
            f"{split}: the router against each baseline, paired, over all turns",
            f"{split}: what policies earn over the best constant, USD a run",
            f"{split}: what policies do, at break-even of the constants and at your value",
            f"{split}: r1 by repository (one row a run)",
        ):
            assert any(line.startswith(title) for line in lines), title


def test_the_cells_are_the_numbers_of_the_report(report: dict[str, Any]) -> None:
    row = report["splits"]["mixed"]["k"]["1"]
    text = evaluation(report)
    r1 = row["r1"]
    assert f"{r1['auroc']:.2f} [{r1['auroc_ci'][0]:.2f}, {r1['auroc_ci'][1]:.2f}]" in text
    assert f"{r1['brier']:.3f} ({r1['brier_constant']:.3f})" in text
    assert f"{row['random_band'][0]:.2f}-{row['random_band'][1]:.2f}" in text
    ends = row["gain_ci_all"]
    assert f"[{ends[0]:+.2f}, {ends[1]:+.2f}]" in text
    over = report["splits"]["mixed"]["all_turns"]["stage"]
    assert f"{over['gain']:+.2f} [{over['gain_ci'][0]:+.2f}, {over['gain_ci'][1]:+.2f}]" in text
    for one in report["splits"]["mixed"]["value"]:
        rule = one["policies"]["rule"]
        assert one["best_constant"] in text
        low, high = rule["gain_over_constant_ci"]
        assert f"{rule['gain_over_constant']:+.2g} [{low:+.2g}, {high:+.2g}]" in text


def test_a_turn_asked_for_is_shown_alone_with_the_end(report: dict[str, Any]) -> None:
    found = tables_of(page([report], (1,), "command"))
    heads = next(table for table in found if table[0][:3] == ["k", "runs", "r1 AUROC"])
    assert [row[0] for row in heads[2:]] == ["1", "end"]
    assert [row[0] for row in tables_of(page([report], (), "command"))[1][2:]] == ["0", "1", "2", "end"]


def test_the_summary_has_a_line_for_each_pair_and_turn(report: dict[str, Any]) -> None:
    stopped = report | {"pair": {"weak": "other", "strong": None}, "oracle_stopped": [{"harness": "h"}]}
    text = summary([report, stopped], (0, 2, 99))
    (table,) = tables_of(text)
    expected = [("small -> big", "0"), ("small -> big", "2")]
    expected += [("other -> (none) (oracle-stopped)", k) for k in ("0", "2")]
    assert [(row[0], row[1]) for row in table[2:]] == expected
    r1 = report["splits"]["mixed"]["k"]["2"]["r1"]
    assert table[3][2] == f"{r1['auroc']:.2f} [{r1['auroc_ci'][0]:.2f}, {r1['auroc_ci'][1]:.2f}]"
    assert text.split("\n")[-2:] == [
        f"* small -> big: {report['verdict'][0]}",
        f"* other -> (none): {report['verdict'][0]}",
    ]


def test_a_pair_of_one_repository_has_dashes_for_the_split_it_lacks(report: dict[str, Any]) -> None:
    mixed = report | {"splits": {"mixed": report["splits"]["mixed"]}}
    (table,) = tables_of(summary([mixed], (0,)))
    assert table[2][3:] == ["-", "-", "-"]


def test_a_baseline_is_marked_by_what_is_shown(report: dict[str, Any]) -> None:
    table = next(t for t in tables_of(page([report], (), "command")) if t[0] == ["k", "router", "stage"])
    for row in table[2:]:
        turns = report["splits"]["mixed"]
        one = (turns["end"] if row[0] == "end" else turns["k"][row[0]])["baselines"]["stage"]["r1"]
        low, high = one["gain_ci"]
        assert row[2] == f"{one['auroc']:.2f} {'+' if low > 0 else '-' if high < 0 else '='}"
    assert {row[2][-1] for row in table[2:]} == {"+"}  # its score is that of r2 turned round


def test_a_one_armed_log_shows_its_estimates_and_what_they_rest_on(one_armed: dict[str, Any]) -> None:
    found = one_armed["splits"]["given"]["off_policy"]
    text = evaluation(one_armed)
    assert f"({found['n']} decisions, effective {found['ess']})" in text
    for name in ("dm", "ips", "snips", "dr", "gain_over_weak", "gain_over_strong"):
        assert any(line.startswith(name) for line in text.split("\n")), name
    assert "{:.3g} ".format(found["dr"]["value"]) in text


def test_a_log_that_allows_no_claim_shows_why() -> None:
    table, told = sim.one_armed(sim.draw(sim.World(longest=3), 100, seed=2), 1, seed=3)
    blank = Table(table.meta.assign(propensity=np.nan), table.x, table.names)
    text = evaluation(evaluate(blank, weak="small", strong="big", given=told, draws=5))
    assert "decisions have no propensity, so only the model's own guess (dm) can be given" in text
    assert not any(line.startswith(("ips", "dr ")) for line in text.split("\n"))


def test_a_report_without_a_strong_model_has_no_table_of_routes() -> None:
    table, told = sim.table_of(sim.draw(sim.World(longest=2), 60, seed=2))
    bare = Table(table.meta.drop(columns=["y_strong", "cost_strong_usd"]), table.x, table.names)
    report = evaluate(bare, weak="small", given=told, draws=5)
    text = evaluation(report)
    assert "how well r1 and r2 tell" in text and "what deciding once" not in text and "None" not in text
    assert "small -> (none): 60 tasks, 60 runs" in page([report], (), "command")
