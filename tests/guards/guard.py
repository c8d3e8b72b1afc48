"""What the guards' tests share."""

from __future__ import annotations

import pytest


def times(short: int, long: int) -> pytest.MarkDecorator:
    """Runs a test with a small `n` by default and with a large one in the campaign (`pytest -m campaign`)."""
    return pytest.mark.parametrize("n", [short, pytest.param(long, marks=pytest.mark.campaign)])
