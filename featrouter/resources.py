"""Where the package's data lies: inside an installed wheel, or beside the package in a checkout."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PACKAGE = os.path.dirname(os.path.realpath(__file__))


def place(name: str) -> str:
    """Path of a shipped file or folder, such as `features/loops.toml` or `models/default/default.featrouter`.

    A wheel carries `features/` and `models/default/` inside the package; a checkout (and so an editable
    install) has them beside it. Raises FileNotFoundError naming both places.
    """
    places = (os.path.join(_PACKAGE, name), os.path.join(os.path.dirname(_PACKAGE), name))
    for found in places:
        if os.path.exists(found):
            return found
    raise FileNotFoundError(f"featrouter's own file {name!r} is at neither {places[0]} nor {places[1]}: reinstall it")


def resource(name: str) -> Path:
    """`place` as a Path. A process that only routes does without pathlib, whose import is not free."""
    from pathlib import Path

    return Path(place(name))
