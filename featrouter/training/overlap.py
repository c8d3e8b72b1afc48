"""Was a bundle taught with the very tasks of a log? A sketch of what it saw tells, and holds no name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

#: The least hashes are kept: those of another log that lie below the greatest of them are a fair sample of its tasks.
KEPT = 256
_DIGITS = 12


def sketch(tasks: Iterable[str]) -> list[str]:
    """The KEPT least hashes of the task ids (a bottom-k sketch; Cohen and Kaplan 2007), sorted."""
    return sorted(_hashes(tasks))[:KEPT]


def seen_before(tasks: Iterable[str], provenance: dict[str, Any]) -> float | None:
    """The share of these tasks that a bundle of this provenance was taught with; None where it does not tell."""
    kept = provenance.get("tasks_sketch")
    if not isinstance(kept, list) or not kept or not all(isinstance(each, str) for each in kept):
        return None
    told = _hashes(tasks)
    sample = told if len(kept) < KEPT else {each for each in told if each <= kept[-1]}
    return len(sample & set(kept)) / len(sample) if sample else 0.0


def _hashes(tasks: Iterable[str]) -> set[str]:
    return {hashlib.sha256(task.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS] for task in tasks}
