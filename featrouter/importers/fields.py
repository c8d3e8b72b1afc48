"""What stands in a field of somebody else's JSON: text, a count, an object, a list; blank where it is none of these."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from featrouter.logs.writing import clean

_MOST_ID = 300
_MOST_WHOLE = 10**9


def text_of(value: object) -> str:
    """Text, or the texts of a list of content parts, one a line; numbers as they print; "" for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return text_of(next((value[key] for key in ("text", "content") if isinstance(value.get(key), str)), None))
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return "\n".join(filter(None, (text_of(part) for part in value if isinstance(part, str | Mapping))))
    return "" if value is None or isinstance(value, bool) else str(value)


def id_of(value: object) -> str:
    """An id or a name on one line; "" where there is none."""
    told = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    name = " ".join(clean(str(value))[:_MOST_ID].split()) if told else ""
    return "" if name in ("run_id", "task_id") else name  # a log takes these for its header


def amount_of(value: object) -> float | None:
    """A finite number from 0, also one written as text, as in a CSV cell."""
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < 1e15 else None


def time_of(value: object) -> float:
    """A moment as seconds, to sort by and to subtract: told in ISO or as a number; 0 where it is not."""
    if isinstance(value, str) and value.isdigit():
        value = f"{value}e-9"  # OTLP tells nanoseconds as text
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
    return amount_of(value) or 0.0


def total_of(*values: object) -> float | None:
    """The sum of those that are amounts; None where none is."""
    told = [amount for amount in map(amount_of, values) if amount is not None]
    return sum(told) if told else None


def whole_of(value: object) -> int | None:
    """A whole number of at most nine digits."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST_WHOLE:
        return None
    return int(value) if value == int(value) else None


def flag_of(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def object_of(value: object) -> Mapping[str, Any]:
    """The object, or the one that a text spells in JSON; an empty one for anything else."""
    found = parsed(value) if isinstance(value, str) else value
    return found if isinstance(found, Mapping) else {}


def objects_of(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list, or in the list that a text spells in JSON."""
    found = parsed(value) if isinstance(value, str) else value
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def parsed(text: str) -> Any:
    """What a text spells in JSON, None where it spells nothing."""
    try:
        return json.loads(text, parse_int=whole_number) if text.lstrip()[:1] in ("{", "[", '"') else None
    except (ValueError, RecursionError):
        return None


def arguments_of(value: object) -> str:
    """A tool's arguments as the action of a call: text as it is, an object as JSON."""
    if isinstance(value, str):
        return value
    try:
        return "" if value is None else json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""


def whole_number(digits: str) -> int | float:
    """For json's `parse_int`: an int, or a float (infinite, too) for more digits than anything counts."""
    return int(digits) if len(digits) < 1000 else float(digits)  # Python refuses to read thousands
