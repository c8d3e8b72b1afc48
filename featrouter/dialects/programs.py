"""What one simple command does: the programs of a shell, by what they do to files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

from featrouter.dialects import git, runners, tasks
from featrouter.dialects.bash_words import Simple
from featrouter.dialects.paths import looks_like_path, named
from featrouter.dialects.wrappers import basename, unwrap
from featrouter.lazy_pattern import lazy_pattern
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
FILTERS = {"sed": "-l", "gsed": "-l", "awk": "-F -v -i", "gawk": "-F -v -i", "jq": "--arg", "yq": ""}
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
MAKERS = {"touch": "-d -r -t", "mkdir": "-m --mode", "tee": "", "sponge": ""}
#: What changes the shell and not the world.
SILENT = frozenset(
    "cd pushd popd echo printf export set unset source . true false : sleep exit read alias shopt ulimit umask trap "
    "wait [ [[ test return local declare typeset readonly shift break continue clear disown jobs fg bg let".split()
)
SUBSTITUTE = lazy_pattern(
    r"(?:\d[\d,]*|/[^/]*/)?s([/|#,@!])((?:\\.|(?!\1)[^\\\n]){1,2000})\1((?:\\.|(?!\1)[^\\\n]){0,2000})\1[a-z0-9]*"
)
FIND_TESTS = frozenset("-name -iname -path -ipath -wholename -regex -iregex -lname".split())
FIND_ACTIONS = frozenset("-exec -execdir -ok -okdir".split())


_new = tuple.__new__
_ECHO = frozenset(("echo", "printf"))
_TAKES = {
    text: frozenset(text.split()) for table in (READERS, FILTERS, SEARCHERS, MOVERS, MAKERS) for text in table.values()
}


def operand_words(words: Iterable[str], valued: str = "") -> list[str]:
    """The words that are neither options nor their values."""
    takes = _TAKES.get(valued)
    if takes is None:
        takes = frozenset(valued.split())
    found: list[str] = []
    skip = literal = False
    for word in words:
        if skip:
            skip = False
        elif word[:1] != "-" or literal or word == "-":
            found.append(word)
        elif word == "--":
            literal = True
        elif word in takes:
            skip = True
    return found


def cut_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Search patterns as an operation carries them: each once, few and short."""
    return tuple(dict.fromkeys(pattern[:PATTERN_CHARS] for pattern in patterns if pattern))[:PATTERNS_KEPT]


def operation(command: Simple, cwd: str) -> Operation | None:
    """What the command does; None when that does not matter (cd, echo, export)."""
    words = command.words
    found = None
    name = ""
    if words:
        name = words[0]
        handler = HANDLERS.get(name)
        if handler is None:
            name = basename(name)
            handler = HANDLERS.get(name, _other)
            if handler is _silent:
                handler = _other  # ./test is no `test`
        found = handler(name, words[1:], command, cwd)
        if name in _ECHO and any(mark in word for word in words[1:3] for mark in SUBMIT_MARKS):
            return Operation("submit", (), (), (name,))
    if command.writes and (found is None or found.kind == "read"):
        appends = all(operator == ">>" for operator, _ in command.writes)
        new = command.stdin or (" ".join(operand_words(words[1:])) if name in ("echo", "printf") else "")
        files = named([target for _, target in command.writes], cwd)
        if files:
            return Operation("edit" if appends else "create", files, (), (name,) if name else (), "", new[:TEXT_CHARS])
    return found


def _silent(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    return None


def _git(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    return git.operation(rest, command, cwd)


def _read(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    paths = operand_words(rest, READERS[name])
    if command.reads:
        paths += command.reads
    return _new(Operation, ("read", named(paths, cwd), (), (name,), "", "", "", name in LISTERS))


def _translate(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    return Operation("read", named(command.reads, cwd), (), (name,))


def _locate(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    return Operation("search", (), cut_patterns(operand_words(rest)), (name,))


def _move(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    return Operation("edit", named(operand_words(rest, MOVERS[name]), cwd), (), (name,))


def _make(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    kind = "edit" if name == "tee" and ("-a" in rest or "--append" in rest) else "create"
    files = named([word for word in operand_words(rest, MAKERS[name]) if not word.startswith("/dev/")], cwd)
    if name in ("tee", "sponge") and not files:
        return Operation("read", commands=(name,))
    return Operation(kind, files, (), (name,), "", command.stdin[:TEXT_CHARS])


def _patch(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    diff = command.stdin[:TEXT_CHARS]
    files = named(git.patched(diff) or operand_words(rest, "-i -d")[:1], cwd)
    return Operation("edit", files, (), (name,), diff=diff)


def _python(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    if rest == ["-m", "json.tool"]:
        return Operation("read", (), (), ("python",))
    return _other("python", rest, command, cwd)


def _other(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    if runners.starts_tests(command.words):
        return Operation("test", named(_tested(rest), cwd), (), (name,))
    return _run(name, command.words, cwd)


def _tested(rest: list[str]) -> list[str]:
    """The files that a test run is pointed at, its own scripts left out; `a.py::test_b` names a.py."""
    paths = [word.partition("::")[0] for word in rest if not word.endswith(("manage.py", "setup.py", "bin/test"))]
    return [path for path in paths if looks_like_path(path) and basename(path) not in tasks.TESTERS]


def _run(name: str, words: list[str], cwd: str) -> Operation:
    if name == "python":
        script = runners.python_script(words)
        words = ["", *(script[1] if script and script[0] != "-c" else ())]
    # A path has a slash or a dot; most words have neither.
    files = [word for word in words if ("." in word or "/" in word or "\\" in word) and looks_like_path(word)]
    if words[0].startswith("/") and words[0] in files:
        files.remove(words[0])
    return Operation("run", named(files, cwd), (), (name,) if name else ())


def _search(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    given = "-e" in rest or "--regexp" in rest
    patterns = [value for option, value in pairwise(rest) if option in ("-e", "--regexp")] if given else []
    operands = operand_words(rest, _SEARCH_TAKES[name])
    if not patterns and "--files" not in rest:
        patterns, operands = operands[:1], operands[1:]
    if command.reads:
        operands += command.reads
    return _new(Operation, ("search", named(operands, cwd), cut_patterns(patterns), (name,), "", "", "", False))


def _find(name: str, rest: list[str], command: Simple, cwd: str) -> Operation:
    roots: list[str] = []
    for word in rest:
        if word.startswith(("-", "(", "!")):
            break
        roots.append(word)
    files = named(roots, cwd)
    patterns = [value for option, value in pairwise(rest) if option in FIND_TESTS]
    for at, word in enumerate(rest):
        if word in FIND_ACTIONS:
            inner = unwrap([word for word in rest[at + 1 :] if word not in ("{}", ";", "+")])
            done = operation(Simple(inner), cwd) if inner and basename(inner[0]) != "find" else None
            if done and done.kind in ("edit", "create"):
                return Operation("edit", files, cut_patterns(patterns), ("find", *done.commands), done.old, done.new)
            if done and done.kind == "search":
                patterns.extend(done.patterns)
    if "-delete" in rest:
        return Operation("edit", files, cut_patterns(patterns), ("find",))
    return Operation("search", files, cut_patterns(patterns), ("find",))


#: What stands for "in place" among options: `-i`, `-i.bak`, `-Ei`, `-pi`, `--in-place=.bak`; a suffix may follow apart.
IN_PLACE = lazy_pattern(r"-(?:[nErszu]{0,5}i[.\w~]{0,16}|-in-place(?:=.{0,16})?)")
PERL_IN_PLACE = lazy_pattern(r"-[0-7acFlnpsw]{0,8}i[.\w~]{0,16}")
SUFFIX = lazy_pattern(r"\.?[\w~]{0,8}")
PERL_CODE = lazy_pattern(r"-[0-7acilnpswF.]{0,8}[eE]")
SED_CODE = lazy_pattern(r"-[nErsz]{0,5}e|--expression")


def _stream(name: str, rest: list[str], command: Simple, cwd: str) -> Operation | None:
    """sed, awk, perl and their kin: filters, unless they write their files in place."""
    perl = name in ("perl", "ruby")
    at = -1
    if len(rest) == 3 and rest[0] == "-n" and name == "sed":  # what most look at files with: sed -n '1,20p' a.py
        return _new(Operation, ("read", named([rest[2], *command.reads], cwd), (), (name,), "", "", "", False))
    if len(rest) == 2 and rest[0] == "-n" and name == "sed" and not command.reads:
        return _new(Operation, ("read", (), (), (name,), "", "", "", False))
    if perl:
        at = next((at for at, word in enumerate(rest[:5]) if PERL_IN_PLACE.fullmatch(word)), -1)
        if at < 0 or not any(PERL_CODE.fullmatch(word) for word in rest[:8]):
            return _other(name, operand_words(rest, "-e -E -M -ne -pe -lne -nle"), command, cwd)
    elif name in ("awk", "gawk"):
        at = 0 if "inplace" in rest[:4] else -1
    elif any(word[:1] == "-" and "i" in word for word in rest):
        at = next((at for at, word in enumerate(rest) if IN_PLACE.fullmatch(word)), -1)
        if at >= 0 and rest[at][-1] == "i" and at + 1 < len(rest) and _is_suffix(rest[at + 1], rest[at + 2 :]):
            rest = rest[: at + 1] + rest[at + 2 :]
    code = PERL_CODE if perl else SED_CODE
    scripts: list[str] = []
    operands: list[str] = []
    takes = _TAKES[FILTERS.get(name, "")]
    skip = literal = False
    given = "-f" in rest or "--file" in rest
    for before, word in pairwise(["", *rest]):
        if skip:
            skip = False
            if code.fullmatch(before):
                scripts.append(word)
        elif literal or word[:1] != "-" or word == "-":
            operands.append(word)
        elif word == "--":
            literal = True
        elif word.startswith("--expression="):
            scripts.append(word[13:])
        else:
            skip = word in takes or word in ("-f", "--file") or code.fullmatch(word) is not None
    if not scripts and not given:
        scripts, operands = operands[:1], operands[1:]
    files = named([*operands, *command.reads], cwd)
    if at < 0:
        return Operation("read", files, (), (name,))
    change = SUBSTITUTE.fullmatch(scripts[0]) if scripts and len(scripts[0]) <= 4096 else None
    return Operation("edit", files, (), (name,), change[2] if change else "", change[3] if change else "")


def _is_suffix(word: str, behind: list[str]) -> bool:
    """Whether BSD's sed takes the word as the suffix of its copies: `-i ''`, `-i .bak`, and more words follow."""
    return bool(behind) and (word == "" or (word[0] == "." and SUFFIX.fullmatch(word) is not None))


Handler = Callable[[str, list[str], Simple, str], Operation | None]
HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(SILENT, _silent),
    **dict.fromkeys(READERS, _read),
    **dict.fromkeys(SEARCHERS, _search),
    **dict.fromkeys(LOCATORS, _locate),
    **dict.fromkeys(FILTERS, _stream),
    **dict.fromkeys(("perl", "ruby"), _stream),
    **dict.fromkeys(MOVERS, _move),
    **dict.fromkeys(MAKERS, _make),
    "git": _git,
    "tr": _translate,
    "find": _find,
    "patch": _patch,
    "python": _python,
    "python3": _python,
}
_SEARCH_TAKES = {name: text + ("" if name.startswith("fd") else " -e --regexp") for name, text in SEARCHERS.items()}
_TAKES |= {text: frozenset(text.split()) for text in _SEARCH_TAKES.values()}
