"""Does a piece of code parse? By tree-sitter, where a grammar is installed."""

from __future__ import annotations

import importlib
from functools import lru_cache
from textwrap import dedent
from typing import Any

# tree-sitter is quadratic on hostile text and takes no time budget, so what it is shown is capped.
MAX_BYTES = 512

_GRAMMARS = {
    "py": ("tree_sitter_python", "language"),
    "js": ("tree_sitter_javascript", "language"),
    "jsx": ("tree_sitter_javascript", "language"),
    "mjs": ("tree_sitter_javascript", "language"),
}


def is_broken(text: str, filename: str) -> bool | None:
    """Whether a fragment of code does not parse.

    None when the file's language has no grammar here or the text is longer than MAX_BYTES.
    """
    if len(text) > MAX_BYTES:
        return None
    loaded = _load(filename.rpartition(".")[2])
    if loaded is None:
        return None
    # Where the first line is not indented there is no margin to take off.
    code = (dedent(text) if text[:1].isspace() else text).encode("utf-8", "replace")
    if len(code) > MAX_BYTES:
        return None
    # A parser holds state, and sessions of several threads meet here: each call makes its own.
    tree_sitter, language = loaded
    return bool(tree_sitter.Parser(language).parse(code).root_node.has_error)


@lru_cache(maxsize=32)
def _load(suffix: str) -> tuple[Any, Any] | None:
    if suffix not in _GRAMMARS:
        return None
    module, function = _GRAMMARS[suffix]
    try:
        import tree_sitter

        return tree_sitter, tree_sitter.Language(getattr(importlib.import_module(module), function)())
    except (ImportError, AttributeError, ValueError):
        return None
