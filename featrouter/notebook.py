"""What a notebook shows of an object: small tables in HTML, everything a stranger named escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

#: A cell and a table are cut here: what is free-form in a bundle may be of any size.
MOST_CHARACTERS, MOST_ROWS = 300, 40


def table(caption: str, rows: Iterable[Sequence[object]], header: Sequence[str] = ()) -> str:
    """A table whose first column names the rows; empty without rows. No colours: those of the notebook hold."""
    told = list(rows)
    if not told:
        return ""
    head = "".join(f'<th scope="col" style="text-align:left">{text(name)}</th>' for name in header)
    body = "".join(f"<tr>{_row(row)}</tr>" for row in told[:MOST_ROWS])
    more = (
        f'<tr><td colspan="{len(told[0])}">and {len(told) - MOST_ROWS} more</td></tr>' if len(told) > MOST_ROWS else ""
    )
    top = f"<thead><tr>{head}</tr></thead>" if head else ""
    name = f'<caption style="text-align:left">{text(caption)}</caption>'
    return f"<table>{name}{top}<tbody>{body}{more}</tbody></table>"


def paragraph(words: object) -> str:
    return f"<p>{text(words)}</p>"


def text(value: object) -> str:
    """Anything as text that HTML shows and does not obey."""
    told = str(value)
    told = told if len(told) <= MOST_CHARACTERS else f"{told[:MOST_CHARACTERS]}…"
    return escape(told.encode("utf-8", "replace").decode())


def _row(row: Sequence[object]) -> str:
    first, *rest = row
    cells = "".join(f'<td style="text-align:left">{text(cell)}</td>' for cell in rest)
    return f'<th scope="row" style="text-align:left">{text(first)}</th>{cells}'
