"""One turn as the families see it: text capped once, operations and errors read once, shared by all of them."""

from __future__ import annotations

from collections.abc import Collection

from featrouter.dialects import operations, primary
from featrouter.observations.envelope import unwrap
from featrouter.observations.errors import NONE, Errors, errors_of, exit_code_in
from featrouter.observations.output import HEAD, TAIL, Output, window
from featrouter.observations.refusals import edit_refused
from featrouter.observations.sameness import action_key
from featrouter.observations.test_results import Result, result_of
from featrouter.trajectory import MOST_AMOUNT, Call, Turn

MAX_CALLS = 32
#: ASCII letters and the apostrophe stay, all else is a blank.
_LETTERS = bytes(code if chr(code).isalpha() or code == 39 else 32 for code in range(128)).ljust(256)
#: Bytes a character in UTF-8 above which a text is not in Latin letters.
_OTHER_SCRIPT = 1.3
#: Tools that show pages of the web, whose text may quote errors.
_WEB = frozenset(
    "WebSearch WebFetch web_search web_fetch google_web_search fetch_webpage websearch webfetch search_web "
    "read_url_content web-search web-fetch SearchWeb FetchURL".split()
)


def text_of(value: object) -> str:
    """Any field of a turn as text: None is empty, bytes are decoded, other objects are named by their type."""
    if isinstance(value, str):
        return str.__str__(value)  # a class of its own may do anything where it is compared, cut or joined
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray):
        return bytes(value[: HEAD + TAIL]).decode("utf-8", "replace")
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < MOST_AMOUNT):
        return repr(value)
    return f"<{type(value).__name__}>"


def words_of(low: str) -> list[str]:
    """The words of a text in lower case: letters of ASCII, an apostrophe between two of them; anything else parts words.

    Of a text in another script, its runs of characters between blanks.
    """
    if low.isascii():
        letters = low.encode("ascii").translate(_LETTERS).decode("ascii")
    elif len(low.encode("utf-8", "replace")) > _OTHER_SCRIPT * len(low):
        return low.split()
    else:
        letters = low.replace("’", "'").encode("ascii", "replace").translate(_LETTERS).decode("ascii")
    if "'" in letters:
        letters = f" {letters} ".replace("''", " ").replace("' ", " ").replace(" '", " ")
    return letters.split()


def task_window(task: object) -> str:
    """The task text as the families read it: more of it is kept than of an observation, as it carries the problem."""
    return window(text_of(task), 12_000, 4_000)


class CallReading:
    """One tool call: capped texts, true sizes, canonical operations, what its answer says.

    Of more than four calls of a turn that hold more than four whole windows each shows but a `share` of its own, so that
    a turn's time is bounded.

    `kind` names the call, `kinds` are those of all its operations. `key` stands for what was asked: compare it within
    one session only.
    """

    __slots__ = (
        "_errors", "_failed", "_refused", "_result", "action", "action_size", "exit_code", "is_error", "key", "kind", "kinds",
        "observation", "observation_size", "operations", "output", "tool",
    )  # fmt: skip

    def __init__(self, call: Call | Turn, share: float = 1.0) -> None:
        action, observation, tool = call.action, call.observation, call.tool
        if type(action) is not str or type(observation) is not str:
            action, observation = text_of(action), text_of(observation)
        if type(tool) is not str or len(tool) > 64:
            tool = text_of(tool)[:64]
        self.tool = tool
        self.action_size, self.observation_size = len(action), len(observation)
        head, tail = (HEAD, TAIL) if share == 1.0 else (int(HEAD * share), int(TAIL * share))
        self.action = action = window(action, head, tail)
        exit_code = call.exit_code if isinstance(call.exit_code, int) else None
        is_error = call.is_error if isinstance(call.is_error, bool) else None
        content = unwrap(observation)
        if content is not None:
            observation, code, wrong = content
            exit_code = code if exit_code is None else exit_code
            is_error = wrong if is_error is None else is_error
        self.output = output = Output(observation, head, tail)
        self.observation = output.text
        if exit_code is None:
            exit_code = exit_code_in(output.text)
            if exit_code is None and is_error is not None:
                exit_code = int(is_error)
        self.exit_code, self.is_error = exit_code, is_error
        done = self.operations = operations(self)
        if len(done) == 1:
            self.kind = done[0].kind
            self.kinds: Collection[str] = (self.kind,)
        else:
            self.kind = primary(done).kind
            self.kinds = {operation.kind for operation in done}
        self.key = action_key(tool, action)
        self._errors: Errors | None = None
        self._refused: bool | None = None
        self._failed: bool | None = None
        self._result: Result | bool | None = False  # not read yet

    @property
    def errors(self) -> Errors:
        """What the answer complains of. What a file or a search shows may quote errors; only what was run raises them."""
        errors = self._errors
        if errors is None:
            kind = self.kind
            if (
                kind == "test"
                and len(self.kinds) == 1
                and not self.exit_code
                and (result := self.result)
                and result.green
            ):
                errors = NONE  # what tests that pass log of errors, they wanted
            else:
                shown = kind == "read" or kind == "search" or self.tool in _WEB
                errors = errors_of(self.output, shown=shown)
            self._errors = errors
        return errors

    @property
    def refused(self) -> bool:
        """Whether the call was to change a file, and its tool answers that nothing was changed."""
        refused = self._refused
        if refused is None:
            changes = "edit" in self.kinds or "create" in self.kinds
            refused = self._refused = changes and (self.is_error is True or edit_refused(self.observation))
        return refused

    @property
    def result(self) -> Result | None:
        """What a test run reported; None for a call that ran nothing, or whose output reports no result."""
        if self._result is False:
            ran = "test" in self.kinds or "run" in self.kinds
            self._result = result_of(self.output) if ran else None
        return self._result  # type: ignore[return-value]  # it was read

    @property
    def failed(self) -> bool:
        """Whether the call ended badly: by what the harness says, its exit code, what its answer says, or a failing test."""
        failed = self._failed
        if failed is None:
            failed = self.is_error is True or bool(self.exit_code) or self.errors is not NONE or self.refused
            if not failed and (result := self.result):
                failed = result.bad > 0
            self._failed = failed
        return failed


class Reading:
    """One turn: its number (1, 2, …), its thought, its calls, and what the harness reported about it."""

    __slots__ = ("_distinct", "_turn", "_words", "calls", "low", "number", "thought")

    def __init__(self, turn: Turn, number: int) -> None:
        self._turn = turn
        self.number = number
        thought = turn.thought if type(turn.thought) is str else text_of(turn.thought)
        self.thought = thought = window(thought, HEAD, HEAD)
        #: The thought in lower case.
        self.low = thought.lower()
        self._words: list[str] | None = None
        self._distinct: frozenset[str] | None = None
        calls = turn.calls
        if calls:
            if not isinstance(calls, tuple | list):  # what else can be walked may have no end
                raise TypeError(f"the calls of a turn are a tuple, not {type(calls).__name__}")
            calls = calls[:MAX_CALLS]
            share = 1.0 if len(calls) <= 4 or sum(map(_shown, calls)) <= 8 * (HEAD + TAIL) else 4 / len(calls)
            self.calls = [CallReading(call, share) for call in calls]
        else:  # a turn of one call carries its fields itself
            self.calls = [CallReading(turn)] if turn.action or turn.observation or turn.tool else []

    @property
    def words(self) -> list[str]:
        """The words of the thought in lower case, in their order."""
        words = self._words
        if words is None:
            words = self._words = words_of(self.low)
        return words

    @property
    def distinct(self) -> frozenset[str]:
        """The distinct words of the thought."""
        distinct = self._distinct
        if distinct is None:
            distinct = self._distinct = frozenset(self.words)
        return distinct

    @property
    def has_amounts(self) -> bool:
        """Whether the harness told tokens or a cost."""
        turn = self._turn
        return turn.cost is not None or turn.prompt_tokens is not None or turn.completion_tokens is not None

    @property
    def prompt_tokens(self) -> float:
        return amount(self._turn.prompt_tokens)

    @property
    def completion_tokens(self) -> float:
        return amount(self._turn.completion_tokens)

    @property
    def cost(self) -> float:
        """In USD."""
        return amount(self._turn.cost)


def _shown(call: Call) -> int:
    """Characters of a call that would be read, were it alone."""
    texts = (text if type(text) is str else text_of(text) for text in (call.action, call.observation))
    return sum(min(len(text), HEAD + TAIL) for text in texts)


def amount(value: object) -> float:
    """A count or a price, NaN where it is unknown or makes no sense."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    try:
        number = float(value)
    except OverflowError:
        return float("nan")
    return number if 0 <= number <= MOST_AMOUNT else float("nan")
