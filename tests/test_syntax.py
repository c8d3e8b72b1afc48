"""Does a piece of code parse: where it cannot be told, nothing is said."""

from __future__ import annotations

import sys
from functools import lru_cache

import pytest

from featrouter import syntax as module
from featrouter.syntax import MOST_BYTES, syntax


def test_code_is_sound_or_broken_and_its_definitions_are_counted() -> None:
    assert syntax("    def f():\n        return 1\n", "a.py") == (False, 1)
    broken = syntax("def f(:\n", "a.py")
    assert broken is not None and broken[0]
    assert syntax("fn main() {}", "a.rs") is None


def test_what_is_short_in_characters_may_be_long_in_bytes() -> None:
    text = f"x = '{'é' * (MOST_BYTES - 10)}'"
    assert len(text) <= MOST_BYTES and syntax(text, "a.py") is None
    assert syntax(text[:400] + "'", "a.py") == (False, 0)


def test_a_grammar_that_is_not_installed_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_load", lru_cache(module._load.__wrapped__))
    monkeypatch.setitem(sys.modules, "tree_sitter_javascript", None)
    assert syntax("function f() {}", "a.js") is None and syntax("def f(): ...", "a.py") == (False, 1)
