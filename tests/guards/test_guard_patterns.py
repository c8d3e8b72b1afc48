"""Every regular expression takes time in proportion to its text, those of `features/*.toml` and those in code."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import signal
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from clock import cpu_seconds, yardstick
from hostile import seeds_of

import featrouter
from featrouter import catalogue
from featrouter.catalogue import Pattern

SIZE = 6000
BUDGET, TELLING = 6.0, 0.5  # yardsticks; what takes less than TELLING tells nothing of how it grows
PATIENCE = 100.0  # after so many yardsticks a pattern is said to never end

PATTERNS = [
    pytest.param(pattern, id=f"{family}.{pattern.name}")
    for family in (*catalogue.FAMILIES, *catalogue.VOCABULARIES)
    for pattern in catalogue.lexicon(family).patterns.values()
]
#: Host files need their hosts; what trains or draws reads no stranger's text.
ELSEWHERE = ("integrations", "cli", "bench", "study", "evaluation", "training", "demo", "doctor", "__main__")


def in_code() -> Iterator[Any]:
    """The patterns that modules which read texts keep as globals, and whether any of them looks beyond a text's start."""
    names = [module.name for module in pkgutil.walk_packages(featrouter.__path__, "featrouter.")]
    modules = [importlib.import_module(name) for name in names if name.split(".")[1] not in ELSEWHERE]
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                users = [other for other in modules if vars(other).get(name) is value]
                code = "".join(map(inspect.getsource, users))
                searched = re.search(rf"\b{name}\.(?!match|fullmatch)|\b{name}\b(?!\.| =)", code)
                yield pytest.param(value, bool(searched), id=f"{module.__name__}.{name}")


class TooSlow(Exception):
    pass


def cpu(regex: re.Pattern[Any], text: str, searched: bool) -> float:
    """CPU seconds of all matches in a text, the least of three: one sample on a busy machine tells of the machine."""
    told: Any = text if isinstance(regex.pattern, str) else text.encode("utf-8", "replace")

    def match() -> None:
        if searched:
            for _ in regex.finditer(told):
                pass
        else:
            regex.match(told)

    return cpu_seconds(match, best_of=3)


def slow(regex: re.Pattern[Any], seeds: list[str], prefix: str = "", *, searched: bool = True) -> str:
    """The first repeat on which a pattern takes too long: beyond the budget, or far more than four times for four times.

    Some never end, which short texts tell as well.
    """
    before = signal.signal(signal.SIGVTALRM, _alarm)
    try:
        for seed in seeds:
            whole = (seed * SIZE)[: SIZE - 1]
            # What follows may be what lets a pattern fail so late that it tries all ways to its place.
            for text in {whole, f"{prefix}{whole}"[:SIZE], f"{whole}\0"}:
                signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE * yardstick())
                try:
                    if told := _grows(regex, text, searched):
                        return f"{told} of {seed[:30]!r} repeated"
                except TooSlow:
                    return f"no end on {seed[:30]!r} repeated"
                finally:
                    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    finally:
        signal.signal(signal.SIGVTALRM, before)
    return ""


def _grows(regex: re.Pattern[Any], text: str, searched: bool) -> str:
    for part in (text[-60:], text[-400:]):
        cpu(regex, part, searched)  # the alarm rings here where a larger one would be beyond it
    whole = cpu(regex, text, searched)
    if whole < TELLING * yardstick():
        return ""
    quarter = cpu(regex, text[-SIZE // 4 :], searched)
    for attempt in range(4):  # a busy machine again
        if whole < BUDGET * yardstick(anew=attempt > 0) and whole <= 10 * quarter:
            return ""
        quarter, whole = cpu(regex, text[-SIZE // 4 :], searched), cpu(regex, text, searched)
    return f"{quarter:.4f} s, four times as long {whole:.4f} s,"


def _alarm(*_: object) -> None:
    raise TooSlow


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_of_the_catalogue_is_linear(pattern: Pattern) -> None:
    assert not slow(pattern.regex, seeds_of(pattern), "".join(pattern.gates))


@pytest.mark.parametrize(("regex", "searched"), list(in_code()))
def test_a_pattern_in_code_is_linear(regex: re.Pattern[Any], searched: bool) -> None:
    source = regex.pattern if isinstance(regex.pattern, str) else regex.pattern.decode("latin-1")
    words = re.findall(r"[A-Za-z0-9_]{2,}|[^\w\s\\]", re.sub(r"\\[a-zA-Z]|\(\?[a-zP:=!<]*|\{[\d,]*\}", " ", source))
    words = list(dict.fromkeys(words))[:24]
    marks = [*"aA 1\n\t\"'/.=(<[", "a ", "a\n", "a.", "1 ", "=a", "'a", "\\a"]
    assert not slow(regex, [*words, *(f"{one}{other}" for one, other in pairwise(words)), *marks], searched=searched)


@pytest.mark.parametrize(
    ("regex", "example"),
    [
        (r"(?:a+)+$", "aaa"),
        (r"(?:\w|\d)+:", "a1b2:"),
        (r"(?:[a-z]+\s?)*;", "some words;"),
        (r"(?:/?[\w.-]+)*\.py\b", "src/a.py"),
        (r"\s*\n\s*end", "\n\n  end"),
        (r"(?s)start.*?middle.*?end", "start middle end"),
        (r"\d+\.\d+ seconds", "1.25 seconds"),
        (r"[\w.]+@[\w.]+\.com", "a.b@c.com"),
        (r"(?m)^.*=.*;$", "a = b;"),
    ],
)
def test_a_contributed_pattern_that_backtracks_is_seen(regex: str, example: str) -> None:
    pattern = catalogue._parse("fam", {"patterns": {"p": {"regex": regex, "matches": [{"text": example}]}}})["p"]
    assert slow(pattern.regex, seeds_of(pattern))
