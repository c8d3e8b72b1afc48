"""A page in one file: no network, and no script or style but its own, which the page itself forbids."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_HERE = Path(__file__).parent


def render(template: str, *, served: bool = False, **names: Any) -> Iterator[str]:
    """A page from a template beside its own code (`report/report.html`), in pieces.

    The template extends page.html, and finds its style in `style` and in NAME.css, its script in NAME.js. `served`: the
    page may ask the server that it came from.
    """
    room, _, name = template.rpartition("/")
    base = _HERE.parent / room / name.removesuffix(".html")
    style, script = _style() + _text(base.with_suffix(".css")), _text(base.with_suffix(".js"))
    asked = "'self'" if served else "'none'"
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        f"connect-src {asked}; base-uri 'none'; form-action 'none'"
    )
    known = {"policy": policy, "style": Markup(style), "script": Markup(script)}
    return _environment().get_template(template).generate(**known, **names)


def data(name: str, value: Any) -> Markup:
    """A value that the page's script may read by this name: JSON that no HTML can be hidden in."""
    told = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    # A lone surrogate has no bytes to be written as.
    told = told.encode("utf-8", "replace").decode()
    return Markup('<script type="application/json" id="{}">{}</script>').format(name, Markup(told))


@lru_cache(maxsize=1)
def _environment() -> Environment:
    loader = FileSystemLoader([_HERE, _HERE.parent])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _style() -> str:
    return _text(_HERE / "style.css")


def _hash(text: str) -> str:
    """How a policy names the one script or style that it allows."""
    if not text:
        return "'none'"
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
