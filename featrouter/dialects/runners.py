"""What stands before the program that matters, and which commands start a test run."""

from __future__ import annotations

import re
from functools import lru_cache

#: Wrappers that are looked through, with those of their options that take a value.
WRAPPERS = {
    "sudo": "-u -g -h -p --user",
    "timeout": "-k -s --signal --kill-after",
    "env": "-u -C -S --unset --chdir",
    "xargs": "-I -n -P -L -d -a -E -s --max-args --max-procs --delimiter --replace",
    "nohup": "",
    "time": "-f -o",
    "nice": "-n",
    "ionice": "-c -n",
    "stdbuf": "-i -o -e",
    "setsid": "",
    "command": "",
    "exec": "",
    "builtin": "",
    "xvfb-run": "-s -n -e",
    "strace": "-e -o -p",
    "npx": "-p --package",
    "bunx": "",
    "pnpx": "",
}
#: Wrappers of two words: `poetry run pytest`.
PAIRS = frozenset(
    "poetry run|pipenv run|uv run|hatch run|rye run|pdm run|pixi run|bundle exec|conda run|mamba run|"
    "micromamba run|coverage run|yarn exec|pnpm exec|npm exec|pnpm dlx|yarn dlx|docker-compose exec".split("|")
)
PAIR_VALUED = frozenset("-n --name -p --prefix --with --python --source --rcfile --env-file --extra --group".split())
SHELLS = frozenset("bash sh zsh dash ksh".split())
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
DURATION = re.compile(r"\d[\d.]*[smhd]?")
PYTHON = re.compile(r"(?:python|pypy|ipython)[\d.]*")

#: Programs that do nothing but run tests.
TESTERS = frozenset(
    "pytest py.test tox nox nosetests nosetests3 nose2 trial jest vitest mocha karma ava ctest rspec phpunit bats "
    "runtests.py runtests runtests.sh run_tests run_tests.py run_tests.sh unittest nose testem cypress cargo-nextest "
    "gotestsum behave ptw pest minitest".split()
)
#: Programs that run tests when one of these words follows.
TEST_WORDS = {
    "npm": "test t tst",
    "yarn": "test",
    "pnpm": "test t",
    "bun": "test",
    "deno": "test",
    "go": "test",
    "cargo": "test nextest t",
    "mvn": "test verify",
    "mvnw": "test verify",
    "gradle": "test check",
    "gradlew": "test check",
    "ant": "test",
    "sbt": "test",
    "make": "test tests check unittest",
    "gmake": "test check",
    "ninja": "test check",
    "just": "test",
    "meson": "test",
    "rake": "test spec",
    "rails": "test",
    "dotnet": "test vstest",
    "bazel": "test",
    "swift": "test",
    "mix": "test",
    "zig": "test",
    "flutter": "test",
    "dart": "test",
    "lein": "test",
    "stack": "test",
    "cabal": "test",
    "composer": "test",
    "django-admin": "test",
    "manage.py": "test testserver",
    "setup.py": "test",
    "django": "test",
    "hatch": "test",
    "react-scripts": "test",
    "playwright": "test",
    "ng": "test",
}
#: Python modules that `python -m` runs as tests.
TEST_MODULES = frozenset("pytest py.test unittest nose nose2 tox nox trial test doctest behave green ward".split())


@lru_cache(maxsize=256)
def basename(word: str) -> str:
    """The program a word names: no directories, `python` for any Python."""
    name = word[-256:].rstrip("/").rpartition("/")[2]
    if name.startswith(("python", "pypy", "ipython")) and PYTHON.fullmatch(name):
        return "python"
    return name[:64]


def unwrap(words: list[str]) -> list[str]:
    """The words from the program that matters on."""
    for _ in range(8):
        if not words:
            return words
        name = basename(words[0])
        if name in WRAPPERS:
            if name == "command" and len(words) > 1 and words[1] in ("-v", "-V"):
                return ["which", *words[2:]]
            words = _behind(words, 1, WRAPPERS[name].split())
        elif len(words) > 2 and f"{name} {words[1]}" in PAIRS:
            words = _behind(words, 2, PAIR_VALUED)
            if name == "coverage":
                return ["python", *words]
        else:
            return words
    return words


def _behind(words: list[str], start: int, valued: list[str] | frozenset[str]) -> list[str]:
    """Skip a wrapper's options, its assignments and its duration."""
    at = start
    while at < len(words):
        word = words[at]
        if word.startswith("-"):
            at += 2 if word in valued else 1
        elif ASSIGNMENT.match(word) or DURATION.fullmatch(word):
            at += 1
        else:
            break
    return words[at:]


def shell_script(words: list[str]) -> str | None:
    """The text that `bash -lc "..."` runs, None when the command is no such thing."""
    name = basename(words[0])
    if name == "eval":
        return " ".join(words[1:])
    if name in SHELLS:
        for at, word in enumerate(words[1:4], 1):
            if word.startswith("-") and word.endswith("c") and at + 1 < len(words):
                return words[at + 1]
    return None


def starts_tests(words: list[str]) -> bool:
    """Whether the command is a test runner."""
    name = basename(words[0])
    if name == "python":
        return _python_tests(words)
    if name in TESTERS or words[0].endswith(("bin/test", "bin/doctest")):
        return "--version" not in words[1:2]
    verbs = TEST_WORDS.get(name)
    if verbs is None:
        return False
    rest = [word for word in words[1:9] if not word.startswith("-")]
    if rest and rest[0] in ("run", "run-script", "exec"):
        rest = rest[1:]
        return bool(rest) and rest[0].partition(":")[0] in ("test", "tests", "jest", "vitest", "mocha", "spec", "unit")
    known = verbs.split()
    if name in ("make", "gmake", "mvn", "mvnw", "gradle", "gradlew", "rake", "ninja", "sbt"):
        return any(word.rpartition(":")[2] in known or word.partition(":")[0] in known for word in rest)
    return bool(rest) and rest[0].partition(":")[0] in known


def _python_tests(words: list[str]) -> bool:
    script = python_script(words)
    if script is None:
        return False
    option, rest = script
    if option == "-m":
        module = rest[0] if rest else ""
        if module == "coverage" and len(rest) > 2 and rest[1] == "run":
            return _python_tests(["python", *rest[2:]])
        return module in TEST_MODULES or module.startswith("unittest.") or (module == "django" and "test" in rest[1:3])
    return option == "" and bool(rest) and starts_tests(rest) and basename(rest[0]) != "python"


def python_script(words: list[str]) -> tuple[str, list[str]] | None:
    """How Python is started: ("-m" or "-c" or "", the words from module, code or script on); None: from stdin."""
    at = 1
    while at < len(words):
        word = words[at]
        if word in ("-m", "-c"):
            return word, words[at + 1 :]
        if word in ("-W", "-X"):
            at += 2
        elif word.startswith("-m") and len(word) > 2:
            return "-m", [word[2:], *words[at + 1 :]]
        elif word.startswith("-") and word != "-":
            at += 1
        elif word == "-":
            return None
        else:
            return "", words[at:]
    return None
