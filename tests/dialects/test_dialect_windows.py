"""PowerShell and cmd.exe: by the tool's name, and by the shape of a line in a shell of unknown kind."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter.dialects import operations, primary, windows
from featrouter.dialects.paths import normalise
from featrouter.trajectory import Call

POWERSHELL = [
    (r"Get-Content .\src\a.py -TotalCount 20", "read", ("src\\a.py",)),
    (r"gc C:\repo\a.py | Select-String foo", "search", ("C:\\repo\\a.py",)),
    ("Get-ChildItem -Recurse", "read", ()),
    ("gci src", "read", ("src",)),
    ("Get-ChildItem -Recurse -Filter *.py | Select-String -Pattern foo", "search", ()),
    ("sls foo a.py", "search", ("a.py",)),
    ('Set-Content -Path .\\a.txt -Value "x y" -Encoding utf8', "create", ("a.txt",)),
    ("Add-Content a.txt x", "edit", ("a.txt",)),
    ('"hello" | Out-File -FilePath out.txt', "create", ("out.txt",)),
    ('"hello" | Out-File out.txt -Append', "edit", ("out.txt",)),
    ("echo hi > a.txt", "create", ("a.txt",)),
    ("New-Item -ItemType Directory -Path lib -Force", "create", ("lib",)),
    ("Remove-Item -Recurse -Force build", "edit", ("build",)),
    ("Copy-Item a.txt b.txt", "edit", ("a.txt", "b.txt")),
    ("mi a.txt b.txt", "edit", ("a.txt", "b.txt")),
    ("Rename-Item a.txt b.txt", "edit", ("a.txt", "b.txt")),
    ("Test-Path a.py", "read", ("a.py",)),
    ("Invoke-WebRequest -Uri http://x -OutFile a.zip", "run", ()),
    ("Get-Command python", "search", ()),
    ("Invoke-Pester", "test", ()),
    (r"python -m pytest tests\test_a.py", "test", ("tests\\test_a.py",)),
    (r".\gradlew.bat test", "test", ()),
    (r"& .\venv\Scripts\python.exe -m pytest", "test", ()),
    ("if (Test-Path a.py) { Get-Content a.py }", "read", ("a.py",)),
    ("$x = Get-Content a.py", "read", ("a.py",)),
    ("Get-Content a.py | Select-Object -First 10", "read", ("a.py",)),
    ("git diff -- src\\a.py", "read", ("src\\a.py",)),
    ("(Get-Content a.py) -replace 'a','b' | Set-Content a.py", "edit", ("a.py",)),
    ("type a.py", "read", ("a.py",)),
    ("rm -rf build", "edit", ("build",)),
    ("grep -n foo a.py", "search", ("a.py",)),
]
CMD = [
    ("type a.py", "read", ("a.py",)),
    (r"dir /s /b src", "read", ("src",)),
    ("copy /y a.txt b.txt", "edit", ("a.txt", "b.txt")),
    ("del /q a.txt", "edit", ("a.txt",)),
    ("ren a.txt b.txt", "edit", ("a.txt", "b.txt")),
    ("md new", "create", ("new",)),
    ("rd /s /q build", "edit", ("build",)),
    ('findstr /s /n /c:"foo bar" *.py', "search", ("*.py",)),
    ("where python", "search", ()),
    ("if exist a.txt type a.txt", "read", ("a.txt",)),
    ("type C:/repo/a.py", "read", ("C:\\repo\\a.py",)),
    (r"cd /d C:\repo && type a.py", "read", ("C:\\repo\\a.py",)),
]
ANY_SHELL = [
    (r"Get-Content .\src\a.py", "read", ("src\\a.py",)),
    ("set-content a.txt x", "create", ("a.txt",)),
    ("copy a b", "edit", ("a", "b")),
    ("findstr /s foo *.py", "search", ("*.py",)),
    ("type a.py", "search", ()),
    (r"type .\a.py", "read", ("a.py",)),
    (r"python .\src\a.py", "run", ("src\\a.py",)),
    ('pwsh -NoProfile -Command "Get-Content a.py"', "read", ("a.py",)),
    ('cmd /c "type a.py"', "read", ("a.py",)),
    (r"cat my\ file.txt", "read", ("my file.txt",)),
    (r"find . -name \*.py", "search", ()),
]


@pytest.mark.parametrize(
    ("line", "kind", "files", "tool"),
    [(*row, "powershell") for row in POWERSHELL]
    + [(*row, "cmd") for row in CMD]
    + [(*row, tool) for row in ANY_SHELL for tool in ("bash", "run_terminal_cmd")],
)
def test_line(line: str, kind: str, files: tuple[str, ...], tool: str) -> None:
    op = primary(operations(Call(line, "x", tool)))
    assert (op.kind, op.files) == (kind, files)


def test_arguments_as_json_and_as_words() -> None:
    for call in (
        Call(json.dumps({"command": "Get-Content a.py"}), "x", "powershell"),
        Call(json.dumps({"command": ["powershell.exe", "-Command", "Get-Content a.py"]}), "x", "shell"),
        Call(json.dumps({"command": ["cmd", "/c", "type a.py"]}), "x", "shell"),
    ):
        (op,) = operations(call)
        assert (op.kind, op.files) == ("read", ("a.py",))


def test_a_here_string_is_what_is_written() -> None:
    (op,) = operations(Call("@'\nx = 1\ny = 2\n'@ | Set-Content a.py", "x", "powershell"))
    assert (op.kind, op.files, op.new) == ("create", ("a.py",), "x = 1\ny = 2")


@pytest.mark.parametrize(
    "spelled", [r".\src\a.py", r"src\a.py", r"src\.\a.py", r"src\\a.py", r".\src/a.py", r"src\b\..\a.py"]
)
def test_one_file_has_one_name(spelled: str) -> None:
    assert normalise(spelled) == r"src\a.py"


@pytest.mark.parametrize("spelled", [r"c:\repo\a.py", "C:/repo/a.py", r"C:\repo\.\a.py"])
def test_drives_have_one_letter(spelled: str) -> None:
    assert normalise(spelled) == r"C:\repo\a.py"


@given(st.text("ab \\'\"`|;&<>(){}$@\n-=/%,", max_size=60))
def test_whatever_the_line_there_is_an_answer(text: str) -> None:
    for tool in ("powershell", "cmd", "bash"):
        assert operations(Call(f"Get-Content {text}", "", tool))
    assert all(command.words or command.writes for command in windows.split(text))
