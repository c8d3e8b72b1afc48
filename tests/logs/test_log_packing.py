"""Packed logs: gz, xz, bz2, zst and parquet give what the plain file gives, and say where they are damaged."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from featrouter.logs import LogError, Logs, Run
from featrouter.trajectory import Trajectory

TURNS = ["run_id", "turn", "call", "thought", "tool", "action", "observation", "cost_usd"]


def table(rows: list[list[Any]], **dialect: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue().encode()


def write(path: Path, rows: list[list[Any]]) -> Path:
    path.write_bytes(table(rows))
    return path


def accounted(logs: Logs) -> bool:
    return all(
        sum(account.spans.values()) == account.bytes
        and account.rows == account.good + account.duplicates + account.n_rejected
        for account in logs.accounts
    )


def by_id(logs: Logs) -> dict[str, Trajectory]:
    return {run.run_id: trajectory for run, trajectory in logs.trajectories()}


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "bz2": lambda plain: bz2.compress(plain, 1),  # small blocks, so that a cut one leaves others
}


def packer(kind: str) -> Callable[[bytes], bytes]:
    if kind == "zst":
        compressor: Any = pytest.importorskip("zstandard").ZstdCompressor(write_checksum=True)
        compress: Callable[[bytes], bytes] = compressor.compress
        return compress
    return PACKERS[kind]


def many(n: int) -> list[list[Any]]:
    rng = random.Random(7)
    words = ["ls", "a,b", 'say "x"', "line\nline", "é", "\r\n", "…"]

    def text() -> str:
        return " ".join(rng.choices(words, k=rng.randrange(1, 40)))

    return [[f"run{k // 8}", k % 8 + 1, 0, text(), "bash", text(), text(), rng.random()] for k in range(n)]


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "zst"])
def test_packed_files(tmp_path: Path, kind: str) -> None:
    pack, plain = packer(kind), table([TURNS, *many(400)])
    whole = tmp_path / "plain.csv"
    whole.write_bytes(plain)
    want = by_id(Logs([whole]))
    path = tmp_path / "named-like-nothing"  # two streams, one after the other
    path.write_bytes(pack(plain[:5000]) + pack(plain[5000:]))
    logs = Logs([path])
    assert by_id(logs) == want and logs.rejected == 0 and logs.accounts[0].bytes == len(plain)

    if kind != "zst":
        path.write_bytes(pack(plain[:5000]) + b"\0" * 600 + pack(plain[5000:]) + b"\0" * 20)
        logs = Logs([path])
        assert by_id(logs) == want and logs.rejected == 0

    packed = bytearray(pack(plain))
    path.write_bytes(packed + b"garbage")
    logs = Logs([path])
    assert by_id(logs) == want and logs.rejected == 1
    for place in range(20, len(packed), 97):  # a gz tells only at its end that something before was wrong
        flipped = bytearray(packed)
        flipped[place] ^= 255
        path.write_bytes(flipped)
        try:
            account = Logs([path]).accounts[0]
        except LogError:  # the header is gone
            continue
        assert "packed data" in account.rejects[-1].reason and sum(account.spans.values()) == account.bytes


@pytest.mark.parametrize("kind", ["gz", "xz", "bz2", "zst"])
def test_a_cut_packed_file_gives_what_precedes_the_cut(tmp_path: Path, kind: str) -> None:
    plain = table([TURNS, *many(3000)])
    path, whole = tmp_path / "turns.csv", tmp_path / "whole.csv"
    whole.write_bytes(plain)
    want = by_id(Logs([whole]))
    packed = packer(kind)(plain)
    path.write_bytes(packed[: len(packed) * 2 // 3])
    logs = Logs([path])
    assert all(turns.turns == want[run].turns[: len(turns)] for run, turns in by_id(logs).items())
    assert "ends too early" in logs.accounts[0].rejects[-1].reason and accounted(logs)
    assert logs.accounts[0].good > 1500


def test_the_last_row_of_a_cut_file_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "turns.csv.gz"
    path.write_bytes(gzip.compress(b"run_id,turn,action,observation,cost_usd\nr,1,a,b,0.5\nr,2,a,b,0.1")[:-8])
    account = Logs([path]).accounts[0]
    assert account.good == 1 and [reject.line for reject in account.rejects] == [3, 3]


@pytest.mark.parametrize("module,extra", [("zstandard", "zstd"), ("pyarrow", "parquet")])
def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    path = tmp_path / "turns.csv.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd rest" if extra == "zstd" else b"PAR1 rest")
    with pytest.raises(LogError, match=rf"pip install featrouter\[{extra}\]"):
        Logs([path])


def test_parquet(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = many(600)
    rows[500][1] = 0
    write(tmp_path / "plain.csv", [TURNS, *rows])
    columns = dict(zip(TURNS, map(list, zip(*rows, strict=True)), strict=True))
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    ids, labels = ["run0", "run1", "run2"], pyarrow.array([1.0, None, 0.3])
    parquet.write_table(pyarrow.table({"run_id": ids, "task_id": [7, 8, 9], "y_weak": labels}), tmp_path / "r.parquet")
    logs = Logs([tmp_path / "t.parquet", tmp_path / "r.parquet"])
    assert {k: t.turns for k, t in by_id(logs).items()} == {
        k: t.turns for k, t in by_id(Logs([tmp_path / "plain.csv"])).items()
    }
    assert logs.runs == {"run0": Run("run0", "7", y_weak=1), "run1": Run("run1", "8")}
    runs, turns = logs.accounts
    assert str(runs.rejects[0]) == "r.parquet:3 (row 2) y_weak: '0.3' is not 0, 1 or blank"
    assert (turns.bytes, turns.spans, turns.rejects[0].line) == (600, {"good": 599, "rejected": 1}, 501)
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(LogError, match="damaged parquet"):
        Logs([tmp_path / "t.parquet"])


def test_no_room_to_unpack_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    path = tmp_path / "turns.csv.gz"
    path.write_bytes(gzip.compress(table([TURNS, *many(4)])))
    monkeypatch.setattr("tempfile.TemporaryFile", Full)
    with pytest.raises(LogError, match="TMPDIR"):
        Logs([path])
