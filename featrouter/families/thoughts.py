"""thoughts: how the agent talks to itself - length, doubt, plans, vocabulary."""

from __future__ import annotations

import re
from functools import cache

from featrouter.catalogue import lexicon
from featrouter.reading import Reading

# The vocabulary is counted over the first words only: its share falls with length, so lengths must be alike.
_VOCABULARY_WORDS, _VOCABULARY_LEAST = 150, 30
# Past this many distinct words the list stands still, so that a session's memory is bounded.
MOST = 4096

#: ASCII letters and the apostrophe stay, all else is a blank.
_LETTERS = bytes(code if chr(code).isalpha() or code == 39 else 32 for code in range(128)).ljust(256)

_LISTS = ("hedges", "certainty", "plans", "causes", "setbacks", "turnabouts")


class Thoughts:
    def __init__(self, task: str) -> None:
        lex = lexicon("thoughts")
        self._word, self._apology, self._claim = lex["word"].regex, lex["apology"], lex["claim"]
        self._quoted, self._name = lex["code"], lex["name"]
        self._lists = _lists()
        self._turns = self._thoughts = self._words = 0
        self._listed = dict.fromkeys(_LISTS, 0)
        self._apologies = self._claims = self._questions = self._code = 0
        self._last = self._last_hedges = 0
        self._index_words = 0
        self._first_words: list[str] = []
        self._known: dict[str, None] = {}
        self._new_share = self._vocabulary = float("nan")

    def observe(self, reading: Reading) -> None:
        self._turns += 1
        text = reading.thought
        if not text.strip():
            return
        low = text.lower()
        words = _words(low, self._word)
        self._last = len(words)
        self._words += len(words)
        self._index_words += self._thoughts * len(words)
        hedges = self._listed["hedges"]
        for hit in filter(self._lists.__contains__, words):
            for name in self._lists[hit]:
                self._listed[name] += 1
        self._last_hedges = self._listed["hedges"] - hedges
        self._apologies += self._apology.search(low) is not None
        self._claims += self._claim.search(low) is not None
        self._questions += text.count("?")
        self._code += self._names(text)
        if len(self._first_words) < _VOCABULARY_WORDS:
            self._first_words += words[: _VOCABULARY_WORDS - len(self._first_words)]
            if len(self._first_words) >= _VOCABULARY_LEAST:
                self._vocabulary = len(set(self._first_words)) / len(self._first_words)
        distinct = set(words)
        new = distinct.difference(self._known)
        if self._thoughts and distinct:
            self._new_share = len(new) / len(distinct)
        if len(self._known) < MOST:
            self._known.update(dict.fromkeys(new))  # a dict is half as large as a set
        self._thoughts += 1

    def _names(self, text: str) -> int:
        """Names in back quotes, and further ones in snake case."""
        found = 0
        if self._quoted.open_for(text):
            text, found = self._quoted.regex.subn(" ", text)
        return found + self._name.count(text)

    def row(self) -> dict[str, float]:
        nan = float("nan")
        spoken = self._thoughts > 0
        per_100 = 100.0 / self._words if self._words else nan
        return {
            "thoughts_share": self._thoughts / self._turns if self._turns else nan,
            "thoughts_words_mean": self._words / self._thoughts if spoken else nan,
            "thoughts_words_last": self._last if spoken else nan,
            "thoughts_words_slope": self._slope(),
            "thoughts_hedges": self._listed["hedges"] * per_100,
            "thoughts_hedges_last": 100.0 * self._last_hedges / self._last if self._last else nan,
            "thoughts_certainty": self._listed["certainty"] * per_100,
            "thoughts_plans": self._listed["plans"] * per_100,
            "thoughts_causes": self._listed["causes"] * per_100,
            "thoughts_setbacks": self._listed["setbacks"] * per_100,
            "thoughts_turnabouts": self._listed["turnabouts"] * per_100,
            "thoughts_apologies": self._apologies if spoken else nan,
            "thoughts_claims": self._claims if spoken else nan,
            "thoughts_questions": self._questions * per_100,
            "thoughts_vocabulary": self._vocabulary,
            "thoughts_new_words": self._new_share,
            "thoughts_code": self._code * per_100,
        }

    def _slope(self) -> float:
        """Least-squares slope of the length over the thought's index 0 … n-1, from running sums."""
        n = self._thoughts
        if n < 3:
            return float("nan")
        mean_index = (n - 1) / 2
        return (self._index_words - mean_index * self._words) / (n * (n * n - 1) / 12)


@cache
def _lists() -> dict[str, tuple[str, ...]]:
    """In which of the lists a word stands."""
    words = lexicon("thoughts").words
    return {word: tuple(name for name in _LISTS if word in words[name]) for name in _LISTS for word in words[name]}


def _words(low: str, word: re.Pattern[str]) -> list[str]:
    """The words of a text in lower case: of plain ASCII, by far the most, without a pattern."""
    if not low.isascii():
        return word.findall(low)
    words = low.encode("ascii").translate(_LETTERS).decode("ascii").split()
    if "'" in low and any(_is_odd(found) for found in words if "'" in found):
        return word.findall(low)
    return words


def _is_odd(word: str) -> bool:
    """Whether an apostrophe stands elsewhere than once between two letters."""
    before, _, after = word.partition("'")
    return not (before and after) or "'" in after
