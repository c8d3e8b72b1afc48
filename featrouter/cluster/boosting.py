"""One forest of rows that several workers hold, by lightgbm.dask; begun again when a worker is lost over it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from featrouter.cluster.engine import DEATHS, WAIT, Cluster, ClusterError

#: scikit-learn's names of LightGBM's settings, which its own names would be warned to override.
_NAMES = {
    "min_data_in_leaf": "min_child_samples",
    "feature_fraction": "colsample_bytree",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
    "lambda_l2": "reg_lambda",
    "seed": "random_state",
}
#: lightgbm.dask gives every worker as many threads as Dask does.
_WORKERS_OWN = ("num_threads",)
#: Seconds between looks at the workers.
_LOOK = 0.2


def boost(
    cluster: Cluster,
    parts: Callable[[], Sequence[Any]],
    sizes: Sequence[int],
    width: int,
    params: Mapping[str, Any],
    trees: int,
    *,
    weighted: bool,
) -> Any:
    """A booster. `parts` gives futures of (x, target, weight), of `sizes` rows by `width` columns each.

    Where a worker dies all begin again, with those that are there. ClusterError after DEATHS such times.
    """
    told = {_NAMES.get(name, name): value for name, value in params.items() if name not in _WORKERS_OWN}
    for _ in range(DEATHS + 1):
        made = parts()
        cluster.wait(made)  # another client cannot ask for what the scheduler has not heard of
        before = cluster.workers()
        found = _attempt(cluster, made, sizes, width, told | {"n_estimators": trees}, weighted, before)
        if found is not None:
            return found
        with suppress(Exception):  # of a foreign cluster they may have no nanny that would start them again
            # What a broken training left in those that remain goes with them.
            cluster.client.restart_workers(sorted(before & cluster.workers()), timeout=WAIT)
    raise ClusterError(
        f"training lost workers {DEATHS + 1} times: they may want more memory than --memory gives, or somebody kills "
        "them; the features are written, so run the same command again to go on from there"
    )


def _attempt(
    cluster: Cluster,
    parts: Sequence[Any],
    sizes: Sequence[int],
    width: int,
    params: Mapping[str, Any],
    weighted: bool,
    before: set[str],
) -> Any:
    """The booster; None where a worker of those `before` was lost meanwhile."""
    from distributed import Client

    # A client of its own is what ends it: those that remain would wait for the dead one for hours.
    with Client(cluster.client.scheduler.address, set_as_default=False) as client, ThreadPoolExecutor(1) as thread:
        fitting = thread.submit(_fit, client, parts, sizes, width, params, weighted)
        while not _done(fitting):
            if before - cluster.workers():
                client.close()
                with suppress(Exception):
                    fitting.result()
                return None
        try:
            return fitting.result()
        except CancelledError:  # rows were lost before it began
            return None
        except Exception:
            if before - cluster.workers():
                return None
            raise


def _done(fitting: Future[Any]) -> bool:
    with suppress(TimeoutError):
        fitting.exception(_LOOK)
    return fitting.done()


def _fit(
    client: Any, parts: Sequence[Any], sizes: Sequence[int], width: int, params: Mapping[str, Any], weighted: bool
) -> Any:
    from dask import array, delayed
    from lightgbm import register_logger
    from lightgbm.dask import DaskLGBMRegressor

    register_logger(_Quiet())

    def stacked(place: int, *tail: int) -> Any:
        blocks = [
            array.from_delayed(delayed(_part)(part, place), (size, *tail), dtype="float64" if tail else "float32")
            for part, size in zip(parts, sizes, strict=True)
        ]
        return array.concatenate(blocks)

    # lightgbm.dask asks Dask for the client of the moment, whatever it was given.
    with warnings.catch_warnings(action="ignore", category=UserWarning), client.as_current():
        model = DaskLGBMRegressor(client=client, **params)
        model.fit(stacked(0, width), stacked(1), sample_weight=stacked(2) if weighted else None)
    return model.booster_


class _Quiet:
    """A log of nothing: LightGBM tells on stdout, where results stand, which ports it listens to."""

    def info(self, words: str) -> None: ...

    def warning(self, words: str) -> None: ...


def _part(part: Sequence[Any], place: int) -> Any:
    return part[place]
