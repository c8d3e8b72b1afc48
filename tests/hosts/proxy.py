"""A real LiteLLM proxy on the loopback, in a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from featrouter.logs import Logs

KEY = "sk-loopback"
#: What the two models cost, in USD a token, prompt and completion.
PRICES = {"weak": (1e-6, 2e-6), "strong": (1e-5, 2e-5)}


class Proxy:
    """Where it listens, and how to ask it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        """The answer: an object, or the events of a stream."""
        told = {"Authorization": f"Bearer {KEY}", "x-api-key": KEY, "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), told | dict(headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.code}: {error.read().decode()}") from None
        if not body.get("stream"):
            return json.loads(text)
        data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in data if line != "[DONE]"]


def deployment(model_name: str, model: str, url: str) -> dict[str, Any]:
    """An entry of the proxy's model list, priced by the last part of the model's name."""
    prompt, completion = PRICES[model.rpartition("/")[2]]
    cost = {"input_cost_per_token": prompt, "output_cost_per_token": completion}
    return {"model_name": model_name, "litellm_params": {"model": model, "api_base": url, "api_key": "x", **cost}}


@contextmanager
def serving(config: Mapping[str, Any], folder: Path, environment: Mapping[str, str]) -> Iterator[Proxy]:
    """The proxy with this configuration, until it is no longer needed. Its output is in `folder`."""
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("litellm")), "--config", str(folder / "config.yaml")]
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_PROXY": "127.0.0.1"}
    with (folder / "proxy.log").open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, **offline, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, port, folder / "proxy.log")
            yield Proxy(port)
        finally:
            process.terminate()
            process.wait(60)


def logged(folder: Path, names: set[str], turns: int) -> Logs:
    """The log, once it has the last row of all these runs: the proxy writes it after it has answered."""
    for _ in range(300):
        logs = Logs([folder])
        if all((logs.runs[name].turns or 0) >= turns for name in names):
            assert logs.rejected == 0, logs.summary()
            return logs
        time.sleep(0.2)
    raise AssertionError(f"the log is not whole: {logs.summary()}")


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the proxy did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")
