"""Does a piece of code parse, and what does it define? By tree-sitter, where a grammar is installed."""

from __future__ import annotations

import importlib
from functools import lru_cache
from textwrap import dedent
from typing import Any

from featrouter.resources import resource

# tree-sitter is quadratic on hostile text and takes no time budget, so what it is shown is capped.
MOST_BYTES = 1024

_GRAMMARS = {
    "py": ("tree_sitter_python", "language", "python"),
    "js": ("tree_sitter_javascript", "language", "javascript"),
    "jsx": ("tree_sitter_javascript", "language", "javascript"),
    "mjs": ("tree_sitter_javascript", "language", "javascript"),
}


def syntax(text: str, filename: str) -> tuple[bool, int] | None:
    """(has an error, number of definitions) of a fragment of code.

    None when the file's language has no grammar here or the text is longer than MOST_BYTES.
    """
    loaded = _load(filename.rpartition(".")[2])
    if loaded is None or len(text) > MOST_BYTES:
        return None
    # Where the first line is not indented there is no margin to take off.
    code = (dedent(text) if text[:1].isspace() else text).encode("utf-8", "replace")
    if len(code) > MOST_BYTES:
        return None
    # A parser and a cursor hold state, and sessions of several threads meet here: each call makes its own.
    tree_sitter, language, query = loaded
    root = tree_sitter.Parser(language).parse(code).root_node
    return bool(root.has_error), len(tree_sitter.QueryCursor(query).captures(root).get("definition", ()))


@lru_cache(maxsize=32)
def _load(suffix: str) -> tuple[Any, Any, Any] | None:
    if suffix not in _GRAMMARS:
        return None
    module, function, query = _GRAMMARS[suffix]
    try:
        import tree_sitter

        language = tree_sitter.Language(getattr(importlib.import_module(module), function)())
        source = resource(f"features/queries/{query}.scm").read_text(encoding="utf-8")
        return tree_sitter, language, tree_sitter.Query(language, source)
    except (ImportError, AttributeError, FileNotFoundError, ValueError):
        return None
