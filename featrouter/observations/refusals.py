"""What a tool's short answer says: that it refused an edit, that it found nothing."""

from __future__ import annotations

from functools import cache

from featrouter.catalogue import Pattern, lexicon
from featrouter.lazy_pattern import lazy_pattern

#: An edit tool says at once whether it refused; further down it shows the file.
HEAD = 400
_FOUND_HEAD = 200

#: An edit that was made says so first; the lines of the file that follow may hold any words.
_MADE = lazy_pattern(
    r"\s{0,8}(?:<\w{1,30}>\s{0,4})?(?:the following |your )?(?:success\b|successfully |done\b|ok\b|edited |updated |applied "
    r"|created |wrote |replaced \d|replacement|text replaced|edit applied|changes applied|\[file: "
    r"|made the following |```diff\n|(?:the )?(?:files?|contents?)\b[^\n]{0,260}"
    r"(?:has been (?:updated|edited|created|written|saved|replaced|modified successfully)"
    r"|(?:was|were) (?:updated|edited|created|saved)|successfully)|file (?:updated|created|edited|written|saved))"
)
_THINGS = (
    "results?|match(?:es)?|files?|entries|items?|records?|rows?|documents?|hits|data|occurrences?|output|flights?|orders?|users?"
    "|products?|tools?|references|symbols?|content"
)
_NOTHING = lazy_pattern(
    rf"(?:no|0|zero|found (?:no|0)|there (?:are|were) no) (?:[\w-]{{1,30}} ){{0,4}}?(?:{_THINGS})\b[^\n]{{0,120}}"
    r"|(?:error: )?[^\n]{0,120}\b(?:not found|no results?|no matches|nothing (?:was )?found|does(?: not|n't) exist"
    r"|could not be found|no such \w{1,20})(?: or available)?[^\n\w]{0,4}(?:\b(?:in|for|with|at|on)\b[^\n]{0,120})?"
    r"|empty (?:set|result|list)[^\n]{0,40}|\(0 rows\)|0 rows[^\n]{0,40}|\(?(?:no output|empty|none|nothing|no content)\)?\.?"
)
_EMPTY_VALUE = r"(?:\[\]|\{\}|null|none|\"\"|''|0|false)"
_EMPTY = lazy_pattern(
    rf"(?:{_EMPTY_VALUE}|\(\)|undefined|nil|\{{\s{{0,8}}[\"']\w{{1,40}}[\"']\s{{0,4}}:\s{{0,4}}{_EMPTY_VALUE}"
    rf"(?:\s{{0,4}},\s{{0,8}}[\"']\w{{1,40}}[\"']\s{{0,4}}:\s{{0,4}}{_EMPTY_VALUE}){{0,6}}\s{{0,8}}\}})"
)


def edit_refused(head: str) -> bool:
    """Whether an edit's answer says that nothing was changed. head: the answer's first characters; 400 are read."""
    if not head:
        return False
    text = head[:HEAD].lower()
    return not _MADE.match(text) and any(pattern.search(text) for pattern in _refusals())


def refused_for_syntax(head: str) -> bool:
    """Whether an edit was refused because the new text does not parse. head: the answer's first characters; 400 are read."""
    text = head[:HEAD].lower()
    return not _MADE.match(text) and lexicon("errors")["refused_syntax"].search(text) is not None


def found_nothing(text: str) -> bool:
    """Whether a look-up's answer holds no result: blank, `[]`, `{}`, `null`, `no results`, `order not found`, `0 matches`.

    A long text holds something. Which calls are look-ups, the caller knows.
    """
    head = text[: _FOUND_HEAD + 1].strip()
    if len(head) > _FOUND_HEAD or (len(text) > _FOUND_HEAD and text[_FOUND_HEAD:].strip()):
        return False
    head = head.lower()
    return not head or _EMPTY.fullmatch(head) is not None or _NOTHING.fullmatch(head) is not None


@cache
def _refusals() -> tuple[Pattern, ...]:
    return lexicon("errors").styled("refusal")
