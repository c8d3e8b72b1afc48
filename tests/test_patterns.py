"""What every regular expression of the product keeps to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter.logs.rows import _QUOTED, _STEP, _record_end

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "featrouter").rglob("*.py"), *(ROOT / "features").glob("*.toml")])

# `)*+`, `)++`, `)?+`, `){1,3}+` and `(?>`; a possessive character class, as in `[^"]*+`, is sound everywhere.
POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+|\(\?>|\.\)?\{\d+,\d+\}\+\)")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_group_is_possessive(path: Path) -> None:
    """CPython 3.11.2, Debian's, matches them wrongly, and silently, unless an iteration can only fail at its start."""
    code = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    found = [line for line in code if POSSESSIVE_GROUP.search(line)]
    assert found == ([f"_QUOTED = rb'{_QUOTED.decode()}'"] if path.parts[-2:] == ("logs", "rows.py") else [])


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet='"a,\r\n', max_size=24))
def test_cells_and_records_are_what_plain_patterns_say(text: str) -> None:
    """The same grammar without anything possessive is the oracle, on whichever Python this runs."""
    data = text.encode()
    plain_quoted = rb'"[^"]*(?:""[^"]*)*"(?!")'
    plain_bare = rb'[^",\r\n]*(?:\r(?!\r?(?:\n|\Z))[^",\r\n]*)*'
    plain = re.compile(rb"(%s|%s)(,|\r{0,2}\n|\r{0,2}\Z)" % (plain_quoted, plain_bare))
    ours, theirs = _STEP.match(data), plain.match(data)
    assert (ours and ours.groups()) == (theirs and theirs.groups())
    record = re.match(rb'[^"\n]*(?:"[^"]*"[^"\n]*)*\n', data)
    assert _record_end(data, 0) == (record.end() if record else -1)


@pytest.mark.parametrize("regex", ["(?:a|b)*+", "(a)++", "(?:a){1,20}+", "(?>a)", "(a)?+"])
def test_such_a_group_would_be_seen(regex: str) -> None:
    assert POSSESSIVE_GROUP.search(regex)
    assert not POSSESSIVE_GROUP.search(r'[^"]*+(?:""[^"]*+)*')
