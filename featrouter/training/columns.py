"""The columns of feature rows that are no features."""

from __future__ import annotations

TEXT_META = ("run_id", "task_id", "repo", "harness", "weak_model")
NUMBERS = ("k", "at_end", "y_weak", "cost_weak_usd", "spent_usd")
#: The columns of the *features* log form that are not features.
META = (*TEXT_META, *NUMBERS)
LOGGED_TEXT = ("route", "strong_model")
LOGGED_NUMBERS = ("propensity", "route_turn", "y_strong", "cost_strong_usd")
#: Further ones, only where the log tells which route was taken: the outcome of that arm is all there is.
LOGGED = (*LOGGED_TEXT, *LOGGED_NUMBERS)
TEXT = (*TEXT_META, *LOGGED_TEXT)
