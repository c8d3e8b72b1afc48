"""The lexer: which words bash would pass, where it would write, and that the fast path is the slow one."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter.dialects import bash_words
from featrouter.dialects.bash_words import COMMANDS_KEPT, SPECIAL, TOKENS_KEPT, WORDS_KEPT, split

Told = tuple[list[str], list[tuple[str, str]]]


def told(text: str) -> list[Told]:
    text, bodies = bash_words.cut_heredocs(text)
    return [(command.words, list(command.writes)) for command in split(text, bodies)]


PLAIN, QUOTED = "abc019./=:,@%+#-", " ab;|&<>(){}$`\\#*~!\n\t"
ESCAPED = " '\"\\$;|&<>()#a`*"


def word(rng: random.Random) -> str:
    """A word of up to three parts, each plain, quoted one way or the other, or escaped."""
    parts = []
    for _ in range(rng.randint(1, 3)):
        n, kind = rng.randint(0, 4), rng.randrange(4)
        if kind == 0:
            parts.append(rng.choice(PLAIN[:3]) + "".join(rng.choices(PLAIN, k=n)))
        elif kind == 1:
            parts.append("'" + "".join(rng.choices(QUOTED + '"', k=n)) + "'")
        elif kind == 2:
            inner = [*"ab 'z;|&<>(){}#*\n\t", '\\"', "\\\\", "\\$", "\\`", "\\n", "\\a"]
            parts.append('"' + "".join(rng.choices(inner, k=n)) + '"')
        else:
            parts.append("\\" + rng.choice(ESCAPED))
    return "".join(parts)


def line(rng: random.Random) -> str:
    """Up to four commands `show`, with words and redirections among each other."""
    commands = []
    for number in range(rng.randint(1, 4)):
        parts = [word(rng) for _ in range(rng.randint(1, 4))]
        for _ in range(rng.choice([0, 0, 1, 2])):
            operator = rng.choice(["> ", ">", ">>", "1>", "&>", ">|", "2>/dev/null", "2>&1", "</dev/null", "<<< "])
            target = (
                rng.choice(["out", "'my out'", 'a"b"c', "x.txt"]) if operator[0] in ">1&" or "<<<" in operator else ""
            )
            parts.insert(rng.randint(0, len(parts)), operator + target)
        commands.append(" ".join([f"show {number}", *parts]))
    text = commands[0]
    for command in commands[1:]:
        # no pipes: both sides would run at once, and what they tell would stand in any order
        text += rng.choice(["; ", ";", " && ", "&&\n", "\n", "\n\n", " # it's \"\n"]) + command
    return text


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is what the words are held to")
def test_words_and_files_are_bashs(tmp_path: Path) -> None:
    rng = random.Random(0)
    lines = [line(rng) for _ in range(250)]
    script = [r"""show() { IFS= read -r -d '' _; printf '%s\0' $# "$@" >&9; }""", "exec 9>>told"]
    for number, text in enumerate(lines):
        (tmp_path / f"d{number}").mkdir()
        script += [f"cd d{number}", text, "cd ..", r"printf 'end\0' >&9"]
    (tmp_path / "script").write_text("\n".join(script), encoding="utf-8")
    done = subprocess.run(["bash", "script"], stdin=subprocess.DEVNULL, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    fields = iter((tmp_path / "told").read_bytes().decode().split("\0"))
    seen = 0
    for number, text in enumerate(lines):
        expected = []
        while (count := next(fields)) != "end":
            expected.append([next(fields) for _ in range(int(count))])
        got = told(text)
        assert [words[1:] for words, _ in got] == expected, text
        files = {path.name for path in (tmp_path / f"d{number}").iterdir()}
        assert {target for _, writes in got for _, target in writes} == files, text
        seen += len(expected)
    assert seen > 500


blank = st.text(st.sampled_from(" \t\r\x0b\x0c\x1c\x85\xa0\u2003\u2028"), min_size=1, max_size=3)
bare = st.text(st.characters(), min_size=1, max_size=6).filter(lambda text: not SPECIAL.search(text))
head = st.sampled_from(["ls", "if", "then", "{", "}", "!", "for", "A=b", "x+=1", "case", "git"])


@given(st.lists(st.one_of(blank, bare, head), max_size=20).map(" ".join))
def test_text_without_special_characters_is_cut_as_if_it_had_some(text: str) -> None:
    assert not SPECIAL.search(text)
    plain, other = split(text, []), split(text + ";", [])
    assert [(command.words, command.writes) for command in plain] == [
        (command.words, command.writes) for command in other
    ]


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", ";", ";;", "&&", "# only a comment", "\\\n", "A=b", "if", "<(ls)"])
def test_where_there_is_no_command_there_is_none(text: str) -> None:
    assert split(text, []) == []


WRITTEN: list[tuple[str, list[Told]]] = [
    # what a process substitution would run is no word of the command that reads it
    ("diff <(sort a.py) <(sort b.py)", [(["diff"], [])]),
    ("comm -12 <(sort a) b.txt", [(["comm", "-12", "b.txt"], [])]),
    ("cat<(ls)", [(["cat"], [])]),
    ("wc -l < <(ls)", [(["wc", "-l"], [])]),
    ("cat <(echo $(ls)) x", [(["cat"], []), (["echo", "$(ls)"], []), (["x"], [])]),
    # the target of a redirection may stand on the next line
    ("echo x >\nout.txt", [(["echo", "x"], [(">", "out.txt")])]),
    ("echo x >> \n\n out.txt\nls", [(["echo", "x"], [(">>", "out.txt")]), (["ls"], [])]),
    ("echo x > ; ls", [(["echo", "x"], []), (["ls"], [])]),
    ("echo x > && ls", [(["echo", "x"], []), (["ls"], [])]),
    ("echo x >", [(["echo", "x"], [])]),
    # what a block writes is what its last command writes
    ("{ echo a; echo b; } > out", [(["echo", "a"], []), (["echo", "b"], [(">", "out")])]),
    ("{ echo a; } >> out 2>&1; ls", [(["echo", "a"], [(">>", "out")]), (["ls"], [])]),
    ("{ echo a > x\n} > out", [(["echo", "a"], [(">", "x"), (">", "out")])]),
    ("{ echo a; } | tee out", [(["echo", "a"], []), (["tee", "out"], [])]),
    ("{ echo a; }", [(["echo", "a"], [])]),
    ("} > out", [([], [(">", "out")])]),
    ("(echo a; echo b) > out", [(["echo", "a"], []), (["echo", "b"], []), ([], [(">", "out")])]),
    ("for f in *; do cat $f; done > out", [(["cat", "$f"], []), ([], [(">", "out")])]),
    # what goes to a descriptor, to stderr or to a device is no file
    ("make > /dev/null 2> err.txt >&2 2>&1", [(["make"], [])]),
    ("make &> all.txt", [(["make"], [(">", "all.txt")])]),
    ("make 1>> all.txt 2>&1", [(["make"], [(">>", "all.txt")])]),
    ("make >| 'my log'", [(["make"], [(">|", "my log")])]),
    ("> new.txt", [([], [(">", "new.txt")])]),
    # an assignment's own command is the command
    ("A=1 B=2 make", [(["make"], [])]),
    ("N=$(grep -c x a.txt)", [(["grep", "-c", "x", "a.txt"], [])]),
    ("N=`wc -l a.txt`", [(["wc", "-l", "a.txt"], [])]),
    ("for f in $(ls src); do", [(["ls", "src"], [])]),
    ("if ! grep -q x a; then exit; fi", [(["grep", "-q", "x", "a"], []), (["exit"], [])]),
    # a quote that nobody closes takes the rest
    ("echo 'a; ls", [(["echo", "a; ls"], [])]),
    ('echo "a; ls', [(["echo", "a; ls"], [])]),
    ("echo a # it's\nls", [(["echo", "a"], []), (["ls"], [])]),
    ("echo a#b '#c'", [(["echo", "a#b", "#c"], [])]),
    ("cat a.py \\\n  b.py", [(["cat", "a.py", "b.py"], [])]),
    # a line that goes on is one line, whether or not a blank stands before its end
    ("cat a.py\\\n  b.py", [(["cat", "a.py", "b.py"], [])]),
]


@pytest.mark.parametrize(("text", "want"), WRITTEN)
def test_commands_and_what_they_write(text: str, want: list[Told]) -> None:
    assert told(text) == want


@pytest.mark.parametrize(
    ("text", "stdin"),
    [
        ("cat <<< hello", "hello"),
        ("cat <<< 'two words'", "two words"),
        ("cat <<'EOF'\na\n  b\nEOF", "a\n  b"),
        ("cat <<-EOF\n\ta\n\tEOF", "\ta"),
        ("{ cat <<EOF\na\nEOF\n} > out", "a"),
    ],
)
def test_what_stands_on_stdin(text: str, stdin: str) -> None:
    text, bodies = bash_words.cut_heredocs(text)
    (command,) = split(text, bodies)
    assert (command.words, command.stdin) == (["cat"], stdin)


def test_only_what_stands_behind_a_pipe_is_piped() -> None:
    told = [(command.words, command.piped) for command in split("a | b |& c || d && e; f\ng", [])]
    assert told == [([name], name in "bc") for name in "abcdefg"]


def test_what_is_read_is_kept_apart_from_the_words() -> None:
    (command,) = split("sort -u < a.txt > b.txt", [])
    assert (command.words, command.writes, command.reads) == (["sort", "-u"], ((">", "b.txt"),), ("a.txt",))


def test_long_text_is_cut_short_the_same_on_both_paths() -> None:
    many = " ".join(f"w{number}" for number in range(500))
    for text in (many, f"{many};"):
        (command,) = split(text, [])
        assert command.words == many.split()[:WORDS_KEPT]
    assert len(split("ls;" * 500, [])) == COMMANDS_KEPT
    assert len(split("a" + "; " * TOKENS_KEPT + "b", [])) == 1
