"""Which gates a text holds, found in one pass where google-re2 is installed; nothing else depends on it."""

from __future__ import annotations

from functools import cache
from typing import Any

from featrouter.catalogue import SCREENED, lexicon

#: What `held` returns of a text without gates, always this object.
NOTHING: frozenset[str] = frozenset()


def held(text: str) -> frozenset[str] | None:
    """The gates that a call's answer holds, of all patterns that read whole answers.

    None where that is to be asked gate by gate (`gate in text`).
    """
    match = _matcher()
    if match is None:
        return None
    if not text:
        return NOTHING
    try:
        found = match(text.encode())
    except UnicodeEncodeError:  # a lone surrogate
        return None
    if not found:
        return NOTHING
    gates = _gates()
    return frozenset([gates[index] for index in found])


@cache
def _gates() -> tuple[str, ...]:
    patterns = [
        pattern for name in SCREENED for pattern in lexicon(name).patterns.values() if pattern.style != "refusal"
    ]
    return tuple(dict.fromkeys(gate for pattern in patterns for gate in pattern.gates))


@cache
def _matcher() -> Any:
    """A function from a text to the indices of the gates that it holds; None without google-re2."""
    try:
        import re2
    except ImportError:
        return None
    options = re2.Options()
    options.literal, options.log_errors = True, False
    screen = re2.Set.SearchSet(options)
    for gate in _gates():
        screen.Add(gate)
    screen.Compile()
    return screen.Match
