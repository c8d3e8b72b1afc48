"""A Dask cluster as an engine: of processes on this machine, or one that runs elsewhere."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from featrouter import __version__
from featrouter.catalogue import digest

#: So many processes may die over a piece of work before it is given up; the work goes to another one each time.
DEATHS = 3
_SECONDS = 30


class ClusterError(RuntimeError):
    """The cluster cannot be had, or did not do its work; the message says what to do."""


class Cluster:
    """The workers of a Dask `client`, each with `memory` bytes. See partitions.Engine."""

    def __init__(self, client: Any, memory: int) -> None:
        self.client, self.memory = client, memory

    def each(self, function: Callable[..., Any], work: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Raises ClusterError when the scheduler is lost; a piece over which workers die ends with one."""
        from distributed import as_completed

        with warnings.catch_warnings(action="ignore", category=UserWarning):
            places = {self.client.submit(function, *args, pure=False): place for place, args in enumerate(work)}
        try:
            for future in as_completed(places, loop=self.client.loop):
                yield places.pop(future), self._result(future)
        finally:
            self.client.cancel(list(places))

    def _result(self, future: Any) -> Any:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker:
            return ClusterError(
                f"{DEATHS + 1} worker processes died over it: it may want more memory than --memory gives, or somebody "
                "kills them; what is written stays, run the same command again to go on"
            )
        except (CancelledError, OSError) as error:
            raise ClusterError(f"the scheduler was lost ({error}); run the same command again to go on") from None
        except Exception as error:
            return error


@contextmanager
def cluster(*, scheduler: str | None = None, workers: int | None = None, memory: int = 1 << 30) -> Iterator[Cluster]:
    """A cluster for as long as the block runs: that of a `scheduler`, tcp://host:port, or `workers` processes here.

    `memory`: bytes a worker; one that needs more spills to disk, then is restarted. Raises ClusterError.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise ClusterError("a cluster needs: pip install 'featrouter[dask]'") from None
    for name in ("distributed", "distributed.nanny", "distributed.worker", "distributed.scheduler", "bokeh"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    settings = {"distributed.scheduler.allowed-failures": DEATHS, "distributed.comm.timeouts.connect": f"{_SECONDS}s"}
    with dask.config.set(settings), tempfile.TemporaryDirectory(prefix="featrouter-") as room:
        if scheduler is not None:
            try:
                client = Client(scheduler, timeout=_SECONDS, set_as_default=False)
            except (OSError, ValueError, TimeoutError) as error:
                raise ClusterError(f"--scheduler {scheduler}: no scheduler answers there ({error})") from None
            with client:
                yield _checked(Cluster(client, memory))
            return
        local = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=memory,
            dashboard_address=None,
            local_directory=room,
            silence_logs=logging.CRITICAL,
        )
        with local, Client(local, set_as_default=False) as client:
            client.register_worker_callbacks(_silence)
            yield Cluster(client, memory)


def _checked(found: Cluster) -> Cluster:
    """The cluster, if its workers extract what this process would."""
    try:
        told = found.client.run(_version)
    except Exception as error:
        raise ClusterError(f"its workers cannot run featrouter ({error}); install the same version there") from None
    if not told:
        raise ClusterError("the scheduler has no worker; start some: dask worker tcp://…")
    here = _version()
    for address, there in told.items():
        if there != here:
            raise ClusterError(
                f"worker {address} has featrouter {there[0]} with features {there[1][:12]}, here it is {here[0]} with "
                f"{here[1][:12]}; install the same version everywhere"
            )
    return found


def _silence() -> None:
    """LightGBM tells from C on stdout, which is for results, what ports it listens to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _version() -> tuple[str, str]:
    return __version__, digest()
