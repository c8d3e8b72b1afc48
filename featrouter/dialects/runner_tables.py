"""Tables of test runners: their names, their verbs, and those of their options that take a value."""

from __future__ import annotations

from featrouter.lazy_pattern import lazy_pattern

#: Words behind a tester that show that it only tells of itself.
ONLY_TOLD = frozenset(
    "--version -V --help -h --fixtures --markers --listTests --list-tests --showConfig --init --collect-only --co -N "
    "install open verify cache info list init --clearCache --list --listenvs".split()
)
VERSIONED = lazy_pattern(r"(pytest|nosetests|nose2|trial|behave|prove|rspec|phpunit|stestr)[-.]?\d[\d.]{0,8}")
#: Python modules that `python -m` runs as tests, and those that run another module.
TEST_MODULES = frozenset(
    "pytest py.test unittest nose nose2 tox nox trial test doctest behave green ward twisted.trial xdoctest stestr "
    "robot zope.testrunner pytest_watch tests testtools.run subunit.run avocado slash hypothesis".split()
)
OTHER_MODULES = frozenset(
    "pdb ipdb cProfile profile trace debugpy memray scalene viztracer kernprof pyinstrument".split()
)
PYTHON_CODE = lazy_pattern(r"\b(?:pytest|unittest)\.main\(|\b(?:numpy|np|scipy|sympy|astropy|pandas|pd)\.test\(")
PYTHON_VALUED = ("-W", "-X", "--check-hash-based-pycs")
JULIA_CODE = lazy_pattern(r"\bPkg\.test\(")
R_CODE = lazy_pattern(r"\b(?:test|test_dir|test_file|test_local|test_check|test_package|check)\(")
#: Programs that run tests when this is their verb, and those of their options that take a value.
VERBS = {
    "go": "test", "deno": "test", "meson": "test", "dart": "test", "flutter": "test", "swift": "test", "zig": "test",
    "lein": "test", "stack": "test", "cabal": "test coverage", "mix": "test coveralls espec", "gleam": "test", "crystal": "spec",
    "v": "test", "odin": "test", "nimble": "test", "luarocks": "test", "dune": "test runtest", "rebar3": "eunit ct proper",
    "shards": "spec", "django-admin": "test", "manage.py": "test", "setup.py": "test", "django": "test", "rye": "test",
    "hatch": "test", "react-scripts": "test", "craco": "test", "playwright": "test", "ng": "test", "ember": "test exam",
    "vue-cli-service": "test", "wp-scripts": "test", "aegir": "test", "wasm-pack": "test", "forge": "test", "gst": "test",
    "hardhat": "test", "truffle": "test", "anchor": "test", "cross": "test", "fastlane": "test scan tests", "dzil": "test",
    "terraform": "test", "tofu": "test", "helm": "test", "dbt": "test", "opa": "test", "scala-cli": "test", "spago": "test",
    "pulp": "test", "richgo": "test", "bazel": "test coverage", "bazelisk": "test coverage", "blaze": "test", "buck": "test",
    "buck2": "test", "pants": "test", "please": "test", "plz": "test", "artisan": "test dusk pest",
    "avocado": "run", "slash": "run", "bb": "test", "boot": "test", "R": "CMD", "kedro": "test", "quarto": "test",
    "symfony": "test", "magento": "dev:tests:run", "cds": "test", "rush": "test",
    "sail": "test pest dusk phpunit",
    "hugo": "", "cmake": "", "pdm": "test", "pixi": "test", "devbox": "test", "uv": "test", "poetry": "test", "drush": "test",
    "testflo": "", "Build": "test", "kubectl-kuttl": "test", "kuttl": "test", "conftest": "verify", "cds-serve": "",
}  # fmt: skip
VALUED = {
    "go": "-C", "swift": "--package-path", "cargo": "--manifest-path -p --package -Z",
    "make": "-C -f -I -o -W --directory --file", "gmake": "-C -f", "ninja": "-C -f -j -k", "just": "-f -d --justfile",
    "task": "-d -t --dir --taskfile", "mise": "-C --cd", "gradle": "-x --exclude-task -p -b -c -I --tests -P --project-dir",
    "mvn": "-pl --projects -f --file -P -s -t -T -rf", "npm": "-w --workspace --prefix -C", "yarn": "--cwd",
    "pnpm": "--filter -F -C --dir --filter-prod", "bun": "--cwd --filter --config --preload -r", "deno": "--config -c",
    "composer": "-d --working-dir", "rake": "-f -C", "sbt": "--sbt-version", "hatch": "-e --env -i --include",
    "xcodebuild": "-scheme -project -workspace -destination -configuration -sdk -derivedDataPath -resultBundlePath -arch "
    "-only-testing -testPlan -target -xcconfig", "nx": "-c --configuration -p --projects", "turbo": "--filter -F --cwd",
    "lerna": "--scope --ignore --concurrency", "invoke": "-c -r -f", "ant": "-f -buildfile -lib",
    "php": "-d -c -S -t", "node": "-r --require --import --loader --experimental-loader -C --conditions --env-file",
    "ruby": "-r -C", "perl": "-M", "poe": "-C", "pixi": "-e --environment --manifest-path",
    "dune": "--root --profile", "flutter": "-d", "pdm": "-p",
}  # fmt: skip
_VERBS = {name: frozenset(text.split()) for name, text in VERBS.items()}
_VALUED = {name: frozenset(text.split()) for name, text in VALUED.items()}
NONE: frozenset[str] = frozenset()
#: Runners of tasks that people name themselves: any operand may be the test task, or only the first.
ANY_TASK = frozenset(
    "make gmake ninja samu just task go-task ant scons waf invoke inv doit rake mage xmake jake gulp".split()
)
FIRST_TASK = frozenset(
    "mise rtx moon turbo lerna lage poe melos wireit bloop mill nx earthly grunt fab taskipy bundler dagger please "
    "devenv nps run-s run-p npm-run-all duty lando tusk robo ake doit".split()
)
RUN_VERBS = frozenset("run run-script r exec call foreach workspaces affected run-many task".split())
TARGETS = frozenset("-t --target --targets".split())
SCALA = frozenset("test testOnly testQuick".split())
CARGO = frozenset("test t nextest llvm-cov tarpaulin".split())
CARGO_OTHER = frozenset("miri insta hack make xtask leptos component careful mutants watch".split())
MAVEN = lazy_pattern(
    r"(?:test|verify|integration-test|[\w.\-:]{0,80}(?:surefire|failsafe)[\w.\-]{0,40}:(?:test|verify|integration-test))"
)
GRADLE = lazy_pattern(r"(?:test|check|alltests|(?:test[A-Z]|[a-z]\w{0,60}Tests?$)\w{0,60})")
NO_GRADLE = frozenset(("testClasses", "testResources", "testReport"))
