"""Whether the name of a task, a script or a target says that tests run."""

from __future__ import annotations

from functools import lru_cache

from featrouter.lazy_pattern import lazy_pattern

TASK_CHARS = 128
PART = lazy_pattern(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
#: Programs that do nothing but run tests.
TESTERS = frozenset(
    "pytest py.test tox nox nosetests nosetests3 nose2 trial jest vitest mocha karma ava ctest rspec phpunit bats "
    "runtests.py runtests runtests.sh run_tests run_tests.py run_tests.sh unittest nose testem cypress cargo-nextest "
    "gotestsum behave ptw pest minitest pytest-watch green ward stestr ostestr testr zope-testrunner robot pybot lettuce "
    "radish ginkgo gotest richgo tap tape uvu zora lab jasmine testcafe nightwatch wdio wtr web-test-runner vscode-test "
    "vscode-tmgrammar-test elm-test tsd cucumber cucumber-js codecept codeception phpspec paratest simple-phpunit kahlan "
    "infection prove yath busted shellspec shunit2 roundup crosshair mutmut stryker runtest xctest testng "
    "rails-test kotest specs2 munit venom newman schemathesis molecule ansible-test pgtap pg_prove lit llvm-lit "
    "ginkgo-cli testcontainers sqltest".split()
)
#: Names that are tests without the word.
EXACT = frozenset(
    "unit e2e integration jest vitest mocha ava karma cypress playwright pytest tox nox rspec phpunit pest spec specs "
    "check installcheck distcheck check-world check-all check-local check-unit runtest".split()
)
WORDS = frozenset(
    "test tests testing unittest unittests spec specs gtest gtests tst pytest alltests runtests runtest".split()
)
#: Words that say what else is done: to build, to install or to clean what tests need is no test run.
OTHERWISE = frozenset(
    "deps dep dependencies data env venv build builder building compile image images setup install clean lint format fmt "
    "requirements fixtures fixture classes prepare generate gen update types typecheck deploy release publish down stop "
    "upload list help kill init create new resources pre post up bootstrap remove delete download".split()
)

SCRIPT_ENDS = (".sh", ".bash", ".zsh", ".ps1", ".bat", ".cmd", ".fish", ".ksh")
BUILT = frozenset("build bin deps test tests out debug release target unit".split())
BINARY_ENDS = ("", ".exe", ".out", ".bin", ".run", ".x")


@lru_cache(maxsize=512)
def is_test_task(name: str) -> bool:
    """Whether `name` (`test`, `test:unit`, `unit-tests`, `runTests`, `ci/test`) is that of a test run."""
    name = name[:TASK_CHARS]
    if name in EXACT:
        return True
    parts = parts_of(name)
    return not WORDS.isdisjoint(parts) and OTHERWISE.isdisjoint(parts)


def parts_of(name: str) -> list[str]:
    """The words of a name in snake_case, kebab-case or camelCase, lower case."""
    return [part.lower() for part in PART.split(name[:TASK_CHARS]) if part]


def is_test_file(word: str) -> bool:
    """Whether a program or script given by its path runs tests: `./test.sh`, `build/foo_test`, `tests/run.sh`."""
    if word.endswith(".py") and "tests" not in word.lower():
        return False
    path = word.replace("\\", "/")
    folder, slash, name = path.rpartition("/")
    stem, dot, end = name.rpartition(".") if "." in name else (name, "", "")
    if dot + end in SCRIPT_ENDS:
        if is_test_task(stem):
            return True
        return folder.rpartition("/")[2] in ("test", "tests") and stem.lower() in (
            "run",
            "all",
            "run_all",
            "runall",
            "run-all",
        )
    parts = parts_of(stem)
    if dot + end == ".py":  # test_x.py is a script like any other, run_tests.py is not
        return "tests" in parts and not {"run", "runner", "all"}.isdisjoint(parts)
    if not slash or dot + end not in BINARY_ENDS or folder.startswith(("/usr", "/bin")) or not is_test_task(stem):
        return False
    # ./test_x is what somebody compiled to try something, build/test_x is a test of the project.
    return parts[-1] in WORDS or parts[-1] == "runner" or folder.rpartition("/")[2].lower() in BUILT
