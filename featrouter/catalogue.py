"""The catalogue: every feature and every pattern a family reads, as data from `features/*.toml`."""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any

from featrouter.lazy_pattern import lazy_pattern
from featrouter.resources import place

FAMILIES = ("prompt", "files", "code", "edits", "testruns", "traces", "loops", "thoughts", "effort", "ending")
#: Patterns without features: of the answers of calls, and of what the agent says.
SCREENED = ("runners", "errors")
VOCABULARIES = (*SCREENED, "speech")

_FEATURE_KEYS = {"unit", "range", "sign", "weight", "meaning", "phrase", "absent"}
_OPTIONAL = {"weight", "absent"}
_PATTERN_KEYS = {"regex", "gates", "style", "join", "lines", "heads", "matches", "rejects", "why"}
_SIGNS = ("+", "-", "free")
#: The flags of a pattern, and what it is made of: escapes, classes, single characters.
_FLAGS = lazy_pattern(r"\(\?[a-z]{1,8}\)")
_TOKEN = lazy_pattern(r"(?s)\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.")
#: Lines of a file that change no value: each of these keys stands on a line of its own.
_WORDING = re.compile(rb"(?m)^(?:(?:summary|meaning|phrase|absent|sign|weight|why) = .*|#.*|[ \t]*)\r?\n")


class CatalogueError(ValueError):
    """A file of the catalogue is not what it should be; the message names file, table and key."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of a row, in a natural unit, within `low` and `high`. 0 or NaN: nothing of the kind was seen.

    `sign` says what more of it means for solving the task: "+", "-", or "free" where common sense does not tell.
    `weight`: the prior weight in log-odds per unit, with the sign of `sign`; 0.0 where that is free. It was written
    down before anything was fitted.
    """

    name: str
    family: str
    unit: str
    low: float
    high: float
    sign: str
    weight: float
    meaning: str
    phrase: str
    absent: str

    def shown(self, value: float) -> str:
        """The value as a person would write it: shares in percent, of a logarithm the count that it stands for."""
        if self.unit == "0 or 1":
            return "yes" if value else "no"
        if self.unit.startswith("share"):
            return f"{number(100 * value)} %"
        return number(round(2**value - 1) if self.unit.startswith("log2 of") and value < 1000 else value)

    def word(self, value: float) -> str:
        """The feature's value in words, such as `4 failing tests`; `absent` when it is unknown (NaN)."""
        return self.absent if math.isnan(value) else self.phrase.replace("{}", self.shown(value))


def number(value: float) -> str:
    """A number as a person would write it: whole numbers bare, others with three significant digits."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@dataclass(frozen=True)
class Pattern:
    """A regular expression behind literal gates: unless one of `gates` is in the text, it is not tried.

    With `lines` it is tried on the lines that hold a gate alone: a match never leaves its line. Where a match takes
    several lines, `heads` are literals one of which is in the first of them, or begins with the break behind it: it is
    tried at the start of such lines alone. `style`
    and `join` are read by the family that owns the pattern; `matches` and `rejects` are the pattern's own examples,
    which the tests execute.
    """

    name: str
    source: str
    gates: tuple[str, ...] = ()
    style: str = ""
    join: str = ""
    lines: bool = False
    matches: tuple[Mapping[str, Any], ...] = ()
    rejects: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Compiled when it is first needed: most patterns never are. Raises CatalogueError."""
        try:
            return re.compile(self.source)
        except re.error as error:
            raise CatalogueError(f"[patterns.{self.name}]: regex: {error}") from None

    def open_for(self, text: str) -> bool:
        for gate in self.gates:  # a generator under any() costs more than the searches
            if gate in text:
                return True
        return not self.gates

    @cached_property
    def anchored(self) -> bool:
        """Whether a match can only begin where a line does."""
        return bool(self.heads) or _starts_lines(self.source)

    def tried(self, text: str, held: frozenset[str] | None = None) -> Iterator[re.Match[str]]:
        """All matches in a text that is known to hold a gate. `held`: all gates that it holds, where they are known."""
        if not (self.lines or self.heads):
            return self.regex.finditer(text)
        literals = self.heads or self.gates
        if held is not None and literals is self.gates:
            literals = tuple([gate for gate in literals if gate in held])
        lines = _lines_with(literals, text)
        if self.anchored:  # a search would try each character of the line
            return self._at_starts(text, lines)
        return chain.from_iterable(self.regex.finditer(text, *line) for line in lines)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self.tried(text) if self.open_for(text) else iter(())

    def search(self, text: str) -> re.Match[str] | None:
        if not self.open_for(text):
            return None
        return next(self.tried(text), None) if self.lines or self.heads else self.regex.search(text)

    def count(self, text: str) -> int:
        return sum([1 for _ in self.tried(text)]) if self.open_for(text) else 0

    def _at_starts(self, text: str, lines: list[tuple[int, int]]) -> Iterator[re.Match[str]]:
        match = self.regex.match
        behind = 0  # where the match before has ended
        for start, end in lines:
            if start >= behind and (found := match(text, start, end if self.lines else len(text))):
                behind = found.end()
                yield found


def _lines_with(literals: tuple[str, ...], text: str) -> list[tuple[int, int]]:
    """Start and end of the lines that hold one of the literals."""
    found: dict[int, int] = {}
    for literal in literals:
        if literal[0] == "\n" and text.startswith(literal[1:]):
            found[0] = 0
        at = text.find(literal)
        while at >= 0:
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            found[text.rfind("\n", 0, at) + 1] = end
            at = text.find(literal, max(end, at + 1))
    return sorted(found.items())


def _starts_lines(source: str) -> bool:
    """Whether each alternative of a pattern begins with `^`, and that means the start of a line."""
    flags = _FLAGS.match(source)
    if not flags or "m" not in flags[0]:
        return False
    # What stands in groups and classes, and what is escaped, parts no alternatives.
    outer, depth = [""], 0
    for token in _TOKEN.findall(source, flags.end()):
        if token == "|" and not depth:
            outer.append("")
        else:
            outer[-1] += token
            depth += (token == "(") - (token == ")")
    return all(alternative.startswith("^") for alternative in outer)


@dataclass(frozen=True)
class Lexicon:
    """One family's part of the catalogue: its features, its patterns and its word lists."""

    family: str
    summary: str
    features: tuple[Feature, ...]
    patterns: Mapping[str, Pattern] = field(default_factory=dict)
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __getitem__(self, pattern: str) -> Pattern:
        return self.patterns[pattern]

    def styled(self, style: str) -> tuple[Pattern, ...]:
        return tuple(pattern for pattern in self.patterns.values() if pattern.style == style)


@lru_cache(maxsize=len(FAMILIES) + len(VOCABULARIES))
def lexicon(family: str) -> Lexicon:
    """The catalogue of one family. Raises CatalogueError when its file is malformed."""
    try:
        table = tomllib.loads(_source(family).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{family}.toml: not TOML: {error}") from None
    return _parse(family, table)


def _parse(family: str, table: Mapping[str, Any]) -> Lexicon:
    features = []
    for name, row in table.get("features", {}).items():
        where = f"{family}.toml [features.{name}]"
        if set(row) - _FEATURE_KEYS or _FEATURE_KEYS - set(row) - _OPTIONAL:
            raise CatalogueError(f"{where}: keys must be {sorted(_FEATURE_KEYS)} ({sorted(_OPTIONAL)} are optional)")
        if "{}" not in row["phrase"]:
            raise CatalogueError(f"{where}: phrase must hold {{}}, where the value goes")
        absent = row.get("absent", f"{row['meaning'][0].lower()}{row['meaning'][1:]}: unknown")
        low, high = _range(row["range"], where)
        weight = _weight(row, where)
        bounds, prior = (low, high), (row["sign"], weight)
        features.append(
            Feature(f"{family}_{name}", family, row["unit"], *bounds, *prior, row["meaning"], row["phrase"], absent)
        )
    patterns = {}
    for name, row in table.get("patterns", {}).items():
        where = f"{family}.toml [patterns.{name}]"
        if set(row) - _PATTERN_KEYS or "regex" not in row or not row.get("matches"):
            raise CatalogueError(f"{where}: needs regex and matches; allowed keys are {sorted(_PATTERN_KEYS)}")
        patterns[name] = Pattern(
            name,
            row["regex"],
            tuple(row.get("gates", ())),
            row.get("style", ""),
            row.get("join", ""),
            row.get("lines", False),
            tuple(row["matches"]),
            tuple(row.get("rejects", ())),
            tuple(row.get("heads", ())),
        )
    words = {name: frozenset(listed) for name, listed in table.get("words", {}).items()}
    return Lexicon(family, table.get("summary", ""), tuple(features), patterns, words)


def _range(told: object, where: str) -> tuple[float, float]:
    """The bounds of a feature: two numbers, the first below the second."""
    match told:
        case [int() | float() as low, int() | float() as high] if low < high:
            return float(low), float(high)
    raise CatalogueError(f"{where}: range must be two numbers that rise, such as [0, 4]")


def _weight(row: Mapping[str, Any], where: str) -> float:
    """The prior weight of a feature: of the sign that the feature claims, absent where the sign is free."""
    sign, weight = row["sign"], row.get("weight", 0.0)
    if sign not in _SIGNS:
        raise CatalogueError(f"{where}: sign must be one of {' '.join(_SIGNS)}")
    if not isinstance(weight, int | float) or (sign == "+") != (weight > 0) or (sign == "-") != (weight < 0):
        raise CatalogueError(
            f"{where}: weight must be a number of the feature's sign, and be left out where that is free"
        )
    return float(weight)


@dataclass(frozen=True)
class FeatureSet:
    """All features in the order in which the extractor writes them: families in FAMILIES order, each in file order."""

    features: tuple[Feature, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def by_name(self) -> Mapping[str, Feature]:
        return {feature.name: feature for feature in self.features}

    def __len__(self) -> int:
        return len(self.features)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)


@lru_cache(maxsize=1)
def feature_set() -> FeatureSet:
    return FeatureSet(tuple(feature for family in FAMILIES for feature in lexicon(family).features))


def family_of(feature: str) -> str:
    """The family of a feature, which is the first word of its name."""
    return feature.partition("_")[0]


@lru_cache(maxsize=1)
def digest() -> str:
    """What binds a bundle to the catalogue: a hash over everything in its files that may change a feature's value.

    Wording (summaries, meanings, phrases), signs, weights and comments may be edited without making a bundle stale. The
    files are not parsed for it: a process that routes would wait for that.
    """
    return _digest({name: _source(name) for name in (*FAMILIES, *VOCABULARIES)})


def _digest(sources: Mapping[str, bytes]) -> str:
    sha = hashlib.sha256()
    for name, source in sources.items():
        sha.update(name.encode() + b"\0" + _WORDING.sub(b"", source) + b"\0")
    return sha.hexdigest()


def _source(name: str) -> bytes:
    with open(place(f"features/{name}.toml"), "rb") as file:
        return file.read()
