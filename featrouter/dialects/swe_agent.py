"""SWE-agent's own commands: a file viewer with a window, an editor, searches."""

from __future__ import annotations

import re
from itertools import pairwise

from featrouter.dialects import editor
from featrouter.dialects.bash_words import split
from featrouter.dialects.paths import named
from featrouter.trajectory import Operation

TEXT_CHARS = 8192
LINE_CHARS = 1024
HEADER = "[File: "
FILE = re.compile(r"\[File: ([^\n]{1,512}?) \(\d{1,9} lines total\)\]")
FOUND_IN = re.compile(r"(?:Found \d{1,9} matches|No matches found) for [^\n]{1,400} in (/[^\s:]{1,400})")
RANGE = re.compile(r"\d{1,9}:\d{1,9}")
VIEW = frozenset(("open", "goto", "scroll_down", "scroll_up"))
SEARCH = frozenset(("search_dir", "search_file", "find_file"))
EXITS = frozenset(("submit", "exit_cost", "exit_format", "exit_context", "exit_forfeit", "exit_error", "exit_api"))
WORDS = VIEW | SEARCH | EXITS | {"edit", "create", "insert", "undo_edit", "str_replace_editor"}


def operations(action: str, observation: str) -> tuple[Operation, ...] | None:
    """What one of SWE-agent's commands does; None when the action is not one of them."""
    line, _, body = action.lstrip().partition("\n")
    name = line.split(None, 1)[0] if line.strip() else ""
    if name not in WORDS:
        return None
    commands = split(line[:LINE_CHARS], [])
    words = commands[0].words[1:] if commands else []
    if name in EXITS:
        return (Operation("submit", commands=(name,)),) if not words else None
    if name == "str_replace_editor":
        whole = split(action[:TEXT_CHARS], [])
        return editor.operations(_options(whole[0].words[1:]), observation)
    if name == "edit" and not (words and RANGE.fullmatch(words[0])) and "end_of_edit" not in body[-64:]:
        return _replace(action, observation)
    if name in ("edit", "insert"):
        new = body[:TEXT_CHARS].removesuffix("\n").removesuffix("end_of_edit").removesuffix("\n")
        return (Operation("edit", _shown(observation), commands=(name,), new=new),)
    if name in VIEW:
        # The header is the better witness: a relative path starts from a directory that no command names.
        files = _shown(observation) or (named(words[:1]) if name == "open" else ())
        return (Operation("read", files, commands=(name,)),)
    if name in SEARCH:
        files = named(words[1:2])
        if name == "search_file" and not files:
            shown = FOUND_IN.search(observation, 0, LINE_CHARS)
            files = named((shown[1],)) if shown else _shown(observation)
        return (Operation("search", files, tuple(word[:200] for word in words[:1]), (name,)),)
    if name == "create":
        return (Operation("create", _shown(observation) or named(words[:1]), commands=(name,)),)
    return (Operation("edit", named(words[:1]) or _shown(observation), commands=(name,)),)


def _replace(action: str, observation: str) -> tuple[Operation, ...]:
    """The later editor: `edit "old" "new"`."""
    commands = split(action[:TEXT_CHARS], [])
    words = [word for word in commands[0].words[1:] if word not in ("replace-all", "--replace-all")] if commands else []
    old, new = [*words, "", ""][:2]
    return (Operation("edit", _shown(observation), commands=("edit",), old=old, new=new),)


def _shown(observation: str) -> tuple[str, ...]:
    """The file that the viewer shows."""
    start = observation.find(HEADER, 0, TEXT_CHARS)
    match = FILE.match(observation, start) if start >= 0 else None
    return named((match[1],)) if match else ()


def _options(words: list[str]) -> dict[str, str]:
    """`str_replace_editor create a.py --file_text "..."` as named arguments."""
    options = dict(zip(("command", "path"), words, strict=False))
    for option, value in pairwise(words):
        if option.startswith("--"):
            options[option[2:]] = value
    return options
