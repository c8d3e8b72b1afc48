"""Where the test runners of the catalogue stand in an output, however long it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from featrouter.catalogue import Pattern, lexicon
from featrouter.lazy_pattern import lazy_pattern
from featrouter.observations.output import HEAD, TAIL, Output, window
from featrouter.screen import held

#: Characters of a long output that are searched beyond each end of its window.
REACH = 32 * 1024
#: Above so many escapes the window has to do: to remove more of them costs more than the search.
_MOST_ESCAPES = 4096
#: Places at which a pattern is tried in a long output: few summaries, many tests.
_SUMMARIES, _TESTS = 64, 240
#: Characters of a line, lines around a summary of several lines, and characters of all these.
_LINE, _AROUND, _BLOCK = 300, 6, 800
#: Places at which all patterns together are tried in a long output.
_MOST_PLACES = 480
#: What pnpm, turbo, lerna and docker compose write before each line of a package's tests.
_PREFIX = lazy_pattern(
    r"(?m)^(?:[@\w./-]{1,80}(?: |:)test(?::[\w-]{1,40})?: ?|@[\w.-]{1,60}/[\w.-]{1,60}: |[\w.-]{1,40}-\d{1,3} {1,12}\| )"
)
_PREFIXED = ("test:", "\n@", "-1  ")


@cache
def runners() -> tuple[Pattern, ...]:
    """The test runners of features/runners.toml, in the order in which they are tried."""
    return tuple(pattern for pattern in lexicon("runners").patterns.values() if pattern.style)


class PatternSet:
    """Patterns in their order, and for each gate the places of those that it opens."""

    __slots__ = ("_roots", "_shortest", "by_gate", "patterns")

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.patterns = tuple(patterns)
        self.by_gate: dict[str, list[int]] = {}
        for place, pattern in enumerate(self.patterns):
            for gate in pattern.gates:
                self.by_gate.setdefault(gate, []).append(place)
        self._shortest: dict[str, str] = {}
        for gate in self.by_gate:
            self._shortest[gate] = min([other for other in self.by_gate if other in gate], key=len)
        self._roots = [gate for gate, outer in self._shortest.items() if gate == outer]

    def opened(self, text: str, gates: frozenset[str] | None) -> list[Pattern]:
        """Those of which the text holds a gate. `gates`: the gates that it holds, None if it was not screened."""
        if gates is None:
            gates = self._searched(text)
        if not gates:
            return []
        return [
            self.patterns[place] for place in sorted({place for gate in gates for place in self.by_gate.get(gate, ())})
        ]

    def _searched(self, text: str) -> frozenset[str]:
        """The gates that the text holds. One that holds a shorter gate is searched for only where that one stands."""
        shorter = {gate for gate in self._roots if gate in text}
        if not shorter:
            return frozenset()
        return frozenset(
            [gate for gate, inner in self._shortest.items() if inner in shorter and (gate == inner or gate in text)]
        )


@cache
def telling() -> PatternSet:
    """The patterns that tell a result."""
    return PatternSet(pattern for pattern in runners() if pattern.style != "names")


@cache
def naming() -> PatternSet:
    """The patterns that name tests."""
    return PatternSet(pattern for pattern in runners() if "(?P<name" in pattern.source)


class Search:
    """A search of one output. `opened`: those of the patterns of which the output holds a gate, in their order."""

    __slots__ = ("_held", "_long", "_places", "opened", "text")

    def __init__(self, output: Output, patterns: PatternSet) -> None:
        self._long = len(output.whole) > HEAD + TAIL
        self._places = _MOST_PLACES
        self._held: frozenset[str] | None = None
        self.opened: Sequence[Pattern]
        if self._long:
            self.text = _reached(output)
            self.opened = patterns.opened(self.text, held(self.text))
        else:
            self.text, self._held = output.text, output.held
            self.opened = output.opened(patterns.patterns) if self._held else patterns.opened(self.text, self._held)
        if self.opened:
            text = _without_prefixes(self.text)
            if text is not self.text:
                self.text, self._held = text, None

    def matches(self, pattern: Pattern) -> list[re.Match[str]]:
        """All matches of an opened pattern; in a long output, at as many places as time allows."""
        if not self._long:
            return list(pattern.tried(self.text, self._held))
        if self._places <= 0:
            return []
        stretches = _stretches(
            pattern, self.text, min(self._places, _TESTS if pattern.style == "tally" else _SUMMARIES)
        )
        self._places -= len(stretches)
        return [match for start, end in stretches for match in pattern.regex.finditer(self.text, start, end)]


def holds_none(output: Output, patterns: PatternSet) -> bool:
    """Whether a short output is known to hold no gate: most programs report no test."""
    if len(output.whole) > HEAD + TAIL:
        return False
    gates = output.held
    return gates is not None and not (gates and output.opened(patterns.patterns))


def _reached(output: Output) -> str:
    """More of a long output than its window. Where a window is cut short (many calls in one turn), so is this."""
    reach = REACH * len(output.text) // (HEAD + TAIL) if len(output.text) < HEAD + TAIL - 512 else REACH
    whole = output.whole
    text = whole if len(whole) <= 2 * reach else f"{whole[:reach]}\n\n{whole[-reach:]}"
    return output.text if text.count("\x1b") > _MOST_ESCAPES else window(text, reach, reach + 2)


def _without_prefixes(text: str) -> str:
    for prefix in _PREFIXED:
        if prefix in text:
            return _PREFIX.sub("", text)
    return text


def _stretches(pattern: Pattern, text: str, most: int) -> list[tuple[int, int]]:
    """Start and end of what is tried: lines that hold a gate, or the blocks around them; none overlaps another."""
    stretch = _line if pattern.lines else _block
    places: list[int] = []
    for gate in sorted(pattern.gates, key=_passing) if pattern.style == "tally" else pattern.gates:
        share = most - len(places) if pattern.style == "tally" else max(8, most // len(pattern.gates))
        if share > 0:
            places += _places(text, gate, (share + 1) // 2)
    merged: list[tuple[int, int]] = []
    for start, end in sorted({stretch(text, at) for at in places}):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _passing(gate: str) -> bool:
    """Whether a gate is one of tests that pass: the others are looked for first."""
    return not any(word in gate.lower() for word in ("fail", "not ok", "err"))


def _places(text: str, gate: str, most: int) -> list[int]:
    """Where a gate stands, a line once: its first places and its last, as a summary stands at either end."""
    skipped = len(gate) - len(gate.lstrip("\n"))
    found: list[int] = []
    at = text.find(gate)
    while at >= 0:
        found.append(at + skipped)
        end = text.find("\n", at + len(gate) - 1)
        if end < 0 or len(found) == most:
            break
        at = text.find(gate, end)
    if len(found) < most or at < 0:
        return found
    low, last = at + len(gate), len(text)
    for _ in range(most):
        last = text.rfind(gate, low, last)
        if last < 0:
            break
        found.append(last + skipped)
        last = text.rfind("\n", low, last) + 1
        if last <= low:
            break
    return found


def _line(text: str, at: int) -> tuple[int, int]:
    start = text.rfind("\n", max(0, at - _LINE), at) + 1 or max(0, at - _LINE)
    end = text.find("\n", at, start + _LINE)
    return start, end if end >= 0 else min(len(text), start + _LINE)


def _block(text: str, at: int) -> tuple[int, int]:
    start = end = at
    for _ in range(_AROUND + 1):
        start = text.rfind("\n", max(0, at - _BLOCK), start)
        if start < 0:
            start = max(0, at - _BLOCK)
            break
    for _ in range(_AROUND + 2):
        end = text.find("\n", end + 1, at + _BLOCK)
        if end < 0:
            end = min(len(text), at + _BLOCK)
            break
    return start, end
