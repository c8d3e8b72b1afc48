"""--json: one document on stdout, strict and to the point, of verbs whose results are else a file or a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from featrouter.bundle import Bundle
from featrouter.catalogue import feature_set
from featrouter.cli import main
from featrouter.study import sets, stability

RECORDED = str(Path(__file__).parent.parent / "data" / "recorded")


def strict(text: str) -> Any:
    """The document; a second one, or a number that JSON does not have, is an error."""

    def refuse(token: str) -> None:
        raise AssertionError(f"{token} is no JSON")

    return json.loads(text, parse_constant=refuse)


def told(*arguments: str) -> Any:
    done = CliRunner(env={"FORCE_COLOR": "1"}).invoke(main, [*arguments, "--json"])
    assert done.exit_code == 0, done.stderr
    assert "\x1b" not in done.stdout
    return strict(done.stdout)


def test_extract_tells_what_it_has_written(tmp_path: Path) -> None:
    made = told("extract", RECORDED, "-o", str(tmp_path / "f.csv"), "--jobs", "1")
    rows = (tmp_path / "f.csv").read_text(encoding="utf-8").count("\n") - 1
    assert made == {
        "output": str(tmp_path / "f.csv"),
        "rows": rows,
        "features": len(feature_set()),
        "runs": 60,
        "rejected": 0,
    }


def test_adapt_tells_whom_the_bundle_serves(tmp_path: Path) -> None:
    path = str(tmp_path / "mine.featrouter")
    made = told("adapt", "default", RECORDED, "--harness", "recorded-bash", "-o", path)
    assert made == {"bundle": path, "serves": {"recorded-bash": 30}, "flags": list(Bundle.load(path).flags)}


def test_export_counts_its_files(tmp_path: Path) -> None:
    made = told("export", RECORDED, "-o", str(tmp_path / "out"))
    assert made == {"output": str(tmp_path / "out"), "format": "atif", "runs": 60, "rejected": 0}
    assert len(list((tmp_path / "out").iterdir())) == 60


def test_export_of_a_log_with_rejected_rows_tells_them_and_ends_with_3(tmp_path: Path) -> None:
    (tmp_path / "turns.csv").write_text("run_id,turn,action,observation\nr,1,ls,x\nr,no,a,o\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["export", str(tmp_path / "turns.csv"), "-o", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 3 and strict(done.stdout)["rejected"] == 1


def test_study_tells_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "LEAST_RUNS", 20)
    monkeypatch.setattr(stability, "LEAST_ROWS", 20)
    made = told("study", RECORDED, "--part", "stability", "--jobs", "1")
    (part,) = made["parts"]
    assert part["name"] == "stability" and part["heading"] and part["about"] and "|" in part["text"]


@pytest.mark.parametrize("harness", ["openhands", "recorded-bash"])
def test_decide_is_json_with_the_flag_and_without(harness: str) -> None:
    """The second harness is unknown to the bundle: what is not known is null."""
    asked = ("decide", "default", RECORDED, "--harness", harness)
    decided = told(*asked)
    assert decided == strict(CliRunner().invoke(main, list(asked)).stdout)
    assert (decided["r1"] is None) == (harness == "recorded-bash")
    assert isinstance(told("explain", *asked[1:]), list)
