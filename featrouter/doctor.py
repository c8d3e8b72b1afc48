"""What this machine lacks, and how to mend it."""

from __future__ import annotations

import ctypes.util
import importlib
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from featrouter.bundle import BundleError
from featrouter.catalogue import digest, feature_set
from featrouter.router import Router

_PACKAGES = ("numpy", "lightgbm", "pandas", "scikit-learn", "joblib", "click", "jinja2", "tree-sitter", "google-re2")
_GRAMMARS = ("python", "javascript")
_EXTRAS = {"pyarrow": "parquet", "zstandard": "zstd", "matplotlib": "plot"}


def examine() -> list[dict[str, Any]]:
    """A list of checks: what, ok, needed, found (words), mend (words, empty when ok)."""
    checks = [_check("Python", sys.version_info >= (3, 11), sys.version.split()[0], "install Python 3.11 or newer")]
    for package in _PACKAGES:
        checks.append(_package(package, "pip install featrouter", needed=True))
    checks.append(_openmp())
    checks += [_grammar(name) for name in _GRAMMARS]
    checks += [_package(name, f"pip install 'featrouter[{extra}]'", needed=False) for name, extra in _EXTRAS.items()]
    checks.append(_bundle())
    return checks


def _check(what: str, ok: bool, found: str, mend: str, *, needed: bool = True) -> dict[str, Any]:
    return {"what": what, "ok": ok, "needed": needed, "found": found, "mend": "" if ok else mend}


def _package(name: str, mend: str, *, needed: bool) -> dict[str, Any]:
    try:
        return _check(name, True, version(name), mend, needed=needed)
    except PackageNotFoundError:
        return _check(name, False, "not installed", mend, needed=needed)


def _openmp() -> dict[str, Any]:
    """LightGBM's wheel links to the system's OpenMP; routing does without, training does not."""
    mend = "training needs OpenMP: apt-get install libgomp1 (Debian), dnf install libgomp (Fedora), brew install libomp"
    try:
        importlib.import_module("lightgbm")
        return _check("OpenMP for training", True, ctypes.util.find_library("gomp") or "loaded", mend)
    except (ImportError, OSError) as error:
        return _check("OpenMP for training", False, f"lightgbm does not load ({error})"[:160], mend)


def _grammar(name: str) -> dict[str, Any]:
    try:
        importlib.import_module(f"tree_sitter_{name}")
        return _check(f"grammar {name}", True, "loaded", "", needed=False)
    except ImportError as error:
        mend = f"pip install tree-sitter-{name}: without it, {name} text is read by rules alone"
        return _check(f"grammar {name}", False, str(error)[:160], mend, needed=False)


def _bundle() -> dict[str, Any]:
    mend = "install featrouter again: its default bundle is not the one its catalogue needs"
    try:
        router = Router.load()
    except (BundleError, FileNotFoundError) as error:
        return _check("default bundle", False, str(error)[:160], mend)
    known = f"{len(router.bundle.features)} of {len(feature_set())} features, catalogue {digest()[:12]}"
    return _check("default bundle", True, known, mend)
