"""What one simple command does: the programs of a shell, by what they do to files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from featrouter.dialects import git, runners
from featrouter.dialects.bash_words import Simple
from featrouter.dialects.paths import looks_like_path, named
from featrouter.trajectory import Operation

TEXT_CHARS = 8192
PATTERNS_KEPT = 4
PATTERN_CHARS = 200
SUBMIT_MARKS = ("COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT", "MINI_SWE_AGENT_FINAL_OUTPUT")

#: Readers, with those of their options that take a value.
READERS = {
    "head": "-n -c --lines --bytes",
    "tail": "-n -c --lines --bytes",
    "nl": "-w -s -v -b -n -i",
    "od": "-A -t -N -j -w",
    "hexdump": "-n -s -e",
    "xxd": "-l -s -c",
    "cut": "-d -f -c -b",
    "sort": "-k -t -o",
    "stat": "-c -f --format",
    "diff": "-U -C -I",
    "du": "-d --max-depth",
    "tree": "-L -I -P -o",
    "ls": "-I -w",
    "fold": "-w",
    "column": "-s -o",
    "strings": "-n",
    "paste": "-d",
}
READERS |= dict.fromkeys(
    "cat less more bat batcat wc file pwd uniq rev tac fmt cmp comm md5sum sha1sum sha256sum readlink realpath dir "
    "basename dirname zcat view df objdump nm readelf zipinfo exa eza".split(),
    "",
)
#: Readers whose first operand is a program or a filter.
FILTERS = {"sed": "-l", "awk": "-F -v", "gawk": "-F -v", "jq": "--arg", "yq": ""}
LISTERS = frozenset("ls tree dir exa eza du".split())
SEARCHERS = {
    "grep": "-A -B -C -m -f -d -D --include --exclude --exclude-dir --color --max-count",
    "rg": "-A -B -C -m -g -t -T -f -j -M --glob --type --type-not --max-count --iglob --max-depth",
    "ag": "-A -B -C -m -G --ignore",
    "ack": "-A -B -C -m --type",
    "fd": "-e -t -d -E -S --extension --type --exclude --max-depth",
}
SEARCHERS |= {alias: SEARCHERS[name] for alias, name in {"egrep": "grep", "fgrep": "grep", "zgrep": "grep"}.items()}
SEARCHERS |= {"ripgrep": SEARCHERS["rg"], "fdfind": SEARCHERS["fd"]}
LOCATORS = frozenset("which whereis locate type".split())
MOVERS = {
    "rm": "",
    "mv": "-t",
    "cp": "-t",
    "rmdir": "",
    "unlink": "",
    "ln": "-t",
    "truncate": "-s -r",
    "install": "-m -o -g",
}
MAKERS = {"touch": "-d -r -t", "mkdir": "-m --mode", "tee": ""}
#: What changes the shell and not the world.
SILENT = frozenset(
    "cd pushd popd echo printf export set unset source . true false : sleep exit read alias shopt ulimit umask trap "
    "wait [ [[ test return local declare typeset readonly shift break continue clear disown jobs fg bg let".split()
)
OPERATOR = re.compile(r"[{}();|&]+")
SUBSTITUTE = re.compile(
    r"(?:\d[\d,]*|/[^/]*/)?s([/|#,@!])((?:\\.|(?!\1)[^\\\n]){1,2000})\1((?:\\.|(?!\1)[^\\\n]){0,2000})\1[a-z0-9]*"
)
FIND_TESTS = frozenset("-name -iname -path -ipath -wholename -regex -iregex -lname".split())
FIND_ACTIONS = frozenset("-exec -execdir -ok -okdir".split())


def operand_words(words: Iterable[str], valued: str = "") -> list[str]:
    """The words that are neither options nor their values."""
    takes = valued.split()
    found: list[str] = []
    skip = literal = False
    for word in words:
        if skip:
            skip = False
        elif literal or not word.startswith("-") or word == "-":
            found.append(word)
        elif word == "--":
            literal = True
        else:
            skip = word in takes
    return found


def cut_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Search patterns as an operation carries them: each once, few and short."""
    return tuple(dict.fromkeys(pattern[:PATTERN_CHARS] for pattern in patterns if pattern))[:PATTERNS_KEPT]


def operation(command: Simple, cwd: str) -> Operation | None:
    """What the command does; None when that does not matter (cd, echo, export)."""
    words = command.words
    name = runners.basename(words[0]) if words else ""
    silent = name in SILENT and "/" not in words[0] if words else True
    found = None if silent else _classify(name, words, command, cwd)
    if name in ("echo", "printf") and any(mark in word for word in words[1:3] for mark in SUBMIT_MARKS):
        return Operation("submit", commands=(name,))
    if command.writes and (found is None or found.kind == "read"):
        appends = all(operator == ">>" for operator, _ in command.writes)
        new = command.stdin or (" ".join(operand_words(words[1:])) if name in ("echo", "printf") else "")
        files = named((target for _, target in command.writes), cwd)
        if files:
            return Operation(
                "edit" if appends else "create", files, commands=(name,) if name else (), new=new[:TEXT_CHARS]
            )
    return found


def _classify(name: str, words: list[str], command: Simple, cwd: str) -> Operation:
    rest = words[1:]
    if name == "git":
        return git.operation(rest, command, cwd)
    if runners.starts_tests(words):
        return Operation("test", named(_tested(rest), cwd), commands=(name,))
    if name in READERS:
        paths = operand_words(rest, READERS[name]) + command.reads
        return Operation("read", named(paths, cwd), commands=(name,), directory=name in LISTERS)
    if name == "tr":
        return Operation("read", named(command.reads, cwd), commands=(name,))
    if name in SEARCHERS:
        return _search(name, rest, command, cwd)
    if name == "find":
        return _find(rest, command, cwd)
    if name in LOCATORS:
        return Operation("search", patterns=cut_patterns(operand_words(rest)), commands=(name,))
    if name in FILTERS or name == "perl":
        return _stream(name, rest, command, cwd)
    if name in MOVERS:
        return Operation("edit", named(operand_words(rest, MOVERS[name]), cwd), commands=(name,))
    if name in MAKERS:
        kind = "edit" if name == "tee" and ("-a" in rest or "--append" in rest) else "create"
        files = named((word for word in operand_words(rest, MAKERS[name]) if not word.startswith("/dev/")), cwd)
        if name == "tee" and not files:
            return Operation("read", commands=(name,))
        return Operation(kind, files, commands=(name,), new=command.stdin[:TEXT_CHARS])
    if name == "patch":
        diff = command.stdin[:TEXT_CHARS]
        return Operation(
            "edit", named(git.patched(diff) or operand_words(rest, "-i -d")[:1], cwd), commands=(name,), diff=diff
        )
    if name == "python" and runners.python_script(words) == ("-m", ["json.tool"]):
        return Operation("read", commands=(name,))
    return _run(name, words, cwd)


def _tested(rest: list[str]) -> list[str]:
    """The files that a test run is pointed at, its own scripts left out; `a.py::test_b` names a.py."""
    paths = [word.partition("::")[0] for word in rest if not word.endswith(("manage.py", "setup.py", "bin/test"))]
    return [path for path in paths if looks_like_path(path) and runners.basename(path) not in runners.TESTERS]


def _run(name: str, words: list[str], cwd: str) -> Operation:
    if name == "python":
        script = runners.python_script(words)
        words = ["", *(script[1] if script and script[0] != "-c" else ())]
    files = [word for word in words if word and looks_like_path(word)]
    if words[0].startswith("/") and words[0] in files:
        files.remove(words[0])
    return Operation("run", named(files, cwd), commands=(name,) if name else ())


def _search(name: str, rest: list[str], command: Simple, cwd: str) -> Operation:
    patterns = [value for option, value in pairwise(rest) if option in ("-e", "--regexp")]
    operands = operand_words(rest, SEARCHERS[name] + ("" if name.startswith("fd") else " -e --regexp"))
    if not patterns and "--files" not in rest:
        patterns, operands = operands[:1], operands[1:]
    return Operation("search", named(operands + command.reads, cwd), cut_patterns(patterns), (name,))


def _find(rest: list[str], command: Simple, cwd: str) -> Operation:
    roots: list[str] = []
    for word in rest:
        if word.startswith(("-", "(", "!")):
            break
        roots.append(word)
    files = named(roots, cwd)
    patterns = [value for option, value in pairwise(rest) if option in FIND_TESTS]
    for at, word in enumerate(rest):
        if word in FIND_ACTIONS:
            inner = runners.unwrap([word for word in rest[at + 1 :] if word not in ("{}", ";", "+")])
            done = operation(Simple(inner), cwd) if inner and runners.basename(inner[0]) != "find" else None
            if done and done.kind in ("edit", "create"):
                return Operation("edit", files, cut_patterns(patterns), ("find", *done.commands), done.old, done.new)
            if done and done.kind == "search":
                patterns.extend(done.patterns)
    if "-delete" in rest:
        return Operation("edit", files, cut_patterns(patterns), ("find",))
    return Operation("search", files, cut_patterns(patterns), ("find",))


def _stream(name: str, rest: list[str], command: Simple, cwd: str) -> Operation:
    """sed, awk and perl: filters, unless they write their files in place."""
    if name == "sed":
        in_place = any(word.startswith(("-i", "--in-place", "-ni", "-Ei", "-ri", "-nEi")) for word in rest)
    else:
        in_place = any(word.startswith("-") and not word.startswith("-e") and "i" in word[1:5] for word in rest[:3])
        in_place = in_place and (name == "perl" or "inplace" in rest)
    if name == "perl" and not in_place:
        return _run(name, [name, *operand_words(rest, "-e -E -M")], cwd)
    operands = operand_words(rest, FILTERS.get(name, "") + " -e -f --expression --file")
    scripts = [value for option, value in pairwise(rest) if option in ("-e", "-pe", "-0pe", "--expression")]
    if not scripts and "-f" not in rest:
        scripts, operands = operands[:1], operands[1:]
    elif operands[:1] == scripts[:1]:
        operands = operands[1:]
    files = named(operands + command.reads, cwd)
    if not in_place:
        return Operation("read", files, commands=(name,))
    change = SUBSTITUTE.fullmatch(scripts[0]) if scripts and len(scripts[0]) <= 4096 else None
    return Operation("edit", files, commands=(name,), old=change[2] if change else "", new=change[3] if change else "")
