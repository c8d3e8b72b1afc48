"""What became of the rows of a file or partition, as plain data that a manifest keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from featrouter.logs import Account

#: Rejected rows of a file that are named; all are counted.
_NAMED = 100
_SHOWN = 5


def tally(account: Account, *, moved: bool = False) -> dict[str, Any]:
    """The totals of an account, its first rejects and its warnings. Rows that were `moved` are counted where they were."""
    return {
        "file": account.file,
        "form": account.form,
        "rows": 0 if moved else account.rows + account.elsewhere,
        "rejected": account.n_rejected,
        "duplicates": account.duplicates,
        "rejects": [str(reject) for reject in account.rejects[:_NAMED]],
        "warnings": [f"{account.file}: {warning}" for warning in account.warnings],
    }


def summed(tallies: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Their totals."""
    found: dict[str, Any] = {"rows": 0, "rejected": 0, "duplicates": 0, "rejects": [], "warnings": []}
    for one in tallies:
        for name in found:
            found[name] += one[name]
    return found


def lines(total: Mapping[str, Any]) -> Iterator[str]:
    """Totals for people: counts, then the first of what was refused and what is odd."""
    yield f"{total['rows']} rows read, {total['rejected']} rejected, {total['duplicates']} duplicates"
    for name in ("rejects", "warnings"):
        yield from total[name][:_SHOWN]
        if len(total[name]) > _SHOWN:
            yield f"and {len(total[name]) - _SHOWN} more such; the manifest names them"
