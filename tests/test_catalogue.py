"""The catalogue: its patterns' own examples, their running time, its checks and its digest."""

from __future__ import annotations

import copy
import random
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from featrouter import catalogue, catalogue_page
from featrouter.catalogue import CatalogueError, Lexicon, Pattern
from featrouter.families.testruns import result_by, result_of, runners
from featrouter.resources import resource

PATTERNS = [
    pytest.param(family, pattern, id=f"{family}.{pattern.name}")
    for family in catalogue.FAMILIES
    for pattern in catalogue.lexicon(family).patterns.values()
]
COUNTS = ("passed", "failed", "errors", "skipped")
#: Patterns that are tried on those lines alone that hold one of their gates.
BY_LINE = [pytest.param(param.values[1], id=param.id) for param in PATTERNS if param.values[1].lines]


def table(family: str) -> dict[str, Any]:
    return tomllib.loads(resource(f"features/{family}.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("family", "pattern"), PATTERNS)
def test_examples_match(family: str, pattern: Pattern) -> None:
    for example in pattern.matches:
        match = pattern.search(example["text"])
        assert match is not None, example
        if "found" in example:
            assert example["found"] in (match.group(0), *match.groups()[:1])
        unknown = set(example) - {"text", "found", *COUNTS}
        assert not unknown, f"{family}: keys that nothing checks: {unknown}"


@pytest.mark.parametrize(("family", "pattern"), PATTERNS)
def test_counter_examples_do_not_match(family: str, pattern: Pattern) -> None:
    for text in pattern.rejects:
        assert pattern.search(text) is None, f"{family}: {text}"


@pytest.mark.parametrize(("family", "pattern"), PATTERNS)
def test_gates_never_hide_an_example(family: str, pattern: Pattern) -> None:
    for example in pattern.matches:
        assert pattern.open_for(example["text"]), example
        assert pattern.regex.search(example["text"]), example


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(p, id=p.name)
        for p in catalogue.lexicon("testruns").patterns.values()
        if p.style in ("counts", "tally", "ctest")
    ],
)
def test_runner_examples_give_their_numbers(pattern: Pattern) -> None:
    stated = 0
    for example in pattern.matches:
        result = result_by(pattern, example["text"])
        assert result is not None
        for count in COUNTS:
            if count in example:
                stated += 1
                assert getattr(result, count) == example[count], (count, example)
        assert result_of(example["text"], runners()) == result, "another runner claims this text first"
    assert stated, "the examples of a runner state numbers"


def spans(matches: Iterable[re.Match[str]]) -> list[tuple[tuple[int, int], tuple[str | None, ...]]]:
    return [(match.span(), match.groups()) for match in matches]


def on_gated_lines(pattern: Pattern, text: str) -> list[re.Match[str]]:
    """What the plain regex finds in the whole text, where the line of the match holds a gate."""
    found = []
    for match in pattern.regex.finditer(text):
        line = text[: match.start()].rpartition("\n")[2] + text[match.start() :].partition("\n")[0]
        if any(gate in line for gate in pattern.gates):
            found.append(match)
    return found


def assert_by_line(pattern: Pattern, text: str) -> int:
    want = on_gated_lines(pattern, text)
    assert spans(pattern.finditer(text)) == spans(want), text
    assert spans(filter(None, [pattern.search(text)])) == spans(want[:1]), text
    assert pattern.count(text) == len(want), text
    return len(want)


@pytest.mark.parametrize("pattern", BY_LINE)
def test_by_line_a_pattern_finds_what_its_regex_finds_in_the_whole_text(pattern: Pattern) -> None:
    own = [str(example["text"]) for example in pattern.matches]
    assert all(assert_by_line(pattern, text) for text in own)
    others = [str(e["text"]) for param in BY_LINE for e in param.values[0].matches]
    pieces = own + [line for text in own for line in text.split("\n")]
    pieces += [*pattern.gates, *pattern.rejects, "", "x = 1", " "]
    rng, found = random.Random(pattern.name), 0
    for _ in range(120):
        text = ""
        for _ in range(rng.randint(2, 12)):
            piece = rng.choice(pieces if rng.random() < 0.8 else others)
            if rng.random() < 0.3:
                piece = piece[rng.randint(0, len(piece)) :][: rng.randint(1, 40)]
            text += piece + rng.choice(["\n", "\n", "\n", "\n\n", " ", "", "\t", "\r", "\x0b"])
        found += assert_by_line(pattern, text)
    assert found > 30  # else the texts show nothing


@pytest.mark.parametrize("pattern", BY_LINE)
def test_no_match_of_a_pattern_tried_by_line_leaves_its_line(pattern: Pattern) -> None:
    assert pattern.gates and not any("\n" in gate for gate in pattern.gates)
    for example in pattern.matches:
        text = str(example["text"])
        for at in range(len(text) + 1):
            for broken in (f"{text[:at]}\n{text[at:]}", f"{text[:at]}\n{text[at + 1 :]}"):
                assert not any("\n" in match.group() for match in pattern.regex.finditer(broken)), broken
                assert_by_line(pattern, broken)


def test_a_line_with_two_gates_is_tried_once_and_one_without_never() -> None:
    pattern = Pattern("p", r"(?m)^b.*?(\d)$", ("x", "y"), lines=True)
    assert [match.span() for match in pattern.finditer("bxyx1\nb2\nby3\nx b4\n\nby5")] == [(0, 5), (9, 12), (19, 22)]
    assert pattern.search("b1\nx\n2") is None and pattern.count("") == 0
    everywhere = Pattern("p", pattern.source, pattern.gates)
    assert everywhere.count("bx1\nb2") == 2


GOOD: dict[str, Any] = {
    "summary": "s",
    "features": {"x": {"unit": "u", "meaning": "Means x", "direction": "+", "phrase": "{} x"}},
    "patterns": {"p": {"regex": "a+", "matches": [{"text": "a"}]}},
    "words": {"w": ["b", "a"]},
}


@pytest.mark.parametrize(
    ("kind", "name", "key", "value"),
    [
        ("features", "x", "unit", None),
        ("features", "x", "phrase", None),
        ("features", "x", "surplus", "s"),
        ("features", "x", "direction", "up"),
        ("features", "x", "phrase", "no place for the value"),
        ("patterns", "p", "regex", None),
        ("patterns", "p", "matches", None),
        ("patterns", "p", "matches", []),
        ("patterns", "p", "surplus", "s"),
    ],
)
def test_a_malformed_table_names_file_table_and_key(kind: str, name: str, key: str, value: Any) -> None:
    bad = copy.deepcopy(GOOD)
    if value is None:
        del bad[kind][name][key]
    else:
        bad[kind][name][key] = value
    with pytest.raises(CatalogueError, match=re.escape(f"fam.toml [{kind}.{name}]")) as caught:
        catalogue._parse("fam", bad)
    assert (key if key != "surplus" else "keys") in str(caught.value)


def test_a_file_that_is_no_toml_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "loops.toml").write_text("[features", encoding="utf-8")
    monkeypatch.setattr(catalogue, "place", lambda name: str(tmp_path / Path(name).name))
    with pytest.raises(CatalogueError, match=r"loops\.toml: not TOML: "):
        catalogue.lexicon.__wrapped__("loops")


def test_a_malformed_regex_is_named_when_it_is_first_used() -> None:
    bad = copy.deepcopy(GOOD)
    bad["patterns"]["p"]["regex"] = "(a"
    pattern = catalogue._parse("fam", bad)["p"]
    for use in (lambda: pattern.regex, lambda: pattern.search("a"), lambda: pattern.count("a")):
        with pytest.raises(CatalogueError, match=r"\[patterns\.p\]: regex: missing \)"):
            use()


@pytest.mark.parametrize(("family", "pattern"), PATTERNS)
def test_every_regex_compiles(family: str, pattern: Pattern) -> None:
    assert pattern.regex.pattern == pattern.source, family


def test_the_good_table_is_good() -> None:
    lex = catalogue._parse("fam", GOOD)
    assert [f.name for f in lex.features] == ["fam_x"]
    assert lex.features[0].word(float("nan")) == "means x: unknown"
    assert lex.features[0].word(2.0) == "2 x"
    assert lex.words["w"] == {"a", "b"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (-2.0, "-2"), (0.12345, "0.123"), (1234.56, "1235"), (float("inf"), "inf"), (0.0, "0")],
)
def test_number(value: float, text: str) -> None:
    assert catalogue.number(value) == text


def parsed(changed: dict[str, Any]) -> Lexicon:
    return catalogue._parse("testruns", changed)


def test_digest_ignores_wording_and_examples() -> None:
    plain, reworded = table("testruns"), table("testruns")
    for row in reworded["features"].values():
        row["meaning"] += "!"
        row["phrase"] += "!"
        row["direction"] = "?"
        row["absent"] = "never seen"
    for row in reworded["patterns"].values():
        row["rejects"] = []
    assert catalogue._digest([parsed(plain)]) == catalogue._digest([parsed(reworded)])


@pytest.mark.parametrize(
    "path",
    [
        ("patterns", "pytest", "regex"),
        ("patterns", "pytest", "style"),
        ("patterns", "pytest", "join"),
        ("features", "runs", "unit"),
    ],
)
def test_digest_follows_what_changes_values(path: tuple[str, str, str]) -> None:
    changed = table("testruns")
    kind, name, key = path
    changed[kind][name][key] += "x"
    assert catalogue._digest([parsed(table("testruns"))]) != catalogue._digest([parsed(changed)])


def test_digest_follows_names_gates_words_and_order() -> None:
    base = catalogue._digest([parsed(table("testruns"))])
    changed = [table("testruns") for _ in range(4)]
    changed[0]["features"]["other"] = changed[0]["features"].pop("runs")
    changed[1]["patterns"]["pytest"]["gates"].pop()
    changed[2]["words"]["passed"].append("bestanden")
    changed[3]["features"]["runs"] = changed[3]["features"].pop("runs")
    digests = {catalogue._digest([parsed(one)]) for one in changed}
    assert len(digests) == 4
    assert base not in digests


def test_digest_is_that_of_all_families() -> None:
    assert catalogue.digest() == catalogue._digest(catalogue.lexicon(family) for family in catalogue.FAMILIES)


def test_the_page_is_up_to_date() -> None:
    assert resource("features/README.md").read_text(encoding="utf-8") == catalogue_page.page()


def test_features_are_many_and_distinct() -> None:
    names = catalogue.feature_set().names
    assert 80 <= len(names) <= 150
    assert len(set(names)) == len(names)
    assert all(feature.name.startswith(f"{feature.family}_") for feature in catalogue.feature_set())
