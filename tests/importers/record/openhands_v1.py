# ruff: noqa: E501 - run by hand, in the environment of the tool that it records
"""OpenHands V1: an Agent of openhands-sdk with its terminal and file editor, over a fake OpenAI server; event files and output.jsonl.

Run: PYTHON-WITH-openhands-sdk-openhands-tools-AND-pytest openhands_v1.py      (1.58.2 here; needs Python >= 3.12)
Tool descriptions and the product's own guidance are replaced by "(removed)".
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

os.environ |= {
    "OPENHANDS_SUPPRESS_BANNER": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OTEL_SDK_DISABLED": "true",
    "PY_COLORS": "0",
}
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

from fake_model import TASK, FakeModel, make_repo, save, tidy, turn
from openhands.sdk import LLM, Agent, Conversation, Tool
from openhands.tools.file_editor import FileEditorTool
from openhands.tools.terminal import TerminalTool
from pydantic import SecretStr

D = "/tmp/repo/durations.py"


def sh(command):
    return ("terminal", {"command": command, "security_risk": "LOW", "summary": "run a command"})


def edit(command, **arguments):
    return ("file_editor", {"command": command, "path": D, **arguments})


FIX = {"old_str": '"h": 360}', "new_str": '"h": 3600}'}
RUNS = {
    "finished": (
        [
            turn(
                "I read both files.",
                edit("view"),
                sh("cat test_durations.py"),
                think="An hour is probably wrong in the table.",
            ),
            turn("", sh("python -m pytest -q")),
            turn("", ("edit", {"path": D, **FIX})),
            turn("There is a file editor for that.", edit("str_replace", **FIX)),
            turn("", sh("python -m pytest -q")),
            turn("", ("finish", {"message": "An hour counted 360 seconds. It counts 3600 now, and both tests pass."})),
        ],
        20,
    ),
    "max-iterations": (
        [
            turn("", edit("str_replace", old_str='"hour": 360', new_str='"hour": 3600')),
            turn("", sh("python -m pytest -q tests")),
            turn("Again.", sh("python -m pytest -q tests")),
            turn("Again.", sh("python -m pytest -q tests")),
        ],
        3,
    ),
}


PROSE = [
    r"^Here's the result of running `cat -n` on [^\n]*",
    r"^The file \S+ has been edited\. [^\n]*",
    r"\nReview the changes.*$",
    r"^No replacement was performed.*",
    r"^Tool '\w+' not found.*",
    r"^Agent reached maximum.*",
]


def scrub(x, key=""):
    """Descriptions and schemas of tools, and the guidance appended to our system prompt, away."""
    if isinstance(x, dict):
        if key == "tools" and "description" in x:
            return {
                k: v if k in ("title", "kind", "name") else "(removed)" if isinstance(v, str) else None
                for k, v in x.items()
            }
        return {k: scrub(v, k) for k, v in x.items()}
    if isinstance(x, list):
        return [scrub(v, key) for v in x]
    if isinstance(x, str):
        if key == "text" and x.startswith(SYSTEM) and len(x) > len(SYSTEM):
            return SYSTEM + "\n\n(removed)"
        for pattern in PROSE:
            x = re.sub(pattern, "(removed)", x, flags=re.S)
        return x
    return x


SYSTEM = "You repair small programs in /tmp/repo."


def run(name, script, limit):
    repo, store = make_repo(), Path(tempfile.mkdtemp())
    with FakeModel(script) as fake:
        llm = LLM(
            model="openai/gpt-4.1-mini",
            base_url=fake.url + "/v1",
            api_key=SecretStr("dummy"),
            usage_id="agent",
            native_tool_calling=True,
        )
        agent = Agent(
            llm=llm,
            tools=[Tool(name=TerminalTool.name), Tool(name=FileEditorTool.name)],
            system_prompt=SYSTEM,
            tool_concurrency_limit=1,
        )
        conversation = Conversation(
            agent=agent,
            workspace=str(repo),
            persistence_dir=store,
            conversation_id=uuid.UUID(int=7),
            visualizer=None,
            max_iteration_per_run=limit,
            delete_on_close=False,
        )
        conversation.send_message(TASK)
        error = None
        try:
            conversation.run()
        except Exception as e:
            error = str(e)
        patch = subprocess.run(["git", "diff"], cwd=repo, capture_output=True, text=True).stdout
        line = {
            "instance_id": f"sample__durations-{name}",
            "attempt": 1,
            "test_result": {"git_patch": patch},
            "instruction": TASK,
            "metadata": {
                "llm": llm.model_dump(mode="json", exclude_none=True, exclude={"fallback_strategy"}),
                "dataset": "samples",
                "max_iterations": limit,
            },
            "history": [e.model_dump(mode="json") for e in conversation.state.events],
            "metrics": conversation.conversation_stats.get_combined_metrics().model_dump(mode="json"),
            "error": error,
            "instance": {"repo": "sample/durations", "problem_statement": TASK},
        }
        print(name, conversation.state.execution_status, error)
        conversation.close()
    files = sorted(store.rglob("*.json"))
    also = [
        (str(store), "/tmp/store"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:8000"),
        (r'("(?:latency|accumulated_\w*latency)": ?)[\d.]+', r"\g<1>0.1"),
        (r'("pid": ?)\d+', r"\g<1>4242"),
        (r'("(?:hostname|username)": ?)"[^"]*"', r'\g<1>"(removed)"'),
        (f"{Path(sys.executable).parent}/", "/usr/bin/"),
        (r"https://[^\"]*", "(removed)"),
    ]
    names = "\n".join(str(f.relative_to(store)) for f in files)
    texts = tidy(
        names,
        json.dumps(scrub(line)),
        *(json.dumps(scrub(json.loads(f.read_text())), indent=1) for f in files),
        also=also,
    )
    save("openhands", f"{name}.output.jsonl", texts[1])
    for path, text in zip(texts[0].split("\n"), texts[2:], strict=True):
        save("openhands", f"{name}/{path}", text)
    shutil.rmtree(store)


if __name__ == "__main__":
    for name, (script, limit) in RUNS.items():
        run(name, script, limit)
