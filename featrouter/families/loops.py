"""loops: is the agent going in circles, or still doing new things?"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from featrouter.reading import Reading
from featrouter.trajectory import KINDS

# Past this many distinct actions every further one counts as new, so that a session's memory is bounded.
MOST = 4096
_RECENT = 6
_PERIODS = (1, 2, 3, 4)

_LOOKS = ("read", "search")
_CHANGES = ("edit", "create")
_RUNS = ("run", "test")


class Loops:
    def __init__(self, task: str) -> None:
        self._actions: dict[int, int] = {}
        self._answers: set[int] = set()
        self._recent_new: deque[bool] = deque(maxlen=_RECENT)
        self._history: deque[int] = deque(maxlen=2 * _PERIODS[-1])
        self._n_actions = self._new = self._repeated_answers = self._futile = 0
        self._streak = self._streak_max = self._answer_streak = 0
        self._last_answer: int | None = None
        self._period = 0
        self._kinds = dict.fromkeys(KINDS, 0)
        self._kind = ""
        self._total = 0
        self._kind_now = self._switches = 0
        self._edit_run = self._run_edit = self._look_edit = 0

    def observe(self, reading: Reading) -> None:
        if not reading.calls:
            return
        for call in reading.calls:
            self._observe_action(call.signature, call.answer if call.observation_size else None)
        action = hash(tuple([call.signature for call in reading.calls]))
        answer = hash(tuple([call.answer for call in reading.calls]))
        self._streak = self._streak + 1 if self._history and self._history[-1] == action else 1
        self._streak_max = max(self._streak, self._streak_max)
        self._answer_streak = self._answer_streak + 1 if answer == self._last_answer else 1
        self._last_answer = answer
        self._history.append(action)
        self._period = self._shortest_period()
        for call in reading.calls:
            for operation in call.operations:
                self._observe_kind(operation.kind)

    def _observe_action(self, action: int, answer: int | None) -> None:
        self._n_actions += 1
        known = action in self._actions
        self._new += not known
        self._recent_new.append(not known)
        if answer is not None:
            self._repeated_answers += answer in self._answers
            if len(self._answers) < MOST:
                self._answers.add(answer)
        outcome = hash(answer)
        if known:
            self._futile += self._actions[action] == outcome
        if known or len(self._actions) < MOST:
            self._actions[action] = outcome

    def _shortest_period(self) -> int:
        """The smallest p for which the last p turns' actions repeat the p before them; 0 if none up to 4."""
        if self._history.count(self._history[-1]) == 1:
            return 0  # what was done just now was not done before
        past = list(self._history)
        for period in _PERIODS:
            if len(past) >= 2 * period and past[-period:] == past[-2 * period : -period]:
                return period
        return 0

    def _observe_kind(self, kind: str) -> None:
        before, self._kind = self._kind, kind
        self._kinds[kind] += 1
        self._total += 1
        self._kind_now = self._kind_now + 1 if kind == before else 1
        if before and before != kind:
            self._switches += 1
            self._edit_run += before in _CHANGES and kind in _RUNS
            self._run_edit += before in _RUNS and kind in _CHANGES
            self._look_edit += before in _LOOKS and kind in _CHANGES

    def row(self) -> dict[str, float]:
        nan = float("nan")
        kinds, actions, total = self._kinds, self._n_actions, self._total
        runs, changes = kinds["run"] + kinds["test"], kinds["edit"] + kinds["create"]
        idle = kinds["think"] + kinds["other"]
        return {
            "loops_new_share": self._new / actions if actions else nan,
            "loops_new_recent": sum(self._recent_new) / len(self._recent_new) if actions else nan,
            "loops_streak": self._streak if actions else nan,
            "loops_streak_max": self._streak_max if actions else nan,
            "loops_answers": self._repeated_answers,
            "loops_answer_streak": self._answer_streak if actions else nan,
            "loops_futile": self._futile,
            "loops_period": self._period if actions else nan,
            "loops_kind_now": self._kind_now,
            "loops_entropy": _entropy(kinds.values(), total) if total else nan,
            "loops_switches": self._switches / (total - 1) if total > 1 else nan,
            "loops_edit_run": self._edit_run,
            "loops_run_edit": self._run_edit,
            "loops_look_edit": self._look_edit,
            "loops_share_read": kinds["read"] / total if total else nan,
            "loops_share_change": changes / total if total else nan,
            "loops_share_run": runs / total if total else nan,
            "loops_share_idle": idle / total if total else nan,
        }


def _entropy(counts: Iterable[int], total: int) -> float:
    shares = [count / total for count in counts if count]
    return math.fsum([-share * math.log2(share) for share in shares])
