"""Logs of any size, simulated: runs drawn from the recorded ones of this repository, under names of their own."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

RECORDED = Path(__file__).parents[2] / "data" / "recorded"


def recorded(name: str) -> list[dict[str, str]]:
    with open(RECORDED / f"{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def simulate(
    folder: Path, turns: int, *, files: int = 8, form: str = "csv", spread: float = 0.0, pad: int = 0, seed: int = 0
) -> int:
    """Writes turns-*, runs-* and one outcomes file with at least so many turns; how many they are.

    `spread`: the share of runs whose turns lie in two neighbouring files. `pad`: characters that every observation gets
    more. Every fifth label is left to the outcomes.
    """
    rng = np.random.default_rng(seed)
    by_run: dict[str, list[dict[str, str]]] = {}
    for row in recorded("turns"):
        by_run.setdefault(row["run_id"], []).append(row)
    known = [row for row in recorded("runs") if row["run_id"] in by_run]
    parts: list[list[dict[str, str]]] = [[] for _ in range(files)]
    tables: list[list[dict[str, str]]] = [[] for _ in range(files)]
    outcomes: list[dict[str, Any]] = []
    strong = recorded("outcomes")[0]["model"]
    written = number = 0
    writers = [_Writer(folder, "turns", part, form) for part in range(files)]
    while written < turns:
        drawn = known[rng.integers(len(known))]
        rows = by_run[drawn["run_id"]]
        name, task = f"run-{number:08}", f"task-{number // 2:08}"
        at = number % files
        cut = int(rng.integers(1, len(rows))) if len(rows) > 1 and rng.random() < spread else len(rows)
        for place, row in enumerate(rows):
            more = {"observation": row["observation"] + "x" * pad} if pad else {}
            parts[at if place < cut else (at + 1) % files].append(row | {"run_id": name} | more)
        label = {} if number % 5 else {"y_weak": ""}
        tables[at].append(drawn | {"run_id": name, "task_id": task} | label)
        if number % 2 == 0:
            solved = {"task_id": task, "cost_usd": round(float(rng.uniform(0.05, 0.2)), 4)}
            outcomes.append(solved | {"model": strong, "resolved": int(rng.random() < 0.6)})
        if number % 10 == 0:
            outcomes.append(
                {"task_id": task, "model": drawn["weak_model"], "resolved": number // 10 % 2, "cost_usd": 0.01}
            )
        written, number = written + len(rows), number + 1
        if number % 256 == 0:
            for writer, part in zip(writers, parts, strict=True):
                writer.write(part)
                part.clear()
    for writer, part in zip(writers, parts, strict=True):
        writer.write(part)
        writer.close()
    for at, table in enumerate(tables):
        whole = _Writer(folder, "runs", at, form)
        whole.write(table)
        whole.close()
    with open(folder / "outcomes.csv", "w", newline="", encoding="utf-8") as file:
        rows_of = csv.DictWriter(file, ["task_id", "model", "resolved", "cost_usd"])
        rows_of.writeheader()
        rows_of.writerows(outcomes)
    return written


class _Writer:
    """One file of a log, CSV or parquet, written piece by piece."""

    def __init__(self, folder: Path, name: str, number: int, form: str) -> None:
        self._path = folder / f"{name}-{number:04}.{form}"
        self._parquet = form == "parquet"
        self._file: Any = None

    def write(self, rows: list[dict[str, str]]) -> None:
        if not rows:
            return
        if self._parquet:
            import pyarrow as pa
            from pyarrow import parquet

            table = pa.table({column: [row[column] for row in rows] for column in rows[0]})
            self._file = self._file or parquet.ParquetWriter(self._path, table.schema)
            self._file.write_table(table)
            return
        if self._file is None:
            self._file = open(self._path, "w", newline="", encoding="utf-8")  # noqa: SIM115
            self._rows = csv.DictWriter(self._file, list(rows[0]))
            self._rows.writeheader()
        self._rows.writerows(rows)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def files_of(folder: Path, form: str = "csv") -> list[str]:
    """Globs of a simulated log, as one would give them to featrouter."""
    return [str(folder / f"turns-*.{form}"), str(folder / f"runs-*.{form}"), str(folder / "outcomes.csv")]


def runs_of(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("runs-*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            yield from (row["run_id"] for row in csv.DictReader(file))
