"""An agent's whole loop in plain Python, with a router in it: run it, read it, copy it.

    python -m featrouter.integrations.loop

Two models that play a script repair a small module in a shell of their own; in your loop they are calls to a client. What is
featrouter's is marked.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from featrouter import Costs, Router
from featrouter.messages import portable

Message = dict[str, Any]
#: Answers a conversation: an assistant message, with a tool call or, when it is done, without.
Model = Callable[[list[Message]], Message]


def work(task: str, weak: Model, strong: Model, router: Router, run: Callable[[str], str]) -> Iterator[str]:
    """An agent at work: asks a model, runs what it wants run, tells it what came back. Yields a line a turn."""
    messages: list[Message] = [{"role": "user", "content": task}]
    model, name = weak, "weak"
    while len(messages) < 100:
        if model is weak:  # featrouter: one question before each request, until the strong model has it
            decision = router.decide(messages)
            if decision.escalate:
                model, name = strong, "strong"
                messages = portable(messages)
            yield f"turn {decision.turn}: {decision.choice}, y1 {decision.y1:.2f}, y2 {decision.y2:.2f}"
        answer = model(messages)
        messages.append(answer)
        yield f"  {name}: {answer['content']}"
        if not answer.get("tool_calls"):
            return
        for call in answer["tool_calls"]:
            command = call["function"]["arguments"]
            seen = run(command)
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": seen})
            yield f"    $ {command}\n" + "\n".join(f"    {line}" for line in seen.splitlines()[-2:])


def scripted(*steps: tuple[str, str | None]) -> Model:
    """A model that plays a script, over and over: what it says, and the command that it wants run."""
    asked = iter(range(10**6))

    def answer(messages: list[Message]) -> Message:
        number = next(asked)
        said, command = steps[number % len(steps)]
        message: Message = {"role": "assistant", "content": said}
        if command:
            function = {"name": "bash", "arguments": command}
            message["tool_calls"] = [{"id": f"call_{number}", "type": "function", "function": function}]
        return message

    return answer


MODULE = "def mean(values):\n    return sum(values) / len(values) + 1\n"
CHECK = f"{sys.executable} -c 'from mean import mean; assert mean([1, 3]) == 2, mean([1, 3])'"
WEAK = scripted(("Let me look.", "cat mean.py"), ("Maybe it works now.", CHECK))
STRONG = scripted(
    ("The mean is one too large: I take the 1 away.", "sed -i 's/ + 1$//' mean.py"),
    ("Now the check.", CHECK),
    ("The mean of 1 and 3 is 2 again.", None),
)


def main() -> None:
    """Play it in a directory of its own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "mean.py").write_text(MODULE, encoding="utf-8")

        def run(command: str) -> str:
            done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)
            return done.stdout + done.stderr + (f"[exit code {done.returncode}]" if done.returncode else "")

        # featrouter: the shipped bundle decides once, after three turns, for whom a solved task is worth 100 USD
        router = Router.load(harness="mini-swe-agent", policy="fixed:3", costs=Costs(value=100.0), guard=False)
        for line in work("mean.py computes a wrong mean; repair it.", WEAK, STRONG, router, run):
            print(line)


if __name__ == "__main__":
    main()
