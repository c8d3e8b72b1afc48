# ruff: noqa: E501 - run by hand, in the environment of the tool that it records
"""SWE-agent .traj files, written by hand after its documented types (it is not on PyPI); the commands really run.

Run: PYTHON-WITH-pytest swe_agent.py
function-calling.traj: 1.1 with tool calls; thought-action.traj: 1.1 with fenced commands, out of money; old.traj: 0.x (state is a JSON
string, no query); retry.traj: two attempts of a retry agent.
"""

import json
import subprocess

from fake_model import REPO, TASK, make_repo, replace, save, shell, tidy

SYSTEM = "You repair small programs in /tmp/repo."
D = "/tmp/repo/durations.py"


def observe(name, arguments):
    if name == "str_replace_editor" and arguments["command"] == "str_replace":
        return "Edited." if replace("durations.py", arguments["old_str"], arguments["new_str"]) else "No such text."
    if name == "str_replace_editor":
        return "".join(f"{i:6}\t{line}\n" for i, line in enumerate((REPO / "durations.py").read_text().splitlines(), 1))
    if name == "submit":
        return subprocess.run(["git", "diff"], cwd=REPO, capture_output=True, text=True).stdout
    return shell(arguments["command"])[1]


def as_action(name, arguments):
    if name == "bash":
        return arguments["command"]
    if name == "str_replace_editor":
        more = "".join(f" --{k} {json.dumps(v)}" for k, v in arguments.items() if k not in ("command", "path"))
        return f"str_replace_editor {arguments['command']} {arguments['path']}{more}"
    return name


def attempt(turns, calls, status):
    """(trajectory, history, info) of (thought, tool, arguments) turns; calls: with tool calls, or commands in fences."""
    make_repo()
    state = {"working_dir": "/tmp/repo", "open_file": "n/a", "diff": ""}
    history = [
        {"role": "system", "content": SYSTEM, "agent": "main", "message_type": "system_prompt"},
        {
            "agent": "main",
            "content": "Example: THOUGHT, then one command.",
            "is_demo": True,
            "role": "user",
            "message_type": "demonstration",
        },
        {"role": "user", "content": [{"type": "text", "text": TASK}], "agent": "main", "message_type": "observation"},
    ]
    steps, submission = [], None
    for i, (thought, name, arguments) in enumerate(turns):
        action = as_action(name, arguments) if name else ""
        seen = observe(name, arguments) if name else ""
        response = thought if calls or not name else f"{thought}\n\n```\n{action}\n```"
        tool_calls = (
            [{"function": {"arguments": json.dumps(arguments), "name": name}, "id": f"call_{i}", "type": "function"}]
            if calls and name
            else None
        )
        query = [
            {k: v for k, v in h.items() if k in ("role", "content", "tool_calls", "tool_call_ids")}
            for h in history
            if i < 2
        ]
        if name == "submit":
            submission = seen
        steps.append(
            {
                "action": action,
                "observation": seen,
                "response": response,
                "thought": thought,
                "execution_time": 0.25,
                "state": dict(state),
                "query": query,
                "extra_info": {},
            }
        )
        history.append(
            {
                "role": "assistant",
                "content": response,
                "thought": thought,
                "action": action,
                "agent": "main",
                "tool_calls": tool_calls,
                "message_type": "action",
                "thinking_blocks": [],
            }
        )
        if name:
            history.append({"role": "tool", "tool_call_ids": [f"call_{i}"]} if tool_calls else {"role": "user"})
            history[-1] |= {
                "content": [{"type": "text", "text": f"OBSERVATION:\n{seen}"}],
                "agent": "main",
                "message_type": "observation",
            }
    info = {
        "swe_agent_hash": "0" * 40,
        "swe_agent_version": "1.1.0",
        "swe_rex_version": "1.2.1",
        "swe_rex_hash": "unavailable",
        "submission": submission,
        "exit_status": status,
        "edited_files30": "",
        "edited_files50": "",
        "edited_files70": "",
        "model_stats": {
            "instance_cost": 0.004 * len(turns),
            "tokens_sent": 900 * len(turns),
            "tokens_received": 40 * len(turns),
            "api_calls": len(turns),
        },
    }
    return steps, history, info


CONFIG = json.dumps(
    {"agent": {"model": {"name": "openai/gpt-4.1-mini", "per_instance_cost_limit": 1.0}, "type": "default"}}
)
EDIT = {"command": "str_replace", "path": D, "old_str": '"h": 360}', "new_str": '"h": 3600}'}
TEST = "python -m pytest -q"
FIXES = [
    ("I look at the program first.", "str_replace_editor", {"command": "view", "path": D}),
    ("See the failure.", "bash", {"command": TEST}),
    ("An hour has 3600 seconds.", "str_replace_editor", EDIT),
    ("", "bash", {"command": TEST}),
    ("Both tests pass.", "submit", {}),
]
STUCK = [
    ("Run the tests.", "bash", {"command": TEST + " tests"}),
    ("The tests are elsewhere, I think.", "bash", {"command": "find / -maxdepth 1 -name tests_of_durations"}),
    ("Cost limit exceeded", "", {}),
]

if __name__ == "__main__":

    def dump(name, data):
        save("swe-agent", name, tidy(json.dumps(data, indent=2)))

    steps, history, info = attempt(FIXES, True, "submitted")
    dump(
        "function-calling.traj",
        {"trajectory": steps, "history": history, "info": info, "replay_config": CONFIG, "environment": "main"},
    )
    steps, history, info = attempt(STUCK, False, "exit_cost")
    dump(
        "thought-action.traj",
        {"trajectory": steps, "history": history, "info": info, "replay_config": CONFIG, "environment": "main"},
    )
    steps, history, info = attempt(FIXES[1:], False, "submitted")
    old_steps = [
        {k: v for k, v in s.items() if k not in ("query", "extra_info")}
        | {"state": json.dumps({"open_file": "n/a", "working_dir": "/tmp/repo"})}
        for s in steps
    ]
    old_history = [
        {k: v for k, v in h.items() if k in ("role", "content", "agent", "is_demo", "thought", "action")}
        for h in history
    ]
    for h in old_history:
        h["content"] = h["content"] if isinstance(h["content"], str) else h["content"][0]["text"]
    old_info = {
        "exit_status": "submitted",
        "submission": info["submission"],
        "model_stats": info["model_stats"] | {"total_cost": 0.5},
    }
    dump("old.traj", {"environment": "swe_main", "trajectory": old_steps, "history": old_history, "info": old_info})
    tries = []
    for turns, status in ((STUCK, "exit_cost"), (FIXES[2:], "submitted")):
        steps, history, info = attempt(turns, True, status)
        for s in steps:
            s["query"] = []
        tries.append(
            {"trajectory": steps, "history": history, "info": info, "replay_config": None, "environment": "main"}
        )
    total = {"instance_cost": 0.024, "tokens_sent": 5400, "tokens_received": 240, "api_calls": 6}
    best = dict(tries[1]["info"], model_stats=total, best_attempt_idx=1, rloop_model_stats=dict.fromkeys(total, 0))
    dump("retry.traj", {"attempts": tries, **tries[1], "info": best, "replay_config": CONFIG})
