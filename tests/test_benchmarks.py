"""The README shows nothing that data/benchmarks.md, the page a command prints, does not."""

from __future__ import annotations

import shlex
from pathlib import Path

from featrouter.study.page import PARTS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "data" / "benchmarks.md").read_text(encoding="utf-8").split("\n")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_row_of_the_readmes_table_stands_on_the_page() -> None:
    shown = README.split("<!-- table -->")[1].split("<!-- /table -->")[0].strip().split("\n")
    rows = [line for line in shown if line]
    assert len(rows) > 12
    assert [line for line in rows if line not in PAGE] == []


def test_the_page_names_its_command_and_judges_every_public_set() -> None:
    command = next(line for line in PAGE if line.startswith("featrouter evaluate"))
    assert "--baselines all" in command
    headings = [line for line in PAGE if line.startswith("## ") and " -> " in line]
    assert sum("(none)" not in line for line in headings) >= 6
    for weak in ("gpt-3.5 ", "gpt-3.5-react", "CodeQwen", "claude-3-5", "gemini-3", "gpt-4-1106", "claude-4-sonnet"):
        assert any(line.startswith(f"## {weak}") for line in headings), weak


def test_every_row_of_the_readmes_speed_table_stands_on_the_page_that_bench_printed() -> None:
    page = (ROOT / "data" / "bench.md").read_text(encoding="utf-8").splitlines()
    assert page[0].startswith("<!-- Generated: featrouter bench ") and "Python 3." in page[4] and "numpy" in page[4]
    rows = README.split("<!-- bench -->")[1].split("<!-- /bench -->")[0].strip().splitlines()
    assert len(rows) > 8
    assert [row for row in rows if row not in page] == []


def test_the_map_in_the_readme_and_every_part_stand_in_the_study() -> None:
    study = (ROOT / "data" / "study.md").read_text(encoding="utf-8")
    shown = README.split("<!-- map -->")[1].split("<!-- /map -->")[0].strip().splitlines()
    assert len([line for line in shown if line.startswith("| ")]) > 5
    assert all(line in study for line in shown)
    for heading, about in PARTS.values():
        assert f"## {heading}\n\n{about}\n" in study
    command = shlex.split(study.splitlines()[0].removeprefix("<!-- Generated: ").removesuffix(" -->"))
    assert command[:2] == ["featrouter", "study"] and all((ROOT / path).is_file() for path in command[2:4])


def test_every_row_of_the_readmes_scaling_table_stands_on_the_page_that_the_campaign_printed() -> None:
    page = (ROOT / "data" / "scaling.md").read_text(encoding="utf-8").splitlines()
    assert page[0].startswith("<!-- Generated: python -m tests.scaling 100000 1000000")
    rows = README.split("<!-- scaling -->")[1].split("<!-- /scaling -->")[0].strip().splitlines()
    assert len(rows) == 6 and [row for row in rows if row not in page] == []
