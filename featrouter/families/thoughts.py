"""thoughts: how the agent talks to itself - length, doubt, claims, giving up."""

from __future__ import annotations

from functools import cache, lru_cache
from math import log2

from featrouter.catalogue import lexicon
from featrouter.families.steps import outdates, tries
from featrouter.reading import Reading

# Past this many distinct words the list stands still, so that a session's memory is bounded.
MAX_WORDS = 4096

_HANDS_ON = ("transferto", "handoff", "escalateto", "giveup")
_LISTS = ("hedges", "certainty", "setbacks", "turnabouts")


class Thoughts:
    def __init__(self, task: str, row: dict[str, float]) -> None:
        self._row = row
        self._lists = _lists()
        self._is_listed = self._lists.__contains__
        speech = lexicon("speech")
        self._claim, self._gives_up, self._unmeant = speech["claim"], speech["gives_up"], speech["unmeant"]
        self._claim_words, self._gives_up_words = speech.words["claim"], speech.words["gives_up"]
        self._thoughts = self._words = self._last = 0
        self._listed = [0] * len(_LISTS)
        self._claims = 0
        self._checked = False
        self._known: dict[str, None] = {}
        row["thoughts_unproven"] = row["thoughts_gives_up"] = 0.0

    def observe(self, reading: Reading) -> None:
        row = self._row
        row["thoughts_unproven"] = row["thoughts_gives_up"] = 0.0
        if reading.thought:
            distinct = reading.distinct
            if distinct:
                self._observe_words(reading.words, distinct)
                # A phrase is looked for only where one of its words is spoken.
                if not distinct.isdisjoint(self._claim_words) and self._claims_success(reading.low):
                    self._claims += 1
                    row["thoughts_unproven"] = float(not self._checked)
                if not distinct.isdisjoint(self._gives_up_words) and self._gives_up.search(reading.low):
                    row["thoughts_gives_up"] = 1.0
        for call in reading.calls:
            if call.tool and _hands_on(call.tool):
                row["thoughts_gives_up"] = 1.0
            for operation in call.operations:
                if tries(operation):
                    self._checked = not call.failed
                elif outdates(operation):
                    self._checked = False

    def _claims_success(self, low: str) -> bool:
        """Whether a thought claims success: what its sentence denies, doubts or is yet to do is no claim."""
        for claim in self._claim.finditer(low):
            start = max(low.rfind(mark, 0, claim.start()) for mark in ".!?\n;")
            if self._unmeant.search(low[start + 1 : claim.end()]) is None:
                return True
        return False

    def _observe_words(self, words: list[str], distinct: frozenset[str]) -> None:
        row, listed = self._row, self._listed
        n, n_distinct = len(words), len(distinct)
        self._last = n
        for word in filter(self._is_listed, words):
            for place in self._lists[word]:
                listed[place] += 1
        new = self._observe_new(distinct)
        if self._thoughts:
            row["thoughts_new_words"] = new / n_distinct
        thoughts = self._thoughts = self._thoughts + 1
        spoken = self._words = self._words + n
        per_100 = 100.0 / spoken
        row["thoughts_words"] = log2(1.0 + spoken / thoughts)
        hedges, certainty, setbacks, turnabouts = listed
        row["thoughts_hedges"] = hedges * per_100
        row["thoughts_certainty"] = certainty * per_100
        row["thoughts_setbacks"] = setbacks * per_100
        row["thoughts_turnabouts"] = turnabouts * per_100

    def _observe_new(self, distinct: frozenset[str]) -> int:
        """How many of the words were not said before."""
        known = self._known
        new = distinct.difference(known)
        if new and len(known) < MAX_WORDS:
            known.update(dict.fromkeys(new))  # a dict is half as large as a set
        return len(new)

    def facts(self) -> dict[str, float]:
        return {"thoughts_claims": float(self._claims), "thoughts_words_last": float(self._last)}


@lru_cache(maxsize=256)
def _hands_on(tool: str) -> bool:
    """Whether a tool of this name passes the task on to a person, or gives it up."""
    name = tool.lower().replace("_", "").replace("-", "")
    return any(word in name for word in _HANDS_ON)


@cache
def _lists() -> dict[str, tuple[int, ...]]:
    """By word: the places in _LISTS of the lists that hold it."""
    words = lexicon("thoughts").words
    every = frozenset[str]().union(*[words[name] for name in _LISTS])
    return {word: tuple(at for at, name in enumerate(_LISTS) if word in words[name]) for word in every}
