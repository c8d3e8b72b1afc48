"""A folder on this machine or in object storage, whose files are written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from featrouter import atomic
from featrouter.logs import LogError
from featrouter.partitions.files import filesystem, is_local

T = TypeVar("T")


class Folder:
    """The folder at a path or URL; it is made when it is first written to. Names in it may hold slashes.

    LogError for a file in its place, or where it cannot be read or written.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._fs, self._path = filesystem(self.url)
        self._local = is_local(self._fs)
        if self._local:  # workers stand elsewhere
            self.url = self._path
        if self._fs.exists(self._path) and not self._fs.isdir(self._path):
            raise LogError(f"{url}: is a file; give a folder for partitions")

    def __getstate__(self) -> str:
        return self.url

    def __setstate__(self, url: str) -> None:
        self.__init__(url)  # type: ignore[misc]  # a worker opens the file system anew

    def at(self, name: str) -> str:
        """The URL of a file in it."""
        return f"{self.url}/{name}"

    def has(self, name: str) -> bool:
        self._fs.invalidate_cache()  # others write here, too
        return bool(self._fs.exists(self._in(name)))

    def names(self, under: str = "") -> list[str]:
        """The files directly in it, or in a folder of it, by name; none where it is not there."""
        where = self._in(under) if under else self._path
        self._fs.invalidate_cache()
        if not self._fs.isdir(where):
            return []
        return sorted(one.rpartition("/")[2] for one in self._fs.ls(where, detail=False) if not self._fs.isdir(one))

    def read(self, name: str) -> dict[str, Any] | None:
        """The JSON object in a file; None where there is none, or what is there is none."""
        with suppress(OSError, ValueError):
            told = json.loads(self._fs.cat_file(self._in(name)))
            return told if isinstance(told, dict) else None
        return None

    def write(self, name: str, told: dict[str, Any]) -> None:
        """Writes a JSON object."""
        data = (json.dumps(told, indent=1) + "\n").encode()
        if self._local:
            self._parent(name)
            atomic.write(self._in(name), data)
        else:
            self._fs.pipe_file(self._in(name), data)

    def ranges(self, name: str, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        """The bytes of a file from offsets on, each of a length, one after the other."""
        with self._fs.open(self._in(name), "rb") as file:
            for offset, length in ranges:
                file.seek(offset)
                yield file.read(length)

    def make(self, name: str, write: Callable[[Path], T]) -> tuple[T, str]:
        """Has a file written, on the same disk where the folder is on one, and takes it in when it is whole.

        What `write` returned, and the sha256 of the file.
        """
        with TemporaryDirectory() as elsewhere:
            if self._local:
                self._parent(name)
                out = Path(self._in(f"{name}.{secrets.token_hex(4)}.tmp"))
            else:
                out = Path(elsewhere) / "file"
            try:
                told = write(out)
                with open(out, "rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                    if self._local:
                        os.fsync(file.fileno())
                if self._local:
                    os.replace(out, self._in(name))
                else:
                    self._fs.put_file(str(out), self._in(name))
            finally:
                out.unlink(missing_ok=True)
        return told, sha256

    def digest(self, name: str) -> str:
        """The sha256 of a file; empty where it cannot be read."""
        try:
            with self._fs.open(self._in(name), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ""

    def remove(self, name: str) -> None:
        """Removes a file, or a folder with all that is in it."""
        with suppress(OSError):
            self._fs.rm(self._in(name), recursive=True)

    def _in(self, name: str) -> str:
        return f"{self._path}/{name}"

    def _parent(self, name: str) -> None:
        os.makedirs(os.path.dirname(self._in(name)), exist_ok=True)
