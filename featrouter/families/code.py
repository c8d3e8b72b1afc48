"""code: what kind of text the agent has been shown, whether the task's names turn up in it, what its queries ask for."""

from __future__ import annotations

from featrouter.catalogue import lexicon
from featrouter.reading import CallReading, Reading, task_window

#: So many of the task's names are looked for; each is a pass over every observation.
_NAMES = 40
_LEAST_NAME, _LEAST_TEXT = 4, 40
#: A turn that shows so many indented lines shows code.
_CODE_LINES = 10
#: What stands before a line's indentation: the line break, or what a viewer ends its line number with.
_BEFORE_BLANKS = ("\n", "\t", ":", "-")
_BEFORE_TABS = ("\n", ":", ": ", "-", *(f"{digit}\t" for digit in range(10)))


class Code:
    def __init__(self, task: str) -> None:
        self._lex = lexicon("code")
        self._names = _names(task)
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
        self._observe_names(reading.observation)

    def _observe_answer(self, call: CallReading) -> int:
        """Counts the lines of one observation; how many of them are indented."""
        text, lex = call.observation, self._lex
        if not text:
            return 0
        text = f"\n{text}"
        self._lines += text.count("\n")
        self._deep += _indented(text, 12 * " ", "\t\t\t")
        first = lex["line"].regex.findall(text)
        self._comments += sum(map(lex.words["comment"].__contains__, first))
        self._branches += sum(map(lex.words["branch"].__contains__, first))
        return _indented(text, 8 * " ", "\t\t")

    def _observe_query(self, action: str) -> None:
        queries = [match.group(1) for match in self._lex["query"].finditer(action)]
        if queries:
            self._queries += len(queries)
            self._columns += sum(columns.count(",") + 1 for columns in queries)
            self._conditions += self._lex["condition"].count(action)

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


def _indented(text: str, blanks: str, tabs: str) -> int:
    """How many lines begin with so many blanks or tabs. Counting literals is many times faster than a pattern here."""
    found = sum(text.count(before + blanks) for before in _BEFORE_BLANKS) if blanks in text else 0
    return found + (sum(text.count(before + tabs) for before in _BEFORE_TABS) if tabs in text else 0)


def _names(task: str) -> tuple[str, ...]:
    """The code names of a task in the order in which it gives them: of dotted ones the last part."""
    text = task_window(task)
    symbols = [next(filter(None, match.groups())) for match in lexicon("prompt")["symbol"].finditer(text)]
    symbols += [match.group(0) for match in lexicon("code")["name"].finditer(text)]
    short = (symbol.rsplit(".", 1)[-1] for symbol in symbols)
    return tuple(dict.fromkeys(name for name in short if len(name) >= _LEAST_NAME))[:_NAMES]
