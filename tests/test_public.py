"""The public names: what a user may import is decided here, not by accident."""

from __future__ import annotations

import re

import featrouter


def test_the_public_names_are_pinned() -> None:
    assert sorted(featrouter.__all__) == [
        "Bundle",
        "BundleError",
        "Call",
        "Costs",
        "Decision",
        "Reason",
        "Router",
        "Session",
        "Trajectory",
        "Turn",
    ]
    assert all(getattr(featrouter, name).__name__ == name for name in featrouter.__all__)
    assert all(getattr(featrouter, name).__doc__ for name in featrouter.__all__)
    assert re.fullmatch(r"\d+\.\d+\.\d+", featrouter.__version__)


def test_a_bundle_error_is_a_value_error() -> None:
    assert issubclass(featrouter.BundleError, ValueError)
