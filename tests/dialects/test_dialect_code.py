"""SQL statements and Python cells."""

from __future__ import annotations

import pytest

from featrouter.dialects import operations
from featrouter.trajectory import Call


@pytest.mark.parametrize(
    ("action", "kind", "tables"),
    [
        ("SHOW TABLES", "read", ()),
        ("DESC city", "read", ("city",)),
        ("execute[DESCRIBE `city`]", "read", ("city",)),
        ("SELECT * FROM information_schema.tables", "read", ("information_schema.tables",)),
        ("select a from city join land on x = y", "run", ("city", "land")),
        ("execute[SELECT a FROM (SELECT b FROM city) t]", "run", ("city",)),
        ("WITH t AS (SELECT 1) SELECT * FROM t", "run", ("t",)),
        ("INSERT INTO city VALUES (1)", "edit", ("city",)),
        ("UPDATE city SET a = 1", "edit", ("city",)),
        ("CREATE TABLE town (id INT)", "edit", ("town",)),
        ("submit", "submit", ()),
        ("Could you tell me which tables there are?", "think", ()),
        ("", "think", ()),
    ],
)
def test_sql(action: str, kind: str, tables: tuple[str, ...]) -> None:
    (op,) = operations(Call(action, tool="sql"))
    assert (op.kind, op.files) == (kind, tables)


def test_sql_is_recognised_without_a_tool() -> None:
    assert operations(Call("SELECT a FROM city"))[0].files == ("city",)
    assert operations(Call("Select the right table first, then join it."))[0].kind == "think"


def test_refused_statement_is_a_thought() -> None:
    assert operations(Call("USE city", "No SQL code was found in your last response.", "sql"))[0].kind == "think"


def test_python_cell() -> None:
    (op,) = operations(Call("{1: 2}[1]", tool="python"))
    assert (op.kind, op.commands) == ("run", ("python",))
    assert operations(Call(" \n", tool="python"))[0].kind == "think"
