"""What the README of the hosts says to paste, so that it is what is tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "featrouter" / "integrations" / "README.md"


def block(marker: str) -> str:
    """The code between the comments of this name."""
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"no block {marker} in {PAGE}"
    return found[1]


def run(section: str, **names: Any) -> dict[str, Any]:
    """Runs the first Python of a section, with these names; all names after that."""
    found = re.search(
        rf"^## {re.escape(section)}\n.*?```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found, f"no Python under {section} in {PAGE}"
    exec(found[1], names)
    return names
