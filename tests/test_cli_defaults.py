"""Defaults of one's own: which of command line, variables and pyproject.toml wins, and what is said of a bad one."""

from __future__ import annotations

import json
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


def test_a_folder_that_is_gone_has_no_file(folder: Path) -> None:
    (folder / "inner").rmdir()
    assert listed() == 20


def test_a_table_for_another_verb_says_nothing_here(folder: Path) -> None:
    said(folder, "[tool.featrouter.explain]\nn = 3\n")
    assert listed() == 20


def test_flags_and_repeated_options_have_defaults_too(folder: Path) -> None:
    assert run("features", FEATROUTER_JSON="1").stdout.startswith("[")
    said(folder, "[tool.featrouter.features]\njson = true\nfamily = 'loops'\n")
    assert '"loops_' in run("features").stdout and '"files_' not in run("features").stdout
    said(folder, "[tool.featrouter]\nharness = ['a', 'b']\nmax_rejects = 3\n")
    found = project()
    assert found and map_of(*found, "train", main.commands) == {"train": {"harness": ["a", "b"], "max_rejects": 3}}
    said(folder, "[tool.featrouter]\nharness = 'a'\n[tool.featrouter.study]\npair = [['weak', 'strong']]\n")
    found = project()
    assert found and map_of(*found, "study", main.commands)["study"] == {
        "harness": ["a"],
        "pairs": [["weak", "strong"]],
    }
    assert found and map_of(*found, "decide", main.commands)["decide"] == {"harness": "a"}


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
        ("[tool.featrouter]\nn = 'many'\n", ["pyproject.toml, [tool.featrouter]: n = 'many'", "want a whole number"]),
        ("[tool.featrouter]\nn = 2.5\n", ["n = 2.5: want a whole number"]),
        ("[tool.featrouter]\nn = true\n", ["n = True: want a whole number"]),
        ("[tool.featrouter]\nn = [1]\n", ["n = [1]: want a whole number"]),
        ("[tool.featrouter.importances]\njson = 3\n", ["[tool.featrouter.importances]: json = 3: want true or false"]),
        ("[tool]\nfeatrouter = 3\n", ["tool.featrouter = 3 is no table"]),
        ("[tool.featrouter\n", ["pyproject.toml", "cannot be read"]),
        (f"n = {'[' * 5000}{']' * 5000}\n", ["pyproject.toml", "cannot be read"]),
        ("[tool.featrouter]\n'a\\u001b[31m' = 1\n".replace("'", '"'), ["'a\\x1b[31m'", "known are"]),
    ],
)
def test_what_is_wrong_in_the_file_is_named(folder: Path, text: str, words: list[str]) -> None:
    said(folder, text)
    done = run("importances", "default")
    assert done.exit_code == 2 and not done.stdout
    assert all(word in done.stderr for word in words), done.stderr
    assert run("--help").exit_code == run().exit_code == 0


@pytest.mark.parametrize(
    ("verb", "key", "value", "wanted"),
    [
        ("train", "value", "[1, 2]", "want a number"),
        ("train", "strong", "['a']", "want text in quotes"),
        ("train", "strong", "5", "want text in quotes"),
        ("train", "policy", "2024-01-01", "want text in quotes"),
        ("train", "harness", "[1]", "want text in quotes, or a list of such"),
        ("evaluate", "at", "['x']", "want a whole number, or a list of such"),
        ("study", "pair", "['a', 'b']", "want a list of 2, each text in quotes, or a list of such"),
    ],
)
def test_a_value_of_another_type_is_an_error(folder: Path, verb: str, key: str, value: str, wanted: str) -> None:
    said(folder, f"[tool.featrouter.{verb}]\n{key} = {value}\n")
    done = run(verb, ".")
    assert done.exit_code == 2 and f"[tool.featrouter.{verb}]: {key} = " in done.stderr and wanted in done.stderr


def test_a_value_that_the_option_refuses_is_told_with_its_key(folder: Path) -> None:
    said(folder, "[tool.featrouter]\npolicy = 'nosuch'\nn = 1\n[tool.featrouter.features]\nfamily = 'nosuch'\n")
    done = run("train", ".", "-o", "x")
    assert done.exit_code == 2 and f"(from policy in [tool.featrouter], {folder / 'pyproject.toml'})" in done.stderr
    done = run("features")
    assert done.exit_code == 2 and "(from family in [tool.featrouter.features], " in done.stderr
    assert run("importances", "default").exit_code == 0  # what it has no use for may be wrong for others


def test_a_bad_variable_is_named(folder: Path) -> None:
    done = run("importances", "default", FEATROUTER_N="many")
    assert done.exit_code == 2 and "(from the variable FEATROUTER_N)" in done.stderr
    done = run("importances", "default", FEATROUTER_N="1", FEATROUTER_IMPORTANCES_N="many")
    assert "(from the variable FEATROUTER_IMPORTANCES_N)" in done.stderr
    assert "from" not in run("importances", "default", "-n", "many").stderr.split("Error:")[1]


def test_a_bad_variable_is_named_by_what_only_the_verb_can_tell(folder: Path) -> None:
    done = run("features", FEATROUTER_FAMILY="nosuch")
    assert done.exit_code == 2 and "families are prompt" in done.stderr
    assert "(from the variable FEATROUTER_FAMILY)" in done.stderr
    assert "(from" not in run("features", "--family", "nosuch").stderr


def test_the_policy_that_the_proxy_follows_is_not_what_train_makes(folder: Path) -> None:
    (folder / "inner" / "x.csv").write_text("no,log\n", encoding="utf-8")
    done = run("train", "x.csv", "-o", "y", FEATROUTER_POLICY="fixed:4")
    assert done.exit_code == 3 and "fixed:4" not in done.stderr and "x.csv" in done.stderr
    done = run("train", "x.csv", "-o", "y", FEATROUTER_TRAIN_POLICY="fixed:4")
    assert done.exit_code == 2 and "fixed:4" in done.stderr


@pytest.mark.parametrize("verb", ["evaluate", "train", "adapt", "drift", "study", "report", "import"])
def test_what_the_proxy_follows_changes_nothing_where_it_means_something_else(verb: str, folder: Path) -> None:
    """evaluate --bundle would no longer cross-validate, and --harness would leave runs out."""
    options = {param.name: param for param in main.commands[verb].params}
    for name in {"bundle", "harness", "policy"} & set(options):
        assert f"FEATROUTER_{name.upper()}" not in (options[name].envvar or ())


def test_verbs_that_ask_a_router_follow_the_proxy_s_variables(folder: Path) -> None:
    (folder / "inner" / "run.json").write_text('{"turns": []}', encoding="utf-8")
    told = json.loads(run("decide", "default", "run.json", FEATROUTER_HARNESS="openhands").stdout)
    assert not told["fallback"]
    done = run("decide", "default", "run.json", FEATROUTER_POLICY="nosuch")
    assert done.exit_code == 1 and "nosuch" in done.stderr
