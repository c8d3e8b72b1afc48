"""Prints what `mutmut run` found, by module, and every mutant that no test killed. Fails where fewer than LEAST were."""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

LEAST = 0.85


def first_line(source: Path, key: str) -> int:
    """Where the mutant's function begins in its file."""
    function, inside = orig_function_and_class_names_from_key(key)
    found = ast.parse(source.read_text())
    for name in filter(None, (inside, function)):
        # The last of a name: overloads stand before it.
        found = [node for node in found.body if getattr(node, "name", None) == name][-1]
    return min(node.lineno for node in (found, *found.decorator_list))


def told(source: Path, key: str) -> str:
    """File and line, how it reads there and how in the mutant."""
    _, _, hunk, *lines = get_diff_for_mutant(key, path=source).splitlines()
    changed = next(number for number, line in enumerate(lines) if line[0] in "-+")
    at = first_line(source, key) + int(hunk.split(",")[0].removeprefix("@@ -")) - 1 + changed
    return "\n    ".join([f"{source}:{at}", *(line[0] + " " + line[1:].strip() for line in lines if line[0] in "-+")])


survivors, fails = [], False
print(f"{'module':<34}{'mutants':>8}{'killed':>8}{'timeout':>8}{'survived':>9}{'share':>8}")
for meta in sorted(Path("mutants").rglob("*.meta")):
    found = {key: status_by_exit_code[code] for key, code in json.loads(meta.read_text())["exit_code_by_key"].items()}
    asked = {key: status for key, status in found.items() if status != "not checked"}
    if not asked:
        continue
    source = meta.relative_to("mutants").with_suffix("")
    count = Counter(asked.values())
    share = (count["killed"] + count["timeout"]) / len(asked)
    fails |= share < LEAST
    left = [key for key, status in asked.items() if status not in ("killed", "timeout")]
    survivors += [f"{told(source, key)}\n    {asked[key]}" for key in left]
    print(f"{source!s:<34}{len(asked):>8}{count['killed']:>8}{count['timeout']:>8}{len(left):>9}{share:>8.1%}")
print("", *survivors, sep="\n")
sys.exit(fails)
