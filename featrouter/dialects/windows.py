"""Lines for PowerShell and cmd.exe: their words, and what cmdlets and built-in commands do."""

from __future__ import annotations

import re

from featrouter.dialects.bash_words import COMMANDS_KEPT, TOKENS_KEPT, WORDS_KEPT, Simple
from featrouter.dialects.paths import named
from featrouter.dialects.programs import SUBMIT_MARKS
from featrouter.lazy_pattern import lazy_pattern
from featrouter.trajectory import Operation

TEXT_CHARS = 8192
PATTERN_CHARS = 200
#: PowerShell's escape is the backtick, so that a backslash is a character like any other.
TOKEN = lazy_pattern(
    r"""
    (?: [ \t\r,] | `\n )*
    (?:
        \#[^\n]*+ | (?: \d | \* )?>&\d
      | ( @'\n[^']*+(?:'(?!@)[^']*+)*'@ | @"\n[^"]*+(?:"(?!@)[^"]*+)*"@ )
      | ( (?: \d(?=>) | \*(?=>) )? >>? )
      | ( && | \|\|? | \n | ; | & | [(){}] | < )
      | ( (?: [^\s'"`;|&<>(){},]++ | '[^']*+'? | "(?:[^"`]|`.)*"? | `. )+ )
    )?
    """,
    re.VERBOSE | re.DOTALL,
)
QUOTED = lazy_pattern(r"""'([^']*+)'?|"((?:[^"`]|`.)*)"?|`(.)""", re.DOTALL)
#: A cmdlet by its shape: an approved verb, a hyphen and a noun.
CMDLET = lazy_pattern(
    r"(?:add|clear|close|compare|compress|convert|convertfrom|convertto|copy|disable|enable|enter|exit|expand|export|find|"
    r"format|foreach|get|group|import|install|invoke|join|measure|move|new|out|pop|push|read|receive|register|remove|rename|"
    r"resolve|restart|save|select|send|set|show|sort|split|start|stop|tee|test|trace|unblock|uninstall|update|wait|where|"
    r"write)-[a-z]\w{1,60}",
    re.IGNORECASE,
)
ASSIGNED = lazy_pattern(r"(?:\[\w{1,40}\])?\$[\w:]{1,60}")
DRIVE = lazy_pattern(r"""(?:^|[\s"'=(])(?:[A-Za-z]:\\[\w.]|\.{1,2}\\[A-Za-z_])""")

#: What cmdlets and commands do, each with its other names; `cmd` marks what exists in cmd.exe, too.
READ = {
    "get-content": "gc cat type more", "get-childitem": "gci ls dir tree", "get-item": "gi", "get-itemproperty": "gp",
    "get-location": "gl pwd", "resolve-path": "rvpa", "test-path": "", "get-filehash": "",
    "compare-object": "diff compare fc comp",
    "import-csv": "ipcsv", "format-hex": "fhx", "get-acl": "", "split-path": "", "join-path": "", "format-table": "ft",
    "format-list": "fl", "format-wide": "fw", "out-string": "", "out-host": "oh",
    "select-object": "select", "sort-object": "sort",
    "measure-object": "measure", "where-object": "?", "group-object": "group", "convertfrom-json": "",
    "convertto-json": "",
    "import-clixml": "", "get-member": "gm", "get-unique": "gu", "certutil": "", "attrib": "",
}  # fmt: skip
SEARCH = {"select-string": "sls findstr", "get-command": "gcm where where.exe", "find": ""}
CREATE = {
    "set-content": "sc", "new-item": "ni md mkdir", "out-file": "", "tee-object": "tee", "export-csv": "epcsv",
    "export-clixml": "", "new-temporaryfile": "", "new-itemproperty": "",
}  # fmt: skip
EDIT = {
    "add-content": "ac", "remove-item": "ri rm rmdir rd del erase", "copy-item": "cpi cp copy xcopy robocopy",
    "move-item": "mi mv move", "rename-item": "rni ren rename", "clear-content": "clc", "set-itemproperty": "sp",
    "clear-item": "cli", "mklink": "", "set-item": "si",
}  # fmt: skip
SILENT = {
    "set-location": "cd sl chdir", "push-location": "pushd", "pop-location": "popd", "write-host": "",
    "write-output": "echo write",
    "clear-host": "cls clear", "set-variable": "sv set setlocal endlocal", "foreach-object": "% foreach", "out-null": "",
    "start-sleep": "sleep timeout", "exit": "", "rem": "", "title": "", "pause": "", "@echo": "", "set-strictmode": "",
    "write-error": "", "write-warning": "", "write-verbose": "", "if": "", "else": "", "elseif": "", "for": "", "return": "",
    "param": "", "try": "", "catch": "", "finally": "", "while": "", "do": "", "in": "", "function": "", "get-date": "",
}  # fmt: skip
KINDS = {"read": READ, "search": SEARCH, "create": CREATE, "edit": EDIT, "": SILENT}
CANONICAL = {
    name: full for table in KINDS.values() for full, others in table.items() for name in (full, *others.split())
}
KIND_OF = {full: kind for kind, table in KINDS.items() for full in table}
#: Commands that no other shell has, and that are known without its name.
UNMISTAKABLE = frozenset("findstr copy xcopy robocopy del erase ren rd md cls mklink".split())
SWITCHES = frozenset(
    "-recurse -force -raw -append -nonewline -wait -allmatches -casesensitive -quiet -simplematch -file -directory -hidden "
    "-whatif -verbose -passthru -noclobber -list -notmatch -asjob -usebasicparsing -name -r -rec -fo -f -confirm:$false "
    "-notypeinformation -literal -container -system -readonly -leaf -descending -unique".split()
)
PATHS = frozenset("-path -literalpath -filepath -destination -lp -pspath -newname -outfile -inputfile".split())
TEXTS = frozenset("-value -inputobject -v".split())
PATTERNS = frozenset("-pattern -filter -include".split())


def is_windows(text: str, first_word: str) -> bool:
    """Whether a line for a shell of unknown kind is one of Windows: a cmdlet, cmd's own command, a drive or `.\\`."""
    if "-" in first_word and CMDLET.fullmatch(first_word):
        return True
    if first_word.lower() in UNMISTAKABLE:
        return True
    if "\\" in text and "<<" not in text:  # here-documents are of other shells, and hold anything
        head = text[:512]
        if (":\\" in head or ".\\" in head) and DRIVE.search(head) is not None:
            return True
    return "-" in text and "$" in first_word and "=" in text[:80] and CMDLET.search(text[:256]) is not None


def split(text: str) -> list[Simple]:
    """The simple commands of the line; script blocks and parentheses are commands of their own."""
    found: list[Simple] = []
    current = Simple([])
    operator = here = ""
    called = False
    for heredoc, redirect, end, word in TOKEN.findall(text)[:TOKENS_KEPT]:
        if word:
            value = _bare_word(word)
            if operator:
                if operator in (">", ">>", "1>", "1>>", "*>", "*>>") and value.lower() not in ("$null", "nul"):
                    current.writes += ((operator.lstrip("1*"), value),)
                operator = ""
            elif len(current.words) < WORDS_KEPT:
                if (
                    not current.words and word[0] in "'\"" and not called
                ):  # a text that goes to what stands behind the pipe
                    current.words.append("write-output")
                current.words.append(value)
        elif heredoc:
            here = heredoc[3:-2].removesuffix("\n")
            current.stdin = here
            current.words.append(here)
        elif redirect:
            operator = redirect
        elif end:
            _finish(current, found)
            if len(found) >= COMMANDS_KEPT:
                return found
            current, operator, called = Simple([], end == "|"), "", end == "&"
            if end == "|":
                current.stdin = here
            elif end != ")":
                here = ""
    _finish(current, found)
    return found


def _finish(command: Simple, found: list[Simple]) -> None:
    words = command.words
    while words and (ASSIGNED.fullmatch(words[0]) or words[0] in ("=", "+=", ".", "@", "$", "-not", "!")):
        words = words[1:]
    if len(words) > 1 and words[0].lower() == "if":  # cmd: if exist a.txt type a.txt
        words = words[2 + (words[1].lower() == "not") + 1 :] if words[1].lower() in ("exist", "not") else words
    if len(words) > 3 and words[0].lower() == "for":
        at = next((at for at, word in enumerate(words) if word.lower() == "do"), len(words))
        words = words[at + 1 :]
    elif words and words[0].lower() == "do":
        words = words[1:]
    if words and words[0].startswith("$") and "=" in words[0]:
        words = [words[0].partition("=")[2], *words[1:]]
    command.words = [word for word in words if word]
    if command.words or command.writes:
        found.append(command)


def _bare_word(word: str) -> str:
    if "'" not in word and '"' not in word and "`" not in word:
        return word
    return QUOTED.sub(lambda match: next((part for part in match.groups() if part is not None), ""), word)


def canonical(word: str, piped: bool = False) -> str:
    """The full name of the cmdlet or command that a word names, "" when it names none."""
    low = word.lower()
    if low == "where" and piped:
        return "where-object"
    if low.endswith(".exe") and low != "where.exe":
        low = low[:-4]
    return CANONICAL.get(low, low if CMDLET.fullmatch(low) else "")


def operation(command: Simple, full: str, cwd: str, seen: set[str]) -> Operation | None:
    """What a cmdlet or command does, by its full name; None when that does not matter. `seen` are files read before."""
    words = command.words
    kind = KIND_OF.get(full, "test" if full == "invoke-pester" else "run")
    shown = words[0] if words else ""
    if full in ("write-output", "write-host") and any(mark in word for word in words[1:3] for mark in SUBMIT_MARKS):
        return Operation("submit", commands=(shown,))
    paths, patterns, texts, appends, recurses = _arguments(full, words[1:])
    if command.writes and kind in ("", "read"):
        files = named([target for _, target in command.writes], cwd)
        change = "edit" if all(operator == ">>" for operator, _ in command.writes) else "create"
        return Operation(change, files, commands=(shown,), new=" ".join(words[1:])[:TEXT_CHARS] if not kind else "")
    if not kind:
        return None
    if full == "get-childitem" and patterns and recurses:
        kind = "search"
    files = named(paths, cwd)
    if kind == "create":
        kind = "edit" if appends or not seen.isdisjoint(files) else kind
    if kind in ("create", "edit"):
        new = (
            (texts[0] if texts else command.stdin)
            if full in ("set-content", "add-content", "out-file", "new-item")
            else ""
        )
        return Operation(kind, files, commands=(shown,), new=new[:TEXT_CHARS])
    if kind == "search":
        return Operation(kind, files, tuple(pattern[:PATTERN_CHARS] for pattern in patterns[:4]), (shown,))
    if kind == "read":
        seen.update(files)
    return Operation(kind, files if kind != "run" else (), commands=(shown,), directory=full == "get-childitem")


def _arguments(full: str, words: list[str]) -> tuple[list[str], list[str], list[str], bool, bool]:
    """(paths, patterns, texts, whether it appends, whether it goes into folders) of a cmdlet's or a command's words."""
    paths: list[str] = []
    patterns: list[str] = []
    texts: list[str] = []
    places: list[str] = []
    appends = recurses = False
    wanted: list[str] | None = None
    for word in words:
        low = word.lower()
        if word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            appends = appends or low in ("-append", "-a")
            recurses = recurses or low in ("-recurse", "-r", "-rec", "-depth")
            wanted = None
            if low in PATHS:
                wanted = paths
            elif low in PATTERNS:
                wanted = patterns
            elif low in TEXTS:
                wanted = texts
            elif low not in SWITCHES and len(low) > 3:
                wanted = []
        elif word.startswith("/") and (len(word) < 4 or ":" in word):
            if low.startswith("/c:"):
                patterns.append(word[3:])
        elif wanted is not None:
            wanted.append(word)
            if wanted is not paths and wanted is not patterns:
                wanted = None
        else:
            places.append(word)
    if KIND_OF.get(full) == "search" and not patterns:
        patterns, places = places[:1], places[1:]
    if full in ("set-content", "add-content", "out-file") and not texts and len(places) > (0 if paths else 1):
        texts, places = places[-1:], places[:-1]
    if KIND_OF.get(full) == "read" and full.endswith("-object"):
        places = []
    return paths + places, patterns, texts, appends, recurses
