"""The catalogue: every feature and every pattern a family reads, as data from `features/*.toml`."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any

from featrouter.resources import place

FAMILIES = ("prompt", "files", "code", "edits", "testruns", "traces", "loops", "thoughts", "effort")

_FEATURE_KEYS = {"unit", "meaning", "direction", "phrase", "absent"}
_PATTERN_KEYS = {"regex", "gates", "style", "join", "lines", "matches", "rejects", "why"}
_DIRECTIONS = {"+", "-", "?"}


class CatalogueError(ValueError):
    """A file of the catalogue is not what it should be; the message names file, table and key."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number that a family computes. `direction` is what more of it is believed to mean for success (+, -, ?)."""

    name: str
    family: str
    unit: str
    meaning: str
    direction: str
    phrase: str
    absent: str

    def word(self, value: float) -> str:
        """The feature's value in words, such as `4 failing tests`; `absent` when it is unknown (NaN)."""
        return self.absent if math.isnan(value) else self.phrase.replace("{}", number(value))


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

    With `lines` it is tried on the lines that hold a gate alone: a match never leaves its line. `style` and `join` are
    read by the family that owns the pattern; `matches` and `rejects` are the pattern's own examples, which the tests
    execute.
    """

    name: str
    source: str
    gates: tuple[str, ...] = ()
    style: str = ""
    join: str = ""
    lines: bool = False
    matches: tuple[Mapping[str, Any], ...] = ()
    rejects: tuple[str, ...] = ()

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

    def tried(self, text: str) -> Iterator[re.Match[str]]:
        """All matches in a text that is known to hold a gate."""
        if not self.lines:
            return self.regex.finditer(text)
        return chain.from_iterable(self.regex.finditer(text, *line) for line in self._gated(text))

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self.tried(text) if self.open_for(text) else iter(())

    def search(self, text: str) -> re.Match[str] | None:
        return next(self.tried(text), None) if self.open_for(text) else None

    def count(self, text: str) -> int:
        return sum([1 for _ in self.tried(text)]) if self.open_for(text) else 0

    def _gated(self, text: str) -> list[tuple[int, int]]:
        """Start and end of the lines that hold a gate."""
        found: dict[int, int] = {}
        for gate in self.gates:
            at = text.find(gate)
            while at >= 0:
                end = text.find("\n", at)
                end = len(text) if end < 0 else end
                found[text.rfind("\n", 0, at) + 1] = end
                at = text.find(gate, end)
        return sorted(found.items())


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


@lru_cache(maxsize=len(FAMILIES))
def lexicon(family: str) -> Lexicon:
    """The catalogue of one family. Raises CatalogueError when its file is malformed."""
    try:
        with open(place(f"features/{family}.toml"), "rb") as file:
            table = tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{family}.toml: not TOML: {error}") from None
    return _parse(family, table)


def _parse(family: str, table: Mapping[str, Any]) -> Lexicon:
    features = []
    for name, row in table.get("features", {}).items():
        where = f"{family}.toml [features.{name}]"
        if set(row) - _FEATURE_KEYS or _FEATURE_KEYS - set(row) - {"absent"}:
            raise CatalogueError(f"{where}: keys must be {sorted(_FEATURE_KEYS)} (absent is optional)")
        if row["direction"] not in _DIRECTIONS:
            raise CatalogueError(f"{where}: direction must be one of + - ?")
        if "{}" not in row["phrase"]:
            raise CatalogueError(f"{where}: phrase must hold {{}}, where the value goes")
        absent = row.get("absent", f"{row['meaning'][0].lower()}{row['meaning'][1:]}: unknown")
        features.append(
            Feature(f"{family}_{name}", family, row["unit"], row["meaning"], row["direction"], row["phrase"], absent)
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
        )
    words = {name: frozenset(listed) for name, listed in table.get("words", {}).items()}
    return Lexicon(family, table.get("summary", ""), tuple(features), patterns, words)


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
    """What binds a bundle to the catalogue: a hash over feature names and everything that changes their values.

    Wording (meaning, phrase, direction) and examples may be edited without making a bundle stale.
    """
    return _digest(lexicon(family) for family in FAMILIES)


def _digest(lexicons: Iterable[Lexicon]) -> str:
    facts = [
        [
            lex.family,
            [[feature.name, feature.unit] for feature in lex.features],
            [[p.name, p.source, p.gates, p.style, p.join] for p in lex.patterns.values()],
            [[name, sorted(listed)] for name, listed in lex.words.items()],
        ]
        for lex in lexicons
    ]
    return hashlib.sha256(json.dumps(facts, ensure_ascii=True).encode("ascii")).hexdigest()
