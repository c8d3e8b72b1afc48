"""The OpenAI Agents SDK's own runner, answered at once and streamed, with two models that say who they are."""

# host: openai-agents
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from featrouter.logs import Logs
from tests.hosts import readme
from tests.hosts.bundles import HARNESS, BrokenEscalator, escalating

pytest.importorskip("agents")

from agents import Agent, Model, ModelResponse, Runner, Usage, function_tool, set_tracing_disabled
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
)

from featrouter.integrations.escalator import Escalator
from featrouter.integrations.openai_agents import EscalatingModel

set_tracing_disabled(True)
STEPS, TURN = 4, 2


class Scripted(Model):
    """Reasons, says its name, and runs a command STEPS times."""

    def __init__(self, name: str) -> None:
        self.model = name
        self.seen: list[Any] = []

    def _output(self, input: Any) -> list[Any]:
        self.seen.append(input)
        items = [] if isinstance(input, str) else input
        done = sum(item.get("type") == "function_call_output" for item in items)
        reasoning = ResponseReasoningItem(
            id=f"rs_{done}", type="reasoning", summary=[], encrypted_content=f"sealed by {self.model}"
        )
        said = ResponseOutputText(type="output_text", text=self.model, annotations=[])
        message = ResponseOutputMessage(
            id=f"msg_{done}", type="message", role="assistant", status="completed", content=[said]
        )
        call = ResponseFunctionToolCall(
            id=f"fc_{done}",
            type="function_call",
            call_id=f"{self.model}-{done}",
            name="bash",
            arguments=f'{{"command": "echo {done}"}}',
        )
        return [reasoning, message, call] if done < STEPS else [reasoning, message]

    async def get_response(self, system_instructions: Any, input: Any, *_: Any, **__: Any) -> ModelResponse:
        usage = Usage(requests=1, input_tokens=100, output_tokens=7, total_tokens=107)
        return ModelResponse(output=self._output(input), usage=usage, response_id=None)

    async def stream_response(self, system_instructions: Any, input: Any, *_: Any, **__: Any) -> AsyncIterator[Any]:
        response = Response(
            id="r",
            created_at=0,
            model=self.model,
            object="response",
            output=self._output(input),
            parallel_tool_calls=True,
            tool_choice="auto",
            tools=[],
        )
        yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=0)


@function_tool
def bash(command: str) -> str:
    """Runs a command."""
    return f"ran {command}"


async def _run(built: Agent[None], stream: bool) -> list[Any]:
    if not stream:
        return (await Runner.run(built, "fix it")).to_input_list()
    result = Runner.run_streamed(built, "fix it")
    async for _ in result.stream_events():
        pass
    return result.to_input_list()


def run(escalator: Any, stream: bool = False) -> tuple[list[str], Scripted]:
    weak, strong = Scripted("weak"), Scripted("strong")
    built = Agent(name="a", model=EscalatingModel(weak, strong, escalator=escalator), tools=[bash], instructions="work")
    items = asyncio.run(_run(built, stream))
    return [item["content"][0]["text"] for item in items if item.get("type") == "message"], strong


@pytest.mark.parametrize("stream", [False, True])
def test_the_strong_model_takes_over_and_keeps_the_run(stream: bool, tmp_path: Path) -> None:
    escalator = Escalator.load(escalating(tmp_path / "b", TURN), harness=HARNESS, log=tmp_path / "log")
    expected = ["weak"] * TURN + ["strong"] * (STEPS + 1 - TURN)
    spoke, strong = run(escalator, stream)
    assert spoke == expected
    assert not any("sealed by weak" in str(given) for given in strong.seen)
    assert not any("rs_0" in str(given) or "msg_0" in str(given) for given in strong.seen)
    assert "sealed by strong" in str(strong.seen[-1])
    assert run(escalator, stream)[0] == expected  # the same task again is another run
    logs = Logs([tmp_path / "log"])
    assert logs.rejected == 0 and len(logs.runs) == 2
    for told, trajectory in logs.trajectories():
        assert (told.route, told.route_turn, told.strong_model) == ("strong", TURN, "strong")
        assert [turn.each_call()[0].observation for turn in trajectory] == ["ran echo 0", "ran echo 1"]


@pytest.mark.parametrize("named", ["previous_response_id", "conversation_id"])
def test_a_conversation_that_goes_on_by_the_servers_ids_is_known_by_them(named: str, tmp_path: Path) -> None:
    """Only what is new is sent then; the turns before count all the same."""
    answered: list[str] = []

    class Remembering(Scripted):
        async def get_response(self, system_instructions: Any, input: Any, *_: Any, **told: Any) -> ModelResponse:
            answered.append(self.model)
            number = len(answered)
            call = ResponseFunctionToolCall(type="function_call", call_id=f"c{number}", name="bash", arguments="{}")
            return ModelResponse(output=[call], usage=Usage(), response_id=f"r{number}")

    escalator = Escalator.load(escalating(tmp_path / "b", TURN), harness=HARNESS)
    model = EscalatingModel(Remembering("weak"), Remembering("strong"), escalator=escalator)
    rest = dict.fromkeys(("model_settings", "tools", "output_schema", "handoffs", "tracing", "prompt"))
    ids = {"previous_response_id": None, "conversation_id": "one" if named == "conversation_id" else None}
    given: Any = "fix it"
    for _ in range(STEPS):
        response = asyncio.run(model.get_response("s", given, **rest, **ids))  # type: ignore[arg-type]
        given = [{"type": "function_call_output", "call_id": response.output[0].call_id, "output": "x"}]
        if named == "previous_response_id":
            ids[named] = response.response_id
    assert answered == ["weak"] * TURN + ["strong"] * (STEPS - TURN)


def test_what_fails_inside_reaches_no_agent() -> None:
    assert run(BrokenEscalator())[0] == ["weak"] * (STEPS + 1)


def test_the_lines_of_the_readme_make_an_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    made = readme.run("OpenAI Agents SDK")["agent"]
    assert isinstance(made.model, EscalatingModel) and made.model._names == ["small-model", "large-model"]
