"""The command line teaches: every verb by examples, the group by what to do first, the reference by all of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from featrouter.catalogue import feature_set
from featrouter.cli import EXIT_CODES, main
from featrouter.cli.reference import page

ROOT = Path(__file__).parent.parent
VERBS = sorted(main.commands)
REFERENCE = ROOT / "featrouter" / "cli" / "README.md"
#: What prints a script for a shell has no JSON to print.
NO_JSON = {"completion"}


def help_of(verb: str) -> str:
    return CliRunner().invoke(main, [verb, "--help"], terminal_width=110).stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples_of_itself_with_options_that_it_has(verb: str) -> None:
    text = help_of(verb)
    examples = re.findall(
        rf"^ *featrouter {verb}( .*)?$", text.split("Examples:")[1].split("Options:")[0], re.MULTILINE
    )
    assert len(examples) >= 2 or verb == "watch"
    command = main.commands[verb]
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    used = set(re.findall(r"(?<= )--?[a-z][a-z-]*", " ".join(examples).split("|")[0]))
    assert used <= known | {"--help"}


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in NO_JSON])
def test_every_verb_takes_json(verb: str) -> None:
    assert any("--json" in param.opts for param in main.commands[verb].params)


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_explained(verb: str) -> None:
    silent = [param.name for param in main.commands[verb].params if isinstance(param, click.Option) and not param.help]
    assert silent == []


def test_alone_it_shows_three_things_to_do_first() -> None:
    done = CliRunner().invoke(main, [])
    assert done.exit_code == 0 and not done.stderr
    assert [line[2:4] for line in done.stdout.splitlines() if re.match(r"  \d\. ", line)] == ["1.", "2.", "3."]
    assert len(done.stdout.splitlines()) < 20
    for verb in re.findall(r"  featrouter (\w+)", done.stdout):
        assert verb in main.commands


def test_help_lists_every_verb_once_and_the_exit_codes() -> None:
    text = CliRunner().invoke(main, ["--help"], terminal_width=110).stdout
    for verb in VERBS:
        assert len(re.findall(rf"^  {verb}  ", text, re.MULTILINE)) == 1
    for code, means in EXIT_CODES.items():
        assert f"{code} {means}" in text


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["features", "--json"], 0),
        (["decide", "nowhere.featrouter", "-"], 1),
        (["train"], 2),
        (["evaluate", str(ROOT / "README.md")], 3),
    ],
)
def test_exit_codes_are_what_help_says(arguments: list[str], code: int) -> None:
    assert CliRunner().invoke(main, arguments, input="[]").exit_code == code
    assert code in EXIT_CODES


@pytest.mark.parametrize(
    ("typed", "meant"), [("evalute", "did you mean evaluate?"), ("repotr", "report?"), ("zzz", "--help lists them")]
)
def test_a_verb_that_is_none_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    done = CliRunner().invoke(main, [typed])
    assert done.exit_code == 2 and repr(typed) in done.stderr and meant in done.stderr


def test_the_reference_is_what_the_command_prints() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == page()
    strange = os.environ | {"COLUMNS": "40", "FEATROUTER_VALUE": "3", "FORCE_COLOR": "1"}
    command = [sys.executable, "-m", "featrouter.cli.reference"]
    done = subprocess.run(command, env=strange, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == page()


def test_the_reference_s_table_of_defaults_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    tomllib.loads(example)
    (tmp_path / "pyproject.toml").write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"\s+", " ", help_of("train"))
    assert "[default: 5; x>0]" in text or "[default: 5.0; x>0]" in text
    assert "[default: anytime]" in text


def test_features_as_json_is_one_document() -> None:
    assert len(json.loads(CliRunner().invoke(main, ["features", "--json"]).stdout)) == len(feature_set())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("featrouter ev", ["evaluate"]),
        ("featrouter train --stro", ["--strong"]),
        ("featrouter importances d", ["default"]),
        ("featrouter importances mine", ["mine.featrouter"]),
        ("featrouter importances fold", ["folder"]),
        ("featrouter importances ''", ["default", "mine.featrouter"]),
        ("featrouter completion f", ["fish"]),
        ("featrouter decide default --policy f", ["fixed"]),
        ("featrouter view --bundle default --harness o", ["openhands"]),
        ("featrouter drift default --as m", ["mini-swe-agent"]),
        ("featrouter drift nowhere --as o", []),
        ("featrouter view default --bundle nowhere --harness o", []),
        ("featrouter import --format la", ["langfuse"]),
        ("featrouter train --without l", ["loops"]),
        ("featrouter features --family pro", ["prompt"]),
        ("featrouter nosuch --", ["--version", "--help"]),
    ],
)
def test_bash_completes(words: str, offered: list[str], tmp_path: Path) -> None:
    script = CliRunner().invoke(main, ["completion", "bash"])
    assert script.exit_code == 0 and "bash-completion" in script.stderr
    (tmp_path / "mine.featrouter").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "featrouter").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m featrouter "$@"\n', encoding="utf-8")
    (tmp_path / "featrouter").chmod(0o755)
    asked = f"""{script.stdout}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
compopt() {{ compgen_files=1; }}
_featrouter_completion featrouter
[ -z "$compgen_files" ] || COMPREPLY+=($(compgen -f -- "${{COMP_WORDS[$COMP_CWORD]}}"))
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", asked], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert [line for line in done.stdout.split("\n") if line] == offered, done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_that_asks_featrouter(shell: str) -> None:
    script = CliRunner().invoke(main, ["completion", shell]).stdout
    assert "_FEATROUTER_COMPLETE" in script and f"{shell}_complete" in script
