"""SWE-agent's own commands: a file viewer with a window, an editor, searches."""

from __future__ import annotations

from itertools import pairwise

from featrouter.dialects import editor
from featrouter.dialects.arguments import plain_key
from featrouter.dialects.bash_words import split
from featrouter.dialects.paths import named
from featrouter.lazy_pattern import lazy_pattern
from featrouter.trajectory import Operation

TEXT_CHARS = 8192
JOB_FILES = (".sh", ".slurm", ".sbatch", ".pbs", ".job", ".sub")
LINE_CHARS = 1024
HEADER = "[File: "
FILE = lazy_pattern(r"\[File: ([^\n]{1,512}?) \(\d{1,9} lines total\)\]")
FOUND_IN = lazy_pattern(r"(?:Found \d{1,9} matches|No matches found) for [^\n]{1,400} in (/[^\s:]{1,400})")
RANGE = lazy_pattern(r"\d{1,9}:\d{1,9}")
VIEW = frozenset(("open", "goto", "scroll_down", "scroll_up"))
SEARCH = frozenset(("search_dir", "search_file", "find_file"))
EXITS = frozenset(("submit", "exit_cost", "exit_format", "exit_context", "exit_forfeit", "exit_error", "exit_api"))
EDITORS = frozenset(("str_replace_editor", "strReplaceEditor", "str_replace_based_edit_tool"))
WORDS = VIEW | SEARCH | EXITS | {"edit", "create", "insert", "undo_edit"} | EDITORS


def operations(action: str, observation: str) -> tuple[Operation, ...] | None:
    """What one of SWE-agent's commands does; None when the action is not one of them."""
    begin = action[:256].split(None, 1)
    name = begin[0] if begin else ""
    if name not in WORDS:
        return None
    if name in VIEW and (window := _shown(observation)):
        # The header is the better witness: a relative path starts from a directory that no command names.
        return (Operation("read", window, (), (name,)),)
    line, _, body = action.lstrip().partition("\n")
    commands = split(line[:LINE_CHARS], [])
    words = commands[0].words[1:] if commands else []
    if name in EXITS:
        # An answer may stand behind it; options and job files belong to programs that share the word.
        foreign = any(word.startswith("--") or word.endswith(JOB_FILES) for word in words)
        return None if foreign or (words and words[0].startswith("-")) else (Operation("submit", commands=(name,)),)
    if name in EDITORS:
        whole = split(action[:TEXT_CHARS], [])
        return editor.operations(_options(whole[0].words[1:]), observation)
    if name == "edit" and not (words and RANGE.fullmatch(words[0])) and "end_of_edit" not in body[-64:]:
        return _replace(action, observation)
    if name in ("edit", "insert"):
        new = body[:TEXT_CHARS].removesuffix("\n").removesuffix("end_of_edit").removesuffix("\n")
        return (Operation("edit", _shown(observation), commands=(name,), new=new),)
    if name in VIEW:
        files = named(words[:1]) if name == "open" else ()
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


def _options(words: list[str]) -> dict[str, object]:
    """`str_replace_editor create a.py --file_text "..."` as named arguments."""
    options: dict[str, object] = dict(zip(("command", "path"), words, strict=False))
    for option, value in pairwise(words):
        if option.startswith("--"):
            options[plain_key(option)] = value
    return options
