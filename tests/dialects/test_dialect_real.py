"""Public runs, where they are at hand: nearly every call is understood."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from featrouter.dialects import operations, primary
from featrouter.trajectory import KINDS, Call

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SETS = sorted(DATA.glob("*.turns.csv.xz"))
CALLS = 3000


def sample(path: Path) -> list[Call]:
    pandas = pytest.importorskip("pandas")
    columns = ["action", "observation", "tool"]
    rows = pandas.read_csv(path, usecols=columns, dtype=str, keep_default_na=False)[columns]
    rows = rows.sample(min(CALLS, len(rows)), random_state=0)
    return [Call(*row) for row in rows.itertuples(index=False, name=None)]


@pytest.mark.skipif(not SETS, reason="the public runs are not in the repository")
@pytest.mark.parametrize("path", SETS, ids=lambda path: path.name.partition(".")[0])
def test_calls_are_understood(path: Path) -> None:
    calls = sample(path)
    kinds = Counter(primary(operations(call)).kind for call in calls)
    shares = "  ".join(f"{kind} {100 * kinds[kind] / len(calls):.1f}" for kind in KINDS)
    print(f"\n{path.name.partition('.')[0]:22} {shares}")
    assert kinds["other"] < 0.02 * len(calls)
    assert len(kinds) > 2
