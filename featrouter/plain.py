"""JSON from strangers: read strictly, checked by path, written so that a diff is readable. Errors are ValueError."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

#: Beyond it a JSON integer does not survive readers that take numbers as doubles.
MAX_INTEGER = 2**53
MAX_DEPTH = 16
_INFINITIES = {"inf": math.inf, "-inf": -math.inf}


def parse(data: bytes) -> dict[str, Any]:
    """One JSON object in UTF-8, without repeated keys, NaN or Infinity."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("not read: nested too deep") from None
    except ValueError as error:
        raise ValueError(f"not valid JSON: {error}") from None
    return typed(value, dict, "the file")


def lines(value: Any, depth: int, indent: str = "") -> str:
    """JSON text with sorted keys and, for objects down to `depth`, a line a key; outermost keys start their line."""
    if not isinstance(value, dict) or not value or not depth:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    items = (
        f"{indent}{json.dumps(k, ensure_ascii=False)}: {lines(value[k], depth - 1, indent + ' ')}"
        for k in sorted(value)
    )
    return "{\n" + ",\n".join(items) + f"\n{indent[1:]}}}"


def typed(value: Any, kind: type[T], where: str) -> T:
    """`value`, if it is of the kind; True is no integer."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where}: {value!r:.60} is {type(value).__name__}, want {kind.__name__}")
    return value


def keys(value: Any, where: str, wanted: Collection[str]) -> dict[str, Any]:
    """`value`, if it is an object with exactly the wanted keys."""
    found = typed(value, dict, where)
    if missing := sorted(set(wanted) - found.keys()):
        raise ValueError(f"{where}: key {missing[0]!r} is missing")
    if unknown := [key for key in found if key not in wanted]:
        raise ValueError(f"{where}: unknown key {unknown[0]!r:.60}")
    return found


def number(value: Any, where: str, low: float = -math.inf) -> float:
    """`value`, if it is a finite number of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        # ValueError: it is a file's content that is wrong, not a caller's argument
        raise ValueError(f"{where}: {value!r:.60} is {type(value).__name__}, want a number")
    if (isinstance(value, int) and abs(value) > MAX_INTEGER) or not math.isfinite(value):
        raise ValueError(f"{where}: a number that is not finite or beyond 2**53")
    if value < low:
        raise ValueError(f"{where}: {value} is below {low}")
    return value


def text(value: Any, where: str) -> str:
    """`value`, if it is a printable name: 1 to 200 characters, no control characters, no lone surrogates."""
    if not 1 <= len(typed(value, str, where)) <= 200 or not value.isprintable():
        raise ValueError(f"{where}: {value!r:.60} is not a name of 1 to 200 printable characters")
    return str(value)


def shown(name: str) -> str:
    """A stranger's name as an error message may hold it: cut, and escaped where it could not be printed."""
    return (name if name.isprintable() else ascii(name))[:60]


def free(value: Any, where: str, depth: int = 0) -> None:
    """Refuse what JSON cannot carry there and back: other types, non-finite numbers, lone surrogates, deep nesting."""
    if depth > MAX_DEPTH:
        raise ValueError(f"{where}: nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for key, item in value.items():
            free(typed(key, str, f"{where}, a key"), f"{where}, a key")
            free(item, f"{where}.{key:.60}", depth + 1)
    elif isinstance(value, (list, tuple)):
        kinds = set(map(type, value))
        if kinds <= {int, float}:  # a stranger's list may be long: one look at all of it
            _items(list(value), where, int, float)
        elif kinds != {str} or _surrogate("".join(value)):
            for index, item in enumerate(value):
                free(item, f"{where}[{index}]", depth + 1)
    elif isinstance(value, str):
        if _surrogate(value):
            raise ValueError(f"{where}: a lone surrogate, not text")
    elif value is not None and not isinstance(value, bool):
        number(value, where)


def _surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def integers(value: Any, where: str) -> NDArray[np.int64]:
    """An array of JSON integers."""
    return np.array(_items(value, where, int), np.int64)


def booleans(value: Any, where: str) -> NDArray[np.bool_]:
    """An array of JSON booleans."""
    return np.array(_items(value, where, bool), np.bool_)


def floats(value: Any, where: str) -> NDArray[np.float64]:
    """An array of finite JSON numbers, with the strings "inf" and "-inf" for the infinities."""
    items = _items(value, where, float, int, str)
    return np.array([_INFINITIES.get(item, item) if type(item) is str else item for item in items], np.float64)


def listed(array: Iterable[float]) -> list[float | str]:
    """The inverse of `floats`."""
    return [v if math.isfinite(v) else str(v) for v in array]


def _items(value: Any, where: str, *kinds: type) -> list[Any]:
    items: list[Any] = typed(value, list, where)
    # Only a list in which something may be wrong is looked through item by item.
    found = set(map(type, items))
    numbers = items if str not in found else [item for item in items if type(item) is not str]
    words = () if numbers is items else {item for item in items if type(item) is str}
    known = found <= set(kinds) and _INFINITIES.keys() >= set(words)
    # NaN hides from a maximum, but not from a sum.
    if known and max(map(abs, numbers), default=0) <= MAX_INTEGER and math.isfinite(sum(numbers)):
        return items
    for index, item in enumerate(items):
        if type(item) not in kinds or (type(item) is str and item not in _INFINITIES):
            wanted = " or ".join(kind.__name__ for kind in kinds if kind is not str)
            raise ValueError(f"{where}[{index}]: {item!r:.60} is {type(item).__name__}, want {wanted}")
        if (type(item) is int and abs(item) > MAX_INTEGER) or (type(item) is float and not math.isfinite(item)):
            raise ValueError(f"{where}[{index}]: a number that is not finite or beyond 2**53")
    return items


def _unique(pairs: Iterable[tuple[str, Any]]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r:.60} stands twice in one object")
        found[key] = value
    return found


def _refuse_constant(token: str) -> NoReturn:
    raise ValueError(f"{token} is no JSON number")
