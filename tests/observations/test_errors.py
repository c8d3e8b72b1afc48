"""What an answer reports as an error, in whatever language, shell or tool; and what is none."""

from __future__ import annotations

import pytest
from hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st

from featrouter.catalogue import lexicon
from featrouter.observations.errors import NONE, Errors, errors_of, exit_code_in, signature
from featrouter.observations.output import Output


def read(text: str, *, shown: bool = False) -> Errors:
    return errors_of(Output(text), shown=shown)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("./main.go:7:2: undefined: reed\n", "source"),
        ("src/pond.ts(3,5): error TS2304: Cannot find name 'reed'.\n", "TS2304"),
        ("src/pond.ts:3:5 - error TS2304: Cannot find name 'reed'.\n", "TS2304"),
        (
            "pond.rb:3:in `fill': undefined method `+' for nil:NilClass (NoMethodError)\n\tfrom pond.rb:7:in `<main>'\n",
            "NoMethodError",
        ),
        ("PHP Fatal error:  Uncaught TypeError: fill() in /srv/pond.php:3\nStack trace:\n#0 {main}\n", "TypeError"),
        ("** (ArithmeticError) bad argument in arithmetic expression\n    pond.ex:3: Pond.fill/1\n", "ArithmeticError"),
        (
            "Unhandled exception. System.InvalidOperationException: dry\n   at Pond.Fill(Int32 x) in /srv/P.cs:line 3\n",
            "InvalidOperationException",
        ),
        ("/srv/Pond.cs(3,5): error CS0103: The name 'reed' does not exist\n", "CS0103"),
        ("e: file:///srv/Pond.kt:3:5 Unresolved reference: reed\n", "source"),
        ("Pond.java:3: error: cannot find symbol\n", "error"),
        ('Exception in thread "main" org.pond.Dry: no water\n\tat org.pond.Pond.main(Pond.java:3)\n', "Dry"),
        ("[error] /srv/Pond.scala:3:5: not found: value reed\n", "build"),
        ("Pond.swift:3:5: error: cannot find 'reed' in scope\n", "error"),
        ("Swift/Array.swift:600: Fatal error: Index out of range\n", "fatal"),
        ("error[E0382]: borrow of moved value: `reed`\n", "error"),
        ("pond.hs:3:5: error: [GHC-88464]\n    Variable not in scope: reed\n", "error"),
        ('syntax error at pond.pl line 3, near "reed"\n', "source"),
        ("lua: pond.lua:3: attempt to index a nil value\n", "source"),
        ("Error in fill(x) : object 'reed' not found\nExecution halted\n", "source"),
        ("ERROR: LoadError: UndefVarError: `reed` not defined\n", "error"),
        ("pond.c:3:5: error: 'reed' undeclared\n", "error"),
        ("pond: b.c:2: main: Assertion `c>5' failed.\n", "Assertion"),
        ("/usr/bin/ld: pond.c:(.text+0x9): undefined reference to `reed'\n", "undefined reference"),
        ("collect2: error: ld returned 1 exit status\n", "error"),
        ("make: *** [Makefile:3: test] Error 2\n", "build"),
        ("CMake Error at CMakeLists.txt:3 (find_package):\n", "build"),
        ("BUILD FAILED in 3s\n", "build"),
        ("[ERROR] Failed to execute goal org.pond:fill\n", "build"),
        ("npm ERR! code ENOENT\nnpm ERR! syscall open\n", "build"),
        ('npm error Missing script: "fill"\n', "build"),
        ("error Command failed with exit code 1.\n", "build"),
        ("ERROR: No matching distribution found for reed\n", "error"),
        ("fatal: not a git repository (or any of the parent directories): .git\n", "error"),
        ("Error response from daemon: No such container: reed\n", "error"),
        ('Error from server (NotFound): pods "reed" not found\n', "error"),
        ("│ Error: Reference to undeclared resource\n", "error"),
        ('ERROR:  relation "reed" does not exist\n', "query"),
        ("ERROR 1064 (42000) at line 1: You have an error in your SQL syntax\n", "query"),
        ('Error: near "reed": syntax error\n', "query"),
        ("curl: (7) Failed to connect to pond port 80\n", "network"),
        ("bash: ./a.sh: Permission denied\n", "denied"),
        ("Error: Cannot find module 'reed'\n", "error"),
        ("bash: -c: line 1: syntax error near unexpected token `)'\n", "program"),
        ("STDERR: find: unknown predicate '-reed'\n", "program"),
        (
            "    + CategoryInfo          : ObjectNotFound: (reed:String) [], CommandNotFoundException\n",
            "ObjectNotFound",
        ),
        ("AssertionError [ERR_ASSERTION]: dry\n", "AssertionError"),
        ("  ● fills\n\n    expect(received).toBe(expected)\n", "expect"),
        ("     AssertionError: expected 1 to equal 2\n", "AssertionError"),
        ("Error executing tool fill: no water\n", "error"),
        ("Error encountered: no water\n", "error"),
        ("ERROR in fill(): no water\n", "error"),
    ],
)
def test_errors_without_an_exit_code_have_a_kind(text: str, kind: str) -> None:
    got = read(text)
    assert kind in [name for name, _ in got.named]
    assert len(got.named) <= 3


@pytest.mark.parametrize(
    "text",
    [
        "terminate called after throwing an instance of 'std::runtime_error'\n  what():  dry\n",
        "bash: line 1:  4711 Segmentation fault      (core dumped) ./pond\n",
        "zsh: segmentation fault  ./pond\n",
        "fish: Job 1, './pond' terminated by signal SIGSEGV (Address boundary error)\n",
        "pond.c:3:5: runtime error: signed integer overflow\n",
        "==1==ERROR: AddressSanitizer: heap-use-after-free\n",
        "Fatal Python error: Segmentation fault\n",
        "Error: dry\n    at f (/srv/a.js:2:9)\n    at Object.<anonymous> (/srv/a.js:4:1)\n",
        "lua: a.lua:3: dry\nstack traceback:\n",
    ],
)
def test_crashes_and_stacks_are_tracebacks(text: str) -> None:
    assert read(text).tracebacks == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("pytset : The term 'pytset' is not recognized as the name of a cmdlet\n", "not_found"),
        ("'pytset' is not recognized as an internal or external command\n", "not_found"),
        ("fish: Unknown command: pytset\n", "not_found"),
        ("zsh: command not found: pytset\n", "not_found"),
        ("sh: 1: pytset: not found\n", "not_found"),
        ('exec: "pytset": executable file not found in $PATH\n', "not_found"),
        ("cat: reed: No such file or directory\n", "missing"),
        ("The system cannot find the path specified.\n", "missing"),
        ("The command timed out\n", "timeout"),
    ],
)
def test_complaints(text: str, complaint: str) -> None:
    assert complaint in read(text).complaints


@pytest.mark.parametrize(
    "text",
    [
        "Error: (none)",
        "Output: ok\nError: (none)\nExit Code: 0",
        "Errors: 0\nWarnings: 0",
        "0 errors",
        "error: null",
        '"error": ""',
        "Error: None",
        "no errors found",
        "stderr: ",
        "stderr:\n",
        "0 failures",
        "Error: 0",
        "error: 0.0341",
        "Error: []",
        "error: -",
        "Errors: none",
        "make: Nothing to be done for 'all'.",
        "Status: Aborted",
        "an error occurred once",
        "all required arguments are there",
        "the test returns status code 200",
        "",
        "DeprecationWarning: old",
        "Your answer is wrong.",
        "Your solution is incorrect. Try again.",
    ],
)
def test_what_only_sounds_like_an_error_is_none(text: str) -> None:
    assert read(text) == NONE
    assert not read(text)


GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "pond.py", line 3, in <module>
  |     fill()
  | ExceptionGroup: pond (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "pond.py", line 1, in fill
    | ValueError: one
    +---------------- 2 ----------------
    | TypeError: two
    +------------------------------------
"""


def test_an_exception_group_is_one_traceback_and_names_each_of_its_errors() -> None:
    got = read(GROUP)
    assert (got.tracebacks, got.frames) == (1, 2)
    assert [kind for kind, _ in got.named] == ["ExceptionGroup", "ValueError", "TypeError"]


@pytest.mark.parametrize(
    ("line", "want"),
    [
        ("pond.errors.Dry: no water", ("Dry", "no water")),
        ("Timeout", ("Timeout", "")),
        ("NotFound: 3", ("NotFound", "3")),
        ("pond.models.Reed.DoesNotExist: none", ("DoesNotExist", "none")),
        ("ValueError: bad", ("ValueError", "bad")),
    ],
)
def test_a_traceback_names_its_error_whatever_its_name(line: str, want: tuple[str, str]) -> None:
    got = read(f'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    fill()\n    ~~~~^^\n{line}\n')
    assert got.named == (want,)
    assert (got.tracebacks, got.frames) == (1, 1)


def test_a_name_of_a_projects_own_is_none_outside_of_a_traceback() -> None:
    assert not read("Total: 5\npond.Dry: no water\n")


def test_a_bare_assert_of_pytest_is_an_assertion() -> None:
    assert read(">       assert [1] == [2]\nE       assert [1] == [2]\n").named == (("assert", "[1] == [2]"),)
    got = read(">       assert a, 'dry'\nE       AssertionError: dry\nE       assert 1 == 2\n")
    assert [kind for kind, _ in got.named] == ["AssertionError"]


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("Missing required argument: pond", "arguments"),
        ("fill() got an unexpected keyword argument 'reed'", "arguments"),
        ("MCP error -32602: Invalid arguments for tool fill", "arguments"),
        ("HTTP/1.1 404 Not Found\nServer: pond", "http"),
        ("Request failed with status code 429", "http"),
        ("Element not found: #fill", "browser"),
        ("page.goto: Timeout 30000ms exceeded.", "browser"),
        ("net::ERR_NAME_NOT_RESOLVED at http://pond", "browser"),
        ("Error executing tool fill: dry", "tool_error"),
    ],
)
def test_tools_say_that_a_call_failed(text: str, tool: str) -> None:
    got = read(text)
    assert tool in got.tools
    assert got.tool_errors == len(got.tools)


def test_a_tool_speaks_at_the_head_of_its_answer() -> None:
    assert not read("line\n" * 400 + "Element not found: #fill").tools


@pytest.mark.parametrize(
    "text",
    [
        "Please always provide EXACTLY ONE action in triple backticks, found 0 actions.",
        "No SQL code was found in your last response.",
        "Unknown tool: fill",
        "Tool 'fill' not found",
        "ValueError extracting parameters for fill: Missing required arguments",
        "You did not use a tool in your previous response!",
        "Failed to parse tool call arguments as JSON",
    ],
)
def test_a_harness_that_could_not_read_the_call_refused_it(text: str) -> None:
    assert read(text).refused
    assert read(text, shown=True).refused


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("cat: reed: No such file or directory", ("missing",)),
        ("line 1\ncat: reed: No such file or directory", ("missing",)),
        ("Usage: find_in <word>\nError: File reed not found", ("missing",)),
        ("text\nSTDERR: cat: reed: No such file or directory", ("missing",)),
        ("src/a.py:3: raise Dry('No such file or directory')", ()),
        ("     3\tbash: reed: command not found", ()),
        ("Traceback (most recent call last):\nValueError: x", ()),
        ("text\nof a log with No such file or directory in it", ()),
        ("", ()),
    ],
)
def test_what_a_file_quotes_is_no_error(text: str, complaints: tuple[str, ...]) -> None:
    assert read(text, shown=True) == (Errors(complaints=complaints) if complaints else NONE)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Exit code: 1", 1),
        ("Exit code 1", 1),
        ("Exit Code: 1", 1),
        ("exit code: 0", 0),
        ("exited with code 2", 2),
        ("Exited with status 2", 2),
        ("exit status 3", 3),
        ("Process exited with code 4", 4),
        ("[exit code: 5]", 5),
        ("[Command finished with exit code 6]", 6),
        ("[The command completed with exit code 7.]", 7),
        ("returncode=8", 8),
        ("Return code: 8", 8),
        ("Command failed with exit code 127", 127),
        ("error Command failed with exit code 1.", 1),
        ("(exit 1)", 1),
        ("(exit code 1)", 1),
        ("Exit code: -1073741819", -1073741819),
        ("exited with code 3221225477", 3221225477),
        ("$LASTEXITCODE = 9", 9),
        ("exit_code: 1", 1),
        ("EXIT CODE: 2", 2),
        ("<returncode>1</returncode>", 1),
        ("<exit_code>2</exit_code>", 2),
        ("Command exited with non-zero status code 3", 3),
        ("Process finished with exit code 1", 1),
        ("Command 'x' returned non-zero exit status 1.", 1),
        ('error: script "test" exited with code 1', 1),
    ],
)
def test_exit_codes_stand_at_the_head_or_the_tail(line: str, code: int) -> None:
    filler = "a line of output\n" * 60
    for text in (
        line,
        f"{line}\n{filler}",
        f"{filler}{line}",
        f"{filler}{line}\n",
        f"{line}\nWall time: 3 s\n{filler}",
    ):
        assert exit_code_in(text) == code, text[:60]
    assert exit_code_in(f"{filler}{line}\n{filler}") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "exit",
        "the exit is here",
        "It shows that exit code 1 is returned",
        "sys.exit(1)",
        "return code",
        "exit code 1.5",
        "returncode = run()",
    ],
)
def test_other_words_are_no_exit_codes(text: str) -> None:
    assert exit_code_in(text) is None


def test_what_the_harness_writes_behind_an_output_goes_before_what_the_program_wrote_first() -> None:
    text = "Exit code: 16\n" + "a line\n" * 60 + "[Command finished with exit code 0]"
    assert exit_code_in(text) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("line 3 of 0x7ffe12", "line 44 of 0x1"),
        ("no /tmp/tmpab12/x here", "no /tmp/tmpzz/y here"),
        ("took 0.35 s", "took 12.01 s"),
        ("id 3f2b8c1e-1111-2222-3333-444455556666", "id aaaaaaaa-1111-2222-3333-444455556666"),
        ("a  b", "a b"),
    ],
)
def test_the_same_error_again_has_the_same_signature(one: str, other: str) -> None:
    assert signature(("E", one)) == signature(("E", other))
    assert signature(("E", one)) != signature(("F", one))
    assert signature(("E", one)) != signature(("E", f"{one} and more"))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_texts_are_read(text: str) -> None:
    for shown in (True, False):
        assert isinstance(read(text, shown=shown), Errors)
    exit_code_in(text)
    signature(("E", text[:200]))


PIECES = st.sampled_from(
    [
        "Error: ",
        "error:",
        "\n",
        " at ",
        'File "',
        "Traceback (most recent call last):",
        "E   assert ",
        "exit code ",
        "1",
        "npm ERR! ",
        ": cannot ",
        "a.go:3:2: ",
        "(none)",
        "\ud800",
        "HTTP ",
    ]
)


@given(st.lists(PIECES | st.text(st.characters(codec=None), max_size=5), max_size=30).map("".join), st.booleans())
def test_any_text_is_read(text: str, shown: bool) -> None:
    got = read(text, shown=shown)
    assert bool(got) == (got != NONE)
    assert all(kind and isinstance(message, str) for kind, message in got.named)
    exit_code_in(text)


LINES = st.sampled_from(
    [
        "[Command finished with exit code 3]",
        "exit status: 0",
        "script returned",
        "exited with code 2",
        "(exit 1)",
        "a" * 90,
        "é",
        "<",
        "",
    ]
)


@given(st.lists(LINES, max_size=6).map("\n".join))
def test_an_exit_code_is_the_last_of_the_tail_or_the_first_of_the_head(text: str) -> None:
    regex = lexicon("errors")["exit"].regex
    tail = text[-200:] if len(text) <= 200 else text[-200:][text[-200:].find("\n") + 1 :]
    found = list(regex.finditer(tail))[-1:]
    if len(text) > 200 and not (found and found[0].group()[0] in "[<"):
        found = list(regex.finditer(text[:200]))[:1] or found
    assert exit_code_in(text) == (int(next(filter(None, found[0].groups()))) if found else None)


@given(st.text(max_size=60), st.booleans())
def test_an_answer_without_errors_gives_the_one_empty_object(text: str, shown: bool) -> None:
    errors = errors_of(Output(text), shown=shown)
    assert bool(errors) == (errors is not NONE)
