"""How well r1 ranks each set, by turn, in both splits; and what each family of features adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from featrouter.catalogue import FAMILIES
from featrouter.evaluation.evaluate import SPLITS
from featrouter.study.sets import CHOSEN, TURNS, areas, held_out, mean_of, told
from featrouter.training.learn import Settings
from featrouter.training.table import Table
from featrouter.training.words import markdown

#: The quick router: families are compared with one kind of head, since a choice would hide what they do.
_PLAIN = Settings(head="lightgbm", calibration="none", panel=False)


def discrimination(sets: Mapping[str, Table], jobs: int, say: Callable[[str], None]) -> str:
    rows = []
    for name, table in sets.items():
        say(f"discrimination: {name}")
        for split, group in SPLITS.items():
            held = held_out(table, group, Settings(calibration="platt"), jobs)
            rows.append([name, split, *(told(areas(table, held, k)) for k in TURNS)])
    return markdown(["set", "split", *(f"k = {k}" for k in TURNS)], rows)


def ablation(sets: Mapping[str, Table], jobs: int, say: Callable[[str], None]) -> str:
    """By family what leaving it out costs: AUROC with it minus without, paired, over the chosen turns."""
    header = ["left out", "split", "mean of the sets", *sets]
    rows = []
    for split, group in SPLITS.items():
        say(f"ablation: {split}, all families")
        whole = {name: held_out(table, group, _PLAIN, jobs) for name, table in sets.items()}
        for family in FAMILIES:
            say(f"ablation: {split}, without {family}")
            lost = []
            for name, table in sets.items():
                less = held_out(table, group, replace(_PLAIN, without=(family,)), jobs)
                lost.append(mean_of([areas(table, whole[name], k) - areas(table, less, k) for k in CHOSEN]))
            rows.append([family, split, told(mean_of(lost), True), *(told(one, True) for one in lost)])
    return markdown(header, rows)
