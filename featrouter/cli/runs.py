"""The run that a verb is asked about: a trajectory file, chat messages, turns as JSON, or one of a log."""

from __future__ import annotations

import difflib
import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from featrouter.cli.options import Refused, refusals

if TYPE_CHECKING:
    from featrouter.trajectory import Trajectory

RUN = click.argument("run", default="-", type=click.Path(exists=True, allow_dash=True, path_type=Path))
WHICH = click.option(
    "--run", "which", metavar="ID", help="Which run, where RUN is a log or holds several; else the first."
)
TASK = click.option("--task", default="", help="The task text, where the run does not hold it.")


class Found(NamedTuple):
    """A run, what it is called, and its harness where it tells."""

    trajectory: Trajectory
    name: str
    harness: str


def run_of(path: Path, which: str | None = None) -> Found:
    """The run in a file or folder, or on stdin (`-`). Refused for what holds none, naming the place."""
    if str(path) == "-":
        return _told(sys.stdin.read(), "<stdin>")
    if path.is_dir() or _is_log(path):
        return (_imported([path], which, talk=True) if path.is_file() else None) or _logged(path, which)
    text = path.read_text(encoding="utf-8", errors="replace") if not _is_packed(path) else ""
    return _told(text, str(path), path, which)


def _told(text: str, name: str, path: Path | None = None, which: str | None = None) -> Found:
    from featrouter.messages import trajectory_of

    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        read = error
    if isinstance(read, dict) and isinstance(read.get("turns"), list):
        return Found(_turns(read, name), name, "")
    if path and (imported := _imported([path], which, talk=isinstance(read, Exception))):
        return imported
    if isinstance(read, list):
        return Found(trajectory_of(read), name, "")
    if isinstance(read, dict) and isinstance(read.get("messages"), list):
        return Found(trajectory_of(read["messages"]), name, "")
    if isinstance(read, Exception):
        raise Refused(f"{name}: not JSON: {read}")
    raise Refused(f"{name}: neither a message list, nor an object with `messages` or `turns` (featrouter decide -h)")


def _turns(read: dict[str, Any], name: str) -> Trajectory:
    from featrouter.trajectory import Trajectory

    turns = tuple(turn_of(told, f"{name}: turn {number}") for number, told in enumerate(read["turns"], 1))
    return Trajectory(str(read.get("task", "")), turns, bool(read.get("ended", False)))


def turn_of(told: Any, where: str) -> Any:
    """A Turn from an object with its fields. Refused for one that has others, naming the place."""
    from featrouter.trajectory import Call, Turn

    fields = _fields(told, Turn, where)
    calls = fields.pop("calls", [])
    if not isinstance(calls, list):
        raise Refused(f"{where}: calls: {calls!r:.60} is no list of calls")
    made = [Call(**_fields(call, Call, f"{where}, call {n}")) for n, call in enumerate(calls, 1)]
    return Turn(**fields, calls=tuple(made))


def _fields(told: Any, kind: type, where: str) -> dict[str, Any]:
    known = list(inspect.signature(kind).parameters)
    if not isinstance(told, dict):
        raise Refused(f"{where}: {told!r:.60} is no object with {', '.join(known)}")
    if unknown := [field for field in told if field not in known]:
        raise Refused(f"{where}: unknown field {unknown[0]!r:.60}; known are {', '.join(known)}")
    return dict(told)


def _imported(paths: list[Path], which: str | None, *, talk: bool) -> Found | None:
    """A run of trajectory files, which is over; None where there is none, or (without `talk`) only a chat."""
    from featrouter.importers import Import

    reading = Import(paths)
    names = []
    for run, trajectory in reading:
        if not talk and "chat" in reading.counts:
            return None
        if which in (None, run.run_id):
            return Found(trajectory, run.run_id, run.harness)
        names.append(run.run_id)
    if names:
        raise _missing(str(paths[0]), str(which), names)
    return None


def _logged(path: Path, which: str | None) -> Found:
    """A run of a log; in a folder without one, of the trajectories there."""
    from featrouter.logs import Logs

    if path.is_dir() and not any(_is_log(each) for each in path.iterdir() if each.is_file()):
        if found := _imported([path], which, talk=True):
            return found
        raise Refused(f"{path}: no run is in this folder, neither logged nor as a trajectory file")
    with refusals():
        read = Logs([path])
        names = []
        for run, trajectory in read.trajectories():
            if not trajectory.turns:  # a runs file alone tells of none
                continue
            if which in (None, run.run_id):
                return Found(trajectory, run.run_id, run.harness)
            names.append(run.run_id)
    raise _missing(str(path), str(which), names)


def _missing(place: str, which: str, names: list[str]) -> Refused:
    if not names:
        return Refused(f"{place}: no turns of any run are in it (a turns file holds them)")
    near = difflib.get_close_matches(which, names, n=3, cutoff=0.4) or names[:5]
    return Refused(f"{place}: no run {which!r:.80} among its {len(names)}; there are {', '.join(near)} …")


def _is_log(path: Path) -> bool:
    """By its ending: what is in it is looked at by who reads it."""
    suffixes = [suffix for suffix in path.suffixes[-2:] if suffix not in _PACKED]
    return bool(suffixes) and suffixes[-1] in (".csv", ".parquet")


def _is_packed(path: Path) -> bool:
    return path.suffix in _PACKED


_PACKED = (".gz", ".bz2", ".xz", ".zst")
