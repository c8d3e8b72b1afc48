"""Damaged logs: every byte is accounted for, nothing is lost in silence, and undamaged rows survive."""

from __future__ import annotations

from bisect import bisect
from pathlib import Path

import pytest
from damaged import ENDS, HEAD, LINES, ROWS, WHOLE, Read, line

from featrouter.logs import LogError, Logs
from featrouter.logs.rows import LONGEST


def test_the_whole_file_is_good(tmp_path: Path) -> None:
    for content in (WHOLE, b"\xef\xbb\xbf" + WHOLE, WHOLE.replace(b"\n", b"\n\n", 1) + b"\r\n\n"):
        read = Read(tmp_path, content)
        assert not read.lost and not read.alien and not read.reasons
    crlf = b"".join(line[:-1] + end for line, end in zip(LINES, [b"\r\n", b"\r\r\n", b"\n"] * 20, strict=False))
    assert not Read(tmp_path, crlf).lost


def test_a_lost_quote_costs_its_own_row(tmp_path: Path) -> None:
    quotes = [place for place in range(ENDS[0], len(WHOLE)) if WHOLE[place : place + 1] == b'"']
    assert len(quotes) > 100
    for place in quotes:
        read = Read(tmp_path, WHOLE[:place] + WHOLE[place + 1 :])
        own = bisect(ENDS, place) - 1
        assert read.lost <= {own}, place
        assert read.reasons or not read.lost, place
        assert not read.alien, place


def test_a_file_cut_anywhere(tmp_path: Path) -> None:
    for end in range(ENDS[0], len(WHOLE), 37):
        read = Read(tmp_path, WHOLE[:end])
        whole = bisect(ENDS, end) - 1
        assert set(range(whole)) <= read.good, end
        if end != ENDS[whole]:  # a row that lacks its end is refused, or taken with a word of warning
            assert read.reasons or any("no line end" in warning for warning in read.account.warnings), end


@pytest.mark.parametrize("size", [1, 40, 300])
def test_nul_blocks(tmp_path: Path, size: int) -> None:
    for start in range(ENDS[0], len(WHOLE) - size, 7):
        read = Read(tmp_path, WHOLE[:start] + b"\0" * size + WHOLE[start + size :])
        hit = set(range(bisect(ENDS, start) - 1, bisect(ENDS, start + size)))  # with its line end a row loses the next
        assert read.lost and read.lost <= hit, start
        assert read.reasons and not read.alien, start


def test_a_header_in_the_middle(tmp_path: Path) -> None:
    for end in ENDS:
        for again in (LINES[0], b"\xef\xbb\xbf" + LINES[0]):
            read = Read(tmp_path, WHOLE[:end] + again + WHOLE[end:])
            assert read.reasons == ["header repeated"] and not read.lost
    swapped = line([*HEAD[:4], "observation", "action"])
    read = Read(tmp_path, WHOLE[: ENDS[20]] + swapped + WHOLE[ENDS[20] :])
    assert read.good == set(range(20)) and not read.alien
    assert read.reasons == ["another header, with other columns; split the file here"]
    torn = WHOLE[: ENDS[9] - 3] + b"\n" + swapped + WHOLE[ENDS[20] :]
    assert Read(tmp_path, torn).good <= set(range(9))


def test_latin_1_costs_its_rows(tmp_path: Path) -> None:
    bad = {k for k, row in enumerate(ROWS) if "é" in row}
    read = Read(tmp_path, WHOLE.replace("é".encode(), "é".encode("latin-1")))
    assert read.lost == bad and not read.alien
    assert set(read.reasons) == {"not UTF-8 (byte 0xe9); if it is latin-1, convert it to UTF-8"}


def test_replayed_and_contradicting_rows(tmp_path: Path) -> None:
    read = Read(tmp_path, WHOLE + b"".join(LINES[5:30]))
    assert read.account.duplicates == 25 and not read.lost and not read.reasons
    other = line([*ROWS[7][:5], "something else"])
    read = Read(tmp_path, WHOLE + other)
    lines_before = WHOLE[: ENDS[7]].count(b"\n")
    assert read.reasons == [f"contradicts turns.csv:{lines_before + 1}, which has the same key"]
    assert not read.lost and not read.alien
    (tmp_path / "zz.csv").write_bytes(
        line([*HEAD[:4], "observation", "action"]) + line([*ROWS[7][:4], *ROWS[7][:3:-1]])
    )
    logs = Logs([tmp_path / "zz.csv", tmp_path / "turns.csv"])
    assert [account.duplicates for account in logs.accounts] == [0, 1]


def test_tables_drop_replayed_and_refuse_contradicting_rows(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(b"run_id,task_id,y_weak\na,t,1\na,t,1\na,t,0\nrun_id,task_id,y_weak\nb,t,\n")
    logs = Logs([path])
    assert (logs.runs["a"].y_weak, logs.runs["b"].y_weak, logs.rejected, logs.accounts[0].duplicates) == (1, None, 2, 1)
    assert str(logs.accounts[0].rejects[0]) == "runs.csv:4 (byte 34) contradicts runs.csv:2, which has the same key"
    path.write_bytes(b"task_id,model,resolved\na,m,1\na,m,1\na,m,\n")
    logs = Logs([path])
    assert (logs.rejected, logs.accounts[0].duplicates, logs.outcomes["a", "m"].resolved) == (1, 1, 1)
    path.write_bytes(b"run_id,task_id\na,t\nrun_id,task_id\nb,t\n")
    logs = Logs([path])
    assert sorted(logs.runs) == ["a", "b"] and logs.accounts[0].rejects[0].reason == "header repeated"


@pytest.mark.parametrize(
    "column,values",
    {
        "y_weak": ["0.3", "2", "-1", "True", "yes", "1.0", " 1", "\uff11", "nan", "²", "01", "1" * 9999],
        "cost_weak_usd": ["-0.1", "nan", "inf", "1e999", "1_0", "$1", "\u0663", "0x1", "1,5"],
        "propensity": ["0", "-0.5", "1.01", "nan", "1e-999"],
        "route": ["strongest", "Weak", "0"],
        "takeover": ["yes"],
        "run_id": ["", "  "],
        "task_id": [""],
    }.items(),
)
def test_hostile_cells_of_runs(tmp_path: Path, column: str, values: list[str]) -> None:
    head = ["run_id", "task_id", "y_weak", "cost_weak_usd", "route", "propensity", "takeover"]
    good = ["r", "t", "0", "1e-3", "weak", "1", "handover"]
    rows = [[value if name == column else old for name, old in zip(head, good, strict=True)] for value in values]
    content = b"".join(map(line, [head, *rows, ["last", *good[1:]]]))
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    logs = Logs([path])
    assert list(logs.runs) == ["last"] and logs.rejected == len(values)
    for value, reject in zip(values, logs.accounts[0].rejects, strict=True):
        assert reject.column == column and reject.reason.startswith(repr(value)[:39]) and len(reject.reason) < 100


@pytest.mark.parametrize(
    "column,value", [("turn", "0"), ("turn", ""), ("turn", "1.0"), ("turn", "9" * 5000), ("call", "-1")]
)
@pytest.mark.parametrize("extra", [["exit_code", "is_error", "prompt_tokens", "latency_ms"]])
def test_hostile_cells_of_turns(tmp_path: Path, column: str, value: str, extra: list[str]) -> None:
    head = ["run_id", "turn", "call", "action", "observation", *extra]
    good = dict(zip(head, ["r", "1", "", "a", "b", "-9", "1", "3", ""], strict=True))
    bad = [{column: value}, {"exit_code": "x"}, {"is_error": "true"}, {"prompt_tokens": "-1"}, {"latency_ms": "nan"}]
    path = tmp_path / "turns.csv"
    path.write_bytes(
        b"".join([line(head), *(line(list((good | change).values())) for change in bad), line(list(good.values()))])
    )
    account = Logs([path]).accounts[0]
    assert account.good == 1 and [reject.column for reject in account.rejects] == [next(iter(change)) for change in bad]


@pytest.mark.parametrize("other", [0, 2])  # a row without quotes, and one with
def test_interleaved_writers(tmp_path: Path, other: int) -> None:
    """A second writer's row inside a row of the first survives where it stands on lines of its own.

    Without quotes, and with free text in the last column, it may also be a row that lost its last quote: refused then.
    """
    before, row, after = WHOLE[: ENDS[other]], LINES[other + 1], ENDS[other + 1]
    starts = [place for place in range(ENDS[8] + 1, len(WHOLE)) if WHOLE[place - 1 : place] == b"\n"]
    inside = [place for place in starts if place not in ENDS]
    assert len(inside) > 20
    for place in inside:
        read = Read(tmp_path, before + WHOLE[after:place] + row + WHOLE[place:])
        torn = bisect(ENDS, place) - 1
        assert torn in read.lost and read.lost <= {torn, other} and read.reasons and not read.alien, place
        assert other in read.good or b'"' not in row, place


def test_text_that_looks_like_rows_of_another_log_stays_text(tmp_path: Path) -> None:
    row = ["run0", "9", "cat log.csv", "t", "alice,1,a,b,c,d\nbob,2,a,b,c,d\n", "run0,x\nrun0,1,short\n"]
    read = Read(tmp_path, WHOLE + line(row))
    assert read.alien == [("run0", *row[2:])] and not read.lost and not read.reasons


def test_wrong_numbers_of_fields(tmp_path: Path) -> None:
    read = Read(tmp_path, WHOLE + b"run9,1,a,b,c\nrun9,2,a,b,c,d,e\n" + b"run9,3,a,b,c,d")
    assert read.reasons == ["5 fields where the header has 6"] and len(read.alien) == 1
    assert read.account.rejects[0].length == len(b"run9,1,a,b,c\nrun9,2,a,b,c,d,e\n")


def test_a_rejected_range_goes_on_to_the_next_row_that_holds(tmp_path: Path) -> None:
    read = Read(tmp_path, WHOLE + b"run9,1,a,b,c\nrun9,two,a,b,c,d\nrun9,3,a,b,c,d\n")
    assert read.reasons == ["5 fields where the header has 6"] and len(read.alien) == 1


@pytest.mark.parametrize("label,found", [("1", {"b", "z"}), ("", {"a", "z"})])
def test_a_labelled_run_inside_a_text_is_a_run(tmp_path: Path, label: str, found: set[str]) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(b'run_id,task_id,task,y_weak\na,t,"text\nb,u,x,%s\n",0\nz,t,x,1\n' % label.encode())
    logs = Logs([path])
    assert set(logs.runs) == found and logs.rejected == 2 * bool(label)


def test_a_record_without_end_takes_bounded_room(tmp_path: Path) -> None:
    read = Read(tmp_path, WHOLE + b'run9,1,a,b,c,"' + b"x" * (LONGEST + (3 << 20)) + b"\n" + b"run9,2,a,b,c,d\n")
    assert read.reasons == [f"no end of the record within {LONGEST >> 20} MiB: a quote was lost?"]
    assert read.alien == [("run9", "a", "b", "c", "d")] and not read.lost


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_the_size_of_the_window_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    damages = [
        WHOLE[:place] + byte + WHOLE[place + 3 :] for place in range(90, 1500, 97) for byte in (b'"', b"\n", b"\0")
    ]
    want = [Read(tmp_path, content) for content in damages]
    monkeypatch.setattr("featrouter.logs.sources.CHUNK", chunk)
    monkeypatch.setattr("featrouter.logs.rows.CHUNK", 500)
    for before, content in zip(want, damages, strict=True):
        read = Read(tmp_path, content)
        assert (read.account, read.good, read.alien) == (before.account, before.good, before.alien)


def test_a_record_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featrouter.logs.rows.LONGEST", 1 << 20)
    read = Read(tmp_path, WHOLE + line(["run9", "1", "a", "b", "c\n", "x" * (1 << 20)]) + b"run9,2,a,b,c,d\n")
    assert read.reasons == ["no end of the record within 1 MiB: a quote was lost?"] and not read.lost
    assert read.alien == [("run9", "a", "b", "c", "d")]


def test_rejects_are_counted_beyond_those_kept(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.csv"
    path.write_bytes(b"task_id,model,resolved\n" + b"t,m,maybe\n" * 1500)
    logs = Logs([path])
    assert logs.rejected == 1500 and len(logs.accounts[0].rejects) == 1000
    assert "outcomes.csv: and 1495 more rejected" in logs.summary()


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "turns.csv").write_bytes(WHOLE.replace(b"tool", b"turn", 1))
    with pytest.raises(LogError, match="'turn' stands twice"):
        Logs([tmp_path])
