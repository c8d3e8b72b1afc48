"""Leave one harness out: what a router knows of runs on a harness that it was never trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from joblib import Parallel, delayed

from featrouter.evaluation.reliability import chance_error, smooth_error
from featrouter.evaluation.unseen import at_the_rate, harness_of, others, transferred
from featrouter.study.sets import CHOSEN, Held, areas, benchmarks, mean_of, told
from featrouter.training.fit import one_of_each
from featrouter.training.learn import Settings
from featrouter.training.table import Table
from featrouter.training.words import markdown

TURNS = (0, *CHOSEN)
#: Harnesses on which an agent works in a shell or a repository; the others answer questions.
SHELLS = ("openhands", "mini-swe-agent", "swe-agent")
#: One benchmark and one agent, told to act in two ways: neither is new to a router of the other.
TWINS = (
    ("intercode-sql", "intercode-react"),
    ("tau2", "tau2-mermaid"),
    ("tau-tool-calling", "tau-tool-preconditions"),
    ("mini-swe-agent", "live-swe-agent"),
)


def twins_of(harness: str) -> set[str]:
    """The harness and those that are as good as the same."""
    return {harness}.union(*(group for group in TWINS if harness in group))


def transfer(
    sets: Mapping[str, Table], everything: Table, without: tuple[str, ...], jobs: int, say: Callable[[str], None]
) -> str:
    """A row a set and way of training, and the means; then how far held-out probabilities can be taken at their word."""
    kinds = sorted(everything.meta["harness"].unique())
    if len(kinds) < 2:
        raise ValueError(f"transfer wants runs of several harnesses; these are all of {kinds[0]!r}")
    shells = [name for name in kinds if name in SHELLS] or kinds
    chosen = Settings(head="blend", calibration="platt", without=without)
    ways = {
        "shells, ranked": (shells, chosen, True),
        "shells, not ranked": (shells, chosen, False),
        "shells, ranked, all families": (shells, replace(chosen, without=()), True),
        "all, ranked": (kinds, chosen, True),
        "all, not ranked": (kinds, chosen, False),
    }
    asked = [(way, name) for way in ways for name in sets]
    say(f"transfer: {len(asked)} times a set was left out")
    done = Parallel(n_jobs=jobs)(
        delayed(transferred)(
            sets[name], others(everything, sets[name], ways[way][0], twins_of(harness_of(sets[name]))), *ways[way][1:]
        )
        for way, name in asked
    )
    held = {key: Held(*found) for key, found in zip(asked, done, strict=True)}
    rows = []
    for way in ways:
        mine = {name: {k: areas(table, held[way, name], k) for k in TURNS} for name, table in sets.items()}
        groups = benchmarks(sets)
        shell = [group for group in groups if harness_of(sets[group[0]]) in SHELLS]
        for label, chosen_groups in (("the shells", shell), ("all benchmarks", groups)):
            means = {k: mean_of([mean_of([mine[n][k] for n in group]) for group in chosen_groups]) for k in TURNS}
            if chosen_groups and (label == "the shells" or len(groups) > len(shell)):
                rows.append([way, f"**mean of {label}**", *(told(means[k]) for k in TURNS)])
        rows += [[way, name, *(told(one[k]) for k in TURNS)] for name, one in mine.items()]
    page = markdown(["trained on the other", "tested on", *(f"k = {k}" for k in TURNS)], rows)
    return page + "\n\n" + _calibration(sets, {name: held["shells, ranked", name] for name in sets})


def _calibration(sets: Mapping[str, Table], held: Mapping[str, Held]) -> str:
    """Of a held-out harness: as transferred, and once the share of tasks that are solved there is told (`--resolved`)."""
    rows = []
    for name, table in sets.items():
        p, y = held[name].scores, table.meta["y_weak"].to_numpy(dtype=np.float64)
        runs = table.meta["run_id"].to_numpy()
        moved = at_the_rate(p, y, runs)
        one = one_of_each(table.meta["task_id"].to_numpy(), 0)
        plain = np.ones((1, len(one)))
        cells = [f"{smooth_error(q[one], y[one], plain)[0]:.3f} ({chance_error(q[one]):.3f})" for q in (p, moved)]
        rows.append([name, f"{p[one].mean():.2f}", f"{y[one].mean():.2f}", *cells])
    return markdown(
        ["held-out set", "r1, mean", "resolved", "smECE (chance)", "smECE (chance) once the rate is told"], rows
    )
