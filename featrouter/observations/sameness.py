"""When are two actions, or two answers, the same? What changes from one try to the next without meaning is left out."""

from __future__ import annotations

import json

from featrouter.lazy_pattern import lazy_pattern

#: Arguments of tools that say how to run or why, not what; names without case, `_` and `-`.
COSMETIC = frozenset(
    "toolsummary toolaction taskprogress timeout timeoutms timeoutseconds waitmsbeforeasync "
    "yieldtimems maxoutputtokens securityrisk requiresapproval sandboxpermissions withescalatedpermissions isbackground "
    "runinbackground toolcallid callid waitms".split()
)
#: Says why next to one of SAID; alone, as in an issue or a task, it is what the call is about.
PROSE = frozenset(
    "description explanation justification summary reason reasoning thought thoughts purpose goal rationale intent".split()
)
SAID = frozenset(
    "command cmd commandline code script query pattern regex url filepath path paths absolutepath targetfile relativepath "
    "dirpath oldstring oldstr".split()
)
_COMMANDS = frozenset("command cmd commandline code script".split())
#: Of a longer action only the head and the tail are compared.
_JSON_CHARS, _COMMENTED_CHARS = 16384, 512
#: A comment that no quote follows: a quoted # is no comment.
_COMMENT = lazy_pattern(r"(?m)(?:^|[ \t])#(?: [^\n'\"`]*)?$")
_TIMEOUT = lazy_pattern(r"\bg?timeout (?:-[\w=-]{1,24}(?: \d[\d.]{0,9}[smhd]?(?= -| \d))? ){0,3}\d[\d.]{0,9}[smhd]? ")
_LABEL = lazy_pattern(
    r"<parameter=(?:security_risk|description|timeout|summary)>[^<]{0,400}</parameter>\s{0,4}"
    r"|<requires_approval>[^<]{0,8}</requires_approval>\s{0,4}"
)
#: Where a command leaves its output, when that is temporary.
_KEPT = lazy_pattern(r"(?<![\w/.-])((?:[12&]?>{1,2}|tee(?: -a)?) ?)/tmp/[\w.+-]{1,100}(?=[\s;|&)]|$)")

_DIGITS = b"0123456789"
#: Addresses and temporary paths.
_PLACES = lazy_pattern(r"0x[0-9a-fA-F]{3,16}|/(?:tmp|var/folders)/[\w.+/-]{1,200}")
#: Dates, times of day, durations with their unit, process ids. A bare number, or line:column, is none of these.
_UNIT = r" ?(?:[mun]?s|secs?|seconds?|min|mins|minutes?|hours?|h|m)\b"
_TIMES = lazy_pattern(
    # All begin with a digit: a search skips all else at once.
    r"(?i)\d(?:(?<=\bpid[ :=]\d)\d*+"
    # Seeds, process and thread ids that tools write without a unit, and PHPUnit's minutes.
    r"|(?<=\bduration_ms \d)[\d.]*+|(?<=\bseed \d)\d*+|(?<=\(node:\d)\d*+|(?<=^==\d)\d*+(?===)|(?<=\n==\d)\d*+(?===)"
    r"|(?<=' \(\d)\d*+(?=\) panicked)|(?<=\[1\] \d)\d{2,8}+(?![\w.])|(?<=\bTime: \d)\d:\d\d\.\d{1,4}"
    r"|(?<=\b\d)\d{3}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d[.\d]{0,10}Z?)?"
    r"|(?<![:\w.]\d)\d?:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?![:\w])"
    rf"|(?<=\b\d)\d*+(?:[.,]\d{{1,9}})?{_UNIT})"
)
#: Texts that are kept, to compare with one that differs from them in digits alone.
MAX_TEXTS = 12
_TEXT_CHARS = 320


def action_key(tool: str, action: str) -> int:
    """Stands for what a call asks for: equal for calls that differ in cosmetic arguments, comments or timeouts alone.

    Compare keys within one process only: hash(str) differs between processes.
    """
    if action[:1] == "{" and len(action) <= _JSON_CHARS:
        try:
            given = json.loads(action)
        except (ValueError, RecursionError):
            given = None
        if type(given) is dict:
            names = {name: name.replace("_", "").replace("-", "").lower() for name in given}
            left_out = COSMETIC | PROSE if not SAID.isdisjoint(names.values()) else COSMETIC
            meant = [
                (name, _argument(value, names[name] in _COMMANDS))
                for name, value in given.items()
                if names[name] not in left_out
            ]
            meant.sort()
            return hash((tool, *(meant or (action,))))
    return hash((tool, _command(action)))


def _argument(value: object, command: bool) -> str:
    if type(value) is str:
        return _command(value) if command else value.strip()
    return json.dumps(value, sort_keys=True) if type(value) is dict or type(value) is list else repr(value)


def _command(text: str) -> str:
    if "#" in text and len(text) <= _COMMENTED_CHARS:
        text = _COMMENT.sub("", text)
    if "timeout " in text:
        text = _TIMEOUT.sub("", text)
    if "/tmp/" in text and (">" in text or "tee" in text):
        text = _KEPT.sub(r"\1", text)
    if "<parameter=" in text or "<requires_approval>" in text:
        text = _LABEL.sub("", text)
    return text.strip()


class AnswerKeys:
    """Gives equal keys to answers that differ in durations, times of day, addresses and temporary paths alone.

    Nearly all answers are told apart without their digits, in a microsecond; only where two agree but for digits are
    both read closely. Keeps the beginning and the end of the latest MAX_TEXTS distinct texts.
    """

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        #: By what is left without digits: the key of the first such text, and the text, or what is left of it without times.
        self._texts: dict[int, tuple[int, str | int]] = {}

    def key(self, text: str) -> int:
        """Stands for the answer; compare keys of one instance only."""
        if text.startswith("Chunk ID: "):  # Codex numbers each answer
            text = text.partition("\n")[2]
        if "0x" in text or "/tmp/" in text or "/var/folders/" in text:
            text = _PLACES.sub("", text)
        digitless = hash(text.encode("utf-8", "replace").translate(None, _DIGITS))
        if len(text) > 2 * _TEXT_CHARS:
            text = text[:_TEXT_CHARS] + text[-_TEXT_CHARS:]
        texts = self._texts
        known = texts.get(digitless)
        if known is None:
            if len(texts) >= MAX_TEXTS:
                del texts[next(iter(texts))]
            key = hash(text)
            texts[digitless] = key, text
            return key
        key, first = known
        if first == text:
            return key
        if type(first) is str:
            first = hash(_TIMES.sub("", first))
            texts[digitless] = key, first
        mine = hash(_TIMES.sub("", text))
        return key if mine == first else mine
