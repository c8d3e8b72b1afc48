"""The options of verbs that may work beyond one machine's memory: on a cluster, by partitions, with what was there before."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from featrouter.cli.options import EXIT_DATA, Refused, mistaken, table_of
from featrouter.cli.painting import echo
from featrouter.cli.progress import Stages

if TYPE_CHECKING:
    from featrouter.partitions.engine import Engine
    from featrouter.partitions.store import Extracted
    from featrouter.training.table import Table, Told

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([KMGT]?)(I?)B?", re.IGNORECASE)
_LEAST = 200 * 10**6


class Memory(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.3 on
    """Bytes, as 500MB or 2GiB."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        if isinstance(value, int):
            return value
        if not (found := _MEMORY.fullmatch(value.strip())):
            self.fail(f"{value!r} is no size; write 500MB or 2GB", param, ctx)
        size = (
            float(found[1])
            * _UNITS[found[2].upper()]
            * (1.024 ** (" KMGT".index(found[2].upper() or " ")) if found[3] else 1)
        )
        if size < _LEAST:
            self.fail(f"{value!r} is too little: Python with its packages takes {_LEAST // 10**6} MB", param, ctx)
        return int(size)


class Place(click.ParamType):  # type: ignore[type-arg]
    """A path, a glob, or a URL of logs."""

    name = "path"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        told = str(value)
        if "://" not in told and not spelled_out(told):
            self.fail(f"{told!r} does not exist", param, ctx)
        return told


PLACES = click.argument("logs", nargs=-1, required=True, type=Place(), metavar="LOGS...")


@dataclass(frozen=True)
class Scale:
    """Where the work is done: by a cluster's workers, of a `scheduler` or so many `workers` here, each with `memory` bytes.

    Without either, by this process. `since`: the folder of feature rows that is added to. `sample`: the share of the runs
    that is learned from or judged.
    """

    workers: int | None
    scheduler: str | None
    memory: int
    since: str | None = None
    sample: float = 1.0

    @property
    def cluster(self) -> bool:
        return self.workers is not None or self.scheduler is not None

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        from featrouter.cluster.engine import ClusterError, cluster
        from featrouter.partitions.engine import Here

        if not self.cluster:
            yield Here(self.memory)
            return
        try:
            with cluster(scheduler=self.scheduler, workers=self.workers, memory=self.memory) as found:
                yield found
        except ClusterError as error:
            raise Refused(str(error)) from None


def scaling(*, since: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options; the verb gets them as one `scale`."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def told(workers: int | None, scheduler: str | None, memory: int, **given: Any) -> Any:
            if workers is not None and scheduler is not None:
                raise mistaken("workers", "give either --workers, for processes on this machine, or --scheduler")
            scale = Scale(workers, scheduler, memory, given.pop("since", None), given.pop("sample", 1.0))
            if scale.sample < 1 and not scale.cluster and scale.since is None:
                raise mistaken(
                    "sample", "a sample is drawn of feature rows in partitions: add --since FOLDER or --workers"
                )
            return command(scale=scale, **given)

        for option in reversed(_SCALING if since else _SCALING[:-2]):
            told = option(told)
        return told

    return decorated


_SCALING = (
    click.option(
        "--workers",
        type=click.IntRange(1),
        metavar="N",
        help="Work by partitions, in so many processes on this machine (the extra `dask`). 1 works out of core.",
    ),
    click.option("--scheduler", metavar="URL", help="Work on this Dask cluster, tcp://host:8786 (the extra `dask`)."),
    click.option(
        "--memory",
        type=Memory(),
        default="2GB",
        show_default=True,
        help="What one worker may take; a log may be many times larger.",
    ),
    click.option(
        "--since",
        metavar="FOLDER",
        help="Feature rows of earlier logs, in parquet; only runs that are new or have changed are extracted, and added.",
    ),
    click.option(
        "--sample",
        type=click.FloatRange(0, 1, min_open=True),
        default=1.0,
        show_default=True,
        help="Take this share of the runs in partitions, the same ones each time.",
    ),
)


def local(logs: Sequence[str]) -> list[Path]:
    """The places of a log as paths of this machine, globs spelled out."""
    found: list[Path] = []
    for place in logs:
        if "://" in place:
            raise click.UsageError(f"{place}: a URL is read by partitions; add --workers 1, or --scheduler")
        found += spelled_out(place)
    return found


def spelled_out(place: str) -> list[Path]:
    """The path itself, or what it stands for as a glob."""
    return [Path(place)] if os.path.lexists(place) else sorted(map(Path, glob.glob(place, recursive=True)))


def extracted(logs: Sequence[str], folder: str, engine: Engine, *, since: bool, max_rejects: int) -> Extracted:
    """Extract into a folder and say what became of every row; end with exit code 3 above the reject limit."""
    from featrouter.partitions.folder import Folder
    from featrouter.partitions.store import extract
    from featrouter.partitions.tally import lines

    done = extract(logs, Folder(folder), engine, since=since, say=Stages())
    for line in lines(done.total):
        echo(line, err=True)
    for name, error in done.errors.items():
        echo(f"damaged: {error if name in error else f'{name}: {error}'}", "bad", err=True)
    if done.rejected > max_rejects:
        raise Refused(
            f"{done.total['rejected']} rows and {len(done.errors)} files or partitions were rejected (see above); the other "
            f"{len(done.entries)} partitions are in {folder}: mend the log, or allow as many with --max-rejects, and run "
            "this again: only what is missing is done",
            EXIT_DATA,
        )
    return done


@contextmanager
def tabled(
    logs: Sequence[str], scale: Scale, folder: str | None, jobs: int, max_rejects: int
) -> Iterator[tuple[Told, Table]]:
    """The feature rows of logs: on one machine as ever; else by partitions in that of --since, or in `folder` (None: in one for
    as long as the block runs).
    """
    if not scale.cluster and scale.since is None:
        yield table_of(local(logs), jobs, max_rejects)
        return
    from featrouter.partitions.folder import Folder
    from featrouter.partitions.reading import table_of as table_in
    from featrouter.partitions.store import entries_of

    with scale.engine() as engine, TemporaryDirectory() as room:
        where = scale.since or folder or f"{room}/features"
        done = extracted(logs, where, engine, since=scale.since is not None, max_rejects=max_rejects)
        store = Folder(where)
        entries = entries_of(store)
        if scale.cluster:
            from featrouter.cluster.engine import Cluster
            from featrouter.cluster.matrix import Matrix, Pieces

            assert isinstance(engine, Cluster)
            cluster = engine

            def spread(rows: Any, names: tuple[str, ...]) -> Any:
                return Matrix(Pieces(cluster, store, entries, names), rows, len(names))

            table, told = table_in(store, entries, done.outcomes, spread, sample=scale.sample)
        else:
            table, told = table_in(store, entries, done.outcomes, sample=scale.sample)
        yield told, table
