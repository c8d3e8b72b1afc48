"""The catalogue: its patterns' own examples, their running time, its checks and its digest."""

from __future__ import annotations

import copy
import math
import random
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter import catalogue, catalogue_page
from featrouter.catalogue import CatalogueError, Feature, Pattern
from featrouter.extractor import everything
from featrouter.observations.output import Output
from featrouter.observations.test_results import result_by, result_of
from featrouter.resources import resource

PATTERNS = [
    pytest.param(family, pattern, id=f"{family}.{pattern.name}")
    for family in (*catalogue.FAMILIES, *catalogue.VOCABULARIES)
    for pattern in catalogue.lexicon(family).patterns.values()
]
COUNTS = ("passed", "failed", "errors", "skipped")
#: Patterns that are tried on those lines alone that hold one of their gates.
BY_LINE = [pytest.param(param.values[1], id=param.id) for param in PATTERNS if param.values[1].lines]
#: Patterns that are tried at the start of those lines alone that hold a head.
BY_HEAD = [pytest.param(param.values[1], id=param.id) for param in PATTERNS if param.values[1].heads]


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
        for p in catalogue.lexicon("runners").patterns.values()
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
        assert result_of(Output(example["text"])) == result, "another runner claims this text first"
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


@pytest.mark.parametrize("pattern", BY_HEAD)
def test_by_its_heads_a_pattern_finds_what_its_regex_finds_in_the_whole_text(pattern: Pattern) -> None:
    own = [str(example["text"]) for example in pattern.matches]
    pieces = (
        own + [line for text in own for line in text.split("\n")] + [*pattern.gates, *pattern.heads, "x = 1", " ", ""]
    )
    rng, found = random.Random(pattern.name), 0
    texts = own + [text[at:] for text in own for at in range(len(text))]
    for _ in range(1500):
        texts.append(
            "".join([rng.choice(pieces) + rng.choice(["\n", "\n", "\n", " ", ""]) for _ in range(rng.randint(2, 9))])
        )
    for text in texts:
        want = spans(pattern.regex.finditer(text)) if pattern.open_for(text) else []
        assert spans(pattern.finditer(text)) == want, text
        found += len(want)
    assert not pattern.lines and found > 200


@pytest.mark.parametrize(
    ("source", "anchored"),
    [
        ("(?m)^a|^b", True),
        ("(?im)^(?:a|b)", True),
        ("(?m)^[|)(]x|^[]|]|^\\|\\(", True),
        ("(?m)^a|b", False),
        ("(?m)(?:^a|^b)", False),
        ("^a", False),
        ("(?i)^a", False),
        ("(?m)", False),
        ("(?m)^(?:a|b(?:c|d))e|[^|]|^f", False),
    ],
)
def test_a_pattern_is_anchored_when_each_alternative_begins_a_line(source: str, anchored: bool) -> None:
    assert Pattern("p", source, ("a",), lines=True).anchored == anchored


@given(st.text("ab|\n", max_size=30), st.sampled_from(["(?m)^a", "(?m)^a+b|^b", "(?m)a|^b"]))
def test_the_gates_that_a_text_holds_may_be_told(text: str, source: str) -> None:
    pattern = Pattern("p", source, ("a", "b", "ab"), lines=True)
    held = frozenset(gate for gate in pattern.gates if gate in text)
    assert spans(pattern.tried(text, held)) == spans(pattern.tried(text)) == spans(pattern.regex.finditer(text))


GOOD: dict[str, Any] = {
    "summary": "s",
    "features": {
        "x": {"unit": "u", "range": [0, 4], "sign": "-", "weight": -0.5, "meaning": "Means x", "phrase": "{} x"}
    },
    "patterns": {"p": {"regex": "a+", "matches": [{"text": "a"}]}},
    "words": {"w": ["b", "a"]},
}


@pytest.mark.parametrize(
    ("kind", "name", "key", "value"),
    [
        ("features", "x", "unit", None),
        ("features", "x", "phrase", None),
        ("features", "x", "surplus", "s"),
        ("features", "x", "direction", "+"),
        ("features", "x", "range", None),
        ("features", "x", "range", [4, 0]),
        ("features", "x", "range", [1, 1]),
        ("features", "x", "range", [0, 1, 2]),
        ("features", "x", "range", ["0", "4"]),
        ("features", "x", "range", 4),
        ("features", "x", "sign", None),
        ("features", "x", "sign", "up"),
        ("features", "x", "weight", None),
        ("features", "x", "weight", 0.5),
        ("features", "x", "weight", 0),
        ("features", "x", "weight", "-0.5"),
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
    assert ("keys" if key in ("surplus", "direction") else key) in str(caught.value)


@pytest.mark.parametrize(
    ("sign", "weight", "good"),
    [
        ("+", 0.5, True),
        ("+", 3, True),
        ("+", -0.5, False),
        ("+", None, False),
        ("-", -0.5, True),
        ("-", 0.5, False),
        ("-", None, False),
        ("free", None, True),
        ("free", 0.5, False),
        ("free", -0.5, False),
    ],
)
def test_a_weight_is_of_the_sign_that_the_feature_claims(sign: str, weight: float | None, good: bool) -> None:
    told = copy.deepcopy(GOOD)
    told["features"]["x"] |= {"sign": sign, "weight": weight}
    if weight is None:
        del told["features"]["x"]["weight"]
    if good:
        (feature,) = catalogue._parse("fam", told).features
        assert (feature.sign, feature.weight) == (sign, weight or 0.0)
    else:
        with pytest.raises(CatalogueError, match=r"fam\.toml \[features\.x\]: weight"):
            catalogue._parse("fam", told)


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
    assert (lex.features[0].low, lex.features[0].high) == (0.0, 4.0)
    assert (lex.features[0].sign, lex.features[0].weight) == ("-", -0.5)
    assert lex.words["w"] == {"a", "b"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (-2.0, "-2"), (0.12345, "0.123"), (1234.56, "1235"), (float("inf"), "inf"), (0.0, "0")],
)
def test_number(value: float, text: str) -> None:
    assert catalogue.number(value) == text


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [("log2 of lines", 2.0, "3"), ("log2 of turns", 0.0, "0"), ("lines", 2.0, "2"), ("log2 of words", 5000.0, "5000")],
)
def test_a_logarithm_is_shown_as_the_count_that_it_stands_for(unit: str, value: float, text: str) -> None:
    told = copy.deepcopy(GOOD)
    told["features"]["x"]["unit"] = unit
    (feature,) = catalogue._parse("fam", told).features
    assert feature.shown(value) == text and feature.word(value) == f"{text} x"


SOURCE = b"""summary = "What it reads."

[features.x]
unit = "turns"
range = [0, 4]
sign = "-"
weight = -0.2
meaning = "Turns of a kind"
phrase = "{} turns"

# A shell says so.
[patterns.p]
regex = 'not found'
gates = ["found"]
matches = [{ text = "not found" }]

[words]
w = ["a", "b"]
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"What it reads.", b"What it is about."),
        (b'sign = "-"', b'sign = "+"'),
        (b"weight = -0.2\n", b""),
        (b"Turns of a kind", b"Turns of this kind"),
        (b"{} turns", b"it was {} turns"),
        (b"# A shell says so.\n", b"# So says a shell.\n\n# Twice.\n"),
        (b'{} turns"\n', b'{} turns"\nabsent = "nothing yet"\n'),
    ],
)
def test_digest_ignores_wording_signs_weights_and_comments(old: bytes, new: bytes) -> None:
    assert old in SOURCE
    assert catalogue._digest({"fam": SOURCE.replace(old, new)}) == catalogue._digest({"fam": SOURCE})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"[features.x]", b"[features.y]"),
        (b'turns"\nrange', b'tests"\nrange'),
        (b"[0, 4]", b"[0, 5]"),
        (b"'not found'", b"'not here'"),
        (b'["found"]', b'["not found"]'),
        (b"gates", b'join = "last"\ngates'),
        (b'"a", "b"', b'"a", "c"'),
    ],
)
def test_digest_follows_what_changes_values(old: bytes, new: bytes) -> None:
    assert old in SOURCE
    assert catalogue._digest({"fam": SOURCE.replace(old, new)}) != catalogue._digest({"fam": SOURCE})


def test_digest_is_that_of_all_files_in_their_order() -> None:
    names = (*catalogue.FAMILIES, *catalogue.VOCABULARIES)
    sources = {name: resource(f"features/{name}.toml").read_bytes() for name in names}
    assert catalogue.digest() == catalogue._digest(sources)
    assert catalogue.digest() != catalogue._digest(dict(reversed(sources.items())))


def test_the_page_is_up_to_date() -> None:
    assert resource("features/README.md").read_text(encoding="utf-8") == catalogue_page.page()


def test_features_are_few_and_distinct() -> None:
    names = catalogue.feature_set().names
    assert 55 <= len(names) <= 70
    assert len(set(names)) == len(names)
    assert all(feature.name.startswith(f"{feature.family}_") for feature in catalogue.feature_set())


def test_every_family_has_features_and_no_vocabulary_has() -> None:
    assert all(catalogue.lexicon(name).features for name in catalogue.FAMILIES)
    assert not any(catalogue.lexicon(name).features for name in catalogue.VOCABULARIES)


def test_at_most_a_quarter_of_the_features_are_free() -> None:
    free = [feature.name for feature in catalogue.feature_set() if feature.sign == "free"]
    assert 4 * len(free) <= len(catalogue.feature_set())


@pytest.mark.parametrize("feature", catalogue.feature_set().features, ids=lambda feature: feature.name)
def test_a_feature_of_the_catalogue(feature: Feature) -> None:
    assert {"+": feature.weight > 0, "-": feature.weight < 0, "free": feature.weight == 0}[feature.sign]
    assert feature.low < feature.high and math.isfinite(feature.low) and math.isfinite(feature.high)
    # No feature alone decides: over its whole range it is worth less than three nats.
    assert abs(feature.weight) * (feature.high - feature.low) < 3
    assert feature.phrase.count("{}") == 1 and feature.meaning[0].isupper() and feature.absent
    assert "{}" not in feature.word(feature.high) and feature.shown(feature.high) in feature.word(feature.high)
    assert feature.word(float("nan")) == feature.absent


def test_bounds_stand_in_the_order_of_the_features() -> None:
    low, high = everything().low, everything().high
    assert low.tolist() == [feature.low for feature in catalogue.feature_set()]
    assert high.tolist() == [feature.high for feature in catalogue.feature_set()]
