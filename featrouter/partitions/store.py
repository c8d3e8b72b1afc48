"""Feature rows in a folder: partitions in parquet, and a manifest that says which are whole and what they come from."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from featrouter import __version__
from featrouter.catalogue import digest
from featrouter.logs import LogError, Outcome
from featrouter.logs.forms import OUTCOMES
from featrouter.logs.part import Key
from featrouter.partitions.engine import Engine
from featrouter.partitions.extraction import Task, extract_partition
from featrouter.partitions.files import File, found
from featrouter.partitions.folder import Folder
from featrouter.partitions.labels import Labelled, keep_outcomes, kept_outcomes, labelled, outcomes_of
from featrouter.partitions.moving import WORK, Piece, move
from featrouter.partitions.plan import Partition, Plan, plan, words
from featrouter.partitions.scan import Scan, scanned
from featrouter.partitions.since import Changes, changes_of, known_of, without
from featrouter.partitions.tally import summed

MANIFEST = "_manifest.json"
#: Bytes of turns that make a partition, at most and at least. Of a worker's memory one takes a share, and of a small log,
#: so that several workers have something to do.
_SIZE, _LEAST, _SHARE = 1 << 27, 1 << 20, 8

Say = Callable[[str], None]


@dataclass
class Extracted:
    """What became of a log: `entries`, one a partition, as the manifest keeps them, and how many of them were there
    before. `total`: rows read, rejected, duplicates (see tally). `errors`: files and partitions that could not be read,
    by name. `files`: the tallies of files all of whose rows moved. `plan` tells what moved, `seconds` how long looking,
    moving and extracting took.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    kept: int = 0
    total: dict[str, Any] = field(default_factory=lambda: summed(()))
    errors: dict[str, str] = field(default_factory=dict)
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """Rows that were refused, and files and partitions, each of which counts as one."""
        return int(self.total["rejected"]) + len(self.errors)

    @property
    def rows(self) -> int:
        return sum(entry["rows"] for entry in self.entries)

    @property
    def runs(self) -> int:
        return sum(entry["runs"] for entry in self.entries)


def extract(
    places: Sequence[str],
    folder: Folder,
    engine: Engine,
    *,
    since: bool = False,
    size: int | None = None,
    say: Say = lambda words: None,
) -> Extracted:
    """Writes the feature rows of a log's runs into a folder, partition by partition, and the manifest that lists them.

    A partition that the folder holds already, of the same rows of the same files, is kept. One that cannot be extracted
    is told, and the rest is done. `since`: what the folder holds stays, and only runs that it does not hold, or that
    have gone on or got a label, are added. LogError where a place cannot be asked, and, without `since`, where the
    folder holds the rows of other files.
    """
    done, clock = Extracted(), Clock()
    files, scans = _looked(places, engine, say)
    manifest = _manifest(folder)
    listed = manifest["partitions"]
    if not since:
        _check_others(folder, listed, {file.url for file in files})
    told, tallies = outcomes_of([file for file, scan in zip(files, scans, strict=True) if scan.form == OUTCOMES.name])
    done.outcomes = kept_outcomes(folder) | told if since else told
    changes = changes_of(known_of(folder, listed), scans, done.outcomes) if since and listed else Changes()
    size = size or _size(int(sum(scan.sizes.sum() for scan in scans)), engine.memory)
    done.plan = plan(files, scans, size=size, skip=changes.same)
    done.errors |= done.plan.errors
    if done.plan.features:
        raise LogError(f"{done.plan.features[0].url}: holds feature rows already; give turns and runs to extract from")
    for line in filter(None, (*words(done.plan), changes.words)):
        say(line)
    done.seconds["looking"] = clock.lap()
    waiting = list(labelled(done.plan, done.outcomes, changes.held))
    done.entries = list(_there(folder, listed, waiting))
    done.kept = len(done.entries)
    if done.kept:
        say(f"{done.kept} of {len(waiting)} partitions are there already")
    whole = {entry["file"] for entry in done.entries}
    todo = [one for one in waiting if one.file not in whole]
    moved = _moved(done, [one.partition for one in todo], folder, engine, say)
    done.seconds["moving"] = clock.lap()
    _extract(done, list(_tasks(todo, moved)), folder, engine, say)
    order = {one.file: place for place, one in enumerate(waiting)}
    done.entries.sort(key=lambda entry: order[entry["file"]])
    done.files = manifest["files"] | {
        one.file.url: moved[one.key]["account"] for one in done.plan.moves if one.key in moved
    }
    gone = _gone(done.plan)
    of_files = [tally for url, tally in done.files.items() if url in gone]
    done.total = summed([*tallies, *of_files, *(entry["tally"] for entry in done.entries)])
    done.seconds["extracting"] = clock.lap()
    new = {entry["file"] for entry in done.entries}
    stays = [without(folder, entry, changes.changed) for entry in listed if since and entry["file"] not in new]
    if done.outcomes:
        keep_outcomes(folder, done.outcomes)
    publish(folder, [*stays, *done.entries], done.files, finished=not done.errors)
    return done


def _looked(places: Sequence[str], engine: Engine, say: Say) -> tuple[list[File], list[Scan]]:
    files = found(places)
    scans = _all(engine, scanned, [(file.url,) for file in files], say, "looking at files")
    if broken := next((scan for scan in scans if isinstance(scan, Exception)), None):
        raise broken
    return files, scans


def _check_others(folder: Folder, listed: Sequence[Mapping[str, Any]], given: Collection[str]) -> None:
    if strangers := [url for entry in listed for url in entry["sources"] if url not in given]:
        raise LogError(
            f"{folder.url}: holds the rows of other logs, such as {strangers[0]}; give these, too, or another folder, or "
            "add to it with --since"
        )


def _there(folder: Folder, listed: Sequence[dict[str, Any]], waiting: Sequence[Labelled]) -> Iterator[dict[str, Any]]:
    """The entries of partitions that were finished before, in this work or an earlier one, and are what they were."""
    known = {entry["file"]: entry for entry in listed}
    for one in waiting:
        entry = known.get(one.file) or folder.read(f"{WORK}/{one.key}.json")
        if entry and folder.digest(entry["file"]) == entry["sha256"]:
            yield entry


class Clock:
    """Seconds from one lap to the next."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def lap(self) -> float:
        before, self._began = self._began, time.monotonic()
        return round(self._began - before, 3)


def entries_of(folder: Folder) -> list[dict[str, Any]]:
    """The partitions that a folder's manifest lists; none where it has none. LogError for those of other features."""
    return list(_manifest(folder)["partitions"])


def _manifest(folder: Folder) -> dict[str, Any]:
    told = folder.read(MANIFEST)
    if told is None:
        return {"partitions": [], "files": {}}
    if told.get("catalogue") != digest():
        raise LogError(f"{folder.url}: was extracted with another catalogue of features; extract it again elsewhere")
    return told


def publish(
    folder: Folder, entries: Sequence[dict[str, Any]], files: dict[str, dict[str, Any]], *, finished: bool
) -> None:
    """Makes these the partitions of a folder. Where the work is `finished`, whatever else lay in it of ours goes."""
    told = {"featrouter": __version__, "catalogue": digest(), "partitions": list(entries), "files": files}
    folder.write(MANIFEST, told)
    if finished:
        listed = {entry["file"] for entry in entries}
        for name in folder.names():
            if name.startswith("part-") and name not in listed:
                folder.remove(name)
        folder.remove(WORK)


def _size(total: int, memory: int) -> int:
    """Bytes of turns a partition. Powers of two, so that a log that grows a little is cut as it was; the number of workers,
    which comes and goes, has no say.
    """
    wanted = min(_SIZE, memory // _SHARE, total // _SHARE)
    return max(_LEAST, 1 << (wanted.bit_length() - 1) if wanted else 0)


def _all(
    engine: Engine, function: Callable[..., Any], work: Sequence[tuple[Any, ...]], say: Say, what: str
) -> list[Any]:
    results: list[Any] = [None] * len(work)
    for done, (place, result) in enumerate(engine.each(function, work), 1):
        results[place] = result
        say(f"{what}: {done} of {len(work)}")
    return results


def _tasks(todo: Sequence[Labelled], moved: Mapping[str, dict[str, Any]]) -> Iterator[Task]:
    for partition, key, outcomes, shared in todo:
        pieces = tuple(Piece.of(one, moved[one.key], partition.number) for one in partition.moves if one.key in moved)
        if len(pieces) == len(partition.moves):  # else the move that failed is told
            yield Task(key, partition.files, partition.gone, pieces, outcomes, shared)


def _extract(done: Extracted, tasks: Sequence[Task], folder: Folder, engine: Engine, say: Say) -> None:
    found = _all(engine, extract_partition, [(task, folder) for task in tasks], say, "extracting partitions")
    for task, entry in zip(tasks, found, strict=True):
        if isinstance(entry, Exception):
            named = ", ".join(task.sources[:3]) + ", …" * (len(task.sources) > 3)
            done.errors[f"{task.file} (of {named})"] = f"{type(entry).__name__}: {entry}"
        elif not folder.has(entry["file"]):
            done.errors[task.file] = (
                f"{folder.url}: this machine does not see what a worker wrote there; share it, or give a URL"
            )
        else:
            done.entries.append(entry)


def _moved(
    done: Extracted, partitions: Sequence[Partition], folder: Folder, engine: Engine, say: Say
) -> dict[str, dict[str, Any]]:
    """What every move that these partitions need wrote, by its key."""
    needed = {one.key for partition in partitions for one in partition.moves}
    moves = [one for one in done.plan.moves if one.key in needed]
    results = _all(engine, move, [(one, folder) for one in moves], say, "moving rows") if moves else []
    moved: dict[str, dict[str, Any]] = {}
    for one, result in zip(moves, results, strict=True):
        if isinstance(result, Exception):
            done.errors[one.file.url] = f"{type(result).__name__}: {result}"
        else:
            moved[one.key] = result
    return moved


def _gone(found: Plan) -> set[str]:
    """The files of which nothing stays: their rows are accounted for where they were moved from."""
    stays = {file for partition in found.partitions for file in partition.files}
    return {one.file.url for one in found.moves if one.file not in stays}
