# ruff: noqa: RET503 - run by hand, in the environment of the tool that it records
"""Shared by the recorders: the tiny repository, a fake model server on loopback, and tidying of what differs between runs."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import uuid
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

OUT = Path(os.environ.get("SAMPLES_OUT", Path(__file__).resolve().parent.parent / "out"))
REPO = Path("/tmp/repo")
os.environ |= {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
}
TASK = "seconds('1h1m') should be 3660. Find out why the hours are wrong and correct durations.py."
FILES = {
    "durations.py": '''"""Durations such as 1h30m, as seconds."""

import re

UNITS = {"s": 1, "m": 60, "h": 360}


def seconds(text):
    """The seconds in a text such as 2h5m."""
    parts = re.findall(r"(\\d+)([smh])", text)
    return sum(int(number) * UNITS[unit] for number, unit in parts)
''',
    "test_durations.py": """from durations import seconds


def test_minutes():
    assert seconds("2m30s") == 150


def test_hours():
    assert seconds("1h1m") == 3660
""",
}


def make_repo(path=REPO):
    """A fresh git repository with a bug and a test that shows it."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    for name, text in FILES.items():
        (path / name).write_text(text)
    (path / ".gitignore").write_text("__pycache__/\n.pytest_cache/\n")
    who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.com"]
    env = os.environ | {
        "GIT_AUTHOR_DATE": "2026-11-25T08:00:00Z",
        "GIT_COMMITTER_DATE": "2026-11-25T08:00:00Z",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    for cmd in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-q", "-m", "Add durations"]):
        subprocess.run(["git", *cmd], cwd=path, check=True, env=env)
    return path


def shell(command):
    """Run a command in the repository: (exit code, output)."""
    done = subprocess.run(command, shell=True, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def steps(bash="bash", edit="edit"):
    """The turns of an agent that has a shell and an edit tool with (path, old, new): look, test, err, repair, test, tell."""

    def run(command):
        return bash, {"command": command}

    return [
        turn(
            "I read both files.",
            run("cat durations.py"),
            run("cat test_durations.py"),
            think="An hour is probably wrong in the table.",
        ),
        turn("", run("python -m pytest -q")),
        turn("", (edit, {"path": "durations.py", "old": '"hour": 360', "new": '"hour": 3600'})),
        turn("It is written h there.", (edit, {"path": "durations.py", "old": '"h": 360}', "new": '"h": 3600}'})),
        turn("", run("python -m pytest -q")),
        turn("An hour counted 360 seconds. It counts 3600 now, and both tests pass."),
    ]


def replace(path, old, new):
    """The edit tool: whether `old` was found and replaced."""
    text = (REPO / path).read_text()
    (REPO / path).write_text(text.replace(old, new))
    return old in text


def turn(say="", *calls, think=""):
    """One answer of the fake model: text, then (tool name, arguments) calls; arguments may be broken JSON as a str."""
    return {"say": say, "calls": calls, "think": think}


class FakeModel:
    """OpenAI chat, OpenAI Responses and Anthropic Messages on 127.0.0.1; plays `script` in order.

    `script` is a list of turns, or a function of the request body that returns a turn. `requests` keeps (path, headers, body).
    """

    def __init__(self, script, port=0):
        rest = iter(script if isinstance(script, list) else [])
        self.next = script if callable(script) else lambda body: next(rest)
        self.requests, self.count, self.lock = [], 0, threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                fake.requests.append((self.path, dict(self.headers), None))
                self.reply({"object": "list", "data": []})

            do_HEAD = do_GET

            def do_POST(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = json.loads(raw or b"{}")
                with fake.lock:
                    fake.requests.append((self.path, dict(self.headers), body))
                    if "count_tokens" in self.path:
                        return self.reply({"input_tokens": tokens(body)})
                    if "/chat/completions" in self.path:
                        answer = fake.chat(body)
                        return self.reply(*answer) if isinstance(answer, tuple) else self.reply(answer)
                    if "/responses" in self.path:
                        return fake.responses(self, body)
                    if "/messages" in self.path:
                        return fake.anthropic(self, body)
                self.reply({"error": {"message": "unknown path"}}, 404)

            def reply(self, data, status=200):
                text = json.dumps(data).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def events(self, items):
                text = "".join(f"event: {i['type']}\ndata: {json.dumps(i)}\n\n" for i in items).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()

    def number(self):
        self.count += 1
        return self.count

    def chat(self, body):
        t = self.next(body)
        if "status" in t:
            return {"error": {"message": "the model is out of order"}}, t["status"]
        message = {"role": "assistant", "content": t["say"] or None}
        if t["think"]:
            message["reasoning_content"] = t["think"]
        if t["calls"]:
            message["tool_calls"] = [
                {
                    "id": f"call_{self.number():04d}",
                    "type": "function",
                    "function": {"name": n, "arguments": as_text(a)},
                }
                for n, a in t["calls"]
            ]
        used, made = tokens(body["messages"]), tokens(t)
        return {
            "id": f"chatcmpl-{self.number():04d}",
            "object": "chat.completion",
            "created": 1764000000,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if t["calls"] else "stop"}],
            "usage": {"prompt_tokens": used, "completion_tokens": made, "total_tokens": used + made},
        }

    def responses(self, handler, body):
        t, items, n = self.next(body), [], self.number()
        if t["think"]:
            items.append(
                {"type": "reasoning", "id": f"rs_{n:04d}", "summary": [{"type": "summary_text", "text": t["think"]}]}
            )
        if t["say"]:
            text = {"type": "output_text", "text": t["say"], "annotations": []}
            items.append(
                {"type": "message", "id": f"msg_{n:04d}", "role": "assistant", "status": "completed", "content": [text]}
            )
        for name, a in t["calls"]:
            n = self.number()
            item = {"type": "function_call", "id": f"fc_{n:04d}", "call_id": f"call_{n:04d}", "name": name}
            items.append(item | {"arguments": as_text(a), "status": "completed"})
        used, made = tokens(body["input"]), tokens(t)
        answer = {
            "id": f"resp_{n:04d}",
            "object": "response",
            "created_at": 1764000000,
            "status": "completed",
            "model": body["model"],
            "output": items,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": used,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": made,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": used + made,
            },
        }
        if not body.get("stream"):
            return handler.reply(answer)
        out = [
            {"type": "response.created", "response": answer | {"status": "in_progress", "output": [], "usage": None}}
        ]
        for i, item in enumerate(items):
            out.append({"type": "response.output_item.added", "output_index": i, "item": item})
            out.append({"type": "response.output_item.done", "output_index": i, "item": item})
        out.append({"type": "response.completed", "response": answer})
        handler.events([o | {"sequence_number": i} for i, o in enumerate(out)])

    def anthropic(self, handler, body):
        t, n = self.next(body), self.number()
        blocks = []
        if t["think"]:
            blocks.append({"type": "thinking", "thinking": t["think"], "signature": "c2lnbmF0dXJl"})
        if t["say"]:
            blocks.append({"type": "text", "text": t["say"]})
        for name, a in t["calls"]:
            blocks.append({"type": "tool_use", "id": f"toolu_{self.number():04d}", "name": name, "input": a})
        usage = {
            "input_tokens": tokens(body["messages"]),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": tokens(t),
        }
        message = {
            "id": f"msg_{n:04d}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": blocks,
        }
        message |= {"stop_reason": "tool_use" if t["calls"] else "end_turn", "stop_sequence": None, "usage": usage}
        if not body.get("stream"):
            return handler.reply(message)
        out = [{"type": "message_start", "message": message | {"content": [], "stop_reason": None}}]
        for i, b in enumerate(blocks):
            if b["type"] == "text":
                start, deltas = b | {"text": ""}, [{"type": "text_delta", "text": b["text"]}]
            elif b["type"] == "thinking":
                start = b | {"thinking": "", "signature": ""}
                deltas = [{"type": "thinking_delta", "thinking": b["thinking"]}]
                deltas.append({"type": "signature_delta", "signature": b["signature"]})
            else:
                start, deltas = (
                    b | {"input": {}},
                    [{"type": "input_json_delta", "partial_json": json.dumps(b["input"])}],
                )
            out.append({"type": "content_block_start", "index": i, "content_block": start})
            out += [{"type": "content_block_delta", "index": i, "delta": d} for d in deltas]
            out.append({"type": "content_block_stop", "index": i})
        delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        out.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": usage["output_tokens"]}})
        handler.events([*out, {"type": "message_stop"}])


def as_text(arguments):
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def tokens(data):
    return len(json.dumps(data)) // 4 + 1


BASE = datetime(2026, 11, 25, 9, 0, 0, tzinfo=UTC)
UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])")
HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
ISO = re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,](\d+))?(Z|\+00:00)?(?![\d:])")
EPOCH = re.compile(r"(?<![\d.])1[78]\d{8}(?:\.\d+|\d{3}|\d{9})?(?![\d.])")
TOOK = re.compile(r"\bin \d+\.\d+s\b")


def tidy(*texts, also=()):
    """The texts with ids, times and paths that differ between runs replaced by steady ones, consistently over all texts.

    Times keep their order and form; `also` is pairs (regex, replacement) applied first.
    """
    for pattern, new in also:
        texts = [re.sub(pattern, new, t) for t in texts]
    joined = "\n".join(texts)
    ids = {}
    for m in UUID.finditer(joined):
        ids.setdefault(m[0], str(uuid.UUID(int=0x40008000000000000000 + len(ids) + 1)))
    hashes = {}
    for m in HASH.finditer(joined):
        hashes.setdefault(m[0], f"{len(hashes) + 1:064x}")
    instants = sorted(
        {iso_seconds(m) for m in ISO.finditer(joined)} | {epoch_seconds(m[0]) for m in EPOCH.finditer(joined)}
    )
    at = {s: BASE + timedelta(seconds=0.5 * i) for i, s in enumerate(instants)}

    def iso(m):
        t = at[iso_seconds(m)]
        digits = f"{t.microsecond:06d}"[: len(m[1])] if m[1] else ""
        return (
            f"{t:%Y-%m-%d}{m[0][10]}{t:%H:%M:%S}" + (f"{m[0][19]}{digits:0<{len(m[1])}}" if m[1] else "") + (m[2] or "")
        )

    def epoch(m):
        t = at[epoch_seconds(m[0])].timestamp()
        if "." in m[0]:
            return f"{t:.2f}"
        return str(int(t * 10 ** (len(m[0]) - 10)))

    texts = [HASH.sub(lambda m: hashes[m[0]], UUID.sub(lambda m: ids[m[0]], t)) for t in texts]
    texts = [TOOK.sub("in 0.01s", EPOCH.sub(epoch, ISO.sub(iso, t))) for t in texts]
    return texts[0] if len(texts) == 1 else texts


def iso_seconds(m):
    text = m[0].replace(",", ".").replace(" ", "T").replace("Z", "+00:00")
    return datetime.fromisoformat(
        re.sub(r"\.(\d+)", lambda x: "." + x[1][:6].ljust(6, "0"), text) + ("" if m[2] else "+00:00")
    ).timestamp()


def epoch_seconds(text):
    return float(text) if "." in text else int(text) / 10 ** (len(text) - 10)


def save(folder, name, text):
    path = OUT / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if text.endswith("\n") else text + "\n")
    print(path, len(text))
