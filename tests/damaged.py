"""A log of which every row is known again, to be damaged, and what is made of it then."""

from __future__ import annotations

import csv
import io
from itertools import accumulate
from pathlib import Path
from typing import Any

from featrouter.logs import Logs

HEAD = ["run_id", "turn", "thought", "tool", "action", "observation"]
TEXTS = ["plain", 'say "x", y', "two\nlines", "\nprint(1)", '"', ",", "a,1,b\n", '{"k": "v"}', "", "é", "end\n", "x,y"]
# The tool names the row, so that a row is known again wherever it is found; every text meets every column.
ROWS = [
    [f"run{k // 4}", str(k % 4 + 1), TEXTS[k % 12], f"tool{k}", TEXTS[k * 5 % 12], TEXTS[(k * 7 + k // 12) % 12]]
    for k in range(36)
]


def line(row: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue().encode()


LINES = [line(row) for row in [HEAD, *ROWS]]
ENDS = list(accumulate(map(len, LINES)))  # of the header and each row; row k is the bytes ENDS[k] to ENDS[k + 1]
WHOLE = b"".join(LINES)


class Read:
    """What Logs makes of `content`: the numbers of ROWS that are good, rows that were never written, the account."""

    def __init__(self, folder: Path, content: bytes) -> None:
        path = folder / "turns.csv"
        path.write_bytes(content)
        self.logs = Logs([path])
        self.account = self.logs.accounts[0]
        rows = [
            (run.run_id, turn.thought, call.tool, call.action, call.observation)
            for run, turns in self.logs.trajectories()
            for turn in turns
            for call in turn.each_call()
        ]
        number = {(row[0], *row[2:]): k for k, row in enumerate(ROWS)}
        self.good = {number[row] for row in rows if row in number}
        self.alien = [row for row in rows if row not in number]
        self.lost = set(range(len(ROWS))) - self.good
        self.reasons = [reject.reason for reject in self.account.rejects]
        assert self.account.bytes == len(content) == sum(self.account.spans.values())
        assert self.account.rows == self.account.good + self.account.duplicates + self.account.n_rejected
        assert sum(reject.length for reject in self.account.rejects) == self.account.spans.get("rejected", 0)
        for reject in self.account.rejects:
            assert reject.line == content[: reject.offset].count(b"\n") + 1
            assert str(reject).startswith(f"turns.csv:{reject.line} (byte {reject.offset})")
