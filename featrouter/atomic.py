"""Writing a file whole or not at all."""

from __future__ import annotations

import glob
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

#: A temporary file older than this was left by a crash; a younger one may be another writer's.
STALE_SECONDS = 3600


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` so that after a crash at any moment `path` is the old file or the new one. OSError.

    A temporary file beside `path` is synced, then renamed, then the directory is synced; leftovers are swept first.
    """
    path = Path(path)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):  # another writer may have swept it
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
    temp = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temp, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temp, path)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a directory cannot be opened
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
