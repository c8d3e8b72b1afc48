"""Each format's samples, most of them recorded with the real tools, give the runs and turns that were recorded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from featrouter.importers import FORMATS, Import
from featrouter.importers.format import repo_of
from featrouter.logs import Run
from featrouter.trajectory import Trajectory

SAMPLES = Path(__file__).parent / "samples"

Read = Callable[..., list[tuple[Run, Trajectory]]]
Words = Callable[[Any], list[str]]
TASK = "seconds('1h1m') should be 3660. Find out why the hours are wrong and correct durations.py."
SESSION = "00000000-0000-4000-8000-000000000001"
MINI = "openai/gpt-4.1-mini"

EXPECTED: dict[str, tuple[tuple[str, str, str, int | None], list[str]]] = {
    # sample: (run_id, harness, weak_model, y_weak), what each turn does
    "mini-swe-agent/toolcall.traj.json": (
        ("toolcall", "mini-swe-agent", MINI, None),
        ["read 0, read 0", "test 1", "search 2", "answered", "edit+read 0", "test 0", "submit+read"],
    ),
    "mini-swe-agent/text.traj.json": (
        ("text", "mini-swe-agent", MINI, None),
        ["read+read 0", "test 1", "answered", "edit 0", "test 0", "submit+read"],
    ),
    "mini-swe-agent/responses.traj.json": (
        ("responses", "mini-swe-agent", MINI, None),
        ["read 0, read 0", "test 1", "answered", "edit 0", "test 0", "submit+read"],
    ),
    "mini-swe-agent/toolcall-format-errors.traj.json": (
        ("toolcall-format-errors", "mini-swe-agent", MINI, None),
        ["read 0", "answered", "answered", "answered"],
    ),
    "mini-swe-agent/v1-submitted-1.9.1.traj.json": (
        ("v1-submitted-1.9.1", "mini-swe-agent", "", None),
        ["read+read 0", "test 1", "answered", "edit 0", "test 0", "submit+read"],
    ),
    "mini-swe-agent/v1-limit-1.17.5.traj.json": (
        ("v1-limit-1.17.5", "mini-swe-agent", MINI, None),
        ["test 4", "run", "test 4"],
    ),
    "atif/v1.0.json": (("plain-1.0", "plain-agent", "small-model", None), ["read, test", "edit", "test", "said"]),
    "atif/full-v1.8.json": (
        ("full-1", "full-agent", "small-model", None),
        ["test 1 failed, run", "edit", "test 0", "said"],
    ),
    "atif/from-claude-code.json": (
        (SESSION, "claude-code", "claude-haiku-4-5", None),
        ["read, read", "test failed", "run", "edit", "test fine", "said"],
    ),
    "atif/from-mini-swe-agent-text.json": (
        ("mini-text", "mini-swe-agent", MINI, None),
        ["read+read", "test", "edit", "test", "submit+read"],
    ),
    "atif/from-swe-agent.json": (("swe-agent", "swe-agent", "", None), ["read", "test", "edit", "test", "submit"]),
    "harbor/fix-durations__solved": (
        ("fix-durations__solved", "plain-agent", "small-model", 1),
        ["read, test", "edit", "test", "said"],
    ),
    "harbor/fix-durations__partly": (
        ("fix-durations__partly", "plain-agent", "small-model", 0),
        ["read, test", "edit", "test", "said"],
    ),
    "harbor/fix-durations__timeout": (
        ("fix-durations__timeout", "plain-agent", "small-model", None),
        ["read, test", "edit", "test", "said"],
    ),
    "claude-code/fixed": (
        (SESSION, "claude-code", "claude-haiku-4-5", None),
        ["read, read", "test 1 failed", "run", "edit", "test fine", "said"],
    ),
    "claude-code/fixed.stream.jsonl": (
        (SESSION, "claude-code", "claude-haiku-4-5", None),
        ["read, read", "test 1 failed", "run", "edit", "test fine", "said"],
    ),
    "claude-code/2.1.332.jsonl": (
        (SESSION, "claude-code", "claude-haiku-4-5", None),
        ["read, read", "test 1 failed", "run", "edit", "test fine", "said"],
    ),
    "openhands/finished": (
        ("00000000-0000-4000-8000-000000000011", "openhands", MINI, None),
        ["read fine, read 0 fine", "test 1 fine", "edit failed", "edit fine", "test 0 fine", "submit fine"],
    ),
    "openhands/max-iterations.output.jsonl": (
        ("sample__durations-max-iterations", "openhands", MINI, None),
        ["edit failed", "test 4 fine", "test 4 fine"],
    ),
    "openhands/v0-finished.output.jsonl": (
        ("sample__durations-finished", "openhands", "small-model", None),
        ["read, read 0", "test 1", "edit", "test 0", "submit"],
    ),
    "openhands/v0-gives-up.output.jsonl": (
        ("sample__durations-gives-up", "openhands", "small-model", None),
        ["edit failed", "test 4", "test 4", "test 4"],
    ),
    "swe-agent/function-calling.traj": (
        ("function-calling", "swe-agent", MINI, None),
        ["read", "test", "edit", "test", "submit"],
    ),
    "swe-agent/thought-action.traj": (("thought-action", "swe-agent", MINI, None), ["test", "search"]),
    "swe-agent/old.traj": (("old", "swe-agent", "", None), ["test", "edit", "test", "submit"]),
    "langfuse/observations.csv": (
        ("session-1", "", "gpt-4.1-mini", None),
        ["read, test", "edit", "edit, test", "said"],
    ),
    "langfuse/observations_v2.jsonl": (
        ("session-1", "", "gpt-4.1-mini", None),
        ["read, test", "edit", "edit, test", "said"],
    ),
    "langfuse/api.observations.json": (
        ("session-1", "", "gpt-4.1-mini", None),
        ["read, test", "edit", "edit, test", "said"],
    ),
    "chat/openai.json": (("openai", "", "", None), ["read, test", "edit", "edit, test", "said"]),
    "chat/langchain.json": (
        ("langchain", "", "", None),
        ["read, read", "test", "edit failed", "edit", "test", "said"],
    ),
    "chat/anthropic.request.json": (
        ("anthropic.request", "", "claude-haiku-4-5", None),
        ["read, read", "test failed", "run", "edit", "test fine"],
    ),
    "chat/responses.request.json": (
        ("responses.request", "", "", None),
        ["read, read", "test", "edit", "test"],
    ),
    "otel/openai-v2.otlp.jsonl": (
        ("b0000000000000000000000000000001", "", "gpt-4.1-mini", None),
        ["read, test", "edit", "edit, test", "said"],
    ),
    "otel/pydantic-ai-v6.otlp.jsonl": (
        ("00000000-0000-4000-8000-000000000002", "repairs", "gpt-4.1-mini", None),
        ["edit failed", "said"],
    ),
    "otel/pydantic-ai-v5.otlp.jsonl": (
        ("00000000-0000-4000-8000-000000000002", "repairs", "gpt-4.1-mini", None),
        ["read, test", "edit, test", "said"],
    ),
}


@pytest.mark.parametrize("sample", EXPECTED)
def test_a_sample_gives_the_run_that_was_recorded(sample: str, read: Read, words: Words) -> None:
    ((run, trajectory),) = read(sample)
    identity, turns = EXPECTED[sample]
    assert (run.run_id, run.harness, run.weak_model, run.y_weak) == identity
    assert words(trajectory) == turns
    assert trajectory.ended
    assert trajectory.task == run.task
    assert TASK in run.task or sample in ("claude-code/fixed.stream.jsonl", "atif/from-swe-agent.json")  # told nowhere


def test_every_format_has_its_name_once() -> None:
    names = [form.name for form in FORMATS]
    assert len(set(names)) == len(names) == 9


def test_what_mini_swe_agent_tells_of_a_turn(read: Read) -> None:
    ((run, trajectory),) = read("mini-swe-agent/toolcall.traj.json")
    first, _, _, refused, *_ = trajectory
    assert [call.action for call in first.calls] == ["cat durations.py", "cat test_durations.py"]
    assert [call.tool for call in first.calls] == ["bash", "bash"]
    assert first.calls[1].observation.startswith("<returncode>0</returncode>\n<output>\nfrom durations import")
    assert (first.thought, first.prompt_tokens, first.completion_tokens) == ("I read both files at once.", 55, 39)
    assert first.cost == pytest.approx(8.44e-05)
    # An answer without a command cost something, and is a turn.
    assert (refused.action, refused.observation) == ("", "That answer held no command that could be run.")
    assert refused.cost == pytest.approx(0.0002856)
    assert (refused.thought[:12], refused.prompt_tokens) == ("It should be", 622)
    assert run.cost_weak == pytest.approx(sum(turn.cost or 0 for turn in trajectory))


@pytest.mark.parametrize("turn", [None, 3])
def test_a_run_that_featrouter_routed_tells_where_it_went(turn: int | None, read: Read, tmp_path: Path) -> None:
    """Written by its own model for mini-swe-agent; what the strong model did is not of the weak run."""
    told = json.loads((SAMPLES / "mini-swe-agent" / "toolcall.traj.json").read_text(encoding="utf-8"))
    told["info"]["featrouter"] = {
        "weak_model": "w",
        "strong_model": "s",
        "route": "weak" if turn is None else "strong",
        "route_turn": turn,
        "propensity": 0.8,
    }
    (tmp_path / "routed.json").write_text(json.dumps(told), encoding="utf-8")
    ((plain, whole),) = read("mini-swe-agent/toolcall.traj.json")
    ((run, trajectory),) = read(tmp_path / "routed.json")
    assert (run.weak_model, run.strong_model, run.propensity, run.route_turn) == ("w", "s", 0.8, turn)
    assert (run.route, run.cost_weak) == (("weak", plain.cost_weak) if turn is None else ("strong", None))
    assert trajectory.turns == whole.turns[:turn]


def test_a_text_only_agent_thinks_beside_its_command(read: Read) -> None:
    ((_, trajectory),) = read("mini-swe-agent/text.traj.json")
    assert trajectory.turns[1].thought == "THOUGHT: First see the failure."
    assert trajectory.turns[1].action == "python -m pytest -q"
    assert trajectory.turns[2].thought.startswith("The factor of an hour is 360")  # refused: it held no command


def test_what_openhands_tells_of_a_turn(read: Read) -> None:
    ((events, by_events),) = read("openhands/finished")
    ((line, by_line),) = read("openhands/v0-finished.output.jsonl")
    first = by_events.turns[0]
    assert first.thought == "An hour is probably wrong in the table.\nI read both files."
    assert [call.tool for call in first.calls] == ["file_editor", "terminal"]
    assert (first.prompt_tokens, first.completion_tokens, first.cost, first.latency) == (45, 68, 0.0001268, 0.1)
    assert by_events.turns[2].is_error is True
    assert events.cost_weak == 0.0023356
    assert (line.task_id, line.repo) == ("sample__durations-finished", "sample/durations")
    assert [call.tool for call in by_line.turns[0].calls] == ["str_replace_editor", "execute_bash"]


def test_subagents_are_no_runs_of_their_own(samples: Path) -> None:
    reading = Import([samples / "claude-code" / "fixed"])
    assert len(list(reading)) == 1
    assert reading.refused == []
    assert sorted(refusal.reason.split(";")[0] for refusal in reading.passed_by) == [
        "a subagent's side chain",
        "is of no known format",
    ]


def test_notes_to_the_model_are_no_words_of_a_tool(samples: Path, tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    text = (samples / "claude-code" / "2.1.332.jsonl").read_text()
    path.write_text(
        text.replace("2 passed in 0.01s", "2 passed in 0.01s\\n<system-reminder>Mind this.</system-reminder>")
    )
    ((run, trajectory),) = Import([path])
    assert run.cost_weak == pytest.approx(0.0285)
    assert trajectory.turns[4].observation.endswith("2 passed in 0.01s")


def test_a_compacted_session_goes_on_without_its_summary(read: Read, words: Words) -> None:
    ((_, session),) = read("claude-code/compacted.jsonl")
    ((_, stream),) = read("claude-code/compacted.stream.jsonl")
    assert words(session) == ["test 1 failed", "read", "answered", "said"]
    assert session.turns[2].observation == "Are the minutes right?"
    assert words(stream) == ["test 1 failed", "read", "said", "said"]  # a stream does not repeat what the user says


def test_what_atif_tells_of_a_turn(read: Read) -> None:
    ((_, trajectory),) = read("atif/full-v1.8.json")
    first = trajectory.turns[0]  # a copied step and one that no model made stand before it
    assert [(call.exit_code, call.is_error) for call in first.calls] == [(1, True), (None, None)]
    assert (first.prompt_tokens, first.completion_tokens, first.cost) == (900, 4, 0.001)
    assert trajectory.turns[1].thought == "Change the\nfactor."
    assert trajectory.turns[2].observation.startswith("test_durations.py ..")  # its result names no call


def test_a_trajectory_that_goes_on_in_other_files_is_one_run(read: Read, tmp_path: Path) -> None:
    def document(text: str, **rest: object) -> str:
        call = {
            "tool_call_id": "a",
            "function_name": "bash_command",
            "arguments": {"keystrokes": text, "duration": 0.1},
        }
        steps = [
            {"step_id": 1, "source": "user", "message": TASK, "is_copied_context": text != "ls"},
            {"step_id": 2, "source": "agent", "message": "", "tool_calls": [call]},
        ]
        return json.dumps({"schema_version": "ATIF-v1.8", "session_id": "s", "agent": {}, "steps": steps, **rest})

    first, second = tmp_path / "trajectory.json", tmp_path / "trajectory.cont-1.json"
    first.write_text(document("ls", continued_trajectory_ref=second.name, final_metrics={"total_cost_usd": 1}))
    second.write_text(document("pytest", continued_trajectory_ref=first.name, final_metrics={"total_cost_usd": 3}))
    ((run, trajectory),) = read(tmp_path)
    assert [(turn.tool, turn.action, turn.observation) for turn in trajectory] == [
        ("bash", "ls", ""),
        ("bash", "pytest", ""),
    ]
    assert (run.task, run.cost_weak) == (TASK, 3)


def test_an_otel_trace_tells_latency_reasoning_and_tools(read: Read) -> None:
    ((_, trajectory),) = read("otel/pydantic-ai-v5.otlp.jsonl")
    first = trajectory.turns[0]
    assert first.thought.startswith("An hour is probably wrong.")
    assert (first.prompt_tokens, first.completion_tokens, first.latency) == (50, 45, pytest.approx(0.5))
    assert all(call.observation for call in first.calls)


def test_a_trial_tells_one_run_though_other_logs_lie_beside_it(samples: Path, tmp_path: Path) -> None:
    trial = shutil.copytree(samples / "harbor" / "fix-durations__solved", tmp_path / "trial")
    shutil.copytree(samples / "claude-code" / "fixed", trial / "agent" / "sessions")
    shutil.copy(samples / "claude-code" / "fixed.stream.jsonl", trial / "agent" / "claude.txt")
    reading = Import([tmp_path])
    ((run, _),) = reading
    assert (run.run_id, run.task_id, run.y_weak) == ("fix-durations__solved", "samples/fix-durations", 1)
    assert sum("of its trial" in refusal.reason for refusal in reading.passed_by) == 3


SWE_AGENT = {
    "environment": "swe_main",
    "trajectory": [
        {
            "thought": "Let me see the file.",
            "response": "Let me see the file.\n\n```\nopen durations.py\n```",
            "action": "open durations.py\n",
            "observation": "[File: /repo/durations.py (12 lines total)]\n1:",
            "execution_time": 0.2,
            "state": {"open_file": "n/a"},
        },
        {"thought": "", "action": "python -m pytest -q", "observation": "1 failed in 0.01s"},
        {"thought": "Done.", "action": "submit", "observation": "diff --git a/durations.py"},
    ],
    "history": [
        {"role": "system", "content": "You are an agent.", "agent": "main"},
        {"role": "user", "content": "A demonstration.", "is_demo": True, "agent": "main"},
        {"role": "user", "content": [{"type": "text", "text": TASK}], "agent": "main"},
    ],
    "info": {"exit_status": "submitted", "model_stats": {"instance_cost": 0.5, "tokens_sent": 100}},
    "replay_config": json.dumps(
        {"agent": {"model": {"name": "gpt-4"}}, "problem_statement": {"id": "django__django-11001"}}
    ),
}


def test_swe_agent(read: Read, words: Words, tmp_path: Path) -> None:
    (tmp_path / "x.traj").write_text(json.dumps(SWE_AGENT))
    ((run, trajectory),) = read(tmp_path / "x.traj")
    assert run == Run(
        "django__django-11001",
        "django__django-11001",
        repo="django/django",
        task=TASK,
        harness="swe-agent",
        weak_model="gpt-4",
        cost_weak=0.5,
    )
    assert words(trajectory) == ["read", "test", "submit"]
    assert trajectory.turns[0].action == "open durations.py"


def test_each_attempt_of_a_retrying_swe_agent_is_a_run(read: Read, words: Words) -> None:
    found = read("swe-agent/retry.traj")
    assert [(run.run_id, run.task_id, words(trajectory)) for run, trajectory in found] == [
        ("retry/1", "retry", ["test", "search"]),  # what says why it was ended is no turn
        ("retry/2", "retry", ["edit", "test", "submit"]),
    ]


@pytest.mark.parametrize(
    ("instance", "repo"),
    [
        ("django__django-11001", "django/django"),
        ("scikit-learn__scikit-learn-9", "scikit-learn/scikit-learn"),
        ("fix-durations", ""),
        ("a__b", ""),
    ],
)
def test_the_repository_of_an_instance(instance: str, repo: str) -> None:
    assert repo_of(instance) == repo
