"""Bundles that escalate when they are told to, so that what a host does with a decision can be seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from featrouter import Bundle
from featrouter.policy import NEVER, Policy
from featrouter.resources import place

HARNESS = "mini-swe-agent"


def told(bundle: Bundle, turn: int | None) -> Bundle:
    """The bundle with a policy that escalates after so many turns, or never; it trusts every run."""
    steps = ((0, NEVER),) if turn is None else ((0, NEVER), (turn, -NEVER)) if turn else ((0, -NEVER),)
    trusting = {name: replace(reference, limit=10**6) for name, reference in bundle.references.items()}
    return replace(bundle, policies={"rule": Policy("rule", steps)}, policy="rule", references=trusting)


def escalating(path: Path, turn: int | None) -> Path:
    """The shipped default, told when to escalate, as a file."""
    told(Bundle.load(place("models/default/default.featrouter")), turn).save(path)
    return path


class BrokenEscalator:
    """Fails whatever it is asked."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"broken: {name}")
