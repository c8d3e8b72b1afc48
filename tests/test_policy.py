"""Policies: when they look, how far y2 must lead, there and back, and what is none."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featrouter.policy import KINDS, NEVER, Policy

THRESHOLDS = st.one_of(st.floats(-1e100, 1e100), st.integers(-3, 3), st.sampled_from([math.inf, -math.inf]))
PROMISES = st.one_of(st.none(), st.dictionaries(st.text(), st.one_of(st.none(), st.floats(0, 1), st.text())))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    turns = sorted(draw(st.sets(st.integers(0, 80), max_size=6)))
    return Policy(
        draw(st.sampled_from(KINDS)),
        tuple((turn, draw(THRESHOLDS)) for turn in turns),
        draw(THRESHOLDS),
        latch=draw(st.booleans()),
        allow_stop=draw(st.booleans()),
        promise=draw(PROMISES),
    )


def test_the_rule_compares_at_every_turn_and_at_the_end() -> None:
    rule = Policy()
    assert rule.kind == "rule" and not rule.latch and not rule.allow_stop and rule.promise is None
    assert {rule.threshold(turn, ended=ended) for turn in (0, 1, 500) for ended in (False, True)} == {0.0}


def test_a_step_is_in_force_until_the_next() -> None:
    policy = Policy("anytime", ((2, 0.5), (5, -0.25), (6, NEVER), (9, -NEVER)), 0.125)
    told = [policy.threshold(turn, ended=False) for turn in range(12)]
    assert told == [NEVER, NEVER, 0.5, 0.5, 0.5, -0.25, NEVER, NEVER, NEVER, -NEVER, -NEVER, -NEVER]
    assert policy.threshold(0, ended=True) == policy.threshold(7, ended=True) == 0.125
    assert Policy("anytime", (), 0.0).threshold(3, ended=False) == NEVER


def test_a_fixed_policy_looks_once_and_keeps_its_word() -> None:
    for turn in (0, 4):
        policy = Policy.fixed(turn, allow_stop=True)
        assert policy.kind == "fixed" and policy.latch and policy.allow_stop
        assert [k for k in range(50) if policy.threshold(k, ended=False) != NEVER] == [turn]
        assert policy.threshold(turn, ended=False) == 0.0 and policy.threshold(turn, ended=True) == NEVER
    assert not Policy.fixed(4).allow_stop


@pytest.mark.parametrize("turn", [0, 3, 12, 999_999])
def test_a_fixed_policy_goes_by_a_name(turn: int) -> None:
    assert Policy.named(f"fixed:{turn}") == Policy.fixed(turn)


@pytest.mark.parametrize(
    "name", ["", "rule", "fixed", "fixed:", "fixed:-1", "fixed:1.5", "fixed:1 ", " fixed:1", "fixed:1000000", "Fixed:1"]
)
def test_no_other_name_tells_a_policy(name: str) -> None:
    assert Policy.named(name) is None


@given(policies(), st.integers(0, 100))
def test_the_threshold_is_that_of_the_last_step_that_has_begun(policy: Policy, turn: int) -> None:
    begun = [threshold for start, threshold in policy.turns if start <= turn]
    assert policy.threshold(turn, ended=False) == (begun[-1] if begun else NEVER)
    assert policy.threshold(turn, ended=True) == policy.end


@given(policies())
def test_there_and_back(policy: Policy) -> None:
    told = json.loads(json.dumps(policy.as_dict(), allow_nan=False))
    again = Policy.from_dict(told)
    assert again == policy and again.as_dict() == told
    assert all(again.threshold(k, ended=False) == policy.threshold(k, ended=False) for k in range(82))


def test_infinities_are_told_in_words() -> None:
    told = Policy("anytime", ((0, -NEVER), (1, NEVER), (2, 0.5)), -NEVER).as_dict()
    assert told["turns"] == [[0, "always"], [1, None], [2, 0.5]] and told["end"] == "always"
    assert Policy.fixed(0).as_dict()["end"] is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "sometimes"}, "policy kind 'sometimes', known are rule, fixed"),
        ({"kind": None}, "policy kind None"),
        ({"kind": ["rule"]}, r"policy kind \['rule'\]"),
        ({"kind": "x" * 10_000}, "policy kind 'x{39}, known"),
        ({"turns": None}, r"^a policy's turns are a list of pairs \[turn, threshold\]$"),
        ({"turns": {"0": 0.0}}, "a list of pairs"),
        ({"turns": [0, 0.0]}, "a list of pairs"),
        ({"turns": [[0]]}, "a list of pairs"),
        ({"turns": [[0, 0.0, 1]]}, "a list of pairs"),
        ({"turns": ["01"]}, "a list of pairs"),
        ({"turns": [[-1, 0.0]]}, r"\(-1, 0.0\) is no step .* after turn -1"),
        ({"turns": [[3, 0.0], [3, 0.1]]}, r"\(3, 0.1\) is no step .* after turn 3"),
        ({"turns": [[3, 0.0], [2, 0.1]]}, "no step .* after turn 3"),
        ({"turns": [[0.0, 0.0]]}, "no step"),
        ({"turns": [[True, 0.0]]}, "no step"),
        ({"turns": [["0", 0.0]]}, "no step"),
        ({"turns": [[0, "never"]]}, r"\(0, 'never'\) is no step"),
        ({"turns": [[0, True]]}, "no step"),
        ({"turns": [[0, math.nan]]}, "no step"),
        ({"turns": [[0, [0.0]]]}, "no step"),
        ({"end": "never"}, "end 'never' is no threshold"),
        ({"end": math.nan}, "end nan is no threshold"),
        ({"end": False}, "end False is no threshold"),
        ({"end": 1.1e100}, r"end 1.1e\+100 is no threshold"),
        ({"end": -1.1e100}, r"end -1.1e\+100 is no threshold"),
        ({"end": math.inf}, r"^a policy's threshold is a number, null \(never\) or \"always\"$"),
        ({"turns": [[0, -math.inf]]}, "null .never. or"),
        ({"end": {}}, "end {} is no threshold"),
        ({"latch": 1}, "^a policy's latch and allow_stop are true or false$"),
        ({"latch": None}, "true or false"),
        ({"allow_stop": "yes"}, "true or false"),
        ({"promise": []}, "^a policy's promise is an object or null$"),
        ({"promise": "none"}, "an object or null"),
        ({"code": "x"}, "exactly the keys kind, turns, end, latch, allow_stop, promise"),
    ],
)
def test_a_forged_policy_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        Policy.from_dict(Policy().as_dict() | changes)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("key", sorted(Policy().as_dict()))
def test_no_key_may_be_missing(key: str) -> None:
    with pytest.raises(ValueError, match="exactly the keys"):
        Policy.from_dict({name: value for name, value in Policy().as_dict().items() if name != key})


@pytest.mark.parametrize("data", [None, [], "rule", 5, {}])
def test_what_is_no_object_is_no_policy(data: Any) -> None:
    with pytest.raises(ValueError, match="exactly the keys"):
        Policy.from_dict(data)


@pytest.mark.parametrize("edge", [1e100, -1e100])
def test_the_farthest_threshold_is_one(edge: float) -> None:
    policy = Policy("anytime", ((2, edge),), -edge)
    assert (policy.threshold(2, ended=False), policy.threshold(2, ended=True)) == (edge, -edge)
    assert Policy.from_dict(policy.as_dict()) == policy


@pytest.mark.parametrize("beyond", [10**400, -(10**400), math.inf, -math.inf])
@pytest.mark.parametrize("where", ["end", "turns"])
def test_a_threshold_beyond_all_floats_is_refused(where: str, beyond: float) -> None:
    with pytest.raises(ValueError, match=r"policy rule|a policy's threshold is a number, null \(never\) or"):
        Policy.from_dict(Policy().as_dict() | {where: beyond if where == "end" else [[0, beyond]]})


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(Policy().as_dict())), JSON, max_size=3))
def test_any_forgery_is_refused_or_sound(changes: dict[str, Any]) -> None:
    try:
        found = Policy.from_dict(Policy().as_dict() | changes)
    except ValueError:
        return
    assert not math.isnan(found.threshold(3, ended=False)) and not math.isnan(found.threshold(3, ended=True))
    assert found.turns == () or found.turns[0][0] >= 0
