"""Makes false bundles out of a good one, as damage does and as an attacker does."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

GOOD = (Path(__file__).parent / "samples" / "tiny.featrouter").read_bytes()

JUNK = [
    None,
    True,
    0,
    -1,
    3,
    2**31,
    2**63,
    10**25,
    0.5,
    -0.0,
    1e308,
    "",
    "inf",
    "-inf",
    "\ud800",
    [],
    {},
    [0],
    {"a": 1},
]
BYTES = [b"9", b"-", b'"', b",", b"]", b"1e5", b"\x00", b"true", b"1e999"]


def reseal(data: bytes) -> bytes:
    """What an attacker does: make the seal right again."""
    blank = re.sub(rb'\n"seal": "[0-9a-f]*"', b'\n"seal": ""', data, count=1)
    return blank.replace(b'\n"seal": ""', f'\n"seal": "{hashlib.sha256(blank).hexdigest()}"'.encode())


def forged(change: Callable[[dict[str, Any]], Any], good: bytes = GOOD) -> bytes:
    """A bundle whose content was changed, sealed again."""
    content = json.loads(good)
    change(content)
    lines = (f"{json.dumps(key)}: {json.dumps(content[key])}" for key in sorted(content))
    return reseal(("{\n" + ",\n".join(lines) + "\n}\n").encode())


def damaged(rng: random.Random, good: bytes = GOOD) -> bytes:
    """A bundle in which one to four stretches of bytes were changed, cut or doubled."""
    data = bytearray(good)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(data)), rng.randint(1, 300)
        kind = rng.randrange(4)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = data[at : at + length]
        else:
            data[at : at + 1] = rng.choice(BYTES)
        data = data or bytearray(b"{")
    return bytes(data)


def mutated(rng: random.Random, good: bytes = GOOD) -> bytes:
    """A bundle sealed again after its bytes were damaged, or after one to three values of its JSON were exchanged."""
    if rng.random() < 0.3:
        return reseal(damaged(rng, good))

    def change(content: Any) -> None:
        for _ in range(rng.randint(1, 3)):
            here: Any = content
            while True:
                key = rng.choice(list(here) if isinstance(here, dict) else range(len(here)))
                if isinstance(here[key], (dict, list)) and here[key] and rng.random() < 0.9:
                    here = here[key]
                    continue
                old, pick = here[key], rng.random()
                if pick < 0.15:
                    del here[key]
                elif pick < 0.5 and isinstance(old, (int, float)):
                    here[key] = old + rng.choice([1, -1, 0.5, 1e9]) if rng.random() < 0.7 else -old
                elif pick < 0.6 and isinstance(here, list):
                    here.insert(key, copy.deepcopy(old))
                else:
                    here[key] = copy.deepcopy(rng.choice(JUNK))
                break

    return forged(change, good)
