"""Regular expressions that are compiled when they are first used: a process that routes uses few of them."""

from __future__ import annotations

import re
from typing import Any, cast

_METHODS = ("match", "search", "fullmatch", "sub", "subn", "findall", "finditer", "split", "pattern", "flags", "groups")


class LazyPattern:
    """Stands for a compiled pattern. From the first use on its methods are those of the compiled one, at no cost."""

    def __init__(self, source: str, flags: int) -> None:
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        # Asked only for what is not there yet.
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = re.compile(self._source, self._flags)
        self.__dict__.update({method: getattr(compiled, method) for method in _METHODS})
        return self.__dict__[name]


def lazy_pattern(source: str, flags: int = 0) -> re.Pattern[str]:
    """Like `re.compile`, later: an error in the source shows when the pattern is first used."""
    return cast("re.Pattern[str]", LazyPattern(source, flags))
