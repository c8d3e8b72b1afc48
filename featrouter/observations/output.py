"""A call's answer as its readers see it: one capped text, and which literals it holds."""

from __future__ import annotations

from featrouter.catalogue import Pattern
from featrouter.lazy_pattern import lazy_pattern
from featrouter.screen import held

#: Characters kept of a long text: its head and its tail. Sizes are always taken from the whole text.
HEAD, TAIL = 2048, 4096

#: What a terminal takes as colours, movements and titles.
_ANSI = lazy_pattern(r"\x1b(?:\[[0-9;?]{0,32}[A-Za-z]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\))")
_UNASKED: frozenset[str] = frozenset(["?"])
#: Texts hold the same few sets of gates again and again.
_MAX_OPENED = 4096
_opened: dict[tuple[int, frozenset[str]], tuple[tuple[Pattern, ...], tuple[Pattern, ...]]] = {}


def window(text: str, head: int = HEAD, tail: int = TAIL) -> str:
    """The text, or its first `head` and last `tail` characters, joined by a line break; no colours, no CRLF."""
    if len(text) > head + tail:
        text = f"{text[:head]}\n{text[-tail:]}"
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return text


class Output:
    """`text`: the window that readers search. `whole`: the text before it was cut, however long it is."""

    __slots__ = ("_held", "text", "whole")

    def __init__(self, whole: str, head: int = HEAD, tail: int = TAIL) -> None:
        self.whole = whole
        self.text = window(whole, head, tail)
        self._held: frozenset[str] | None = _UNASKED

    @property
    def held(self) -> frozenset[str] | None:
        """The gates that `text` holds, screened once for all readers; None where they are to be asked one by one."""
        gates = self._held
        if gates is _UNASKED:
            gates = self._held = held(self.text)
        return gates

    def opened(self, patterns: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
        """Those of the patterns of which `text` holds a gate. `patterns` is one of the tuples that the readers keep."""
        gates = self.held
        if not gates:
            return () if gates is not None else tuple([pattern for pattern in patterns if pattern.open_for(self.text)])
        key = (id(patterns), gates)
        known = _opened.get(key)
        if known is None:
            found = tuple([pattern for pattern in patterns if not gates.isdisjoint(pattern.gates)])
            if len(_opened) >= _MAX_OPENED:
                _opened.clear()
            known = _opened[key] = (patterns, found)  # the tuple is kept, so that its id stays its own
        return known[1]
