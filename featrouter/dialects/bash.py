"""A shell line as operations: one for each simple command that matters."""

from __future__ import annotations

import re

from featrouter.dialects import bash_words, codex, prose, runners, swe_agent
from featrouter.dialects.bash_words import Simple
from featrouter.dialects.programs import operation
from featrouter.trajectory import Operation

HEAD_CHARS = 8192
TAIL_CHARS = 2048
SHELL_CHARS = 2048
NESTING = 2
#: A line that starts with an option was wrapped by whoever wrote the log.
WRAPPED = re.compile(r"(?<![ \t])[ \t]*\n(?=--?[A-Za-z])")
PROGRAM = re.compile(r"[\w./~$@{\[:][\w.+/~$@{}:%\-\[]*")

THINK = (Operation("think"),)
OTHER = (Operation("other"),)
#: How a shell complains about text that is no shell, and what such text mostly is: code meant for an editor.
SYNTAX_ERRORS = ("syntax error near unexpected token", "syntax error: unexpected", "Syntax error: ")
CODE = re.compile(
    r"(?:def|class)\s+\w+|(?:from\s+[\w.]+\s+)?import\s+\w|except\b|try:|return\b|async def|@\w+|\d+:|with\s+\w+\("
)


def line(text: str, observation: str, cwd: str = "") -> tuple[Operation, ...]:
    """What stands where a shell line should: SWE-agent's commands, prose, code that lost its way, or a shell line."""
    special = swe_agent.operations(text, observation)
    if special:
        return special
    first = prose.first_line(text)
    if CODE.match(first):
        return OTHER
    if prose.is_prose(text, first):
        return THINK
    found = operations(text, cwd=cwd)
    # The shell's own complaint settles what the words leave open.
    head = observation[:400]
    complains = "yntax error" in head and any(error in head for error in SYNTAX_ERRORS)
    if complains and not any(map(_is_plain, found)):
        return OTHER
    return found


def _is_plain(op: Operation) -> bool:
    return op.kind != "run" or not op.commands or op.commands[0] in prose.KNOWN


def operations(text: str, depth: int = 0, cwd: str = "") -> tuple[Operation, ...]:
    """What a shell line does, in the order executed; at least one operation, `think` for an empty line."""
    if len(text) > HEAD_CHARS + TAIL_CHARS:
        text = text[:HEAD_CHARS] + "\n" + text[-TAIL_CHARS:]
    text, bodies = bash_words.cut_heredocs(text)
    if len(text) > SHELL_CHARS + SHELL_CHARS // 4:
        text = text[:SHELL_CHARS] + "\n" + text[-SHELL_CHARS // 4 :]
    if "\n-" in text:
        text = WRAPPED.sub(" ", text)
    commands = bash_words.split(text, bodies)
    found: list[Operation] = []
    for command in commands:
        command.words = runners.unwrap(command.words)
        if command.words and not PROGRAM.fullmatch(command.words[0], 0, 256):
            command.words = []
        name = runners.basename(command.words[0]) if command.words else ""
        if name in ("cd", "pushd"):
            cwd = _change(cwd, command.words)
        for done in _do(command, name, cwd, depth):
            _append(found, done, command.piped)
    if found:
        return tuple(found)
    words = next((command.words for command in reversed(commands) if command.words), None)
    if words:
        return (Operation("run", commands=(runners.basename(words[0]),)),)
    return OTHER if commands else THINK


def _do(command: Simple, name: str, cwd: str, depth: int) -> tuple[Operation, ...]:
    if name in ("apply_patch", "applypatch"):
        return codex.patch(command.stdin or " ".join(command.words[1:2]), cwd)
    script = runners.shell_script(command.words) if command.words else None
    if script is not None and depth < NESTING:
        return operations(script, depth + 1, cwd)
    done = operation(command, cwd)
    return (done,) if done else ()


def _change(cwd: str, words: list[str]) -> str:
    target = words[1] if len(words) > 1 else ""
    if target in ("", "-") or target.startswith(("/", "~", "$")):
        return target if target.startswith(("/", "~")) else ""
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
