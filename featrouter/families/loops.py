"""loops: is the agent going in circles, or still doing new things?"""

from __future__ import annotations

from collections import deque

from featrouter.observations.sameness import AnswerKeys
from featrouter.reading import CallReading, Reading

# Past this many distinct actions every further one counts as new, so that a session's memory is bounded.
MAX_KEYS = 4096
#: The calls, or turns, that a feature called recent looks at.
RECENT_CALLS, NEW_CALLS, HISTORY = 12, 6, 32
LONGEST_PERIOD = 8

_CALLS, _NEW = (1 << RECENT_CALLS) - 1, (1 << NEW_CALLS) - 1


class Loops:
    def __init__(self, task: str, row: dict[str, float]) -> None:
        self._row = row
        self._answers = AnswerKeys()
        # By action: the answer to it at its latest time. By action and answer: the changes made until then.
        self._last_answer: dict[int, int] = {}
        self._met: dict[int, int] = {}
        self._seen_answers: set[int] = set()
        # One bit a call, the latest lowest.
        self._in_vain = self._stale = self._new = 0
        self._history: deque[int] = deque(maxlen=HISTORY)
        self._n_calls = self._n_new = self._changes = 0
        self._n_futile = self._n_answers = 0
        self._action = self._answer = 0
        self._same_action = self._same_action_max = self._same_answer = 0
        self._period = 0
        self._silent = False
        self._n_reads = self._n_operations = 0
        row["loops_again"] = row["loops_same_answer"] = row["loops_futile"] = row["loops_cycle"] = 0.0
        row["loops_stale"] = row["loops_idle"] = 0.0

    def observe(self, reading: Reading) -> None:
        row, calls = self._row, reading.calls
        if not calls:
            # One turn without a call may be how the agent ends; from the second on it does nothing.
            row["loops_idle"] += self._silent
            self._silent = True
            return
        self._silent = False
        if calls[0].kind == "think" and all(call.kind == "think" and call.errors.refused for call in calls):
            row["loops_idle"] += 1.0
        else:
            row["loops_idle"] = 0.0
        calls = [call for call in calls if call.action_size or call.tool]
        if not calls:  # the agent spoke, and somebody answered
            return
        if len(calls) == 1:
            call = calls[0]
            action, answer, spoke = call.key, self._observe_call(call), call.observation_size > 0
        else:
            action = hash(tuple([call.key for call in calls]))
            answer = hash(tuple([self._observe_call(call) for call in calls]))
            spoke = any(call.observation_size for call in calls)
        self._observe_turn(action, answer, spoke)
        row["loops_futile"] = float(self._in_vain.bit_count())
        row["loops_stale"] = self._stale.bit_count() / RECENT_CALLS
        row["loops_new_share"] = self._n_new / self._n_calls
        row["loops_share_read"] = self._n_reads / self._n_operations

    def _observe_call(self, call: CallReading) -> int:
        """Takes a call in; the key of its answer."""
        action, answer = call.key, self._answers.key(call.observation)
        last_answer, met, kinds = self._last_answer, self._met, call.kinds
        n = len(call.operations)
        self._n_operations += n
        if "read" in kinds:
            self._n_reads += 1 if n == 1 else sum([operation.kind == "read" for operation in call.operations])
        self._n_calls += 1
        before = last_answer.get(action)
        both = hash((action, answer))
        changes_then = met.get(both)
        new, stale = before is None, changes_then == self._changes
        # The same success after a change was worth a look; the same failure was not.
        futile = before == answer and (stale or call.failed)
        self._n_new += new
        self._new = (self._new << 1 | new) & _NEW
        self._n_futile += futile
        self._in_vain = (self._in_vain << 1 | futile) & _CALLS
        if not new or len(last_answer) < MAX_KEYS:
            last_answer[action] = answer
        self._stale = (self._stale << 1 | stale) & _CALLS
        if ("edit" in kinds or "create" in kinds) and not call.failed:
            self._changes += 1
        if changes_then is not None or len(met) < MAX_KEYS:
            met[both] = self._changes
        if call.observation_size:
            self._observe_answer(answer)
        return answer

    def _observe_answer(self, answer: int) -> None:
        seen = self._seen_answers
        if answer in seen:
            self._n_answers += 1
        elif len(seen) < MAX_KEYS:
            seen.add(answer)

    def _observe_turn(self, action: int, answer: int, spoke: bool) -> None:
        row, history = self._row, self._history
        same_action = action == self._action and len(history) > 0
        same_answer = answer == self._answer and len(history) > 0
        self._same_action = self._same_action + 1 if same_action else 1
        self._same_answer = self._same_answer + 1 if same_answer else 1
        if self._same_action > self._same_action_max:
            self._same_action_max = self._same_action
        row["loops_same_answer"] = row["loops_same_answer"] + 1.0 if same_answer and spoke else 0.0
        # An action that gets another answer each time, such as a poll, is no loop.
        row["loops_again"] = row["loops_again"] + 1.0 if same_answer and same_action else 0.0
        self._action, self._answer = action, answer
        both = hash((action, answer))
        met_before = both in history
        history.append(both)
        if met_before:
            row["loops_cycle"] = self._rounds()
        else:
            row["loops_cycle"] = 0.0
            self._period = 0

    def _rounds(self) -> float:
        """How often the latest turns repeat those of one period (2 … 8 turns) before them; the most over the periods."""
        past = list(self._history)
        n, most = len(past), 0.0
        self._period = 1 if n > 1 and past[-1] == past[-2] else 0
        for period in range(2, min(LONGEST_PERIOD, n // 2) + 1):
            if past[-1] != past[-1 - period]:
                continue
            same = 1
            while same + period < n and past[-1 - same] == past[-1 - same - period]:
                same += 1
            rounds = float(same // period)
            if rounds > most and len(set(past[-period:])) > 1:
                most, self._period = rounds, period
        return most

    def facts(self) -> dict[str, float]:
        nan = float("nan")
        acted = self._n_calls > 0
        return {
            "loops_new_share": self._n_new / self._n_calls if acted else nan,
            "loops_new_recent": self._new.bit_count() / min(self._n_calls, NEW_CALLS) if acted else nan,
            "loops_streak": float(self._same_action) if acted else nan,
            "loops_streak_max": float(self._same_action_max) if acted else nan,
            "loops_answers": float(self._n_answers),
            "loops_answer_streak": float(self._same_answer) if acted else nan,
            "loops_futile": float(self._n_futile),
            "loops_period": float(self._period) if acted else nan,
        }
