"""The verbs adapt, drift and study, and training on a base, as one calls them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from featrouter.bundle import Bundle
from featrouter.cli import main
from featrouter.resources import resource

ROOT = Path(__file__).parent.parent
RECORDED = str(ROOT / "data" / "recorded")
BASH = ("--harness", "recorded-bash")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adapted") / "mine.featrouter"
    result = call("adapt", "default", RECORDED, *BASH, "-o", str(path), "--resolved", "0.4")
    assert result.exit_code == 0, result.output
    assert result.stdout == "" and "serves recorded-bash (30 runs)" in result.stderr
    assert "note: adapted to 'recorded-bash' on 30 runs without outcomes" in result.stderr
    return path


def test_an_adapted_bundle_decides_without_a_name_where_the_default_says_what_to_do(
    adapted: Path, tmp_path: Path
) -> None:
    assert list(Bundle.load(adapted).references) == ["recorded-bash"]
    run = tmp_path / "run.json"
    run.write_text(json.dumps({"task": "fix", "turns": [{"action": "cat a.py", "observation": "x = 1"}]}))
    unknown = json.loads(call("decide", "default", str(run), "--harness", "recorded-bash").stdout)
    assert "featrouter adapt" in unknown["fallback"] and unknown["r1"] is None and unknown["reasons"] == []
    assert json.loads(call("decide", "default", str(run), "--harness", "openhands").stdout)["r1"] is not None
    assert json.loads(call("decide", str(adapted), str(run)).stdout)["r1"] is not None


def test_drift_speaks_to_people_and_to_programs(adapted: Path) -> None:
    text = call("drift", str(adapted), RECORDED, *BASH)
    assert text.exit_code == 0 and "0 of" in text.stdout and "r1: says" in text.stdout
    told = json.loads(call("drift", "default", RECORDED, "--as", "openhands", "--json").stdout)
    assert set(told) == {"recorded-bash", "recorded-editor"}
    assert sum(one["moved"] for one in told["recorded-bash"]["features"]) > 5
    assert "not known to this bundle" in call("drift", "default", RECORDED).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("adapt", "default", RECORDED, "-o", "/nosuch/x.featrouter"), 2, "no folder"),
        (("adapt", "nosuch.featrouter", RECORDED, "-o", "x.featrouter"), 1, "no such file"),
        (("adapt", "default", RECORDED, "-o", "x.featrouter", "--resolved", "1.5"), 2, "--resolved"),
        (("drift", "default", RECORDED, "--as", "nosuch"), 2, "the bundle knows 'mini-swe-agent', 'openhands'"),
        (("study", RECORDED, "--part", "payoff"), 2, "--pair WEAK STRONG"),
        (("study", RECORDED, "--part", "stability"), 1, "too few to study"),
        (("train", RECORDED, "-o", "x.featrouter", "--without", "nosuch"), 1, "family 'nosuch': known are prompt"),
        (("train", RECORDED, "-o", "x.featrouter", "--base", "nosuch"), 1, "no such file"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: tuple[str, ...], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(*arguments)
    assert result.exit_code == code and words in result.stderr, result.output
    assert not list(tmp_path.iterdir())


def test_a_router_on_a_base_and_its_card(tmp_path: Path) -> None:
    bundle, card = tmp_path / "warm.featrouter", tmp_path / "card.md"
    quick = ("--head", "lightgbm", "--calibration", "platt", "--no-panel")
    result = call("train", RECORDED, "-o", str(bundle), "--base", "default", "--card", str(card), *quick)
    assert result.exit_code == 0, result.output
    found = Bundle.load(bundle)
    assert found.metrics["r1"]["recipe"]["base"] >= 0 and len(found.provenance["base_sha256"]) == 64
    assert set(found.provenance["unseen"]) <= {"recorded-bash", "recorded-editor"}
    assert "## Costs" in card.read_text(encoding="utf-8")
    small = call("train", RECORDED, *BASH, "-o", str(bundle), "--without", "prompt", "--without", "code", *quick)
    assert small.exit_code == 0
    assert not any(name.startswith(("prompt_", "code_")) for name in Bundle.load(bundle).features)


@pytest.mark.parametrize("verb", ["adapt", "drift", "evaluate", "importances", "train"])
def test_a_bundle_of_an_earlier_catalogue_is_refused_by_name(verb: str, tmp_path: Path) -> None:
    old, made = tmp_path / "old.featrouter", tmp_path / "new.featrouter"
    old.write_bytes(replace(Bundle.load(resource("models/default/default.featrouter")), catalogue="0" * 64).to_bytes())
    arguments = {
        "adapt": (str(old), RECORDED, "-o", str(made)),
        "drift": (str(old), RECORDED),
        "evaluate": (RECORDED, "--strong", "scripted-strong", "--bundle", str(old)),
        "importances": (str(old),),
        "train": (RECORDED, "--strong", "scripted-strong", "--base", str(old), "-o", str(made)),
    }[verb]
    result = call(verb, *arguments)
    assert result.exit_code in (1, 3)
    assert str(old) in result.stderr and "featrouter extract" in result.stderr
    assert not made.exists()
