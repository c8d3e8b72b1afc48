"""The page data/study.md: every part with its heading, what it shows and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from featrouter.study.catalogues import catalogues
from featrouter.study.choice import choice
from featrouter.study.costs import costs, priced
from featrouter.study.discrimination import ablation, discrimination
from featrouter.study.payoff import payoffs
from featrouter.study.sets import CHOSEN, LEAST_RUNS, few, sets_of
from featrouter.study.stability import stability
from featrouter.study.transfer import transfer
from featrouter.study.warmstart import warm_start
from featrouter.training.table import Table

#: Families that the default bundle leaves out, since they tell of the task or of the harness rather than of behaviour.
LEFT_OUT = ("prompt", "effort")

_CHOSEN = ", ".join(map(str, CHOSEN))
PARTS = {
    "discrimination": (
        "How well r1 ranks",
        "AUROC of r1 on runs that go on after turn k, 95 % intervals over tasks. The whole of `train` runs inside every fold: "
        "references and recipe are chosen on folds within. *mixed*: folds by task; *repo_disjoint*: by repository.",
    ),
    "ablation": (
        "What each family adds",
        f"AUROC lost when a family is left out (LightGBM alone, paired, mean over k = {_CHOSEN}); above 0: the family helps.",
    ),
    "stability": (
        "Does a feature mean the same everywhere?",
        "AUROC of a feature alone for *solved* (above .5: more of it goes with success), sets weighted alike. Repositories: "
        "those with 20 runs and 5 of either outcome.",
    ),
    "transfer": (
        "Leave one harness out",
        "Routers trained on the other harnesses only, and never on a task of their test fold. *ranked*: each value is its "
        "rank among those of its harness, fitted without outcomes (what `adapt` does); *not ranked*: values as they are. "
        f"*shells*: trained on harnesses with a shell or an editor alone. Left out, unless said otherwise: "
        f"the families {' and '.join(LEFT_OUT)}.",
    ),
    "catalogues": (
        "This catalogue and an earlier one",
        "AUROC of r1 with the features of `--before`, with those at hand, and the paired difference, 95 % intervals over tasks: "
        "on the same decision points, in the same folds, by the default bundle's kind of head (ranks within the harness, a "
        "forest and a linear part). First own harness, all families: *mixed*: folds by task; *repo_disjoint*: by repository. "
        f"Then leave one harness out, without the families {' and '.join(LEFT_OUT)}: *shells, ranked*: how the default "
        "bundle is made; *all, not ranked*: nothing is told of the new harness.",
    ),
    "choice": (
        "How many features are needed",
        "AUROC of r1, mean of the benchmarks (two models of a harness at most, none oracle-stopped), with the features that "
        "carry most of the gain on the training folds alone, and the paired difference to all of them; then how often each "
        "feature was kept.",
    ),
    "warm-start": (
        "Few runs: on a base, or alone",
        f"Mean AUROC over k = {_CHOSEN}, folds by task, LightGBM alone. 0 runs: the base as transferred.",
    ),
    "costs": (
        "Do predicted costs carry the decision?",
        "Route-AUC of runs ranked by y2 - y1 with predicted costs, by r2 - r1 with mean costs (at one turn the same for "
        "all), and by the predicted costs alone (strong minus weak, cheapest first). *USD*: worth of a solved task (break-even).",
    ),
    "payoff": (
        "Where does routing pay?",
        "Strong costs are scaled so that a strong run costs so many times a weak one; folds by repository. *route*: a policy "
        "that looks at the run earns surely more than the best constant (USD a run, interval for all cells and policies of a "
        "pair together); *prompt only*: deciding at turn 0 does, and no other earns more. Beside it the best policy's gain "
        "(*no policy differs*: from the constant, in 20 runs at least) and what a solved task is worth there.",
    ),
}


class Section(NamedTuple):
    """One part: its name, its heading, how to read it, and its tables in Markdown."""

    name: str
    heading: str
    about: str
    text: str


def sections(
    table: Table,
    pairs: Mapping[str, Table],
    parts: Sequence[str],
    jobs: int,
    say: Callable[[str], None],
    before: Table | None = None,
) -> Iterator[Section]:
    """The parts that were asked for. `table`: all runs; `pairs`: by name, runs with a strong model joined. ValueError.

    `before`: the features of an earlier catalogue (catalogues.read_any_catalogue), which the part catalogues needs.
    """
    if "catalogues" in parts and before is None:
        raise ValueError("the part catalogues needs the features of an earlier one: --before")
    sets = sets_of(table)
    if not sets and set(parts) - {"costs", "payoff"}:
        raise ValueError(f"no agent has {LEAST_RUNS} labelled runs on one harness: too few to study")
    known = {name: one for name, one in pairs.items() if priced(one)}
    made: dict[str, Callable[[], str]] = {
        "discrimination": lambda: discrimination(sets, jobs, say),
        "ablation": lambda: ablation(few(sets), jobs, say),
        "stability": lambda: stability(sets),
        "transfer": lambda: transfer(sets, table, LEFT_OUT, jobs, say),
        "catalogues": lambda: catalogues(table, before, LEFT_OUT, jobs, say) if before is not None else "",
        "choice": lambda: choice(few(sets_of(table, ended=True)), jobs, say),
        "warm-start": lambda: warm_start(few(sets), table, LEFT_OUT, jobs, say),
        "costs": lambda: costs(known, jobs, say),
        "payoff": lambda: payoffs(pairs, jobs, say),
    }
    say(f"parts done: 0 of {len(parts)}")
    for done, name in enumerate(parts, 1):
        yield Section(name, *PARTS[name], made[name]())
        say(f"{name}: done, {done} of {len(parts)}")


def page(found: Iterable[Section], command: str) -> str:
    """The parts as a page in Markdown."""
    text = [f"<!-- Generated: {command} -->", "# Study"]
    text += [f"## {each.heading}\n\n{each.about}\n\n{each.text}" for each in found]
    return "\n\n".join(text) + "\n"
