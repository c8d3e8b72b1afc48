"""The rule that compares the arms, the knobs on it, and what is shown."""

from __future__ import annotations

import json
import math

import pytest

from featrouter import Costs, Decision, Reason
from featrouter.decision import CHOICES, choose


@pytest.mark.parametrize(
    ("y1", "y2", "going", "ended"),
    [
        (0.5, 0.4, "continue", "accept"),
        (0.5, 0.5, "continue", "accept"),  # a tie costs nothing: stay
        (0.4, 0.5, "escalate", "escalate"),
        (-0.2, -0.1, "escalate", "escalate"),
        (-0.1, 0.0, "escalate", "escalate"),
    ],
)
def test_the_rule_without_stop(y1: float, y2: float, going: str, ended: str) -> None:
    assert choose(y1, y2, ended=False, allow_stop=False) == going
    assert choose(y1, y2, ended=True, allow_stop=False) == ended


def test_stop_needs_permission_and_two_arms_below_zero() -> None:
    assert choose(-0.1, -0.2, ended=False, allow_stop=True) == "stop"
    assert choose(-0.2, -0.1, ended=False, allow_stop=True) == "stop"
    assert choose(-0.2, -0.1, ended=True, allow_stop=True) == "accept"
    assert choose(-0.2, 0.0, ended=False, allow_stop=True) == "escalate"
    assert choose(0.0, -0.2, ended=False, allow_stop=True) == "continue"


def test_the_threshold_is_what_y2_must_lead_by() -> None:
    for lead, threshold, escalated in (
        (0.25, 0.25, False),
        (0.251, 0.25, True),
        (-0.25, -0.25, False),
        (-0.1, -0.25, True),
        (0.5, math.inf, False),
        (-0.5, -math.inf, True),
    ):
        for ended, onward in ((False, "continue"), (True, "accept")):
            told = choose(0.5, 0.5 + lead, ended=ended, allow_stop=False, threshold=threshold)
            assert told == ("escalate" if escalated else onward)
            assert told == choose(0.5, 0.5 + lead, ended=ended, allow_stop=True, threshold=threshold)


def test_nothing_stops_where_the_policy_does_not_look() -> None:
    assert choose(-0.2, -0.1, ended=False, allow_stop=True, threshold=math.inf) == "continue"
    assert choose(-0.2, -0.1, ended=True, allow_stop=True, threshold=math.inf) == "accept"
    assert choose(-0.2, -0.1, ended=False, allow_stop=True, threshold=0.5) == "stop"
    assert choose(-0.2, -0.1, ended=False, allow_stop=True, threshold=-math.inf) == "stop"


def test_intervals_and_propensity_are_told_as_json() -> None:
    plain = Decision("continue", *(0.5,) * 6, 1)
    assert (plain.r1_interval, plain.r2_interval, plain.propensity) == (None, None, 1.0)
    told = Decision("escalate", *(0.5,) * 6, 1, r2_interval=(0.25, 0.75), propensity=0.125).as_dict()
    again = json.loads(json.dumps(told, allow_nan=False))
    assert (again["r1_interval"], again["r2_interval"], again["propensity"]) == (None, [0.25, 0.75], 0.125)


@pytest.mark.parametrize("name", ["weak", "strong"])
@pytest.mark.parametrize("usd", [-0.01, math.nan, math.inf, -math.inf])
def test_a_cost_that_is_none_is_refused_by_name(name: str, usd: float) -> None:
    with pytest.raises(ValueError, match=rf"Costs\.{name} is USD and must be 0 or more"):
        Costs(**{name: usd})
    assert getattr(Costs(**{name: 0.0}), name) == 0.0


@pytest.mark.parametrize("usd", [0, -1, math.nan])
def test_a_solved_task_is_worth_something(usd: float) -> None:
    with pytest.raises(ValueError, match=r"Costs\.value .* must be above 0"):
        Costs(value=usd)


def test_a_decision_as_json_has_no_nan() -> None:
    decision = Decision("escalate", 0.5, math.nan, math.inf, -math.inf, 0.0, 0.1, 3, fallback="why")
    told = json.loads(json.dumps(decision.as_dict(), allow_nan=False))
    assert (told["r1"], told["r2"], told["y1"], told["y2"], told["c1"]) == (0.5, None, None, None, 0.0)
    assert (told["turn"], told["ended"], told["fallback"]) == (3, False, "why")
    with pytest.raises(AttributeError):
        decision.choice = "continue"  # type: ignore[misc]
    changed = decision._replace(choice="continue")
    assert (changed.choice, changed.fallback, decision.choice) == ("continue", "why", "escalate")


def test_only_one_choice_escalates() -> None:
    told = [Decision(choice, *(0.0,) * 6, 1).escalate for choice in CHOICES]
    assert dict(zip(CHOICES, told, strict=True)) == dict.fromkeys(CHOICES, False) | {"escalate": True}


def test_a_reason_reads_as_a_line() -> None:
    assert str(Reason("loops_now", 4.0, -0.416, "4 loops")) == "4 loops (loops_now)  -0.42"
    assert str(Reason("loops_now", 4.0, 0.1, "4 loops")) == "4 loops (loops_now)  +0.10"
