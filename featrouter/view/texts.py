"""What a run says, made fit to be looked at: cut where it is long, and without characters that do instead of being read."""

from __future__ import annotations

import re

# Control characters but tab and newline; those that turn the direction of writing; lone surrogates.
_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str, longest: int = 0) -> str:
    """The text as it may be shown, its middle left out (and counted) where it is longer than `longest`; 0 is no bound."""
    if 0 < longest < len(text):
        head, tail = longest * 2 // 3, longest // 3
        left_out = f"\n[… {len(text) - head - tail:,} characters left out; --whole keeps them …]\n"
        text = text[:head] + left_out + text[len(text) - tail :]
    return _UNSEEN.sub(_told, text.replace("\r\n", "\n"))


def line(text: str, longest: int) -> str:
    """The beginning of a text on one line."""
    first = " ".join(text[: 4 * longest].split())
    return visible(first if len(first) <= longest else first[: longest - 1] + "…")


def _told(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"
