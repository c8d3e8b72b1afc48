"""Which gates a text holds, found in one pass where google-re2 is installed; nothing else depends on it."""

from __future__ import annotations

from functools import cache
from typing import Any

from featrouter.catalogue import lexicon

#: Families whose patterns are tried on whole observations.
FAMILIES = ("testruns", "traces")


def held(text: str) -> frozenset[str] | None:
    """The gates of those families that the text holds; None where that is to be asked gate by gate (`gate in text`)."""
    screen = _screen()
    if screen is None:
        return None
    try:
        found = screen.Match(text)
    except UnicodeEncodeError:  # a lone surrogate
        return None
    gates = _gates()
    return frozenset([gates[index] for index in found]) if found else frozenset()


@cache
def _gates() -> tuple[str, ...]:
    patterns = [pattern for family in FAMILIES for pattern in lexicon(family).patterns.values()]
    return tuple(dict.fromkeys(gate for pattern in patterns for gate in pattern.gates))


@cache
def _screen() -> Any:
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
    return screen
