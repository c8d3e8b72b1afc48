"""Shell text cut into simple commands by a lexer: linear, never wrong-footed by a broken quote."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice

COMMANDS_KEPT = 48
WORDS_KEPT = 96
HEREDOCS_KEPT = 16
TOKENS_KEPT = 2048
HEREDOC = re.compile(r"(?<!<)<<(-?)[ \t]*(['\"\\]?)([A-Za-z_]\w{0,60})['\"]?")
HEREDOC_NAME = "__heredoc_%d__"
HEREDOC_WORD = re.compile(r"__heredoc_(\d{1,3})__")

TOKEN = re.compile(
    r"""
      (?P<space> [ \t\r]+ | \\\n | <\([^()]*+\) )
    | (?P<comment> \#[^\n]* )
    | (?P<redirect> (?: \d{1,2}(?=[<>]) | & (?=>) )? (?: <<< | >> | >\| | >& | > | <> | <& | <(?!\() ) )
    | (?P<end> (?: && | \|\| | \|&? ) \s*+ | \n | ;;? | & | [()] | <\( )
    | (?P<word> (?:
          [^\s'"`\\$;|&<>()]++ | '[^']*+'? | "(?:[^"\\]|\\.)*"? | `[^`]*+`? | \$\([^()]*+\) | \\[^\n] | \$ | \\(?!\n)
      )+ )
    """,
    re.VERBOSE | re.DOTALL,
)
#: Without one of these, words are what blanks part.
SPECIAL = re.compile(r"""['"`\\$;|&<>()#\n]""")
QUOTED = re.compile(r"""'([^']*+)'?|"((?:[^"\\]|\\.)*)"?|\\(.)""", re.DOTALL)
ESCAPED = re.compile(r"\\([\"\\$`])")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
SUBSTITUTION = re.compile(r"\$\(([^()]*+)\)|`([^`]*+)`")
#: Words that open or close a block: the command that matters stands behind them.
KEYWORDS = frozenset("if then else elif fi do done while until ! { } esac".split())
#: Words whose line is control and no command.
CONTROL = frozenset("for case select function".split())


@dataclass(slots=True)
class Simple:
    """One simple command: words without quotes, redirections of stdout, text given on stdin."""

    words: list[str]
    writes: list[tuple[str, str]] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    stdin: str = ""
    piped: bool = False

    def redirect(self, operator: str, target: str, bodies: list[str]) -> None:
        """Note a redirection; what goes to a descriptor, to stderr or to /dev is no file."""
        heredoc = HEREDOC_WORD.fullmatch(target)
        if heredoc and operator == "<":
            index = int(heredoc[1])
            self.stdin = bodies[index] if index < len(bodies) else ""
        elif operator == "<":
            self.reads.append(target)
        elif operator == "<<<":
            self.stdin = target
        elif operator.lstrip("1&") in (">", ">>", ">|") and not target.startswith("/dev/") and target:
            self.writes.append((operator.lstrip("1&"), target))


def unquote(word: str) -> str:
    """The word as the program sees it (expansions stay as written)."""
    if "'" not in word and '"' not in word and "\\" not in word:
        return word
    return QUOTED.sub(_bare, word)


def _bare(match: re.Match[str]) -> str:
    single, double, escaped = match.groups()
    if double is not None:
        return ESCAPED.sub(r"\1", double)
    return escaped if single is None else single


def cut_heredocs(text: str) -> tuple[str, list[str]]:
    """Put here-documents aside: `<<'EOF'` becomes `< __heredoc_0__`, the bodies are returned in order."""
    bodies: list[str] = []
    if "<<" not in text:
        return text, bodies
    kept: list[str] = []
    lines = text.split("\n")
    at = tried = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        for dash, _, name in HEREDOC.findall(line) if "<<" in line and tried < HEREDOCS_KEPT else ():
            end = _terminator(lines, at, name, bool(dash))
            tried += 1
            if end is None:
                # `x << y` inside a quoted program is a shift; an EOF without its end was cut off.
                if not name.startswith(("EO", "END")):
                    continue
                end = len(lines)
            line = HEREDOC.sub("< " + HEREDOC_NAME % len(bodies), line, count=1)
            bodies.append("\n".join(lines[at:end]))
            at = end + 1
        kept.append(line)
    return "\n".join(kept), bodies


def _terminator(lines: list[str], start: int, name: str, dash: bool) -> int | None:
    for at in range(start, len(lines)):
        line = lines[at]
        if name in line and (line.strip() if dash else line.rstrip()) == name:
            return at
    return None


def split(text: str, bodies: list[str]) -> list[Simple]:
    """The simple commands of shell text, in order."""
    found: list[Simple] = []
    current = Simple([])
    if SPECIAL.search(text) is None:
        current.words = text.split(None, WORDS_KEPT)[:WORDS_KEPT]
        _finish(current, found, bodies)
        return found
    operator, fresh = "", True
    for token in islice(TOKEN.finditer(text), TOKENS_KEPT):
        kind, value = token.lastgroup, token.group()
        if fresh and value == "\n":  # an empty line
            continue
        fresh = False
        if kind == "word":
            if operator:
                current.redirect(operator, unquote(value), bodies)
                operator = ""
            elif len(current.words) < WORDS_KEPT:
                current.words.append(value)
        elif kind == "redirect":
            operator = value
        elif kind == "end" and not (operator and value == "\n"):
            _finish(current, found, bodies)
            if len(found) >= COMMANDS_KEPT:
                return found
            current, operator = Simple([], piped=value[0] == "|" and value[:2] != "||"), ""
            fresh = not current.piped
    _finish(current, found, bodies)
    return found


def _finish(command: Simple, found: list[Simple], bodies: list[str]) -> None:
    """Keep a command that has words left once block keywords and leading assignments are gone."""
    words = command.words
    start = 0
    while start < len(words) and words[start] in KEYWORDS:
        start += 1
    if start < len(words) and words[start] in CONTROL:
        _substituted(words[start:], found, bodies)
        return
    while start < len(words) and ASSIGNMENT.match(words[start]):
        start += 1
    if start == len(words) and words and not command.writes:
        _substituted(words[-1:], found, bodies)
        return
    command.words = [unquote(word) for word in words[start:]]
    if not command.words and found and words[:1] == ["}"]:
        found[-1].writes += command.writes  # what a block writes is what its last command writes
    elif command.words or command.writes:
        found.append(command)


def _substituted(words: list[str], found: list[Simple], bodies: list[str]) -> None:
    for inner in SUBSTITUTION.finditer(" ".join(words)):
        found.extend(split(inner[1] or inner[2] or "", bodies))
