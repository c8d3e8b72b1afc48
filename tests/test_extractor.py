"""The fold from turns to numbers: prefixes, names, hostile texts, cost and memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clock import assert_grows_in_proportion
from hostile import TEXTS
from hostile import TOOLS as HOSTILE_TOOLS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featrouter.catalogue import feature_set, lexicon
from featrouter.extractor import Extractor, Wanted, everything, extract, rows
from featrouter.families import FAMILIES
from featrouter.logs import Logs
from featrouter.reading import Reading
from featrouter.trajectory import Call, Trajectory, Turn

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"

ACTIONS = [
    "ls -la",
    "cat src/app/main.py",
    "grep -rn 'feed' src",
    "python -m pytest tests -x",
    "python reproduce.py",
    "sed -i 's/a/b/' src/a.py",
    "cat > new.py <<'EOF'\ndef f():\n    return 1\nEOF",
    "git checkout -- src/a.py",
    "edit 3:4\nx = 1\nend_of_edit",
    'open "src/a.py" 10',
    "submit",
    json.dumps({"command": "str_replace", "path": "/w/a.py", "old_str": "a\nb", "new_str": "a\nc"}),
    json.dumps({"command": "view", "path": "/w/a.py"}),
    "*** Begin Patch\n*** Update File: a.py\n@@\n-x = 1\n+x = 2\n*** End Patch",
    "SELECT * FROM t WHERE a = 1",
]
OBSERVATIONS = [
    "",
    "==== 2 failed, 10 passed in 1.23s ====",
    "3 passed in 0.01s",
    'Traceback (most recent call last):\n  File "/w/src/a.py", line 3, in f\nValueError: bad 12',
    "bash: foo: command not found",
    "No matches found",
    "The file /w/a.py has been edited.",
    "No replacement was performed",
    "\x1b[31mFAILED\x1b[0m\r\n[Command finished with exit code 1]",
    "x" * 7000,
]
TOOLS = ["", "bash", "execute_bash", "str_replace_editor", "str_replace_based_edit_tool", "apply_patch", "think"]

free = st.text(st.characters(exclude_categories=()), max_size=80)  # surrogates and NULs included
texts = st.one_of(st.sampled_from(ACTIONS + OBSERVATIONS), free)
calls = st.builds(
    Call,
    action=st.one_of(st.sampled_from(ACTIONS), free),
    observation=st.one_of(st.sampled_from(OBSERVATIONS), free),
    tool=st.sampled_from(TOOLS),
    exit_code=st.sampled_from([None, 0, 1, 127]),
    is_error=st.sampled_from([None, False, True]),
)
amounts = st.one_of(st.none(), st.integers(0, 10**6), st.floats(allow_nan=True, allow_infinity=True))
turns = st.builds(
    Turn,
    thought=st.one_of(st.just(""), st.just("Maybe I should wait; the error is here."), free),
    action=st.one_of(st.sampled_from(ACTIONS), free),
    observation=st.one_of(st.sampled_from(OBSERVATIONS), free),
    tool=st.sampled_from(TOOLS),
    exit_code=st.sampled_from([None, 0, 2]),
    calls=st.one_of(st.just(()), st.lists(calls, max_size=4).map(tuple)),
    prompt_tokens=amounts,
    completion_tokens=amounts,
    cost=amounts,
    latency=amounts,
)
runs = st.builds(Trajectory.of, texts, st.lists(turns, max_size=7))
junk = st.one_of(texts, st.none(), st.integers(), st.floats(), st.booleans(), st.binary(max_size=40), st.just([1]))


def last_row(run: Trajectory, k: int) -> Any:
    extractor = Extractor(run.task)
    for turn in run.turns[:k]:
        extractor.observe(turn)
    return extractor.row()


def assert_prefixes(run: Trajectory, every: int = 1) -> None:
    whole = list(rows(run))
    assert [k for k, _ in whole] == list(range(len(run) + 1))
    for k, row in whole[::every]:
        assert row.shape == (len(feature_set()),)
        assert row.tobytes() == last_row(run, k).tobytes(), f"row {k}"
        assert not np.isinf(row).any()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs)
def test_a_row_knows_only_its_prefix(run: Trajectory) -> None:
    assert_prefixes(run)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(task=junk, fields=st.lists(st.tuples(junk, junk, junk, junk, junk, junk, junk, junk), max_size=4))
def test_nothing_that_a_harness_sends_raises(task: Any, fields: list[tuple[Any, ...]]) -> None:
    extractor = Extractor(task)
    for thought, action, observation, tool, code, error, cost, tokens in fields:
        turn = Turn(thought, action, observation, tool, code, error, cost=cost, prompt_tokens=tokens, latency=cost)
        extractor.observe(turn)
        assert not np.isinf(extractor.row()).any()
    assert extractor.row().shape == (len(feature_set()),)


def names_written(task: str, turns: list[Turn]) -> list[list[str]]:
    """What the families write, by family, into the row that they share and into rows of their own."""
    blank = dict.fromkeys(feature_set().names, float("nan"))
    shared, own = dict(blank), [dict[str, float]() for _ in FAMILIES]
    families = [make(task, shared) for make in FAMILIES]
    alone = [make(task, row) for make, row in zip(FAMILIES, own, strict=True)]
    for number, turn in enumerate(turns, 1):
        for family in (*families, *alone):
            family.observe(Reading(turn, number))
    assert list(shared) == list(blank)
    return [list(row) for row in own]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(ACTIONS + OBSERVATIONS), st.lists(turns, max_size=4))
def test_families_write_features_of_their_own_alone(task: str, some: list[Turn]) -> None:
    for make, names in zip(FAMILIES, names_written(task, some), strict=True):
        assert set(names) <= {feature.name for feature in lexicon(make.__name__.lower()).features}


def test_every_feature_of_the_catalogue_is_written_by_its_family() -> None:
    task = "Parser.feed_all() in src/app/main.py fails for the 3 oldest files"
    some = [Turn(f"I look at it, part {n}.", action, "some answer " * 9) for n, action in enumerate(ACTIONS)]
    for make, names in zip(FAMILIES, names_written(task, some), strict=True):
        assert set(names) == {feature.name for feature in lexicon(make.__name__.lower()).features}
    assert not np.isnan(observed(task, some).row()).any()


def observed(task: str, turns: list[Turn]) -> Extractor:
    extractor = Extractor(task)
    for turn in turns:
        extractor.observe(turn)
    return extractor


def assert_within_bounds(extractor: Extractor) -> None:
    row, (low, high) = extractor.row(), (everything().low, everything().high)
    assert row.shape == (len(feature_set()),) and tuple(extractor._row) == feature_set().names
    outside = ~(np.isnan(row) | ((row >= low) & (row <= high)))
    assert not outside.any(), [feature_set().names[place] for place in np.flatnonzero(outside)]
    raw = np.array(list(extractor._row.values()))
    assert not np.isinf(raw).any() and (np.isnan(raw) == np.isnan(row)).all()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs)
def test_values_lie_within_their_bounds_or_are_unknown(run: Trajectory) -> None:
    extractor = Extractor(run.task)
    assert_within_bounds(extractor)
    for turn in run:
        extractor.observe(turn)
        assert_within_bounds(extractor)


hostile = st.sampled_from([text[:20_000] for text in TEXTS.values()])
hostile_calls = st.builds(Call, hostile, hostile, st.sampled_from(HOSTILE_TOOLS), st.sampled_from([None, 0, 1]))
hostile_turns = st.builds(
    Turn,
    thought=st.one_of(st.just(""), hostile),
    calls=st.lists(st.one_of(hostile_calls, calls), max_size=3).map(tuple),
    cost=amounts,
    prompt_tokens=amounts,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(hostile, texts), st.lists(st.one_of(hostile_turns, turns), max_size=5), st.integers(1, 4))
def test_values_of_hostile_turns_lie_within_their_bounds(task: str, some: list[Turn], times: int) -> None:
    extractor = Extractor(task)
    for turn in some * times:
        extractor.observe(turn)
        assert_within_bounds(extractor)
    assert not any(np.isinf(value) for value in extractor.facts().values())


def test_the_row_is_the_catalogue_after_many_turns_of_every_kind() -> None:
    whole = [
        Turn(f"Maybe {n}", action, observation, tool)
        for n, action in enumerate(ACTIONS)
        for observation in OBSERVATIONS
        for tool in TOOLS
    ]
    extractor = observed("the oldest of 3 in src/app/main.py", whole[::3] + whole[::7] * 2)
    assert_within_bounds(extractor)
    assert not set(extractor.facts()) - set(Extractor("").facts())


def test_a_value_beyond_its_range_counts_as_the_bound() -> None:
    again = observed("", [Turn("", "python a.py", "boom", exit_code=1)] * 40)
    found = dict(zip(feature_set().names, again.row().tolist(), strict=True))
    for name in ("loops_again", "traces_streak", "traces_recent", "loops_futile"):
        assert found[name] == feature_set().by_name[name].high
    assert again.facts()["traces_streak"] == again.facts()["loops_streak"] == 40


def test_facts_are_counted_whatever_is_wanted_of_their_family() -> None:
    extractor = Extractor("", Wanted.of(["traces_share"]))
    extractor.observe(Turn("", "python a.py", "boom", exit_code=1))
    assert extractor.row().tolist() == [1.0]
    assert extractor.facts()["traces_streak"] == 1.0
    assert all(name.startswith("traces_") for name in extractor.facts())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs, st.data())
def test_what_is_wanted_is_what_comes_in_that_order(run: Trajectory, data: st.DataObject) -> None:
    names = feature_set().names
    asked = data.draw(st.one_of(st.lists(st.sampled_from(names), max_size=6), st.permutations(names)))
    columns = [names.index(name) for name in asked]
    some, whole = Extractor(run.task, Wanted.of(asked)), Extractor(run.task)
    for turn in (None, *run.turns):
        if turn is not None:
            some.observe(turn)
            whole.observe(turn)
        assert some.row().tobytes() == whole.row()[columns].tobytes()
    assert some.turn == whole.turn == len(run)


def test_the_task_is_cut_once_for_all_families() -> None:
    head, tail = "Is it the oldest of 3 files? " * 500, "\nSee src/app/late.py"
    turn = Turn("", "cat src/app/late.py", "x = 1")
    rows = [observed(head + middle + tail, [turn]).row() for middle in ("", "nothing to see. " * 9000)]
    touched = feature_set().names.index("files_task_touched")
    assert rows[1][touched] == 1.0 and rows[0][touched] == 1.0


def test_families_of_which_nothing_is_wanted_are_not_computed() -> None:
    def computed(*names: str) -> list[str]:
        return [family.__name__.lower() for family in Wanted.of(names).families]

    assert computed("traces_rate", "files_opened", "traces_share") == ["files", "traces"]
    assert computed() == []
    assert computed(*feature_set().names) == [family.__name__.lower() for family in FAMILIES]


@pytest.mark.parametrize("name", ["nosuch", "", "traces", "traces_nosuch", "traces_rate "])
def test_what_is_no_feature_cannot_be_wanted(name: str) -> None:
    with pytest.raises(KeyError, match=repr(name)):
        Wanted.of(["traces_rate", name])


def unknown_before_the_first_turn() -> set[str]:
    row = Extractor("").row()
    return {name for name, value in zip(feature_set().names, row, strict=True) if np.isnan(value)}


def with_words_for_unknown() -> set[str]:
    return {feature.name for feature in feature_set() if not feature.absent.endswith(": unknown")}


def test_what_is_said_to_be_unknown_is_unknown_before_the_first_turn() -> None:
    assert with_words_for_unknown() <= unknown_before_the_first_turn()
    assert {f.name for f in lexicon("prompt").features} <= unknown_before_the_first_turn()


def test_what_is_unknown_before_the_first_turn_has_words_for_it() -> None:
    silent = unknown_before_the_first_turn() - with_words_for_unknown()
    assert {name for name in silent if not name.startswith("prompt_")} == set()


@pytest.mark.parametrize("name", ["loops_share_read", "traces_share", "loops_new_share"])
def test_a_first_turn_makes_shares_known(name: str) -> None:
    run = Trajectory.of("", [Turn("I look.", "cat a.py", "x = 1")])
    assert extract(run)[name] == (0.0 if name == "traces_share" else 1.0)


def distinct(i: int) -> Turn:
    """A turn unlike any other: names, texts and numbers all hold its number."""
    body = "".join(f"w{i}_{j} = {i * j}\n" for j in range(60))[:1000]
    action = f"cat > pkg{i}/mod_{i}.py <<'EOF'\n{body}\nEOF"
    trace = f'Traceback (most recent call last):\n  File "/w/m{i}.py", line {i}, in f\nKind{i}Error: {"x" * 100}{i}'
    return Turn(f"thought number {i} " + " ".join(f"x{'abcdefghij'[int(c)]}" for c in str(i)), action, trace)


def test_a_turn_costs_the_same_however_long_the_run() -> None:
    turns = [distinct(i) for i in range(500)]

    def after(n: int) -> Extractor:
        extractor = Extractor("task")
        for turn in turns[:n]:
            extractor.observe(turn)
        return extractor

    def hundred_more(extractor: Extractor) -> None:
        for turn in turns[extractor.turn : extractor.turn + 100]:
            extractor.observe(turn)

    assert_grows_in_proportion(hundred_more, 0, 400, factor=3, prepare=after)


def test_memory_is_bounded() -> None:
    # Called before it is measured: regular expressions, lexicons and dialect tables are not the session's.
    warm = Extractor("task")
    for i in range(20):
        warm.observe(distinct(i))
    many = [distinct(i) for i in range(3000)]
    tracemalloc.start()
    try:
        extractor = Extractor("task")
        sizes = []
        for turn in many:
            extractor.observe(turn)
            if extractor.turn in (2500, 3000):
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[-1] < 6_000_000
    # Past the caps (2,048 names) nothing but the actions of the last 500 turns may be added.
    assert sizes[1] - sizes[0] < 300_000


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared logs are not here")
def test_real_runs_know_only_their_prefix() -> None:
    files = sorted(DATA.glob("verified-openhands.*.csv.xz"))
    if not files:
        pytest.skip("verified-openhands is not among the shared logs")
    logs = Logs(files)
    seen = 0
    for _, run in logs.trajectories():
        assert_prefixes(run, every=9)
        seen += 1
        if seen == 20:
            break
    assert seen == 20
