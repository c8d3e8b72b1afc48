"""What a part of a log that is read by itself cannot know of the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from featrouter.logs.run import Outcome

Key = tuple[str, str]


def _everything(run_id: str) -> bool:
    return True


@dataclass(frozen=True)
class Part:
    """`mine` tells the runs whose turns are read here; `outcomes`, by (task_id, model), are those of the whole log, and
    `shared` the keys of them that several runs of the whole log have, so that none of these can be labelled by it.
    """

    mine: Callable[[str], bool] = _everything
    outcomes: Mapping[Key, Outcome] = field(default_factory=dict)
    shared: Collection[Key] = ()
