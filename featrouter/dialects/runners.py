"""Which commands start a test run, behind wrappers already taken off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

from featrouter.dialects.runner_tables import (
    _VALUED,
    _VERBS,
    ANY_TASK,
    CARGO,
    CARGO_OTHER,
    FIRST_TASK,
    GRADLE,
    JULIA_CODE,
    MAVEN,
    NO_GRADLE,
    NONE,
    ONLY_TOLD,
    OTHER_MODULES,
    PYTHON_CODE,
    PYTHON_VALUED,
    R_CODE,
    RUN_VERBS,
    SCALA,
    TARGETS,
    TEST_MODULES,
    VERSIONED,
)
from featrouter.dialects.tasks import TESTERS, is_test_file, is_test_task, parts_of
from featrouter.dialects.wrappers import SHELLS, basename


def operands(words: Iterable[str], valued: frozenset[str] = NONE) -> list[str]:
    """The words that are neither options, nor their values, nor a toolchain (`+nightly`)."""
    found: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif not word.startswith(("-", "+")) or len(word) == 1:
            found.append(word)
        else:
            skip = word in valued
    return found


def starts_tests(words: list[str]) -> bool:
    """Whether the command is a test runner."""
    name = basename(words[0])
    rule = RULES.get(name)
    if rule is not None:
        return rule(words)
    if name in TESTERS or (name[-1:].isdigit() and VERSIONED.fullmatch(name)):
        return not ONLY_TOLD.intersection(words[1:3]) and not (name in ("tox", "nox") and _lints(words))
    if words[0].endswith(("bin/test", "bin/doctest")):
        return words[0] not in ("/usr/bin/test", "/bin/test")
    verbs = _VERBS.get(name)
    if verbs is not None:
        rest = operands(words[1:9], _VALUED.get(name, NONE))
        return bool(rest) and (rest[0] in verbs or rest[0].partition(":")[0] in verbs) and "--help" not in words
    return is_test_file(words[0])


def _lints(words: list[str]) -> bool:
    """Whether tox or nox is told to run environments that only lint or document."""
    for at, word in enumerate(words[:-1]):
        if word in ("-e", "-s", "--session", "--sessions"):
            return words[at + 1].split("-")[0].split(",")[0] in (
                "lint",
                "docs",
                "mypy",
                "format",
                "black",
                "flake8",
                "build",
            )
    return False


def _shell(words: list[str]) -> bool:
    rest = operands(words[1:6])
    return (
        bool(rest)
        and not any(word.startswith("-") and "n" in word for word in words[1:3])
        and (is_test_file(rest[0] if "/" in rest[0] or "." in rest[0] else "./" + rest[0]))
    )


def _any_task(words: list[str]) -> bool:
    name = basename(words[0])
    if "-n" in words[1:4] or "--dry-run" in words or "--list" in words:
        return False
    return any(
        is_test_task(word.partition("[")[0])
        for word in operands(words[1:12], _VALUED.get(name, NONE))
        if "=" not in word
    )


def _rake(words: list[str]) -> bool:
    for word in operands(words[1:8], _VALUED["rake"]):
        name = word.partition("[")[0]
        first, _, rest = name.partition(":")
        if first in ("test", "tests", "spec", "specs", "cucumber") or (
            rest and name.rpartition(":")[2] in ("test", "spec")
        ):
            return True
    return False


def _rails(words: list[str]) -> bool:
    rest = operands(words[1:6])
    return bool(rest) and rest[0].partition(":")[0] in ("test", "spec", "t")


def _first_task(words: list[str]) -> bool:
    """A task runner whose first operand, or the one behind `run`, or `--target` names the task."""
    name = basename(words[0])
    for word, target in pairwise([*words, ""]):
        if word in TARGETS and is_test_task(target.partition(",")[0]):
            return True
        if word.startswith("--target") and "=" in word and is_test_task(word.partition("=")[2]):
            return True
    rest = operands(words[1:12], _VALUED.get(name, NONE))
    if name == "earthly":
        rest = [word[1:] for word in words[1:6] if word.startswith("+")] + [word.partition("+")[2] for word in rest]
        return any(word and is_test_task(word) for word in rest)
    many = False
    while rest and rest[0] in RUN_VERBS:
        rest, many = rest[1:], name in ("turbo", "lage", "run-s", "run-p")
    chosen = rest if many or name in ("turbo", "run-s", "run-p", "npm-run-all", "grunt") else rest[:1]
    return any(_names_test(word) for word in chosen)


def _names_test(task: str) -> bool:
    return task.rpartition(":")[2] in ("test", "tests") or is_test_task(task)


def _node_packages(words: list[str]) -> bool:
    """npm, yarn, pnpm and bun: `test`, a script that is named after tests, or a tester they start."""
    name = basename(words[0])
    rest = operands(words[1:16], _VALUED.get(name, NONE))
    ran = False
    while rest:
        if rest[0] == "workspace" and len(rest) > 2:
            rest = rest[2:]
        elif rest[0] in RUN_VERBS or (rest[0] == "recursive" and name == "pnpm"):
            rest, ran = rest[1:], True
        else:
            break
    if not rest:
        return False
    task = rest[0]
    if task in ("test", "tst", "t", "install-test", "it"):
        return True
    if name == "npm" and not ran:
        return False
    return is_test_task(task) or task in TESTERS or (task in _VERBS and starts_tests(rest))


def _deno(words: list[str]) -> bool:
    rest = operands(words[1:8], _VALUED["deno"])
    return bool(rest) and (rest[0] == "test" or (rest[0] == "task" and len(rest) > 1 and is_test_task(rest[1])))


def _composer(words: list[str]) -> bool:
    rest = operands(words[1:8], _VALUED["composer"])
    rest = rest[1:] if rest and rest[0] in ("run", "run-script", "exec") else rest
    return bool(rest) and (is_test_task(rest[0]) or basename(rest[0]) in TESTERS)


def _cargo(words: list[str]) -> bool:
    rest = operands(words[1:12], _VALUED["cargo"])
    if not rest or "--no-run" in words:
        return False
    if rest[0] in CARGO:
        return rest[1:2] not in (["list"], ["report"], ["archive"])
    if rest[0] == "watch":
        return any(word.startswith(("test", "nextest")) for word in words[2:])
    return rest[0] in CARGO_OTHER and any(word in CARGO or is_test_task(word) for word in rest[1:3])


def _go(words: list[str]) -> bool:
    rest = operands(words[1:8], _VALUED["go"])
    if rest[:1] == ["test"]:
        return "-c" not in words
    tool = basename(rest[1].partition("@")[0]) if len(rest) > 1 and rest[0] in ("run", "tool") else ""
    return tool in TESTERS


def _dotnet(words: list[str]) -> bool:
    rest = operands(words[1:8])
    return bool(rest) and (rest[0] in ("test", "vstest") or rest[:2] == ["watch", "test"])


def _cmake(words: list[str]) -> bool:
    targets = [word for at, word in enumerate(words) if words[at - 1] in TARGETS and at]
    targets += [word.partition("=")[2] for word in words if word.startswith("--target=")]
    return any(is_test_task(word) or word == "RUN_TESTS" for word in targets)


def _xcodebuild(words: list[str]) -> bool:
    return not {"test", "test-without-building"}.isdisjoint(operands(words[1:40], _VALUED["xcodebuild"]))


def _zig(words: list[str]) -> bool:
    rest = operands(words[1:8])
    return rest[:1] == ["test"] or (rest[:1] == ["build"] and any(map(is_test_task, rest[1:])))


def _dune(words: list[str]) -> bool:
    rest = operands(words[1:8], _VALUED["dune"])
    return bool(rest) and (rest[0] in ("test", "runtest") or "@runtest" in rest or "@test" in rest)


def _stack(words: list[str]) -> bool:
    rest = operands(words[1:8])
    return rest[:1] == ["test"] or (rest[:1] == ["build"] and "--test" in words)


def _sbt(words: list[str]) -> bool:
    for word in words[1:12]:
        for piece in word.split(";"):
            first = piece.split(None, 1)[0] if piece.strip() else ""
            if first.lstrip("+~").rpartition("/")[2].rpartition(":")[2] in SCALA:
                return True
    return False


def _mill(words: list[str]) -> bool:
    return any(
        word.rpartition(".")[2] in ("test", "testOnly", "testForked", "testLocal") for word in operands(words[1:6])
    )


def _gradle(words: list[str]) -> bool:
    if "-m" in words or "--dry-run" in words:
        return False
    for word in operands(words[1:24], _VALUED["gradle"]):
        task = word.rpartition(":")[2]
        if GRADLE.match(task) and task not in NO_GRADLE and (task == "test" or GRADLE.fullmatch(task)):
            return True
    return False


def _maven(words: list[str]) -> bool:
    if any(word.startswith(("-DskipTests", "-Dmaven.test.skip")) and not word.endswith("=false") for word in words):
        return False
    return any(MAVEN.fullmatch(word[:200]) for word in operands(words[1:24], _VALUED["mvn"]))


def _node(words: list[str]) -> bool:
    if any(word == "--test" or word.startswith("--test-") for word in words[1:8]):
        return True
    return _script(words, "node", (".js", ".mjs", ".cjs", ".ts"))


def _script(words: list[str], name: str, ends: tuple[str, ...] = ()) -> bool:
    """An interpreter whose script is a test runner: `node node_modules/.bin/jest`, `php bin/phpunit`, `ruby bin/rails test`."""
    at = 1
    valued = _VALUED[name]
    while at < len(words) and words[at].startswith("-"):
        if words[at] in ("-e", "-p", "-r", "--eval", "--print") and name in ("node", "php"):
            return False
        at += 2 if words[at] in valued else 1
    if at >= len(words):
        return False
    script = basename(words[at])
    stem = next((script.removesuffix(end) for end in ends if script.endswith(end)), script)
    if stem in TESTERS or stem in RULES or stem in _VERBS:
        return stem in TESTERS or starts_tests([stem, *words[at + 1 :]])
    return not {"run", "runner"}.isdisjoint(parts_of(stem)) and is_test_task(stem)


def _ruby(words: list[str]) -> bool:
    if any(word.startswith("-I") and "test" in word for word in words[1:6]):
        return True
    rest = operands(words[1:8], _VALUED["ruby"])
    script = basename(rest[0]) if rest else ""
    return script.endswith(("_test.rb", "_spec.rb")) or script.startswith("test_") or _script(words, "ruby", (".rb",))


def _perl(words: list[str]) -> bool:
    rest = operands(words[1:6], _VALUED["perl"])
    return bool(rest) and (rest[0].endswith(".t") or rest[:2] == ["Build", "test"] or basename(rest[0]) == "prove")


def _php(words: list[str]) -> bool:
    return _script(words, "php", (".php", ".phar"))


def _julia(words: list[str]) -> bool:
    return any(word.endswith("runtests.jl") or JULIA_CODE.search(word[:400]) for word in words[1:8])


def _r(words: list[str]) -> bool:
    if words[1:3] == ["CMD", "check"]:
        return True
    return any(word.endswith("testthat.R") or ("-e" in words[1:4] and R_CODE.search(word[:400])) for word in words[1:6])


def _sage(words: list[str]) -> bool:
    return "-t" in words[1:4] or "--test" in words[1:4]


def _clojure(words: list[str]) -> bool:
    return any(word.startswith(("-M:", "-X:", "-A:", "-T:")) and is_test_task(word[3:]) for word in words[1:6])


def _hatch(words: list[str]) -> bool:
    rest = operands(words[1:8], _VALUED.get(basename(words[0]), NONE))
    if rest[:1] == ["run"] and len(rest) > 1:
        return is_test_task(rest[1]) or rest[1].rpartition(":")[2] in TESTERS
    return rest[:1] == ["test"] or rest[:1] == ["tests"]


def _python(words: list[str]) -> bool:
    script = python_script(words)
    if script is None:
        return False
    option, rest = script
    if not rest:
        return False
    if option == "-m":
        module = rest[0]
        if module == "coverage" and len(rest) > 2 and rest[1] == "run":
            return _python(["python", *rest[2:]])
        if module in OTHER_MODULES and "-m" in rest:
            return _python(["python", *rest[rest.index("-m") :]])
        if module in TEST_MODULES or module.startswith("unittest."):
            return not ONLY_TOLD.intersection(rest[1:2])
        return (module == "django" and "test" in rest[1:3]) or (
            module in ("poethepoet", "invoke") and is_test_task(rest[-1])
        )
    if option == "-c":
        return PYTHON_CODE.search(rest[0][:2000]) is not None
    return starts_tests(rest) and basename(rest[0]) != "python"


def python_script(words: list[str]) -> tuple[str, list[str]] | None:
    """How Python is started: ("-m" or "-c" or "", the words from module, code or script on); None: from stdin."""
    at = 1
    while at < len(words):
        word = words[at]
        if word in ("-m", "-c"):
            return word, words[at + 1 :]
        if word in PYTHON_VALUED:
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


RULES: dict[str, Callable[[list[str]], bool]] = {
    **dict.fromkeys(FIRST_TASK, _first_task), **dict.fromkeys(ANY_TASK, _any_task), **dict.fromkeys(SHELLS, _shell),
    # Those that have a rule of their own.
    "python": _python, "npm": _node_packages, "yarn": _node_packages, "pnpm": _node_packages,
    "bun": _node_packages, "deno": _deno, "composer": _composer, "cargo": _cargo, "go": _go, "dotnet": _dotnet,
    "cmake": _cmake, "xcodebuild": _xcodebuild, "zig": _zig, "dune": _dune, "stack": _stack, "sbt": _sbt, "sbtx": _sbt,
    "sbtn": _sbt, "mill": _mill, "gradle": _gradle, "gradlew": _gradle, "mvn": _maven, "mvnw": _maven, "mvnd": _maven,
    "node": _node, "nodejs": _node, "tsx": _node, "ts-node": _node, "ruby": _ruby, "jruby": _ruby, "perl": _perl,
    "php": _php, "julia": _julia, "Rscript": _r, "R": _r, "clj": _clojure, "clojure": _clojure, "rails": _rails, "sage": _sage,
    "rake": _rake, "hatch": _hatch, "pixi": _hatch, "pdm": _hatch, "rye": _hatch, "poetry": _hatch, "uv": _hatch,
    "pipenv": _hatch, "devbox": _hatch,
}  # fmt: skip
