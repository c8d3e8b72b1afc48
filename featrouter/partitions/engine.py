"""Who does the work: this process, or the workers of a Dask cluster. Both are asked alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol


class Engine(Protocol):
    """Calls a function on each of many arguments, in any order; `memory` is how many bytes one call may take."""

    memory: int

    def each(self, function: Callable[..., Any], work: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """(place in `work`, what the function returned or the exception it ended with), as each is done."""
        ...


class Here:
    """This process, one call after the other."""

    def __init__(self, memory: int = 1 << 30) -> None:
        self.memory = memory

    def each(self, function: Callable[..., Any], work: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        for place, arguments in enumerate(work):
            try:
                yield place, function(*arguments)
            except Exception as error:
                yield place, error
