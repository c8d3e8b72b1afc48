"""The command line, used as a person would: from a log to a decision, and what it says when something is wrong."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from featrouter.catalogue import feature_set
from featrouter.cli import main

RECORDED = Path(__file__).parent.parent / "data" / "recorded"


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "f.csv.xz"
    result = run("extract", RECORDED, "-o", path, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    return path


@pytest.fixture(scope="module")
def bundle(features: Path) -> Path:
    path = features.with_name("b.featrouter")
    result = run(
        "train", features, RECORDED / "outcomes.csv", "--strong", "scripted-strong", "-o", path, "--value", 0.2
    )
    assert result.exit_code == 0, result.output
    assert "constant" in result.stdout
    return path


@pytest.mark.parametrize("verb", sorted(main.commands))
def test_every_verb_explains_itself(verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.split("Options:")[0].split()) > 8


def test_training_from_features_equals_training_from_turns(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.featrouter"
    assert run("train", RECORDED, "--strong", "scripted-strong", "-o", path, "--value", 0.2, "--json").exit_code == 0
    assert path.read_bytes() == bundle.read_bytes()


def test_evaluate_prints_json_alone_on_stdout(features: Path, bundle: Path) -> None:
    arguments = ("evaluate", features, RECORDED / "outcomes.csv", "--strong", "scripted-strong")
    report = json.loads(run(*arguments, "--bundle", bundle, "--json").stdout)
    assert list(report["splits"]) == ["given"]
    text = run(*arguments, "--bundle", bundle).stdout
    assert "Route-AUC" in text and "24 tasks, 60 runs" in text


def test_importances_in_three_forms(bundle: Path) -> None:
    found = json.loads(run("importances", bundle, "--json").stdout)
    assert set(found) == {"families", "features"}
    rows = list(csv.DictReader(io.StringIO(run("importances", bundle, "--csv").stdout)))
    assert {row["feature"] for row in rows} == set(found["features"])
    assert run("importances", bundle, "-n", 3).stdout.count("\n") >= 6


def a_run() -> dict[str, object]:
    turn = {"thought": "look", "action": "cat a.py", "observation": "x = 1", "tool": "bash"}
    return {
        "task": "fix a.py",
        "turns": [turn, turn, {**turn, "action": "python -m pytest", "observation": "2 failed in 0.1s"}],
    }


def test_decide_and_explain_on_a_file_and_on_stdin(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(a_run()), encoding="utf-8")
    decision = json.loads(run("decide", bundle, path).stdout)
    assert decision["turn"] == 3
    assert decision == json.loads(run("decide", bundle, "-", stdin=path.read_text()).stdout)
    assert json.loads(run("decide", bundle, path, "--turn", 1).stdout)["turn"] == 1
    poor, rich = (json.loads(run("decide", bundle, path, "--value", usd).stdout) for usd in (0.001, 1000))
    assert poor["y2"] < rich["y2"] and poor["r2"] == rich["r2"]
    assert run("explain", bundle, path, "-n", 2).stdout.count("\n") >= 3
    assert json.loads(run("decide", bundle, path, "--ended").stdout)["choice"] in ("accept", "escalate")


def test_decide_on_chat_messages(bundle: Path) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
    messages = [
        {"role": "system", "content": "you are"},
        {"role": "user", "content": "fix it"},
        {"role": "assistant", "content": "I look", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "a.py"},
    ]
    for given in (messages, {"messages": messages}):
        assert json.loads(run("decide", bundle, "-", stdin=json.dumps(given)).stdout)["turn"] == 1


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "words"),
    [
        (("decide", "default", "-"), "{", 1, "not JSON"),
        (("decide", "default", "-"), '{"a": 1}', 1, "neither a message list"),
        (("decide", "default", "-"), '{"turns": [{"nonsense": 1}]}', 1, "turn 1: .*nonsense"),
        (("decide", "default", "-", "--turn", "9"), json.dumps(a_run()), 2, "the run has 3 turns"),
        (("decide", "nowhere.featrouter", "-"), "[]", 1, "no such file"),
        (("train", RECORDED, "--strong", "scripted-strog", "-o", "x"), None, 3, "did you mean scripted-strong"),
        (("train", RECORDED / "README.md", "-o", "x"), None, 3, "README.md"),
        (("features", "--family", "nosuch"), None, 2, "families are prompt"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[object, ...], stdin: str | None, code: int, words: str) -> None:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert re.search(words, result.stderr), result.stderr


def test_rejected_rows_end_with_exit_code_3_by_file_line_and_column(tmp_path: Path) -> None:
    for name in ("turns", "runs", "outcomes"):
        shutil.copy(RECORDED / f"{name}.csv", tmp_path)
    runs = tmp_path / "runs.csv"
    with runs.open("a", encoding="utf-8") as file:
        file.write("extra,task,repo,text,h,scripted-agent,yes,0.1\n")
    line = runs.read_text(encoding="utf-8").count("\n")
    result = run("extract", tmp_path, "-o", tmp_path / "f.csv")
    assert result.exit_code == 3
    assert f"runs.csv:{line} " in result.stderr and "y_weak: 'yes' is not 0, 1 or blank" in result.stderr
    assert not (tmp_path / "f.csv").exists()
    assert run("extract", tmp_path, "-o", tmp_path / "f.csv", "--max-rejects", 1).exit_code == 0


def test_doctor_and_features_list_what_is_there() -> None:
    checks = json.loads(run("doctor", "--json").stdout)
    assert all(check["ok"] for check in checks if check["needed"])
    assert {"Python", "OpenMP for training", "default bundle"} <= {check["what"] for check in checks}
    assert [row["name"] for row in json.loads(run("features", "--json").stdout)] == list(feature_set().names)
