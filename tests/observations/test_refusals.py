"""Refusals of edits by their real words, and look-ups that found nothing."""

from __future__ import annotations

import pytest
from hostile import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter.catalogue import Pattern, lexicon
from featrouter.observations.refusals import edit_refused, found_nothing, refused_for_syntax


@pytest.mark.parametrize(
    "answer",
    [
        "<tool_use_error>File has not been read yet. Read it first.</tool_use_error>",
        "File has not been read yet. Read it first before writing to it.",
        "Found 2 matches of the string to replace, but replace_all is false.",
        "String to replace not found in file.\nString: reed",
        "File has been modified since read, either by the user or by a linter.",
        "No changes to make: old_string and new_string are exactly the same.",
        "Failed to edit, 0 occurrences found for old_string in a.py",
        "Failed to edit, expected 1 occurrence but found 3",
        "No changes to apply. The old_string and new_string are identical.",
        "apply_patch verification failed: Failed to find expected lines in a.py:",
        "Invalid patch: The first line of the patch must be a begin mark",
        "Failed to find context 'def fill' in a.py",
        "The SEARCH block:\nreed\n...does not match anything in the file.",
        "<error_details>\nNo sufficiently similar match found at line: 3 (40% similar, needs 100%)",
        "Could not find a match for old_string in the file.",
        "The string to replace was not found in the file",
        "SearchReplaceNoExactMatch: This SEARCH block failed to exactly match lines in a.py",
        "# 1 SEARCH/REPLACE block failed to match!",
        "No replacement was performed, old_str `reed` did not appear verbatim in /srv/a.py.",
        "No replacement was performed. Multiple occurrences of old_str `reed` in lines [3, 9]. Please ensure it is unique",
        "Invalid `path` parameter: /srv/a.py",
        "Parameter `old_str` is required for command: str_replace.",
        "Your proposed edit has introduced new syntax error(s).",
        "Error: oldString not found in content",
        "oldString found multiple times and requires more code context",
        "Found multiple matches for oldString.",
        "Could not find matching text to replace. The string to replace must match exactly.",
        "Error: 'old_str' must appear exactly once in the file, but it appears 3 times",
        "Some edits were produced but none of them could be applied.",
        "patching file a.py\nHunk #1 FAILED at 3.\n1 out of 1 hunk FAILED -- saving rejects to file a.py.rej",
        "patch: **** malformed patch at line 6:",
        "error: patch failed: a.py:1\nerror: a.py: patch does not apply",
        "error: corrupt patch at line 9",
        "sed: -e expression #1, char 9: unterminated `s' command",
        "Usage: edit <start_line>:<end_line>",
        "The user doesn't want to proceed with this tool use.",
    ],
)
def test_an_edit_was_refused(answer: str) -> None:
    assert edit_refused(answer)
    assert edit_refused(answer.upper())
    assert not edit_refused("x" * 400 + answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "ok",
        "The file a.py has been edited. Here is a snippet:\n  1\traise Dry('string to replace not found in file')",
        "The file /srv/a.py has been updated. Here's the result:\n     3\t# no match found",
        "File created successfully at: a.py",
        "Successfully modified file: a.py (1 replacements).",
        "Successfully replaced 2 occurrences",
        "Success. Updated the following files:\nM a.py",
        "[File: a.py (3 lines total)]\n1:error: no match found",
        "patching file a.py",
        "Applied edit to a.py",
        "Done!",
    ],
)
def test_an_edit_was_made(answer: str) -> None:
    assert not edit_refused(answer)
    assert not refused_for_syntax(answer)


@pytest.mark.parametrize(
    ("answer", "syntax"),
    [
        ("Your proposed edit has introduced new syntax error(s).\nERRORS:\n- E999 IndentationError: x", True),
        ("IndentationError: unexpected indent", True),
        ("Edit rejected: linter errors were found", True),
        ("String to replace not found in file.", False),
    ],
)
def test_a_refusal_for_syntax(answer: str, syntax: bool) -> None:
    assert edit_refused(answer)
    assert refused_for_syntax(answer) is syntax


@pytest.mark.parametrize(
    "answer",
    [
        "",
        " \n",
        "[]",
        "{}",
        "null",
        "None",
        "()",
        "0",
        '{"results": []}',
        '{"items": [], "total": 0}',
        "No results found.",
        "no results",
        "No matches found",
        "Found 0 matches",
        "0 matches",
        "No files found",
        "Error: Order not found",
        "User not found",
        "order not found",
        "(no output)",
        "0 rows",
        "Empty set (0.00 sec)",
        "There are no matching orders.",
        'No matches found for "reed" in /srv',
        "New item 77 not found or available",
    ],
)
def test_a_look_up_that_found_nothing(answer: str) -> None:
    assert found_nothing(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "reed_4",
        "3",
        '{"order_id": 4}',
        '["reed"]',
        "Found 3 matches",
        "a.py:3: raise NotFound",
        '{"items": [], "name": "reed"}',
        "12 rows",
        "No problem, here it is: reed",
        "not found " * 40,
        " " * 300 + "x",
    ],
)
def test_a_look_up_that_found_something(answer: str) -> None:
    assert not found_nothing(answer)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_texts_are_read(text: str) -> None:
    for reads in (edit_refused, refused_for_syntax, found_nothing):
        assert reads(text) in (True, False)


@given(st.text(st.characters(codec=None), max_size=80))
def test_any_text_is_read(text: str) -> None:
    for reads in (edit_refused, refused_for_syntax, found_nothing):
        assert reads(text) in (True, False)


@pytest.mark.parametrize("pattern", lexicon("errors").styled("refusal"), ids=lambda pattern: pattern.name)
def test_each_way_to_refuse_holds_a_gate(pattern: Pattern) -> None:
    @settings(max_examples=300, deadline=None)
    @given(st.from_regex(pattern.regex, alphabet=st.characters(max_codepoint=127)))
    def holds(text: str) -> None:
        match = pattern.regex.search(text)
        assert match is None or pattern.open_for(match.group())

    holds()
