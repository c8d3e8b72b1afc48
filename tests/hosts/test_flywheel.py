"""Route, log, train, swap: two hundred conversations through a real LiteLLM proxy, and a better bundle out of their log."""

# host: litellm
from __future__ import annotations

import csv
import importlib.util
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from featrouter.resources import place
from tests.hosts.proxy import KEY, Proxy, deployment, logged, serving
from tests.hosts.upstream import Body, Upstream

if importlib.util.find_spec("litellm") is None:  # importing it would look for prices on the network
    pytest.skip("litellm is not installed here; .ci/hosts runs this", allow_module_level=True)

#: Decided after so many turns of STEPS; a solved task is worth VALUE USD.
TURN, STEPS, VALUE, EPSILON = 2, 4, 0.4, 0.4
WEAK, STRONG = "hosted_vllm/weak", "anthropic/strong"
#: How likely either model solves a task that is (not) hard: a world in which it pays to look.
SOLVES = {(WEAK, False): 0.9, (WEAK, True): 0.1, (STRONG, False): 0.9, (STRONG, True): 0.8}


@dataclass
class Task:
    """One of the simulated world: whether it is hard shows in how the tests of the weak model go."""

    name: str
    hard: bool

    def observation(self, model: str, turn: int, dice: random.Random) -> str:
        fails = self.hard and model == "weak" and dice.random() < 0.9
        return "=== 2 failed, 2 passed in 0.1s ===" if fails else "=== 5 passed in 0.1s ==="


def mind(body: Body, done: int) -> tuple[str, str | None]:
    return f"step {done}", "python -m pytest -q" if done < STEPS else None


def converse(proxy: Proxy, task: Task) -> str:
    """An agent at work on a task; the model that ended it."""
    dice = random.Random(task.name)
    messages: list[Any] = [{"role": "user", "content": f"Repair the module of {task.name}."}]
    headers = {"x-featrouter-run": task.name}
    for turn in range(STEPS + 1):
        body = {"model": "agent", "messages": messages, "max_tokens": 2000}
        message = proxy.post("/v1/chat/completions", body, headers)["choices"][0]["message"]
        model = str(message["content"]).partition(":")[0]
        messages.append(message)
        for call in message.get("tool_calls") or ():
            seen = task.observation(model, turn, dice)
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": seen})
    return STRONG if model == "strong" else WEAK


def tasks(name: str, count: int) -> list[Task]:
    return [Task(f"{name}-{number}", number % 2 == 0) for number in range(count)]


def work(proxy: Proxy, todo: list[Task]) -> dict[str, str]:
    """Who ended each task."""
    with ThreadPoolExecutor(8) as pool:
        ended = pool.map(lambda task: converse(proxy, task), todo)
        return {task.name: model for task, model in zip(todo, ended, strict=True)}


def outcomes(path: Path, todo: list[Task], ended: dict[str, str]) -> Path:
    """What came of each task, as whoever runs the agents knows it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task_id", "model", "resolved"])
        for task in todo:
            solved = random.Random(f"outcome of {task.name}").random() < SOLVES[ended[task.name], task.hard]
            writer.writerow([task.name, ended[task.name], int(solved)])
    return path


def featrouter(*arguments: object) -> str:
    command = [sys.executable, "-m", "featrouter", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, Path]]:
    """A proxy that explores at one turn, over two models on the loopback."""
    folder = tmp_path_factory.mktemp("flywheel")
    (folder / "agent.featrouter").write_bytes(Path(place("models/default/default.featrouter")).read_bytes())
    plugin = "featrouter.integrations.litellm.plugin"
    with Upstream("weak", mind) as weak, Upstream("strong", mind) as strong:
        config = {
            "model_list": [
                deployment("agent", WEAK, weak.url + "/v1"),
                deployment("agent", STRONG, strong.url),
            ],
            "router_settings": {"plugins": [plugin]},
            "litellm_settings": {"callbacks": [plugin]},
            "general_settings": {"master_key": KEY},
        }
        environment = {
            "FEATROUTER_BUNDLE": str(folder / "agent.featrouter"),
            "FEATROUTER_HARNESS": "simulated",
            "FEATROUTER_LOG": str(folder / "log"),
            "FEATROUTER_POLICY": f"fixed:{TURN}",
            "FEATROUTER_EPSILON": str(EPSILON),
            "FEATROUTER_VALUE": str(VALUE),
        }
        with serving(config, folder, environment) as proxy:
            yield proxy, folder


def test_the_log_of_a_proxy_teaches_a_better_router_which_takes_over_without_a_pause(world: tuple[Proxy, Path]) -> None:
    proxy, folder = world
    bundle, log = folder / "agent.featrouter", folder / "log"

    # A harness that nobody knows: everything stays with the weak model, and the log shows what its runs look like.
    first = tasks("first", 30)
    assert set(work(proxy, first).values()) == {WEAK}
    with Steady(proxy) as asked:
        featrouter("adapt", "default", log, "-o", bundle, "--resolved", 0.5)
        settle(proxy, bundle)

        # Known, it explores: two hundred conversations, each with the probability of what was done.
        todo = tasks("explored", 200)
        ended = work(proxy, todo)
        handed = sum(model == STRONG for model in ended.values())
        assert 20 <= handed <= 180
        known = outcomes(folder / "outcomes.csv", todo, ended)
        read = logged(log, {task.name for task in todo}, STEPS + 1)
        for name, run in ((task.name, read.runs[task.name]) for task in todo):
            assert run.route == ("strong" if ended[name] == STRONG else "weak")
            assert run.propensity == pytest.approx(EPSILON / 2) or run.propensity == pytest.approx(1 - EPSILON / 2)
            assert run.cost_weak and (run.route == "weak" or (run.cost_strong and run.route_turn == TURN))

        # One command makes a bundle of it, which the running proxy takes over.
        featrouter("train", log, known, "--strong", STRONG, "--value", VALUE, "-o", bundle)
        settle(proxy, bundle)
        after = tasks("after", 60)
        ended = work(proxy, after)
    assert asked.failures == [] and asked.answered > 20

    handed_over = {hard: [ended[task.name] == STRONG for task in after if task.hard is hard] for hard in (True, False)}
    shares = {hard: sum(sent) / len(sent) for hard, sent in handed_over.items()}
    print(f"handed over after training: {shares[True]:.2f} of the hard tasks, {shares[False]:.2f} of the others")
    assert shares[True] > shares[False] + 0.2

    judged = json.loads(featrouter("evaluate", log, known, "--strong", STRONG, "--value", VALUE, "--json"))
    for split, part in judged["splits"].items():
        told = part["off_policy"]
        gains = {arm: (told[f"gain_over_{arm}"]["value"], told[f"gain_over_{arm}"]["ci"]) for arm in ("weak", "strong")}
        print(f"{split}: doubly robust, USD a run: {told['dr']}, gains {gains}, of {told['n'] - told['certain']} runs")
        assert told["n"] - told["certain"] == len(todo)
        assert gains["weak"][1][0] > 0, "no better than to leave everything with the weak model"
        assert gains["strong"][1][1] > 0, "worse than to hand everything over"


class Steady:
    """Keeps asking the proxy while other things happen; what failed, and how often it was answered."""

    def __init__(self, proxy: Proxy) -> None:
        self.failures: list[str] = []
        self.answered = 0
        self._proxy = proxy
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self._stop.wait(0.05):
            try:
                body = {"model": "agent", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 10}
                self._proxy.post("/v1/chat/completions", body, {"x-featrouter-run": f"steady-{self.answered}"})
                self.answered += 1
            except Exception as error:
                self.failures.append(repr(error))

    def __enter__(self) -> Steady:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def settle(proxy: Proxy, bundle: Path) -> None:
    """Until the proxy has looked at the file: it does so once a second, when it is asked."""
    for number in range(4):
        time.sleep(1)
        converse(proxy, Task(f"settle-{bundle.stat().st_mtime_ns}-{number}", False))
