"""What agents and attackers send: texts that are the worst for parsers and for regular expressions."""

from __future__ import annotations

from typing import Any

from featrouter.catalogue import Pattern

TOOLS = ("bash", "", "str_replace_editor", "Edit", "sql", "apply_patch", "python", "search_file")
TEXTS = {
    "pipes": "a|" * 8192,
    "pipes under the cap": "a|" * 256,
    "heredoc starts": "<~" * 4096,
    "heredoc starts under the cap": "<~" * 256,
    "brackets": "[" * 32_000,
    "parentheses": "(" * 512,
    "substitutions": "$(" * 8000,
    "json brackets": '{"command": ' + "[" * 200_000,
    "json objects": '{"a":' * 20_000,
    "broken json": '{"a":"' + "\\" * 100_001,
    "NULs": "\0" * 5000,
    "surrogates": "cat \ud800.py \udfff " * 2000,
    "one long line": "x" * 1_000_000,
    "spaces": " " * 1_000_000,
    "lines": "\n" * 1_000_000,
    "single quotes": "'" * 16_001,
    "double quotes": '"' * 16_001,
    "backticks": "`" * 16_001,
    "backslashes": "\\" * 100_001,
    "heredocs": "cat <<a\n" * 4000,
    "open heredocs": "cat <<EOF\n" * 4000,
    "parents": "cat " + "../" * 100_000,
    "sed": "sed -i 's/" + "a\\/" * 4000 + "/b/' f",
    "parameters": "<function=bash>" + "<parameter=command>" * 8000,
    "patch": "*** Begin Patch\n" + "*** Add File: a\n" * 8000,
    "diffs": "patch <<EOF\n" + "diff --git a/x " * 4000 + "\nEOF",
    "finds": "find " + "-exec find " * 4000,
    "shells": "bash -c 'bash -c \"bash -c ls\"' && " * 500,
    "wrappers": "sudo " * 10_000,
    "assignments": "A=b " * 8000,
    "froms": "SELECT " + "FROM " * 8000,
    "file headers": "[File: " * 8000,
    "keywords": "if " * 8000,
    "separators": "a\u2028b²" * 4000,
}


def seeds_of(pattern: Pattern) -> list[str]:
    """Seeds whose repeats are the worst for this pattern: its examples, whole and cut, its gates, and single marks."""
    seeds = [str(example["text"]) for example in pattern.matches]
    seeds += [seed[:-1] for seed in seeds if len(seed) > 1] + [seed + "\n" for seed in seeds]
    seeds += list(pattern.gates)
    seeds += ["a", "A", " ", "(", "1", "1 ", "\n", "\t", "a_", "a.", "a/", "Error", "Error.", "=", "-", "`", '"', ": "]
    return [seed for seed in seeds if seed]


def deep(levels: int) -> list[Any]:
    """A list in a list in a list …"""
    nested: list[Any] = []
    for _ in range(levels):
        nested = [nested]
    return nested
