"""Many at once: threads, tasks, processes that fork, a bundle exchanged meanwhile; always the bits that one alone gets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from guard import times

from featrouter import Bundle, Decision, Router, Turn
from featrouter.integrations.escalator import Escalator
from featrouter.integrations.source import RouterFile
from featrouter.logs import Run
from featrouter.trajectory import Trajectory

HARNESS = "recorded-bash"
Runs = list[tuple[Run, Trajectory]]


def bits(told: Decision) -> tuple[str, bytes, int, str]:
    """All of a decision, its numbers to the bit; NaN is like NaN here."""
    return told.choice, np.array([*told[1:7], told.propensity]).tobytes(), told.turn, told.fallback


def other(bundle: Bundle) -> Bundle:
    """A bundle that says something else."""
    data = json.loads(bundle.to_bytes())
    return Bundle(
        **{name: getattr(bundle, name) for name in bundle.__dataclass_fields__}
        | {"costs": data["costs"] | {"value": 1.5}}
    )


def walked(router: Router, runs: Runs) -> list[list[Any]]:
    """What each run is told after 0, 1, … turns."""
    found = []
    for run, trajectory in runs:
        session = router.session(run.task)
        told = [bits(session.decide())]
        for turn in trajectory:
            session.observe(turn)
            told.append(bits(session.decide()))
        found.append(told)
    return found


@times(30_000, 300_000)
def test_threads_get_the_bits_of_one_while_bundles_are_exchanged(
    n: int, recorded_bundle: Bundle, recorded_runs: Runs, tally: Callable[..., None]
) -> None:
    routers = [Router(bundle, harness=HARNESS, guard=False) for bundle in (recorded_bundle, other(recorded_bundle))]
    runs = recorded_runs[:12]
    want = {id(router): walked(router, runs) for router in routers}
    assert want[id(routers[0])] != want[id(routers[1])]
    now = {"router": routers[0]}
    made, wrong, swaps, stop = [0] * 8, [0] * 8, [0], threading.Event()

    def decide(thread: int) -> None:
        number = thread
        while made[thread] < n // 8 or swaps[0] <= 10:
            number += 1
            place = number % len(runs)
            router = now["router"]
            session = router.session(runs[place][0].task)
            for k, told in enumerate(want[id(router)][place]):
                if k:
                    session.observe(runs[place][1].turns[k - 1])
                for _ in range(9):
                    wrong[thread] += bits(session.decide()) != told
                wrong[thread] += bits(router.decide(Trajectory(runs[place][0].task, runs[place][1].turns[:k]))) != told
                made[thread] += 10

    def swap() -> None:
        while not stop.wait(0.01):
            swaps[0] += 1
            now["router"] = routers[swaps[0] % 2]

    threads = [threading.Thread(target=decide, args=(thread,)) for thread in range(8)]
    swapper = threading.Thread(target=swap)
    swapper.start()
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=3600)
    stop.set()
    swapper.join()
    assert not any(thread.is_alive() for thread in threads)
    assert sum(made) >= n - 8 and sum(wrong) == 0 and swaps[0] > 10
    tally(decisions=sum(made), wrong=sum(wrong), swaps=swaps[0], seconds=time.monotonic() - started)


@times(2, 20)
def test_tasks_share_a_router_while_its_file_is_exchanged(
    n: int, recorded_bundle: Bundle, recorded_runs: Runs, tmp_path: Path, tally: Callable[..., None]
) -> None:
    path = tmp_path / "m.featrouter"
    bundles = [recorded_bundle, other(recorded_bundle)]
    recorded_bundle.save(path)
    runs = recorded_runs[:20]
    want = [walked(Router(bundle, harness=HARNESS, guard=False), runs) for bundle in bundles]
    follower = RouterFile(path, harness=HARNESS, guard=False)
    wrong, made = 0, 0

    async def one(place: int) -> None:
        nonlocal wrong, made
        router = follower.current()
        session = router.session(runs[place][0].task)
        told = [bits(session.decide())]
        for turn in runs[place][1]:
            await asyncio.sleep(0)
            await asyncio.to_thread(session.observe, turn)
            told.append(bits(session.decide()))
        wrong += told != want[router.bundle.costs["value"] == 1.5][place]
        made += len(told)

    async def swap(tasks: list[asyncio.Task[None]]) -> int:
        number = 0
        while not all(task.done() for task in tasks):
            number += 1
            await asyncio.to_thread(bundles[number % 2].save, path)
            await asyncio.to_thread(follower.reload)
            await asyncio.sleep(0.01)
        return number

    async def all_of_them() -> int:
        swaps = rounds = 0
        while rounds < n or (swaps <= n and rounds < 50 * n):
            rounds += 1
            tasks = [asyncio.create_task(one(place % len(runs))) for place in range(60)]
            swaps += await swap(tasks)
            await asyncio.gather(*tasks)
        return swaps

    swaps = asyncio.run(all_of_them())
    assert wrong == 0 and swaps > n
    tally(decisions=made, wrong=wrong, files_exchanged=swaps)


#: Forks while eight threads decide, so that whatever can be held is held at some fork; each child decides on its own.
FORKED = r"""
import hashlib, json, os, signal, sys, threading, time
from pathlib import Path
from featrouter import Router, Turn
from featrouter.integrations.escalator import Escalator
router = Router.load(sys.argv[1], harness="recorded-bash", guard=False)
escalator = Escalator.load(sys.argv[1], log=sys.argv[2], harness="recorded-bash", guard=False)
turns = [("ls", "a.py b.py"), ("cat a.py", "x = 1\n" * 50), ("python -m pytest", "2 failed, 1 passed in 0.1s")]

def messages(name, k):
    told = [{"role": "user", "content": f"Fix {name}"}]
    for number, (action, seen) in enumerate(turns[:k]):
        call = {"id": str(number), "type": "function", "function": {"name": "bash", "arguments": json.dumps({"command": action})}}
        told += [{"role": "assistant", "content": "look", "tool_calls": [call]},
                 {"role": "tool", "tool_call_id": str(number), "content": seen}]
    return told

def digest(tag):
    found = hashlib.sha256()
    for k in range(4):
        told = messages("it", k)
        for decision in (router.decide(told), escalator.decide(told, f"{tag}-it").decision):
            found.update(repr(tuple(decision)).encode())
    return found.hexdigest()

want = digest("first")
stop = threading.Event()
def busy(number):
    turn = 0
    while not stop.is_set():
        turn += 1
        name = f"{number}-{turn}"
        for k in range(4):
            router.decide(messages(name, k)); escalator.decide(messages(name, k), name)
threads = [threading.Thread(target=busy, args=(number,), daemon=True) for number in range(8)]
for thread in threads: thread.start()
wrong = hung = held = number = 0
while number < int(sys.argv[3]) or not held and number < 2000:
    number += 1
    time.sleep(0.003)
    held += escalator._lock.locked()
    pid = os.fork()
    if pid == 0:
        signal.alarm(120)
        os._exit(digest(f"child{number}") != want)
    status = os.waitpid(pid, 0)[1]
    hung += os.WIFSIGNALED(status)
    wrong += os.WIFEXITED(status) and os.WEXITSTATUS(status)
stop.set()
for thread in threads: thread.join()
print(json.dumps({"forks": number, "with_the_lock_held": held, "wrong": wrong, "hung": hung}))
"""


@times(20, 200)
def test_a_process_forked_at_any_moment_decides_the_same(
    n: int, bundle_file: Path, tmp_path: Path, child: Callable[..., Any], tally: Callable[..., None]
) -> None:
    done = child(FORKED, bundle_file, tmp_path / "log", n)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == told["hung"] == 0 and told["forks"] >= n
    assert told["with_the_lock_held"]  # the danger was there
    tally(**told)


#: LightGBM and scikit-learn with threads of OpenMP before the fork: what trains there must not wait for them.
TRAINED = r"""
import hashlib, os, signal, sys
import numpy as np
from joblib.externals.loky import get_reusable_executor
from lightgbm import LGBMClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from featrouter.logs import Logs
from featrouter.training.bundling import train
from featrouter.training.table import join_strong, table_of
x = np.random.default_rng(0).normal(size=(5000, 10))
LGBMClassifier(n_estimators=5, n_jobs=2, verbosity=-1).fit(x, x[:, 0] > 0).predict(x)
HistGradientBoostingClassifier(max_iter=5).fit(x, x[:, 0] > 0).predict(x)
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    signal.alarm(3600)
    logs = Logs([sys.argv[1]])
    table = join_strong(table_of(logs, jobs=int(sys.argv[3])), logs, sys.argv[2])
    os.write(write, hashlib.sha256(train(table, strong=sys.argv[2]).to_bytes()).hexdigest().encode())
    get_reusable_executor().shutdown()  # its workers would stay for minutes, with this test's pipes in their hands
    os._exit(0)
status = os.waitpid(pid, 0)[1]
assert status == 0, status
print(os.read(read, 100).decode())
"""


@pytest.mark.campaign
@pytest.mark.parametrize("jobs", [1, 2])
def test_training_in_a_process_that_forked_ends_and_gives_the_same_bytes(
    jobs: int, recorded_bundle: Bundle, child: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    done = child(TRAINED, Path(__file__).parents[2] / "data" / "recorded", "scripted-strong", jobs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == hashlib.sha256(recorded_bundle.to_bytes()).hexdigest()


def test_a_lock_that_was_held_is_free_in_the_child(bundle_file: Path, tmp_path: Path) -> None:
    escalator = Escalator.load(bundle_file, log=tmp_path, harness=HARNESS)
    follower = escalator._router
    assert isinstance(follower, RouterFile) and hasattr(os, "register_at_fork")
    with escalator._lock, follower._loading:
        pid = os.fork()
        if pid == 0:
            free = not escalator._lock.locked() and not follower._loading.locked()
            os._exit(0 if free else 1)
    assert os.waitpid(pid, 0)[1] == 0 and not escalator._lock.locked()
    assert escalator.decide(Trajectory("x", (Turn("look"),)), "r").decision.turn == 1
