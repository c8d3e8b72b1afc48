"""Logs in whatever state: every byte accounted for, nothing lost in silence, in little memory, and while they are written."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import re
import subprocess
import sys
import threading
import time
from bisect import bisect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from clock import assert_grows_in_proportion, assert_takes_at_most
from damaged import ENDS, HEAD, LINES, ROWS, WHOLE, Read, line
from guard import times

from featrouter.cli import main
from featrouter.logs import LogError, Logs
from featrouter.logs.writing import TURNS, append, turn_rows
from featrouter.trajectory import Turn

HERE = Path(__file__).parent


def inside(row: int, mark: bytes, after: int = 0) -> int:
    """Where a mark stands in a row."""
    return WHOLE.index(mark, ENDS[row] + after, ENDS[row + 1])


def without(at: int, length: int = 1) -> bytes:
    return WHOLE[:at] + WHOLE[at + length :]


def put(at: int, what: bytes, length: int = 0) -> bytes:
    return WHOLE[:at] + what + WHOLE[at + length :]


QUOTED = next(row for row in range(9, 36) if b'"' in LINES[row + 1])
BARE = next(row for row in range(36) if b'"' not in LINES[row + 1])
SWAPPED = line([*HEAD[:4], "observation", "action"])

#: Content, the rows that may be lost by it, and what is said of it; None where nothing is lost and nothing said.
DAMAGES: dict[str, tuple[bytes, set[int], str | None]] = {
    "cut inside a quoted field": (WHOLE[: inside(QUOTED, b'"') + 2], set(range(QUOTED, 36)), "quote"),
    "cut inside a bare row": (WHOLE + b"run9,1,a,b", set(), "cut"),
    "cut before the last line end": (WHOLE[:-1], set(), "no line end"),
    "an opening quote lost": (without(inside(QUOTED, b'"')), {QUOTED}, "quote"),
    "a closing quote lost": (without(WHOLE.rindex(b'"', ENDS[QUOTED], ENDS[QUOTED + 1])), {QUOTED}, "quote|fields"),
    "a quote too many": (put(inside(QUOTED, b'"') + 1, b'"'), {QUOTED}, "quote|fields"),
    "a writer's row inside another's field": (put(inside(QUOTED, b'"') + 2, LINES[BARE + 1]), {QUOTED, BARE}, "quote|fields|key"),
    "two writers in one line": (put(ENDS[BARE] + 5, LINES[3][:-1]), {BARE, 2}, "fields|quote|key|whole number"),
    "a NUL block inside a row": (put(ENDS[BARE] + 3, b"\0" * 4, 4), {BARE}, "NUL"),
    "a NUL block over several rows": (put(ENDS[10] + 3, b"\0" * 400, 400), set(range(10, bisect(ENDS, ENDS[10] + 403))), "NUL"),
    "NULs where the disk was full": (WHOLE + b"\0" * 4096, set(), "NUL"),
    "a header in the middle": (put(ENDS[12], LINES[0]), set(), "header repeated"),
    "a header of other columns in the middle": (put(ENDS[30], SWAPPED), set(range(30, 36)), "another header"),
    "a byte order mark in the middle": (put(ENDS[12], b"\xef\xbb\xbf" + LINES[0]), set(), "header repeated"),
    "latin-1": (WHOLE.replace("é".encode(), b"\xe9"), {k for k, row in enumerate(ROWS) if "é" in row}, "latin-1"),
    "half a character": (WHOLE.replace("é".encode(), b"\xc3"), {k for k, row in enumerate(ROWS) if "é" in row}, "not UTF-8"),
    "surrogates written as if they were text": (put(ENDS[BARE + 1] - 1, b"\xed\xa0\x80"), {BARE}, "not UTF-8"),
    "rows replayed": (WHOLE + WHOLE[ENDS[3] : ENDS[9]], set(), None),
    "a row replayed with another answer": (WHOLE + line([*ROWS[7][:5], "else"]), set(), "contradicts"),
    "a field too few": (WHOLE + b"run9,1,a,b,c\n", set(), "5 fields where the header has 6"),
    "a field too many": (WHOLE + b"run9,1,a,b,c,d,e\n", set(), "7 fields where the header has 6"),
    "semicolons": (WHOLE + b"run9;1;a;b;c;d\n", set(), "1 fields where the header has 6"),
    "a number that is none": (WHOLE + b"run9,one,a,b,c,d\n" + b"run9,1e3,a,b,c,d\n", set(), "'one'"),
    "a number of 5,000 digits": (WHOLE + b"run9," + b"9" * 5000 + b",a,b,c,d\n", set(), "9999"),
    "another program's lines": (put(ENDS[20], b"WARNING: rate limited\n"), set(), "fields"),
    "merge conflict marks": (put(ENDS[20], b"<<<<<<< ours\n" + LINES[21] + b"=======\n", 0), set(), "fields|<<<"),
    "line ends of Windows": (b"".join(row[:-1] + b"\r\n" for row in LINES), set(), None),
    "line ends of both kinds": (b"".join(row[:-1] + (b"\r\n", b"\n")[k % 2] for k, row in enumerate(LINES)), set(), None),
    "separators that are no line ends": (WHOLE + line(["run9", "1", "a", "b", "c", "d\u2028e\x0bf\x85"]), set(), None),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_costs_its_own_rows_and_is_told(name: str, tmp_path: Path) -> None:
    content, may_lose, words = DAMAGES[name]
    read = Read(tmp_path, content)  # which checks that bytes, rows, lines and offsets add up
    assert read.lost <= may_lose
    told = "\n".join([*read.reasons, *read.account.warnings])
    assert not read.lost or read.reasons
    if words is None:
        assert not read.reasons and not any("line end" in warning for warning in read.account.warnings)
    else:
        assert re.search(words, told), told
    # What is taken and was never written so is of a row that was hit, and beside what was refused.
    hit = {ROWS[row][3] for row in may_lose} if read.reasons else set()
    assert all(row[0] == "run9" or row[2] in hit for row in read.alien)
    done = CliRunner().invoke(main, ["extract", str(tmp_path / "turns.csv"), "-o", str(tmp_path / "features.csv")])
    assert done.exit_code == (3 if read.logs.rejected else 0), done.output
    for reject in read.account.rejects[:5]:
        assert f"turns.csv:{reject.line} (byte {reject.offset})" in done.stderr


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "a column twice": ("turns.csv", WHOLE.replace(b"tool", b"turn", 1), "'turn' stands twice"),
    "no header": ("turns.csv", b"".join(LINES[1:]), "header|columns"),
    "UTF-16": ("turns.csv", WHOLE.decode().encode("utf-16"), "UTF-16"),
    "nothing": ("turns.csv", b"", "empty"),
    "NULs alone": ("turns.csv", b"\0" * 4096, "binary"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_log_is_refused_by_name(name: str, tmp_path: Path) -> None:
    file, content, words = REFUSED[name]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(LogError, match=words) as caught:
        Logs([tmp_path / file])
    assert file in str(caught.value)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gz", "xz"])
def test_a_packed_file_cut_or_damaged_says_so(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / f"turns.csv.{'gz' if pack is gzip.compress else 'xz'}"
    packed = pack(WHOLE * 1)
    for content in (packed[: len(packed) // 2], packed[:-6], packed[:200] + bytes([packed[200] ^ 255]) + packed[201:]):
        path.write_bytes(content)
        try:
            logs = Logs([path])
        except LogError as error:
            assert path.name in str(error)
        else:
            assert logs.rejected and "what " in "\n".join(logs.summary())


LABELS = [
    "0.3",
    "2",
    "-1",
    "True",
    "yes",
    "1.0",
    " 1",
    "nan",
    "²",
    "\uff11",
    "01",
    "1e0",
    "None",
    "null",
    "0x1",
    "TRUE",
    "-0",
]


@pytest.mark.parametrize("column", ["y_weak", "y_strong"])
def test_a_label_is_0_1_or_blank(column: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    good = [["a", "t", "0"], ["b", "t", "1"], ["c", "t", ""]]
    path.write_bytes(b"".join(map(line, [["run_id", "task_id", column], *good, *(["r" + v, "t", v] for v in LABELS)])))
    logs = Logs([path])
    assert [getattr(run, column) for run in logs.runs.values()] == [0, 1, None]
    assert [(reject.line, reject.column) for reject in logs.accounts[0].rejects] == [
        (n + 5, column) for n in range(len(LABELS))
    ]


MEMORY = r"""
import json, sys, time
from pathlib import Path
from featrouter.logs import Logs
path, size = Path(sys.argv[1]), int(sys.argv[2])
text = '"' + "\n".join(f'File ""/w/m{i}.py"", line {i}, in f' for i in range(60)) + '"'
block = "".join(f"RUN-{run},{turn},I look on,cat m{turn}.py,{text}\n" for run in range(20) for turn in range(1, 21))
with open(path, "w") as file:
    file.write("run_id,turn,thought,action,observation\n")
    for number in range(size // len(block) + 1):
        file.write(block.replace("RUN", str(number)))
started = time.perf_counter()
logs = Logs([path])
assert logs.rejected == 0 and logs.accounts[0].bytes == path.stat().st_size
runs = turns = 0
for run, trajectory in logs.trajectories():
    runs, turns = runs + 1, turns + len(trajectory)
assert (runs, turns) == ((number + 1) * 20, (number + 1) * 400)
used = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
print(json.dumps({"read_MB": path.stat().st_size / 1e6, "peak_MB": used / 1e6, "seconds": time.perf_counter() - started}))
"""


@times(30_000_000, 1_000_000_000)
def test_a_gigabyte_is_read_in_little_memory(
    n: int, tmp_path: Path, child: Callable[..., Any], tally: Callable[..., None]
) -> None:
    path = tmp_path / "turns.csv"
    done = child(MEMORY, path, n)
    path.unlink()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["read_MB"] >= n / 1e6 and told["peak_MB"] < 200
    tally(**told)


def test_a_log_is_read_while_it_is_written(tmp_path: Path) -> None:
    stop = threading.Event()
    written = [0]

    def write() -> None:
        while not stop.is_set():
            run = f"r{written[0]}"
            append(tmp_path / "turns.csv", TURNS, turn_rows(run, [Turn("look", "cat a.py", '"x"\n' * 200)] * 3))
            written[0] += 1
            time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = []
        while len(seen) < 20 or seen[-1] == seen[0]:
            before = written[0]
            if not before:
                continue
            logs = Logs([tmp_path])
            account = logs.accounts[0]
            assert account.bytes == sum(account.spans.values())
            assert logs.rejected <= 1 and all(
                "cut" in str(one) or "never closed" in str(one) for one in account.rejects
            )
            whole = [run.run_id for run, trajectory in logs.trajectories() if len(trajectory) == 3]
            assert len(whole) >= before  # all that was there when reading began
            seen.append(len(whole))
    finally:
        stop.set()
        writer.join()
    assert seen[-1] > seen[0]


def test_a_torn_row_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "turns.csv"
    for cut in (1, 2, 9, 30):
        append(path, TURNS, turn_rows("a", [Turn("one", "ls", 'x "y"\n' * 3)]))
        path.write_bytes(path.read_bytes()[:-cut])
        append(path, TURNS, turn_rows("b", [Turn("two", "ls", "b")]))
        logs = Logs([path])
        assert {run.run_id for run, _ in logs.trajectories()} >= {"b"} and logs.rejected <= 1
        assert logs.rejected or cut == 1
        path.unlink()


def test_a_full_disk_is_an_error_and_costs_no_other_row(tmp_path: Path, child: Callable[..., Any]) -> None:
    """The limit on a file's size stands for the disk's: the write takes a part, then fails."""
    code = """
import resource, signal, sys
from featrouter.logs.writing import TURNS, append, turn_rows
from featrouter.trajectory import Turn
path = sys.argv[1]
append(path, TURNS, turn_rows("a", [Turn("one")]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))
try:
    append(path, TURNS, turn_rows("b", [Turn("two", "cat", "x" * 10_000)]))
except OSError as error:
    print("refused")
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
append(path, TURNS, turn_rows("c", [Turn("three")]))
"""
    done = child(code, tmp_path / "turns.csv")
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr
    logs = Logs([tmp_path])
    assert [run.run_id for run, _ in logs.trajectories()] == ["a", "c"] and logs.rejected == 1


#: Writes as the integrations do, and says after each append what was written; killed from outside.
WRITER = r"""
import sys
from featrouter.decision import Decision
from featrouter.integrations.runlog import RunLog
from featrouter.logs.run import Run
from featrouter.trajectory import Turn
log = RunLog(sys.argv[1])
known = len(log._lengths)
text = 'said "x", then\n' * int(sys.argv[2])
print("ready", flush=True)
for number in range(known, known + 10_000):
    run = f"r{number}"
    for turn in range(1, 4):
        log.turns(run, [Turn("look", f"cat {turn}", text)], turn)
        log.run(Run(run, "task", route="weak", turns=turn))
        print(run, turn, flush=True)
"""


@times(5, 60)
def test_the_log_of_a_host_survives_kills(n: int, tmp_path: Path, tally: Callable[..., None]) -> None:
    told: dict[str, int] = {}
    rejected = rows = torn = 0
    for number in range(n):
        if number % 6 == 0:  # six processes write to a log, one after the other
            rows, torn, rejected, told = rows + sum(told.values()), torn + rejected, 0, {}
            folder = tmp_path / str(number)
        size = (40, 20_000)[number % 2]
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), str(size)],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(HERE.parents[1])},
            text=True,
        )
        assert writer.stdout
        lines = iter(writer.stdout.readline, "")
        for _ in range(2 + number * 7 % 23):
            said = next(lines)
            if said != "ready\n":
                run, turn = said.split()
                told[run] = int(turn)
        writer.kill()
        for said in lines:  # what was still said
            if said.endswith("\n"):
                run, turn = said.split()
                told[run] = int(turn)
        writer.wait()
        writer.stdout.close()
        logs = Logs([folder])
        for account in logs.accounts:
            assert account.bytes == sum(account.spans.values())
            assert all(str(reject).startswith(f"{account.file}:{reject.line} (byte ") for reject in account.rejects)
        assert logs.rejected - rejected <= 1
        rejected = logs.rejected
        lengths = {run.run_id: len(trajectory) for run, trajectory in logs.trajectories()}
        assert all(lengths[run] >= turn and (logs.runs[run].turns or 0) >= turn for run, turn in told.items())
    tally(kills=n, rows=rows + sum(told.values()), rejected_by_name=torn + rejected)


@pytest.mark.parametrize(
    "row", [b"r,1,ls,ok" + b",x" * 50, b"r,1,ls,ok" + b",x" * 51 + b'"y', b"r,1,ls,ok,\r" + b",x" * 52]
)
def test_a_damaged_row_of_many_columns_is_told_soon(row: bytes, tmp_path: Path) -> None:
    path = tmp_path / "turns.csv"
    columns = ["run_id", "turn", "action", "observation", *(f"c{number}" for number in range(52))]
    path.write_bytes(",".join(columns).encode() + b"\n" + (row + b"\n") * 20)
    assert Logs([path]).rejected >= 1
    assert_takes_at_most(lambda: Logs([path]), yardsticks=20)


def test_undamaged_logs_are_read_in_time_that_grows_with_them(tmp_path: Path) -> None:
    def log(rows: int) -> Path:
        path = tmp_path / f"{rows}" / "outcomes.csv"
        path.parent.mkdir()
        path.write_text("task_id,model,resolved,note\n" + "".join(f't{i},m,"1",{"x" * 100}\n' for i in range(rows)))
        return path

    assert_grows_in_proportion(lambda path: Logs([path]), log(1_000), log(8_000), factor=16)


@pytest.mark.parametrize("names", ["run_id,turn,action,observation,", ""])
def test_a_header_of_a_million_columns_is_refused_in_time_that_grows_with_it(names: str, tmp_path: Path) -> None:
    def log(columns: int) -> Path:
        path = tmp_path / f"{columns}" / "turns.csv"
        path.parent.mkdir()
        path.write_text(names + ",".join(map(str, range(columns)) if names else [""] * columns) + "\nr,1,a,b\n")
        return path

    def refused(path: Path) -> None:
        with pytest.raises(LogError, match="columns, a log at most 2000"):
            Logs([path])

    assert_grows_in_proportion(refused, log(125_000), log(1_000_000), factor=16)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "turns.csv")
    for path in (tmp_path / "turns.csv", tmp_path):
        with pytest.raises(LogError, match="no plain file"):
            Logs([path])


BOMBS = """
import sys
import pyarrow as pa, pyarrow.parquet as pq
cell = ["x" * 4_000_000]
told = pa.DictionaryArray.from_arrays(pa.array([0] * 24, pa.int8()), pa.array(cell))
head = {"run_id": ["r"] * 24, "turn": list(range(1, 25)), "action": ["a"] * 24}
pq.write_table(pa.table(head | {"observation": told}), sys.argv[1], compression="zstd")
pq.write_table(pa.table({"run_id": ["r"], "turn": [1], "action": ["a"], "observation": ["x" * 90_000_000]}), sys.argv[2])
"""
BOMBED = """
import sys
from pathlib import Path
from featrouter.logs import LogError, Logs
import pyarrow.parquet
before = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
logs = Logs([sys.argv[1]])
assert (logs.rejected, logs.accounts[0].good) == (0, 24)
try:
    Logs([sys.argv[2]])
except LogError as error:
    print(str(error)[-40:])
print((int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) - before) // 1024)
"""


def test_small_parquet_files_of_large_cells_take_bounded_room(tmp_path: Path, child: Callable[..., Any]) -> None:
    paths = tmp_path / "turns.parquet", tmp_path / "other.parquet"
    made = child(BOMBS, *paths)
    assert made.returncode == 0 and paths[0].stat().st_size < 20_000, made.stderr
    done = child(BOMBED, *paths)
    assert done.returncode == 0, done.stderr
    refused, grown = done.stdout.splitlines()
    assert refused.endswith("of more than 32 MiB; leave them out") and int(grown) < 200


@pytest.mark.parametrize("last", ["repo", "harness", "weak_model", "strong_model", "task"])
def test_a_text_that_lost_its_quote_is_no_row_of_another_last_column(last: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(f'run_id,task_id,note,y_weak,{last}\nr1,t,x,1,b\nr2,t,a,1,b\n",1,b\nr3,t,y,0,b\n')
    logs = Logs([path])
    assert "r2" not in logs.runs and "r3" in logs.runs and logs.rejected
