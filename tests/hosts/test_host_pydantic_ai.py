"""pydantic-ai's own agent with two models that say who they are."""

# host: pydantic-ai
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from featrouter.logs import Logs
from featrouter.messages import trajectory_of
from tests.hosts import readme
from tests.hosts.bundles import HARNESS, BrokenEscalator, escalating

pytest.importorskip("pydantic_ai")

from pydantic_ai import Agent, ModelRetry
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from featrouter.integrations.escalator import Escalator
from featrouter.integrations.pydantic_ai import chat_of, escalate_to

STEPS, TURN = 4, 2


def scripted(name: str) -> FunctionModel:
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        done = sum(isinstance(message, ModelResponse) for message in messages)
        parts: list[Any] = [ThinkingPart("hm"), TextPart(name)]
        if done < STEPS:
            parts.append(ToolCallPart("bash", {"command": f"echo {done}"}))
            parts.append(ToolCallPart("bash", {"command": "false"}))
        return ModelResponse(parts=parts)

    return FunctionModel(answer, model_name=name)


def agent(escalator: Any) -> Agent[None, str]:
    built = Agent(
        scripted("weak"),
        instructions="work",
        capabilities=[escalate_to(scripted("strong"), escalator=escalator)],
        retries=99,
    )

    @built.tool_plain
    def bash(command: str) -> str:
        if command == "false":
            raise ModelRetry("exit code 1")
        return f"ran {command}"

    return built


def spoke(messages: list[ModelMessage]) -> list[str]:
    return [message.model_name or "" for message in messages if isinstance(message, ModelResponse)]


def test_the_strong_model_takes_over_and_keeps_the_run(tmp_path: Path) -> None:
    escalator = Escalator.load(escalating(tmp_path / "b", TURN), harness=HARNESS, log=tmp_path / "log")
    built = agent(escalator)
    result = built.run_sync("fix it")
    assert spoke(result.all_messages()) == ["weak"] * TURN + ["strong"] * (STEPS + 1 - TURN)
    assert spoke(built.run_sync("fix it").all_messages())[0] == "weak"
    on = built.run_sync("and that", message_history=result.all_messages())
    assert spoke(on.new_messages()) == ["strong"]
    logs = Logs([tmp_path / "log"])
    assert logs.rejected == 0 and [run.route for run in logs.runs.values()] == ["strong", "strong"]
    for _, trajectory in logs.trajectories():
        ran, failed = trajectory.turns[0].calls
        assert ran.observation == "ran echo 0" and failed.is_error and trajectory.turns[0].prompt_tokens


def test_its_messages_read_as_turns() -> None:
    read = trajectory_of(chat_of(agent(BrokenEscalator()).run_sync("fix it").all_messages()))
    assert read.task == "fix it" and len(read) == STEPS + 1
    assert read.turns[0].thought == "hm\nweak"
    assert [(call.tool, call.action) for call in read.turns[1].calls] == [
        ("bash", '{"command": "echo 1"}'),
        ("bash", '{"command": "false"}'),
    ]


def test_what_fails_inside_reaches_no_agent() -> None:
    assert spoke(agent(BrokenEscalator()).run_sync("fix it").all_messages()) == ["weak"] * (STEPS + 1)


def test_the_lines_of_the_readme_make_an_agent() -> None:
    built = readme.run("pydantic-ai", weak=scripted("weak"), strong=scripted("strong"))["agent"]
    built.tool_plain(name="bash")(lambda command: f"ran {command}")
    assert built.run_sync("fix it").output
