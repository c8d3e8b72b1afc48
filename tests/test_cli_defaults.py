"""Defaults of one's own: which of command line, variables and pyproject.toml wins, and what is said of a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from featrouter.cli import main
from featrouter.cli.defaults import map_of, project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    return tmp_path


def said(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def run(*arguments: str, **variables: str) -> Result:
    return CliRunner(env=variables).invoke(main, list(arguments))


def listed(**variables: str) -> int:
    """How many features `importances default` shows, which is its -n."""
    done = run("importances", "default", **variables)
    assert done.exit_code == 0, done.stderr
    return len(done.stdout.split("\n\n")[1].strip().splitlines()) - 1


def test_the_nearer_one_wins(folder: Path) -> None:
    assert listed() == 20
    said(folder, "[tool.featrouter]\nn = 3\n")
    assert listed() == 3
    said(folder, "[tool.featrouter]\nn = 3\n[tool.featrouter.importances]\nn = 4\n")
    assert listed() == 4
    assert listed(FEATROUTER_N="5") == 5
    assert listed(FEATROUTER_N="5", FEATROUTER_IMPORTANCES_N="6") == 6
    done = run("importances", "default", "-n", "7", FEATROUTER_IMPORTANCES_N="6")
    assert len(done.stdout.split("\n\n")[1].strip().splitlines()) == 8


def test_a_table_for_another_verb_says_nothing_here(folder: Path) -> None:
    said(folder, "[tool.featrouter.explain]\nn = 3\n")
    assert listed() == 20


def test_flags_and_repeated_options_have_defaults_too(folder: Path) -> None:
    assert run("features", FEATROUTER_JSON="1").stdout.startswith("[")
    said(folder, "[tool.featrouter.features]\njson = true\nfamily = 'loops'\n")
    assert '"loops_' in run("features").stdout and '"files_' not in run("features").stdout
    said(folder, "[tool.featrouter]\nharness = ['a', 'b']\nmax_rejects = 3\n")
    found = project(folder / "inner")
    assert found and map_of(*found, main.commands)["train"] == {"harness": ["a", "b"], "max_rejects": 3}


def test_the_nearest_file_with_a_table_counts(folder: Path) -> None:
    said(folder, "[tool.featrouter]\nn = 3\n")
    (folder / "inner" / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    assert listed() == 3
    (folder / "inner" / "pyproject.toml").write_text("[tool.featrouter]\n", encoding="utf-8")
    assert listed() == 20


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.featrouter]\nvalu = 3\n", ["pyproject.toml, [tool.featrouter]", "'valu'", "did you mean 'value'?"]),
        ("[tool.featrouter.trian]\nvalue = 3\n", ["'trian'", "did you mean 'train'?"]),
        ("[tool.featrouter.train]\npairs = 3\n", ["[tool.featrouter.train]", "'pairs'"]),
        ("[tool.featrouter]\nn = 'many'\n", ["'many'", "(from [tool.featrouter] in", "pyproject.toml"]),
        ("[tool]\nfeatrouter = 3\n", ["tool.featrouter is no table"]),
        ("[tool.featrouter\n", ["pyproject.toml", "cannot be read"]),
    ],
)
def test_what_is_wrong_in_the_file_is_named(folder: Path, text: str, words: list[str]) -> None:
    said(folder, text)
    done = run("importances", "default")
    assert done.exit_code == 2 and not done.stdout
    assert all(word in done.stderr for word in words), done.stderr
    assert run("--help").exit_code == run().exit_code == 0 or "pyproject" in run().stderr


def test_a_bad_variable_is_named(folder: Path) -> None:
    done = run("importances", "default", FEATROUTER_N="many")
    assert done.exit_code == 2 and "(from the variable FEATROUTER_N)" in done.stderr
    done = run("importances", "default", FEATROUTER_N="1", FEATROUTER_IMPORTANCES_N="many")
    assert "(from the variable FEATROUTER_IMPORTANCES_N)" in done.stderr
    assert "from" not in run("importances", "default", "-n", "many").stderr.split("Error:")[1]


def test_the_policy_that_the_proxy_follows_is_not_what_train_makes(folder: Path) -> None:
    (folder / "inner" / "x.csv").write_text("no,log\n", encoding="utf-8")
    done = run("train", "x.csv", "-o", "y", FEATROUTER_POLICY="fixed:4")
    assert done.exit_code == 3 and "fixed:4" not in done.stderr and "x.csv" in done.stderr
    done = run("train", "x.csv", "-o", "y", FEATROUTER_TRAIN_POLICY="fixed:4")
    assert done.exit_code == 2 and "fixed:4" in done.stderr
