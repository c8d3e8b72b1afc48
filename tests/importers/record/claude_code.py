# ruff: noqa: E501 - run by hand, in the environment of the tool that it records
"""Claude Code session files (and its stream-json), with a fake Anthropic server on loopback, in a network namespace of its own.

Run: unshare -n PYTHON-WITH-pytest claude_code.py CLAUDE-BINARY [RUN...]     (npm @anthropic-ai/claude-code; 2.1.197 and 2.1.332 here)
Its own prose (system prompts, reminders, attachments, tool descriptions) is replaced by "(removed)".
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from fake_model import TASK, FakeModel, make_repo, save, tidy, turn

HOME = Path("/tmp/home")
D, T = "/tmp/repo/durations.py", "/tmp/repo/test_durations.py"
HELP = "Which files of /tmp/repo use UNITS? Name them."
TEST = ("Bash", {"command": "python -m pytest -q", "description": "Run the tests"})

RUNS = {
    "fixed": (
        [
            turn(
                "I read both files.",
                ("Read", {"file_path": D}),
                ("Read", {"file_path": T}),
                think="An hour is probably wrong in the table.",
            ),
            turn("", TEST),
            turn(
                "Is the table used elsewhere?",
                ("Agent", {"description": "Find uses of UNITS", "prompt": HELP, "subagent_type": "general-purpose"}),
            ),
            turn("", ("Edit", {"file_path": D, "old_string": '"h": 360}', "new_string": '"h": 3600}'})),
            turn("", TEST),
            turn("An hour counted 360 seconds. It counts 3600 now, and both tests pass."),
        ],
        [[TASK]],
    ),
    "max-turns": (
        [
            turn("", ("Edit", {"file_path": D, "old_string": '"hour": 360', "new_string": '"hour": 3600'})),
            turn("", ("Bash", {"command": "python -m pytest -q tests", "description": "Run the tests"})),
            turn("", ("Read", {"file_path": "/tmp/repo/src/durations.py"})),
            turn("Never reached."),
        ],
        [[TASK, "--max-turns", "3"]],
    ),
    "compacted": (None, [["Run the tests."], ["/compact", "--continue"], ["Are the minutes right?", "--continue"]]),
}
SUBAGENT = [
    turn("", ("Bash", {"command": "grep -rln UNITS --include=*.py .", "description": "Find UNITS"})),
    turn("Only durations.py uses UNITS."),
]


def flat(content):
    return content if isinstance(content, str) else " ".join(b.get("text", "") for b in content)


def player(script):
    """Stateless: the turn follows from how many answers the conversation holds."""

    def play(body):
        if not body.get("tools"):
            return turn("Correct the hour")
        sub = HELP in flat(body["messages"][0]["content"])
        done = sum(m["role"] == "assistant" for m in body["messages"])
        return (SUBAGENT if sub else script)[done]

    return play


def play_compacted(body):
    last = body["messages"][-1]["content"]
    last = last if isinstance(last, str) else last[-1].get("text", "")
    if last == "Run the tests.":
        return turn("", TEST)
    if last == "Are the minutes right?":
        return turn("Yes, a minute counts 60 seconds.")
    if last:
        return turn("<summary>One test of two fails: an hour counts 360 seconds.</summary>")
    done = sum(m["role"] == "assistant" for m in body["messages"])
    return (
        turn("", ("Read", {"file_path": D}))
        if done == 1
        else turn("One test of two fails: an hour counts 360 seconds.")
    )


KEEP = {
    "type",
    "uuid",
    "parentUuid",
    "timestamp",
    "sessionId",
    "cwd",
    "version",
    "gitBranch",
    "userType",
    "entrypoint",
    "isSidechain",
    "agentId",
}
PROSE = [
    (r"<system-reminder>.*?</system-reminder>", "<system-reminder>(removed)</system-reminder>"),
    (r"<tool_use_error>.*?</tool_use_error>", "<tool_use_error>(removed)</tool_use_error>"),
    (r"^Error: (?!Exit code).*", "Error: (removed)"),
    (r"^(The file /|File does not exist).*", "(removed)"),
    (r"^(agentId: \w+) \([^)]*\)", r"\1 (removed)"),
    (r"^x-anthropic-billing-header:.*", "(removed)"),
    (r"^Async agent launched.*?(agentId: \w+).*", r"(removed) \1"),
    (r"<note>.*?</note>", "<note>(removed)</note>"),
    (r"^This session is being continued.*", "(removed)"),
    (r"<local-command-(\w+)>.*?</local-command-\1>", r"<local-command-\1>(removed)</local-command-\1>"),
    (r"^(Continue from where you left off|No response requested)\.$", "(removed)"),
]
STEADY = [  # what is no uuid and no time and yet differs between runs
    (r'("(?:total)?[Dd]uration_?(?:api_)?[Mm]s": ?)\d+', r"\g<1>200"),
    (r"(duration_ms: )\d+", r"\g<1>200"),
    (r'("(?:ttft|ttft_stream|time_to_request)_ms": ?)\d+', r"\g<1>100"),
    (r"\ba[0-9a-f]{16}\b", "a0123456789abcdef"),
    (r'("(?:run_?[iI]d)": ?)"[^"]*"', r'\g<1>"run-1"'),
    (r'("total(?:APIDuration|APIDurationWithoutRetries|ToolDuration|Duration)": ?)\d+', r"\g<1>500"),
]


def scrub(x, key=""):
    """Claude Code's own prose away, structure kept."""
    if isinstance(x, dict):
        if key == "tools":
            return {k: v if k == "name" else "(removed)" if isinstance(v, str) else {} for k, v in x.items()}
        return {k: scrub(v, k) for k, v in x.items()}
    if isinstance(x, list):
        return ["(removed)"] if key in ("slash_commands", "skills", "agents") else [scrub(v, key) for v in x]
    if isinstance(x, str):
        for pattern, new in PROSE:
            x = re.sub(pattern, new, x, flags=re.S)
    return x


def blank(x):
    """Texts of attachments and system prompts away."""
    if isinstance(x, dict):
        return {k: v if k in KEEP else blank(v) for k, v in x.items()}
    return [blank(v) for v in x[:1]] if isinstance(x, list) else "(removed)" if isinstance(x, str) else x


def clean(text):
    lines = [json.loads(line) for line in text.splitlines()]
    lines = [x | {"shape": blank(x["shape"])} if "shape" in x else x for x in lines]
    return "".join(
        json.dumps(scrub(x | {"attachment": blank(x["attachment"])} if "attachment" in x else x)) + "\n" for x in lines
    )


def run(claude, name, script, prompts):
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    make_repo()
    out = ""
    with FakeModel(player(script) if script else play_compacted) as fake:
        env = {
            "HOME": str(HOME),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "USER": "user",
            "ANTHROPIC_BASE_URL": fake.url,
            "ANTHROPIC_API_KEY": "dummy",
            "PYTHONDONTWRITEBYTECODE": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
        }
        for prompt in prompts:
            cmd = [claude, "-p", *prompt, "--model", "claude-haiku-4-5", "--output-format", "stream-json", "--verbose"]
            cmd += ["--allowedTools", "Bash,Read,Edit,Agent,Task"]
            done = subprocess.run(
                cmd, cwd="/tmp/repo", env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
            )
            print(name, done.returncode, done.stderr[-500:])
            out += done.stdout
    folder = next((HOME / ".claude/projects").iterdir())
    files = sorted(folder.rglob("*.jsonl")) + sorted(folder.rglob("*.json"))
    return out, files, folder, fake.requests


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    version = subprocess.run(
        [sys.argv[1], "--version"], capture_output=True, text=True, env={"HOME": "/tmp", "PATH": "/usr/bin:/bin"}
    ).stdout.split()[0]
    for name, (script, prompts) in RUNS.items():
        if name not in (sys.argv[2:] or RUNS):
            continue
        out, files, folder, requests = run(sys.argv[1], name, script, prompts)
        last = [r for r in requests if r[2] and "x-claude-code-agent-id" not in r[1]][-1]
        body = last[2] | {"system": [s | {"text": "(removed)"} for s in last[2]["system"]]}
        headers = {
            k: v for k, v in last[1].items() if k.lower().startswith(("x-claude", "anthropic-", "user-agent", "x-app"))
        }
        request = json.dumps({"path": last[0], "headers": headers, "body": scrub(body)}, indent=1)
        names = [f"{name}.stream.jsonl", f"{name}.request.json", *(f"{name}/{f.relative_to(folder)}" for f in files)]
        texts = [clean(out), request, *(clean(f.read_text()) for f in files)]
        tidied = tidy("\n".join(names), *texts, also=STEADY)
        for path, text in zip(tidied[0].split("\n"), tidied[1:], strict=True):
            save(
                f"claude-code/{version}" if not path.endswith("request.json") else f"anthropic-messages/{version}",
                path,
                text,
            )
