"""The options that say how a router is made."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from featrouter.cli.completion import families, offering
from featrouter.cli.options import ABOVE_0, refusals


def making(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a router is made; the verb gets them as one `settings`."""

    @wraps(command)
    def told(**given: Any) -> Any:
        from featrouter.training.learn import Settings

        names = [name for name in Settings.__dataclass_fields__ if name in given]
        with refusals():
            settings = Settings(**{name: given.pop(name) for name in names})
        return command(settings=settings, **given)

    for option in reversed(_MAKING):
        told = option(told)
    return told


_MAKING = (
    click.option("--value", type=ABOVE_0, default=10.0, show_default=True, help="USD that one solved task is worth."),
    click.option(
        "--head",
        type=click.Choice(["auto", "lightgbm", "linear", "blend"]),
        default="auto",
        show_default=True,
        help="Kind of probability heads; auto keeps LightGBM unless another wins on folds held out in training.",
    ),
    click.option(
        "--calibration",
        type=click.Choice(["auto", "none", "platt", "beta", "isotonic", "venn-abers"]),
        default="auto",
        show_default=True,
        help="auto: least held-out log-loss, ties to the simplest. venn-abers gives intervals (an optional extra).",
    ),
    click.option("--panel/--no-panel", default=True, help="May other systems' outcomes on a task soften its label?"),
    click.option(
        "--without",
        multiple=True,
        metavar="FAMILY",
        shell_complete=offering(families),
        help="A family that the heads do not read (repeatable).",
    ),
    click.option("--tune", is_flag=True, help="Search a few settings of the heads, too (about 5 times slower)."),
    click.option(
        "--policy",
        type=click.Choice(["rule", "fixed", "anytime", "risk-controlled"]),
        default="rule",
        show_default=True,
        help="What the router follows: y1 >= y2 at every turn; one turn; learned thresholds; a promise on harm.",
    ),
    click.option(
        "--max-harm",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        help="risk-controlled: the share of tasks lost by not escalating that is promised at most.",
    ),
    click.option(
        "--confidence",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        help="risk-controlled: hold the promise with this confidence, instead of on average.",
    ),
    click.option("--allow-stop", is_flag=True, help="Giving up is a choice, where neither model is worth its cost."),
)
