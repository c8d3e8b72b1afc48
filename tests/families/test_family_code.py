"""code: lines of code that were shown, names of the task that turned up, what queries ask for."""

from __future__ import annotations

import math
from typing import Any

import pytest

from featrouter.catalogue import lexicon
from featrouter.families.code import _NAMES, Code, _names
from featrouter.reading import Reading
from featrouter.trajectory import Call, Turn

NAMES = tuple(feature.name for feature in lexicon("code").features)
TASK = "Parser.feed_all() drops the HttpHeader, see `read_lines` and `Parser.close`."
DEEP = " " * 12


def shown(text: str, action: str = "cat a.py") -> Turn:
    return Turn("", action, text)


def pick(got: dict[str, float], want: dict[str, float]) -> dict[str, float]:
    return {name: got[f"code_{name}"] for name in want}


def test_lines_of_code_are_counted_as_shares_of_the_lines_shown(features: Any) -> None:
    text = f"def f(x):\n    # why\n    if x:\n{DEEP}return x\n    y = 1\nplain words\n// note\n{DEEP}z = 2"
    want = {"deep": 2 / 8, "comments": 2 / 8, "branches": 2 / 8, "turns": 0}
    assert pick(features(shown(text)), want) == want
    longer = features(shown(text), shown("a\nb\nc\nd\ne\nf\ng\nh"))
    assert pick(longer, want) == {"deep": 2 / 16, "comments": 2 / 16, "branches": 2 / 16, "turns": 0}


@pytest.mark.parametrize("number", ["", "  120\t", "12: ", "7:", "33-"])
@pytest.mark.parametrize(
    ("line", "want"),
    [
        (f"{DEEP}x = 1", {"deep": 1, "comments": 0, "branches": 0}),
        ("\t\t\tx = 1;", {"deep": 1, "comments": 0, "branches": 0}),
        ("    x = 1", {"deep": 0, "comments": 0, "branches": 0}),
        ("    # x", {"deep": 0, "comments": 1, "branches": 0}),
        ("    raise x", {"deep": 0, "comments": 0, "branches": 1}),
        (DEEP + "} else {", {"deep": 1, "comments": 0, "branches": 1}),
        ("    iffy()  # x", {"deep": 0, "comments": 0, "branches": 0}),
    ],
)
def test_the_line_numbers_of_a_viewer_do_not_hide_code(
    features: Any, number: str, line: str, want: dict[str, float]
) -> None:
    assert pick(features(shown(number + line)), want) == want


def test_a_turn_shows_code_from_ten_indented_lines_on_over_all_its_calls(features: Any) -> None:
    lines = ["        x = 1"] * 10
    nine, ten = shown("\n".join(lines[:9])), shown("\n".join(lines))
    assert features(nine)["code_turns"] == 0
    assert features(ten, nine, Turn("hm"), nine)["code_turns"] == 1 / 4
    halves = (Call("cat a.py", "\n".join(lines[:4])), Call("cat b.py", "\n".join(lines[:6])))
    assert features(Turn(calls=halves))["code_turns"] == 1
    assert features(shown("\n".join(["    x = 1"] * 20)))["code_turns"] == 0


def test_names_of_the_task_are_found_in_what_is_shown_alone(features: Any) -> None:
    assert set(_names(TASK)) == {"feed_all", "HttpHeader", "read_lines", "close"}
    where = Turn("read_lines, close", "grep -rn HttpHeader src", "src/a.py:1: def feed_all(self, more):  # feeds")
    assert pick(features(where, task=TASK), {"names_found": 0, "names_shown": 0}) == {
        "names_found": 1 / 4,
        "names_shown": 1 / 4,
    }


def test_found_names_add_up_and_shown_ones_are_an_average(features: Any) -> None:
    pad = " and then some more of these quite plain words"
    turns = (shown(f"feed_all close{pad}"), shown(f"close read_lines{pad}"), shown(f"none of them{pad}"))
    got = features(*turns, task=TASK)
    assert got["code_names_found"] == 3 / 4
    assert got["code_names_shown"] == pytest.approx((2 + 2 + 0) / 4 / 3)


def test_a_short_answer_is_not_looked_through(features: Any) -> None:
    got = features(shown("feed_all close"), task=TASK)
    assert got["code_names_found"] == 0 and math.isnan(got["code_names_shown"])


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
    task = " ".join(f"name_{number}" for number in range(3 * _NAMES))
    assert _names(task) == tuple(f"name_{number}" for number in range(_NAMES))


@pytest.mark.parametrize(
    ("queries", "columns", "conditions"),
    [
        (["SELECT name, age FROM singer"], 2, 0),
        (["select count(*) from t where a = 1 and b like 'x'"], 1, 3),
        (["SELECT a FROM t", "SELECT a, b, c FROM t WHERE a OR b"], 2, 1),
        (["SELECT a FROM t WHERE b IN (SELECT c, d FROM u)"], 1.5, 0.5),
    ],
)
def test_what_queries_ask_for(features: Any, queries: list[str], columns: float, conditions: float) -> None:
    got = features(*(Turn("", query, "[(1,)]") for query in queries), Turn("", "ls where and or", "a"))
    assert (got["code_columns"], got["code_conditions"]) == (columns, conditions)


def test_nothing_is_known_before_anything_is_shown(features: Any) -> None:
    assert all(math.isnan(features()[name]) for name in NAMES)
    thinking = features(Turn("hm", "mkdir a", ""))
    assert thinking["code_turns"] == 0
    assert all(math.isnan(thinking[name]) for name in NAMES if name != "code_turns")
    named = features(Turn("hm", "mkdir a", ""), task=TASK)
    assert named["code_names_found"] == 0 and math.isnan(named["code_names_shown"])


def test_every_share_stays_within_zero_and_one(features: Any) -> None:
    text = "\n".join([f"{DEEP}# return feed_all", f"\t\t\treturn close  # read_lines {DEEP}", "HttpHeader"] * 9)
    got = features(*[shown(text)] * 3, task=TASK)
    shares = [got[name] for name in NAMES if name not in ("code_columns", "code_conditions")]
    assert all(0 < share <= 1 for share in shares)


def test_state_does_not_grow_with_the_run() -> None:
    family = Code(" ".join(f"name_{number}" for number in range(100)))
    for number in range(1, 300):
        family.observe(Reading(shown(f"name_{number % 100} name_{number} " * 3), number))
    assert len(family._found) == _NAMES and family.row()["code_names_found"] == 1
