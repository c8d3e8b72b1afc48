"""Tools known by name: Claude Code, Codex, Cursor, Cline, Gemini CLI and their like, arguments as JSON or tags."""

from __future__ import annotations

from functools import lru_cache

from featrouter.dialects import bash, code, codex, editor
from featrouter.dialects.arguments import first
from featrouter.dialects.bash_words import Simple
from featrouter.dialects.paths import named
from featrouter.dialects.programs import cut_patterns, operation
from featrouter.dialects.runners import SHELLS, basename, unwrap
from featrouter.trajectory import Operation

TEXT_CHARS = 8192
PATHS = (
    "file_path path filepath file target_file notebook_path absolute_path relative_workspace_path filename dir_path "
    "directory target_directory paths target_files directories"
).split()
PATTERNS = "pattern query regex search_term search_pattern glob include url".split()
OLD = "old_string old_str search old_text".split()
NEW = "new_string new_str content file_text contents new_source code_edit replace new_text text".split()

#: Tool names in lower case, without `_` and `-`, by what they do.
NAMES = {
    "submit": "submit finish attemptcompletion completetask done finalanswer submitanswer exit taskdone",
    "edit": "edit multiedit notebookedit replaceinfile replace editfile applydiff searchreplace searchandreplace "
    "strreplace insertcontent deletefile editnotebook undoedit reapply insert inserteditintofile "
    "replacestringinfile move editblock",
    "create": "write writefile writetofile createfile newfile create savefile",
    "run": "task agent webfetch websearch killshell killbash browser browseraction webbrowse skill fetch "
    "usemcptool newtask googlewebsearch browse browserinteractive killprocess writestdin slashcommand",
    "search": "grep glob codebasesearch grepsearch searchfiles filesearch searchfilecontent searchdir searchfile "
    "findfile semanticsearch findfilebyname listcodeusages ripgrep grepcode findbyname search toolsearch "
    "findfiles findinfiles",
    "read": "read readfile readmanyfiles viewfile ls listdir listfiles listdirectory bashoutput view notebookread "
    "open listcodedefinitionnames getfileinfo readlints viewimage getterminaloutput geterrors webread "
    "directorytree cat tree",
    "think": "think todowrite todoread updateplan exitplanmode enterplanmode askfollowupquestion planmoderespond "
    "invalid tasktracker updatetodolist askuserquestion savememory sequentialthinking message noop todo "
    "plan",
}
KINDS = {name: kind for kind, names in NAMES.items() for name in names.split()}
LISTERS = frozenset("ls listdir listfiles listdirectory directorytree tree".split())
SHELL_TOOLS = frozenset(
    "bash shell executebash terminal runcommand runterminalcmd runshellcommand executecommand execcommand "
    "localshell sh runinterminal cmd command exec console containerexec runbash bashtool shellcommand "
    "powershell runterminalcommand".split()
)
EDITOR_TOOLS = frozenset(
    "strreplaceeditor strreplacebasededittool texteditor strreplacebasededit editor oheditor".split()
)
PYTHON_TOOLS = frozenset(
    "python executeipythoncell ipython jupyter codeinterpreter pythoninterpreter runpython runcode cell".split()
)
KNOWN = SHELL_TOOLS | EDITOR_TOOLS | PYTHON_TOOLS | KINDS.keys() | {"applypatch"}


@lru_cache(maxsize=256)
def plain(tool: str) -> str:
    """A tool's name without case, `_`, `-` and the prefix of the server it comes from (`mcp__files__read_file`)."""
    name = tool[-160:].rpartition("__")[2].rpartition(".")[2].rpartition(":")[2]
    return name.replace("_", "").replace("-", "").lower().strip()


def operations(name: str, given: dict[str, object], observation: str) -> tuple[Operation, ...]:
    """What a tool of a known (plain) name does with its arguments."""
    if name in SHELL_TOOLS:
        return shell(given, observation)
    if name in EDITOR_TOOLS:
        return editor.operations({key: first(given, key) for key in given}, observation)
    if name in PYTHON_TOOLS:
        return code.python(first(given, "code", "command", "input", "script"))
    if name == "applypatch":
        return codex.patch(first(given, "input", "patch", "diff", "command"))
    kind = KINDS[name]
    files = named(first(given, key) for key in PATHS if key in given)
    if isinstance(given.get("paths"), list):
        files = named(path for path in _texts(given["paths"]))
    if kind in ("edit", "create"):
        old, new = first(given, *OLD), first(given, *NEW)
        if isinstance(given.get("edits"), list):
            old, new = _joined(given["edits"], OLD), _joined(given["edits"], NEW)
        diff = first(given, "diff", "patch")
        return (Operation(kind, files, (), (name,), old[:TEXT_CHARS], new[:TEXT_CHARS], diff[:TEXT_CHARS]),)
    if kind == "search":
        return (Operation(kind, files, cut_patterns([first(given, *PATTERNS)]), (name,)),)
    return (Operation(kind, files, commands=(name,), directory=kind == "read" and name in LISTERS),)


def shell(given: dict[str, object], observation: str) -> tuple[Operation, ...]:
    """A command line, or the list of words that Codex sends."""
    command = given.get("command", given.get("cmd", given.get("script", "")))
    cwd = first(given, "workdir", "cwd")
    if isinstance(command, dict):
        command = command.get("command", "")
    if not isinstance(command, list):
        return bash.line(command, observation, cwd) if isinstance(command, str) else bash.THINK
    words = [str(word)[:16384] for word in command[:64] if isinstance(word, str)]
    if len(words) > 2 and basename(words[0]) in SHELLS and words[1].endswith("c"):
        return bash.operations(words[2], cwd=cwd)
    if len(words) > 1 and words[0] == "apply_patch":
        return codex.patch(words[1], cwd)
    words = unwrap(words)
    done = operation(Simple(words), cwd) if words else None
    return (done or Operation("run" if words else "think", commands=tuple(basename(word) for word in words[:1])),)


def infer(given: dict[str, object], observation: str) -> tuple[Operation, ...]:
    """What a tool of an unknown name does, by its arguments' names."""
    keys = given.keys()
    if "path" in keys and first(given, "command") in editor.KINDS:
        return operations("strreplaceeditor", given, observation)
    if codex.PATCH_MARK in first(given, "input", "patch", "diff")[:64]:
        return operations("applypatch", given, observation)
    if code.sql_keyword(first(given, "sql", "statement", "query")):
        return code.sql(first(given, "sql", "statement", "query"))
    for name, marks in (
        ("bash", ("command", "cmd")),
        ("edit", (*OLD[:2], "edits", "new_string", "new_str", "diff")),
        ("write", ("content", "file_text", "contents")),
        ("python", ("code",)),
        ("think", ("thought", "todos", "plan")),
        ("grep", ("pattern", "regex", "query", "search_term")),
        ("read", PATHS),
    ):
        if any(mark in keys for mark in marks):
            return operations(name, given, observation)
    return (Operation("other"),)


def _texts(values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _joined(edits: object, keys: list[str]) -> str:
    texts = [first(edit, *keys) for edit in edits[:32] if isinstance(edit, dict)] if isinstance(edits, list) else []
    return "\n".join(texts)
