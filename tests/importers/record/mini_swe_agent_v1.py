"""mini-swe-agent 1.x trajectories ("mini-swe-agent-1"), over its real LiteLLM model and LocalEnvironment.

Run: PYTHON-WITH-mini-swe-agent<2-AND-pytest mini_swe_agent_v1.py [name suffix]     (1.17.5 and 1.9.1 here)
"""

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

TEST = "python -m pytest -q"


def fenced(thought, command):
    return turn(f"THOUGHT: {thought}\n\n```bash\n{command}\n```")


RUNS = {
    "v1-submitted": [
        fenced("What is here?", "ls && cat durations.py test_durations.py"),
        fenced("See the failure.", TEST),
        turn("An hour is 360 seconds in UNITS, which is wrong."),
        fenced("Repair it.", 'sed -i \'s/"h": 360}/"h": 3600}/\' durations.py'),
        fenced("Again.", TEST),
        fenced("It passes.", "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && git diff"),
    ],
    "v1-limit": [
        fenced("Run it.", "python -m pytest -q tests"),
        fenced("Maybe it needs time.", "sleep 5"),
        fenced("Run it.", "python -m pytest -q tests"),
    ],
}


def record(name, script, suffix):
    from minisweagent.agents.default import DefaultAgent
    from minisweagent.environments.local import LocalEnvironment
    from minisweagent.models.litellm_model import LitellmModel
    from minisweagent.run.utils.save import save_traj

    with FakeModel(script) as fake:
        os.environ["OPENAI_BASE_URL"] = os.environ["OPENAI_API_BASE"] = fake.url + "/v1"
        make_repo()
        agent = DefaultAgent(
            LitellmModel(model_name="openai/gpt-4.1-mini"),
            LocalEnvironment(cwd="/tmp/repo", timeout=2),
            system_template="You repair small programs in /tmp/repo. Write one fenced bash block a turn.",
            instance_template="Task: {{task}}",
            action_observation_template="<returncode>{{output.returncode}}</returncode>\n<output>\n{{output.output}}</output>",
            format_error_template="That answer held no command that could be run.",
            timeout_template="{{action['action']}} took too long and was ended.",
            step_limit=3 if "limit" in name else 0,
        )
        status, result = agent.run(TASK)
        print(name, status)
        path = Path(tempfile.mkdtemp()) / "run.traj.json"
        save_traj(agent, path, print_path=False, exit_status=status, result=result)
    save("mini-swe-agent", f"{name}{suffix}.traj.json", tidy(path.read_text()))


if __name__ == "__main__":
    for name, script in RUNS.items():
        record(name, script, (sys.argv[1:] or [""])[0])
