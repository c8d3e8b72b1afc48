"""A router that follows its bundle file: a new bundle takes the place of the old between two decisions."""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import Any

from featrouter.router import Router
from featrouter.session import noted

#: The file is looked at this often at most.
SECONDS = 1.0


def anew_after_fork(owner: object, lock: str) -> None:
    """Gives a process that forks a lock of its own: nobody there would ever release one that was held at that moment."""
    known = weakref.ref(owner)

    def renew() -> None:
        if (there := known()) is not None:
            setattr(there, lock, threading.Lock())

    if hasattr(os, "register_at_fork"):  # where processes fork
        os.register_at_fork(after_in_child=renew)


class RouterFile:
    """The router of a bundle file, loaded anew when the file changes, in a thread of its own; no decision waits.

    `options` are those of Router.load. A file that cannot be loaded, or pinned by `sha256` and another one, leaves the
    router as it is; `failed` says why. Raises BundleError when there is none to begin with.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, **options: Any) -> None:
        self._path, self._options = path, options
        self._stamp = self._looked()
        self.router = Router.load(path, **options)
        self.failed = ""
        self._next = time.monotonic() + SECONDS
        self._loading = threading.Lock()
        anew_after_fork(self, "_loading")

    def current(self) -> Router:
        """The router now; looks at the file once a second."""
        now = time.monotonic()
        if now >= self._next and self._path is not None:
            self._next = now + SECONDS
            stamp = self._looked()
            if stamp != self._stamp and self._loading.acquire(blocking=False):
                threading.Thread(target=self._follow, args=(stamp,), name="featrouter-reload", daemon=True).start()
        return self.router

    def reload(self) -> None:
        """Load the file again, now. Raises BundleError, and leaves the router as it is, when that fails."""
        stamp = self._looked()
        self.router = Router.load(self._path, **self._options)
        self._stamp, self.failed = stamp, ""

    def _follow(self, stamp: object) -> None:
        try:
            self.reload()
        except Exception as error:
            self.failed = str(noted(error))
            self._stamp = stamp  # not again before it changes
        finally:
            self._loading.release()

    def _looked(self) -> object:
        try:
            seen = os.stat(self._path or "")
        except OSError:
            return None
        return seen.st_ino, seen.st_mtime_ns, seen.st_size
