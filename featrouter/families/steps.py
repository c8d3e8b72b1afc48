"""Which steps try out what was changed, and which change what a check was about."""

from __future__ import annotations

from featrouter.catalogue import lexicon
from featrouter.trajectory import Operation

#: The kinds of operations that run something.
PROGRAMS = ("test", "run")

#: Commands that run and try nothing: they keep books, move permissions, wait, talk or install.
_TRY_NOTHING = frozenset(
    "git gh hg svn echo printf cd pushd popd export set unset source . alias true : exit sleep wait kill pkill killall "
    "chmod chown pip pip3 conda apt apt-get apk yum dnf brew which env date whoami clear history submit".split()
)
#: Commands that tidy up: what an agent deletes late are its scripts and caches, not the answer.
_TIDY = frozenset("rm rmdir unlink del erase rd mkdir md remove-item ri".split())


def tries(operation: Operation) -> bool:
    """Whether a step runs something that could show a change to be wrong: tests, or a program."""
    kind = operation.kind
    return kind == "test" or (kind == "run" and not (operation.commands and operation.commands[0] in _TRY_NOTHING))


def is_script(name: str) -> bool:
    """Whether a new file is a script to reproduce or check something: it lies at the top, and its name says so.

    A test file inside the project's tree belongs to its suite.
    """
    return name.count("/") <= 1 and lexicon("testruns")["script"].search(name) is not None


def outdates(operation: Operation) -> bool:
    """Whether a step changes files so that what was tried before says nothing any more."""
    if operation.kind != "edit" and operation.kind != "create":
        return False
    return not (operation.commands and operation.commands[0].lower() in _TIDY)
