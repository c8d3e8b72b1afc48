"""A shell line as operations: one for each simple command that matters."""

from __future__ import annotations

from functools import lru_cache

from featrouter.dialects import bash_words, codex, prose, swe_agent, windows
from featrouter.dialects.bash_words import Simple
from featrouter.dialects.programs import HANDLERS, operation
from featrouter.dialects.wrappers import NAMES, basename, shell_script, unwrap
from featrouter.lazy_pattern import lazy_pattern
from featrouter.trajectory import Operation

HEAD_CHARS = 8192
TAIL_CHARS = 2048
SHELL_CHARS = 2048
NESTING = 3
CACHED_CHARS = 256
#: A line that starts with an option was wrapped by whoever wrote the log.
WRAPPED = lazy_pattern(r"(?<![ \t])[ \t]*\n(?=--?[A-Za-z])")
PROGRAM = lazy_pattern(r"[\w./~$@{\[:\\][\w.+/~$@{}:%\-\[\\]*")

THINK = (Operation("think"),)
OTHER = (Operation("other"),)
#: How a shell complains about text that is no shell, and what such text mostly is: code meant for an editor.
SYNTAX_ERRORS = ("syntax error near unexpected token", "syntax error: unexpected", "Syntax error: ")
CODE = lazy_pattern(
    r"(?:def|class)\s+\w+|(?:from\s+[\w.]+\s+)?import\s+\w|except\b|try:|return\b|async def|@\w+|\d+:|with\s+\w+\("
)


#: First words that can only begin a shell line: no sentence, no code, no command of an agent of its own.
PLAINLY_SHELL = (HANDLERS.keys() | prose.PLAIN) - prose.ENGLISH - swe_agent.WORDS - windows.UNMISTAKABLE


def line(text: str, observation: str, cwd: str = "", *, of_windows: bool = False) -> tuple[Operation, ...]:
    """What stands where a shell line should: SWE-agent's commands, prose, code that lost its way, or a shell line.

    `of_windows` says that the tool is a shell of Windows; other tools' lines show it by their first word and their paths.
    """
    begin = text[:64].split(None, 1)
    first_word = begin[0] if begin else ""
    if first_word not in PLAINLY_SHELL:
        special = swe_agent.operations(text, observation)
        if special:
            return special
        first = prose.first_line(text)
        of_windows = of_windows or windows.is_windows(text, first.split(None, 1)[0] if first else "")
        if not of_windows:
            if CODE.match(first):
                return OTHER
            if prose.is_prose(text, first):
                return THINK
    of_windows = of_windows or ("\\" in text and windows.is_windows(text, first_word))
    short = len(text) <= CACHED_CHARS
    found = _short(text, cwd, of_windows) if short else operations(text, cwd=cwd, of_windows=of_windows)
    # The shell's own complaint settles what the words leave open.
    if "yntax error" in observation[:400]:
        head = observation[:400]
        if any(error in head for error in SYNTAX_ERRORS) and not any(map(_is_plain, found)):
            return OTHER
    return found


@lru_cache(maxsize=512)
def _short(text: str, cwd: str, of_windows: bool) -> tuple[Operation, ...]:
    """Agents come back to their short lines: a fifth to a third of all lines are among the last few hundred."""
    return operations(text, cwd=cwd, of_windows=of_windows)


def _is_plain(op: Operation) -> bool:
    return op.kind != "run" or not op.commands or op.commands[0] in prose.KNOWN


def operations(text: str, depth: int = 0, cwd: str = "", *, of_windows: bool = False) -> tuple[Operation, ...]:
    """What a shell line does, in the order executed; at least one operation, `think` for an empty line."""
    bodies: list[str] = []
    if len(text) > SHELL_CHARS:
        if len(text) > HEAD_CHARS + TAIL_CHARS:
            text = text[:HEAD_CHARS] + "\n" + text[-TAIL_CHARS:]
        if "<<" in text:
            text, bodies = bash_words.cut_heredocs(text)
        if len(text) > SHELL_CHARS + SHELL_CHARS // 4:
            text = text[:SHELL_CHARS] + "\n" + text[-SHELL_CHARS // 4 :]
    elif "<<" in text:
        text, bodies = bash_words.cut_heredocs(text)
    if "\n-" in text:
        text = WRAPPED.sub(" ", text)
    commands = windows.split(text) if of_windows else bash_words.split(text, bodies)
    found: list[Operation] = []
    seen: set[str] = set()
    for command in commands:
        words = command.words
        name = words[0] if words else ""
        if name == "cd" or name == "pushd":
            cwd = _change(cwd, words)
        elif of_windows and words and (full := windows.canonical(name, command.piped)) and not _is_posix(name, words):
            if full == "set-location" or full == "push-location":
                cwd = _change(cwd, words)
            done = windows.operation(command, full, cwd, seen)
            if done:
                _append(found, done, command.piped)
            continue
        elif name not in HANDLERS and words:
            for done in _unknown(command, cwd, depth):
                _append(found, done, command.piped)
            continue
        one = operation(command, cwd)
        if one:
            if command.piped:
                _append(found, one, True)
            else:
                found.append(one)
    if found:
        return tuple(found)
    last = next((command.words for command in reversed(commands) if command.words), None)
    if last:
        return (Operation("run", (), (), (basename(last[0]),)),)
    return OTHER if commands else THINK


def _is_posix(name: str, words: list[str]) -> bool:
    """Whether a word that names something in both worlds is meant as POSIX has it: `find . -name x`."""
    return name == "find" and any(word.startswith("-") for word in words)


def _unknown(command: Simple, cwd: str, depth: int) -> tuple[Operation, ...]:
    """What a command does that no table of programs names at once: behind wrappers, in another shell, by its path."""
    words = command.words
    if basename(words[0]) in NAMES:
        words = command.words = unwrap(words)
    if not PROGRAM.fullmatch(words[0], 0, 256):
        command.words = []
        done = operation(command, cwd)
        return (done,) if done else ()
    name = basename(words[0])
    if name in ("env", "printenv"):  # with nothing behind it, it tells the environment
        return (Operation("read", (), (), (name,)),)
    if name in ("apply_patch", "applypatch"):
        return codex.patch(command.stdin or " ".join(words[1:2]), cwd)
    if depth < NESTING:
        script = shell_script(words, command.stdin)
        if script is not None:
            return operations(script[0], depth + 1, cwd, of_windows=script[1])
    done = operation(command, cwd)
    return (done,) if done else ()


def _change(cwd: str, words: list[str]) -> str:
    target = words[1] if len(words) > 1 else ""
    if len(words) > 2 and target.lower() in ("/d", "-path", "-literalpath", "--"):
        target = words[2]
    if target in ("", "-") or target.startswith(("/", "~", "$")) or target[1:2] == ":":
        return target if target.startswith(("/", "~")) or target[1:2] == ":" else ""
    return f"{cwd}/{target}" if cwd else target


def _append(found: list[Operation], done: Operation, piped: bool) -> None:
    """Add an operation; a filter behind a pipe belongs to what it filters."""
    if piped and found:
        before = found[-1]
        if done.kind == "read" and not done.files:
            return
        if done.kind == "search" and not done.files:
            if before.kind in ("read", "search"):
                patterns = (before.patterns + done.patterns)[:4]
                found[-1] = Operation("search", before.files, patterns, (before.commands + done.commands)[:8])
            return
    found.append(done)
