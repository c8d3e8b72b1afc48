"""What a tool of an unknown name does, by the words of its name."""

from __future__ import annotations

from functools import lru_cache

from featrouter.lazy_pattern import lazy_pattern

NAME_CHARS = 160
#: snake_case, kebab-case, camelCase and `Several words`.
PART = lazy_pattern(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

VERBS = {
    "read": "read get view open list show cat ls display describe inspect dump load peek look outline decompile disassemble "
    "diff status info overview summary summarize history snapshot screenshot tree examine preview check head tail scroll "
    "goto observe fetchone receive details analyze diagnostics hover definition references symbols usages lint",
    "search": "search find grep query lookup glob locate rg ripgrep retrieve match finder filter scan explore discover",
    "create": "write create save make touch mkdir scaffold creat",
    "edit": "edit replace update patch insert rename delete move remove modify append prepend apply refactor change undo redo "
    "revert restore overwrite substitute indent fix add multiedit rewrite set mv rm cp copy merge",
    "run": "run execute exec start fetch click navigate call invoke launch build compile install deploy kill stop terminate "
    "send post put download upload visit browse request calculate compute eval evaluate book cancel return exchange transfer "
    "enable disable toggle reset pay refund schedule type press hover_over drag select go back wait use do perform trigger "
    "commit push pull checkout clone stage interact spawn delegate restart resume shell bash terminal browser goback verify "
    "validate refuel suspend grant register login logout reserve order buy purchase sleep sync convert generate render draw "
    "plot transcribe translate close tap swipe fill submitform play record process connect disconnect handle parallel batch "
    "clear attack decode encode decrypt hash scrape crawl interpreter solve simulate mark assign confirm activate",
    "test": "test tests pytest jest unittest",
    "think": "think plan todo todos note notes reflect reason ask respond reply remember recall thinking thought thoughts "
    "message say tell notify remind brainstorm memory memories question scratchpad clarify",
    "submit": "submit finish complete done answer conclude finalize giveup",
}  # fmt: skip
KIND_OF = {word: kind for kind, words in VERBS.items() for word in words.split()}
#: An agent's own notes: whatever is done to them, it thinks.
NOTES = frozenset("todo todos thought thoughts thinking memory memories scratchpad reflection intent".split())
#: Of these, creating, changing or removing one changes files; anything else is changed in the world.
FILE_WORDS = frozenset(
    "file files text content contents code directory directories dir folder path paths symbol line lines block blocks document "
    "doc notebook cell string str patch diff diffs method function class body json yaml xml csv source module regex region "
    "section import imports range tool edit selection snippet chunk chunks edits variable markdown readme".split()
)
#: What an agent hands in; completing or submitting anything else is an action.
HANDED_IN = frozenset(
    "task tasks answer solution result results work report final run session trajectory patch output flag query sql code "
    "response step attempt completion done it now".split()
)
RUNNERS = frozenset("run execute exec start launch invoke call".split())
TEST_WORDS = frozenset("test tests unittest unittests pytest suite specs".split())


def own_name(tool: str) -> str:
    """A tool's name without the server it comes from (`mcp__server__verb_noun`)."""
    name = tool[-NAME_CHARS:].rpartition("__")[2] or tool[-NAME_CHARS:]
    return name.rpartition(".")[2].rpartition("/")[2].rpartition(":")[2]


@lru_cache(maxsize=512)
def words(tool: str) -> tuple[str, ...]:
    """The words of a tool's name, lower case, without the server it comes from."""
    return tuple(part.lower() for part in PART.split(own_name(tool)) if part)[:16]


@lru_cache(maxsize=512)
def kind(tool: str, has_path: bool = False) -> str:
    """The kind of operation that a tool's name tells of, "" when it tells nothing.

    The first verb decides. Looking something up (`get_order_details`, `find_user_id_by_email`) reads or searches, wherever
    it is kept. Changing what is no file (`cancel_pending_order`, `update_reservation`, `create_issue`) runs, like a
    program that acts on the world: an edit is a change of files, whose size and place other readers ask for.
    """
    parts = words(tool)
    if not parts:
        return ""
    if not NOTES.isdisjoint(parts) and not has_path:
        return "think"
    at = next((at for at, part in enumerate(parts) if part in KIND_OF), -1)
    if at < 0:
        return ""
    verb, rest = parts[at], parts[at + 1 :]
    found = KIND_OF[verb]
    if verb in RUNNERS and not TEST_WORDS.isdisjoint(rest):
        return "test"
    if found == "test" and rest and KIND_OF.get(rest[0]) in ("search", "read"):
        return KIND_OF[rest[0]]
    if found in ("edit", "create") and not has_path:
        around = parts[:at] + rest
        if verb in ("set", "add", "fix") and FILE_WORDS.isdisjoint(around):
            return "run"
        if around and FILE_WORDS.isdisjoint(around):
            return "think" if "plan" in around else "run"
    if found == "submit" and rest and HANDED_IN.isdisjoint(rest):
        return "run"
    return found
