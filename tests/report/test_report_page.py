"""The page of a report: one file that asks for nothing, tells every number twice, and takes any name for a name."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from featrouter import Bundle
from featrouter.cli import main
from featrouter.report.findings import Findings, find
from featrouter.report.page import page
from featrouter.training.table import Table
from tests.drawing.test_page import Scripts, hashed, html_policy
from tests.report.conftest import RECORDED
from tests.view.test_view_page import addresses, script_tags

EVIL = '"><script>bad()</script><img src=x onerror=bad()>'


@pytest.fixture(scope="module")
def text(as_is: Findings) -> str:
    return page(as_is, "b.featrouter")


def test_it_is_one_small_file_that_asks_for_nothing(text: str) -> None:
    assert len(text.encode()) < 2**20
    assert set(addresses(text)) <= {"data:,", "#main", "#sign-rule", "#sign-end"}
    policy = html_policy(text)
    assert policy["default-src"] == policy["connect-src"] == "'none'"
    scripts = [told for told, (_, attrs) in zip(Scripts(text).found, script_tags(text), strict=True) if not attrs]
    assert [policy["script-src"]] == [hashed(told) for told in scripts]


def test_every_picture_says_what_it_shows_and_has_its_numbers_beside_it(text: str) -> None:
    pictures = [
        attrs for tag, attrs in Scripts(text).tags if tag == "svg" and "chart" in (attrs.get("class") or "").split()
    ]
    assert len(pictures) >= 15 and all(attrs["role"] == "img" and attrs["aria-label"] for attrs in pictures)
    figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    assert all("<figcaption><b>" in one for one in figures)
    assert (
        sum("<summary>Numbers</summary>" in one for one in figures) == len(figures) - 1
    )  # the beeswarm's are the table above it


@pytest.mark.parametrize(
    "heading",
    [
        "What it would have cost",
        "Is success foreseen?",
        "Where it fails",
        "What carries it",
        "What a feature does on average",
    ],
)
def test_it_has_its_parts(text: str, heading: str) -> None:
    assert heading in text


def test_strangers_names_are_text(table: Table, quick_bundle: Bundle) -> None:
    named = dataclasses.replace(table, meta=table.meta.assign(repo=EVIL + table.meta["repo"], weak_model=EVIL))
    evil = dataclasses.replace(quick_bundle, flags=(EVIL,), provenance={"runs": EVIL, "tasks": [EVIL]})
    text = page(find(named, evil, weak=EVIL, strong=EVIL, judge="bundle", draws=20), EVIL)
    tags = Scripts(text).tags
    assert sum(tag == "script" for tag, _ in tags) == 2 and not [tag for tag, _ in tags if tag == "img"]
    assert not [attrs for _, attrs in tags if any(name.startswith("on") for name in attrs)]


def test_without_a_strong_model_it_says_that_nothing_is_known_of_money(table: Table, quick_bundle: Bundle) -> None:
    alone = dataclasses.replace(table, meta=table.meta.drop(columns=["y_strong", "cost_strong_usd"]))
    found = find(alone, quick_bundle, weak="w", strong=None, judge="bundle", draws=20)
    text = page(found, "b")
    assert "nothing can be said of money" in text and 'id="worth"' not in text and found.knob is None
    assert "Is success foreseen?" in text


def report(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def test_the_verb_writes_the_page_and_prints_the_verdict(quick_bundle: Bundle, tmp_path: Path) -> None:
    quick_bundle.save(tmp_path / "b.featrouter")
    done = report(tmp_path / "b.featrouter", RECORDED, "--judge", "bundle", "-o", tmp_path / "r.html")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() and done.stdout.count("\n") == 1
    assert "b.featrouter: scripted-agent → scripted-strong" in (tmp_path / "r.html").read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads(
        report(tmp_path / "b.featrouter", RECORDED, "--judge", "bundle", "-o", tmp_path / "r.html", "--json").stdout
    )
    assert told["judged"] == "bundle" and told["evaluation"]["verdict"][0].startswith(done.stdout.strip()[:20])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nowhere.featrouter", RECORDED, "-o", "r.html"), 1, "no such file"),
        (("default", RECORDED, "-o", "nowhere/r.html"), 2, "make it first"),
        (("default", RECORDED), 2, "--output"),
        (("default", RECORDED, "--strong", "gpt", "-o", "r.html"), 3, "scripted-strong"),
        (("default", RECORDED, "-o", "r.html", "--baselines", "magic"), 2, "known are"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: tuple[object, ...], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = report(*arguments)
    assert done.exit_code == code and words in done.stderr and not list(tmp_path.iterdir())
