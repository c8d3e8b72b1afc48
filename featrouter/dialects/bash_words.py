"""Shell text cut into simple commands by a lexer: linear, never wrong-footed by a broken quote."""

from __future__ import annotations

import re

from featrouter.lazy_pattern import lazy_pattern

COMMANDS_KEPT = 48
WORDS_KEPT = 96
HEREDOCS_KEPT = 16
TOKENS_KEPT = 2048
#: The word that ends a here-document may be quoted, and then be anything; unquoted it has no character of the shell's.
HEREDOC = lazy_pattern(
    r"""(?<!<)<<(?!<)(-?)[ \t]*(?:'([^'\n]{1,60})'|"([^"\n]{1,60})"|(\\?)([^\s'"`\\$;|&<>()]{1,60}))"""
)
NAMED_END = lazy_pattern(r"(?:EO|END|[A-Z][A-Z_]+$)")
HEREDOC_NAME = "__heredoc_%d__"
HEREDOC_WORD = lazy_pattern(r"__heredoc_(\d{1,3})__")

#: Blanks, then a word, a redirection or the end of a command. A comment and a process substitution count as blanks.
TOKEN = lazy_pattern(
    r"""
    (?: [ \t\r] | \\\n )*
    (?:
        \#[^\n]*+ | <\([^()]*+\)
      | ( (?: \d{1,2}(?=[<>]) | & (?=>) )? (?: <<< | >> | >\| | >& | > | <> | <& | <(?!\() ) )
      | ( (?: && | \|\| | \|&? ) \s*+ | \n | ;;? | & | [()] | <\( )
      | ( (?:
          [^\s'"`\\$;|&<>()]++ | '[^']*+'? | "(?:[^"\\]|\\.)*"? | `[^`]*+`? | \$\([^()]*+\) | \\[^\n] | \$ | \\(?!\n)
        )+ )
    )?
    """,
    re.VERBOSE | re.DOTALL,
)
#: Commands of words that are plain or quoted, and what parts them: most lines are no more than that.
SEGMENT = lazy_pattern(r"""((?:[^'"`\\$;|&<>()#\n]++|'[^']*+'|"[^"\\$`]*+")+)(&&|\|\|?(?!&)|;(?!;)|\n|\Z)\s*+""")
HARD = lazy_pattern(r"[`\\$<>()#]")
END = lazy_pattern(r"[|&;\n]")
QUOTED_WORD = lazy_pattern(r"""(?:[^\s'"]++|'[^']*+'|"[^"]*+")+""")
#: Without one of these, words are what blanks part.
SPECIAL = lazy_pattern(r"""['"`\\$;|&<>()#\n]""")
QUOTED = lazy_pattern(r"""'([^']*+)'?|"((?:[^"\\]|\\.)*)"?|\\(.)""", re.DOTALL)
ESCAPED = lazy_pattern(r"\\([\"\\$`])")
ASSIGNMENT = lazy_pattern(r"[A-Za-z_]\w*\+?=")
SUBSTITUTION = lazy_pattern(r"\$\(([^()]*+)\)|`([^`]*+)`")
#: Words that open or close a block: the command that matters stands behind them.
KEYWORDS = frozenset("if then else elif fi do done while until ! { } esac".split())
#: Words whose line is control and no command.
CONTROL = frozenset("for case select function".split())
STRUCTURE = KEYWORDS | CONTROL


class Simple:
    """One simple command: words without quotes, redirections of stdout, text given on stdin."""

    __slots__ = ("piped", "reads", "stdin", "words", "writes")

    def __init__(self, words: list[str], piped: bool = False, stdin: str = "") -> None:
        self.words = words
        self.writes: tuple[tuple[str, str], ...] = ()
        self.reads: tuple[str, ...] = ()
        self.stdin = stdin
        self.piped = piped

    def redirect(self, operator: str, target: str, bodies: list[str]) -> None:
        """Note a redirection; what goes to a descriptor, to stderr or to /dev is no file."""
        heredoc = HEREDOC_WORD.fullmatch(target)
        if heredoc and operator == "<":
            index = int(heredoc[1])
            self.stdin = bodies[index] if index < len(bodies) else ""
        elif operator == "<":
            self.reads += (target,)
        elif operator == "<<<":
            self.stdin = target
        elif operator.lstrip("1&") in (">", ">>", ">|") and not target.startswith("/dev/") and target:
            self.writes += ((operator.lstrip("1&"), target),)


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
    kept: list[str] = []
    begin = tried = 0
    at = text.find("<<")
    while at >= 0 and tried < HEREDOCS_KEPT:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        body = end + 1  # where the text of the line's next here-document starts
        while at >= 0 and tried < HEREDOCS_KEPT:
            match = HEREDOC.match(text, at, end)
            if match is None:
                at = text.find("<<", at + 1, end)
                continue
            tried += 1
            name = match[2] or match[3] or match[5]
            stop, after = _terminator(text, body, name, bool(match[1]))
            if stop < 0:
                # `x << y` inside a quoted program is a shift; an EOF without its end was cut off.
                if not NAMED_END.match(name):
                    at = text.find("<<", match.end(), end)
                    continue
                stop = after = len(text) + 1
            kept += (text[begin:at], "< ", HEREDOC_NAME % len(bodies))
            bodies.append(text[body : stop - 1])
            body, begin = after, match.end()
            at = text.find("<<", begin, end)
        kept.append(text[begin : end + 1])
        begin = body
        at = text.find("<<", begin)
    kept.append(text[begin:])
    return "".join(kept), bodies


def _terminator(text: str, start: int, name: str, dash: bool) -> tuple[int, int]:
    """Where the line that ends a here-document starts, and where the next one does; (-1, -1) where there is none."""
    at = text.find(name, start)
    while at >= 0:
        line_start = text.rfind("\n", 0, at) + 1
        line_end = text.find("\n", at)
        line_end = len(text) if line_end < 0 else line_end
        line = text[line_start:line_end]
        if (line.strip() if dash else line.rstrip()) == name:
            return line_start, line_end + 1
        at = text.find(name, line_end)
    return -1, -1


def split(text: str, bodies: list[str]) -> list[Simple]:
    """The simple commands of shell text, in order."""
    found: list[Simple] = []
    if SPECIAL.search(text) is None:
        _finish(Simple(text.split(None, WORDS_KEPT)[:WORDS_KEPT]), found, bodies)
        return found
    if HARD.search(text) is None:
        if END.search(text) is None:
            # One command; a quote that nobody closes is left to the lexer.
            single, double = text.count("'"), text.count('"')
            if not (single and double) and not (single + double) & 1:
                _finish(Simple(QUOTED_WORD.findall(text)), found, bodies)
                return found
        elif _split_plainly(text, found, bodies):
            return found
    current = Simple([])
    words = current.words
    operator = ""
    for redirect, end, word in TOKEN.findall(text)[:TOKENS_KEPT]:
        if word:
            if operator:
                current.redirect(operator, unquote(word), bodies)
                operator = ""
            else:
                words.append(word)
        elif end:
            if operator and end == "\n":
                continue
            operator = ""
            if words or current.writes:
                _finish(current, found, bodies)
                if len(found) >= COMMANDS_KEPT:
                    return found
            elif end == "\n" and not current.piped:  # an empty line
                continue
            current = Simple([], end[0] == "|" and end[:2] != "||")
            words = current.words
        elif redirect:
            operator = redirect
    if words or current.writes:
        _finish(current, found, bodies)
    return found


def _split_plainly(text: str, found: list[Simple], bodies: list[str]) -> bool:
    """Cut a line without redirections, expansions and escapes; False, and nothing found, where it has some."""
    at = 0
    piped = False
    for segment in SEGMENT.finditer(text):
        if segment.start() != at:
            break
        at = segment.end()
        words, end = segment.groups()
        if "'" in words or '"' in words:
            command = Simple(QUOTED_WORD.findall(words), piped)
        else:
            command = Simple(words.split(), piped)
        if command.words:
            _finish(command, found, bodies)
            if len(found) >= COMMANDS_KEPT:
                return True
        piped = end == "|"
    if at != len(text):
        found.clear()
        return False
    return True


def _finish(command: Simple, found: list[Simple], bodies: list[str]) -> None:
    """Keep a command that has words left once block keywords and leading assignments are gone."""
    words = command.words
    if len(words) > WORDS_KEPT:
        del words[WORDS_KEPT:]
    if words and (words[0] in STRUCTURE or "=" in words[0]):
        start = 0
        while start < len(words) and words[start] in KEYWORDS:
            start += 1
        if start < len(words) and words[start] in CONTROL:
            _substituted(words[start:], found, bodies)
            return
        while start < len(words) and ASSIGNMENT.match(words[start]):
            start += 1
        if start == len(words) and not command.writes:
            _substituted(words[-1:], found, bodies)
            return
        command.words = words[start:]
        if not command.words and found and words[:1] == ["}"]:
            found[-1].writes += command.writes  # what a block writes is what its last command writes
            return
    for at, word in enumerate(command.words):
        if "'" in word or '"' in word or "\\" in word:
            first = word[0]
            if first in "'\"" and "\\" not in word and word.find(first, 1) == len(word) - 1 > 0:
                command.words[at] = word[1:-1]
            else:
                command.words[at] = QUOTED.sub(_bare, word)
    if command.words or command.writes:
        found.append(command)


def _substituted(words: list[str], found: list[Simple], bodies: list[str]) -> None:
    for inner in SUBSTITUTION.finditer(" ".join(words)):
        found.extend(split(inner[1] or inner[2] or "", bodies))
