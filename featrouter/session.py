"""Session: one agent run, turn by turn, as a router sees it. It never raises in the host's loop."""

from __future__ import annotations

import hashlib
import logging
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from featrouter.bundle import Bundle
from featrouter.calibration import shifted
from featrouter.catalogue import feature_set, number
from featrouter.decision import Costs, Decision, Reason, choose
from featrouter.extractor import Extractor, Row
from featrouter.forest import Forest
from featrouter.head import MOST_LOG
from featrouter.shap import Explainer
from featrouter.trajectory import Turn

if TYPE_CHECKING:
    from featrouter.router import Router

_log = logging.getLogger("featrouter")
_log.addHandler(logging.NullHandler())  # without a handler of its own, logging would write to the host's stderr
_Answer = TypeVar("_Answer")

_NAN, _INF = float("nan"), float("inf")
_BUNDLES = Costs()
#: After so many failures in one session nothing more is tried in it.
_BREAKER = 3


class Stage:
    """The heads that answer while the agent works, or once it has submitted, and where their scores stand."""

    def __init__(self, bundle: Bundle, *, ended: bool) -> None:
        names = {arm: f"{arm}_end" if ended and f"{arm}_end" in bundle.heads else arm for arm in ("r1", "r2")}
        self.arms = {arm: name for arm, name in names.items() if name in bundle.heads}
        self.heads = [bundle.heads[name] for name in self.arms.values()]
        self.calibrators = {arm: bundle.calibrators[name] for arm, name in self.arms.items()}
        self.intervals = {arm: one for arm, one in self.calibrators.items() if one.kind == "venn-abers"}
        priced = [name for name in ("c1", "c2") if name in bundle.heads and not (ended and name == "c1")]
        self.place = {name: index for index, name in enumerate([*self.arms, *priced])}
        self.logs = {name for name in priced if bundle.heads[name].link == "log"}
        heads = [*self.heads, *(bundle.heads[name] for name in priced)]
        self.width = len(bundle.features)
        self.forest = Forest(heads, self.width)

    def interval(self, arm: str, scores: Row, shifts: Mapping[str, float]) -> tuple[float, float] | None:
        calibrator = self.intervals.get(arm)
        found = calibrator and calibrator.interval(float(scores[self.place[arm]]))
        by = shifts.get(self.arms[arm], 0.0) if found else 0.0
        return (shifted(found[0], by), shifted(found[1], by)) if found else None

    def usd(self, name: str, scores: Row, shifts: Mapping[str, float]) -> float:
        score = float(scores[self.place[name]]) + shifts.get(name, 0.0)
        return math.exp(min(score, MOST_LOG)) if name in self.logs else max(0.0, score)

    @cached_property
    def explainer(self) -> Explainer:
        return Explainer(self.heads, self.width)


class Session:
    """The router's view of one run. `observe`, `decide`, `explain` and `end` never raise, whatever they are given.

    Belongs to one run and one thread at a time. `failed` says what went wrong inside, empty when nothing did.
    """

    def __init__(self, router: Router, task: str, costs: Costs, run: str = "", harness: str | None = None) -> None:
        self._router = router
        self._costs = costs
        self._extractor = Extractor(task)
        self._failures = 0
        self._logged = False
        self._ended = False
        self._latched: Decision | None = None
        # Exploring, `_walked` is the probability of having gone on so far, `_here` that of going on from `_asked`.
        self._walked = self._here = 1.0
        self._asked: tuple[int, bool] | None = None
        self._key = _key(task, run) if router.epsilon else b""
        self.failed = ""
        self._outside = 0
        found = router.reference(harness)
        self._unknown = found if isinstance(found, str) else ""
        self._reference = next(iter(router.bundle.references.values())) if isinstance(found, str) else found
        self._row: Row = self._extractor.row()[router._columns]
        self._before: Row = self._row
        self._look()
        self._scratch = {ended: stage.forest.scratch() for ended, stage in router._stages.items()}

    @property
    def turn(self) -> int:
        """Turns observed so far."""
        return self._extractor.turn

    @property
    def row(self) -> Row:
        """The features now, in the order of the bundle's; do not change it."""
        return self._row

    @property
    def outside(self) -> int:
        """How many features lie outside the range of the reference runs, which is also on every decision."""
        return self._outside

    def observe(self, turn: Turn) -> None:
        """Take one turn in."""
        self._try(lambda: self._observe(turn))

    def _observe(self, turn: Turn) -> None:
        if self._router.policy.latch:
            self._decide()  # a policy that looks at this turn, or keeps an escalation, does not wait to be asked
        self._extractor.observe(turn)
        row = self._extractor.row()[self._router._columns]
        changed = (row != self._row) & ~(np.isnan(row) & np.isnan(self._row))
        self._before = np.where(changed, self._row, self._before)
        self._row = row
        self._look()

    def _look(self) -> None:
        if self._unknown:
            return
        self._ranks = self._reference.ranks(self._row)
        self._outside = int(np.count_nonzero(self._reference.outside(self._row)))

    def end(self) -> None:
        """The weak agent has submitted: from here the choice is accept or escalate."""
        if self._router.policy.latch:
            self._try(self._decide)
        self._ended = True

    def decide(self) -> Decision:
        """What to do now; microseconds. On any doubt the configured default, with the reason in `fallback`."""
        decision = self._try(self._decide)
        return decision if decision is not None else self._fallback(self.failed)

    def _decide(self) -> Decision:
        if self.failed:
            return self._fallback(self.failed)
        if self._latched:
            return replace(self._latched, turn=self.turn, ended=self._ended)
        router, ended = self._router, self._ended
        threshold = router.policy.threshold(self.turn, ended=ended)
        if self._unknown:
            known = self._fallback(self._unknown)
            return replace(known, choice="escalate") if router.policy.promise and threshold != _INF else known
        stage, bundle = router._stages[ended], router.bundle
        scores = stage.forest.score(self._ranks, self._scratch[ended])
        place, told, shifts = stage.place, dict.fromkeys(("r1", "r2"), _NAN), self._reference.shifts
        for arm, name in stage.arms.items():
            told[arm] = stage.calibrators[arm](float(scores[place[arm]]))
            if name in shifts:
                told[arm] = shifted(told[arm], shifts[name])
        c1, c2 = self._costs.weak, self._costs.strong
        if ended:
            c1 = 0.0
        elif c1 is None:
            c1 = stage.usd("c1", scores, shifts) if "c1" in place else self._mean_remaining()
        if c2 is None:
            c2 = stage.usd("c2", scores, shifts) if "c2" in place else _or_nan(bundle.costs["strong"])
        value = self._costs.value or bundle.costs["value"]
        r1, r2 = told["r1"], told["r2"]
        # A cost that nobody knows cannot speak for either arm: it counts as nothing, and shows as NaN.
        y1 = r1 - (c1 / value if c1 == c1 else 0.0)
        y2 = r2 - (c2 / value if c2 == c2 else 0.0)
        doubt = self._doubt(r1, r2)
        stops = (self._costs.allow_stop or router.policy.allow_stop) and not router.policy.promise
        if doubt and router.policy.promise and threshold != _INF:
            choice = "escalate"  # harm was promised to be rare, and a row that cannot be judged might do some
        elif doubt:
            choice = self._default()
        else:
            choice = choose(y1, y2, ended=ended, allow_stop=stops, threshold=threshold)
        propensity = 1.0
        if router.epsilon:
            choice, propensity = self._explored(choice, looks=threshold != _INF and not doubt)
        r1_interval = stage.interval("r1", scores, shifts)
        r2_interval = stage.interval("r2", scores, shifts)
        decision = Decision(
            choice, r1, r2, y1, y2, c1, c2, self.turn, ended, doubt, r1_interval, r2_interval, propensity, self._outside
        )
        if choice == "escalate" and router.policy.latch:
            self._latched = decision
        return decision

    def _explored(self, choice: str, *, looks: bool) -> tuple[str, float]:
        """The choice after the dice, and the probability of having come to it."""
        epsilon, here = self._router.epsilon, (self.turn, self._ended)
        if here != self._asked:
            self._walked *= self._here
            self._asked, self._here = here, 1.0
        if not looks:
            return choice, self._walked
        onward = "accept" if self._ended else "continue"
        arms = sorted({onward, "escalate", choice})
        draw = _draw(self._router.seed, self._key, here, self._row)
        greedy, share = choice, epsilon / len(arms)
        if draw < epsilon:
            choice = arms[min(int(draw / share), len(arms) - 1)]
        chances = {arm: share + (1 - epsilon) * (arm == greedy) for arm in arms}
        self._here = chances[onward]
        return choice, self._walked * chances[choice]

    def _doubt(self, r1: float, r2: float) -> str:
        router = self._router
        if r2 != r2 or r1 != r1:
            return f"the bundle was trained without {'a strong' if r2 != r2 else 'a weak'} model"
        if router.policy.promise and self._costs != _BUNDLES:
            return "the promise on harm was made at the bundle's own value and costs: leave Costs out"
        limit = self._reference.limit
        if router._guarded and self._outside > limit:
            return f"{self._outside} features lie outside the range of the training runs (at most {limit} may)"
        return ""

    def _mean_remaining(self) -> float:
        knots = self._router.bundle.costs["weak_remaining"]
        if not knots:
            return _NAN
        turns, usd = zip(*knots, strict=True)
        return float(np.interp(self.turn, turns, usd))

    def explain(self, n: int = 3) -> list[Reason]:
        """The n features that moved r2 - r1 most, in log-odds: exact TreeSHAP of the heads' scores, largest first."""
        # The numbers are as sound as before when they cannot be explained: the decision does not fall back.
        return self._try(lambda: self._explain(n), counts=False) or []

    def _explain(self, n: int) -> list[Reason]:
        if self._unknown:
            return []
        stage = self._router._stages[self._ended]
        shares = dict(zip(stage.arms, stage.explainer.contributions(self._ranks), strict=True))
        for arm, calibrator in stage.calibrators.items():
            if calibrator.kind == "constant":  # its score moves nothing, so no feature does
                del shares[arm]
        nothing = np.zeros(stage.width + 1)
        effects = (shares.get("r2", nothing) - shares.get("r1", nothing))[:-1]
        order = np.argsort(-np.abs(effects), kind="stable")[: max(0, n)]
        return [self._reason(int(index), float(effects[index])) for index in order if effects[index] != 0]

    def _reason(self, index: int, effect: float) -> Reason:
        feature = feature_set().by_name[self._router.bundle.features[index]]
        value, before = float(self._row[index]), float(self._before[index])
        words = feature.word(value)
        if value != before and value == value and before == before and feature.unit != "0 or 1":
            words += f", {'up' if value > before else 'down'} from {number(before)}"
        return Reason(feature.name, value, effect, words)

    def _default(self) -> str:
        return "accept" if self._ended and self._router.default == "continue" else self._router.default

    def _fallback(self, why: str) -> Decision:
        nothing = (_NAN,) * 6
        why = why or "internal failure"
        return Decision(
            self._default(), *nothing, self.turn, self._ended, why, propensity=self._walked, outside=self._outside
        )

    def _try(self, work: Callable[[], _Answer], *, counts: bool = True) -> _Answer | None:
        if self._failures >= _BREAKER:
            return None
        answer = safely(work, quiet=self._logged)
        if isinstance(answer, Failure):
            self._logged = True
            if counts:
                self._failures += 1
                self.failed = str(answer)
            return None
        return answer


class Failure:
    """What went wrong, in words: kind and message of an exception that must not reach the host."""

    def __init__(self, error: BaseException) -> None:
        try:
            self._words = f"{type(error).__name__}: {error}"[:200]
        except Exception:  # the host's own exception may not know how to print itself
            self._words = type(error).__name__

    def __str__(self) -> str:
        return self._words


def safely(work: Callable[[], _Answer], *, quiet: bool = False) -> _Answer | Failure:
    try:
        return work()
    # RecursionError and MemoryError included: whatever happens in here, the host's loop goes on.
    except Exception as error:
        if not quiet:
            _log.warning("featrouter failed inside and falls back: %s", type(error).__name__, exc_info=True)
        return Failure(error)


def _key(task: object, run: str) -> bytes:
    """What tells a run's draws from another's; chance, where neither a task nor a name does."""
    named = f"{task if isinstance(task, str) else ''}\0{run}"
    if named == "\0":
        return os.urandom(16)
    return hashlib.blake2b(named.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _draw(seed: int, key: bytes, here: tuple[int, bool], row: Row) -> float:
    """A number in [0, 1), even over seeds; the same for the same seed, run, turn and features."""
    told = hashlib.blake2b(f"{seed} {here}".encode() + key + row.tobytes(), digest_size=8).digest()
    return int.from_bytes(told, "big") / 2**64


def _or_nan(usd: float | None) -> float:
    return _NAN if usd is None else float(usd)
