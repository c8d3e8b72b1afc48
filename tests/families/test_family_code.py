"""code: lines of code that were shown, names of the task that turned up, what queries ask for."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.catalogue import feature_set, lexicon
from featrouter.families.code import MAX_NAMES, Code, _names
from featrouter.reading import Reading
from featrouter.trajectory import Call, Turn

NAMES = tuple(feature.name for feature in lexicon("code").features)
TASK = "Parser.feed_all() drops the HttpHeader, see `read_lines` and `Parser.close`."
DEEP = " " * 12
#: A line of code, and nine plain ones: shares of it stay below their bounds.
PLAIN = "\nplain words" * 9


def shown(text: str, action: str = "cat a.py") -> Turn:
    return Turn("", action, text)


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"code_{name}"] for name in want}


def test_lines_of_code_are_counted_as_shares_of_the_lines_shown(features: Any) -> None:
    text = f"def f(x):\n    # why\n    if x:\n{DEEP}return x\n    y = 1\nplain words\n// note\n{DEEP}z = 2"
    want = {"deep": 2 / 8, "branches": 2 / 8}
    assert pick(features(shown(text)), want) == want
    longer = features(shown(text), shown("a\nb\nc\nd\ne\nf\ng\nh"))
    assert pick(longer, want) == {"deep": 2 / 16, "branches": 2 / 16}


@pytest.mark.parametrize("number", ["", "  120\t", "12: ", "7:", "33-"])
@pytest.mark.parametrize(
    ("line", "want"),
    [
        (f"{DEEP}x = 1", {"deep": 0.1, "branches": 0}),
        ("\t\t\tx = 1;", {"deep": 0.1, "branches": 0}),
        ("    x = 1", {"deep": 0, "branches": 0}),
        ("    # x", {"deep": 0, "branches": 0}),
        ("    raise x", {"deep": 0, "branches": 0.1}),
        (DEEP + "} else {", {"deep": 0.1, "branches": 0.1}),
        ("    iffy()  # x", {"deep": 0, "branches": 0}),
    ],
)
def test_the_line_numbers_of_a_viewer_do_not_hide_code(
    features: Any, number: str, line: str, want: dict[str, float]
) -> None:
    assert pick(features(shown(number + line + PLAIN)), want) == want


@pytest.mark.parametrize(("line", "name"), [(f"{DEEP}x = 1", "deep"), ("return x", "branches")])
def test_nothing_but_such_lines_is_the_bound(features: Any, line: str, name: str) -> None:
    feature = feature_set().by_name[f"code_{name}"]
    assert features(shown("\n".join([line] * 99 + ["    y"])))[feature.name] == feature.high < 1


def test_a_turn_shows_code_from_ten_indented_lines_on_over_all_its_calls(facts: Any) -> None:
    lines = ["        x = 1"] * 10
    nine, ten = shown("\n".join(lines[:9])), shown("\n".join(lines))
    assert facts(nine)["code_turns"] == 0
    assert facts(ten, nine, Turn("hm"), nine)["code_turns"] == 1 / 4
    halves = (Call("cat a.py", "\n".join(lines[:4])), Call("cat b.py", "\n".join(lines[:6])))
    assert facts(Turn(calls=halves))["code_turns"] == 1
    assert facts(shown("\n".join(["    x = 1"] * 20)))["code_turns"] == 0


def test_names_of_the_task_are_found_in_what_is_shown_alone(features: Any, facts: Any) -> None:
    assert set(_names(TASK)) == {"feed_all", "HttpHeader", "read_lines", "close"}
    where = Turn("read_lines, close", "grep -rn HttpHeader src", "src/a.py:1: def feed_all(self, more):  # feeds")
    assert facts(where, task=TASK)["code_names_found"] == 1 / 4
    assert features(where, task=TASK)["code_names_shown"] == 1 / 4


def test_found_names_add_up_and_shown_ones_are_an_average(features: Any, facts: Any) -> None:
    pad = " and then some more of these quite plain words"
    turns = (shown(f"feed_all close{pad}"), shown(f"close read_lines{pad}"), shown(f"none of them{pad}"))
    assert facts(*turns, task=TASK)["code_names_found"] == 3 / 4
    assert features(*turns, task=TASK)["code_names_shown"] == pytest.approx((2 + 2 + 0) / 4 / 3)


def test_all_names_in_every_answer_are_more_than_the_bound(features: Any) -> None:
    text = f"feed_all HttpHeader read_lines close {'x' * 40}"
    assert features(shown(text), task=TASK)["code_names_shown"] == 0.75


def test_a_short_answer_is_not_looked_through(features: Any, facts: Any) -> None:
    turn = shown("feed_all close")
    assert facts(turn, task=TASK)["code_names_found"] == 0
    assert math.isnan(features(turn, task=TASK)["code_names_shown"])


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("plain words, USA and a word", ()),
        ("call np.random.normal(x) and np.random.normal(y)", ("normal",)),
        ("`a.b` is too short, `a.bcde` is not", ("bcde",)),
        ("its __init__ in my_module", ("__init__", "my_module")),
        ("", ()),
    ],
)
def test_names_are_the_last_parts_of_what_the_task_writes_as_code(task: str, names: tuple[str, ...]) -> None:
    assert _names(task) == names


def test_only_the_first_names_of_a_long_task_are_looked_for() -> None:
    task = " ".join(f"name_{number}" for number in range(3 * MAX_NAMES))
    assert _names(task) == tuple(f"name_{number}" for number in range(MAX_NAMES))


@pytest.mark.parametrize(
    ("queries", "columns"),
    [
        (["SELECT name, age FROM singer"], 2),
        (["select count(*) from t where a = 1 and b like 'x'"], 1),
        (["SELECT a FROM t", "SELECT a, b, c FROM t WHERE a OR b"], 2),
        (["SELECT a FROM t WHERE b IN (SELECT c, d FROM u)"], 1.5),
        (["SELECT a, b, c, d, e, f, g FROM t"], 6),
    ],
)
def test_what_queries_ask_for(features: Any, facts: Any, queries: list[str], columns: float) -> None:
    turns = (*(Turn("", query, "[(1,)]") for query in queries), Turn("", "ls selected from", "a"))
    assert features(*turns)["code_columns"] == columns
    assert facts(*turns)["code_queries"] == sum(query.lower().count("select") for query in queries)


def test_nothing_is_known_before_anything_is_shown(features: Any, facts: Any) -> None:
    assert all(math.isnan(features()[name]) for name in NAMES)
    thinking = Turn("hm", "mkdir a", "")
    assert all(math.isnan(features(thinking)[name]) for name in NAMES)
    assert facts(thinking)["code_turns"] == 0
    assert facts(thinking, task=TASK)["code_names_found"] == 0
    assert math.isnan(facts(thinking)["code_names_found"])
    assert math.isnan(features(thinking, task=TASK)["code_names_shown"])


def test_state_does_not_grow_with_the_run() -> None:
    family = Code(" ".join(f"name_{number}" for number in range(100)), {})
    for number in range(1, 300):
        family.observe(Reading(shown(f"name_{number % 100} name_{number} " * 3), number))
    assert len(family._found) == MAX_NAMES and family.facts()["code_names_found"] == 1
