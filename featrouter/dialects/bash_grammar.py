"""Shell text cut into simple commands by the tree-sitter grammar, where that is safe and cheap."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from featrouter.dialects.bash_words import COMMANDS_KEPT, WORDS_KEPT, Simple, unquote

if TYPE_CHECKING:
    from tree_sitter import Language, Node

#: The grammar's worst case grows with the square of the text, and with its operators.
GRAMMAR_BYTES = 512
OPERATORS = re.compile(r"[|<>(){}\[\]&;`$]")
OPERATORS_KEPT = 32
WORDS = frozenset("word string raw_string concatenation number ansi_c_string simple_expansion expansion".split())
OPAQUE = frozenset("test_command comment heredoc_body string raw_string declaration_command unset_command".split())
SEPARATORS = frozenset(("&&", "||", ";", ";;", "&", "\n"))


@cache
def _language() -> Language | None:
    try:
        import tree_sitter_bash
        from tree_sitter import Language
    except ImportError:
        return None
    return Language(tree_sitter_bash.language())


def parse(text: str, bodies: list[str]) -> list[Simple] | None:
    """The simple commands of the text, in order; None when the grammar should not or cannot say."""
    if len(text) > GRAMMAR_BYTES or len(OPERATORS.findall(text)) > OPERATORS_KEPT:
        return None
    source = text.encode("utf-8", "replace")
    language = _language()
    if language is None or len(source) > GRAMMAR_BYTES:
        return None
    from tree_sitter import Parser

    # A parser is not safe to share between threads, and costs next to nothing to make.
    root = Parser(language).parse(source).root_node
    return None if root.has_error else _commands(root, source, bodies)


def _commands(root: Node, source: bytes, bodies: list[str]) -> list[Simple]:
    found: list[Simple] = []
    piped = False
    cursor = root.walk()
    descend = True
    while len(found) < COMMANDS_KEPT:
        if descend and cursor.goto_first_child():
            pass
        elif not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                break
            descend = False
            continue
        node = cursor.node
        assert node is not None
        kind = node.type
        descend = kind not in OPAQUE
        if kind == "command":
            found.append(Simple(_words(node, source), piped=piped))
            piped = descend = False
            _redirects(node, source, found, bodies)
        elif kind == "redirected_statement" and node.children[0].type == "file_redirect":
            found.append(Simple([]))
        elif kind == "file_redirect" or kind == "herestring_redirect":
            _redirect(node, source, found, bodies)
            descend = False
        elif kind == "|" or kind == "|&":
            piped = True
        elif kind in SEPARATORS:
            piped = False
    return found


def _words(command: Node, source: bytes) -> list[str]:
    words: list[str] = []
    for child in command.children[: WORDS_KEPT + 8]:
        if child.type == "command_name" or child.type in WORDS or child.type == "command_substitution":
            words.append(unquote(source[child.start_byte : child.end_byte].decode("utf-8", "replace")))
    return words[:WORDS_KEPT]


def _redirects(command: Node, source: bytes, found: list[Simple], bodies: list[str]) -> None:
    for child in command.children:
        if child.type in ("file_redirect", "herestring_redirect"):
            _redirect(child, source, found, bodies)


def _redirect(node: Node, source: bytes, found: list[Simple], bodies: list[str]) -> None:
    """Attach to the command just read: the grammar hangs the redirection of a pipeline above the pipeline."""
    parts = node.children
    descriptor = source[parts[0].start_byte : parts[0].end_byte].decode() if len(parts) == 3 else ""
    operator = parts[-2].type if len(parts) >= 2 else parts[0].type
    target = unquote(source[parts[-1].start_byte : parts[-1].end_byte].decode("utf-8", "replace"))
    if found:
        found[-1].redirect(descriptor + operator, target, bodies)
