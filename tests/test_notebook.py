"""What a notebook shows of a decision, a bundle and an evaluation: the facts, escaped, whatever is in them."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featrouter import Bundle, Router
from featrouter.cli.judging import USUAL as LISTED
from featrouter.evaluation.evaluate import USUAL, evaluate_logs
from featrouter.evaluation.evaluation import Evaluation
from featrouter.evaluation.words import tables
from featrouter.logs import LogError
from featrouter.notebook import MOST_CHARACTERS, MOST_ROWS, table
from featrouter.training.learn import Settings

RECORDED = Path(__file__).parent.parent / "data" / "recorded"
EVIL = "<script>bad()</script>\"'><img src=x onerror=bad()>"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)

ABOUT = st.dictionaries(st.sampled_from(["runs", "tasks", "weak_models", "x"]), JSON)
METRICS = st.dictionaries(st.sampled_from(["r1", "r2"]), JSON)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.open.append(tag)
        assert all(name in ("scope", "style", "colspan") for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


PLAIN = {"table", "caption", "thead", "tbody", "tr", "th", "td", "p", "b", "details", "summary"}


def sound(text: str) -> str:
    assert set(Tags(text).opened) <= PLAIN
    return text


def cells(text: str) -> list[str]:
    return re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", text)


def test_a_decision_shows_both_arms_and_why_it_is_not_trusted(recorded_bundle: Bundle) -> None:
    decision = Router(recorded_bundle, harness="recorded-bash", guard=False).session("fix it").decide()
    told = sound(decision._repr_html_())
    assert (
        f"{decision.choice} after turn 0" in told
        and f"{decision.y1:.3f}" in cells(told)
        and f"{decision.y2:.3f}" in cells(told)
    )
    assert "trusted" not in told
    doubted = sound(decision._replace(fallback=EVIL, ended=True, r1_interval=(0.1, 0.2))._repr_html_())
    assert "not trusted: &lt;script&gt;" in doubted and "once the answer is in" in doubted and "[0.10, 0.20]" in doubted


def test_a_bundle_shows_what_it_learned_from_and_how_well(recorded_bundle: Bundle) -> None:
    told = sound(recorded_bundle._repr_html_())
    assert "recorded-bash, recorded-editor" in told and "scripted-strong" in told
    for name in recorded_bundle.heads:
        assert name in cells(told)
    assert str(recorded_bundle.metrics["r1"]["auroc"]) in told
    best = max(recorded_bundle.importances, key=lambda name: recorded_bundle.importances[name]["shap"] or 0)
    assert best in cells(told)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=30
)
@given(ABOUT, METRICS)
def test_whatever_a_bundle_s_free_parts_hold_is_shown(recorded_bundle: Bundle, about: Any, metrics: Any) -> None:
    sound(dataclasses.replace(recorded_bundle, provenance=about, metrics=metrics)._repr_html_())


def test_strangers_names_are_text_and_large_things_are_cut(recorded_bundle: Bundle) -> None:
    evil = dataclasses.replace(
        recorded_bundle, provenance={"runs": EVIL * 10_000, "tasks": [EVIL] * 10_000}, flags=(EVIL,) * 500
    )
    told = sound(evil._repr_html_())
    assert len(told) < 60_000 and "<script" not in told and "and " in told
    long = table("x", [("a" * 10 * MOST_CHARACTERS, 1)] * (MOST_ROWS + 5))
    assert "and 5 more" in long and long.count("<tr>") == MOST_ROWS + 1
    assert table("empty", []) == "" and "?" in table("x", [("\ud800",)])


@pytest.fixture(scope="module")
def evaluation(recorded_bundle: Bundle) -> Evaluation:
    """Of a bundle, which is quicker than folds; those are judged in tests/report."""
    return evaluate_logs([RECORDED], strong="scripted-strong", bundle=recorded_bundle, settings=Settings(value=0.2))


def test_an_evaluation_shows_its_verdict_first_and_all_of_its_tables(evaluation: Evaluation) -> None:
    told = sound(evaluation._repr_html_())
    assert told.index(evaluation["verdict"][0][:30]) < told.index("<table>")
    assert told.count("<details>") == len(tables(evaluation)) >= 4 and "60 runs" in told
    sound(Evaluation(evaluation | {"verdict": [EVIL], "pair": {"weak": EVIL, "strong": None}})._repr_html_())


def test_it_is_the_report_that_the_command_prints(evaluation: Evaluation) -> None:
    assert evaluation["settings"]["value"] == 0.2 and list(evaluation["splits"]) == ["given"]
    assert json.loads(json.dumps(evaluation, allow_nan=False)) == evaluation and ",".join(USUAL) == LISTED


def test_logs_that_cannot_be_read_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="nobody"):
        evaluate_logs([RECORDED], strong="nobody")
    broken = tmp_path / "runs.csv"
    broken.write_text("run_id,task_id,y_weak\na,t,maybe\n", encoding="utf-8")
    with pytest.raises(LogError, match="1 rows were rejected"):
        evaluate_logs([broken, RECORDED / "turns.csv"])


def panels(evaluation: Evaluation, path: Path) -> list[Any]:
    drawn = evaluation.plot()
    drawn.savefig(path, dpi=60)
    return list(drawn.axes)


def test_a_plot_draws_each_panel(evaluation: Evaluation, tmp_path: Path) -> None:
    from matplotlib.image import imread

    axes = panels(evaluation, tmp_path / "plot.png")
    assert [bool(axis.lines) for axis in axes] == [True] * 4
    assert all(axis.get_xlabel() and axis.get_ylabel() for axis in axes)
    rows = evaluation["splits"]["given"]["k"].values()
    assert list(axes[0].lines[0].get_ydata()[:-1]) == [row["r1"]["auroc"] for row in rows] and len(rows) > 2
    picture = imread(tmp_path / "plot.png")
    assert picture.shape[:2] == (480, 660) and picture.std() > 0.05


def test_a_panel_without_numbers_says_why(tmp_path: Path, recorded_bundle: Bundle) -> None:
    alone = evaluate_logs([RECORDED], bundle=recorded_bundle)
    told = [" ".join(text.get_text().split()) for axis in panels(alone, tmp_path / "a.png") for text in axis.texts]
    assert told == [
        "no strong model was named",
        "what policies earn is not told: the logs do not hold the costs of both models on the same tasks",
    ]
    empty = Evaluation({"splits": {}, "verdict": ["too few tasks"]})
    assert [axis.texts[0].get_text() for axis in panels(empty, tmp_path / "b.png")] == ["nothing was judged"] * 4


def test_without_matplotlib_it_says_what_to_install(evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"featrouter\[plot\]"):
        evaluation.plot()
