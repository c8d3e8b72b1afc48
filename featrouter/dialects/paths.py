"""One name for one file, however the harness spells it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from featrouter.lazy_pattern import lazy_pattern

FILES_KEPT = 16
PATH_CHARS = 512

#: Where harnesses mount the repository: below these a path is what the repository itself calls the file.
WORKSPACE = lazy_pattern(
    r"/(?:workspaces?(?:/[\w.\-]{1,80}__[\w.\-]{1,80})?|testbed|app|repo|[A-Za-z][\w.\-]{0,80}?__[\w.\-]{1,80})(?:/+|$)"
)
PATH_LIKE = lazy_pattern(r"(?:[A-Za-z]:(?=[/\\]))?[\w.~+@%\-/*{}$\[\],=\\]+")
EXTENSIONS = frozenset(
    "py pyi pyx ipynb js jsx ts tsx mjs cjs vue svelte go rs rb java kt scala groovy php c h cc cpp cxx "
    "hpp cu cs fs swift m pl pm lua r jl ex exs erl hs ml clj dart zig nim sh bash zsh ps1 bat sql html "
    "htm css scss less xml json jsonl yaml yml toml ini cfg conf env txt md rst tex csv tsv log lock diff "
    "patch ps1 cmd csproj tar gz tgz zip bz2 xz whl deb jar o so a out bin exe db sqlite pem key crt pdf png jpg jpeg "
    "svg gif mp4 wav npy npz pkl pt parquet proto gradle cmake mk tpl j2 bak".split()
)


def normalise(path: str, cwd: str = "") -> str:
    """`path` relative to the workspace; "" for the workspace itself. `cwd` is where a relative path starts.

    A path of Windows keeps its backslashes, whichever slashes it was written with.
    """
    return _normalised(path[:PATH_CHARS], cwd)


@lru_cache(maxsize=1024)
def _normalised(path: str, cwd: str) -> str:
    path = path.strip().strip("'\"`")
    if "\\" in path or "\\" in cwd or path[1:3] in (":/", ":\\"):
        return _windows(path, cwd)
    if cwd and not path.startswith(("/", "~")):
        path = f"{cwd}/{path}"
    if "./" in path or "//" in path or path.endswith(("/", ".")):
        path = _resolve(path)
    if path.startswith("/"):
        mount = WORKSPACE.match(path)
        if mount:
            path = path[mount.end() :]
    return path


def _windows(path: str, cwd: str) -> str:
    drive, rest = (path[0], path[2:]) if path[1:2] == ":" and path[0].isalpha() else ("", path)
    rest = rest.replace("\\", "/")
    if cwd and not drive and not rest.startswith(("/", "~")):
        return _windows(f"{cwd}/{path}", "")
    share = "/" if rest.startswith("//") and not drive else ""
    rest = _resolve(rest).replace("/", "\\")
    if drive:
        return f"{drive.upper()}:{rest}"
    return share.replace("/", "\\") + rest


def _resolve(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part and part != "." and not (part == ".." and path.startswith("/")):
            parts.append(part)
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def named(paths: Iterable[str], cwd: str = "") -> tuple[str, ...]:
    """The normalised paths, each once, the workspace itself left out."""
    if not paths:
        return ()
    found: dict[str, None] = {}
    for path in paths:
        name = _normalised(path[:PATH_CHARS], cwd)
        if name:
            found[name] = None
            if len(found) == FILES_KEPT:
                break
    return tuple(found)


def looks_like_path(word: str) -> bool:
    """Whether an operand of an unknown program is a path rather than a name, a number or an address."""
    if len(word) > PATH_CHARS or word.startswith("-") or "://" in word or PATH_LIKE.fullmatch(word) is None:
        return False
    if "\\" in word and not word.startswith((".\\", "..\\")) and word[1:3] != ":\\" and "\\." in word:
        return False  # a pattern of a search, most likely
    return (
        "/" in word
        or word[:2] == ".\\"
        or word[1:3] == ":\\"
        or (word.rpartition(".")[2].lower() in EXTENSIONS and "." in word)
    )
