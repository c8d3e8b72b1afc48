"""What a log tells of a run, and of a task and model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run: what it worked on, and what came of it on either side. Costs in USD; None is unobserved.

    `turns`: how many it had when this was written, by a host that writes a run more than once.
    """

    run_id: str
    task_id: str
    repo: str = ""
    task: str = ""
    harness: str = ""
    weak_model: str = ""
    y_weak: int | None = None
    cost_weak: float | None = None
    strong_model: str = ""
    y_strong: int | None = None
    cost_strong: float | None = None
    route: str | None = None
    propensity: float | None = None
    route_turn: int | None = None
    takeover: str | None = None
    turns: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a model solved a task (0, 1, None for unobserved), and its cost in USD."""

    task_id: str
    model: str
    resolved: int | None
    cost: float | None = None
