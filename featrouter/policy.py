"""When the numbers are looked at, and how far y2 must lead y1 before the router escalates."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from featrouter.lazy_pattern import lazy_pattern

KINDS = ("rule", "fixed", "anytime", "risk-controlled")
NEVER = math.inf
MAX_THRESHOLD = 1e100

_FIXED = lazy_pattern(r"fixed:([0-9]{1,6})")
_KEYS = ("kind", "turns", "end", "latch", "allow_stop", "promise")


@dataclass(frozen=True)
class Policy:
    """Escalate when y2 - y1 exceeds the threshold of this turn.

    `turns`: steps (turn, threshold), each in force from its turn on; before the first, and where the threshold is
    infinite, the run just goes on. `end`: the threshold once the weak agent has submitted. `latch`: an escalation
    stays. `allow_stop`: giving up is a choice wherever the policy looks. `promise`: what was promised of a
    risk-controlled policy, or None. ValueError for what is not such a policy.

    "rule" compares y1 and y2 at every turn; "fixed" looks once, at one turn; "anytime" has learned thresholds;
    "risk-controlled" comes with a promise on harm.
    """

    kind: str = "rule"
    turns: tuple[tuple[int, float], ...] = ((0, 0.0),)
    end: float = 0.0
    latch: bool = False
    allow_stop: bool = False
    promise: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"policy kind {self.kind!r:.40}, known are {', '.join(KINDS)}")
        before = -1
        for step in self.turns:
            if len(step) != 2 or type(step[0]) is not int or step[0] <= before or not _threshold(step[1]):
                raise ValueError(f"policy {self.kind}: {step!r:.60} is no step (turn, threshold) after turn {before}")
            before = step[0]
        if not _threshold(self.end):
            raise ValueError(f"policy {self.kind}: end {self.end!r:.40} is no threshold")
        object.__setattr__(self, "_starts", [turn for turn, _ in self.turns])

    @classmethod
    def fixed(cls, turn: int, *, allow_stop: bool = False) -> Policy:
        """Decide once, after `turn` turns; the answer of a run that goes on is accepted."""
        return cls("fixed", ((turn, 0.0), (turn + 1, NEVER)), NEVER, latch=True, allow_stop=allow_stop)

    @classmethod
    def named(cls, name: str) -> Policy | None:
        """The policy that a name like `fixed:3` tells: decide once, after so many turns. None for another name."""
        told = _FIXED.fullmatch(name)
        return cls.fixed(int(told[1])) if told else None

    def threshold(self, turn: int, *, ended: bool) -> float:
        """What y2 - y1 must exceed after `turn` turns; infinite where the policy does not look."""
        if ended:
            return self.end
        at = bisect_right(self._starts, turn)  # type: ignore[attr-defined]
        return self.turns[at - 1][1] if at else NEVER

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: an infinite threshold is None (never) or "always"."""
        return {
            "kind": self.kind,
            "turns": [[turn, _told(threshold)] for turn, threshold in self.turns],
            "end": _told(self.end),
            "latch": self.latch,
            "allow_stop": self.allow_stop,
            "promise": self.promise,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Policy:
        """The inverse of `as_dict`. ValueError for any other keys or values."""
        if not isinstance(data, Mapping) or set(data) != set(_KEYS):
            raise ValueError(f"a policy has exactly the keys {', '.join(_KEYS)}")
        if type(data["latch"]) is not bool or type(data["allow_stop"]) is not bool:
            raise ValueError("a policy's latch and allow_stop are true or false")
        if data["promise"] is not None and not isinstance(data["promise"], dict):
            raise ValueError("a policy's promise is an object or null")
        if not isinstance(data["turns"], list) or any(not isinstance(s, list) or len(s) != 2 for s in data["turns"]):
            raise ValueError("a policy's turns are a list of pairs [turn, threshold]")
        turns = tuple((turn, _read(threshold)) for turn, threshold in data["turns"])
        return cls(data["kind"], turns, _read(data["end"]), data["latch"], data["allow_stop"], data["promise"])


def _threshold(value: Any) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return -MAX_THRESHOLD <= value <= MAX_THRESHOLD or value in (NEVER, -NEVER)


def _told(threshold: float) -> float | str | None:
    if math.isinf(threshold):
        return None if threshold > 0 else "always"
    return threshold


def _read(told: Any) -> float:
    if told is None:
        return NEVER
    if isinstance(told, float) and math.isinf(told):
        raise ValueError('a policy\'s threshold is a number, null (never) or "always"')
    return -NEVER if told == "always" else told  # what is no number is refused by the constructor
