"""Cells of Python and SQL statements."""

from __future__ import annotations

import re

from featrouter.dialects.paths import FILES_KEPT
from featrouter.lazy_pattern import lazy_pattern
from featrouter.trajectory import Operation

SQL_CHARS = 2048
WRAPPER = lazy_pattern(r"\s*(?:execute|sql|query)\[", re.IGNORECASE)
KEYWORD = lazy_pattern(r"[\s(;`]*([A-Za-z]{2,12})\b")
TABLE = lazy_pattern(
    r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|DESC|DESCRIBE|EXPLAIN|COLUMNS IN)\s+[`\"\[]?([A-Za-z_][\w.$]{0,127})",
    re.IGNORECASE,
)
SCHEMA = lazy_pattern(r"information_schema|sqlite_master|pg_catalog", re.IGNORECASE)
READ = frozenset("SHOW DESC DESCRIBE EXPLAIN PRAGMA".split())
RUN = frozenset("SELECT WITH SET USE CALL EXEC EXECUTE BEGIN COMMIT ROLLBACK VALUES GRANT ANALYZE".split())
EDIT = frozenset("INSERT UPDATE DELETE CREATE ALTER DROP REPLACE TRUNCATE MERGE RENAME".split())
NO_TABLE = frozenset(("select", "if", "not", "exists", "columns", "information_schema"))


def python(text: str) -> tuple[Operation, ...]:
    """A cell that an interpreter runs."""
    return (Operation("run", commands=("python",)) if text.strip() else Operation("think"),)


def sql_keyword(text: str) -> str:
    """The keyword a statement starts with, upper case; "" when the text is no SQL."""
    match = KEYWORD.match(text)
    word = match[1].upper() if match else ""
    return word if word in READ or word in RUN or word in EDIT else ""


def is_sql(text: str) -> bool:
    """Whether text of unknown origin is SQL: the keyword in capitals, as no sentence has it."""
    keyword = sql_keyword(text)
    return bool(keyword) and keyword in text[:128]


def sql(text: str) -> tuple[Operation, ...]:
    """A statement, ReAct's `execute[...]` taken off: schema look-ups read, queries run, changes edit."""
    text = text[:SQL_CHARS]
    wrapped = WRAPPER.match(text)
    if wrapped:
        text = text[wrapped.end() :].rstrip().removesuffix("]")
    if text.strip().rstrip(".;").lower() == "submit" or text.startswith("submit["):
        return (Operation("submit"),)
    keyword = sql_keyword(text)
    if not keyword:
        return (Operation("think"),)
    names = dict.fromkeys(name for name in TABLE.findall(text) if name.lower() not in NO_TABLE)
    tables = tuple(names)[:FILES_KEPT]
    if keyword in EDIT:
        return (Operation("edit", tables, commands=("sql",), new=text),)
    kind = "read" if keyword in READ or SCHEMA.search(text) else "run"
    return (Operation(kind, tables, commands=("sql",)),)
