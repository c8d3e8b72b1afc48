"""prompt: what the task text says before anything was done; constant over a run."""

from __future__ import annotations

from functools import lru_cache
from math import log2

from featrouter.catalogue import lexicon
from featrouter.reading import Reading

#: Texts that are remembered: runs on one task come together.
_KEPT = 64
#: Letters, digits, `_` and `.` stay, all else is a blank.
_KEEPS = bytes(code if chr(code).isalnum() or chr(code) in "_." else 32 for code in range(128)).ljust(256)


class Prompt:
    def __init__(self, task: str, row: dict[str, float]) -> None:
        if task.strip():
            row.update(_numbers(task))

    def observe(self, reading: Reading) -> None:
        """The task text does not change while the agent works."""

    def facts(self) -> dict[str, float]:
        return {}


@lru_cache(maxsize=_KEPT)
def _numbers(text: str) -> dict[str, float]:
    """The family's features by name. A letter beyond ASCII parts a word, as a blank does."""
    tokens = text.lower().encode("ascii", "replace").translate(_KEEPS).decode("ascii").split()
    others = [token for token in tokens if token < "a"]  # they begin with a digit, `_` or `.`
    numbers = [token for token in others if token.strip(".").replace(".", "", 1).isdigit()]
    n = max(len(tokens) - len(others), 1)
    return {
        "prompt_words": log2(1.0 + len(tokens) - len(others)),
        "prompt_numbers": 100.0 * len(numbers) / n,
        "prompt_ranking": 100.0 * sum(map(_ranking().__contains__, tokens)) / n,
    }


@lru_cache(maxsize=1)
def _ranking() -> frozenset[str]:
    """The ranking words, with the full stop of a sentence that they end, too."""
    words = lexicon("prompt").words["ranking"]
    return words | {f"{word}." for word in words}
