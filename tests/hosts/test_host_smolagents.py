"""smolagents' own agents with two models that say who they are."""

# host: smolagents
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from featrouter.logs import Logs
from tests.hosts import readme
from tests.hosts.bundles import HARNESS, BrokenEscalator, escalating

pytest.importorskip("smolagents")

from smolagents import CodeAgent, Model, ToolCallingAgent, tool
from smolagents.models import ChatMessage, ChatMessageToolCall, ChatMessageToolCallFunction, MessageRole, TokenUsage

from featrouter.integrations.escalator import Escalator
from featrouter.integrations.smolagents import EscalatingModel

STEPS, TURN = 4, 2


class Scripted(Model):
    """Says its name and runs a command STEPS times, by a tool call or in code."""

    def __init__(self, name: str, code: bool) -> None:
        super().__init__(model_id=name)
        self.code, self.calls = code, 0

    def generate(self, messages: list[Any], *_: Any, **__: Any) -> ChatMessage:
        self.calls += 1
        done = sum(getattr(message, "role", None) == MessageRole.TOOL_RESPONSE for message in messages)
        used = TokenUsage(100, 7)
        final = done >= STEPS
        if self.code:
            line = "final_answer('done')" if final else f"print(bash('echo {done}'))"
            return ChatMessage(MessageRole.ASSISTANT, f"{self.model_id}\n<code>\n{line}\n</code>", token_usage=used)
        name, given = ("final_answer", {"answer": "done"}) if final else ("bash", {"command": f"echo {done}"})
        function = ChatMessageToolCallFunction(name=name, arguments=given)
        call = ChatMessageToolCall(function=function, id=f"c{done}", type="function")
        return ChatMessage(MessageRole.ASSISTANT, str(self.model_id), tool_calls=[call], token_usage=used)


@tool
def bash(command: str) -> str:
    """Runs a command.

    Args:
        command: what to run
    """
    return f"ran {command}"


def run(escalator: Any, code: bool) -> tuple[int, int]:
    weak, strong = Scripted("weak", code), Scripted("strong", code)
    kind = CodeAgent if code else ToolCallingAgent
    model = EscalatingModel(weak, strong, escalator=escalator)
    assert kind(model=model, tools=[bash], max_steps=9, verbosity_level=0).run("fix it") == "done"
    return weak.calls, strong.calls


@pytest.mark.parametrize("code", [False, True])
def test_the_strong_model_takes_over_and_keeps_the_run(code: bool, tmp_path: Path) -> None:
    escalator = Escalator.load(escalating(tmp_path / "b", TURN), harness=HARNESS, log=tmp_path / "log")
    assert run(escalator, code) == (TURN, STEPS + 1 - TURN)
    assert run(escalator, code) == (TURN, STEPS + 1 - TURN)  # the same task again is another run
    logs = Logs([tmp_path / "log"])
    assert logs.rejected == 0 and len(logs.runs) == 2
    for told, trajectory in logs.trajectories():
        assert (told.route, told.route_turn, told.weak_model) == ("strong", TURN, "weak")
        assert len(trajectory) == TURN
        for number, turn in enumerate(trajectory):
            (call,) = turn.each_call()
            assert turn.thought.startswith("weak") and turn.prompt_tokens == 100
            assert f"echo {number}" in call.action and f"ran echo {number}" in call.observation
            assert call.tool == ("python_interpreter" if code else "bash")


def test_what_fails_inside_reaches_no_agent() -> None:
    assert run(BrokenEscalator(), False) == (STEPS + 1, 0)


def test_the_lines_of_the_readme_make_an_agent() -> None:
    names = {"weak": Scripted("weak", True), "strong": Scripted("strong", True)}
    made = readme.run("smolagents", **names)["agent"]
    assert isinstance(made.model, EscalatingModel)
