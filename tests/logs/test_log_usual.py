"""The fast path of reading turns gives what the strict path gives, whatever the bytes are."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from damaged import ENDS, HEAD, LINES, WHOLE
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from featrouter.logs import LogError, Logs
from featrouter.logs.forms import TURNS
from featrouter.logs.rows import Damage, pattern
from featrouter.logs.usual import UsualRecord, usual_rows

COLUMNS = [*TURNS.cells, "note"]
NUMBERS = [*"0 1 2 01 1.5 1e-05 1e3 -1 1_0 nan".split(), "", " 1", "9" * 15, "9" * 16, '"1"', '""']
TEXTS = [
    "",
    "r1",
    "é",
    "a\rb",
    '""',
    '"a,b"',
    '"x\ny"',
    '"say ""x"""',
    '"\nr1,1,0,a\n"',
    'lost"',
    '"lost',
    "\0",
    "\udce9",
    "run_id",
]
# Most cells are good ones, so that many lines are rows.
LINE = st.tuples(
    *(
        st.sampled_from([*["1"] * 150, *NUMBERS] if read is not str else ["a", "", '"b, ""c"""'] * 50 + TEXTS)
        for read in [*TURNS.cells.values(), str]
    )
).map(",".join)
DATA = (LINE | st.text(alphabet='r1,"\n\r\0é', max_size=40)).flatmap(
    lambda line: st.sampled_from(["\n", "\r\n", "\r\r\n", ""]).map(
        lambda end: (line + end).encode("utf-8", "surrogateescape")
    )
)


def strict(data: bytes) -> tuple[int, dict[str, Any]] | None:
    """The end of the row at the beginning of `data`, by the grammar and the readers of all columns, and its values."""
    match = pattern(COLUMNS, TURNS.cells).match(data)
    if not match or b"\0" in match[0]:
        return None
    try:
        match[0].decode()
        return match.end(), TURNS.reader(COLUMNS)(match.groups())
    except (UnicodeDecodeError, Damage):
        return None


@settings(max_examples=500, deadline=None)
@given(DATA)
@example(b"r1,1,0,a,b,c,d,,,,,,,,,,,\n")
@example(b'r1,1,,,bash,"say ""x""\n","a\n",-9,1,10,2.5,1e-05,7,noon,,,,\r\n')
def test_a_usual_row_is_a_row_of_the_strict_path(data: bytes) -> None:
    row, whole = usual_rows(COLUMNS)(data, 0), strict(data)
    if row:
        assert whole and row == (whole[0], {name: whole[1][name] for name in ("run_id", "turn", "call")})
    record = UsualRecord(COLUMNS, ("cost_usd", "absent", "run_id"))
    if match := record.match(data, 0):
        cells = pattern(COLUMNS, TURNS.cells).match(data)
        assert cells and match.end() == cells.end() and record.cells(match) == (cells[12], b"", cells[1])


def test_rows_as_programs_write_them_are_usual() -> None:
    rows = [["r1", 1, 0, "é", "bash", 'say "x"\n', "a,b", -9, 1, 10, 2.5, 1e-05, 7.0, "", "", "", "", ""]] * 2
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    data, read, at = text.getvalue().encode(), usual_rows(COLUMNS), 0
    while at < len(data):
        row = read(data, at)
        assert row and row[1] == {"run_id": "r1", "turn": 1, "call": 0}
        at = row[0]


def told(path: Path) -> Any:
    """All that a log tells, or that it is refused."""
    try:
        logs = Logs([path])
        return logs.accounts, logs.summary(), logs.lengths(), list(logs.trajectories())
    except LogError as error:
        return str(error)


EDITS = st.lists(
    st.tuples(
        st.integers(ENDS[0], len(WHOLE)),
        st.sampled_from([0, 1, 3, 40]),
        st.sampled_from(
            [b"", b'"', b"\n", b"\r\n", b"\0", b"\xe9", b",", *LINES[:9], LINES[12][:-4], b'x\n"run1",2,"']
        ),
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS, st.sampled_from([HEAD, ["run_id", "turn", "call", *HEAD[3:]], ["run_id", "turn", "cost_usd", *HEAD[3:]]]))
def test_a_damaged_log_reads_as_without_the_fast_path(
    tmp_path: Path, edits: list[tuple[int, int, bytes]], head: list[str]
) -> None:
    content = WHOLE.replace(LINES[0], ",".join(head).encode() + b"\n")
    for at, length, new in edits:
        content = content[:at] + new + content[at + length :]
    path = tmp_path / "turns.csv"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("featrouter.logs.source.usual_rows", lambda columns: None)
        patch.setattr(UsualRecord, "__init__", lambda self, *_: setattr(self, "match", lambda data, at: None))
        want = told(path)
    assert told(path) == want


def test_a_changed_file_is_an_error_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "turns.csv"
    row = b"r,1,a,ok\n"
    for other in (b"r,2,a,ok\n", b"r,x,a,ok\n", b"r,1,\xff,ok\n", b'r,1,"\xff"k\n', b"r,1"):
        path.write_bytes(b"run_id,turn,action,observation\n" + row)
        logs = Logs([path])
        path.write_bytes(b"run_id,turn,action,observation\n" + other)
        with pytest.raises(LogError, match="changed while it was being read"):
            list(logs.trajectories())


def test_a_cell_of_quotes_alone_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "turns.csv"
    for pairs in (1, 2, 40_000, 500_000):
        path.write_bytes(b'run_id,turn,action,observation\nr,1,a,"' + b'""' * pairs + b'"\n')
        ((_, trajectory),) = Logs([path]).trajectories()
        assert trajectory.turns[0].observation == '"' * pairs
