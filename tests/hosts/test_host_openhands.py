"""The OpenHands SDK's own conversation with two models on the loopback that say who they are."""

# host: openhands
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from featrouter.logs import Logs
from tests.hosts import readme
from tests.hosts.bundles import HARNESS, BrokenEscalator, escalating
from tests.hosts.upstream import TOKENS, Upstream, patient

os.environ |= {"OPENHANDS_SUPPRESS_BANNER": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "OTEL_SDK_DISABLED": "true"}
pytest.importorskip("openhands.sdk", reason="openhands-sdk is not installed here; it needs Python 3.12")

from openhands.sdk import LLM, Agent, Conversation
from pydantic import SecretStr

from featrouter.integrations.escalator import Escalator
from featrouter.integrations.openhands import EscalatingLLM

STEPS, TURN = 4, 2


def run(escalator: Any, folder: Path) -> tuple[list[str], Upstream]:
    """Who answered at each step, by the first word of what it said, and the strong model's server."""
    with (
        Upstream("weak", patient(STEPS), "think", "thought") as weak,
        Upstream("strong", patient(STEPS), "think", "thought") as strong,
    ):
        models = [
            LLM(model="hosted_vllm/weak", base_url=weak.url + "/v1", api_key=SecretStr("x"), usage_id="weak"),
            LLM(model="anthropic/strong", base_url=strong.url, api_key=SecretStr("x"), usage_id="strong"),
        ]
        agent = Agent(llm=EscalatingLLM.of(*models, escalator=escalator), tools=[])
        conversation = Conversation(agent=agent, workspace=str(folder), visualizer=None)
        conversation.send_message("fix it")
        conversation.run()
        said = [
            " ".join(part.text for part in getattr(event, "thought", ()) or event.llm_message.content)
            for event in conversation.state.events
            if event.source == "agent" and type(event).__name__ in ("ActionEvent", "MessageEvent")
        ]
        conversation.close()
    return [told.partition(":")[0] for told in said], strong


def test_the_strong_model_takes_over_and_keeps_the_conversation(tmp_path: Path) -> None:
    escalator = Escalator.load(escalating(tmp_path / "b", TURN), harness=HARNESS, log=tmp_path / "log")
    spoke, strong = run(escalator, tmp_path)
    assert spoke == ["weak"] * TURN + ["strong"] * (STEPS + 1 - TURN)
    assert "sealed by weak" not in str(strong.requests) and "sealed by strong" in str(strong.requests[-1])
    logs = Logs([tmp_path / "log"])
    ((told, trajectory),) = logs.trajectories()
    assert (told.route, told.route_turn, told.weak_model) == ("strong", TURN, "hosted_vllm/weak")
    assert told.task == "fix it" and len(trajectory) == TURN and logs.rejected == 0
    for number, turn in enumerate(trajectory):
        (call,) = turn.each_call()
        assert turn.thought.startswith(f"weak: step {number}") and call.tool == "think" and call.observation
        assert (turn.prompt_tokens, turn.completion_tokens) == TOKENS


def test_what_fails_inside_reaches_no_agent(tmp_path: Path) -> None:
    assert run(BrokenEscalator(), tmp_path)[0] == ["weak"] * (STEPS + 1)


def test_the_lines_of_the_readme_make_an_agent() -> None:
    weak, strong = (LLM(model=f"openai/{name}", api_key=SecretStr("x"), usage_id=name) for name in ("weak", "strong"))
    assert isinstance(readme.run("OpenHands SDK", weak=weak, strong=strong, tools=[])["agent"].llm, EscalatingLLM)
