"""The families: each reads turns one by one and keeps its numbers of the row up to date. None knows another.

A family is a class made with the task text, as `task_window` cuts it, and the row that all families share.
`observe(reading)` takes one turn in, in time that depends on the turn's text alone, and writes the family's features into
the row by name (NaN: unknown). `facts()` gives further counts by name, which pages and phrases show.
"""

from __future__ import annotations

from typing import Protocol

from featrouter.families.code import Code
from featrouter.families.edits import Edits
from featrouter.families.effort import Effort
from featrouter.families.ending import Ending
from featrouter.families.files import Files
from featrouter.families.loops import Loops
from featrouter.families.prompt import Prompt
from featrouter.families.testruns import Testruns
from featrouter.families.thoughts import Thoughts
from featrouter.families.traces import Traces
from featrouter.reading import Reading


class Family(Protocol):
    def __init__(self, task: str, row: dict[str, float]) -> None: ...
    def observe(self, reading: Reading) -> None: ...
    def facts(self) -> dict[str, float]: ...


#: In the order of catalogue.FAMILIES.
FAMILIES: tuple[type[Family], ...] = (Prompt, Files, Code, Edits, Testruns, Traces, Loops, Thoughts, Effort, Ending)
