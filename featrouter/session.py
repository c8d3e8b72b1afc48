"""Session: one agent run, turn by turn, as a router sees it. It never raises in the host's loop."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featrouter.catalogue import feature_set
from featrouter.decision import Costs, Decision, Reason, choose
from featrouter.extractor import Extractor, Row
from featrouter.reading import amount
from featrouter.reference import RANKS, outside
from featrouter.trajectory import Turn

if TYPE_CHECKING:
    from featrouter.router import Router

_NAN, _INF = float("nan"), float("inf")
_BUNDLES = Costs()
#: After so many failures in one session nothing more is tried in it.
_BREAKER = 3
#: Where nobody tells the tokens of a conversation, its characters do.
CHARS_A_TOKEN = 4


class Session:
    """The router's view of one run. `observe`, `decide`, `explain` and `end` never raise, whatever they are given.

    Belongs to one run and one thread at a time. `failed` says what went wrong inside, empty when nothing did.
    """

    def __init__(self, router: Router, task: str, costs: Costs, run: str = "", harness: str | None = None) -> None:
        self._router = router
        self._costs = costs
        self._extractor = Extractor(task, router.wanted)
        self._failures = 0
        self._logged = False
        self._ended = False
        self._latched: Decision | None = None
        # Exploring, `_walked` is the probability of having gone on so far, `_here` that of going on from `_asked`.
        self._walked = self._here = 1.0
        self._asked: tuple[int, bool] | None = None
        self._key = _key(task, run) if router.epsilon else b""
        self._tokens = len(task) / CHARS_A_TOKEN if isinstance(task, str) else 0.0
        self.failed = ""
        found = router.reference(harness)
        self._unknown = found if isinstance(found, str) else ""
        self._reference = None if isinstance(found, str) else found
        # The row now; reading the task text waits until somebody wants to know. `_before`: what each number was before it
        # became what it is; NaN where that was unknown.
        self._row: Row | None = None
        self._before: Row | None = None
        self._places: NDArray[np.int8] | None = None
        self._outside = 0

    @property
    def turn(self) -> int:
        """Turns observed so far."""
        return self._extractor.turn

    @property
    def row(self) -> Row:
        """The features now, in the order of the bundle's; do not change it."""
        row = self._row
        if row is None:
            row = self._row = self._extractor.row()
        return row

    @property
    def outside(self) -> int:
        """How many features lie outside the range of the reference runs, which is also on every decision."""
        _ = self.places
        return self._outside

    @property
    def places(self) -> NDArray[np.int8] | None:
        """Where each value of the row stands among those of the reference runs, (p,); None for an unknown harness."""
        row = self.row
        if self._places is None and self._reference is not None:
            self._places = self._reference.places(row)
            self._outside = outside(self._places)
        return self._places

    @property
    def familiar(self) -> bool:
        """Whether the numbers of this row may speak for themselves: it is like the runs that are known."""
        if self.places is None or self._reference is None:
            return False
        return not self._router.guarded or self._outside <= self._reference.limit

    def observe(self, turn: Turn) -> None:
        """Take one turn in."""
        try:
            if self._failures < _BREAKER:
                self._observe(turn)
        # RecursionError and MemoryError included: whatever happens in here, the host's loop goes on.
        except Exception as error:
            self._note(error)

    def _observe(self, turn: Turn) -> None:
        if self._router.policy.latch:
            self._decide()  # a policy that looks at this turn, or keeps an escalation, does not wait to be asked
        before = self.row
        self._extractor.observe(turn)
        if self._costs.handover:
            self._tokens = _tokens(turn, self._tokens)
        row = self._row = self._extractor.row()
        if self._before is None:
            self._before = before.copy()
        else:  # where a value is missing, or was, there is nothing to compare with: NaN differs from itself
            np.copyto(self._before, before, where=row != before)
        self._places = None
        self._outside = 0

    @property
    def switch(self) -> float:
        """What handing over costs now beyond the strong model's own work, in USD: its prompt cache is empty."""
        return self._costs.handover * self._tokens / 1e6

    def end(self) -> None:
        """The weak agent has submitted: from here the choice is accept or escalate."""
        if self._router.policy.latch:
            self.decide()
        self._ended = True

    def decide(self) -> Decision:
        """What to do now; microseconds. On any doubt the configured default, with the reason in `fallback`."""
        try:
            if self._failures < _BREAKER:
                return self._decide()
        except Exception as error:
            self._note(error)
        return self._fallback(self.failed)

    def _decide(self) -> Decision:
        if self.failed:
            return self._fallback(self.failed)
        if self._latched:
            return self._latched._replace(turn=self.turn, ended=self._ended)
        router, ended, turn, costs = self._router, self._ended, self._extractor.turn, self._costs
        policy, stage = router.policy, router.stages[ended]
        threshold = policy.threshold(turn, ended=ended)
        places = self.places
        if self._reference is None or places is None:
            known = self._fallback(self._unknown)
            return known._replace(choice="escalate") if policy.promise and threshold != _INF else known
        shifts, scores = self._reference.shifts, stage.forest.score(places).tolist()
        r1 = stage.r1.probability(scores, shifts) if stage.r1 else _NAN
        r2 = stage.r2.probability(scores, shifts) if stage.r2 else _NAN
        c1, c2 = costs.weak, costs.strong
        if ended:
            c1 = 0.0
        elif c1 is None:
            c1 = stage.usd("c1", scores, shifts) if "c1" in stage.priced else router.remaining(turn)
        if c2 is None:
            c2 = stage.usd("c2", scores, shifts) if "c2" in stage.priced else router.strong
        if costs.handover:
            c2 += self.switch
        value = costs.value or router.value
        # A cost that nobody knows cannot speak for either arm: it counts as nothing, and shows as NaN.
        y1 = r1 - (c1 / value if c1 == c1 else 0.0)
        y2 = r2 - (c2 / value if c2 == c2 else 0.0)
        doubt = self._doubt(r1, r2)
        if doubt and policy.promise and threshold != _INF:
            choice = "escalate"  # harm was promised to be rare, and a row that cannot be judged might do some
        elif doubt:
            choice = self._default()
        else:
            stops = (costs.allow_stop or policy.allow_stop) and not policy.promise
            choice = choose(y1, y2, ended=ended, allow_stop=stops, threshold=threshold)
        propensity = 1.0
        if router.epsilon:
            choice, propensity = self._explored(choice, looks=threshold != _INF and not doubt)
        r1_interval = stage.r1.interval(scores, shifts) if stage.r1 else None
        r2_interval = stage.r2.interval(scores, shifts) if stage.r2 else None
        decision = Decision(
            choice, r1, r2, y1, y2, c1, c2, turn, ended, doubt, r1_interval, r2_interval, propensity, self._outside
        )
        if choice == "escalate" and policy.latch:
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
        draw = _draw(self._router.seed, self._key, here, self.row)
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
        if not self.familiar and self._reference:
            limit = self._reference.limit
            return f"{self._outside} features lie outside the range of the training runs (at most {limit} may)"
        return ""

    def explain(self, n: int = 3) -> list[Reason]:
        """The n features that moved r2 - r1 most, in log-odds: exact TreeSHAP of the heads' scores, largest first."""
        try:
            if self._failures < _BREAKER:
                return self._explain(n)
        # The numbers are as sound as before when they cannot be explained: the decision does not fall back.
        except Exception as error:
            self._note(error, counts=False)
        return []

    @property
    def expected(self) -> float:
        """r2 - r1 in log-odds before anything is known of a run: what the effects of `explain` are added to."""
        return self._router.stages[self._ended].expected

    def _explain(self, n: int) -> list[Reason]:
        places = self.places
        if places is None:
            return []
        stage = self._router.stages[self._ended]
        shares = dict(zip(stage.speaking, stage.explainer.contributions(RANKS[places]), strict=True))
        nothing = np.zeros(stage.width + 1)
        effects = (shares.get("r2", nothing) - shares.get("r1", nothing))[:-1]
        order = np.argsort(-np.abs(effects), kind="stable")[: max(0, n)]
        return [self._reason(int(index), float(effects[index])) for index in order if effects[index] != 0]

    def _reason(self, index: int, effect: float) -> Reason:
        feature = feature_set().by_name[self._router.bundle.features[index]]
        value, before = float(self.row[index]), float((self.row if self._before is None else self._before)[index])
        words = feature.word(value)
        if value != before and value == value and before == before and feature.unit != "0 or 1":
            earlier = feature.shown(before)
            if earlier != feature.shown(value):
                words += f", {'up' if value > before else 'down'} from {earlier}"
        return Reason(feature.name, value, effect, words)

    def _default(self) -> str:
        return "accept" if self._ended and self._router.default == "continue" else self._router.default

    def _fallback(self, why: str) -> Decision:
        nothing = (_NAN,) * 6
        why = why or "internal failure"
        return Decision(
            self._default(), *nothing, self.turn, self._ended, why, propensity=self._walked, outside=self._outside
        )

    def _note(self, error: Exception, *, counts: bool = True) -> None:
        failure = noted(error, quiet=self._logged)
        self._logged = True
        if counts:
            self._failures += 1
            self.failed = str(failure)


class Failure:
    """What went wrong, in words: kind and message of an exception that must not reach the host."""

    def __init__(self, error: BaseException) -> None:
        try:
            self._words = f"{type(error).__name__}: {error}"[:200]
        except Exception:  # the host's own exception may not know how to print itself
            self._words = type(error).__name__

    def __str__(self) -> str:
        return self._words


def noted(error: Exception, *, quiet: bool = False) -> Failure:
    """An exception that stays in here: logged, unless `quiet`, and put in words."""
    if not quiet:
        import logging  # a process in which nothing fails does without

        log = logging.getLogger("featrouter")
        if not log.handlers:  # logging itself would write to the host's stderr
            log.addHandler(logging.NullHandler())
        log.warning("featrouter failed inside and falls back: %s", type(error).__name__, exc_info=error)
    return Failure(error)


def _tokens(turn: Turn, before: float) -> float:
    """The tokens of the conversation after a turn: what its prompt had and the model said, and what came back."""
    calls = turn.each_call()
    seen = sum(len(call.observation) for call in calls) / CHARS_A_TOKEN
    prompt, completion = amount(turn.prompt_tokens), amount(turn.completion_tokens)
    if prompt == prompt:
        return prompt + (completion if completion == completion else 0.0) + seen
    return before + seen + (len(turn.thought) + sum(len(call.action) for call in calls)) / CHARS_A_TOKEN


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
