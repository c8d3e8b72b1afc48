"""An escalator as the environment describes it, for hosts whose configuration file can only name an object."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from featrouter.decision import Costs
from featrouter.integrations.escalator import Escalator

PREFIX = "FEATROUTER_"
_ROUTER: dict[str, Callable[[str], Any]] = {
    "harness": str,
    "policy": str,
    "default": str,
    "sha256": str,
    "epsilon": float,
    "seed": int,
}
_COSTS = ("value", "weak_usd", "strong_usd", "handover")
#: Every variable that is read, without its prefix.
NAMES = ("bundle", "log", "weak", "strong", *_ROUTER, *_COSTS)


def escalator(environment: Mapping[str, str] = os.environ, **options: Any) -> Escalator:
    """The escalator that FEATROUTER_BUNDLE, _LOG, _HARNESS, _POLICY, _VALUE, _EPSILON, … describe; `options` win.

    This is the host's start, not its loop: ValueError for a variable that is unknown or holds no such value,
    BundleError for a bundle that cannot be loaded.
    """
    told = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    unknown = sorted(name for name in told if name not in NAMES)
    if unknown:
        known = ", ".join(PREFIX + name.upper() for name in NAMES)
        raise ValueError(f"{PREFIX}{unknown[0].upper()} is no setting of featrouter; there are {known}")
    given = {name: _read(read, name, told[name]) for name, read in _ROUTER.items() if told.get(name)}
    costs = {name.removesuffix("_usd"): _read(float, name, told[name]) for name in _COSTS if told.get(name)}
    given = {"costs": Costs(**costs), "bundle": told.get("bundle") or None, "log": told.get("log") or None} | given
    return Escalator.load(**given | options)


def models(environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """FEATROUTER_WEAK and FEATROUTER_STRONG: the models' names as the host knows them, empty where not given."""
    return environment.get(f"{PREFIX}WEAK", ""), environment.get(f"{PREFIX}STRONG", "")


def _read(read: Callable[[str], Any], name: str, value: str) -> Any:
    try:
        return read(value)
    except ValueError:
        raise ValueError(f"{PREFIX}{name.upper()}: {value!r:.40} is no {read.__name__}") from None
