"""The errors that an answer reports: tracebacks, named errors, complaints of shells and tools, exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from featrouter.catalogue import Pattern, lexicon
from featrouter.lazy_pattern import lazy_pattern
from featrouter.observations.output import Output
from featrouter.screen import NOTHING, held

#: What a file or a search shows may quote errors: of such an answer only the complaint at its head counts.
_SHOWN_HEAD = 400
_EXIT_HEAD = _EXIT_TAIL = 200
_EXIT_GATES = ("returncode", "return code", "return_code", "returned with")
#: A harness or a tool begins with its refusal; further down, a program speaks.
_TOOL_HEAD = 200
#: Past so many named errors an answer tells nothing new.
_MOST_NAMED = 64

#: A line of a search or of a numbered listing: what follows is quoted.
_QUOTED = lazy_pattern(r"[^\s:]{1,200}[:-]\d{1,7}[:-]|\s{0,8}\d{1,7}[:\t|]")
_PROGRAM = lazy_pattern(r"(?:STDERR: )?/?(?:[\w.-]{1,40}/){0,8}[a-z][\w.+-]{0,30}: ")
_CHANGING = lazy_pattern(
    r"0x[0-9a-fA-F]{1,16}|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|(?:/private)?/(?:tmp|var/folders|var/tmp|dev/shm)/[^\s'\"`:,)\]]{1,200}|[A-Za-z]:\\[^\s'\"]{0,100}\\Temp\\[^\s'\"]{1,200}|\d{1,200}"
)


@dataclass(frozen=True, slots=True)
class Errors:
    """What an answer reports.

    tracebacks: how many. frames: stack frames, when there is a traceback. named: (kind, message) of each error that has a
    name; the kind is a class, a compiler's code, or the name of the pattern, such as `query` for a database's complaint.
    complaints: names of the shell patterns that hold. tools: names of the patterns of tools that are no shell.
    refused: whether the harness could not read the agent's call.
    """

    tracebacks: int = 0
    frames: int = 0
    named: tuple[tuple[str, str], ...] = ()
    complaints: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    refused: bool = False

    @property
    def tool_errors(self) -> int:
        """In how many ways a tool that is no shell said that the call failed."""
        return len(self.tools)

    def __bool__(self) -> bool:
        return bool(self.tracebacks or self.named or self.complaints or self.tools or self.refused)


#: What `errors_of` returns of an answer without errors, always this object.
NONE = Errors()


def errors_of(output: Output, *, shown: bool = False) -> Errors:
    """The errors of an answer. `shown`: it shows a file or a search, whose text may quote errors."""
    if shown:
        return _shown(output.text)
    if output.held is NOTHING:
        return NONE
    opened = output.opened(_patterns())
    if not opened:
        return NONE
    text, gates = output.text, output.held
    tracebacks = 0
    named: list[tuple[str, str]] = []
    complaints, tools = [], []
    refused = False
    places: set[int] = set()
    for pattern in opened:
        style = pattern.style
        if style == "error" or style == "message":
            _name(pattern, pattern.tried(text, gates), named, places)
        elif style == "trace":
            for match in pattern.tried(text, gates):
                tracebacks += 1
                if match.re.groups and len(named) < _MOST_NAMED:
                    named.append((_kind(match["kind"]), match["message"]))
        elif style == "shell":
            if next(pattern.tried(text, gates), None):
                complaints.append(pattern.name)
        elif _at_head(pattern, text):
            if style == "tool":
                tools.append(pattern.name)
            else:
                refused = True
    frames = 0
    if tracebacks:
        tools = []  # a program's traceback may hold the words of a tool
        frames = sum([sum([1 for _ in pattern.tried(text, gates)]) for pattern in output.opened(_styled("frame"))])
    if not (tracebacks or named or complaints or tools or refused):
        return NONE
    return Errors(tracebacks, frames, tuple(named), tuple(complaints), tuple(tools), refused)


def exit_code_in(text: str) -> int | None:
    """The exit code that a harness wrote before or behind an output; None where it wrote none."""
    tail = text[-_EXIT_TAIL:]
    low = (text[:_EXIT_HEAD] + tail).lower() if len(text) > _EXIT_TAIL else tail.lower()
    if "exit" not in low and "return" not in low:
        return None
    found = _exits(tail if len(text) <= _EXIT_TAIL else tail[tail.find("\n") + 1 :])[-1:]
    # A program may print a code first; what the harness writes behind the output in brackets is its own.
    if len(text) > _EXIT_TAIL and not (found and found[0][1]):
        found = _exits(text[:_EXIT_HEAD])[:1] or found
    return found[0][0] if found else None


def signature(named: tuple[str, str]) -> str:
    """What stays the same when an error comes again: its kind and its message without numbers, addresses and temporary paths.

    named: (kind, message), one of `Errors.named`.
    """
    kind, message = named
    return f"{kind}: {' '.join(_CHANGING.sub('0', message).split())}"


@cache
def _styled(style: str) -> tuple[Pattern, ...]:
    return lexicon("errors").styled(style)


@cache
def _of_readers() -> tuple[Pattern, ...]:
    """Those that are tried on what a reader or a search says itself."""
    return tuple(pattern for pattern in _patterns() if pattern.style in ("shell", "tool", "refused"))


@cache
def _gates_of_readers() -> frozenset[str]:
    return frozenset([gate for pattern in _of_readers() for gate in pattern.gates])


@cache
def _patterns() -> tuple[Pattern, ...]:
    """Those that are tried on a program's output, in the order of the file."""
    styles = ("trace", "error", "message", "shell", "tool", "refused")
    return tuple(pattern for pattern in lexicon("errors").patterns.values() if pattern.style in styles)


def _shown(text: str) -> Errors:
    """What a reader or a search itself says: in its first line, in a line that begins with a program's name, or alone."""
    start = text[:_SHOWN_HEAD]
    gates = held(start)
    if gates is not None and gates.isdisjoint(_gates_of_readers()) and "\x1b" not in start:
        return NONE
    head = Output(start)
    opened = head.opened(_of_readers())
    if not opened:
        return NONE
    shell = [pattern for pattern in opened if pattern.style == "shell"]
    complaints = tuple([p.name for p in shell if any(_of_reader(head.text, m.start()) for m in p.tried(head.text))])
    tools: tuple[str, ...] = ()
    refused = False
    if len(text) <= _SHOWN_HEAD:  # a refusal is short; what is longer shows something
        tools = ("tool_error",) if _at_start([p for p in opened if p.style == "tool"], head.text) else ()
        refused = _at_start([p for p in opened if p.style == "refused"], head.text)
    return Errors(complaints=complaints, tools=tools, refused=refused) if complaints or tools or refused else NONE


def _at_start(patterns: Sequence[Pattern], head: str) -> bool:
    line = head.partition("\n")[0]
    return not _QUOTED.match(line) and any(pattern.search(line) for pattern in patterns)


def _of_reader(head: str, at: int) -> bool:
    start = head.rfind("\n", 0, at) + 1
    if _QUOTED.match(head, start):
        return False
    if start == 0 or _PROGRAM.match(head, start):
        return True
    return len(head) < _SHOWN_HEAD and head.startswith(("Error: ", "ERROR: "), start)


def _at_head(pattern: Pattern, text: str) -> bool:
    match = next(pattern.tried(text), None)
    return match is not None and match.start() < _TOOL_HEAD


def _name(pattern: Pattern, matches: Iterable[re.Match[str]], named: list[tuple[str, str]], places: set[int]) -> None:
    """Adds the errors that a pattern names; `places` are where others have named one."""
    for match in matches:
        if match.start() in places:
            continue
        places.add(match.start())
        groups = [group for group in match.groups() if group is not None]
        if len(groups) > 1 or pattern.style == "error":
            kind, message = _kind(groups[0]), groups[1] if len(groups) > 1 else ""
        else:
            kind, message = pattern.name, groups[0]
        if not kind.endswith("Warning"):
            named.append((kind, message))
        if pattern.join == "first" or len(named) >= _MOST_NAMED:
            break


def _kind(kind: str) -> str:
    return kind.rsplit(".", 1)[-1]


def _exits(text: str) -> Sequence[tuple[int, bool]]:
    """The exit codes that a text states, and whether each stands in brackets."""
    low = text.lower()
    if "exit" not in low and not ("return" in low and any(gate in low for gate in _EXIT_GATES)):
        return ()
    if "<" in text or not low.isascii():  # a tag may leave its line, and letters may change their number
        return _exits_in(text)
    found: list[tuple[int, bool]] = []
    for line in text.split("\n"):
        low = line.lower()
        if "exit" in low or "return" in low:
            found += _exits_in(line)
    return found


@lru_cache(maxsize=512)
def _exits_in(text: str) -> tuple[tuple[int, bool], ...]:
    """A harness writes the same few lines again and again."""
    matches = lexicon("errors")["exit"].regex.finditer(text)
    return tuple([(int(next(filter(None, match.groups()))), match.group()[0] in "[<") for match in matches])
