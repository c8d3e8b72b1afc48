"""Finding the files of a log by path, folder, glob or URL, and having one at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featrouter.logs import SUFFIXES, LogError


@dataclass(frozen=True)
class File:
    """A file by its URL (of a local one, its path), its size in bytes, and a stamp that changes when it does."""

    url: str
    size: int
    stamp: str

    @property
    def name(self) -> str:
        return self.url.rstrip("/").rpartition("/")[2]


def found(places: Sequence[str]) -> list[File]:
    """The files at these places, each once, by name as `Logs` orders them: a file, a folder's log files, a glob.

    Raises LogError for a place with nothing, or that cannot be asked.
    """
    files: dict[str, File] = {}
    for place in places:
        fs, path = filesystem(place)
        try:
            paths = _paths(fs, path)
            for one in paths:
                told = fs.info(one)
                url = one if is_local(fs) else fs.unstrip_protocol(one)
                files[url] = File(url, int(told.get("size") or 0), str(fs.ukey(one)))
        except LogError:
            raise
        except Exception as error:
            raise LogError(f"{place}: cannot be read ({type(error).__name__}: {error}); check the address") from None
        if not paths:
            raise LogError(f"{place}: holds no log file ({', '.join(SUFFIXES)}); check the path")
    return sorted(files.values(), key=lambda file: (file.name, file.url))


def filesystem(place: str) -> tuple[Any, str]:
    """The file system of a path or URL, and the path in it. LogError where it is not known, or a package is missing."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise LogError("logs in partitions need: pip install 'featrouter[dask]'") from None
    try:
        return url_to_fs(place)  # type: ignore[no-any-return]
    except (ValueError, ImportError, OSError) as error:
        raise LogError(f"{place}: {error}") from None


def is_local(fs: Any) -> bool:
    return "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))


def fetched(url: str, room: Path) -> Path:
    """The file on this machine's disk: itself, or a copy in `room`. LogError where it is gone or cannot be read."""
    fs, path = filesystem(url)
    if is_local(fs):
        return Path(path)
    copy = room / path.rstrip("/").rpartition("/")[2]
    try:
        fs.get_file(path, str(copy))
    except Exception as error:
        raise LogError(f"{url}: cannot be read ({type(error).__name__}: {error})") from None
    return copy


def fetched_all(files: Iterable[File], room: Path) -> list[Path]:
    """Each of these on this machine's disk, under its own name, whatever others are called."""
    return [fetched(file.url, made(room / str(number))) for number, file in enumerate(files)]


def made(room: Path) -> Path:
    """The folder, made."""
    room.mkdir()
    return room


def _paths(fs: Any, path: str) -> list[str]:
    if any(sign in path for sign in "*?[") and not fs.exists(path):
        return sorted(one for one in fs.glob(path) if not fs.isdir(one))
    if fs.isdir(path):
        return sorted(one for one in fs.ls(path, detail=False) if one.endswith(SUFFIXES))
    return [path]
