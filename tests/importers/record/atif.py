"""ATIF files by harbor's own models and converters, each checked by its validator, and trial folders as harbor lays them out.

Run after the other recorders: PYTHON-WITH-harbor atif.py      (0.26.0 here; needs Python >= 3.12)
"""

import json
import shutil
import struct
import tempfile
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fake_model import OUT, TASK, save, tidy
from harbor.models.agent.context import AgentContext
from harbor.models.task.id import LocalTaskId
from harbor.models.trajectories import (
    Agent,
    ContentPart,
    FinalMetrics,
    Metrics,
    Observation,
    ObservationResult,
    Step,
    SubagentTrajectoryRef,
    ToolCall,
    Trajectory,
)
from harbor.models.trajectories.content import ImageSource
from harbor.models.trial.config import TaskConfig, TrialConfig
from harbor.models.trial.result import AgentInfo, ExceptionInfo, ModelInfo, TimingInfo, TrialResult
from harbor.models.verifier.result import VerifierResult
from harbor.utils.trajectory_validator import TrajectoryValidator

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
FAILED = "test_durations.py .F\nE   assert 420 == 3660\n1 failed, 1 passed in 0.01s\n[exit code 1]"
PASSED = "test_durations.py ..\n2 passed in 0.01s\n[exit code 0]"


def at(seconds):
    return (START + timedelta(seconds=seconds)).isoformat()


def step(i, source, message, **more):
    return Step(step_id=i, timestamp=at(i), source=source, message=message, **more)


def call(i, name, **arguments):
    return ToolCall(tool_call_id=f"call_{i}", function_name=name, arguments=arguments)


def seen(**by_call):
    return Observation(results=[ObservationResult(source_call_id=k, content=v) for k, v in by_call.items()])


def used(i):
    return Metrics(prompt_tokens=400 * i, completion_tokens=30, cached_tokens=300 * i, cost_usd=0.0004 * i)


def plain(version):
    """What every version knows: system, user and agent steps, calls, observations, metrics."""
    model = {"model_name": "small-model"}
    steps = [
        step(1, "system", "You repair small programs."),
        step(2, "user", TASK),
        step(
            3,
            "agent",
            "Look, and test.",
            tool_calls=[call(1, "read", path="durations.py"), call(2, "bash", command="python -m pytest -q")],
            observation=seen(call_1='UNITS = {"s": 1, "m": 60, "h": 360}\n', call_2=FAILED),
            metrics=used(1),
            **model,
        ),
        step(
            4,
            "agent",
            "",
            reasoning_content="An hour must be 3600.",
            tool_calls=[call(3, "edit", path="durations.py", old="360}", new="3600}")],
            observation=seen(call_3="ok"),
            metrics=used(2),
            **model,
        ),
        step(
            5,
            "agent",
            "",
            tool_calls=[call(4, "bash", command="python -m pytest -q")],
            observation=seen(call_4=PASSED),
            metrics=used(3),
            **model,
        ),
        step(6, "agent", "The factor of an hour was 360; it is 3600 now.", metrics=used(4), **model),
    ]
    total = FinalMetrics(
        total_prompt_tokens=4000,
        total_completion_tokens=120,
        total_cached_tokens=3000,
        total_cost_usd=0.004,
        total_steps=6,
    )
    agent = Agent(name="plain-agent", version="0.1", model_name="small-model")
    return Trajectory(
        schema_version=f"ATIF-v{version}", session_id=f"plain-{version}", agent=agent, steps=steps, final_metrics=total
    )


def full():
    """What came with 1.5 to 1.8: tool definitions, parts, copied context, subagents, steps without a model, continuation."""
    model = {"model_name": "small-model", "llm_call_count": 1}
    helper = Agent(name="helper", version="0.1", model_name="tiny-model")
    found = step(
        2,
        "agent",
        "",
        model_name="tiny-model",
        tool_calls=[call(1, "bash", command="grep -rln UNITS .")],
        observation=seen(call_1="./durations.py"),
    )
    sub = Trajectory(
        trajectory_id="helper-1",
        agent=helper,
        steps=[
            step(1, "user", "Which files use UNITS?"),
            found,
            step(3, "agent", "Only durations.py.", model_name="tiny-model"),
        ],
    )
    ref = ObservationResult(
        source_call_id="call_13",
        content="Only durations.py.",
        subagent_trajectory_ref=[SubagentTrajectoryRef(trajectory_id="helper-1")],
    )
    picture = ContentPart(type="image", source=ImageSource(media_type="image/png", path="images/red.png"))
    steps = [
        step(1, "system", "You repair small programs.", is_copied_context=True),
        step(2, "user", [ContentPart(type="text", text=TASK), picture]),
        step(
            3,
            "agent",
            "I read the program.",
            is_copied_context=True,
            tool_calls=[call(10, "read", path="durations.py")],
            observation=seen(call_10='UNITS = {"s": 1, "m": 60, "h": 360}\n'),
            **model,
        ),
        step(
            4,
            "agent",
            "",
            llm_call_count=0,
            tool_calls=[call(11, "bash", command="git status --short")],
            observation=seen(call_11=""),
        ),
        step(
            5,
            "agent",
            "Test it, and ask the helper.",
            reasoning_effort="low",
            **model,
            metrics=Metrics(
                prompt_tokens=900,
                completion_tokens=4,
                cached_tokens=0,
                cost_usd=0.001,
                logprobs=[-0.1, -0.4, -0.05, -1.2],
                extra={"reasoning_tokens": 2},
            ),
            tool_calls=[
                call(12, "bash", command="python -m pytest -q"),
                call(13, "delegate", prompt="Which files use UNITS?"),
            ],
            observation=Observation(
                results=[
                    ObservationResult(
                        source_call_id="call_12", content=FAILED, extra={"exit_code": 1, "is_error": True}
                    ),
                    ref,
                ]
            ),
        ),
        step(
            6,
            "agent",
            [ContentPart(type="text", text="Change the"), ContentPart(type="text", text="factor.")],
            metrics=used(3),
            **model,
            tool_calls=[call(14, "edit", path="durations.py", old="360}", new="3600}")],
            observation=Observation(
                results=[
                    ObservationResult(
                        source_call_id="call_14", content=[ContentPart(type="text", text="edited durations.py")]
                    )
                ]
            ),
        ),
        step(
            7,
            "system",
            "The context was shortened.",
            observation=Observation(results=[ObservationResult(content="2 steps left out")]),
        ),
        step(
            8,
            "agent",
            "",
            metrics=used(4),
            tool_calls=[call(15, "bash", command="python -m pytest -q")],
            observation=Observation(results=[ObservationResult(content=PASSED, extra={"exit_code": 0})]),
            **model,
        ),
        step(9, "agent", "Both tests pass.", metrics=used(5), **model),
    ]
    tools = [
        {"type": "function", "function": {"name": n, "parameters": {"type": "object", "properties": {}}}}
        for n in ("read", "bash", "edit", "delegate")
    ]
    agent = Agent(
        name="full-agent", version="2.0", model_name="small-model", tool_definitions=tools, extra={"temperature": 0}
    )
    return Trajectory(
        schema_version="ATIF-v1.8",
        session_id="full",
        trajectory_id="full-1",
        agent=agent,
        steps=steps,
        subagent_trajectories=[sub],
        notes="A run made by hand.",
        continued_trajectory_ref="full-2.json",
        extra={"resumed": True},
        final_metrics=FinalMetrics(
            total_prompt_tokens=5700,
            total_completion_tokens=94,
            total_cost_usd=0.0058,
            total_steps=9,
            extra={"total_reasoning_tokens": 2},
        ),
    )


def png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
        + chunk(b"IEND", b"")
    )


def converted():
    """(name, Trajectory) of the runs that the other recorders made, by harbor's converters."""
    from harbor.agents.installed.claude_code import ClaudeCode
    from harbor.agents.installed.codex import Codex
    from harbor.agents.installed.mini_swe_agent import convert_mini_swe_agent_to_atif
    from harbor.agents.installed.swe_agent import convert_swe_agent_to_atif

    for mode in ("text", "toolcall", "responses"):
        path = OUT / "mini-swe-agent" / f"{mode}.traj.json"
        if path.exists():
            yield (
                f"from-mini-swe-agent-{mode}",
                convert_mini_swe_agent_to_atif(json.loads(path.read_text()), f"mini-{mode}"),
            )
    path = OUT / "swe-agent" / "function-calling.traj"
    if path.exists():
        yield "from-swe-agent", convert_swe_agent_to_atif(json.loads(path.read_text()), "swe-agent")
    for name, agent, source, inside in (
        ("from-claude-code", ClaudeCode, OUT / "claude-code" / "2.1.197" / "fixed", "sessions/projects/-tmp-repo"),
        ("from-codex", Codex, OUT / "codex" / "fixed", "sessions/2026/11/25"),
    ):
        if source.exists():
            logs = Path(tempfile.mkdtemp())
            shutil.copytree(source, logs / inside)
            yield name, agent(logs_dir=logs).convert_trajectory(logs)


def trial(name, trajectory, reward, error=None):
    folder = OUT / "harbor-trial" / name
    (folder / "agent").mkdir(parents=True, exist_ok=True)
    phase = TimingInfo(started_at=START, finished_at=START + timedelta(seconds=30))
    m = trajectory.final_metrics
    result = TrialResult(
        id="00000000-0000-4000-8000-0000000000aa",
        task_name="samples/fix-durations",
        trial_name=name,
        trial_uri=f"file:///tmp/jobs/sample/{name}",
        task_id=LocalTaskId(path=Path("/tmp/tasks/fix-durations")),
        task_checksum="0" * 64,
        source="samples",
        config=TrialConfig(task=TaskConfig(path=Path("/tmp/tasks/fix-durations")), trial_name=name),
        agent_info=AgentInfo(
            name=trajectory.agent.name,
            version=trajectory.agent.version,
            model_info=ModelInfo(name="small-model", provider="local"),
        ),
        agent_result=AgentContext(
            n_input_tokens=m.total_prompt_tokens, n_output_tokens=m.total_completion_tokens, cost_usd=m.total_cost_usd
        ),
        verifier_result=None if reward is None else VerifierResult(rewards=reward),
        exception_info=error,
        started_at=START,
        finished_at=START + timedelta(seconds=60),
        agent_execution=phase,
        verifier=phase,
    )
    save("harbor-trial", f"{name}/result.json", result.model_dump_json(indent=4))
    save("harbor-trial", f"{name}/agent/trajectory.json", json.dumps(trajectory.to_json_dict(), indent=2))


if __name__ == "__main__":
    (OUT / "atif" / "images").mkdir(parents=True, exist_ok=True)
    (OUT / "atif" / "images" / "red.png").write_bytes(png())
    files = [(f"v1.{v}", plain(f"1.{v}")) for v in (0, 4)] + [("full-v1.8", full()), *converted()]
    for name, trajectory in files:
        save("atif", f"{name}.json", tidy(json.dumps(trajectory.to_json_dict(), indent=2)))
        check = TrajectoryValidator()
        print("   valid" if check.validate(OUT / "atif" / f"{name}.json") else check.errors)
    print("also valid:", [v for v in range(9) if TrajectoryValidator().validate(plain(f"1.{v}").to_json_dict())])
    trial("fix-durations__solved", plain("1.7"), {"reward": 1.0})
    trial("fix-durations__partly", plain("1.7"), {"reward": 0, "tests_passed": 0.5})
    trial(
        "fix-durations__timeout",
        plain("1.7"),
        None,
        ExceptionInfo(
            exception_type="AgentTimeoutError",
            exception_message="(removed)",
            exception_traceback="(removed)",
            occurred_at=START + timedelta(seconds=50),
        ),
    )
