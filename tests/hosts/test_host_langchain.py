"""LangChain's own agent, sync and async, with two models that say who they are."""

# host: langchain
from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from featrouter.logs import Logs
from tests.hosts import readme
from tests.hosts.bundles import HARNESS, BrokenEscalator, escalating

pytest.importorskip("langchain")

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from featrouter.integrations.escalator import Escalator
from featrouter.integrations.langchain import EscalationMiddleware

STEPS, TURN = 4, 2


class Scripted(BaseChatModel):
    """Thinks, says its name, and runs a command STEPS times."""

    name_: str
    seen: list[Any]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        self.seen.append(list(messages))
        done = sum(isinstance(message, ToolMessage) for message in messages)
        content = [
            {"type": "thinking", "thinking": "hm", "signature": f"sealed by {self.name_}"},
            {"type": "text", "text": self.name_},
        ]
        call = {"name": "bash", "args": {"command": f"echo {done}"}, "id": f"{self.name_}-{done}"}
        usage = {"input_tokens": 100, "output_tokens": 7, "total_tokens": 107}
        calls = [call] if done < STEPS else []
        message = AIMessage(content, tool_calls=calls, usage_metadata=usage)  # type: ignore[arg-type]
        return ChatResult(generations=[ChatGeneration(message=message)])


@tool
def bash(command: str) -> str:
    """Runs a command."""
    return f"ran {command}"


def agent(escalator: Any, **options: Any) -> tuple[Any, Scripted, Scripted]:
    weak, strong = Scripted(name_="weak", seen=[]), Scripted(name_="strong", seen=[])
    middleware = EscalationMiddleware(strong, escalator=escalator)
    return create_agent(weak, [bash], system_prompt="work", middleware=[middleware], **options), weak, strong


def spoke(result: Any) -> list[str]:
    return [message.text for message in result["messages"] if isinstance(message, AIMessage)]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_the_strong_model_takes_over_and_keeps_the_conversation(mode: str, tmp_path: Path) -> None:
    bundle = escalating(tmp_path / "b.featrouter", TURN)
    built, weak, strong = agent(Escalator.load(bundle, harness=HARNESS, log=tmp_path / "log"))
    asked = {"messages": [("user", "fix it")]}
    result = built.invoke(asked) if mode == "sync" else asyncio.run(built.ainvoke(asked))
    assert spoke(result) == ["weak"] * TURN + ["strong"] * (STEPS + 1 - TURN)
    sealed = [str(messages) for messages in strong.seen]
    assert not any("sealed by weak" in told for told in sealed)
    assert "sealed by strong" in sealed[-1] and "sealed by weak" in str(weak.seen[-1])
    logs = Logs([tmp_path / "log"])
    ((run, trajectory),) = logs.trajectories()
    assert (run.route, run.route_turn, run.task) == ("strong", TURN, "fix it") and logs.rejected == 0
    assert [turn.each_call()[0].observation for turn in trajectory] == ["ran echo 0", "ran echo 1"]
    assert [(turn.prompt_tokens, turn.completion_tokens) for turn in trajectory] == [(100, 7)] * TURN


def test_a_thread_stays_with_the_strong_model(tmp_path: Path) -> None:
    built, _, _ = agent(Escalator.load(escalating(tmp_path / "b", TURN), harness=HARNESS), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "one"}}
    built.invoke({"messages": [("user", "fix it")]}, config)
    again = spoke(built.invoke({"messages": [("user", "and that")]}, config))
    assert again[-1] == "strong"
    assert spoke(built.invoke({"messages": [("user", "x")]}, {"configurable": {"thread_id": "two"}}))[0] == "weak"


def test_what_fails_inside_reaches_no_agent() -> None:
    built, _, _ = agent(BrokenEscalator())
    assert spoke(built.invoke({"messages": [("user", "fix it")]})) == ["weak"] * (STEPS + 1)


def test_the_lines_of_the_readme_make_an_agent() -> None:
    weak, strong = Scripted(name_="weak", seen=[]), Scripted(name_="strong", seen=[])
    built = readme.run("LangChain", weak=weak, strong=strong, tools=[bash])["agent"]
    assert spoke(built.invoke({"messages": [("user", "fix it")]}))
