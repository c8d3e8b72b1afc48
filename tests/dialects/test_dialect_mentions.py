"""What merely mentions tests, installs a runner or builds what tests need is no test run."""

from __future__ import annotations

import pytest

from featrouter.dialects import operations
from featrouter.trajectory import Call

OTHERS = r"""
cat tests/x.py
git commit -m "test"
git checkout test
ls test
cd test
mkdir test
npm install --save-dev jest
pip install pytest
python -m pip install pytest
uv add pytest
poetry add --group dev pytest
uv pip install pytest
uv tool install tox
pipx install tox
pnpm add -D vitest
yarn add -D jest
yarn why jest
npm ls jest
npm view vitest
npm run build
npm run lint
npm run build:test
npm init jest
docker build -t test .
docker pull test
docker cp x test:/a
docker ps -f name=test
docker compose up -d
docker compose build test
docker run -d --name test img
docker exec web cat tests/x.py
docker exec -it web bash
docker logs test
kubectl get pods -n test
kubectl logs test-pod
kubectl exec pod -- ls tests
which pytest
pytest --version
pytest --help
pkill -f pytest
grep -rn pytest .
echo pytest
echo "npm test"
man pytest
chmod +x test.sh
vim test.sh
touch test.sh
bash -n test.sh
go build ./test
go vet ./...
cargo build --tests
cargo test --no-run
cargo new test
cargo run --bin test
cargo add pytest
dotnet build Tests.csproj
dotnet new xunit
mvn test-compile
mvn package -DskipTests
mvn dependency:tree
./gradlew compileTestJava
./gradlew assemble -x test
./gradlew testClasses
gradle tasks
make
make test-deps
make install-test-deps
make help
make clean
node test.js
node -e "console.log('test')"
node server.js
python test.py
python tests/helper.py
python -m venv test
python -m py_compile tests/a.py
python -c "print('pytest')"
apt-get install -y bats
brew install bats-core
test -f a
[ -f test ]
export TEST=1
sudo apt install python3-pytest
ssh host ls
ssh host
su app
nix develop
cmd /c dir
nx build web
npx nx graph
turbo run build
task build
task --list
just --list
mise install
poetry install
poetry run python test.py
uv run test.py
hatch env create
rails db:test:prepare
rails generate test_unit
rake db:migrate
php artisan migrate
php artisan make:test Foo
composer require --dev phpunit/phpunit
sbt compile
bazel build //test
cmake --build build
cmake --build build --target install
xcodebuild -scheme Tests build
swift build
git add tests
git diff tests/
git stash
cp tests/a.py b.py
rm -rf tests/__pycache__
find . -name test_a.py
sed -n 1,20p tests/a.py
curl http://localhost/test
./a.out
./configure
tsc -p tests
eslint tests
black tests
mypy tests
npx eslint test
npx create-jest
npx tsc --noEmit
npx playwright install
cypress open
tox -e lint
watch -n 1 ls
time make
gh run list
terraform plan
helm install test ./chart
helm template test
act -l
source test.sh
cat test.sh
less tests.log
tail -f test.log
wc -l tests/*.py
touch tests/__init__.py
python -m json.tool test.json
docker inspect test
systemctl status test
tmux new -s test
screen -S test
createdb test
psql test
mysql test
sqlite3 test.db
redis-cli ping
ping test
export PYTEST_ADDOPTS=-q
conda activate test
conda create -n test
pyenv local test
nvm use test
rvm use test
code tests/
open test
npm pkg get scripts.test
jq .scripts.test package.json
""".strip().split("\n")


def kinds(line: str) -> set[str]:
    return {operation.kind for operation in operations(Call(line, "x", "bash"))}


@pytest.mark.parametrize("line", OTHERS)
def test_what_mentions_tests_is_no_test_run(line: str) -> None:
    assert kinds(line).isdisjoint({"test", "think", "other"})
