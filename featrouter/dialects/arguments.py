"""A tool's named arguments, from JSON, from tags, or from JSON that a log cut short."""

from __future__ import annotations

import json
import re

JSON_CHARS = 16384
VALUE_CHARS = 16384
NAMES_KEPT = 32
PARAMETER = "<parameter="
FUNCTION = "<function="
#: One string, number or word behind its key; enough to read what is left of a broken object.
PAIR = re.compile(r'"(\w{1,40})"\s{0,8}:\s{0,8}(?:"((?:[^"\\]|\\.)*)|(-?\w{1,40}))', re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def tags(text: str) -> tuple[str, dict[str, str]]:
    """`<function=NAME><parameter=KEY>VALUE</parameter>`: the name and the values by key."""
    head, *parts = text[: 2 * VALUE_CHARS].split(PARAMETER, NAMES_KEPT)
    name = head.partition(FUNCTION)[2].partition(">")[0].strip()
    found: dict[str, str] = {}
    for part in parts:
        key, _, value = part.partition(">")
        value = value.rpartition("</parameter>")[0] or value.partition("</function>")[0]
        found[key.strip()[:64]] = value.removeprefix("\n").removesuffix("\n")
    return name[:64], found


def json_object(text: str) -> dict[str, object]:
    """The object that the text spells; what can be saved of it when it is broken; empty when it is none."""
    if not text.lstrip().startswith("{"):
        return {}
    if len(text) <= JSON_CHARS:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            return found if isinstance(found, dict) else {}
    window = text[:JSON_CHARS]
    saved: dict[str, object] = {}
    for match in PAIR.finditer(window):
        saved.setdefault(match[1], _unescape(match[2]) if match[2] is not None else match[3])
        if len(saved) == NAMES_KEPT:
            break
    return saved


def _unescape(value: str) -> str:
    return ESCAPE.sub(lambda match: ESCAPES.get(match[1], match[1]), value)


def first(found: dict[str, object], *keys: str) -> str:
    """The first of the keys that holds text; lists of text give their first."""
    for key in keys:
        value = found.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str) and value:
            return value[:VALUE_CHARS]
    return ""
