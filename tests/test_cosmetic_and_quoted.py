"""What changes from one try to the next without meaning, and what quotes errors without being one."""

from __future__ import annotations

import json

import pytest

from featrouter import Turn
from featrouter.observations.refusals import edit_refused
from featrouter.observations.sameness import AnswerKeys, action_key
from featrouter.reading import CallReading


@pytest.mark.parametrize("name", ["summary", "reason", "goal", "thought", "toolSummary", "WaitMsBeforeAsync"])
def test_why_a_command_is_run_does_not_make_it_another(name: str) -> None:
    keys = {action_key("sh", json.dumps({"command": "fill", name: why})) for why in ("a", "b")}
    assert len(keys) == 1


@pytest.mark.parametrize("given", [{"title": "pond"}, {"subject": "pond"}])
def test_a_description_that_is_what_the_call_says_tells_calls_apart(given: dict[str, str]) -> None:
    keys = {action_key("make_issue", json.dumps({**given, "description": text})) for text in ("dry", "full")}
    assert len(keys) == 2


def test_comments_of_a_written_file_are_its_text() -> None:
    keys = {action_key("write_file", json.dumps({"path": "a.py", "content": f"# {n}\nx = 1\n"})) for n in "ab"}
    assert len(keys) == 2


def test_a_temporary_log_does_not_make_another_command() -> None:
    assert action_key("sh", "fill > /tmp/a1 2>&1") == action_key("sh", "fill > /tmp/b2 2>&1")
    assert action_key("sh", "cat /tmp/a1") != action_key("sh", "cat /tmp/b2")
    assert action_key("sh", "fill > a1") != action_key("sh", "fill > b2")


@pytest.mark.parametrize(
    "answers",
    [
        ("Chunk ID: a1b\nOutput:\ndry", "Chunk ID: 0cd\nOutput:\ndry"),
        ("fail 1\nduration_ms 50.12", "fail 1\nduration_ms 161.3"),
        ("thread 'main' (12) panicked", "thread 'main' (3456) panicked"),
        ("1 failure\nwith seed 12", "1 failure\nwith seed 3456"),
        ("(node:12) Warning: dry", "(node:345) Warning: dry"),
        ("==12==ERROR: dry", "==345==ERROR: dry"),
    ],
)
def test_numbers_of_a_run_do_not_make_another_answer(answers: tuple[str, str]) -> None:
    keys = AnswerKeys()
    assert keys.key(answers[0]) == keys.key(answers[1])


@pytest.mark.parametrize("answers", [("1 failed", "2 failed"), ("a.py:1: dry", "a.py:2: dry"), ("seeds 1", "seeds 2")])
def test_other_numbers_do(answers: tuple[str, str]) -> None:
    keys = AnswerKeys()
    assert keys.key(answers[0]) != keys.key(answers[1])


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        ("Could not find exact match for edit:\nfill", True),
        ("The string appears multiple times in the file", True),
        ("2 occurrences of old_str were found when only 1 is expected", True),
        ("patch rejected by user", True),
        ("Access denied - path outside allowed directories: /pond", True),
        ("EISDIR: illegal operation on a directory, open '/pond'", True),
        ("Made the following edits to a.py:\n-file not found", False),
        ("The following files were successfully edited:\na.py\nnot found", False),
        ("```diff\n-x\n+invalid path\n```", False),
    ],
)
def test_refusals_of_edits(answer: str, refused: bool) -> None:
    assert edit_refused(answer) is refused


def test_tests_that_pass_report_no_errors() -> None:
    log = "Error: dry\nTests: 1 passed, 1 total\n"
    assert not CallReading(Turn(action="npx jest", observation=log, tool="bash")).errors
    assert CallReading(Turn(action="npx jest", observation=log.replace("passed", "failed"), tool="bash")).errors
    assert CallReading(Turn(action="npx jest", observation=log, tool="bash", exit_code=1)).errors


def test_a_page_of_the_web_quotes_errors() -> None:
    page = "How to mend it\n\nTypeError: fill is not a function\n"
    assert not CallReading(Turn(action='{"url": "x"}', observation=page, tool="WebFetch")).errors
    assert CallReading(Turn(action="./fill", observation=page, tool="bash")).errors


@pytest.mark.parametrize(("text", "code"), [("dry\nEXIT: 3", 3), ("dry\nexit=0", 0), ("dry\nexit 1", None)])
def test_exit_codes_that_an_agent_prints(text: str, code: int | None) -> None:
    assert CallReading(Turn(action="./fill; echo EXIT: $?", observation=text, tool="bash")).exit_code == code
