"""Sessions of conversations that come back one turn longer, so that one more turn costs one turn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from featrouter.decision import Costs
from featrouter.session import Session
from featrouter.trajectory import Call, Turn

#: So many conversations are remembered: their numbers, none of their texts.
MOST = 128
_PLAIN = (type(None), bool, int, float, str, Costs)


class Conversations:
    """The sessions last used, each found by all that it has observed. Threads may share it without a lock.

    A session is taken out while somebody works with it; who asks for it meanwhile starts from the beginning.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._sessions: OrderedDict[int, Session] = OrderedDict()

    def take(self, keys: Sequence[int]) -> tuple[int, Session | None]:
        """The session that has observed the most turns of a run with these keys, and how many; it is taken out."""
        for seen in range(len(keys) - 1, -1, -1):
            session = self._sessions.pop(keys[seen], None)
            if session is not None:
                return seen, session
        return 0, None

    def put(self, key: int, session: Session) -> None:
        """Remember a session by the key of the last turn that it has observed."""
        self._sessions[key] = session
        while len(self._sessions) > self._most:
            try:
                self._sessions.popitem(last=False)
            except KeyError:  # another thread was faster
                break


def keys_of(task: str, others: tuple[object, ...], turns: Sequence[Turn]) -> list[int]:
    """A key for the state after 0, 1, … turns of a run, which its task and what else it was asked with set apart.

    TypeError for turns of which two that read differently might share a key: other classes, fields of other types.
    """
    keys = [_hash((task,), others)]
    for turn in turns:
        if type(turn) is not Turn or type(turn.calls) is not tuple:
            raise TypeError("only plain turns have a key")
        numbers = turn.exit_code, turn.is_error, turn.prompt_tokens, turn.completion_tokens, turn.cost, turn.latency
        keys.append(_hash((turn.thought, turn.action, turn.observation, turn.tool), (keys[-1], *numbers)))
        for call in turn.calls:
            if type(call) is not Call:
                raise TypeError("only plain calls have a key")
            told = keys[-1], call.exit_code, call.is_error
            keys[-1] = _hash((call.action, call.observation, call.tool), told)
    return keys


def _hash(texts: tuple[str, ...], others: tuple[object, ...]) -> int:
    """Numbers enter as they print: 1, 1.0 and True are equal, and hash alike, but do not read alike."""
    if not all(type(text) is str for text in texts) or not all(type(other) in _PLAIN for other in others):
        raise TypeError("only text and numbers have a key")
    return hash((texts, repr(others)))
