"""The command line on a log of two harnesses that are no twins by name: the card, a base that is a file, drift by name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from featrouter.bundle import Bundle
from featrouter.cli import main

RECORDED = Path(__file__).parent.parent / "data" / "recorded"
OUTCOMES = (RECORDED / "outcomes.csv", "--strong", "scripted-strong")
QUICK = ("--head", "linear", "--calibration", "platt", "--no-panel")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """recorded-bash and recorded-editor share the first part of their names, as twins do: here they do not."""
    path = tmp_path_factory.mktemp("two") / "f.csv"
    assert run("extract", RECORDED, "-o", path, "--jobs", 1).exit_code == 0
    path.write_text(re.sub(r",recorded-(bash|editor),", r",\1,", path.read_text(encoding="utf-8")), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def bundle(logs: Path) -> Path:
    """Its card stands beside it."""
    path = logs.with_name("b.featrouter")
    card = logs.with_name("card.md")
    made = run("train", logs, *OUTCOMES, *QUICK, "--without", "prompt", "-o", path, "--card", card, "--jobs", 1)
    assert made.exit_code == 0, made.output
    assert "harnesses left out, for the card" in made.stderr
    return path


def test_the_card_tells_each_harness_by_routers_of_the_other(bundle: Path) -> None:
    text = bundle.with_name("card.md").read_text(encoding="utf-8")
    section = text.partition("## On a harness that it never saw\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| ")]
    assert rows[0][:3] == ["left out", "runs", "AUROC"]
    assert [row[:2] for row in rows[1:]] == [["bash", "30"], ["editor", "30"]]
    assert all(re.fullmatch(r"\d\.\d\d \[\d\.\d\d, \d\.\d\d\]", row[2]) for row in rows[1:])
    found = Bundle.load(bundle)
    assert set(found.provenance["unseen"]) == {"bash", "editor"}
    assert not any(name.startswith("prompt_") for name in found.features)
    assert found.provenance["settings"]["without"] == ["prompt"]


def test_a_card_of_one_harness_does_not_speak_of_others(logs: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    made = run("train", logs, *OUTCOMES, *QUICK, "--harness", "bash", "-o", tmp_path / "b", "--card", card, "--json")
    assert made.exit_code == 0 and json.loads(made.stdout)["bundle"] == str(tmp_path / "b")
    assert (
        "never saw" not in card.read_text(encoding="utf-8") and "unseen" not in Bundle.load(tmp_path / "b").provenance
    )


def test_a_base_may_be_a_file_and_must_read_what_is_there(bundle: Path, logs: Path, tmp_path: Path) -> None:
    path = tmp_path / "warm.featrouter"
    assert run("train", logs, *OUTCOMES, *QUICK, "-o", path, "--base", bundle).exit_code == 0
    warm = Bundle.load(path)
    assert warm.metrics["r1"]["recipe"]["base"] > 0  # it was learned from these very runs
    assert len(warm.features) > len(Bundle.load(bundle).features)
    told = run("train", logs, *OUTCOMES, *QUICK, "-o", tmp_path / "x", "--base", bundle, "--without", "loops")
    assert told.exit_code == 3 and "drop --without" in told.stderr and not (tmp_path / "x").exists()


def test_adapt_writes_a_bundle_of_the_harness_alone_and_says_on_stderr_what_it_serves(
    bundle: Path, logs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.featrouter"
    more = ("--resolved", 0.3, "--strong-resolved", 0.8, "--harness", "editor")
    made = run("adapt", bundle, logs, "-o", path, *more)
    assert made.exit_code == 0 and made.stdout == "" and f"{path}: serves editor (30 runs)" in made.stderr
    found = Bundle.load(path)
    assert list(found.references) == ["editor"]
    assert found.provenance["adapted"] == {"runs": {"editor": 30}, "resolved": 0.3, "strong": 0.8}
    notes = [line[6:] for line in made.stderr.splitlines() if line.startswith("note: ")]
    assert tuple(notes) == found.flags[len(Bundle.load(bundle).flags) :] and len(notes) == 1
    rateless = run("adapt", bundle, logs, "-o", path, "--harness", "editor")
    assert "note: nobody said what share of tasks the weak model solves there (--resolved)" in rateless.stderr


def test_drift_compares_by_the_name_in_the_log_or_the_one_that_is_given(bundle: Path, logs: Path) -> None:
    own = json.loads(run("drift", bundle, logs, "--json").stdout)
    assert list(own) == ["bash", "editor"]
    as_bash = json.loads(run("drift", bundle, logs, "--as", "bash", "--json").stdout)
    assert as_bash["bash"] == own["bash"] and as_bash["editor"] != own["editor"]
    text = run("drift", bundle, logs, *OUTCOMES[1:], OUTCOMES[0], "--harness", "bash").stdout
    assert text.startswith("bash: 30 runs\n") and "r1: says" in text and "r2: says" in text and "editor" not in text
    told = run("drift", bundle, logs, "--as", "nosuch")
    assert told.exit_code == 2 and "'nosuch': the bundle knows 'bash', 'editor'" in told.stderr and told.stdout == ""
