"""Numbers as JSON has them."""

from __future__ import annotations

from typing import Any

import numpy as np


def plain(number: Any) -> Any:
    """Four decimals (six significant digits for money below); what is not known is None."""
    if isinstance(number, tuple):
        ends = [plain(end) for end in number]
        return None if None in ends else ends
    return round(float(number), 4) if np.isfinite(number) else None


def usd(number: Any) -> Any:
    """Four significant digits: costs may be a hundredth of a cent."""
    if isinstance(number, tuple):
        ends = [usd(end) for end in number]
        return None if None in ends else ends
    return float(f"{number:.4g}") if np.isfinite(number) else None
