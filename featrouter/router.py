"""Router: a loaded bundle, shared by threads. Session: one agent run, turn by turn. Neither ever raises in the loop."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from featrouter.bundle import Bundle, BundleError
from featrouter.catalogue import digest, feature_set, number
from featrouter.decision import CHOICES, Costs, Decision, Reason, choose
from featrouter.extractor import Extractor, Row
from featrouter.forest import Forest
from featrouter.messages import trajectory_of
from featrouter.resources import resource
from featrouter.shap import Explainer
from featrouter.trajectory import Trajectory, Turn

_log = logging.getLogger("featrouter")
_log.addHandler(logging.NullHandler())  # without a handler of its own, logging would write to the host's stderr
_Answer = TypeVar("_Answer")

_NAN, _INF = float("nan"), float("inf")
_BUNDLES = Costs()
#: After so many failures in one session nothing more is tried in it.
_BREAKER = 3


class Router:
    """A trained router. Immutable: threads may share it, and a hot swap is one assignment.

    `costs`: what the user is willing to pay (see Costs); the bundle's own estimates fill what is not given.
    `default`: the choice when the numbers cannot be trusted. `guard=False` trusts rows unlike any training row.
    `policy`: one of the bundle's policies by name; without it the one it was trained for. `epsilon`: the share of
    decisions that explore, choosing evenly between the arms; the draw depends on `seed` and on what was observed
    alone, so the same run asked again at the same turn draws the same. ValueError for what is none of these.

    A policy that made a promise on harm never stops, does not explore, and escalates what cannot be trusted.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        costs: Costs | None = None,
        default: str = "continue",
        guard: bool = True,
        policy: str | None = None,
        epsilon: float = 0.0,
        seed: int = 0,
    ) -> None:
        if default not in CHOICES:
            raise ValueError(f"default must be one of {', '.join(CHOICES)}, not {default!r}")
        if not 0 <= epsilon <= 1:
            raise ValueError(f"epsilon is the share of decisions that explore, 0 to 1, not {epsilon!r:.40}")
        name = policy or bundle.policy
        if name not in bundle.policies:
            raise ValueError(f"policy {name!r:.40} is not in this bundle; it has {', '.join(sorted(bundle.policies))}")
        if epsilon and bundle.policies[name].promise:
            raise ValueError(f"policy {name} made a promise on harm, which leaves no room for exploring: drop epsilon")
        if bundle.catalogue != digest():
            raise BundleError(
                "this bundle was trained with another feature catalogue, so its features mean something else: "
                "train it again (featrouter train)"
            )
        self.bundle = bundle
        self.costs = costs or Costs()
        self.default = default
        self.policy = bundle.policies[name]
        self.epsilon = epsilon
        self.seed = seed
        self._guarded = guard
        known = {name: index for index, name in enumerate(feature_set().names)}
        unknown = [name for name in bundle.features if name not in known]
        if unknown:
            raise BundleError(f"this bundle wants the feature {unknown[0]!r}, which this version does not compute")
        self._columns: npt.NDArray[np.intp] = np.array([known[name] for name in bundle.features])
        self._stages = {False: _Stage(bundle, ended=False), True: _Stage(bundle, ended=True)}
        self._low = np.array([-np.inf if low is None else low for low in bundle.ranges["low"]])
        self._high = np.array([np.inf if high is None else high for high in bundle.ranges["high"]])
        self._limit = int(bundle.ranges["limit"])

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        sha256: str | None = None,
        costs: Costs | None = None,
        default: str = "continue",
        guard: bool = True,
        policy: str | None = None,
        epsilon: float = 0.0,
        seed: int = 0,
    ) -> Router:
        """Open a bundle; without `path` the shipped default. `sha256` pins the file. Raises BundleError."""
        path = resource("models/default/default.featrouter") if path is None else path
        bundle = Bundle.load(path, sha256)
        return cls(bundle, costs=costs, default=default, guard=guard, policy=policy, epsilon=epsilon, seed=seed)

    def session(self, task: str = "", *, costs: Costs | None = None, run: str = "") -> Session:
        """One agent run on one task (its problem text).

        `run` names it where the router explores: runs of one name and task draw alike. Without either, by chance.
        """
        return Session(self, task, costs or self.costs, run)

    def decide(
        self,
        messages: Sequence[Mapping[str, Any]] | Trajectory,
        *,
        task: str = "",
        costs: Costs | None = None,
        run: str = "",
    ) -> Decision:
        """The decision after the last turn of a message list (OpenAI, Anthropic, Responses) or a trajectory."""
        return self.replay(messages, task=task, costs=costs, run=run).decide()

    def replay(
        self,
        messages: Sequence[Mapping[str, Any]] | Trajectory,
        *,
        task: str = "",
        costs: Costs | None = None,
        run: str = "",
    ) -> Session:
        """A session that has observed all turns of a message list or a trajectory.

        A router that explores has decided at the start and after each turn on the way, as if asked there.
        """

        def checked() -> Trajectory:
            told = messages if isinstance(messages, Trajectory) else trajectory_of(messages)
            return Trajectory(task or told.task, tuple(told), bool(told.ended))

        read = _safely(checked)
        session = self.session(read.task if isinstance(read, Trajectory) else "", costs=costs, run=run)
        if isinstance(read, Trajectory):
            for turn in read:
                if self.epsilon:
                    session.decide()
                session.observe(turn)
            if read.ended:
                if self.epsilon:
                    session.decide()
                session.end()
        else:
            session.failed = f"messages could not be read: {read}"
        return session

    def outside(self, row: Row) -> int:
        """How many features lie outside the range the training rows spanned; above the bundle's limit: not trusted."""
        return int(np.count_nonzero((row < self._low) | (row > self._high)))


class _Stage:
    """The heads that answer while the agent works, or once it has submitted, and where their scores stand."""

    def __init__(self, bundle: Bundle, *, ended: bool) -> None:
        names = {arm: f"{arm}_end" if ended and f"{arm}_end" in bundle.heads else arm for arm in ("r1", "r2")}
        self.arms = {arm: name for arm, name in names.items() if name in bundle.heads}
        self.heads = [bundle.heads[name] for name in self.arms.values()]
        self.calibrators = {arm: bundle.calibrators[name] for arm, name in self.arms.items()}
        self.intervals = {arm: one for arm, one in self.calibrators.items() if one.kind == "venn-abers"}
        priced = [name for name in ("c1", "c2") if name in bundle.heads and not (ended and name == "c1")]
        self.place = {name: index for index, name in enumerate([*self.arms, *priced])}
        heads = [*self.heads, *(bundle.heads[name] for name in priced)]
        self.width = len(bundle.features)
        self.forest = Forest(heads, self.width)

    def interval(self, arm: str, scores: Row) -> tuple[float, float] | None:
        found = self.intervals.get(arm)
        return found.interval(float(scores[self.place[arm]])) if found else None

    @cached_property
    def explainer(self) -> Explainer:
        return Explainer(self.heads, self.width)


class Session:
    """The router's view of one run. `observe`, `decide`, `explain` and `end` never raise, whatever they are given.

    Belongs to one run and one thread at a time. `failed` says what went wrong inside, empty when nothing did.
    """

    def __init__(self, router: Router, task: str, costs: Costs, run: str = "") -> None:
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
        self._row: Row = self._extractor.row()[router._columns]
        self._before: Row = self._row
        self._scratch = {ended: stage.forest.scratch() for ended, stage in router._stages.items()}

    @property
    def turn(self) -> int:
        """Turns observed so far."""
        return self._extractor.turn

    @property
    def row(self) -> Row:
        """The model's inputs now, in the order of the bundle's features; do not change it."""
        return self._row

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
        stage, bundle = router._stages[ended], router.bundle
        scores = stage.forest.score(self._row, self._scratch[ended])
        place, told = stage.place, dict.fromkeys(("r1", "r2"), _NAN)
        for arm in stage.arms:
            told[arm] = stage.calibrators[arm](float(scores[place[arm]]))
        c1, c2 = self._costs.weak, self._costs.strong
        if ended:
            c1 = 0.0
        elif c1 is None:
            c1 = max(0.0, float(scores[place["c1"]])) if "c1" in place else self._mean_remaining()
        if c2 is None:
            c2 = max(0.0, float(scores[place["c2"]])) if "c2" in place else _or_nan(bundle.costs["strong"])
        value = self._costs.value or bundle.costs["value"]
        r1, r2 = told["r1"], told["r2"]
        # A cost that nobody knows cannot speak for either arm: it counts as nothing, and shows as NaN.
        y1 = r1 - (c1 / value if c1 == c1 else 0.0)
        y2 = r2 - (c2 / value if c2 == c2 else 0.0)
        doubt = self._doubt(r1, r2)
        threshold = router.policy.threshold(self.turn, ended=ended)
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
        r1_interval = stage.interval("r1", scores)
        r2_interval = stage.interval("r2", scores)
        decision = Decision(
            choice, r1, r2, y1, y2, c1, c2, self.turn, ended, doubt, r1_interval, r2_interval, propensity
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
        if router._guarded and (outside := router.outside(self._row)) > router._limit:
            return f"{outside} features lie outside the range of the training runs (at most {router._limit} may)"
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
        stage = self._router._stages[self._ended]
        shares = dict(zip(stage.arms, stage.explainer.contributions(self._row), strict=True))
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
        return Decision(self._default(), *nothing, self.turn, self._ended, why, propensity=self._walked)

    def _try(self, work: Callable[[], _Answer], *, counts: bool = True) -> _Answer | None:
        if self._failures >= _BREAKER:
            return None
        answer = _safely(work, quiet=self._logged)
        if isinstance(answer, _Failure):
            self._logged = True
            if counts:
                self._failures += 1
                self.failed = str(answer)
            return None
        return answer


class _Failure:
    """What went wrong, in words: kind and message of an exception that must not reach the host."""

    def __init__(self, error: BaseException) -> None:
        try:
            self._words = f"{type(error).__name__}: {error}"[:200]
        except Exception:  # the host's own exception may not know how to print itself
            self._words = type(error).__name__

    def __str__(self) -> str:
        return self._words


def _safely(work: Callable[[], _Answer], *, quiet: bool = False) -> _Answer | _Failure:
    try:
        return work()
    # RecursionError and MemoryError included: whatever happens in here, the host's loop goes on.
    except Exception as error:
        if not quiet:
            _log.warning("featrouter failed inside and falls back: %s", type(error).__name__, exc_info=True)
        return _Failure(error)


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
