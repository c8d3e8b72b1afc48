"""A Dask cluster as an engine: of processes on this machine, or one that runs elsewhere."""

from __future__ import annotations

import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any

from featrouter import __version__
from featrouter.catalogue import digest

#: So many processes may die over a piece of work before it is given up; the work goes to another one each time.
DEATHS = 3
#: Seconds that a scheduler is waited for, and new workers where none is left; and between two looks at them.
_SECONDS, WAIT, _LOOK = 30, 60, 2.0


class ClusterError(RuntimeError):
    """The cluster cannot be had, or did not do its work; the message says what to do."""


class Cluster:
    """The workers of a Dask `client`, each with `memory` bytes. See partitions.Engine."""

    def __init__(self, client: Any, memory: int) -> None:
        self.client, self.memory = client, memory

    def each(self, function: Callable[..., Any], work: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Raises ClusterError when the scheduler is lost, or all workers; a piece over which workers die ends with one."""
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            places = {self.client.submit(function, *args, pure=False): place for place, args in enumerate(work)}
        try:
            while places:
                for future in self._done(list(places)):
                    yield places.pop(future), self._result(future)
        finally:
            self.client.cancel(list(places))

    def workers(self) -> set[str]:
        """The addresses of those that are there."""
        return set(self.client.scheduler_info(n_workers=-1)["workers"])

    def wait(self, futures: Sequence[Any]) -> None:
        """Until all are done, well or not. Raises ClusterError when no worker is left that would."""
        left = list(futures)
        while left:
            finished = self._done(left)
            left = [future for future in left if future not in finished]

    def _done(self, futures: Sequence[Any]) -> set[Any]:
        """Those that are done, once any is."""
        from distributed import wait

        seen = time.monotonic()
        while time.monotonic() - seen < WAIT:
            with self.client.as_current(), suppress(TimeoutError, CancelledError):
                wait(futures, timeout=_LOOK, return_when="FIRST_COMPLETED")
            if finished := {future for future in futures if future.status != "pending"}:
                return finished
            if self.workers():
                seen = time.monotonic()
        raise ClusterError(
            f"no worker is left, and none came within {WAIT} s; what is written stays: start some, run again"
        )

    def _result(self, future: Any) -> Any:
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
            dashboard_address="127.0.0.1:0",  # its page shows all that it does: to this machine alone
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
