"""code: what kind of text the agent has been shown, whether the task's names turn up in it, what its queries ask for."""

from __future__ import annotations

from featrouter import task as found_in
from featrouter.catalogue import lexicon
from featrouter.reading import CallReading, Reading, task_window

#: So many of the task's names are looked for; each is a pass over every observation.
_NAMES = 40
_LEAST_NAME, _LEAST_TEXT = 4, 40
#: A turn that shows so many indented lines shows code.
_CODE_LINES = 10
#: By unit of indentation, what stands before it: the line break, or what a viewer ends its line number with.
_BEFORE = {
    "    ": ("\n", "\t", ":", "-"),
    "\t": ("\n", ":", ": ", "-", *(f"{digit}\t" for digit in range(10))),
}


class Code:
    def __init__(self, task: str) -> None:
        lex = lexicon("code")
        self._comment, self._telling = lex.words["comment"], lex.words["comment"] | lex.words["branch"]
        self._line, self._query, self._condition = lex["line"].regex, lex["query"], lex["condition"]
        self._names = _names(task_window(task))
        self._found: set[str] = set()
        self._turns = self._code_turns = 0
        self._lines = self._deep = self._comments = self._branches = 0
        self._shown, self._looks = 0.0, 0
        self._queries = self._columns = self._conditions = 0

    def observe(self, reading: Reading) -> None:
        self._turns += 1
        self._code_turns += sum([self._observe_answer(call) for call in reading.calls]) >= _CODE_LINES
        for call in reading.calls:
            self._observe_query(call.action)
        if self._names and reading.calls:
            self._observe_names("\n".join([call.observation for call in reading.calls]))

    def _observe_answer(self, call: CallReading) -> int:
        """Counts the lines of one observation; how many of them are indented."""
        text = call.observation
        if not text:
            return 0
        text = f"\n{text}"
        self._lines += text.count("\n")
        first = list(filter(self._telling.__contains__, self._line.findall(text)))
        comments = sum(map(self._comment.__contains__, first))
        self._comments += comments
        self._branches += len(first) - comments
        some, deep = _indented(text)
        self._deep += deep
        return some

    def _observe_query(self, action: str) -> None:
        if queries := [match.group(1) for match in self._query.finditer(action)]:
            self._queries += len(queries)
            self._columns += sum(columns.count(",") + 1 for columns in queries)
            self._conditions += self._condition.count(action)

    def _observe_names(self, text: str) -> None:
        if not self._names or len(text) < _LEAST_TEXT:
            return
        here = [name for name in self._names if name in text]
        self._found.update(here)
        self._shown += len(here) / len(self._names)
        self._looks += 1

    def row(self) -> dict[str, float]:
        nan = float("nan")
        lines, queries = self._lines, self._queries
        return {
            "code_deep": self._deep / lines if lines else nan,
            "code_comments": self._comments / lines if lines else nan,
            "code_branches": self._branches / lines if lines else nan,
            "code_turns": self._code_turns / self._turns if self._turns else nan,
            "code_names_found": len(self._found) / len(self._names) if self._names else nan,
            "code_names_shown": self._shown / self._looks if self._looks else nan,
            "code_columns": self._columns / queries if queries else nan,
            "code_conditions": self._conditions / queries if queries else nan,
        }


def _indented(text: str) -> tuple[int, int]:
    """How many lines begin with two units of indentation or more, and how many with three.

    Counting literals is many times faster than a pattern here.
    """
    some = deep = 0
    for unit, befores in _BEFORE.items():
        if 2 * unit in text:
            for before in befores:
                if found := text.count(before + 2 * unit):
                    some += found
                    deep += text.count(before + 3 * unit)
    return some, deep


def _names(text: str) -> tuple[str, ...]:
    """The code names of a task in the order in which it gives them: of dotted ones the last part."""
    short = (symbol.rsplit(".", 1)[-1] for symbol in (*found_in.symbols(text), *found_in.names(text)))
    return tuple(dict.fromkeys(name for name in short if len(name) >= _LEAST_NAME))[:_NAMES]
