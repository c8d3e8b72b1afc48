"""The names in a task text: what the patterns find in the whole text, and no other."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from featrouter import task
from featrouter.catalogue import lexicon

FILE, SYMBOL = lexicon("prompt")["file"].regex, lexicon("prompt")["symbol"].regex
NAME = lexicon("code")["name"].regex

PIECES = [
    "pond.py", "src/pond/reed.ts", "tests/test_pond.py", ".json", "v1.2", "e.g.", "fill_pond", "fillPond", "__init__", "Reed",
    "carp(", "pond.fill(", "`reed.carp`", "HTTPPond", "x" * 45, "B" * 90, "é", "—", "²", "_", ".", "/", "-", "(", "`",
    " ", "\n", "'", "a", "7",
]  # fmt: skip
TASKS = st.lists(st.sampled_from(PIECES), max_size=16).map("".join) | st.text(max_size=40)


@given(TASKS)
def test_names_are_what_their_patterns_find_in_the_whole_text(text: str) -> None:
    assert task.files(text) == tuple(FILE.findall(text))
    assert tuple(task.each_name(text)) == tuple(dict.fromkeys(NAME.findall(text)))
    symbols = [next(filter(None, match.groups())) for match in SYMBOL.finditer(text)]
    assert task.symbols(text) == tuple(dict.fromkeys(symbols))


@given(TASKS, st.integers(0, 4))
def test_the_first_names_are_found_one_by_one(text: str, most: int) -> None:
    assert tuple(islice(task.each_name(text), most)) == tuple(task.each_name(text))[:most]
