"""The public logs as they are learned from and judged: `python -m tests.public_logs ../shared/data ../logs`.

Writes mint without what tells the label, and links every other log. MINT's environment says whether an answer was right,
and how many steps are left: an agent that goes on after a wrong answer has failed so far. So the verdict and the count of
steps are taken out of the observations, and the turns after the first verdict are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

_VERDICT = "answer is wrong"
_STEPS = r"(?m)^You (?:have \d+ steps left|should take the last step)[^\n]*\n?"


def cleaned(turns: pd.DataFrame, runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """mint's turns up to the first verdict, and its runs with as many turns as are left."""
    number = turns["turn"].astype(int)
    verdict = turns["observation"].str.contains(_VERDICT, regex=False)
    first = number[verdict].groupby(turns.loc[verdict, "run_id"]).min()
    kept = turns[number <= turns["run_id"].map(first).fillna(number.max())].copy()
    kept["observation"] = kept["observation"].mask(verdict, "").str.replace(_STEPS, "", regex=True)
    left = kept["turn"].astype(int).groupby(kept["run_id"]).max()
    return kept, runs.assign(turns=runs["run_id"].map(left).astype(int))


def main(data: str, out: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(Path(data).resolve().glob("*.csv.xz")):
        link = folder / path.name
        link.unlink(missing_ok=True)
        if path.name not in ("mint.turns.csv.xz", "mint.runs.csv.xz"):
            link.symlink_to(path)
    logs = [
        pd.read_csv(Path(data) / f"mint.{form}.csv.xz", dtype=str, keep_default_na=False) for form in ("turns", "runs")
    ]
    for form, table in zip(("turns", "runs"), cleaned(*logs), strict=True):
        table.to_csv(folder / f"mint.{form}.csv.xz", index=False, lineterminator="\n")
        print(f"mint.{form}: {len(table)} rows")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
