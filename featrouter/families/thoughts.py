"""thoughts: how the agent talks to itself - length, doubt, plans, vocabulary."""

from __future__ import annotations

from featrouter.catalogue import lexicon
from featrouter.reading import Reading

# The vocabulary is counted over the first words only: its share falls with length, so lengths must be alike.
_VOCABULARY_WORDS, _VOCABULARY_LEAST = 150, 30
# Past this many distinct words the list stands still, so that a session's memory is bounded.
MOST = 4096

_LISTS = ("hedges", "certainty", "plans", "causes", "setbacks", "turnabouts")


class Thoughts:
    def __init__(self, task: str) -> None:
        self._lex = lexicon("thoughts")
        self._turns = self._thoughts = self._words = 0
        self._listed = dict.fromkeys(_LISTS, 0)
        self._apologies = self._claims = self._questions = self._code = 0
        self._last = self._last_hedges = 0
        self._index_words = 0
        self._first_words: list[str] = []
        self._known: set[str] = set()
        self._new_share = float("nan")

    def observe(self, reading: Reading) -> None:
        self._turns += 1
        text = reading.thought
        if not text.strip():
            return
        lex = self._lex
        words = lex["word"].regex.findall(text.lower())
        self._last = len(words)
        self._words += len(words)
        self._index_words += self._thoughts * len(words)
        for name in _LISTS:
            listed = lex.words[name]
            hits = sum(word in listed for word in words)
            self._listed[name] += hits
            if name == "hedges":
                self._last_hedges = hits
        self._apologies += lex["apology"].search(text) is not None
        self._claims += lex["claim"].search(text) is not None
        self._questions += text.count("?")
        self._code += lex["code"].count(text)
        if len(self._first_words) < _VOCABULARY_WORDS:
            self._first_words += words[: _VOCABULARY_WORDS - len(self._first_words)]
        distinct = set(words)
        if self._thoughts and distinct:
            self._new_share = len(distinct - self._known) / len(distinct)
        if len(self._known) < MOST:
            self._known |= distinct
        self._thoughts += 1

    def row(self) -> dict[str, float]:
        nan = float("nan")
        spoken = self._thoughts > 0
        per_100 = 100.0 / self._words if self._words else nan
        first = self._first_words
        return {
            "thoughts_share": self._thoughts / self._turns if self._turns else nan,
            "thoughts_words_mean": self._words / self._thoughts if spoken else nan,
            "thoughts_words_last": float(self._last) if spoken else nan,
            "thoughts_words_slope": self._slope(),
            "thoughts_hedges": self._listed["hedges"] * per_100,
            "thoughts_hedges_last": 100.0 * self._last_hedges / self._last if self._last else nan,
            "thoughts_certainty": self._listed["certainty"] * per_100,
            "thoughts_plans": self._listed["plans"] * per_100,
            "thoughts_causes": self._listed["causes"] * per_100,
            "thoughts_setbacks": self._listed["setbacks"] * per_100,
            "thoughts_turnabouts": self._listed["turnabouts"] * per_100,
            "thoughts_apologies": float(self._apologies) if spoken else nan,
            "thoughts_claims": float(self._claims) if spoken else nan,
            "thoughts_questions": self._questions * per_100,
            "thoughts_vocabulary": len(set(first)) / len(first) if len(first) >= _VOCABULARY_LEAST else nan,
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
