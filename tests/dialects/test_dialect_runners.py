"""Test runs behind wrappers of every kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter.dialects import operations
from featrouter.dialects.runners import starts_tests
from featrouter.dialects.tasks import is_test_task
from featrouter.dialects.wrappers import shell_script, unwrap
from featrouter.trajectory import Call

TESTS = r"""
docker exec -it -w /app web pytest -q
docker run --rm -v $PWD:/src -w /src python:3.11 bash -c "pip install -e . && pytest"
docker run --rm --entrypoint pytest img -q
docker compose -f dev.yml run --rm web npm test
docker compose run --rm tests
podman exec web go test ./...
kubectl exec -n ns pod -c web -- pytest -q
kubectl -n test exec deploy/web -- pytest
kubectl exec -it pod -- sh -c "npm test"
uvx --with pytest-cov pytest
uvx pytest@8
uv tool run tox
uv run -m pytest
uv run --with x python -m pytest
uv run poe test
pipx run nox
pipx run --spec x pytest
npm run -w web test:unit
npm test -w web
npm t
npm --workspace=web test
pnpm -r test
pnpm -C web test
pnpm --filter=web run test:unit
pnpm exec jest
pnpm -r exec vitest run
pnpm dlx vitest
yarn workspaces foreach -A run test
yarn workspaces run test
yarn --cwd web test
yarn test:unit
yarn jest src
bun test
bun run test
bunx vitest
bun x jest
npx --yes jest@29
npx nx run web:test
npx nx run-many -t test
npx nx affected --target=test
nx affected:test
npx turbo test
turbo run build test
npx lerna run test
lerna exec -- npm test
npx playwright test
npx cypress run
npx mocha
npx ts-node --test
npx tsx --test
npx c8 mocha
nyc --reporter=text npm test
cross-env NODE_ENV=test jest
node --import tsx --test src/*.test.ts
node node_modules/.bin/jest
node --experimental-vm-modules node_modules/jest/bin/jest.js
deno test
deno task test
cargo +nightly test
cargo nextest run
cargo llvm-cov
cargo llvm-cov nextest
cargo watch -x test
cargo xtask test
cargo miri test
php artisan test
php -d memory_limit=-1 vendor/bin/phpunit
./vendor/bin/pest
vendor/bin/sail test
composer run-script test
php artisan pest
symfony php bin/phpunit
py -3.11 -m pytest
py -m unittest
.venv/bin/python -m pytest
python3 -m tox
python -m cProfile -m pytest
python -c "import pytest; pytest.main(['-q'])"
pytest-3.11 -q
make -C build check
make -j4 unit-tests
make integration-test
cmake --build . -t check
cmake --build build --target run_tests
ctest --test-dir build
ninja -C build test
meson test -C build
bazel --batch test //...
bazelisk test //a
buck2 test //x
pants test ::
sbt testQuick
sbt "core/testOnly a.B"
sbt clean test
./mill foo.test
mill __.test
./gradlew :app:testDebugUnitTest
gradlew.bat test
./gradlew connectedAndroidTest
./gradlew clean check
./mvnw -q -pl core test
mvn -B verify
mvn surefire:test
mvn -Dtest=A test
dotnet watch test
dotnet test --filter x
xcodebuild -scheme A -destination 'platform=iOS' test
xcodebuild test-without-building -scheme A
swift test
xcrun swift test
fastlane test
zig build test
zig test a.zig
prove -lr t
perl -Ilib t/foo.t
ruby -Ilib:test test/foo_test.rb
ruby test/foo_test.rb
bundle exec rspec
bundle exec rake test
bin/rails test
rails test:system
bin/rspec
rake spec
bash scripts/test.sh
sh ./run-tests.sh
./scripts/run_tests.sh
./ci/test.sh --fast
bash tests/run.sh
./build/foo_test --gtest_filter=A.*
./build/tests
build/Debug/foo_test.exe
./target/debug/deps/foo_test-1234
docker compose run --rm --entrypoint "pytest -q" web
build/bin/unit_tests
./build/test_parser
su - app -c "pytest"
sudo -u app -E pytest
runuser -u app -- pytest
nix develop -c pytest
nix develop .#dev --command bash -c "pytest -q"
nix shell nixpkgs#python3 -c pytest
nix-shell --run "make test"
pwsh -NoProfile -Command "pytest -q"
powershell.exe -Command "npm test"
cmd /c "npm test"
cmd.exe /C pytest
task test
task go:test
mise run test
mise x -- pytest
mise exec node@20 -- npm test
just test
just --justfile a test
moon run web:test
moon :test
earthly +test
ssh host 'cd app && pytest'
ssh -p 22 me@host pytest -q
direnv exec . pytest
devcontainer exec --workspace-folder . pytest
vagrant ssh -c "pytest"
flatpak run --command=sh org.x -c pytest
toolbox run -c dev pytest
watch -n 2 pytest
ls *.py | entr -c pytest
time pytest
/usr/bin/time -v pytest
script -q -c "pytest" /dev/null
script -qec pytest out.log
unbuffer pytest
tox -e py311
nox -s tests
hatch test
hatch run test
hatch run dev:test
rye test
pdm run test
mix test
gleam test
dart test
flutter test
crystal spec
busted
gotestsum ./...
go run gotest.tools/gotestsum@latest
ginkgo -r
richgo test ./...
pixi run test
poe test
poetry run poe test
invoke test
inv test
doit test
dune runtest
dune build @runtest
opam exec -- dune test
stack test
cabal test
lein test
clj -M:test
rebar3 eunit
julia --project -e 'using Pkg; Pkg.test()'
Rscript -e 'devtools::test()'
R CMD check .
forge test
npx hardhat test
terraform test
helm test rel
dbt test
bats test/
bash -lc "pytest"
timeout 600 docker exec web pytest
env A=1 timeout -k 5 60s pytest
DJANGO=1 python manage.py test app
./manage.py test
nice -n 5 pytest
taskset -c 0 pytest
xvfb-run -a pytest
flock /tmp/l pytest
coverage run -m pytest
coverage run manage.py test
conda run -n env pytest
micromamba run -n env pytest
tmux send-keys -t a "pytest -q" Enter
parallel pytest ::: a b
find . -name '*.py' | xargs pytest
wsl -e pytest
wsl pytest
busted spec
cargo make test
gradle test --tests Foo
pytest.exe
venv/Scripts/pytest.exe -q
hyperfine "pytest -q"
doppler run -- pytest
dotenv run -- pytest
heroku run rails test
fly ssh console -C "pytest"
npm exec vitest
npm x jest
npm run e2e
npm run test -- --watch=false
react-scripts test
ng test
vitest run
bash -x ./test.sh
zsh -c 'pytest'
fish -c 'pytest'
python3 ./run_tests.py
python tests/run_tests.py
nodemon --exec "npm test"
watchexec -e py pytest
concurrently "npm test" "npm run lint"
rush test
melos run test
wasm-pack test --node
mvnd test
ant test
scala-cli test .
swift test --filter X
tox run -e py
stestr run
trial twisted
green
ptw
sage -t x
""".strip().split("\n")
SCRIPTS = [
    "bash <<EOF\npytest -q\nEOF",
    "docker exec -i web bash <<EOF\npytest -q\nEOF",
    "ssh host <<'EOF'\npytest\nEOF",
    "cd app && docker compose exec web npm test",
    "make build && make test-unit",
]


def kinds(line: str) -> set[str]:
    return {operation.kind for operation in operations(Call(line, "x", "bash"))}


@pytest.mark.parametrize("line", TESTS + SCRIPTS)
def test_a_test_run_is_seen(line: str) -> None:
    assert "test" in kinds(line)


@pytest.mark.parametrize(
    ("line", "kind", "files", "command"),
    [
        ("docker exec web cat tests/a.py", "read", ("tests/a.py",), "cat"),
        ("kubectl exec pod -- sed -i s/a/b/ a.py", "edit", ("a.py",), "sed"),
        ("docker run -d --name a img", "run", (), "docker"),
        ("ssh host 'grep -n foo a.py'", "search", ("a.py",), "grep"),
        ("git commit -m 'add test'", "run", (), "git"),
        ("npm install --save-dev jest", "run", (), "npm"),
        ("ls test", "read", ("test",), "ls"),
        ("env", "read", (), "env"),
        ("sudo", "run", (), "sudo"),
        ("nix develop", "run", (), "nix"),
        ("tmux send-keys -t a 'cat a.py' Enter", "read", ("a.py",), "cat"),
        ("tmux send-keys -t a ':wq'", "run", (), "tmux"),
    ],
)
def test_behind_a_wrapper_a_command_is_what_it_is(line: str, kind: str, files: tuple[str, ...], command: str) -> None:
    (op,) = operations(Call(line, "x", "bash"))
    assert (op.kind, op.files, op.commands) == (kind, files, (command,))


@pytest.mark.parametrize("name", ["test", "tests", "test:unit", "unit-tests", "runTests", "ci_test", "e2e", "check"])
def test_names_of_test_tasks(name: str) -> None:
    assert is_test_task(name)


@pytest.mark.parametrize(
    "name", ["build", "test-deps", "latest", "contest", "attest", "lint", "build:test", "typecheck", ""]
)
def test_names_of_other_tasks(name: str) -> None:
    assert not is_test_task(name)


WORDS = "docker compose exec run -- - -c --c=d npm npx uv nix develop su env A=b sudo timeout 5 pytest make cmd /c sh -lc @ @a/b"
LINES = st.lists(st.sampled_from(WORDS.split()) | st.text(max_size=6), min_size=1, max_size=12)


@given(LINES)
def test_whatever_the_words_there_is_an_answer(words: list[str]) -> None:
    inner = unwrap(words)
    assert inner
    assert isinstance(starts_tests(inner), bool)
    script = shell_script(inner)
    assert script is None or isinstance(script[0], str)
