"""Chromium as the tests and the pictures use it: Debian's package, and no word to anybody outside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FOUND = shutil.which("chromium") or shutil.which("chromium-browser")
_QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


@contextmanager
def browser() -> Iterator[Any]:
    """A running browser. RuntimeError where the machine has no Chromium."""
    from playwright.sync_api import sync_playwright

    if FOUND is None:
        raise RuntimeError("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=FOUND, args=_QUIET)
        yield started
        started.close()
