"""Does a piece of code parse: where it cannot be told, nothing is said."""

from __future__ import annotations

import sys
from functools import lru_cache

import pytest

from featrouter import syntax as module
from featrouter.syntax import MAX_BYTES, is_broken


def test_code_is_sound_or_broken() -> None:
    assert is_broken("    def f():\n        return 1\n", "a.py") is False
    assert is_broken("def f(:\n", "a.py") is True
    assert is_broken("function f( {", "a.js") is True
    assert is_broken("fn main() {}", "a.rs") is None


def test_what_is_short_in_characters_may_be_long_in_bytes() -> None:
    text = f"x = '{'é' * (MAX_BYTES - 10)}'"
    assert len(text) <= MAX_BYTES and is_broken(text, "a.py") is None
    assert is_broken(text[:200] + "'", "a.py") is False


def test_a_grammar_that_is_not_installed_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_load", lru_cache(module._load.__wrapped__))
    monkeypatch.setitem(sys.modules, "tree_sitter_javascript", None)
    assert is_broken("function f() {}", "a.js") is None and is_broken("def f(): ...", "a.py") is False
