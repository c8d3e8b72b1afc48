"""Writes runs as ATIF v1.7: the first version whose calls and results may carry `extra`, where exit codes go.

What ATIF has no field for stands in `extra` under `featrouter`, so that an import gives the same run again.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from featrouter import atomic
from featrouter.importers.atif import OWN
from featrouter.importers.fields import id_of
from featrouter.logs.run import Run
from featrouter.trajectory import Call, Trajectory, Turn

VERSION = "ATIF-v1.7"
_UNSAFE = re.compile(r"[^\w.~-]+")


def write_runs(runs: Iterable[tuple[Run, Trajectory]], folder: Path) -> int:
    """One file a run in `folder`, named by its run_id; how many. FileExistsError where something is in it; OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; give another folder")
    names: set[str] = set()
    numbers: dict[str, Iterator[int]] = defaultdict(partial(count, 2))
    for run, trajectory in runs:
        stem = name = _UNSAFE.sub("_", run.run_id).strip(".")[:150] or "run"
        while name.lower() in names:
            name = f"{stem}~{next(numbers[stem.lower()])}"
        names.add(name.lower())
        text = json.dumps(document(run, trajectory), ensure_ascii=False, allow_nan=False, indent=1)
        atomic.write(folder / f"{name}.json", text.encode("utf-8", "replace"))
    return len(names)


def document(run: Run, trajectory: Trajectory) -> dict[str, Any]:
    """The run as an ATIF document."""
    steps = [{"source": "user", "message": run.task or trajectory.task}]
    steps += [_step(number, turn) for number, turn in enumerate(trajectory, 1)]
    totals = {"total_cost_usd": run.cost_weak, "total_steps": len(steps)}
    return {
        "schema_version": VERSION,
        "session_id": run.run_id,
        "trajectory_id": run.run_id,
        "agent": _told({"name": run.harness or "unknown", "version": "unknown", "model_name": run.weak_model or None}),
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, 1)],
        "final_metrics": _told(totals),
        "extra": {OWN: {"harness": run.harness, **_told(asdict(run) | {"task": None})}},
    }


def _step(number: int, turn: Turn) -> dict[str, Any]:
    calls = [(f"call_{number}_{place}", call) for place, call in enumerate(turn.each_call(), 1)]
    spoken = len(calls) == 1 and not (calls[0][1].action or calls[0][1].tool or _judged(calls[0][1]))
    asked = [] if spoken else [_asked(identity, call) for identity, call in calls]
    seen = [
        _told({"source_call_id": identity if asked else None, "content": call.observation, "extra": _judged(call)})
        for identity, call in calls
        if call.observation or _judged(call)
    ]
    return {"source": "agent", "message": turn.thought} | _told(
        {
            "tool_calls": asked or None,
            "observation": {"results": seen} if seen else None,
            "metrics": _told(dict(_metrics(turn))) or None,
        }
    )


def _asked(identity: str, call: Call) -> dict[str, Any]:
    arguments = _arguments(call.action)
    named = bool(call.tool) and id_of(call.tool) == call.tool
    own = {"tool": None if named else call.tool, "action": None if _text(arguments) == call.action else call.action}
    if arguments is None:
        arguments = {"command": call.action}
    return _told(
        {
            "tool_call_id": identity,
            "function_name": call.tool if named else "action",
            "arguments": arguments,
            "extra": {OWN: _told(own)} if _told(own) else None,
        }
    )


def _judged(call: Call) -> dict[str, Any] | None:
    return _told({"exit_code": call.exit_code, "is_error": call.is_error}) or None


def _metrics(turn: Turn) -> Iterator[tuple[str, Any]]:
    """ATIF counts tokens in whole numbers; what is none, and the latency, is kept beside them."""
    own: dict[str, float | None] = {"latency": turn.latency}
    for name in ("prompt_tokens", "completion_tokens"):
        amount = getattr(turn, name)
        if amount is None or amount == int(amount):
            yield name, None if amount is None else int(amount)
        else:
            own[name] = amount
    yield "cost_usd", turn.cost
    yield "extra", {OWN: _told(own)} if _told(own) else None


def _arguments(action: str) -> dict[str, Any] | None:
    try:
        given = json.loads(action, parse_constant=_refuse) if action.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) and _text(given) is not None else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _text(arguments: dict[str, Any] | None) -> str | None:
    try:
        return None if arguments is None else json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return None


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
