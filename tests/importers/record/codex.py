# ruff: noqa: E501 - run by hand, in the environment of the tool that it records
"""Codex CLI rollout files and `exec --json` events, with a fake Responses server on loopback, in a network namespace of its own.

Run: unshare -n PYTHON-WITH-pytest codex.py CODEX-BINARY     (npm @openai/codex)
Its own prose (instructions, environment notes, tool descriptions) is replaced by "(removed)".
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from fake_model import TASK, FakeModel, make_repo, save, tidy, turn

HOME = Path("/tmp/home")


def sh(command):
    return ("exec_command", {"cmd": command, "workdir": "/tmp/repo"})


PATCH = """*** Begin Patch
*** Update File: durations.py
@@
-UNITS = {"s": 1, "m": 60, "h": 360}
+UNITS = {"s": 1, "m": 60, "h": 3600}
*** End Patch"""

RUNS = {
    "fixed": [
        turn(
            "I read both files.",
            sh("cat durations.py"),
            sh("cat test_durations.py"),
            think="An hour is probably wrong in the table.",
        ),
        turn("", sh("python -m pytest -q")),
        turn("An hour has 3600 seconds.", sh(f"apply_patch <<'EOF'\n{PATCH}\nEOF")),
        turn("", sh("python -m pytest -q")),
        turn("An hour counted 360 seconds. It counts 3600 now, and both tests pass."),
    ],
    "gives-up": [
        turn("", sh("python -m pytest -q tests")),
        turn("", ("run_tests", {"path": "tests"})),
        turn("", sh("apply_patch <<'EOF'\n" + PATCH.replace('"m": 60, ', "") + "\nEOF")),
        turn("I could not find out why the hours are wrong."),
    ],
}


STEADY = [
    (r"(Chunk ID: )[0-9a-f]{6}", r"\g<1>0a1b2c"),
    (r"(Wall time: )[\d.]+", r"\g<1>0.1000"),
    (r'("process_id": ?)"\d+"', r'\g<1>"4242"'),
    (r'("(?:duration|time_to_first_token)_ms": ?)\d+', r"\g<1>100"),
    (r'("nanos": ?)\d+', r"\g<1>100000000"),
]


def scrub(x, key=""):
    """Codex's own prose away, structure kept."""
    if isinstance(x, dict):
        if key == "removed":
            return {k: v if k == "type" else scrub(v, key) for k, v in x.items()}
        theirs = (
            ("content",)
            if x.get("role") in ("developer", "system")
            else ("message",)
            if x.get("type") == "error"
            else ()
        )
        return {k: scrub(v, "removed" if k in theirs else k) for k, v in x.items()}
    if isinstance(x, list):
        return [scrub(v, key) for v in x]
    if isinstance(x, str):
        if key in ("removed", "base_instructions", "instructions", "developer_instructions") or len(x) > 1500:
            return "(removed)"
        return re.sub(r"<(environment_context)>.*?</\1>", r"<\1>(removed)</\1>", x, flags=re.S)
    return x


def blank(x):
    """Texts of the world state away."""
    if isinstance(x, dict):
        return {k: blank(v) for k, v in x.items()}
    return [blank(v) for v in x[:1]] if isinstance(x, list) else "(removed)" if isinstance(x, str) else x


def clean(text):
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    for x in lines:
        if x["type"] == "session_meta":
            x["payload"]["base_instructions"] = blank(x["payload"]["base_instructions"])
        elif x["type"] == "world_state":
            x["payload"] = blank(x["payload"])
    return "".join(json.dumps(scrub(x)) + "\n" for x in lines)


def run(codex, name, script):
    shutil.rmtree(HOME, ignore_errors=True)
    (HOME / "codex").mkdir(parents=True)
    make_repo()
    with FakeModel(script) as fake:
        (HOME / "codex/config.toml").write_text(
            'model = "gpt-5.1"\nmodel_provider = "fake"\napproval_policy = "never"\nsandbox_mode = "danger-full-access"\n'
            f'[model_providers.fake]\nname = "fake"\nbase_url = "{fake.url}/v1"\nwire_api = "responses"\nenv_key = "FAKE_KEY"\nsupports_websockets = false\n'
            "[analytics]\nenabled = false\n"
        )
        (HOME / ".profile").write_text(f"export PATH={Path(sys.executable).parent}:/usr/bin:/bin\n")
        env = {
            "HOME": str(HOME),
            "CODEX_HOME": str(HOME / "codex"),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "FAKE_KEY": "dummy",
            "PYTHONDONTWRITEBYTECODE": "1",
            "USER": "user",
        }
        done = subprocess.run(
            [codex, "exec", "--json", TASK],
            cwd="/tmp/repo",
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        print(name, done.returncode, done.stderr[-1500:])
    return done.stdout, sorted((HOME / "codex").rglob("rollout-*.jsonl")), fake.requests


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, script in RUNS.items():
        out, files, requests = run(sys.argv[1], name, script)
        rollout = next(f for f in files)
        last = requests[-1][2]
        body = {"input": last["input"], "prompt_cache_key": last["prompt_cache_key"]}
        names = f"{name}.exec.jsonl\n{name}/{rollout.name}\n{name}.request.json"
        texts = tidy(names, clean(out), clean(rollout.read_text()), json.dumps(scrub(body), indent=1), also=STEADY)
        for path, text in zip(texts[0].split("\n"), texts[1:], strict=True):
            path = re.sub(r"rollout-[-0-9]+T[-0-9]{8}-", "rollout-2026-11-25T09-00-00-", path)
            save("openai-responses" if "request" in path else "codex", path.replace("request", "codex-request"), text)
