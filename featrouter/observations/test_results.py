"""What a test run reported, whichever runner wrote it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from featrouter.catalogue import Pattern, lexicon
from featrouter.lazy_pattern import lazy_pattern
from featrouter.observations.output import Output
from featrouter.observations.test_matches import Search, holds_none, naming, runners, telling

__all__ = ["Result", "failed_names", "result_by", "result_of", "runners"]

#: Names of failing tests that are kept, and characters of each.
MOST_NAMES, NAME = 32, 160

_FIELDS = ("passed", "failed", "errors", "skipped")
_NUMBER_WORD = lazy_pattern(r"(\d{1,7}) {1,4}([A-Za-z]{2,16}(?: [A-Za-z]{2,16}){0,3})")
_WORD_NUMBER = lazy_pattern(r"\b([A-Za-z]{2,20}(?: [A-Za-z]{2,20}){0,2})[:=] {0,24}(\d{1,7})")


@dataclass(frozen=True, slots=True)
class Result:
    """What one test run reported, in tests."""

    passed: int
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    @property
    def bad(self) -> int:
        return self.failed + self.errors

    @property
    def green(self) -> bool:
        return self.passed > 0 and self.bad == 0


def result_of(output: Output) -> Result | None:
    """The test result that a program's output reports; None if it reports none.

    Summaries of several runs and of several runners add up. What one runner writes twice, as a total and as lines, counts
    once. No result is green if anything in the output says that the run failed.
    """
    patterns = telling()
    if holds_none(output, patterns):
        return None
    search = Search(output, patterns)
    nested: dict[str, list[re.Match[str]]] = {}
    results: dict[str, Result] = {}
    joins: dict[str, str] = {}
    worst = Result(0)
    for pattern in search.opened:
        family = pattern.name.partition("_")[0]
        if (family in results and (worst.bad or pattern.style == "letters")) or (
            worst.bad and pattern.style == "verdict"
        ):
            continue
        matches = search.matches(pattern)
        if not matches:
            continue
        if pattern.style == "nested":
            nested[family] = matches
            continue
        if family in nested and len(matches) > 1:
            matches = _outer(matches, nested[family])
        result = Result(0, 1) if pattern.style == "verdict" else _result(pattern, matches)
        if result is None:
            continue
        worst = max(worst, result, key=_bad)
        if pattern.style != "verdict" and family not in results:
            results[family], joins[family] = result, pattern.join
    if not results:
        return None
    result = _sum(_counted(results, joins))
    return result if result.bad else Result(result.passed, worst.failed, worst.errors, result.skipped)


def result_by(pattern: Pattern, text: str) -> Result | None:
    """The test result as one runner of the catalogue writes it; None for a pattern that tells no numbers."""
    matches = list(pattern.finditer(text))
    return _result(pattern, matches) if matches else None


def failed_names(output: Output) -> frozenset[str]:
    """Names of failing tests, at most 32, as their runner prints them. Ask only where `result_of` found failures."""
    search = Search(output, naming())
    names: dict[str, None] = {}
    for pattern in search.opened:
        for match in search.matches(pattern):
            if pattern.style == "names" or _field(_verdict(match)) in ("failed", "errors"):
                names[_name(match)] = None
        if len(names) > MOST_NAMES:
            break
    names.pop("", None)
    return frozenset(list(names)[:MOST_NAMES])


def _counted(results: Mapping[str, Result], joins: Mapping[str, str]) -> Iterable[Result]:
    """Those of the families' results that add up."""
    whole = [result for family, result in results.items() if joins[family] == "whole"]
    if whole:
        return whole
    return [result for family, result in results.items() if joins[family] != "alone"] or results.values()


def _result(pattern: Pattern, matches: list[re.Match[str]]) -> Result | None:
    if pattern.style == "tally":
        return _tally(matches)
    if pattern.style == "letters":
        return _letters(matches)
    if pattern.style != "counts":
        return None
    counted = [counts for counts in map(_counts, _once(matches)) if counts]
    if not counted:
        return None
    return _added(counted[-1:] if pattern.join == "last" else counted)


def _added(counted: Iterable[Mapping[str, int]]) -> Result:
    """The sum of some summaries. A total that does not say what passed stands for what did not fail."""
    stated = dict.fromkeys((*_FIELDS, "total"), 0)  # a dict: a Counter takes several times as long
    totals = stated.copy()
    for counts in counted:
        sums = stated if "passed" in counts else totals
        for field in sums:
            sums[field] += counts.get(field, 0)
    rest = max(0, totals["total"] - totals["failed"] - totals["errors"] - totals["skipped"])
    passed, failed, errors, skipped = [stated[field] + totals[field] for field in _FIELDS]
    return Result(passed + rest, failed, errors, skipped)


def _counts(match: re.Match[str]) -> dict[str, int]:
    """The numbers of one summary by field (and `total`), and those of words that count nowhere; empty if none is known."""
    counts: dict[str, int] = {}
    if match.re.groupindex:
        named = {name: value for name, value in match.groupdict().items() if value is not None}
        if "words" in named and "numbers" in named:
            for word, number in zip(named["words"].split(), named["numbers"].split(), strict=False):
                _count(counts, _field(word.lower()), int(number))
        for name, value in named.items():
            _count(counts, name.partition("_")[0], int(value) if value.strip().isdecimal() else 1)
    text = ", ".join([group for group in match.groups() if group])
    for number, word in _NUMBER_WORD.findall(text):
        _count(counts, _field(word.lower()), int(number))
    if ":" in text or "=" in text:
        for word, number in _WORD_NUMBER.findall(text):
            _count(counts, _field(word.lower()), int(number))
    counts.pop("", None)
    return counts


def _count(counts: dict[str, int], field: str, number: int) -> None:
    counts[field] = counts.get(field, 0) + number


@cache
def _fields() -> Mapping[str, str]:
    words = lexicon("runners").words
    return {word: field for field in (*_FIELDS, "total", "neither") for word in words[field]}


def _field(phrase: str) -> str:
    """What a word of a summary counts: `tests failed` and `failed locally` are `failed`; empty if it is unknown."""
    fields = _fields()
    if phrase in fields:
        return fields[phrase]
    first, _, rest = phrase.partition(" ")
    field = fields.get(first, "")
    return fields.get(rest, field) if field == "total" else field


def _bad(result: Result) -> int:
    return result.bad


def _outer(matches: list[re.Match[str]], marks: list[re.Match[str]]) -> list[re.Match[str]]:
    """Without the summaries of runs that begin in what a runner shows of its tests' own output."""
    kept: list[re.Match[str]] = []
    shown, inner = False, 0
    for match in sorted([*matches, *marks], key=re.Match.start):
        if match.re is not marks[0].re:
            if inner:
                inner -= 1
            else:
                kept.append(match)
                shown = False
        elif match["start"]:
            inner += shown
        else:
            shown = True
    return kept or matches[-1:]


def _once(matches: Iterable[re.Match[str]]) -> list[re.Match[str]]:
    """Without those that repeat the one just before them, as where `tee` and `tail` show the same line."""
    kept: list[re.Match[str]] = []
    for match in matches:
        if (
            kept
            and match.group() == kept[-1].group()
            and not match.string[kept[-1].end() : match.start()].strip("= \n")
        ):
            continue
        kept.append(match)
    return kept


def _tally(matches: Iterable[re.Match[str]]) -> Result | None:
    """Each test once, by its latest verdict; a test without a name is one of its own."""
    verdicts: dict[object, str] = {}
    for match in matches:
        verdict = _verdict(match)
        if verdict:
            verdicts[_name(match) or match.start()] = verdict
    if not verdicts:
        return None
    counts: dict[str, int] = {}
    for verdict, times in Counter(verdicts.values()).items():
        _count(counts, _field(verdict), times)
    return Result(*[counts.get(field, 0) for field in _FIELDS])


def _letters(matches: Iterable[re.Match[str]]) -> Result:
    counts: dict[str, int] = {}
    for letter, times in Counter("".join([match.group(1) for match in matches])).items():
        _count(counts, _field(letter.lower()), times)
    return Result(*[counts.get(field, 0) for field in _FIELDS])


@cache
def _groups(regex: re.Pattern[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The groups of a tally that hold a verdict, the strongest first, and those that hold a name."""
    names = {name: index for name, index in regex.groupindex.items() if name.startswith("name")}
    verdicts = [regex.groupindex[name] for name in ("directive", "verdict") if name in regex.groupindex]
    others = [at for at in range(1, regex.groups + 1) if at not in names.values() and at not in verdicts]
    return (*verdicts, *others), tuple(names.values())


def _verdict(match: re.Match[str]) -> str:
    for at in _groups(match.re)[0]:
        if match[at]:
            return match[at].strip().lower()
    return ""


def _name(match: re.Match[str]) -> str:
    for at in _groups(match.re)[1]:
        if match[at]:
            return " ".join(match[at].split()).removeprefix("- ")[:NAME]
    return ""


def _sum(results: Iterable[Result]) -> Result:
    results = list(results)
    return (
        results[0] if len(results) == 1 else Result(*[sum([getattr(r, field) for r in results]) for field in _FIELDS])
    )
