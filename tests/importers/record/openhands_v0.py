# ruff: noqa: E402, E501, RET503, SIM115 - run by hand, in the environment of the tool that it records
"""OpenHands V0 output.jsonl: event classes and serialiser of openhands-ai 0.x; the commands really run, the loop is ours.

Run: PYTHON-WITH-openhands-ai==0.62.0(--no-deps, litellm, pydantic, termcolor, ...) openhands_v0.py     (Python >= 3.12)
Its own phrases are replaced by "(removed)". The eval harness wraps the events as {instance_id, test_result, instruction, metadata, history, metrics, error, instance}.
"""

import importlib.abc
import importlib.machinery
import json
import os
import subprocess
import sys
from unittest.mock import MagicMock

sys.path += os.environ.get("EXTRA_SITE", "").split(":")
ABSENT = (
    "google",
    "boto3",
    "botocore",
    "minio",
    "openhands.storage",
    "docker",
    "openhands_aci",
    "browsergym",
    "redis",
    "sqlalchemy",
    "deprecated",
)


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Cloud clients that openhands imports and that its events do not need."""

    def find_spec(self, name, path=None, target=None):
        if name in ABSENT or name.startswith(tuple(a + "." for a in ABSENT)):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        m = MagicMock()
        m.__path__, m.__spec__ = [], spec
        return m

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Absent())

from fake_model import TASK, make_repo, save, tidy
from litellm import ModelResponse
from openhands.events.action import (
    AgentFinishAction,
    CmdRunAction,
    FileEditAction,
    FileReadAction,
    MessageAction,
    SystemMessageAction,
)
from openhands.events.event import EventSource, FileEditSource, FileReadSource
from openhands.events.observation import (
    CmdOutputMetadata,
    CmdOutputObservation,
    ErrorObservation,
    FileEditObservation,
    FileReadObservation,
)
from openhands.events.serialization import event_to_dict
from openhands.events.tool import ToolCallMetadata
from openhands.llm.metrics import Metrics

D = "/tmp/repo/durations.py"


class Run:
    def __init__(self, name):
        self.name, self.repo, self.events, self.metrics, self.answers = (
            name,
            make_repo(),
            [],
            Metrics(model_name="small-model"),
            0,
        )

    def add(self, event, source, cause=None, meta=None):
        event._id, event._timestamp, event._source = (
            len(self.events),
            f"2026-11-25T09:{len(self.events):02d}:00.000000",
            source,
        )
        if cause is not None:
            event._cause = cause
        if meta:
            event.tool_call_metadata = meta
        self.events.append(event)
        return event._id

    def turn(self, *calls):
        """calls: (tool name, arguments, action, observe) of one model answer."""
        self.answers += 1
        response = ModelResponse(
            id=f"chatcmpl-{self.answers:04d}",
            created=1764000000,
            model="small-model",
            choices=[
                {
                    "index": 0,
                    "finish_reason": "tool_calls",
                    "message": {
                        "role": "assistant",
                        "content": calls[0][2].thought or None,
                        "tool_calls": [
                            {
                                "id": f"call_{self.answers}_{i}",
                                "type": "function",
                                "function": {"name": n, "arguments": json.dumps(a)},
                            }
                            for i, (n, a, _, _) in enumerate(calls)
                        ],
                    },
                }
            ],
            usage={
                "prompt_tokens": 300 * self.answers,
                "completion_tokens": 40,
                "total_tokens": 300 * self.answers + 40,
            },
        )
        self.metrics.add_cost(0.0005 * self.answers)
        self.metrics.add_token_usage(300 * self.answers, 40, 0, 0, 128000, response.id)
        for i, (name, _, action, observe) in enumerate(calls):
            meta = ToolCallMetadata(
                function_name=name,
                tool_call_id=f"call_{self.answers}_{i}",
                model_response=response,
                total_calls_in_response=len(calls),
            )
            action.llm_metrics = self.metrics.copy()
            cause = self.add(action, EventSource.AGENT, meta=meta)
            if observe:
                self.add(observe(), EventSource.ENVIRONMENT, cause, meta)

    def sh(self, command, thought=""):
        def observe():
            done = subprocess.run(command, shell=True, cwd=self.repo, capture_output=True, text=True)
            seen = CmdOutputMetadata(
                exit_code=done.returncode,
                pid=4242,
                username="(removed)",
                hostname="(removed)",
                working_dir="/tmp/repo",
                py_interpreter_path="/usr/bin/python",
                suffix=f"\n[The command completed with exit code {done.returncode}.]",
            )
            return CmdOutputObservation(content=(done.stdout + done.stderr).strip(), command=command, metadata=seen)

        return "execute_bash", {"command": command}, CmdRunAction(command=command, thought=thought), observe

    def view(self, thought=""):
        def observe():
            text = "".join(f"{i:6}\t{line}\n" for i, line in enumerate(open(D).read().splitlines(), 1))
            return FileReadObservation(content=text, path=D, impl_source=FileReadSource.OH_ACI)

        return (
            "str_replace_editor",
            {"command": "view", "path": D},
            FileReadAction(path=D, thought=thought, impl_source=FileReadSource.OH_ACI),
            observe,
        )

    def edit(self, old, new, thought=""):
        def observe():
            text = open(D).read()
            if old not in text:
                return ErrorObservation(content="(removed)")
            open(D, "w").write(text.replace(old, new))
            return FileEditObservation(
                content="(removed)",
                path=D,
                prev_exist=True,
                old_content=text,
                new_content=text.replace(old, new),
                impl_source=FileEditSource.OH_ACI,
            )

        action = FileEditAction(
            path=D, command="str_replace", old_str=old, new_str=new, thought=thought, impl_source=FileEditSource.OH_ACI
        )
        return (
            "str_replace_editor",
            {"command": "str_replace", "path": D, "old_str": old, "new_str": new},
            action,
            observe,
        )

    def finish(self, message):
        return "finish", {"message": message}, AgentFinishAction(final_thought=message), None

    def save(self, error=None):
        patch = subprocess.run(["git", "diff"], cwd=self.repo, capture_output=True, text=True).stdout
        meta = {
            "agent_class": "CodeActAgent",
            "llm_config": {"model": "small-model"},
            "max_iterations": 30,
            "dataset": "samples",
        }
        history = [event_to_dict(e) for e in self.events]
        for e in history[2:]:
            e["message"] = e.get("message") and "(removed)"
        line = {
            "instance_id": f"sample__durations-{self.name}",
            "test_result": {"git_patch": patch},
            "instruction": TASK,
            "metadata": meta,
            "history": history,
            "metrics": self.metrics.get(),
            "error": error,
            "instance": {"repo": "sample/durations", "problem_statement": TASK},
        }
        save("openhands-v0", f"{self.name}.output.jsonl", tidy(json.dumps(line)))


def start(name):
    run = Run(name)
    run.add(
        SystemMessageAction(content="You repair small programs in /tmp/repo.", tools=[], agent_class="CodeActAgent"),
        EventSource.AGENT,
    )
    run.add(MessageAction(content=TASK), EventSource.USER)
    return run


if __name__ == "__main__":
    run = start("finished")
    run.turn(run.view("I read both files."), run.sh("cat test_durations.py"))
    run.turn(run.sh("python -m pytest -q"))
    run.turn(run.edit('"h": 360}', '"h": 3600}', "An hour has 3600 seconds."))
    run.turn(run.sh("python -m pytest -q"))
    run.turn(run.finish("An hour counted 360 seconds. It counts 3600 now, and both tests pass."))
    run.save()
    run = start("gives-up")
    run.turn(run.edit('"hour": 360', '"hour": 3600'))
    for _ in range(3):
        run.turn(run.sh("python -m pytest -q tests", "Run the tests."))
    run.save(error="AgentStuckInLoopError: (removed)")
