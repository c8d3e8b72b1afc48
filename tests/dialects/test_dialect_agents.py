"""The tools of the agents that people use, by their real names and arguments; and any other tool by its words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter.dialects import operations, tool_words
from featrouter.trajectory import KINDS, Call

A = {"path": "/repo/src/a.py"}
TOOLS = {
    "Claude Code": [
        ("TaskCreate", {"subject": "x"}, "think", ()),
        ("LSP", {"operation": "goToDefinition", "filePath": "src/a.py", "line": 1}, "search", ("src/a.py",)),
        ("TaskOutput", {"task_id": "1"}, "read", ()),
        ("AskUserQuestion", {"questions": []}, "think", ()),
        ("ToolSearch", {"query": "x"}, "search", ()),
    ],
    "Codex": [
        ("exec_command", {"cmd": "pytest -q", "yield_time_ms": 1000}, "test", ()),
        ("grep_files", {"pattern": "x", "path": "src"}, "search", ("src",)),
        ("list_dir", {"dir_path": "/repo/src"}, "read", ("src",)),
        ("write_stdin", {"session_id": 1, "chars": "y"}, "run", ()),
        ("update_plan", {"plan": []}, "think", ()),
        ("view_image", {"path": "a.png"}, "read", ("a.png",)),
    ],
    "Gemini CLI": [
        ("replace", {"file_path": "a.py", "old_string": "a", "new_string": "b"}, "edit", ("a.py",)),
        ("read_file", {"absolute_path": "/repo/a.py"}, "read", ("a.py",)),
        ("search_file_content", {"pattern": "x", "include": "*.py"}, "search", ()),
        ("google_web_search", {"query": "x"}, "run", ()),
        ("write_todos", {"todos": []}, "think", ()),
    ],
    "Qwen Code": [("todo_write", {"todos": []}, "think", ()), ("list_directory", {"path": "src"}, "read", ("src",))],
    "Cursor": [
        ("glob_file_search", {"glob_pattern": "*.py", "target_directory": "src"}, "search", ("src",)),
        ("edit_file", {"target_file": "a.py", "instructions": "x", "code_edit": "b"}, "edit", ("a.py",)),
        ("search_replace", {"file_path": "a.py", "old_string": "a", "new_string": "b"}, "edit", ("a.py",)),
        ("read_file_v2", {"targetFile": "a.py"}, "read", ("a.py",)),
        ("run_terminal_command_v2", {"command": "ls"}, "read", ()),
    ],
    "Cline": [
        ("list_code_definition_names", {"path": "src"}, "read", ("src",)),
        ("ask_followup_question", {"question": "x"}, "think", ()),
        ("execute_command", {"command": "npm test", "requires_approval": False}, "test", ()),
    ],
    "Roo and Kilo": [
        ("read_file", {"files": [{"path": "a.py"}, {"path": "b.py"}]}, "read", ("a.py", "b.py")),
        ("insert_content", {"path": "a.py", "line": "1", "content": "x"}, "edit", ("a.py",)),
        ("update_todo_list", {"todos": "x"}, "think", ()),
        ("switch_mode", {"mode_slug": "code"}, "run", ()),
    ],
    "opencode": [
        ("edit", {"filePath": "a.py", "oldString": "a", "newString": "b"}, "edit", ("a.py",)),
        ("read", {"filePath": "a.py", "offset": 1}, "read", ("a.py",)),
        (
            "patch",
            {"patchText": "*** Begin Patch\n*** Update File: a.py\n@@\n-x\n+y\n*** End Patch"},
            "edit",
            ("a.py",),
        ),
        ("todowrite", {"todos": []}, "think", ()),
        ("lsp_diagnostics", {"path": "a.py"}, "read", ("a.py",)),
    ],
    "goose": [
        ("developer__text_editor", {"command": "view", "path": "a.py"}, "read", ("a.py",)),
        ("developer__shell", {"command": "cargo test"}, "test", ()),
        ("memory__remember_memory", {"data": "x"}, "think", ()),
    ],
    "OpenHands": [
        ("terminal", {"command": "pytest -q", "security_risk": "LOW"}, "test", ()),
        ("file_editor", {"command": "str_replace", "path": "a.py", "old_str": "a", "new_str": "b"}, "edit", ("a.py",)),
        ("task_tracker", {"command": "plan", "task_list": []}, "think", ()),
        ("finish", {"message": "x"}, "submit", ()),
        ("browser_navigate", {"url": "http://x"}, "run", ()),
    ],
    "SWE-agent": [("find_file", {"file_name": "a.py", "dir": "src"}, "search", ()), ("submit", {}, "submit", ())],
    "Copilot": [
        ("read_file", {"filePath": "a.py", "startLine": 1, "endLine": 9}, "read", ("a.py",)),
        ("replace_string_in_file", {"filePath": "a.py", "oldString": "a", "newString": "b"}, "edit", ("a.py",)),
        (
            "multi_replace_string_in_file",
            {"replacements": [{"filePath": "a.py", "oldString": "a", "newString": "b"}, {"filePath": "b.py"}]},
            "edit",
            ("a.py", "b.py"),
        ),
        ("create_directory", {"dirPath": "src"}, "create", ("src",)),
        ("runTests", {"files": ["a.py"]}, "test", ("a.py",)),
        ("run_in_terminal", {"command": "npm test", "isBackground": False}, "test", ()),
        ("manage_todo_list", {"todoList": []}, "think", ()),
        ("fetch_webpage", {"urls": ["x"]}, "run", ()),
        ("list_code_usages", {"symbolName": "f", "filePaths": ["a.py"]}, "search", ("a.py",)),
        ("get_errors", {"filePaths": ["a.py"]}, "read", ("a.py",)),
        ("test_search", {"filePaths": ["a.py"]}, "search", ("a.py",)),
    ],
    "Windsurf": [
        ("view_file", {"AbsolutePath": "/repo/a.py", "StartLine": 1}, "read", ("a.py",)),
        ("run_command", {"CommandLine": "go test ./...", "Cwd": "/repo"}, "test", ("...",)),
        (
            "replace_file_content",
            {"TargetFile": "a.py", "ReplacementChunks": [{"TargetContent": "a", "ReplacementContent": "b"}]},
            "edit",
            ("a.py",),
        ),
        ("find_by_name", {"SearchDirectory": "src", "Pattern": "*.py"}, "search", ("src",)),
        ("write_to_file", {"TargetFile": "a.py", "CodeContent": "x"}, "create", ("a.py",)),
    ],
    "Zed": [
        ("find_path", {"glob": "**/*.py"}, "search", ()),
        ("delete_path", A, "edit", ("src/a.py",)),
        ("move_path", {"source_path": "a.py", "destination_path": "b.py"}, "edit", ("a.py", "b.py")),
        ("diagnostics", A, "read", ("src/a.py",)),
        ("terminal", {"command": "cargo test", "cd": "src"}, "test", ()),
    ],
    "Continue": [
        ("builtin_read_file", {"filepath": "a.py"}, "read", ("a.py",)),
        ("builtin_create_new_file", {"filepath": "a.py", "contents": "x"}, "create", ("a.py",)),
        (
            "builtin_single_find_and_replace",
            {"filepath": "a.py", "old_string": "a", "new_string": "b"},
            "edit",
            ("a.py",),
        ),
        ("builtin_run_terminal_command", {"command": "pytest"}, "test", ()),
    ],
    "Amp": [
        ("create_file", {"path": "a.py", "content": "x"}, "create", ("a.py",)),
        ("Bash", {"cmd": "pytest"}, "test", ()),
        ("finder", {"query": "x"}, "search", ()),
        ("read_web_page", {"url": "x"}, "run", ()),
    ],
    "trae-agent": [
        ("json_edit_tool", {"operation": "set", "file_path": "a.json"}, "edit", ("a.json",)),
        ("json_edit_tool", {"operation": "view", "file_path": "a.json"}, "read", ("a.json",)),
        ("sequentialthinking", {"thought": "x"}, "think", ()),
        ("task_done", {}, "submit", ()),
    ],
    "crush": [
        ("view", {"file_path": "a.py"}, "read", ("a.py",)),
        ("multiedit", {"file_path": "a.py", "edits": [{"old_string": "a", "new_string": "b"}]}, "edit", ("a.py",)),
        ("download", {"url": "x", "file_path": "a"}, "run", ()),
    ],
    "smolagents": [("final_answer", {"answer": "x"}, "submit", ()), ("visit_webpage", {"url": "x"}, "run", ())],
    "AutoCodeRover": [
        ("search_code", {"code_str": "x"}, "search", ()),
        ("search_method_in_file", {"method_name": "x", "file_path": "a.py"}, "search", ("a.py",)),
        ("write_patch", {}, "edit", ()),
    ],
    "serena": [
        ("mcp__serena__find_symbol", {"name_path": "x", "relative_path": "a.py"}, "search", ("a.py",)),
        ("mcp__serena__replace_symbol_body", {"relative_path": "a.py", "body": "x"}, "edit", ("a.py",)),
        ("mcp__serena__get_symbols_overview", {"relative_path": "a.py"}, "read", ("a.py",)),
        ("mcp__serena__execute_shell_command", {"command": "pytest"}, "test", ()),
        ("mcp__serena__write_memory", {"memory_file_name": "x", "content": "x"}, "think", ()),
        ("think_about_task_adherence", {}, "think", ()),
    ],
    "servers": [
        ("mcp__filesystem__read_text_file", {"path": "a.py"}, "read", ("a.py",)),
        ("mcp__filesystem__read_multiple_files", {"paths": ["a.py", "b.py"]}, "read", ("a.py", "b.py")),
        ("mcp__filesystem__move_file", {"source": "a.py", "destination": "b.py"}, "edit", ("a.py", "b.py")),
        (
            "mcp__filesystem__edit_file",
            {"path": "a.py", "edits": [{"oldText": "a", "newText": "b"}]},
            "edit",
            ("a.py",),
        ),
        ("mcp__git__git_status", {"repo_path": "/repo"}, "read", ()),
        ("mcp__git__git_commit", {"repo_path": "/repo", "message": "x"}, "run", ()),
        ("mcp__playwright__browser_click", {"ref": "e1"}, "run", ()),
        ("mcp__desktop-commander__start_process", {"command": "pytest"}, "test", ()),
        (
            "mcp__desktop-commander__edit_block",
            {"file_path": "a.py", "old_string": "a", "new_string": "b"},
            "edit",
            ("a.py",),
        ),
        ("mcp__desktop-commander__start_search", {"path": "src", "pattern": "x"}, "search", ("src",)),
    ],
    "customers": [
        ("get_order_details", {"order_id": "1"}, "read", ()),
        ("find_user_id_by_name_zip", {"first_name": "A", "zip": "1"}, "search", ()),
        ("list_all_product_types", {}, "read", ()),
        ("cancel_pending_order", {"order_id": "1", "reason": "x"}, "run", ()),
        ("update_reservation_flights", {"reservation_id": "1"}, "run", ()),
        ("calculate", {"expression": "1 + 1"}, "run", ()),
        ("transfer_to_human_agents", {"summary": "x"}, "run", ()),
        ("respond", {"content": "x"}, "think", ()),
    ],
    "unknown": [
        ("peek_at_source", {"file": "a.py"}, "read", ("a.py",)),
        ("lookup-definition", {"symbol": "x"}, "search", ()),
        ("patchDocument", {"path": "a.md", "text": "x"}, "edit", ("a.md",)),
        ("mcp__x__rename_item", {"old_path": "a", "new_path": "b"}, "edit", ("a", "b")),
        ("execute_test_suite", {}, "test", ()),
        ("frobnicate", {"oldText": "a", "newText": "b", "file": "a.py"}, "edit", ("a.py",)),
    ],
}


@pytest.mark.parametrize(
    ("tool", "given", "kind", "files"),
    [pytest.param(*row, id=f"{agent}: {row[0]}") for agent, rows in TOOLS.items() for row in rows],
)
def test_tool(tool: str, given: dict[str, object], kind: str, files: tuple[str, ...]) -> None:
    (op,) = operations(Call(json.dumps(given), "x", tool))
    assert (op.kind, op.files) == (kind, files)


def test_both_sides_of_an_edit_are_found_in_any_spelling() -> None:
    for arguments in (
        {"filePath": "a.py", "oldString": "a", "newString": "b"},
        {"file_path": "a.py", "old_str": "a", "new_str": "b"},
        {"TargetFile": "a.py", "ReplacementChunks": [{"TargetContent": "a", "ReplacementContent": "b"}]},
        {"path": "a.py", "edits": [{"oldText": "a", "newText": "b"}]},
        {"path": "a.py", "diff": "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE"},
    ):
        (op,) = operations(Call(json.dumps(arguments), "x", "edit_file"))
        assert (op.kind, op.files, op.old, op.new) == ("edit", ("a.py",), "a", "b")


def test_calls_that_one_call_carries_are_each_read() -> None:
    calls = [
        {"tool": "read", "parameters": {"filePath": "a.py"}},
        {"tool": "bash", "parameters": {"command": "pytest"}},
    ]
    assert [op.kind for op in operations(Call(json.dumps({"tool_calls": calls}), "x", "batch"))] == ["read", "test"]


@pytest.mark.parametrize(
    ("action", "kind"),
    [("Finish[42]", "submit"), ("Search[a film]", "search"), ("click('12')", "run"), ("blorb(1)", "other")],
)
def test_calls_written_out_need_no_tool(action: str, kind: str) -> None:
    assert operations(Call(action, "x"))[0].kind == kind


@pytest.mark.parametrize("action", ["submit", "submit FLAG{x}", 'submit "the answer"', "submit 42"])
def test_an_answer_may_stand_behind_a_submission(action: str) -> None:
    assert operations(Call(action, "x", "bash"))[0].kind == "submit"


@pytest.mark.parametrize("action", ["submit --job a.sh", "submit job.sh", "submit -q x"])
def test_programs_that_share_the_word_submit_nothing(action: str) -> None:
    assert operations(Call(action, "x", "bash"))[0].kind == "run"


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("mcp__serena__find_symbol", ("find", "symbol")),
        ("readTextFile", ("read", "text", "file")),
        ("HTTPGet", ("http", "get")),
        ("get-page", ("get", "page")),
        ("functions.run_tests", ("run", "tests")),
    ],
)
def test_words_of_a_name(tool: str, words: tuple[str, ...]) -> None:
    assert tool_words.words(tool) == words


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)
NAMES = ["edits", "replacements", "tool_calls", "files", "diff", "filePath", "oldString", "command", "paths", "args"]


@given(
    st.sampled_from([row[0] for rows in TOOLS.values() for row in rows]),
    st.dictionaries(st.sampled_from(NAMES), VALUES),
)
def test_whatever_the_arguments_there_is_an_answer(tool: str, given: dict[str, object]) -> None:
    for op in operations(Call(json.dumps(given), "", tool)):
        assert op.kind in KINDS
        assert all(isinstance(name, str) for name in op.files)
        assert all(len(text) <= 8192 for text in (op.old, op.new, op.diff))
