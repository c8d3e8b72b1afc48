"""The page of a replayed run: what is seen at once, and by turn what is only read when somebody opens it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from featrouter.catalogue import family_of, number
from featrouter.drawing.page import data, render
from featrouter.router import Router
from featrouter.trajectory import Trajectory, Turn
from featrouter.view.replay import Step
from featrouter.view.texts import line, visible

#: Characters of a thought, an action or an observation that a file holds, unless it is to hold all.
LONGEST = 20_000
_WIDE, _HIGH = 1000, 200


@dataclass(frozen=True)
class View:
    """A run with its steps, ready to be shown; `name` is what the page is called."""

    name: str
    router: Router
    run: Trajectory
    steps: Sequence[Step]

    def pieces(self, longest: int = LONGEST, *, served: bool = False) -> Iterator[str]:
        """The page in pieces. `served`: without the turns, which it will ask for as `turn/NUMBER`."""
        costs, policy = self.router.costs, self.router.policy
        value = costs.value or self.router.value
        numbers = [_numbers(step) for step in self.steps]
        low = self._low(value)
        told = {
            "value": value,
            "steps": numbers,
            "stops": (costs.allow_stop or policy.allow_stop) and not policy.promise,
            "low": low,
            "wide": _WIDE,
            "high": _HIGH,
        }
        return render(
            "view/view.html",
            served=served,
            title=f"featrouter: {line(self.name, 80)}",
            name=line(self.name, 200),
            task=visible(self.run.task, longest or 4 * LONGEST),
            policy_name=policy.kind,
            promise=bool(policy.promise),
            value=number(value),
            low=number(low),
            wide=_WIDE,
            high=_HIGH,
            lines={arm: self._points(arm, low) for arm in ("y1", "y2")},
            rows=[self._row(index) for index in range(len(self.steps))],
            first=next((i for i, step in enumerate(self.steps) if step.decision.escalate), None),
            doubts=[step.decision.fallback for step in self.steps if step.decision.fallback],
            numbers=data("numbers", told),
            turns=iter(()) if served else (data(f"turn-{i}", self.told(i, longest)) for i in range(len(self.steps))),
        )

    def told(self, index: int, longest: int = 0) -> dict[str, Any]:
        """What is read of step `index` when it is opened."""
        step, turn = self.steps[index], self._turn(index)
        calls = turn.each_call() if turn else ()
        return {
            "thought": visible(turn.thought, longest) if turn else "",
            "calls": [
                {
                    "tool": visible(call.tool, 200),
                    "action": visible(call.action, longest),
                    "observation": visible(call.observation, longest),
                    "exit": call.exit_code,
                }
                for call in calls
            ],
            "expected": _plain(step.expected),
            "reasons": [[reason.words, reason.feature, round(reason.effect, 4)] for reason in step.reasons],
            "rest": [step.n_rest, round(step.rest, 4)],
            "changes": [[one.feature, family_of(one.feature), one.words(), one.meaning] for one in step.changes],
            "fallback": step.decision.fallback,
        }

    def _turn(self, index: int) -> Turn | None:
        return self.run.turns[index - 1] if 0 < index <= len(self.run.turns) else None

    def _row(self, index: int) -> dict[str, Any]:
        decision, turn = self.steps[index].decision, self._turn(index)
        if turn:
            calls = turn.each_call()
            words = line(" ; ".join(call.action or call.tool for call in calls), 160) or line(turn.thought, 160)
        else:
            words = "the answer is in" if decision.ended else "before the first turn"
        shown = {arm: _short(getattr(decision, arm)) for arm in ("r1", "r2", "y1", "y2")}
        return shown | {
            "at": index,
            "turn": decision.turn,
            "ended": decision.ended,
            "choice": decision.choice,
            "words": words,
        }

    def _low(self, value: float) -> float:
        """The lower end of the picture, between -1 and 0."""
        told = [y for step in self.steps for y in (step.decision.y1, step.decision.y2) if math.isfinite(y)]
        return max(-1.0, math.floor(4 * min([0.0, *told])) / 4)

    def _points(self, arm: str, low: float) -> Markup:
        last = max(1, len(self.steps) - 1)
        at = [(i, getattr(step.decision, arm)) for i, step in enumerate(self.steps)]
        return Markup(" ").join(
            Markup("{:.1f},{:.1f}").format(_WIDE * i / last, _HIGH * (1 - (max(y, low) - low) / (1 - low)))
            for i, y in at
            if math.isfinite(y)
        )


def _numbers(step: Step) -> list[Any]:
    """What the page reckons with: r1, r2, c1, c2, the threshold (null: it does not look), ended, the choice if in doubt."""
    one = step.decision
    limit = None if step.threshold == math.inf else max(step.threshold, -1e9)
    parts = [_plain(each, 6) for each in (one.r1, one.r2, one.c1, one.c2)]
    return [*parts, limit, int(one.ended), one.choice if one.fallback else ""]


def _plain(amount: float, digits: int = 4) -> float | None:
    return float(f"{amount:.{digits}g}") if math.isfinite(amount) else None


def _short(amount: float) -> str:
    return f"{amount:.2f}" if math.isfinite(amount) else "–"
