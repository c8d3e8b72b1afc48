"""The same file has the same name, however it is spelled."""

from __future__ import annotations

import pytest

from featrouter.dialects.paths import FILES_KEPT, looks_like_path, named, normalise


@pytest.mark.parametrize(
    "spelled",
    [
        "src/a.py",
        "./src/a.py",
        "'src/a.py'",
        "src//a.py",
        "src/x/../a.py",
        "/testbed/src/a.py",
        "/app/src/a.py",
        "/repo/src/a.py",
        "/workspace/src/a.py",
        "/workspace/me__lib__1.2/src/a.py",
        "/me__lib/src/a.py",
    ],
)
def test_one_name(spelled: str) -> None:
    assert normalise(spelled) == "src/a.py"


@pytest.mark.parametrize(
    ("path", "cwd", "name"),
    [
        ("a.py", "src", "src/a.py"),
        ("../a.py", "src/x", "src/a.py"),
        ("/etc/hosts", "src", "/etc/hosts"),
        ("a.py", "/testbed/src", "src/a.py"),
        ("/../a", "", "/a"),
        ("src/", "", "src"),
        ("/testbed", "", ""),
        (".", "", ""),
        ("..", "", ".."),
        ("/application/a.py", "", "/application/a.py"),
    ],
)
def test_resolution(path: str, cwd: str, name: str) -> None:
    assert normalise(path, cwd) == name


def test_names_are_few_and_each_once() -> None:
    assert named(["a", "./a", "", "."]) == ("a",)
    assert len(named(str(n) for n in range(99))) == FILES_KEPT


@pytest.mark.parametrize("word", ["a.py", "src/a", "./x", "Makefile.mk", "*.py"])
def test_path(word: str) -> None:
    assert looks_like_path(word)


@pytest.mark.parametrize(
    "word", ["-rf", "install", "3.11", "http://x.org/a.py", "pkg.module", "a b.py", "x" * 600 + "/"]
)
def test_no_path(word: str) -> None:
    assert not looks_like_path(word)
