"""mini-swe-agent's own command with two deterministic models in its local environment."""

# host: mini
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from featrouter.cli import main
from featrouter.logs import Logs
from tests.hosts import readme
from tests.hosts.bundles import HARNESS, BrokenEscalator, escalating

os.environ["MSWEA_SILENT_STARTUP"] = "1"
pytest.importorskip("minisweagent")

from minisweagent.agents.default import DefaultAgent
from minisweagent.environments.local import LocalEnvironment

from featrouter.integrations.mini_swe_agent import EscalatingModel

STEPS, TURN = 4, 2
SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
MODES = {
    "text": "deterministic",
    "tool calls": "minisweagent.models.test_models.DeterministicToolcallModel",
    "responses": "minisweagent.models.test_models.DeterministicResponseAPIToolcallModel",
}


def outputs(mode: str, name: str, commands: list[str]) -> list[dict[str, Any]]:
    """What a deterministic model answers, in each of mini-swe-agent's forms, with its vendor's reasoning."""
    told = []
    for number, command in enumerate(commands):
        identity = f"{name}-{number}"
        extra = {"actions": [{"command": command, "tool_call_id": identity}], "cost": 0.5}
        if mode == "responses":
            call = {"type": "function_call", "call_id": identity, "name": "bash"}
            items = [
                {"type": "reasoning", "encrypted_content": f"sealed by {name}", "summary": []},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": name}]},
                {**call, "arguments": json.dumps({"command": command})},
            ]
            told.append({"object": "response", "output": items, "extra": extra})
            continue
        message: dict[str, Any] = {"role": "assistant", "content": name, "extra": extra}
        message["thinking_blocks"] = [{"type": "thinking", "thinking": "hm", "signature": f"sealed by {name}"}]
        if mode == "text":
            message["content"] += f"\n```mswea_bash_command\n{command}\n```"
        else:
            function = {"name": "bash", "arguments": json.dumps({"command": command})}
            message["tool_calls"] = [{"id": identity, "type": "function", "function": function}]
        told.append(message)
    return told


def models(mode: str, weak_submits: bool = False) -> dict[str, Any]:
    commands = ["echo one", "exit 3", "echo three", "echo four", "echo five"]
    return {
        "weak": {
            "model_name": "small",
            "model_class": MODES[mode],
            "outputs": outputs(mode, "weak", [*commands[:STEPS], SUBMIT] if weak_submits else commands),
        },
        "strong": {
            "model_name": "large",
            "model_class": MODES[mode],
            "outputs": outputs(mode, "strong", ["echo mended", SUBMIT]),
        },
    }


@pytest.mark.parametrize("mode", MODES)
def test_the_command_hands_over_and_says_so_in_its_trajectory(mode: str, tmp_path: Path) -> None:
    import yaml  # the host's

    section = readme.PAGE.read_text(encoding="utf-8").split("## mini-swe-agent")[1]
    config = yaml.safe_load(section.split("```yaml\n")[1].split("```")[0])
    config["model"] |= {"bundle": str(escalating(tmp_path / "b", TURN)), "harness": HARNESS, **models(mode)}
    config["agent"] = {
        "system_template": "You work in a shell.",
        "instance_template": "{{task}}",
        "step_limit": 9,
        "cost_limit": 99,
        "mode": "yolo",
        "confirm_exit": False,
    }
    config["environment"] = {"cwd": str(tmp_path)}
    (tmp_path / "run.yaml").write_text(json.dumps(config), encoding="utf-8")
    output = tmp_path / "out.traj.json"
    mini = Path(sys.executable).with_name("mini")
    command = [mini, "-c", tmp_path / "run.yaml", "-t", "fix it", "-y", "--exit-immediately", "-o", output]
    environment = os.environ | {"MSWEA_GLOBAL_CONFIG_DIR": str(tmp_path / "conf"), "MSWEA_CONFIGURED": "true"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    saved = json.loads(output.read_text(encoding="utf-8"))
    assert saved["info"]["exit_status"] == "Submitted"
    told = saved["info"]["featrouter"]
    assert (told["route"], told["route_turn"], told["weak_model"], told["strong_model"]) == (
        "strong",
        TURN,
        "small",
        "large",
    )
    extras = [message["extra"] for message in saved["messages"] if "actions" in message.get("extra", {})]
    assert [extra["featrouter"]["choice"] for extra in extras] == ["continue", "continue", "escalate", "escalate"]

    # Its own trajectories are the log: nothing of the strong model's work counts as the weak one's.
    result = CliRunner().invoke(main, ["import", str(output), "-o", str(tmp_path / "log")])
    assert result.exit_code == 0, result.output
    ((run, trajectory),) = Logs([tmp_path / "log"]).trajectories()
    assert (run.route, run.route_turn, run.propensity, run.weak_model, run.harness) == (
        "strong",
        TURN,
        1.0,
        "small",
        "mini-swe-agent",
    )
    assert [call.action for turn in trajectory for call in turn.each_call()] == ["echo one", "exit 3"]
    assert [call.exit_code for turn in trajectory for call in turn.each_call()] == [0, 3]


@pytest.mark.parametrize("mode", MODES)
def test_the_strong_model_gets_no_reasoning_of_the_weak_one(mode: str, tmp_path: Path) -> None:
    model = EscalatingModel(bundle=escalating(tmp_path / "b", TURN), harness=HARNESS, **models(mode))
    seen: list[str] = []
    strong = model._models[1]
    query = strong.query
    strong.query = lambda messages, **named: seen.append(json.dumps(messages)) or query(messages, **named)
    agent = DefaultAgent(model, LocalEnvironment(), system_template="s", instance_template="{{task}}", cost_limit=99)
    assert agent.run("fix it")["exit_status"] == "Submitted"
    assert len(seen) == 2 and not any("sealed by weak" in told for told in seen)
    assert "sealed by strong" in seen[-1] and "sealed by weak" in json.dumps(agent.messages)
    for again in model._models:
        again.current_index = -1
    agent.run("and that")  # another run begins with the weak model
    assert [m["extra"]["featrouter"]["turn"] for m in agent.messages if "featrouter" in m.get("extra", {})] == [
        0,
        1,
        2,
        3,
    ]


def test_what_fails_inside_reaches_no_agent() -> None:
    model = EscalatingModel(escalator=BrokenEscalator(), **models("text", weak_submits=True))  # type: ignore[arg-type]
    agent = DefaultAgent(model, LocalEnvironment(), system_template="s", instance_template="{{task}}", cost_limit=99)
    assert agent.run("fix it")["exit_status"] == "Submitted"
    assert model.serialize()["info"]["featrouter"] == {"weak_model": "small", "strong_model": "large"}
