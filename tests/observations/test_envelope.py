"""Answers in envelopes: what a person would see of them, the exit code, whether the tool says that it failed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clock import clocked
from hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st

from featrouter.observations.envelope import MOST_JSON, Envelope, says_nothing, unwrap

TWO_LINES = "..F\n1 failed, 2 passed"


@pytest.mark.parametrize(
    ("answer", "want"),
    [
        ({"output": TWO_LINES, "metadata": {"exit_code": 1, "duration_seconds": 0.4}}, Envelope(TWO_LINES, 1)),
        ({"stdout": "a\n", "stderr": "b", "exit_code": 3}, Envelope("a\nb", 3)),
        ({"stdout": "a", "stderr": "", "exitCode": 0}, Envelope("a", 0)),
        ({"stdout": "a", "stderr": "", "returncode": -9, "timed_out": False}, Envelope("a", -9)),
        ({"stdout": "a", "stderr": "", "code": 2}, Envelope("a", 2)),
        ({"stdout": "a", "stderr": "b", "status": 1}, Envelope("a\nb", 1)),
        ({"exit_code": "127", "output": "no", "sandbox": "s1"}, Envelope("no", 127)),
        ({"output": "a", "exit_code": 3221225477}, Envelope("a", 3221225477)),
        ({"stdout": None, "stderr": None, "returncode": None, "timed_out": True}, Envelope("[timed out]", None, True)),
        ({"content": [{"type": "text", "text": "dry"}], "isError": True}, Envelope("dry", None, True)),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, Envelope("a\nb")),
        ([{"type": "text", "text": "a"}, {"type": "image", "data": "x"}], Envelope("a")),
        ([{"type": "input_text", "text": "a"}], Envelope("a")),
        ({"type": "text", "text": "a"}, Envelope("a")),
        ({"result": "reed_4"}, Envelope("reed_4")),
        ({"result": {"a": 1}}, Envelope('{"a": 1}')),
        ({"error": "pond not found"}, Envelope("pond not found", None, True)),
        ({"error": {"code": 4, "message": "no pond"}, "id": 1, "jsonrpc": "2.0"}, Envelope("no pond", None, True)),
        ({"success": False, "error": "dry"}, Envelope("dry", None, True)),
        ({"success": False, "message": "dry", "pond": 4}, Envelope("dry", None, True)),
        ({"success": True, "output": "wet"}, Envelope("wet", None, False)),
        ({"status": "error", "message": "dry"}, Envelope("dry", None, True)),
        ({"status": 404, "error": "Not Found", "path": "/pond"}, Envelope("Not Found", None, True)),
        ({"ok": False}, Envelope("", None, True)),
        ({"functionResponse": {"name": "shell", "response": {"output": "wet", "exitCode": 2}}}, Envelope("wet", 2)),
        ({"type": "tool", "content": "dry", "status": "error", "tool_call_id": "c"}, Envelope("dry", None, True)),
        (
            {"lc": 1, "type": "constructor", "id": ["m"], "kwargs": {"content": "wet", "status": "success"}},
            Envelope("wet"),
        ),
    ],
    ids=lambda value: json.dumps(value)[:60] if not isinstance(value, Envelope) else "",
)
def test_json(answer: Any, want: Envelope) -> None:
    assert unwrap(json.dumps(answer)) == want
    assert unwrap(json.dumps(answer, indent=2)) == want


@pytest.mark.parametrize(
    "answer",
    [
        {"order_id": "#1", "status": "delivered", "items": [{"name": "reed"}]},
        {"order_id": "#1", "status": "failed", "total": 3},
        {"name": {"first": "Ada"}, "email": "a@b.c"},
        {"error": None, "data": {"a": 1}},
        {"error": "", "order_id": 4},
        {"success": True, "path": "a.py"},
        {"correct": False},
        [{"type": "pond", "text": 4}],
        [{"flight": "X1", "price": 3}],
        {"code": "X1", "message": "welcome"},
        [],
        {},
        [1, 2],
    ],
    ids=json.dumps,
)
def test_the_answer_of_an_api_is_no_envelope(answer: Any) -> None:
    assert unwrap(json.dumps(answer)) is None


@pytest.mark.parametrize(
    ("answer", "want"),
    [
        ("<returncode>1</returncode>\n<output>\ndry\n</output>", Envelope("dry", 1)),
        ("<returncode>0</returncode>\n<output>\n</output>", Envelope("", 0)),
        ("<stdout>a</stdout><stderr>b</stderr><exit_code>1</exit_code>", Envelope("a\nb", 1)),
        ("<output>a <output>b</output></output>", Envelope("a <output>b</output>")),
        ("<output>cut off", Envelope("cut off")),
        ("<tool_use_error>dry</tool_use_error>", Envelope("dry", None, True)),
        ("<error>\ndry\n</error>", Envelope("dry", None, True)),
        ("<error>(none)</error><output>wet</output>", Envelope("(none)\nwet")),
        ("<bash-stdout>a</bash-stdout><bash-stderr></bash-stderr>", Envelope("a")),
        ("Output: wet\nError: (none)\nExit Code: 0\nSignal: (none)", Envelope("wet", 0)),
        ("Command: ls\nDirectory: (root)\nOutput: a\nb\nError: dry\nExit Code: 2", Envelope("a\nb\ndry", 2, True)),
        ("Output: (empty)\nExit Code: 1\nProcess Group PGID: 4711", Envelope("", 1)),
        ("Output: Exit Code: 5\nExit Code: 6\nExit Code: 7", Envelope("Exit Code: 5\nExit Code: 6", 7)),
        ("content='a\\nb' name='pond' tool_call_id='c' status='error'", Envelope("a\nb", None, True)),
        ("EXECUTION RESULT of [bash]:\nwet", Envelope("wet")),
        ("EXECUTION RESULT of [editor]:\nERROR:\ndry", Envelope("dry", None, True)),
        ("Observation:\nwet", Envelope("wet")),
        ("[execute_command for 'ls'] Result:\n\nwet", Envelope("wet")),
        ("The tool execution failed with the following error:\n<error>\ndry\n</error>", Envelope("dry", None, True)),
        ('EXECUTION RESULT of [shell]:\n{"stdout": "a", "exit_code": 3}', Envelope("a", 3)),
        ("Execution logs:\nwet\nLast output from code snippet:\nNone", Envelope("wet")),
        ("Execution logs:\nwet\nLast output from code snippet:\n4", Envelope("wet\n4")),
    ],
)
def test_tags_and_fields(answer: str, want: Envelope) -> None:
    assert unwrap(answer) == want


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "x",
        "<html><body>x</body></html>",
        "Output:",
        "Command: ls",
        "content=4",
        "[12:00] wet",
        "{x}",
        "<a>",
        "Error: dry",
    ],
)
def test_other_texts_are_no_envelopes(answer: str) -> None:
    assert unwrap(answer) is None


def test_lines_of_json_are_no_envelope() -> None:
    assert unwrap('{"text": "a"}\n{"text": "b"}\n') is None


def cut(text: str) -> str:
    """As logs cut a long text: three quarters of its head, one of its tail."""
    return f"{text[:3000]}\n...\n{text[-1000:]}"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"output": "line\n" * 3000 + "end", "metadata": {"exit_code": 1}}, 1),
        ({"stdout": "line\n" * 3000 + "end", "stderr": "", "returncode": 2, "timed_out": False}, 2),
        ({"exit_code": 3, "output": "line\n" * 3000 + "end"}, 3),
        ({"stdout": "", "stderr": "line\n" * 3000 + "end", "exitCode": 4}, 4),
    ],
)
def test_a_cut_envelope_is_read_leniently(answer: Any, code: int) -> None:
    whole = json.dumps(answer)
    for text in (cut(whole), repr(answer)):
        got = unwrap(text)
        assert got is not None
        assert got.exit_code == code
        assert got.text.startswith("line\nline\n")
        assert got.text.endswith("line\nend")
    assert whole[:3000] in whole
    got = unwrap(whole[:3000])
    assert got is not None and got.text.startswith("line\nline\n")


def test_a_long_envelope_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    long = json.dumps({"output": "a\n" * MOST_JSON, "metadata": {"exit_code": 7}})
    monkeypatch.setattr(json, "loads", lambda *args, **more: pytest.fail("parsed"))
    got = unwrap(long)
    assert got is not None
    assert (got.exit_code, got.text[:4], len(got.text) < MOST_JSON) == (7, "a\na\n", True)


@pytest.mark.parametrize(
    "text",
    [
        '{"output": ' + "[" * 60_000,
        "[" * 200_000,
        '{"exit_code": ' + "9" * 5000 + ', "output": "a"}',
        '{"output": "\ud800", "exit_code": 1}',
        '{"output": "\\ud800", "exit_code": 1}',
        '{"output": "a", "exit_code": 99999999999999999999999}',
        '{"output": ' + '{"output": ' * 500 + "1" + "}" * 500 + "}",
        "<output>" * 5000,
        "<result>" * 5000,
        "Output: " + "Exit Code: 1\n" * 5000,
        "content='" + "' name='" * 5000,
        '{"stdout": "' + '", "stderr": "' * 5000,
        '{"output": "' + "\\" * 70_000,
    ],
)
def test_hostile_envelopes_are_read_soon(text: str) -> None:
    unwrap(text)
    spent = []
    for _ in range(3):
        with clocked() as taken:
            unwrap(text)
        spent.append(taken.seconds)
    with clocked() as yardstick:
        sum(number * number for number in range(400_000))
    assert min(spent) < yardstick.seconds


def test_a_code_of_many_digits_is_none() -> None:
    got = unwrap('{"exit_code": ' + "9" * 5000 + ', "output": "a"}')
    assert got is not None and got.exit_code is None


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_raises(text: str) -> None:
    for start in (
        "",
        '{"output": "',
        '{"stdout": "a", "stderr": ',
        "<output>",
        "Output: ",
        "content='",
        '[{"type": "text", ',
    ):
        unwrap(start + text)


PLAIN = [
    *(None, True, False, 0, 1, 404, -1, 2**80, 1.5),
    "",
    "a",
    "error",
    "(none)",
    "3",
    [],
    ["a"],
    [{"type": "text", "text": "a"}],
    {},
    {"a": 1},
]
VALUES = st.sampled_from(PLAIN)
NAMES = st.sampled_from(
    [
        *(
            "output",
            "stdout",
            "stderr",
            "error",
            "errors",
            "message",
            "result",
            "content",
            "status",
            "success",
            "ok",
            "code",
        ),
        *(
            "exit_code",
            "exitCode",
            "metadata",
            "type",
            "text",
            "isError",
            "kwargs",
            "functionResponse",
            "response",
            "timed_out",
        ),
        "order_id",
    ]
)


@given(st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, max_size=3), max_size=5))
def test_any_object_is_read(answer: dict[str, Any]) -> None:
    for text in (json.dumps(answer), repr(answer), json.dumps([answer]), json.dumps(answer)[:-2]):
        got = unwrap(text)
        assert got is None or isinstance(got.text, str)
        assert got is None or got.exit_code is None or type(got.exit_code) is int


@given(st.text(max_size=60), st.integers(-(2**31), 2**32 - 1))
def test_what_was_put_in_comes_out(text: str, code: int) -> None:
    want = Envelope(text, code)
    assert unwrap(json.dumps({"output": text, "metadata": {"exit_code": code}})) == want
    assert unwrap(json.dumps({"stdout": text, "stderr": "", "exit_code": code}, ensure_ascii=False)) == want


@given(st.text(st.characters(codec=None), max_size=200))
def test_any_text_is_read(text: str) -> None:
    for start in ("", "{", "[{", '{"output": "', "<output>", "<error>", "Output: ", "content='", "Execution logs:"):
        unwrap(start + text)


@pytest.mark.parametrize("value", [None, "", "(none)", "None", "null", 0, False, [], {}, " none ", "no errors"])
def test_an_error_field_that_says_nothing(value: Any) -> None:
    assert says_nothing(value)


@pytest.mark.parametrize("value", ["dry", 1, True, ["x"], {"a": 1}, "none of these"])
def test_an_error_field_that_says_something(value: Any) -> None:
    assert not says_nothing(value)
