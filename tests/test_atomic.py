"""A file is written whole or not at all: failures, crashes, and several writers at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from featrouter import atomic


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    atomic.write(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("disk")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, fail)
            with pytest.raises(OSError, match="disk"):
                atomic.write(path, b"new")
        assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]
    atomic.write(str(path), b"new")
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["file"]


def test_a_write_is_synced_then_renamed_then_the_directory_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (steps.append("replace"), replace(a, b))[1])
    atomic.write(tmp_path / "file", b"new")
    assert steps == ["fsync", "replace", "fsync"]


def test_stale_temporaries_are_swept_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "m[1].featrouter"
    old, young, other = (tmp_path / name for name in (f".{path.name}.a.tmp", f".{path.name}.b.tmp", ".m1.a.tmp"))
    for file in (old, young, other):
        file.write_bytes(b"x")
    past = time.time() - atomic.STALE_SECONDS - 60
    os.utime(old, (past, past))
    os.utime(other, (past, past))
    atomic.write(path, b"new")
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, young.name, other.name])


def test_writers_and_readers_at_once_see_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    versions = [bytes([letter]) * 50_000 for letter in b"abcd"]
    atomic.write(path, versions[0])

    def write(mine: bytes) -> None:
        for _ in range(20):
            atomic.write(path, mine)

    threads = [threading.Thread(target=write, args=(mine,)) for mine in versions]
    for thread in threads:
        thread.start()
    seen = {path.read_bytes()}
    while any(thread.is_alive() for thread in threads):
        seen.add(path.read_bytes())
    for thread in threads:
        thread.join()
    assert seen <= set(versions)
    assert os.listdir(tmp_path) == ["file"]


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    code = "import sys; sys.path.insert(0, sys.argv[2]); from featrouter import atomic; print('ready', flush=True)\n"
    code += "while True:\n for c in (b'a', b'b'): atomic.write(sys.argv[1], c * 1_000_000)"
    atomic.write(path, b"a" * 1_000_000)
    for wait in (0.0, 0.003, 0.011, 0.02, 0.05):
        root = str(Path(atomic.__file__).parents[1])
        child = subprocess.Popen([sys.executable, "-c", code, str(path), root], stdout=subprocess.PIPE)
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        time.sleep(wait)
        child.kill()
        child.wait()
        child.stdout.close()
        assert path.read_bytes() in (b"a" * 1_000_000, b"b" * 1_000_000)
