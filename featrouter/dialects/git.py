"""git: the verbs that read, search, edit and run; and the files that a diff names."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from featrouter.dialects.paths import looks_like_path, named
from featrouter.lazy_pattern import lazy_pattern
from featrouter.trajectory import Operation

if TYPE_CHECKING:
    from featrouter.dialects.bash_words import Simple

READ = frozenset(
    "show log diff status blame ls-files ls-tree branch rev-parse reflog describe config remote cat-file "
    "shortlog tag rev-list name-rev show-ref whatchanged annotate diff-tree merge-base check-ignore "
    "format-patch help version".split()
)
EDIT = frozenset("checkout restore stash revert apply am rm mv clean cherry-pick reset rebase merge".split())
VALUED = ("-C", "-c", "--git-dir", "--work-tree")
DIFF_FILE = lazy_pattern(r"^(?:\+\+\+ b/|diff --git a/(?=[^\n]* b/))([^\t\n ]{1,512})", re.MULTILINE)
DIFF_CHARS = 8192


def patched(diff: str) -> list[str]:
    """The files that a unified diff changes."""
    return list(dict.fromkeys(DIFF_FILE.findall(diff[:DIFF_CHARS])))


def operation(rest: list[str], command: Simple, cwd: str) -> Operation:
    """What a git command does; `rest` are the words behind `git`."""
    at = 0
    while at < len(rest) and rest[at].startswith("-"):
        if rest[at] == "-C" and at + 1 < len(rest):
            cwd = rest[at + 1]
        at += 2 if rest[at] in VALUED else 1
    verb, rest = (rest[at], rest[at + 1 :]) if at < len(rest) else ("help", [])
    paths = named(_paths(rest), cwd)
    if verb == "grep":
        patterns = [value for option, value in pairwise(rest) if option == "-e"]
        operands = [word for word in rest if not word.startswith("-")]
        chosen = patterns or operands[:1]
        files = named((word for word in operands if word not in chosen and looks_like_path(word)), cwd)
        return Operation("search", files, tuple(word[:200] for word in chosen[:4]), ("git",))
    if verb in READ or (verb == "stash" and rest[:1] in (["list"], ["show"])):
        return Operation("read", paths, commands=("git",))
    if verb in EDIT and (verb not in ("checkout", "reset") or paths or "." in rest or "--hard" in rest):
        diff = command.stdin[:DIFF_CHARS] if verb in ("apply", "am") else ""
        files = named(patched(diff), cwd) if verb in ("apply", "am") else paths
        return Operation("edit", files, commands=("git",), diff=diff)
    return Operation("run", paths, commands=("git",))


def _paths(rest: list[str]) -> list[str]:
    """What stands behind `--`, or what can only be a path (`HEAD:a.py` names a.py)."""
    if "--" in rest:
        return rest[rest.index("--") + 1 :]
    found = []
    for word in rest:
        revision, colon, path = word.rpartition(":")
        name = path if colon and "/" not in revision else word
        if looks_like_path(name) and not name.startswith("origin/") and ".." not in name.replace("../", ""):
            found.append(name)
    return found
