"""A tool's named arguments, from JSON, from tags, or from JSON that a log cut short."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from featrouter.lazy_pattern import lazy_pattern

JSON_CHARS = 16384
VALUE_CHARS = 16384
NAMES_KEPT = 32
KEY_CHARS = 64
PARAMETER = "<parameter="
FUNCTION = "<function="
#: One string, number or word behind its key; enough to read what is left of a broken object.
PAIR = lazy_pattern(r'"(\w{1,40})"\s{0,8}:\s{0,8}(?:"((?:[^"\\]|\\.)*)|(-?\w{1,40}))', re.DOTALL)
ESCAPE = lazy_pattern(r"\\(.)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@lru_cache(maxsize=512)
def plain_key(key: str) -> str:
    """An argument's name without case, `_` and `-`: `file_path`, `filePath` and `FilePath` are one."""
    return key[:KEY_CHARS].replace("_", "").replace("-", "").strip().lower()


#: The names that most calls have, so that they cost one look.
COMMON = {
    key: plain_key(key) for key in ("command", "path", "old_str", "new_str", "file_text", "view_range", "insert_line")
}


def tags(text: str) -> tuple[str, dict[str, object]]:
    """`<function=NAME><parameter=KEY>VALUE</parameter>`: the name and the values by plain key."""
    head, *parts = text[: 2 * VALUE_CHARS].split(PARAMETER, NAMES_KEPT)
    name = head.partition(FUNCTION)[2].partition(">")[0].strip()
    found: dict[str, object] = {}
    for part in parts:
        key, _, value = part.partition(">")
        end = value.rfind("</parameter>")
        if end < 0:
            value = value.partition("</function>")[0]
            end = len(value)
        # A value on lines of its own stands between two line breaks.
        start = 1 if value[:1] == "\n" else 0
        if end > start and value[end - 1] == "\n":
            end -= 1
        found[COMMON.get(key) or plain_key(key)] = value[start:end]
    return name[:KEY_CHARS], found


def json_object(text: str) -> dict[str, object]:
    """The object that the text spells, by plain keys; what can be saved of it when it is broken; empty when none."""
    if text[:1] != "{" and not text[:256].lstrip().startswith("{"):
        return {}
    if len(text) <= JSON_CHARS:
        try:
            found = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            pass
        else:
            return plain(found) if isinstance(found, dict) else {}
    window = text[:JSON_CHARS]
    saved: dict[str, object] = {}
    for match in PAIR.finditer(window):
        saved.setdefault(plain_key(match[1]), _unescape(match[2]) if match[2] is not None else match[3])
        if len(saved) == NAMES_KEPT:
            break
    return saved


def plain(found: dict[object, object]) -> dict[str, object]:
    """The object by plain keys; of names that become one, the first counts."""
    given: dict[str, object] = {}
    for key, value in found.items():
        if isinstance(key, str):
            given.setdefault(plain_key(key[:KEY_CHARS]), value)
    return given


def _unescape(value: str) -> str:
    return ESCAPE.sub(lambda match: ESCAPES.get(match[1], match[1]), value)


def first(found: dict[str, object], *keys: str) -> str:
    """The first of the keys that holds text; lists of text give their first."""
    for key in keys:
        value = found.get(key)
        if value is None:
            continue
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str) and value:
            return value[:VALUE_CHARS]
    return ""
