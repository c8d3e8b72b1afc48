"""The decision: which arm is worth more, and the reasons that are shown with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

CHOICES = ("continue", "escalate", "accept", "stop")
#: Costs and values beyond these are slips, and their ratios would be no numbers.
LEAST_VALUE, MOST_USD = 1e-9, 1e15


@dataclass(frozen=True, slots=True)
class Costs:
    """What a user is willing to pay, all in USD; changing it needs no retraining.

    `value` is what one solved task is worth (1/lambda). `weak` (remaining) and `strong` replace the bundle's own
    estimates where they are given. `allow_stop` adds the third choice: give up when neither arm is worth its cost.
    `handover`, USD per million tokens, is for hosts that let the strong model go on with the conversation: it has none
    of it in its prompt cache, so that c2 grows by this price for every token so far (as the last turn told them, else
    a quarter of the characters). Raises ValueError on a value that is not positive or a cost that is negative.
    """

    value: float | None = None
    weak: float | None = None
    strong: float | None = None
    allow_stop: bool = False
    handover: float = 0.0

    def __post_init__(self) -> None:
        if self.value is not None and not self.value >= LEAST_VALUE:
            raise ValueError(
                f"Costs.value is the USD that a solved task is worth and must be above 0 "
                f"({LEAST_VALUE:g} or more), not {self.value}"
            )
        for name in ("weak", "strong", "handover"):
            usd = getattr(self, name)
            if usd is not None and not 0 <= usd <= MOST_USD:
                raise ValueError(f"Costs.{name} is USD and must be 0 or more ({MOST_USD:g} at most), not {usd}")


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's share in y2 - y1, in log-odds: above 0 it speaks for escalating, below 0 for going on."""

    feature: str
    value: float
    effect: float
    words: str

    def __str__(self) -> str:
        return f"{self.words} ({self.feature})  {self.effect:+.2f}"


class Decision(NamedTuple):
    """What to do after turn `turn`, and the numbers behind it.

    `r1`, `r2`: calibrated probabilities that the weak model (if it goes on; after the end: its answer as it stands)
    and the strong model solve the task. `c1`, `c2`: remaining weak cost and strong cost, USD. `y1 = r1 - c1/value`,
    `y2 = r2 - c2/value`: what is compared. `ended`: the weak agent has submitted. `fallback` is empty, or says why
    the numbers were not trusted and the configured default was chosen. `r1_interval`, `r2_interval`: the two
    Venn-Abers probabilities of a bundle calibrated that way, else None. `propensity`: the probability with which the
    session came to this choice, 1 unless the router explores: what a log's `propensity` column wants. `outside`: how
    many features lie outside the range of the runs that the bundle knows of this harness.
    """

    choice: str
    r1: float
    r2: float
    y1: float
    y2: float
    c1: float
    c2: float
    turn: int
    ended: bool = False
    fallback: str = ""
    r1_interval: tuple[float, float] | None = None
    r2_interval: tuple[float, float] | None = None
    propensity: float = 1.0
    outside: int = 0

    @property
    def escalate(self) -> bool:
        return self.choice == "escalate"

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers and text for JSON; a number that is unknown is None."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in self._asdict().items()
        }

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from featrouter.notebook import paragraph, table  # nobody else needs it

        when = "once the answer is in" if self.ended else f"after turn {self.turn}"
        ends = [f" [{end[0]:.2f}, {end[1]:.2f}]" if end else "" for end in (self.r1_interval, self.r2_interval)]
        rows = [
            ("go on (weak)", f"{self.y1:.3f}", f"{self.r1:.3f}{ends[0]}", f"{self.c1:.3g}"),
            ("escalate (strong)", f"{self.y2:.3f}", f"{self.r2:.3f}{ends[1]}", f"{self.c2:.3g}"),
        ]
        doubt = f"The numbers are not trusted: {self.fallback}" if self.fallback else ""
        header = ("", "y, worth", "r, solves it", "c, USD")
        return table(f"{self.choice} {when}", rows, header) + (paragraph(doubt) if doubt else "")


def choose(y1: float, y2: float, *, ended: bool, allow_stop: bool, threshold: float = 0.0) -> str:
    """Escalate when y2 - y1 exceeds the policy's threshold, else go on (or accept); stop when both are below 0.

    An infinite threshold means that the policy does not look: the run goes on.
    """
    if allow_stop and threshold != math.inf and y1 < 0 and y2 < 0:
        return "accept" if ended else "stop"
    if y2 - y1 > threshold:
        return "escalate"
    return "accept" if ended else "continue"
