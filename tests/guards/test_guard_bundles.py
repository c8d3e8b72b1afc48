"""Bundles from anywhere: refused in words or served soundly, whatever was done to the file or to whoever saved it."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from click.testing import CliRunner
from clock import assert_takes_at_most, clocked, yardstick
from forging import GOOD, damaged, forged, mutated, reseal
from guard import times

from featrouter import Bundle, BundleError, Costs, Router, Turn
from featrouter.batch import decide_many
from featrouter.bundle import MAX_BYTES, MAX_PARTS
from featrouter.calibration import Calibrator
from featrouter.catalogue import digest, feature_set
from featrouter.cli import main
from featrouter.forest import Forest
from featrouter.head import Head
from featrouter.integrations.source import RouterFile
from featrouter.linear import Linear
from featrouter.logs import LogError, Logs
from featrouter.reference import Reference
from featrouter.resources import place
from featrouter.shap import Explainer


def _served(content: dict[str, Any]) -> None:
    content["features"] = ["effort_length", "testruns_failing", "edits_refused", "prompt_words"]
    content["importances"]["edits_refused"] = content["importances"].pop("edits_files")
    content["catalogue"] = digest()


#: Four real features, every kind of head, two calibrators, two references, two policies: small, so that damage hits.
SERVED = Bundle.from_bytes(forged(_served)).to_bytes()
TURNS = [
    Turn("look", "cat a.py", "x = 1"),
    Turn("fix", "sed -i s/1/2/ a.py", ""),
    Turn("test", "pytest", "2 failed, 1 passed in 0.1s"),
]
ROWS = np.array([[np.nan] * 4, [0.0] * 4, [np.inf] * 4, [-1e308, 1 / 3, 9.0, 5e-324]])


def finite(found: Bundle) -> bool:
    """Whether a bundle answers with probabilities: each part of it, and the router that serves it."""
    heads = list(found.heads.values())
    width = len(found.features)
    rows = np.resize(ROWS, (len(ROWS), width))
    sound = np.isfinite(Forest(heads, width).score_many(rows)).all()
    explainer = Explainer(heads, width)
    sound &= all(np.isfinite(explainer.contributions(row)).all() for row in rows)
    for calibrator in found.calibrators.values():
        sound &= all(0 < calibrator(score) < 1 for score in (-1e18, 0.0, 1e18, *calibrator.x))
    for reference in found.references.values():
        sound &= bool(((abs(reference.ranks(rows)) <= 1) | np.isnan(rows)).all())
    return bool(sound)


def serves(found: Bundle) -> bool:
    """Whether a router of this bundle decides a run with probabilities, or says why it does not trust its numbers."""
    router = Router(found, guard=False, harness=next(iter(found.references)))
    session = router.session("Fix `a.py`")
    for turn in (None, *TURNS):
        if turn:
            session.observe(turn)
        for told in (session.decide(), *decide_many(router, [session])):
            known = all(0 < r < 1 for r in (told.r1, told.r2)) and all(map(np.isfinite, (told.y1, told.y2)))
            if session.failed or not (known or told.fallback):
                return False
        if not all(np.isfinite(reason.effect) for reason in session.explain(9)):
            return False
    session.end()
    return session.decide().choice in ("accept", "escalate", "stop") and not session.failed


@times(600, 10_000)
def test_no_mutant_crashes_hangs_or_answers_nonsense(n: int, tally: Callable[..., None]) -> None:
    rng = random.Random(n)
    slowest, refused, loaded, served, silent = 0.0, 0, 0, 0, 0  # slowest: yardsticks
    good = Bundle.from_bytes(SERVED)
    assert serves(good)
    for number in range(n):
        sealed = number % 2 == 0
        data = mutated(rng, SERVED) if sealed else damaged(rng, SERVED)
        if not sealed and data == SERVED:
            continue
        with clocked() as taken:
            try:
                found = Bundle.from_bytes(data)
            except BundleError as error:
                assert len(str(error)) > 20 and str(error).encode()
                refused += 1
            else:
                loaded += 1
                silent += not sealed
                assert finite(found)
                if found.features == good.features and found.catalogue == good.catalogue:
                    assert serves(found)
                    served += 1
                else:
                    with pytest.raises(BundleError, match=r"another feature catalogue|wants the feature"):
                        Router(found)
                assert Bundle.from_bytes(found.to_bytes()).to_bytes() == found.to_bytes()
        slowest = max(slowest, taken.seconds / yardstick())
    assert silent == 0 and slowest < 100
    assert served > n / 100 and refused > n / 2  # both outcomes are really tried
    tally(mutants=n, refused=refused, loaded_and_sound=loaded, served=served, silent=silent, slowest_yardsticks=slowest)


@times(30, 400)
def test_no_mutant_of_the_shipped_default_either(n: int, tally: Callable[..., None]) -> None:
    good = Path(place("models/default/default.featrouter")).read_bytes()
    rng = random.Random(n)
    slowest, refused = 0.0, 0
    for number in range(n):
        data = mutated(rng, good) if number % 2 == 0 else damaged(rng, good)
        with clocked() as taken:
            try:
                found = Bundle.from_bytes(data)
            except BundleError:
                refused += 1
            else:
                assert number % 2 == 0 or data == good
                assert finite(found)
        slowest = max(slowest, taken.seconds / yardstick())
    assert slowest < 100 and refused > n / 2
    tally(mutants=n, refused=refused, slowest_yardsticks=slowest)


BOMBS = {
    "objects": b"{},",
    "lists": b"[],",
    "nested": b"[" * 10 + b"]" * 10 + b",",
    "numbers": b"0,",
    "floats": b"1e9,",
    "texts": b'"",',
    "long numbers": b"9" * 4000 + b",",
    "escapes": b'"' + rb"\ud83d\ude00" * 50 + b'",',
}


@pytest.mark.parametrize("unit", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("yardsticks", [150, pytest.param(100, marks=pytest.mark.campaign)])
def test_the_largest_file_is_read_or_refused_within_a_second(unit: bytes, yardsticks: int) -> None:
    room = MAX_BYTES - len(SERVED) - 100

    def read(data: bytes) -> None:
        with suppress(BundleError):
            Bundle.from_bytes(data)

    for key in (b'"metrics": {', b'"provenance": {'):
        bomb = reseal(SERVED.replace(key, key + b'"a":[' + unit * (room // len(unit)) + b"0],"))
        assert MAX_BYTES * 0.99 < len(bomb) <= MAX_BYTES
        for data in (bomb, bomb[:-2], bomb + b" " * MAX_BYTES):
            assert_takes_at_most(partial(read, data), yardsticks=yardsticks)


def test_what_could_not_be_read_back_is_not_saved(tmp_path: Path) -> None:
    good = Bundle.from_bytes(GOOD)
    good.save(path := tmp_path / "m.featrouter")
    for metrics in ({"a": [[]] * MAX_PARTS}, {"a": "x" * MAX_BYTES}):
        good.metrics.clear()
        good.metrics.update(metrics)
        with pytest.raises(BundleError, match="a bundle never"):
            good.save(path)
    assert path.read_bytes() == GOOD


class Leaves:
    """Runs code where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.marker}'",)


COMMANDS = [
    "train CSV --base PATH -o OUT",
    "evaluate CSV --bundle PATH",
    "adapt PATH CSV -o OUT",
    "drift PATH CSV",
    "decide PATH PATH",
    "explain default CSV",
    "importances PATH",
    "import CSV PATH -o OUT",
]


def test_pickle_and_joblib_never_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    files = [tmp_path / "m.pkl"]
    files[0].write_bytes(pickle.dumps(Leaves(marker)))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        files.append(tmp_path / f"{protocol}.featrouter")
        files[-1].write_bytes(pickle.dumps(Leaves(marker), protocol=protocol))
    for kind in ("joblib", "z", "gz", "bz2", "xz", "lzma"):
        files.append(tmp_path / f"m.{kind}")
        joblib.dump(Leaves(marker), files[-1])
    files.append(tmp_path / "m.npy")
    np.save(files[-1], np.array([Leaves(marker)], dtype=object), allow_pickle=True)
    for path in files:
        for load in (Router.load, RouterFile, Bundle.load):
            with pytest.raises(BundleError, match="not a featrouter bundle"):
                load(path)
        with pytest.raises(LogError):
            Logs([path])
        csv = path.rename(path.with_name(f"{path.name}.csv"))
        for command in COMMANDS:
            told = {"PATH": str(csv), "CSV": str(csv), "OUT": str(tmp_path / "out")}
            done = CliRunner().invoke(main, [told.get(word, word) for word in command.split()])
            assert done.exit_code in (1, 2, 3) and isinstance(done.exception, SystemExit), (command, done.exception)
    assert not marker.exists()
    pickle.loads(pickle.dumps(Leaves(marker)))
    assert marker.exists()  # they would have, had anybody loaded them


def test_a_pin_holds_for_the_router_and_for_what_follows_a_file(tmp_path: Path) -> None:
    path = tmp_path / "m.featrouter"
    path.write_bytes(SERVED)
    pin = hashlib.sha256(SERVED).hexdigest()
    follower = RouterFile(path, sha256=pin, harness="")
    before = follower.router
    assert Router.load(path, sha256=pin, harness="").bundle.to_bytes() == before.bundle.to_bytes() == SERVED
    path.write_bytes(forged(lambda content: content["costs"].update(value=3.5), SERVED))
    for load in (lambda: Router.load(path, sha256=pin), follower.reload):
        with pytest.raises(BundleError, match="its sha256 is not the one asked for"):
            load()
    assert follower.router is before
    assert Router.load(path).bundle.costs["value"] == 3.5  # sealed again, it loads where nobody pins


@times(24, 200)
def test_a_kill_at_any_point_of_save_leaves_the_old_bundle_or_the_new(
    n: int, tmp_path: Path, child: Callable[..., Any], tally: Callable[..., None]
) -> None:
    done = child(KILLED, tmp_path, n, Path(__file__).parent.parent / "samples" / "tiny.featrouter")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["points"] == n and told["old"] + told["new"] == n and min(told["old"], told["new"]) > 0
    tally(**told)


#: Each child traces its own `save` and kills itself at one line of it, or while it writes, the points spread evenly.
KILLED = r"""
import json, os, signal, sys
from pathlib import Path
from dataclasses import replace
from featrouter import Bundle, atomic
folder, n, sample = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
old = Bundle.load(sample)
new = replace(old, flags=("x" * 300_000,))
path = folder / "m.featrouter"
atomic.STALE_SECONDS = -1

def traced(stop):
    steps = 0
    def step(frame, event, arg):
        nonlocal steps
        steps += 1
        if steps == stop:
            os.kill(os.getpid(), signal.SIGKILL)
        return step
    sys.settrace(step)
    new.save(path)
    sys.settrace(None)
    return steps

old.save(path)
steps = traced(-1)
told = {"points": 0, "old": 0, "new": 0}
# The last hundred steps are those around the file itself: half of the points fall there.
points = [1 + i * steps // (n - n // 2) for i in range(n - n // 2)] + [steps - 100 + i * 100 // (n // 2) for i in range(n // 2)]
for point in points:
    old.save(path)
    pid = os.fork()
    if pid == 0:
        traced(point)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (point, status)
    found = Bundle.load(path)
    told["points"] += 1
    told["new" if found.flags == new.flags else "old"] += 1
old.save(path)
assert os.listdir(folder) == ["m.featrouter"], os.listdir(folder)
print(json.dumps(told))
"""


def chains(trees: int) -> Head:
    """Trees of 64 leaves, each split of which asks for another feature: the dearest to explain for their size."""
    splits = 63
    # The right child of each split is the next split, the left one a leaf.
    feature = [value for split in range(splits) for value in (split, -1)] + [-1]
    inner = [index for index, value in enumerate(feature) if value >= 0]
    left = [index + 1 if index in inner else -1 for index in range(len(feature))]
    right = [index + 2 if index in inner else -1 for index in range(len(feature))]
    cover = [64 - index // 2 if index in inner else 1 for index in range(len(feature))]
    threshold = [0.5 if value >= 0 else 0.0 for value in feature]
    values = {"sizes": [len(feature)] * trees, "feature": feature * trees, "threshold": threshold * trees}
    values |= {"left": left * trees, "right": right * trees, "default_left": [value >= 0 for value in feature] * trees}
    leaves = [0.0 if value >= 0 else 0.001 for value in feature] * trees
    return Head("r1", "logit", **values, value=leaves, cover=cover * trees, intercept=0.0)


def test_a_forest_that_would_take_gigabytes_to_explain_is_refused() -> None:
    good = Bundle.from_bytes(SERVED)
    names = feature_set().names[:64]
    told = {"features": names, "importances": {}, "references": {"": Reference(np.zeros((64, 21)), 0, 0)}}
    for trees, refused in ((20, False), (100, False), (200, True)):
        bundle = replace(good, **told, heads={"r1": chains(trees)}, calibrators={"r1": Calibrator()})

        def explain(bundle: Bundle = bundle, refused: bool = refused) -> None:
            if refused:
                with pytest.raises(BundleError, match=r"explaining it would take .* train a smaller one"):
                    Router(bundle)
            else:
                assert len(Router(bundle, guard=False).session("x").explain(3)) <= 3

        assert_takes_at_most(explain, yardsticks=100)
    terms = Linear(*(np.zeros(70_000) if n == 0 else np.full(70_000, 0.5) for n in range(5)))
    with pytest.raises(ValueError, match="70000 terms"):
        Forest([replace(chains(1), linear=terms)], 64)


@pytest.mark.parametrize(
    "costs",
    [{"value": 5e-324}, {"strong": 1e300}, {"weak_remaining": [[0, 1.7e308]]}],
    ids=["value", "strong", "weak_remaining"],
)
def test_costs_that_would_be_no_numbers_are_refused(costs: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match=f"costs.{next(iter(costs))}"):
        Bundle.from_bytes(forged(lambda content: content["costs"].update(costs), SERVED))
    for name in set(costs) & {"value", "strong"}:
        with pytest.raises(ValueError, match=f"Costs.{name}"):
            Costs(**{name: costs[name]})
