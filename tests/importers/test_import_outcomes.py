"""Outcomes from files beside the runs, in each of their shapes, and which runs they label."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from featrouter.importers.outcomes import Outcomes
from featrouter.logs import Run

RUNS = [
    Run("r1", "django__django-1", weak_model="openai/small"),
    Run("r2", "django__django-2", weak_model="openai/small"),
    Run("r3", "django__django-3", weak_model="openai/small"),
]
REPORT = {
    "resolved_ids": ["django__django-1"],
    "unresolved_ids": ["django__django-2"],
    "error_ids": ["django__django-3"],
    "schema_version": 2,
}
PER_INSTANCE = {"django__django-1": {"resolved": True}, "django__django-2": {"resolved": False}}
LINES = [
    {"instance_id": "django__django-1", "report": {"resolved": True}},
    {"instance_id": "django__django-2", "test_result": {"report": {"resolved": False}}},
]
SCORES = [{"trace_id": f"r{n}", "session_id": None, "name": "resolved", "value": int(n == 1)} for n in (1, 2)]
OLD = {"resolved": ["django__django-1"], "no_generation": ["django__django-2"], "applied": ["django__django-3"]}
TRIALS = [{"trial_name": f"r{n}", "verifier_result": {"rewards": {"reward": 1.0 if n == 1 else 0.5}}} for n in (1, 2)]
JOB = {"stats": {"evals": {"agent": {"reward_stats": {"reward": {"1.0": ["r1"], "0.0": ["r2"], "odd": ["r3"]}}}}}}


@pytest.mark.parametrize(
    "text",
    [
        "run_id,resolved\nr1,1\nr2,0\nr3,\n",
        "task_id,model,resolved\ndjango__django-1,small,1\ndjango__django-2,openai/small,0\ndjango__django-3,large,1\n",
        "instance_id,success\ndjango__django-1,True\ndjango__django-2,false\n",
        json.dumps(REPORT),
        json.dumps(PER_INSTANCE),
        "\n".join(map(json.dumps, LINES)),
        json.dumps(OLD),
        "\n".join(map(json.dumps, TRIALS)),
        json.dumps(JOB),
        "\n".join(map(json.dumps, SCORES)),
    ],
    ids=[
        "runs",
        "tasks and models",
        "instances",
        "report",
        "instances' report",
        "lines",
        "old",
        "trials",
        "job",
        "scores",
    ],
)
def test_an_outcome_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    outcomes, notes = Outcomes(), []
    outcomes.read(tmp_path / "file", lambda record, why: notes.append(why))
    assert notes == []
    assert [run.y_weak for run in outcomes.label(RUNS)] == [1, 0, None]


def test_an_outcome_of_a_task_labels_no_run_among_several(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps(PER_INSTANCE))
    outcomes = Outcomes()
    outcomes.read(tmp_path / "file", lambda record, why: None)
    twice = [RUNS[0], Run("r4", "django__django-1"), RUNS[1]]
    assert [run.y_weak for run in outcomes.label(twice)] == [None, None, 0]


def test_a_run_keeps_the_outcome_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("run_id,resolved\nr1,1\n")
    outcomes = Outcomes()
    outcomes.read(tmp_path / "file", lambda record, why: None)
    assert [run.y_weak for run in outcomes.label([Run("r1", "t", y_weak=0)])] == [0]


def test_what_is_no_label_is_noted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("run_id,resolved\nr1,1\nr2,perhaps\n,1\n")
    outcomes, notes = Outcomes(), []
    outcomes.read(tmp_path / "file", lambda record, why: notes.append((record.place, why)))
    assert notes == [("line 3", "resolved: 'perhaps' is not 0, 1 or blank"), ("line 4", "no run_id, task_id")]


@pytest.mark.parametrize("text", ["", "hello", "{}", "[]", "[1, 2]", "a,b\n1,2\n", '{"x": {"y": 1}}', '{"x": 1'])
def test_what_holds_no_outcomes_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(ValueError, match=r"empty|neither|holds no outcomes|breaks"):
        Outcomes().read(tmp_path / "file", lambda record, why: None)
