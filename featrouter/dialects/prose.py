"""Telling a command line from a sentence, when a harness puts either into the same place."""

from __future__ import annotations

from featrouter.dialects import bash_words, programs, runner_tables, runners, tasks, wrappers
from featrouter.lazy_pattern import lazy_pattern

HEAD_CHARS = 1024
ANSWER_CHARS = 400
#: Programs that no other table needs to name.
PLAIN = frozenset(
    "node java javac ruby perl php lua julia Rscript R rustc rustup gcc g++ cc clang cmake cargo go npm "
    "yarn pnpm bun deno mvn gradle make gmake ninja pip pip3 pipx uv poetry conda mamba apt apt-get dpkg "
    "yum dnf apk brew snap gem bundle curl wget ssh scp rsync tar zip unzip gzip gunzip bzip2 xz 7z kill "
    "pkill killall ps top htop lsof netstat ss df free uname whoami id hostname date env printenv chmod "
    "chown chgrp docker docker-compose kubectl helm terraform aws gcloud az gh hub svn hg sqlite3 mysql "
    "psql redis-cli mongosh systemctl service journalctl crontab at tmux screen pylint flake8 mypy black "
    "ruff isort bandit pyright eslint prettier tsc ts-node tsx webpack vite django-admin flask uvicorn "
    "gunicorn jupyter sphinx-build pyreverse cython cythonize f2py openssl base64 nc ping dig nslookup ip "
    "ifconfig seq yes expr bc dc sleep timeout ffmpeg convert xdg-open code vim vi nano emacs ed "
    "apply_patch patch history clear nproc lscpu nvidia-smi dd mount umount ldconfig ldd strip ar gdb "
    "valgrind dotnet msbuild swift bazel sbt mix elixir erl ghc stack cabal dart flutter meson autoconf "
    "configure ldapsearch tee xargs locale update-alternatives easy_install cat grep git python bash sh "
    "zsh eval coverage close end_of_edit mktemp nohup pushd popd cd hexdump protoc wine Xvfb C-c C-d C-z logout su "
    "passwd useradd nginx apachectl redis-server postgres pg_ctl mysqld diffstat rename watch".split()
)
KNOWN = (
    PLAIN
    | programs.HANDLERS.keys()
    | tasks.TESTERS
    | wrappers.CARRIERS
    | wrappers.NAMES
    | bash_words.STRUCTURE
    | runners.RULES.keys()
    | runner_tables.VERBS.keys()
)
#: Programs whose name also opens an English sentence or an imperative.
ENGLISH = frozenset(
    "find make test which time file sort head tail cut install at watch more less type service stack code "
    "close clear wait if for while until case select do then else exit source history local read split "
    "convert move look free date top set let return go just swift stat view install strip yes unit mount "
    "screen host rename pest command function true false please call start script task op arch forge cross anchor spring nice "
    "green behave ward trial tap lab infection prove busted robot radish lettuce slash boot helm duty run exec del "
    "parallel concurrently unbuffer chronic symfony direnv lando munit sail entr bloop invoke moon mill shards v R".split()
)
FUNCTION_WORDS = frozenset(
    "the a an is are was be to of in it its that this i you we should will would can could not but so because with "
    "where when what which and or if then has have does do need let me my there here as on by from for at".split()
)
WORD = lazy_pattern(r"[A-Za-z']+")
NUMBERED = lazy_pattern(r"(?:\d{1,3}[.)]|[-*+•>|])\s")
SHELL_MARK = lazy_pattern(r"[|&;<>]|\s--?\w|\$|^\w+=")
VERB_NOUN = lazy_pattern(r"[A-Z][a-z]+-[A-Z]\w+\b")


def refused(observation: str) -> bool:
    """Whether the harness answered that it found no command and ran none."""
    head = observation[:ANSWER_CHARS]
    # Written out: a loop or a generator under any() costs more than the seven searches.
    return (
        "EXACTLY ONE action" in head
        or "No SQL code was found" in head
        or "did not contain sql code" in head
        or "I don't understand your input" in head
        or "Your output was not formatted correctly" in head
        or "No tool calls found" in head
        or "You did not use a tool" in head
    )


def first_line(text: str) -> str:
    """The first line that is neither blank nor a comment."""
    for line in text[:HEAD_CHARS].split("\n"):
        line = line.strip()
        if line and not line.startswith("#"):
            return line
    return ""


def is_sentence(line: str) -> bool:
    """Whether a line reads like English: several function words early on, and nothing of a shell."""
    words = WORD.findall(line[:160].lower())[:14]
    little = sum(word in FUNCTION_WORDS for word in words[1:])
    return little >= 2 and not SHELL_MARK.search(line[:160])


def is_prose(text: str, first: str) -> bool:
    """Whether the text, whose first line is given, is prose (or nothing but comments) and no command line."""
    line = first.lstrip("('\"")
    if not line:
        return True
    word = line.split(None, 1)[0]
    name = wrappers.basename(word)
    if wrappers.ASSIGNMENT.match(word):
        return False
    if name in KNOWN:
        return name in ENGLISH and is_sentence(line)
    if NUMBERED.match(line) or word[0] in "`*" or not word[0].isascii():
        return True
    if word[0].isupper() and "/" not in word and "." not in word[:-1]:
        return VERB_NOUN.match(word) is None
    if SHELL_MARK.search(line[:160]):
        return False
    return line.count("`") > 1 or any(is_sentence(other) for other in text[:HEAD_CHARS].split("\n")[:4])


def is_command(line: str) -> bool:
    """Whether a first line starts with what can only be meant as a program."""
    word = line.split(None, 1)[0] if line else ""
    if wrappers.ASSIGNMENT.match(word):
        return True
    name = wrappers.basename(word.lstrip("(!"))
    return name in KNOWN or "/" in word or name.endswith((".py", ".sh"))
