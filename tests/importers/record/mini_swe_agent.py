"""mini-swe-agent 2.x trajectories in its three message modes, over its real LiteLLM models and LocalEnvironment.

Run: PYTHON-WITH-mini-swe-agent-AND-pytest mini_swe_agent.py     (2.4.6 here; writes out/mini-swe-agent/)
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from fake_model import TASK, FakeModel, make_repo, save, tidy, turn

os.environ |= {
    "MSWEA_SILENT_STARTUP": "1",
    "MSWEA_GLOBAL_CONFIG_DIR": tempfile.mkdtemp(),
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
os.environ |= {"OPENAI_API_KEY": "dummy", "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
os.environ |= {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}

SYSTEM = "You repair small programs from a shell in /tmp/repo."
TEXT_SYSTEM = SYSTEM + " Write one fenced mswea_bash_command block a turn."
FORMAT_ERROR = "That answer held no command that could be run."
SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && git diff"
LOOK, TEST, FIX = (
    "cat durations.py test_durations.py",
    "python -m pytest -q",
    'sed -i \'s/"h": 360}/"h": 3600}/\' durations.py',
)


def fenced(thought, command):
    return turn(f"THOUGHT: {thought}\n\n```mswea_bash_command\n{command}\n```")


def bash(thought, *commands):
    return turn(thought, *[("bash", {"command": c}) for c in commands])


RUNS = {
    "text.traj.json": (
        "litellm_textbased",
        [
            fenced("Which files are there, and what do they hold?", f"ls && {LOOK}"),
            fenced("First see the failure.", TEST),
            turn("The factor of an hour is 360 where it should be 3600. I will change it."),
            fenced("Now with a command: an hour has 3600 seconds.", FIX),
            fenced("Does it hold?", TEST),
            fenced("Both tests pass, so I hand it in.", SUBMIT),
        ],
    ),
    "text-loops.traj.json": (
        "litellm_textbased",
        [
            fenced("Run the test of durations.", "python -m pytest -q test_duration.py"),
            fenced("Maybe in the folder tests?", "python -m pytest -q tests/test_duration.py"),
            fenced("Once more.", "python -m pytest -q test_duration.py"),
            fenced("Wait for it.", "sleep 5"),
            fenced("Once more.", "python -m pytest -q test_duration.py"),
        ],
    ),
    "toolcall.traj.json": (
        "litellm",
        [
            bash("I read both files at once.", "cat durations.py", "cat test_durations.py"),
            bash("", TEST),
            bash("Is 360 used elsewhere?", "grep -rn 3600 --include='*.py' src"),
            turn("It should be 3600.", ("edit", {"path": "durations.py"})),
            bash("There is only bash, so sed it is.", FIX + " && git diff --stat"),
            bash("", TEST),
            bash("Both tests pass.", SUBMIT),
        ],
    ),
    "toolcall-format-errors.traj.json": (
        "litellm",
        [
            bash("Look first.", "ls"),
            turn("I think that the factor of an hour is wrong, please change 360 to 3600."),
            turn("Calling the shell now.", ("bash", '{"command": "cat durations.py')),
            turn("The answer is 3600."),
        ],
    ),
    "responses.traj.json": (
        "litellm_response",
        [
            turn(
                "I read both files at once.",
                *bash("", "cat durations.py", "cat test_durations.py")["calls"],
                think="Look before anything.",
            ),
            bash("", TEST),
            turn("The hour is 360 seconds long here, that is the fault."),
            bash("An hour has 3600 seconds.", FIX),
            bash("", TEST),
            bash("Both tests pass.", SUBMIT),
        ],
    ),
    "responses-limit.traj.json": (
        "litellm_response",
        [
            bash("Try the tests.", "pytest -q tests"),
            bash("Again.", "pytest -q tests"),
            bash("Again.", "pytest -q tests"),
        ],
    ),
}


def record(name, model_class, script, folder):
    from minisweagent.agents.default import DefaultAgent
    from minisweagent.environments.local import LocalEnvironment
    from minisweagent.models import get_model

    with FakeModel(script) as fake:
        os.environ["OPENAI_BASE_URL"] = os.environ["OPENAI_API_BASE"] = fake.url + "/v1"
        make_repo()
        path = Path(tempfile.mkdtemp()) / name
        agent = DefaultAgent(
            get_model(
                config={
                    "model_name": "openai/gpt-4.1-mini",
                    "model_class": model_class,
                    "format_error_template": FORMAT_ERROR,
                }
            ),
            LocalEnvironment(cwd="/tmp/repo", timeout=2),
            system_template=TEXT_SYSTEM if "text" in model_class else SYSTEM,
            instance_template="Task: {{task}}",
            step_limit=5 if "loops" in name else 3 if "limit" in name else 0,
            max_consecutive_format_errors=3,
            output_path=path,
        )
        print(name, agent.run(TASK)["exit_status"])
    text = tidy(path.read_text(), also=[(path.parent.as_posix(), "/tmp/out")])
    json.loads(text)
    save(folder, name, text)


if __name__ == "__main__":
    for name, (model_class, script) in RUNS.items():
        record(name, model_class, script, "mini-swe-agent")
