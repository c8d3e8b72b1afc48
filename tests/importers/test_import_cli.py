"""`featrouter import` and `featrouter export` as a person would use them."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from featrouter.cli import main
from featrouter.importers import FORMATS
from featrouter.logs import Logs


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_good_damaged_and_unknown_files(samples: Path, tmp_path: Path) -> None:
    good = samples / "mini-swe-agent" / "text.traj.json"
    damaged, unknown = tmp_path / "cut.traj.json", tmp_path / "notes.txt"
    damaged.write_bytes(good.read_bytes()[:3000])
    unknown.write_text("what I saw")
    result = run("import", good, damaged, unknown, samples / "atif", "-o", tmp_path / "logs", "--json")
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert (told["runs"], told["with_outcome"]) == (6, 0)
    assert told["formats"]["mini-swe-agent"] == {"files": 1, "runs": 1, "turns": 6}
    assert [Path(refusal["file"]).name for refusal in told["refused"]] == ["cut.traj.json", "notes.txt"]
    assert f"refused: {damaged}: the JSON breaks" in result.stderr
    assert f"refused: {unknown}: is neither JSON nor a CSV file" in result.stderr
    assert "2 files or places were refused" in result.stderr
    logs = Logs([tmp_path / "logs"])
    assert (logs.rejected, len(logs.runs)) == (0, 6)


def test_imported_runs_are_extracted_and_labelled(samples: Path, tmp_path: Path) -> None:
    outcomes = tmp_path / "report.json"
    outcomes.write_text(json.dumps({"resolved_ids": ["sample__durations-finished"], "unresolved_ids": ["text"]}))
    line = samples / "openhands" / "v0-finished.output.jsonl"
    result = run(
        "import", samples / "harbor", line, samples / "mini-swe-agent", "-o", tmp_path / "logs", "--outcomes", outcomes
    )
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "6 of 10 runs are without an outcome" in result.stderr
    labels = {run_id: run.y_weak for run_id, run in Logs([tmp_path / "logs"]).runs.items()}
    assert labels["sample__durations-finished"] == labels["fix-durations__solved"] == 1
    assert labels["text"] == labels["fix-durations__partly"] == 0
    extracted = run("extract", tmp_path / "logs", "-o", tmp_path / "features.csv", "--jobs", 1)
    assert extracted.exit_code == 0, extracted.output


def test_an_import_is_not_overwritten_but_added_to(samples: Path, tmp_path: Path) -> None:
    first = run("import", samples / "claude-code" / "fixed", "-o", tmp_path)
    assert first.exit_code == 0
    before = (tmp_path / "turns.csv").read_bytes()
    again = run("import", samples / "atif", "-o", tmp_path)
    assert again.exit_code == 3
    assert "--append" in again.stderr
    assert (tmp_path / "turns.csv").read_bytes() == before
    more = run("import", samples / "claude-code" / "fixed", samples / "atif" / "v1.0.json", "-o", tmp_path, "--append")
    assert more.exit_code == 0
    assert "1 runs are there already" in more.stderr
    assert len(Logs([tmp_path]).runs) == 2


def test_nothing_found_is_told(tmp_path: Path) -> None:
    result = run("import", tmp_path, "-o", tmp_path / "logs")
    assert result.exit_code == 3
    assert "no run was found" in result.stderr


def test_names_are_filled_in_where_a_file_has_none(samples: Path, tmp_path: Path) -> None:
    chat = samples / "chat" / "openai.json"
    result = run("import", chat, "-o", tmp_path, "--harness", "mine", "--weak", "small")
    assert result.exit_code == 0
    (only,) = Logs([tmp_path]).runs.values()
    assert (only.harness, only.weak_model) == ("mine", "small")


def test_one_format_may_be_asked_for(samples: Path, tmp_path: Path) -> None:
    result = run("import", samples, "-o", tmp_path, "--format", "otel", "--json")
    assert list(json.loads(result.stdout)["formats"]) == ["otel"]
    wrong = run("import", samples, "-o", tmp_path, "--format", "yaml")
    assert wrong.exit_code == 2
    assert "mini-swe-agent" in wrong.stderr


def test_help_names_every_format() -> None:
    text = run("import", "--help").stdout
    assert all(form.name in text for form in FORMATS)
    assert "featrouter train" in text


def test_a_damaged_outcome_file_is_told_and_the_runs_are_imported(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{")
    args = ("import", samples / "atif" / "v1.0.json", "-o", tmp_path / "logs")
    result = run(*args, "--outcomes", tmp_path / "report.json", "--outcomes", tmp_path / "none.csv")
    assert result.exit_code == 3
    assert "report.json: the JSON breaks" in result.stderr
    assert "none.csv: there is no such file" in result.stderr
    assert len(Logs([tmp_path / "logs"]).runs) == 1


def test_many_damaged_lines_are_told_in_few_words(tmp_path: Path) -> None:
    good = json.dumps([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])
    (tmp_path / "chat.jsonl").write_text("\n".join([good, *["{"] * 100, good]))
    result = run("import", tmp_path / "chat.jsonl", "-o", tmp_path / "logs")
    assert result.exit_code == 3
    assert result.stderr.count("refused: ") == 6
    assert "and 95 places more" in result.stderr


def test_a_folder_that_cannot_be_written_to_is_told(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("import", samples / "atif", "-o", tmp_path / "file" / "logs")
    assert result.exit_code == 1
    assert "file" in result.stderr


def test_export_and_import_again(samples: Path, tmp_path: Path) -> None:
    run("import", samples / "openhands", "-o", tmp_path / "logs")
    result = run("export", tmp_path / "logs", "-o", tmp_path / "atif")
    assert result.exit_code == 0
    count = len(list((tmp_path / "atif").iterdir()))
    assert f"{count} runs as atif" in result.stderr
    again = run("import", tmp_path / "atif", "-o", tmp_path / "again")
    assert again.exit_code == 0
    assert list(Logs([tmp_path / "again"]).trajectories()) == list(Logs([tmp_path / "logs"]).trajectories())
    refused = run("export", tmp_path / "logs", "-o", tmp_path / "atif")
    assert refused.exit_code == 1
    assert "not empty" in refused.stderr


def test_logs_with_rejected_rows_are_exported_without_them(samples: Path, tmp_path: Path) -> None:
    run("import", samples / "atif" / "v1.0.json", "-o", tmp_path / "logs")
    with (tmp_path / "logs" / "runs.csv").open("a") as file:
        file.write("only,three,fields\n")
    result = run("export", tmp_path / "logs", "-o", tmp_path / "atif")
    assert result.exit_code == 3
    assert "the rest is exported" in result.stderr
    assert len(list((tmp_path / "atif").iterdir())) == 1


def test_decide_and_explain_read_what_import_reads(samples: Path, tmp_path: Path) -> None:
    """And the harness that a file names need not be given; a list of messages is a run that goes on."""
    mini = samples / "mini-swe-agent" / "toolcall.traj.json"
    told = json.loads(run("decide", "default", mini, "--turn", 3).stdout)
    assert (told["turn"], told["ended"]) == (3, False) and "harness" not in told["fallback"]
    assert json.loads(run("decide", "default", mini).stdout)["ended"]
    assert run("explain", "default", samples / "openhands" / "finished.output.jsonl", "-n", 2).stdout.startswith(
        "turn 6"
    )
    chat = tmp_path / "chat.json"
    chat.write_text(
        json.dumps([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]), encoding="utf-8"
    )
    told = json.loads(run("decide", "default", chat, "--harness", "openhands").stdout)
    assert (told["turn"], told["ended"]) == (1, False)
    chat.write_text("no trajectory", encoding="utf-8")
    assert "not JSON" in run("decide", "default", chat).stderr
