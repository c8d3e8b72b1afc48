"""Tools known by name: Claude Code, Codex, Cursor, Cline, Gemini CLI and their like, arguments as JSON or tags."""

from __future__ import annotations

from functools import lru_cache

from featrouter.dialects import bash, code, codex, diffs, editor, tool_words
from featrouter.dialects.arguments import first, plain_key
from featrouter.dialects.arguments import plain as plain_object
from featrouter.dialects.bash_words import Simple
from featrouter.dialects.git import patched
from featrouter.dialects.paths import named
from featrouter.dialects.programs import cut_patterns, operation
from featrouter.dialects.wrappers import basename, shell_script, unwrap
from featrouter.trajectory import Operation

TEXT_CHARS = 8192
EDITS_KEPT = 32
BATCH_KEPT = 8

#: Names of arguments, as `plain_key` spells them.
PATHS = tuple(
    "filepath path file targetfile notebookpath absolutepath relativeworkspacepath filename dirpath directory targetdirectory "
    "relativepath directorypath searchpath searchdirectory folder folderpath fileuri uri documentpath outputpath oldpath "
    "sourcepath source src targetpath newpath destinationpath destination dest dst workspacefolder filepaths paths targetfiles "
    "directories targetdirectories files filelist repopath root rootpath".split()
)
PATTERNS = tuple(
    "pattern query regex searchterm searchpattern globpattern glob include url substringpattern namepath namepathpattern "
    "symbolname symbol filemask filepattern searchquery searchtext codestr methodname classname functionname keyword keywords "
    "name text term queries needle searchstring includepattern".split()
)
OLD = tuple(
    "oldstring oldstr search oldtext targetcontent find original needle oldcode oldcontent searchtext before oldlines "
    "texttoreplace searchstring oldstr1 old".split()
)
NEW = tuple(
    "newstring newstr content filetext contents newsource codeedit replace newtext replacementcontent codecontent replacement "
    "newcode newcontent repl body code changes after newlines text data value insertedtext inserttext filecontent "
    "newstr1 new".split()
)
DIFFS = ("diff", "patch", "patchtext", "unifieddiff", "patchcontent", "diffcontent", "input")
LISTS = (
    "edits",
    "replacements",
    "replacementchunks",
    "replaceblocks",
    "strreplaceentries",
    "edit",
    "changes",
    "operations",
    "hunks",
    "blocks",
    "diffs",
    "args",
    "files",
    "file",
)
BATCHES = ("toolcalls", "tooluses", "calls", "invocations")
#: Arguments that only an edit has.
OLD_MARKS = frozenset(("oldstring", "oldstr", "oldtext", "targetcontent", "newstring", "newstr", "edits", "replacementchunks",
                       "replacements", "replaceblocks", "strreplaceentries", "oldstr1"))  # fmt: skip
_PATHS, _LISTS = frozenset(PATHS), frozenset(LISTS)

#: Tool names in lower case, without `_` and `-`, by what they do, where the words of a name mislead or say nothing.
NAMES = {
    "submit": "submit finish attemptcompletion completetask done finalanswer submitanswer exit taskdone finaloutput "
    "structuredoutput giveup taskcomplete finaloutputtool completesubtask signalcompletion agentfinish terminate",
    "edit": "edit multiedit notebookedit replaceinfile replace editfile applydiff searchreplace searchandreplace "
    "strreplace insertcontent deletefile editnotebook undoedit reapply insert inserteditintofile "
    "replacestringinfile move editblock multireplacestringinfile editnotebookfile replacefilecontent multireplacefilecontent "
    "editexistingfile singlefindandreplace movepath deletepath copypath movefile deletelines replacelines insertatline "
    "renamesymbol vscoderenamesymbol streamingeditfile restorefilefromdisk jsonedittool writepatch replaceregex proposecode "
    "formatfile reformatfile renamerefactoring findandreplace strreplacefile editanthropic deleterange",
    "create": "write writefile writetofile createfile newfile create savefile createnewfile createdirectory createtextfile "
    "createnewworkspace",
    "run": "task agent webfetch websearch killshell killbash browser browseraction webbrowse skill fetch "
    "usemcptool newtask googlewebsearch browse browserinteractive killprocess writestdin slashcommand runslashcommand "
    "fetchwebpage searchweb codesearch sourcegraph oracle librarian subagent runsubagent taskstop taskoutputs download "
    "interactwithprocess forceterminate installextension runnotebookcell checkflag calculate transfertohumanagents mermaid "
    "generateimage creatediagram spawnagent sendinput waitagent wait closeagent monitor websearchtool visitwebpage userinput "
    "useskill activateskill readwebpage readurlcontent automationscript browserpreview opensimplebrowser runvscodecommand "
    "createandruntask runtask cronecreate cronlist crondelete teamcreate teamdelete enterworktree exitworktree jobkill "
    "agenticfetch newrule createruleblock creatememorysession switchmode wikipediasearch delegatetoagent",
    "search": "grep glob codebasesearch grepsearch searchfiles filesearch searchfilecontent searchdir searchfile "
    "findfile semanticsearch findfilebyname listcodeusages ripgrep grepcode findbyname search toolsearch "
    "findfiles findinfiles lsp findpath globfilesearch fileglobsearch codebaseinvestigator trajectorysearch githubrepo "
    "codebase grepfiles startsearch finder searchsubagent lspreferences testsearch",
    "read": "read readfile readmanyfiles viewfile ls listdir listfiles listdirectory bashoutput view notebookread "
    "open listcodedefinitionnames getfileinfo readlints viewimage getterminaloutput geterrors webread "
    "directorytree cat tree list diagnostics lspdiagnostics filemap taskoutput joboutput commandstatus readprocessoutput "
    "gotonode getchangedfiles testfailure terminallastcommand terminalselection readcommandoutput jobs viewcodeitem "
    "lookat viewrepomap viewsubdirectory viewdiff readcurrentlyopenfile fetchrules fetchinstructions getdiagnostics gotoline "
    "accessmcpresource imageprocessor screencapture repomap",
    "think": "think todowrite todoread updateplan exitplanmode enterplanmode askfollowupquestion planmoderespond "
    "invalid tasktracker updatetodolist askuserquestion savememory sequentialthinking message noop todo "
    "plan respond taskcreate taskupdate taskget tasklist managetodolist reportintent writetodos checklist todos thinking "
    "sendmessage sendmsgtouser planexit planenter actmoderespond condense requestcondensation taskboundary notifyuser handoff "
    "askuser question memory updatememory creatememory writememory readmemory listmemories deletememory editmemory focuschain "
    "onboarding checkonboardingperformed initialinstructions prepareforneconversation preparefornewconversation status now "
    "suggestedresponses askquestion askquestions vscodeaskquestions reportbug discussion requestuserinput exitplan",
    "test": "runtests runtest test tests pytest executetests",
}  # fmt: skip
KINDS = {name: kind for kind, names in NAMES.items() for name in names.split()}
LISTERS = frozenset(
    "ls listdir listfiles listdirectory directorytree tree list listdirectorywithsizes viewsubdirectory".split()
)
WINDOWS_TOOLS = frozenset(
    "powershell pwsh cmd cmdexe powershellexe pwshexe runpowershell executepowershell commandprompt runpowershellcommand "
    "windowsshell powershellcommand executecmd runcmd".split()
)
SHELL_TOOLS = WINDOWS_TOOLS | frozenset(
    "bash shell executebash terminal runcommand runterminalcmd runshellcommand executecommand execcommand "
    "localshell sh runinterminal command exec console containerexec runbash bashtool shellcommand "
    "runterminalcommand executeshellcommand startprocess writebash shellexec runshell zsh localshellcall terminalexec "
    "executebashcommand bashcommand runbashcommand executeshell".split()
)
EDITOR_TOOLS = frozenset(
    "strreplaceeditor strreplacebasededittool texteditor strreplacebasededit editor oheditor fileeditor "
    "planningfileeditor strreplaceedit".split()
)
PYTHON_TOOLS = frozenset(
    "python executeipythoncell ipython jupyter codeinterpreter pythoninterpreter runpython runcode cell pythonrepl "
    "executepython pythontool runpythoncode pythonexec jsrepl sagemath ipythonrun executecode".split()
)
PATCH_TOOLS = frozenset("applypatch patch".split())
KNOWN = SHELL_TOOLS | EDITOR_TOOLS | PYTHON_TOOLS | PATCH_TOOLS | KINDS.keys()
#: What hosts put before or behind a tool's own name.
PREFIXES = ("builtin", "copilot", "vscode", "developer", "jetbrains")
SUFFIXES = ("v2", "v3", "tool")


@lru_cache(maxsize=256)
def plain(tool: str) -> str:
    """A tool's name without case, `_`, `-` and the prefix of the server it comes from (`mcp__files__read_file`)."""
    name = tool_words.own_name(tool).replace("_", "").replace("-", "").replace(" ", "").lower()
    if name in KNOWN:
        return name
    for suffix in SUFFIXES:
        if name.endswith(suffix) and name.removesuffix(suffix) in KNOWN:
            return name.removesuffix(suffix)
    for prefix in PREFIXES:
        if name.startswith(prefix) and name.removeprefix(prefix) in KNOWN:
            return name.removeprefix(prefix)
    return name


def operations(name: str, given: dict[str, object], observation: str) -> tuple[Operation, ...]:
    """What a tool of a known (plain) name does with its arguments, whose names are plain, too."""
    if name in EDITOR_TOOLS:
        return editor.operations(given, observation)
    if name in SHELL_TOOLS:
        return shell(given, observation, of_windows=name in WINDOWS_TOOLS)
    if name in PYTHON_TOOLS:
        return code.python(first(given, "code", "command", "input", "script"))
    if name in PATCH_TOOLS:
        text = first(given, "input", "patch", "patchtext", "diff", "command", "content")
        if codex.PATCH_MARK in text or not text or name == "applypatch":
            return codex.patch(text)
        return (_change("edit", name, given),)
    kind = KINDS[name]
    if name == "jsonedittool" and first(given, "operation") in ("view", "get", "read"):
        kind = "read"
    if kind == "think" and name == "memory" and first(given, "command") in editor.KINDS and "path" in given:
        return editor.operations(given, observation)
    return _of_kind(kind, name, given)


def _of_kind(kind: str, name: str, given: dict[str, object]) -> tuple[Operation, ...]:
    if kind in ("edit", "create"):
        return (_change(kind, name, given),)
    if kind in ("think", "submit", "run"):
        return (Operation(kind, (), (), (name,)),)
    if kind == "search":  # the name of a file is what is looked for, not where
        files = named(_paths({key: value for key, value in given.items() if key != "filename"}))
        return (Operation(kind, files, cut_patterns([first(given, *PATTERNS, "filename")]), (name,)),)
    files = named(_paths(given))
    return (Operation(kind, files, (), (name,), "", "", "", kind == "read" and name in LISTERS),)


def _paths(given: dict[str, object]) -> list[str]:
    """The paths that arguments name: texts, lists of texts, lists of objects with a path of their own."""
    found: list[str] = []
    for key, value in given.items():
        if key not in _PATHS and key not in _LISTS:
            continue
        if isinstance(value, str):
            if key in _PATHS and value:
                found.append(value[:TEXT_CHARS] if "\n" not in value else "")
        elif isinstance(value, list | dict):
            for item in value[:EDITS_KEPT] if isinstance(value, list) else (value,):
                if isinstance(item, str) and key in _PATHS:
                    found.append(item)
                elif isinstance(item, dict):
                    found += [
                        text
                        for name, text in item.items()
                        if plain_key(str(name)[:64]) in _PATHS and isinstance(text, str)
                    ]
    return found


def _change(kind: str, name: str, given: dict[str, object]) -> Operation:
    """An edit or a new file, with what it replaces and what it writes."""
    paths = _paths(given)
    old, new, diff = _texts_of(given)
    if not (old or new or diff):
        pairs = []
        for key in LISTS:
            value = given.get(key)
            items = value if isinstance(value, list) else [value]
            for item in items[:EDITS_KEPT]:
                if isinstance(item, dict):
                    one, other, inner = _texts_of(plain_object(item))
                    pairs += diffs.replaced(inner) or ([(one, other)] if one or other else [])
                    diff = diff or ("" if "SEARCH" in inner else inner)
        old, new = diffs.joined(pairs) if pairs else ("", "")
    if diff or "SEARCH" in new:
        blocks = diffs.replaced(diff or new)
        if blocks:
            old, new = diffs.joined(blocks)
            diff = ""
            paths = paths or diffs.files_of_blocks(first(given, *DIFFS, *NEW))
        elif diff and not paths:
            paths = patched(diff)
    files = named(paths)
    return Operation(kind, files, (), (name,), old[:TEXT_CHARS], new[:TEXT_CHARS], diff[:TEXT_CHARS])


def _texts_of(given: dict[str, object]) -> tuple[str, str, str]:
    """(old, new, diff) of one object of arguments; lists of edits are none of them."""
    diff = first({key: given[key] for key in DIFFS if isinstance(given.get(key), str)}, *DIFFS)
    old = next((value for key in OLD if isinstance(value := given.get(key), str) and value), "")
    new = next((value for key in NEW if isinstance(value := given.get(key), str) and value), "")
    return old, new, diff


def shell(given: dict[str, object], observation: str, *, of_windows: bool = False) -> tuple[Operation, ...]:
    """A command line, or the list of words that Codex sends."""
    command = given.get("command")
    if len(given) == 1 and type(command) is str:
        return bash.line(command, observation, of_windows=of_windows)
    if command is None:
        command = given.get("cmd")
        for key in ("commandline", "script", "commands", "action", "input", "code", "keystrokes"):
            command = given.get(key) if command is None else command
    cwd = first(given, "workdir", "cwd", "workingdirectory", "cd") if len(given) > 1 else ""
    if isinstance(command, dict):
        command = command.get("command", "")
    if not isinstance(command, list):
        return bash.line(command, observation, cwd, of_windows=of_windows) if isinstance(command, str) else bash.THINK
    words = [str(word)[:16384] for word in command[:64] if isinstance(word, str)]
    if len(words) == 1 and " " in words[0]:
        return bash.line(words[0], observation, cwd, of_windows=of_windows)
    if len(words) > 1 and words[0] == "apply_patch":
        return codex.patch(words[1], cwd)
    words = unwrap(words)
    script = shell_script(words) if words else None
    if script is not None:
        return bash.operations(script[0], cwd=cwd, of_windows=script[1])
    if of_windows and words:
        return bash.operations(" ".join(words), cwd=cwd, of_windows=True)
    done = operation(Simple(words), cwd) if words else None
    return (done or Operation("run" if words else "think", (), (), tuple(basename(word) for word in words[:1])),)


def infer(tool: str, given: dict[str, object], observation: str) -> tuple[Operation, ...]:
    """What a tool of an unknown name does: by arguments that leave no doubt, by its name's words, by other arguments."""
    keys = given.keys()
    if "path" in keys and first(given, "command") in editor.KINDS:
        return editor.operations(given, observation)
    patch = first(given, *DIFFS) if not keys.isdisjoint(DIFFS) else ""
    if codex.PATCH_MARK in patch[:64]:
        return codex.patch(patch)
    if code.sql_keyword(first(given, "sql", "statement", "query")):
        return code.sql(first(given, "sql", "statement", "query"))
    name = plain(tool) or "tool"
    if not OLD_MARKS.isdisjoint(keys) or (patch and "input" not in keys):
        return (_change("edit", name, given),)
    if not keys.isdisjoint(("command", "cmd", "commandline")):
        return shell(given, observation)
    kind = tool_words.kind(tool, has_path=not _PATHS.isdisjoint(keys)) if tool else ""
    if kind and not (kind == "run" and "code" in keys):
        return _of_kind(kind, name, given)
    for kind, marks in (
        ("create", ("content", "filetext", "contents", "codecontent")),
        ("python", ("code",)),
        ("think", ("thought", "todos", "plan", "question")),
        ("search", ("pattern", "regex", "query", "searchterm", "globpattern")),
        ("read", PATHS),
        ("run", ("url", "urls")),
    ):
        if not keys.isdisjoint(marks):
            return code.python(first(given, "code")) if kind == "python" else _of_kind(kind, name, given)
    return bash.OTHER


def batch(given: dict[str, object]) -> list[tuple[str, dict[str, object]]]:
    """The calls that one call carries, as (tool, arguments); empty where it carries none."""
    found: list[tuple[str, dict[str, object]]] = []
    for key in BATCHES:
        calls = given.get(key)
        for item in calls[:BATCH_KEPT] if isinstance(calls, list) else ():
            if isinstance(item, dict):
                call = plain_object(item)
                inner = next((call[key] for key in ("parameters", "arguments", "args", "input") if key in call), None)
                name = first(call, "tool", "recipientname", "name", "toolname")
                if name and isinstance(inner, dict):
                    found.append((name, plain_object(inner)))
    return found
