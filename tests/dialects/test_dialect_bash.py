"""Shell lines: what each simple command does, and which files, patterns and programs it names."""

from __future__ import annotations

import pytest

from featrouter.dialects import operations, primary
from featrouter.trajectory import Call, Operation

# line, kind, files, patterns, commands of the operation that names the call
LINES = [
    ("cat src/a.py", "read", ("src/a.py",), (), ("cat",)),
    ("nl -ba src/a.py | sed -n '3,9p'", "read", ("src/a.py",), (), ("nl",)),
    ("head -n 20 a.py", "read", ("a.py",), (), ("head",)),
    ("sed -n '1,10p' ./src/a.py", "read", ("src/a.py",), (), ("sed",)),
    ("pwd", "read", (), (), ("pwd",)),
    ("wc -l < data.csv", "read", ("data.csv",), (), ("wc",)),
    ("git diff HEAD~1 -- src/a.py", "read", ("src/a.py",), (), ("git",)),
    ("git --no-pager log --oneline | head -5", "read", (), (), ("git",)),
    ("git show HEAD:src/a.py", "read", ("src/a.py",), (), ("git",)),
    ("grep -rn -A 3 'def f' src/", "search", ("src",), ("def f",), ("grep",)),
    ("grep -e one -e two a.py", "search", ("a.py",), ("one", "two"), ("grep",)),
    ("grep -n foo a.py | head -3", "search", ("a.py",), ("foo",), ("grep",)),
    ("cat a.py | grep foo", "search", ("a.py",), ("foo",), ("cat", "grep")),
    ("rg -t py 'class X' lib", "search", ("lib",), ("class X",), ("rg",)),
    ("find . -name '*.py' | xargs grep -l spam", "search", (), ("*.py", "spam"), ("find", "grep")),
    ("find src -type f -exec grep -l egg {} \\;", "search", ("src",), ("egg",), ("find",)),
    ("git grep -n needle -- src", "search", (), ("needle",), ("git",)),
    ("which node", "search", (), ("node",), ("which",)),
    ("command -v node", "search", (), ("node",), ("which",)),
    ("sed -i 's/old/new/g' a.py", "edit", ("a.py",), (), ("sed",)),
    ("sed -i.bak -e 's/x/y/' a.py b.py", "edit", ("a.py", "b.py"), (), ("sed",)),
    ("perl -pi -e 's/x/y/' a.py", "edit", ("a.py",), (), ("perl",)),
    ("git checkout -- src/a.py", "edit", ("src/a.py",), (), ("git",)),
    ("git checkout src/a.py", "edit", ("src/a.py",), (), ("git",)),
    ("git stash", "edit", (), (), ("git",)),
    ("rm -rf build/ dist", "edit", ("build", "dist"), (), ("rm",)),
    ("find . -name '*.pyc' -delete", "edit", (), ("*.pyc",), ("find",)),
    ("echo 'x = 1' >> conf.py", "edit", ("conf.py",), (), ("echo",)),
    ("echo 'x = 1' > conf.py", "create", ("conf.py",), (), ("echo",)),
    ("touch a/__init__.py", "create", ("a/__init__.py",), (), ("touch",)),
    ("mkdir -p a/b", "create", ("a/b",), (), ("mkdir",)),
    ("ls | tee files.txt", "create", ("files.txt",), (), ("tee",)),
    ("python3 repro.py 2>&1 | tail -5", "run", ("repro.py",), (), ("python",)),
    ("python test_thing.py", "run", ("test_thing.py",), (), ("python",)),
    ("python3.11 -c 'import os; print(os)'", "run", (), (), ("python",)),
    ("python - <<'EOF'\nopen('a.py', 'w')\nEOF", "run", (), (), ("python",)),
    ("sudo -u me timeout 30 env A=1 ./run.sh", "run", ("run.sh",), (), ("run.sh",)),
    ("git checkout -b topic", "run", (), (), ("git",)),
    ("git commit -m 'a message.'", "run", (), (), ("git",)),
    ("python -m pylint src/a.py", "run", ("src/a.py",), (), ("python",)),
    ("pip install -e .", "run", (), (), ("pip",)),
    ("make", "run", (), (), ("make",)),
    ("cd /tmp", "run", (), (), ("cd",)),
    ("echo hello", "run", (), (), ("echo",)),
    ("pytest -q tests/test_a.py::test_b", "test", ("tests/test_a.py",), (), ("pytest",)),
    ("python -m pytest tests -k 'a or b'", "test", (), (), ("python",)),
    ("python -W error -m unittest pkg.tests", "test", (), (), ("python",)),
    ("python tests/runtests.py queries.tests", "test", (), (), ("python",)),
    ("./tests/runtests.py admin", "test", (), (), ("runtests.py",)),
    ("python manage.py test app", "test", (), (), ("python",)),
    ("bin/test sympy/core", "test", ("sympy/core",), (), ("test",)),
    ("npm test", "test", (), (), ("npm",)),
    ("npm run test:unit", "test", (), (), ("npm",)),
    ("npx jest src/a.test.js", "test", ("src/a.test.js",), (), ("jest",)),
    ("go test ./...", "test", ("...",), (), ("go",)),
    ("cargo nextest run", "test", (), (), ("cargo",)),
    ("make -j4 check", "test", (), (), ("make",)),
    ("./gradlew :core:test", "test", (), (), ("gradlew",)),
    ("poetry run pytest", "test", (), (), ("pytest",)),
    ("coverage run -m pytest", "test", (), (), ("python",)),
    ('bash -lc "cd lib && pytest a.py"', "test", ("lib/a.py",), (), ("pytest",)),
    ("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && git diff --cached", "submit", (), (), ("echo",)),
    ('echo "MINI_SWE_AGENT_FINAL_OUTPUT"', "submit", (), (), ("echo",)),
    ("for f in *.py; do grep -n 'x y' $f; done", "search", ("$f",), ("x y",), ("grep",)),
    ("if [ -f a.py ]; then cat a.py; fi", "read", ("a.py",), (), ("cat",)),
    ("N=$(grep -c foo a.txt)", "search", ("a.txt",), ("foo",), ("grep",)),
    ("cd src && cat ../setup.py", "read", ("setup.py",), (), ("cat",)),
    ("cd /workspace/me__lib__1.2 && python ../repro.py", "run", ("repro.py",), (), ("python",)),
    ("# look first\ncat a.py", "read", ("a.py",), (), ("cat",)),
    ("diff <(sort a.py) b.py", "read", ("b.py",), (), ("diff",)),
    ("pytest -q >\nlog.txt", "test", (), (), ("pytest",)),
    ("echo hi >\nlog.txt", "create", ("log.txt",), (), ("echo",)),
    ("{ echo a; cat b.py; } > c.py", "create", ("c.py",), (), ("cat",)),
    ("{ echo a; echo b; } >> c.py", "edit", ("c.py",), (), ("echo",)),
    ("{ python a.py; } > out.txt 2>&1", "run", ("a.py",), (), ("python",)),
    ("git -C lib log a.py", "read", ("lib/a.py",), (), ("git",)),
    ("rm -- -a.py", "edit", ("-a.py",), (), ("rm",)),
    ("date | tee /dev/stderr", "run", (), (), ("date",)),
    ("find src -name '*.py' -exec sed -i s/x/y/ {} +", "edit", ("src",), ("*.py",), ("find", "sed")),
    ("perl report.pl", "run", ("report.pl",), (), ("perl",)),
    ("perl -i -pe 's/x/y/' a.py", "edit", ("a.py",), (), ("perl",)),
    ("eval 'cat a.py'", "read", ("a.py",), (), ("cat",)),
    ("python -m coverage run -m pytest tests", "test", (), (), ("python",)),
    ("python -m coverage run a.py", "run", ("a.py",), (), ("python",)),
    ("python3 -mpytest a.py", "test", ("a.py",), (), ("python",)),
    ("tr a b < a.txt", "read", ("a.txt",), (), ("tr",)),
    ("python -m json.tool", "read", (), (), ("python",)),
    ("/opt/tools/run.sh a.py", "run", ("a.py",), (), ("run.sh",)),
    ("python -u a.py", "run", ("a.py",), (), ("python",)),
    ("python -u", "run", (), (), ("python",)),
    ("import os; print(1)", "other", (), (), ()),
    ("pytest\n-q tests/test_a.py", "test", ("tests/test_a.py",), (), ("pytest",)),
    ("", "think", (), (), ()),
]


@pytest.mark.parametrize(("line", "kind", "files", "patterns", "commands"), LINES)
def test_line(
    line: str,
    kind: str,
    files: tuple[str, ...],
    patterns: tuple[str, ...],
    commands: tuple[str, ...],
) -> None:
    op = primary(operations(Call(line, tool="bash")))
    assert (op.kind, op.files, op.patterns, op.commands) == (kind, files, patterns, commands)


@pytest.mark.parametrize(("line", "kind"), [("foo (bar baz", "other"), ("cat (a.py", "run"), ("git foo (", "run")])
def test_what_a_shell_could_not_parse_is_a_command_only_where_a_known_program_begins_it(line: str, kind: str) -> None:
    complaint = "bash: -c: line 1: syntax error near unexpected token `('"
    assert primary(operations(Call(line, complaint, tool="bash"))).kind == kind
    assert primary(operations(Call(line, "", tool="bash"))).kind == "run"


def test_commands_in_the_order_executed() -> None:
    line = "cat a.py && sed -i 's/x/y/' a.py && pytest && echo done"
    assert [op.kind for op in operations(Call(line, tool="bash"))] == ["read", "edit", "test"]


def test_listing_is_marked() -> None:
    assert operations(Call("ls -la /testbed/src", tool="bash")) == (
        Operation("read", ("src",), commands=("ls",), directory=True),
    )


def test_filter_behind_a_run_is_no_search() -> None:
    assert [op.kind for op in operations(Call("pytest | grep FAILED | wc -l", tool="bash"))] == ["test"]


@pytest.mark.parametrize(
    ("line", "kind", "new"),
    [
        ("cat > a.py <<'EOF'\nx = 1\ny = '''<<EOF'''\nEOF\npython a.py", "create", "x = 1\ny = '''<<EOF'''"),
        ("cat <<EOF > a.py\nx\nEOF", "create", "x"),
        ("cat <<-END >> a.py\n\tx\n\tEND\nls", "edit", "\tx"),
        ("tee a.py <<'PY' >/dev/null\nx\nPY", "create", "x"),
        ("printf 'x' > a.py", "create", "x"),
        ("{ echo 'x'; } > a.py", "create", "x"),
        ("{ cat <<EOF\nx\nEOF\n} >> a.py", "edit", "x"),
        ("cat > a.py <<'EOF'\ncut off", "create", "cut off"),
    ],
)
def test_written_text(line: str, kind: str, new: str) -> None:
    op = operations(Call(line, tool="bash"))[0]
    assert (op.kind, op.files, op.new) == (kind, ("a.py",), new)


def test_sed_carries_what_it_replaces() -> None:
    op = operations(Call(r"sed -i 's|a/b|c\|d|g' f.py", tool="bash"))[0]
    assert (op.old, op.new) == ("a/b", r"c\|d")


def test_patch_from_a_heredoc_names_its_files() -> None:
    diff = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-x\n+y"
    for line in (f"patch -p1 <<'EOF'\n{diff}\nEOF", f"git apply <<'EOF'\n{diff}\nEOF"):
        op = operations(Call(line, tool="bash"))[0]
        assert (op.kind, op.files, op.diff) == ("edit", ("src/a.py",), diff)


def test_errors_go_to_no_file() -> None:
    ops = operations(Call("grep x a.py 2>/dev/null >&2; echo hi 2> err.txt", tool="bash"))
    assert [op.kind for op in ops] == ["search"]
