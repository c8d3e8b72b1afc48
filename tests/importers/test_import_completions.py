"""Single calls of a model, as gateways and tracers log them, are put together to the runs that they are parts of."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from featrouter.importers import Import
from featrouter.logs import Run
from featrouter.trajectory import Trajectory

Read = Callable[..., list[tuple[Run, Trajectory]]]
Words = Callable[[Any], list[str]]


def asked(name: str, command: str) -> dict[str, Any]:
    function = {"name": "bash", "arguments": json.dumps({"command": command})}
    return {"role": "assistant", "content": "", "tool_calls": [{"id": name, "function": function}]}


def seen(name: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": name, "content": text}


FIX = {"role": "user", "content": "fix it"}
FIRST = [FIX]
SECOND = [*FIRST, asked("a", "ls"), seen("a", "x.py")]
THIRD = [*SECOND, asked("b", "pytest"), seen("b", "1 failed")]
DONE = {"role": "assistant", "content": "Done."}


def row(messages: list[Any], answer: dict[str, Any], second: int, session: str, **rest: Any) -> dict[str, Any]:
    return {
        "request_id": f"req-{session}-{second}",
        "spend": 0.5,
        "model": "small",
        "startTime": f"2026-11-25 09:00:{second:02}",
        "endTime": f"2026-11-25 09:00:{second + 2:02}",
        "prompt_tokens": 10 * second,
        "completion_tokens": second,
        "session_id": session,
        "messages": messages,
        "response": {"choices": [{"message": answer}]},
        **rest,
    }


def runs(tmp_path: Path, rows: list[dict[str, Any]]) -> list[tuple[Run, Trajectory]]:
    path = tmp_path / "spend.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    reading = Import([path])
    found = list(reading)
    assert reading.refused == []
    return found


ONE = [row(FIRST, asked("a", "ls"), 1, "s"), row(SECOND, asked("b", "pytest"), 2, "s"), row(THIRD, DONE, 3, "s")]


def test_calls_of_a_session_are_one_run(tmp_path: Path, words: Words) -> None:
    ((run, trajectory),) = runs(tmp_path, ONE[::-1])  # whatever their order
    assert (run.run_id, run.task, run.weak_model, run.cost_weak) == ("s", "fix it", "small", 1.5)
    assert words(trajectory) == ["read", "test", "said"]
    assert [turn.prompt_tokens for turn in trajectory] == [10, 20, 30]
    assert [turn.latency for turn in trajectory] == [2, 2, 2]
    assert trajectory.turns[1].observation == "1 failed"


def test_calls_are_told_together_where_each_has_a_session_of_its_own(tmp_path: Path, words: Words) -> None:
    rows = [{**each, "session_id": f"s{number}"} for number, each in enumerate(ONE)]
    ((run, trajectory),) = runs(tmp_path, rows)
    assert (run.run_id, words(trajectory)) == ("s0", ["read", "test", "said"])


def test_a_call_made_again_is_told_once(tmp_path: Path, words: Words) -> None:
    again = row(SECOND, asked("c", "git diff"), 2, "s")
    ((_, trajectory),) = runs(tmp_path, [ONE[0], again, *ONE[1:]])
    assert words(trajectory) == ["read", "test", "said"]


def test_a_branch_that_went_on_is_a_run_of_its_own(tmp_path: Path, words: Words) -> None:
    other = [*SECOND, asked("c", "git diff"), seen("c", "-1")]
    branch = [row(SECOND, asked("c", "git diff"), 4, "s"), row(other, DONE, 5, "s")]
    found = runs(tmp_path, [*ONE, *branch])
    assert sorted(words(trajectory) for _, trajectory in found) == [["read", "read", "said"], ["read", "test", "said"]]


def test_a_call_that_the_log_cut_goes_on_with_its_run(tmp_path: Path) -> None:
    cut = [FIX, asked("a", "x" * 700 + "... (litellm_truncated skipped 3000 chars) ..." + "x" * 1300), seen("a", "")]
    ((_, trajectory),) = runs(tmp_path, [row(FIRST, asked("a", "x" * 5000), 1, "s"), row(cut, DONE, 2, "s")])
    assert [turn.prompt_tokens for turn in trajectory] == [10, 20]


def test_two_runs_of_one_task_stay_apart(tmp_path: Path) -> None:
    found = runs(tmp_path, [*ONE, *({**each, "session_id": "t"} for each in ONE)])
    assert [(run.run_id, len(trajectory)) for run, trajectory in found] == [("s", 3), ("t", 3)]


def test_a_text_only_agent_is_put_together_by_its_commands(tmp_path: Path, words: Words) -> None:
    def said(command: str) -> dict[str, Any]:
        return {"role": "assistant", "content": f"So.\n```bash\n{command}\n```"}

    one = [FIX, said("ls"), {"role": "user", "content": "x.py"}]
    other = [FIX, said("git diff"), {"role": "user", "content": "-1"}]
    rows = [row(FIRST, said("ls"), 1, "a"), row(FIRST, said("git diff"), 2, "b")]
    rows += [row(other, said("pytest"), 3, "c"), row(one, said("cat x.py"), 4, "d")]
    found = runs(tmp_path, rows)
    assert [(run.run_id, len(trajectory), trajectory.turns[0].action) for run, trajectory in found] == [
        ("a", 2, "ls"),
        ("b", 2, "git diff"),
    ]
    assert [turn.prompt_tokens for turn in found[0][1]] == [10, 40]


def test_a_failed_call_is_no_turn(tmp_path: Path) -> None:
    failed = row(SECOND, {}, 2, "s") | {"response": {}, "status": "failure"}
    ((_, trajectory),) = runs(tmp_path, [ONE[0], failed, *ONE[1:]])
    assert len(trajectory) == 3


def test_rows_without_prompts_are_refused_with_the_setting_that_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "spend.jsonl"
    path.write_text("\n".join(json.dumps(each | {"messages": "{}", "response": "{}"}) for each in ONE))
    reading = Import([path])
    assert list(reading) == []
    assert [refusal.place for refusal in reading.refused] == ["line 1", "line 2", "line 3"]
    assert "store_prompts_in_spend_logs" in reading.refused[0].reason


def test_the_spend_logs_of_a_proxy(read: Read, words: Words) -> None:
    """A table of LiteLLM's own: chat, Anthropic's messages, Responses, and a call that failed."""
    found = read("litellm/LiteLLM_SpendLogs.csv")
    assert [(run.run_id, words(trajectory)) for run, trajectory in found] == [
        ("session-a", ["read, read, read", "said"]),
        ("session-b", ["edit", "said"]),
        ("session-c", ["read", "said"]),
    ]
    run, trajectory = found[1]
    assert (run.weak_model, trajectory.turns[0].cost, trajectory.turns[0].latency) == (
        "openai/gpt-4.1-mini",
        pytest.approx(7.4e-05),
        0.05,
    )


GENERATIONS = [
    {
        "id": f"g{number}",
        "trace_id": "t1",
        "type": "GENERATION",
        "start_time": f"2026-11-25T09:00:0{number}.000Z",
        "input": json.dumps(messages),
        "output": json.dumps(answer),
        "model": "small",
        "usage_details": json.dumps({"input": 10, "input_cached_tokens": 5, "output": 2, "total": 17}),
        "total_cost": "0.25",
        "latency": "1.5",
    }
    for number, (messages, answer) in enumerate([(FIRST, asked("a", "ls")), (SECOND, DONE)])
]
SPAN = dict.fromkeys(GENERATIONS[0], "") | {"id": "s", "trace_id": "t1", "type": "SPAN"}


def as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def camel(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {name: name.split("_")[0] + "".join(word.title() for word in name.split("_")[1:]) for name in rows[0]}
    return [{names[name]: value for name, value in each.items()} for each in rows]


@pytest.mark.parametrize(
    "text",
    [
        as_csv([SPAN, *GENERATIONS]),
        json.dumps([SPAN, *GENERATIONS]),
        "\n".join(map(json.dumps, camel([SPAN, *GENERATIONS]))),
        json.dumps({"id": "t1", "observations": camel(GENERATIONS)}),
        json.dumps([{"id": "t1", "observations": GENERATIONS}] * 1),
    ],
    ids=["csv", "json", "jsonl of the API", "trace", "traces"],
)
def test_langfuse(text: str, tmp_path: Path, read: Read, words: Words) -> None:
    (tmp_path / "export").write_text(text)
    ((run, trajectory),) = read(tmp_path / "export")
    assert (run.run_id, run.task, run.weak_model, run.cost_weak) == ("t1", "fix it", "small", 0.5)
    assert words(trajectory) == ["read", "said"]
    first = trajectory.turns[0]
    assert (first.prompt_tokens, first.completion_tokens, first.cost, first.latency) == (15, 2, 0.25, 1.5)


def test_langfuse_without_generations_is_refused(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(json.dumps([SPAN]))
    reading = Import([tmp_path / "export.json"])
    assert list(reading) == []
    assert "no generation" in reading.refused[0].reason


def test_requests_and_responses_of_a_proxy_are_put_together(tmp_path: Path, read: Read, words: Words) -> None:
    lines = [
        {
            "timestamp": f"2026-11-25T09:00:0{number}Z",
            "request": {"model": "alias", "messages": messages},
            "response": {"id": f"r{number}", "model": "small", "content": [part], "role": "assistant"},
        }
        for number, (messages, part) in enumerate(
            [
                (FIRST, {"type": "tool_use", "id": "a", "name": "bash", "input": {"command": "ls"}}),
                (SECOND, {"type": "text", "text": "Done."}),
            ]
        )
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    ((run, trajectory),) = read(tmp_path / "log.jsonl")
    assert (run.run_id, run.weak_model, words(trajectory)) == ("r0", "small", ["read", "said"])
