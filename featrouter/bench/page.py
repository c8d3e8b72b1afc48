"""All of the benchmark in its order, and its table."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from featrouter.bench import offline, peers, serving
from featrouter.bench.clock import Line
from featrouter.bench.model import HARNESS, Model, model_of
from featrouter.bench.runs import runs_of
from featrouter.bench.serving import Runs
from featrouter.router import Router

_PACKAGES = "featrouter numpy lightgbm scikit-learn onnxruntime treelite torch google-re2".split()


def bench(
    logs: Sequence[Path], groups: Sequence[str], calls: int, strong: str | None, note: Callable[[str], None]
) -> Iterator[Line]:
    """The lines of these groups; what cannot be measured here, and why, goes to `note`. ValueError, LogError."""
    note("reading runs, training the heads that are measured")
    runs = runs_of(logs)
    model = model_of(runs)
    default = Router.load()
    named = next((name for name, _ in runs if name in default.bundle.references), min(default.bundle.references))
    default = Router(default.bundle, harness=named)
    measured: dict[str, Callable[[], Iterator[Line]]] = {
        "decide": lambda: _deciding(model, default, runs, calls, note),
        "observe": lambda: _observing(model, default, runs, calls),
        "sessions": lambda: _sessions(model, default, runs, calls),
        "start": offline.starting,
        "training": lambda: _training(logs, strong, note),
    }
    chosen = [group for group in measured if group in groups]
    note(f"groups done: 0 of {len(chosen)}")
    for done, group in enumerate(chosen, 1):
        yield from measured[group]()
        note(f"groups done: {done} of {len(chosen)}")


def _deciding(model: Model, default: Router, runs: Runs, calls: int, note: Callable[[str], None]) -> Iterator[Line]:
    booster, four = peers.booster(model, calls)
    yield booster
    yield four
    for line in serving.deciding(model, default, runs, calls):
        yield line.against(booster)
    for line in (*peers.trees(model, calls, note), *peers.texts(runs, calls, note)):
        yield line.against(booster)


def _observing(model: Model, default: Router, runs: Runs, calls: int) -> Iterator[Line]:
    named_as = {"shipped default": default, "all features": Router(model.four.bundle, harness=HARNESS)}
    yield from serving.observing(named_as, runs)
    yield from serving.growing(default, runs)
    yield from serving.huge(default, calls)


def _sessions(model: Model, default: Router, runs: Runs, calls: int) -> Iterator[Line]:
    yield from serving.opening(model, runs, calls)
    yield from serving.batching(model, calls)
    yield from serving.sharing(model, calls)
    yield from serving.messaging(default, runs)


def _training(logs: Sequence[Path], strong: str | None, note: Callable[[str], None]) -> Iterator[Line]:
    if not logs:
        note("training: not measured, it wants your logs")
        return
    yield from offline.extracting(logs)
    if strong:
        yield from offline.training(logs, strong, note)
    else:
        note("train: not measured, --strong names whose outcomes to learn from")


def machine() -> str:
    """This machine and what runs on it, in a line."""
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            cpu = next(line.partition(": ")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    found = [f"{name} {_version(name)}" for name in _PACKAGES if _version(name)]
    return f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}; {', '.join(found)}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def table(lines: Sequence[Line], markdown: bool) -> str:
    """The lines as a table: in Markdown, or in columns."""
    rows = [["", "median", "p99", "unit", "ratio", "to"]]
    rows += [[x.what, _told(x.median), _told(x.p99), x.unit, _told(x.ratio), x.peer] for x in lines]
    if markdown:
        rows.insert(1, ["---"] * 6)
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if n in (0, 3, 5) else cell.rjust(w)
            for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _told(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"
