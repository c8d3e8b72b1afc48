"""What a host waits for: decisions, turns, sessions, explanations."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from featrouter.bench.clock import Line, line, once, times
from featrouter.bench.model import Model, sessions_of
from featrouter.calibration import Floats
from featrouter.router import Router
from featrouter.session import Session
from featrouter.trajectory import Trajectory, Turn

Runs = Sequence[tuple[str, Trajectory]]
BATCH = 256
_LONG = 500


def deciding(model: Model, default: Router, runs: Runs, calls: int) -> Iterator[Line]:
    """decide() of sessions that differ from call to call."""
    for router, what in ((model.four, "four heads of 100 trees x 15 leaves"), (model.two, "two such heads")):
        sessions = sessions_of(router, runs)
        yield line("decide", f"session.decide(), {what}", _deciding(sessions, calls))
    sessions = sessions_of(default, runs)
    trees = {name: len(head.sizes) for name, head in default.bundle.heads.items() if not name.endswith("_end")}
    what = f"session.decide(), shipped default ({', '.join(f'{name} {count}' for name, count in trees.items())} trees)"
    yield line("decide", what, _deciding(sessions, calls))
    yield line("explain", "session.explain(3)", times(lambda i: sessions[i % len(sessions)].explain(3), calls // 10))


def _deciding(sessions: Sequence[Session], calls: int) -> Floats:
    return times(lambda i: sessions[i % len(sessions)].decide(), calls)


def batching(model: Model, calls: int) -> Iterator[Line]:
    """Many sessions at once, and the same ones after each other."""
    sessions = (model.sessions * (1 + BATCH // len(model.sessions)))[:BATCH]
    single = line(
        "batch", f"decide() of {BATCH} sessions in turn, one", times(lambda i: sessions[i % BATCH].decide(), calls)
    )
    yield single
    many = times(lambda i: model.four.decide_many(sessions), max(20, calls // 50))
    yield line("batch", f"router.decide_many of {BATCH} sessions, one", many, per=BATCH).against(single)
    rows = np.resize(model.rows, (BATCH, model.rows.shape[1]))
    every = list(model.boosters.values())
    booster = times(lambda i: [one.predict(rows, num_threads=1) for one in every], max(20, calls // 100))
    yield line("batch", f"Booster.predict of {BATCH} rows, four heads, one", booster, per=BATCH)


def observing(routers: dict[str, Router], runs: Runs) -> Iterator[Line]:
    """observe() of every turn of the runs, the first turn (which reads the task) included; json.loads of the turn beside it.

    The yardstick is what any host pays for a turn: to read it as JSON. It is taken right before the turn is observed, so
    that a machine that changes its speed changes both.
    """
    for name, router in routers.items():
        taken: list[float] = []
        read: list[float] = []
        for _, trajectory in runs:
            session = router.session(trajectory.task)
            for turn in trajectory:
                read.append(once(partial(json.loads, json.dumps(asdict(turn)))))
                taken.append(once(partial(session.observe, turn)))
        peer = line("observe", f"json.loads of each of {len(read)} turns, beside {name}", np.array(read))
        yield peer
        yield line("observe", f"session.observe(turn), {len(taken)} turns, {name}", np.array(taken)).against(peer)
        times = np.array(taken) / np.array(read)
        median, p99 = np.median(times), np.percentile(times, 99)
        yield Line("observe", f"observe(turn) by json.loads of that turn, {name}", float(median), float(p99), "times")


def growing(router: Router, runs: Runs) -> Iterator[Line]:
    """Whether the 500th turn of a run costs what the fifth does: the same turns early and late in a session."""
    turns = [turn for _, trajectory in runs for turn in trajectory][: 2 * _LONG]
    early, late = np.empty(200), np.empty(200)
    for into, before in ((early, 4), (late, _LONG - 1)):
        for number in range(200):
            if number % 20 == 0:
                session = router.session("the parser fails")
                for turn in turns[:before]:
                    session.observe(turn)
            into[number] = once(partial(session.observe, turns[(number * 7) % len(turns)]))
    first = line("observe", "turns 5 to 24 of a session", early)
    yield first
    yield line("observe", f"turns {_LONG} to {_LONG + 19} of a session", late).against(first)


def huge(router: Router, calls: int) -> Iterator[Line]:
    """Long observations: only their head and tail are read."""
    log = "".join(f"tests/test_parser.py::test_{n} PASSED  [{n % 100}%]\n" for n in range(2000))
    for what, size, count in (("30 KB", 30_000, calls // 10), ("50 MB", 50_000_000, 20)):
        text = (log * (size // len(log) + 1))[:size]
        turns = [
            Turn("run them", "python -m pytest -v", f"{number}\n{text}", "bash") for number in range(min(count, 5))
        ]
        session = router.session("the parser fails")
        ours = line("observe", f"an observation of {what}", _observing(session, turns, count))
        yield ours
        scan = line("observe", f"str.count over {what}", _scanning(text, count))
        yield scan
        yield Line("observe", f"so much text a second at {what}", size / ours.median, unit="MB/s")


def _observing(session: Session, turns: Sequence[Turn], calls: int) -> Floats:
    return times(lambda i: session.observe(turns[i % len(turns)]), calls)


def _scanning(text: str, calls: int) -> Floats:
    return times(lambda i: text.count("\n"), calls)


def opening(model: Model, runs: Runs, calls: int) -> Iterator[Line]:
    tasks = [trajectory.task for _, trajectory in runs]
    yield line("sessions", "router.session(task)", times(lambda i: model.four.session(tasks[i % len(tasks)]), calls))
    turns = [turn for _, trajectory in runs for turn in trajectory]

    def observed() -> list[Session]:
        sessions = []
        for number in range(40):
            session = model.four.session(tasks[number % len(tasks)])
            for turn in range(50):
                session.observe(turns[(number * 50 + turn) % len(turns)])
            sessions.append(session)
        return sessions

    # What all sessions of a process share is filled first: the caches of parsed commands, the compiled patterns.
    observed()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    sessions = observed()
    gc.collect()
    held = (tracemalloc.get_traced_memory()[0] - before) / len(sessions) / 1024
    tracemalloc.stop()
    yield Line("sessions", "memory of a session after 50 turns", held, unit="KiB")


def sharing(model: Model, calls: int) -> Iterator[Line]:
    """One router in eight threads, and in an event loop: decisions a second, all of them checked."""
    want = [session.decide() for session in model.sessions]

    def work(_: int) -> int:
        sessions = model.sessions
        return sum(sessions[i % len(sessions)].decide() == want[i % len(sessions)] for i in range(calls))

    async def all_of_it() -> int:
        async def one() -> int:
            right = 0
            for i in range(calls // 8):
                right += model.sessions[i % len(want)].decide() == want[i % len(want)]
                if i % 64 == 0:
                    await asyncio.sleep(0)
            return right

        return sum(await asyncio.gather(*(one() for _ in range(8))))

    def threads() -> int:
        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(work, range(8)))

    ways: tuple[tuple[str, Callable[[], int], int], ...] = (
        ("one thread", lambda: work(0), calls),
        ("eight threads", threads, 8 * calls),
        ("asyncio, eight tasks", lambda: asyncio.run(all_of_it()), calls // 8 * 8),
    )
    for what, run, count in ways:
        start = perf_counter()
        right = run()
        seconds = perf_counter() - start
        if right != count:
            raise ValueError(f"{what}: {count - right} of {count} decisions differ")
        yield Line("sharing", f"decisions a second, {what}, none differs", count / seconds, unit="1/s")


def messaging(router: Router, runs: Runs) -> Iterator[Line]:
    """A message list of 50 turns: read from the start, and one turn longer than before."""
    turns = [turn for _, trajectory in runs for turn in trajectory]
    lists = [_messages(turns[start : start + 50]) for start in range(0, 20 * 37, 37)]
    taken, longer = [], []
    for messages in lists:
        fresh = Router(router.bundle, harness=router.harness)
        taken.append(once(partial(fresh.decide, messages)))
        fresh = Router(router.bundle, harness=router.harness)
        fresh.decide(messages[:-2])
        longer.append(once(partial(fresh.decide, messages)))
    yield line("messages", "router.decide(messages), 50 turns, never seen", np.array(taken))
    yield line("messages", "router.decide(messages), 50 turns, 49 of them seen", np.array(longer))


def _messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"role": "user", "content": "the parser fails"}]
    for turn in turns:
        call = next(iter(turn.each_call()), None)
        action, answer = (call.action, call.observation) if call else ("", "")
        found.append({"role": "assistant", "content": f"{turn.thought}\n```bash\n{action}\n```"})
        found.append({"role": "user", "content": answer or "(nothing)"})
    return found
