"""The names in a task text: files, symbols, code names. A run's first turn waits for them, so they are looked for in haste.

Each function finds exactly what its pattern of features/*.toml finds in the whole text; it only shows the pattern no more
of it than the places where a name can stand. A text with letters beyond ASCII is shown whole.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from functools import cache, lru_cache

from featrouter.catalogue import lexicon
from featrouter.lazy_pattern import lazy_pattern

#: So many texts are remembered: runs on one task come together.
_KEPT = 64

_WORD = string.ascii_letters + string.digits + "_"
_CALLED, _PATH = _WORD + ".", _WORD + "/.-"
#: No name that the patterns take is longer.
_MOST_NAME, _MOST_CALLED, _MOST_PATH = 100, 400, 900
_BEYOND = lazy_pattern(r"[^\x00-\x7f]")
_PATH_ON = lazy_pattern(r"[\w/.-]*")
_QUOTED = lazy_pattern(r"`([A-Za-z_][\w.]{1,80})(?:\(\))?`")
#: A sign that makes a word a name, with the rest of the word.
_SNAKE_OR_CAMEL = lazy_pattern(r"[A-Z_](?:(?<=_)|(?<=[a-z0-9].))\w*")


@lru_cache(maxsize=_KEPT)
def files(text: str) -> tuple[str, ...]:
    """The file names, in their order."""
    pattern, plain = lexicon("prompt")["file"].regex, _plain(text)
    if plain is None:
        return tuple(pattern.findall(text))
    text, end = plain, 0
    found: list[str] = []
    for hit in _extension().finditer(text):
        if hit.start() >= end:
            start = _start(text, max(end, hit.start() - _MOST_PATH), hit.start(), _PATH)
            end = _end(text, hit.end())
            found += [match.group(0) for match in pattern.finditer(text, start, end + 1)]  # it looks one further
    return tuple(found)


def basenames(text: str) -> frozenset[str]:
    """The file names without their folders."""
    return frozenset([name.rsplit("/", 1)[-1] for name in files(text)])


@lru_cache(maxsize=_KEPT)
def symbols(text: str) -> tuple[str, ...]:
    """What stands in back quotes, and dotted or snake-case names that are called; each once, in their order."""
    pattern, plain = lexicon("prompt")["symbol"].regex, _plain(text)
    if plain is None:
        return tuple(dict.fromkeys([next(filter(None, match.groups())) for match in pattern.finditer(text)]))
    text = plain
    found = [(match.start(), match.group(1)) for match in _QUOTED.finditer(text)]
    at = text.find("(")
    while at >= 0:
        if text[at - 1] in _CALLED:
            start = _start(text, max(0, at - _MOST_CALLED), at, _CALLED)
            if "." in text[start:at] or "_" in text[start:at]:
                match = pattern.search(text, start, at + 1)
                if match:  # there is but one: it ends with the bracket
                    found.append((match.start(), match[match.lastindex or 0]))
        at = text.find("(", at + 1)
    return tuple(dict.fromkeys([name for _, name in sorted(found)]))


def each_name(text: str) -> Iterator[str]:
    """Words in snake case or camel case, each once, in their order, one by one: who needs a few reads no further."""
    pattern, plain = lexicon("code")["name"].regex, _plain(text)
    if plain is None:
        yield from dict.fromkeys(pattern.findall(text))
        return
    is_name = pattern.fullmatch
    seen: set[str] = set()
    for hit in _SNAKE_OR_CAMEL.finditer(plain):
        at, end = hit.span()
        low = at - _MOST_NAME if at > _MOST_NAME else 0
        word = plain[low + len(plain[low:at].rstrip(_WORD)) : end]
        if word not in seen:
            seen.add(word)
            if is_name(word):
                yield word


@cache
def _extension() -> re.Pattern[str]:
    """What a file name ends with: the pattern of files from its last dot on."""
    source = lexicon("prompt")["file"].source
    ending = source[source.rindex(r"\.") :].removeprefix(r"\.")
    return re.compile(rf"\.(?=[a-z]){ending}")  # most dots end a sentence or stand in a number


@lru_cache(maxsize=_KEPT)
def _plain(text: str) -> str | None:
    """The text in ASCII, each further sign (a dash, a typographic quote) as a question mark; None if some are letters."""
    if text.isascii():
        return text
    if any(map(str.isalnum, _BEYOND.findall(text))):
        return None
    return text.encode("ascii", "replace").decode("ascii")


def _start(text: str, low: int, at: int, characters: str) -> int:
    """Where the unbroken run of these characters begins that ends at `at`."""
    return low + len(text[low:at].rstrip(characters))


def _end(text: str, at: int) -> int:
    found = _PATH_ON.match(text, at)
    return found.end() if found else at
