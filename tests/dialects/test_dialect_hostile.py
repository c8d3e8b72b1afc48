"""Whatever the text: an answer, the same answer, soon."""

from __future__ import annotations

import json
from functools import partial

import pytest
from clock import assert_takes_at_most
from hostile import TEXTS, TOOLS
from hypothesis import given
from hypothesis import strategies as st

from featrouter.dialects import operations, primary
from featrouter.trajectory import KINDS, Call


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_soon(text: str) -> None:
    operations(Call("ls", tool="bash"))
    for tool in TOOLS:
        for call in (Call(text, tool=tool), Call("search_file x", text, tool), Call(f"edit 1:2\n{text}", text, tool)):
            assert_takes_at_most(partial(operations, call), yardsticks=2)


TEXT = st.text(st.characters(codec=None), max_size=400)
PIECES = """cat grep sed -i -n 's/a/b/' | || && ; > >> < << <<EOF EOF ' " ` $( ) ( { } \\ # a.py ../b = if then fi"""
KEYS = [
    "command",
    "path",
    "file_path",
    "edits",
    "paths",
    "pattern",
    "query",
    "content",
    "old_str",
    "code",
    "input",
    "cmd",
]
SHELL = st.lists(st.sampled_from([*PIECES.split(), "\n"]), max_size=40).map(" ".join)
LEAVES = st.none() | st.integers() | st.text(max_size=20)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
JSON = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4).map(json.dumps)
TAGS = st.lists(st.sampled_from(["<function=", "x>", "<parameter=", "command>", "view", "</parameter>", "</function>"]))


@given(TEXT | SHELL | JSON | TAGS.map("".join), TEXT, st.sampled_from(TOOLS) | st.text(max_size=20))
def test_always_an_answer_and_the_same(action: str, observation: str, tool: str) -> None:
    call = Call(action, observation, tool)
    ops = operations(call)
    assert ops
    assert ops == operations(call)
    assert primary(ops) in ops
    for op in ops:
        assert op.kind in KINDS
        assert len(op.files) <= 16
        assert len(op.patterns) <= 4
        assert len(op.commands) <= 8
        assert all(len(text) <= 8192 for text in (op.old, op.new, op.diff))
        assert all(len(pattern) <= 200 for pattern in op.patterns)


def test_primary_prefers_the_telling_kind() -> None:
    ops = operations(Call("cat a.py; pytest; sed -i s/a/b/ a.py; ls", tool="bash"))
    assert primary(ops).kind == "edit"
    assert primary(ops[:2]).kind == "test"
