"""code: what kind of text the agent has been shown, whether the task's names turn up in it, what its queries ask for."""

from __future__ import annotations

from itertools import chain

from featrouter import task as found_in
from featrouter.catalogue import lexicon
from featrouter.reading import Reading

#: So many of the task's names, all from its beginning, are looked for: each is a pass over every answer.
MAX_NAMES = 24
_NAMED_CHARS = 3000
_MIN_NAME, _MIN_TEXT = 4, 40
#: An answer's beginning tells what kind of text it shows.
_SHARE_CHARS = 1500
#: A turn that shows so many indented lines shows code.
_CODE_LINES = 10
#: By unit of indentation, what stands before it: the line break, or what a viewer ends its line number with.
_BEFORE = {
    "    ": ("\n", "\t", ":", "-"),
    "\t": ("\n", ":", ": ", "-", *(f"{digit}\t" for digit in range(10))),
}
#: Of each unit: it, two, three, and (what stands before, that with two, that with three) …
_INDENTED = tuple(
    (unit, 2 * unit, 3 * unit, tuple((before, before + 2 * unit, before + 3 * unit) for before in befores))
    for unit, befores in _BEFORE.items()
)


class Code:
    def __init__(self, task: str, row: dict[str, float]) -> None:
        self._row = row
        lex = lexicon("code")
        self._branch, self._query = lex["branch"].regex, lex["query"]
        self._names = _names(task[:_NAMED_CHARS])
        self._found: set[str] = set()
        self._turns = self._code_turns = 0
        self._lines = self._deep = self._branches = 0
        self._shown, self._looks = 0.0, 0
        self._queries = self._columns = 0

    def observe(self, reading: Reading) -> None:
        self._turns += 1
        indented = 0
        for call in reading.calls:
            if call.observation:
                indented += self._observe_answer(call.observation)
            action = call.action
            if "elect" in action or "ELECT" in action:
                self._observe_query(action)
        if indented >= _CODE_LINES:
            self._code_turns += 1
        lines = self._lines
        if lines:
            row = self._row
            row["code_deep"] = self._deep / lines
            row["code_branches"] = self._branches / lines

    def _observe_answer(self, observation: str) -> int:
        """Counts the lines of one observation; how many of them are indented."""
        text = f"\n{observation[:_SHARE_CHARS]}"
        if self._names and len(text) >= _MIN_TEXT:
            self._observe_names(text)
        self._lines += text.count("\n")
        if "    " not in text and "\t" not in text:
            return 0  # no indented line: nothing to look at but its length
        self._branches += len(self._branch.findall(text))
        some, deep = _indented(text)
        self._deep += deep
        return some

    def _observe_query(self, action: str) -> None:
        if queries := [match.group(1) for match in self._query.finditer(action)]:
            self._queries += len(queries)
            self._columns += sum([columns.count(",") + 1 for columns in queries])
            self._row["code_columns"] = self._columns / self._queries

    def _observe_names(self, text: str) -> None:
        here = [name for name in self._names if name in text]
        self._looks += 1
        if here:
            self._found.update(here)
            self._shown += len(here) / len(self._names)
        self._row["code_names_shown"] = self._shown / self._looks

    def facts(self) -> dict[str, float]:
        nan = float("nan")
        return {
            "code_turns": self._code_turns / self._turns if self._turns else nan,
            "code_names_found": len(self._found) / len(self._names) if self._names else nan,
            "code_queries": float(self._queries),
        }


def _indented(text: str) -> tuple[int, int]:
    """How many lines begin with two units of indentation or more, and how many with three.

    Counting literals is many times faster than a pattern here.
    """
    some = deep = 0
    for unit, two, three, lines in _INDENTED:
        if unit in text and two in text:  # a single tab is looked for much faster than two
            deeper = three in text
            for before, with_two, with_three in lines:
                if before in text and (found := text.count(with_two)):
                    some += found
                    if deeper:
                        deep += text.count(with_three)
    return some, deep


def _names(text: str) -> tuple[str, ...]:
    """The code names of a task in the order in which it gives them: of dotted ones the last part."""
    found: dict[str, None] = {}
    for name in chain(found_in.symbols(text), found_in.each_name(text)):
        last = name.rsplit(".", 1)[-1]
        if len(last) >= _MIN_NAME:
            found[last] = None
            if len(found) == MAX_NAMES:  # the rest of a long task is not looked through
                break
    return tuple(found)
