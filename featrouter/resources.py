"""Where the package's data lies: inside an installed wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Path of a shipped file or folder, such as `features/loops.toml` or `models/default/default.featrouter`.

    A wheel carries `features/` and `models/default/` inside the package; a checkout (and so an editable
    install) has them beside it. Raises FileNotFoundError naming both places.
    """
    places = (_PACKAGE / name, _PACKAGE.parent / name)
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(f"featrouter's own file {name!r} is at neither {places[0]} nor {places[1]}: reinstall it")
