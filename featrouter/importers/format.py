"""What an importer is: a name, how its records are told from others, and how runs are read from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from featrouter.importers.records import Damaged, Note, Record
from featrouter.logs.run import Run
from featrouter.trajectory import Trajectory

_INSTANCE = re.compile(r"([A-Za-z0-9][\w.-]*?)__([A-Za-z0-9][\w.-]*)-\d+")


class Imported(NamedTuple):
    """A run as a format tells it; its run_id and task_id may be blank. `record` is where it was found.

    `over`: the file says that the run is; not to say so means nothing in most formats.
    """

    run: Run
    trajectory: Trajectory
    record: Record
    over: bool = False


class PassedBy(ValueError):
    """What is there is of the format, and no run of its own; the message says what it is."""


class Format(NamedTuple):
    """A trajectory format.

    `recognises` tells a record's value by its fields. `read` takes the records of one file, or where the format
    `gathers` of all files of a folder, yields the runs and notes the records that it could not take. It may raise
    Damaged or PassedBy, and nothing else.
    """

    name: str
    recognises: Callable[[Any], bool]
    read: Callable[[Iterable[Record], Note], Iterator[Imported]]
    gathers: bool = False


def each(
    recognises: Callable[[Any], bool], read: Callable[[Record], Iterator[Imported]]
) -> Callable[[Iterable[Record], Note], Iterator[Imported]]:
    """The `read` of a format that tells whole runs by single records; `read` gets those that are recognised."""

    def read_all(records: Iterable[Record], note: Note) -> Iterator[Imported]:
        for record in records:
            try:
                if not recognises(record.value):
                    raise Damaged("is of another form than the records before it")
                yield from read(record)
            except Damaged as damaged:
                note(record, str(damaged))

    return read_all


def repo_of(instance: str) -> str:
    """The repository that an id of SWE-bench's kind names: `django__django-11001` is of django/django."""
    match = _INSTANCE.fullmatch(instance)
    return f"{match[1]}/{match[2]}" if match else ""
