"""Simulation as ground truth: runs whose r1, r2 and costs are known in closed form, and what they come to at large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr, owens_t
from scipy.stats import rankdata

from featrouter.evaluation.crossval import Judged
from featrouter.training.predictions import Predictions
from featrouter.training.rows import SCHEDULE
from featrouter.training.table import Table

NAMES = ("prompt_offset", "prompt_hint", "turns_hint", "answer_hint", "noise")
#: Large enough that the truth's own error is a thirtieth of that of a sample of 250 tasks.
MANY = 200_000


@dataclass(frozen=True)
class World:
    """A population of tasks. All is jointly normal, so that what a router can know at best has a closed form.

    A task's difficulty is its repository's offset plus its own `difficulty` * N(0, 1); a model solves it where its
    ability, less the difficulty, plus luck N(0, 1) is positive. `alike`: how much of what is difficult is so for both
    models; `shared`: the correlation of their luck. The prompt, and each turn, give the task's own difficulty away up
    to a noise; the answer gives weak's margin away. Repositories are a fixed set: tasks are drawn, they are not.
    A run goes on after each turn with probability `stay`; where `stay_failed` differs, its length tells the outcome.
    """

    repos: int = 8
    spread: float = 0.6
    difficulty: float = 1.0
    weak: float = -0.2
    strong: float = 0.8
    alike: float = 0.5
    shared: float = 0.3
    prompt_noise: float = 2.5
    turn_noise: float = 1.5
    answer_noise: float = 1.0
    runs: int = 1
    longest: int = 6
    stay: float = 0.85
    stay_failed: float | None = None
    turn_usd: float = 0.2
    strong_usd: float = 4.0
    dearer: float = 0.3

    def offsets(self) -> np.ndarray:
        return self.spread * np.linspace(-1.5, 1.5, self.repos)

    def stays(self) -> tuple[float, float]:
        """The probability to go on of a run that will fail, and of one that will solve its task."""
        return (self.stay if self.stay_failed is None else self.stay_failed), self.stay


@dataclass(frozen=True)
class Runs:
    """Drawn runs, each array (n,) or (n, turns): `hints` are one before the first turn and one for each turn."""

    world: World
    task: np.ndarray
    repo: np.ndarray
    hints: np.ndarray
    answer: np.ndarray
    length: np.ndarray
    prices: np.ndarray
    y_weak: np.ndarray
    y_strong: np.ndarray
    cost_strong: np.ndarray
    noise: np.ndarray

    def spent(self, k: int) -> np.ndarray:
        return self.prices[:, :k].sum(axis=1)

    @property
    def cost_weak(self) -> np.ndarray:
        return np.where(np.arange(self.world.longest) < self.length[:, None], self.prices, 0).sum(axis=1)


def draw(world: World, tasks: int, seed: int) -> Runs:
    """So many tasks of the world, with `world.runs` runs each."""
    rng = np.random.default_rng(seed)
    task = np.repeat(np.arange(tasks), world.runs)
    n, turns = len(task), world.longest
    repo = rng.integers(0, world.repos, tasks)
    offset = world.offsets()[repo]
    own = world.difficulty * rng.normal(size=tasks)
    other = world.difficulty * rng.normal(size=tasks)
    both = np.sqrt(world.shared) * rng.normal(size=tasks)
    luck_strong = both + np.sqrt(1 - world.shared) * rng.normal(size=tasks)
    hard = world.alike * own + np.sqrt(1 - world.alike**2) * other
    y_strong = (world.strong - offset - hard + luck_strong > 0).astype(float)
    cost_strong = world.strong_usd * np.exp(world.dearer * own) * rng.uniform(0.5, 1.5, tasks)
    luck_weak = both[task] + np.sqrt(1 - world.shared) * rng.normal(size=n)
    margin = world.weak - offset[task] - own[task] + luck_weak
    y_weak = (margin > 0).astype(float)
    noises = np.r_[world.prompt_noise, np.full(turns, world.turn_noise)]
    stay = np.array(world.stays())[y_weak.astype(int)]
    gone = rng.random((n, turns)) > stay[:, None]
    gone[:, -1] = True
    return Runs(
        world=world,
        task=task,
        repo=repo[task],
        hints=own[task][:, None] + noises * rng.normal(size=(n, turns + 1)),
        answer=margin + world.answer_noise * rng.normal(size=n),
        length=gone.argmax(axis=1) + 1,
        prices=world.turn_usd * rng.uniform(0.5, 1.5, (n, turns)),
        y_weak=y_weak,
        y_strong=y_strong[task],
        cost_strong=cost_strong[task],
        noise=rng.normal(size=n),
    )


def known(runs: Runs, k: int) -> Predictions:
    """The true r1, r2, c1 and c2 of runs that still go on after turn k, given their hints so far."""
    world = runs.world
    mean, var = _own(runs, k)
    seen = [np.full(len(mean), stay**k) for stay in world.stays()]
    left = [world.turn_usd * sum(stay**j for j in range(world.longest - k)) for stay in world.stays()]
    return _answers(world, _offset(runs), mean, var, *seen, left=left)


def known_at_end(runs: Runs) -> Predictions:
    """The same once the answer is in: it tells weak's margin, and the run's length is known."""
    world = runs.world
    pairs = [(k, runs.length == k) for k in range(1, world.longest + 1)]
    mean, var = (np.empty(len(runs.task)) for _ in range(2))
    for k, here in pairs:
        found = _own(runs, k)
        mean[here], var[here] = found[0][here], found[1]
    last = runs.length == world.longest
    seen = [stay ** (runs.length - 1) * np.where(last, 1.0, 1 - stay) for stay in world.stays()]
    return _answers(world, _offset(runs), mean, var, *seen, answer=runs.answer)


def _offset(runs: Runs) -> np.ndarray:
    return runs.world.offsets()[runs.repo]


def _own(runs: Runs, k: int) -> tuple[np.ndarray, float]:
    """Mean and variance of the task's own difficulty, given the hints up to turn k."""
    world = runs.world
    weights = np.r_[1 / world.prompt_noise**2, np.full(k, 1 / world.turn_noise**2)]
    precision = 1 / world.difficulty**2 + weights.sum()
    return runs.hints[:, : k + 1] @ weights / precision, 1 / precision


def _answers(
    world: World,
    offset: np.ndarray,
    mean: np.ndarray,
    var: Any,
    failed: np.ndarray,
    solved: np.ndarray,
    left: Any = (0.0, 0.0),
    answer: np.ndarray | None = None,
) -> Predictions:
    """`failed`, `solved`: how likely it is to have come so far for a run of either outcome; `left`: USD it still costs."""
    weak, strong = world.weak - offset - mean, world.strong - offset - world.alike * mean
    var_weak, var_strong = var + 1, world.alike**2 * var + (1 - world.alike**2) * world.difficulty**2 + 1
    with_weak, both = -var, world.alike * var + world.shared
    if answer is not None:
        gain = (answer - weak) / (var_weak + world.answer_noise**2)
        share = 1 / (var_weak + world.answer_noise**2)
        mean, strong = mean + with_weak * gain, strong + both * gain
        var, var_strong = var - with_weak**2 * share, var_strong - both**2 * share
        kept = 1 - var_weak * share
        weak, var_weak, with_weak, both = weak + var_weak * gain, var_weak * kept, with_weak * kept, both * kept
    h, g = weak / np.sqrt(var_weak), strong / np.sqrt(var_strong)
    r, s = ndtr(h), ndtr(g)
    joint = both_positive(h, g, both / np.sqrt(var_weak * var_strong))
    mass = r * solved + (1 - r) * failed
    price = np.exp(world.dearer * mean + world.dearer**2 * var / 2)
    tilted = ndtr((weak + world.dearer * with_weak) / np.sqrt(var_weak))
    r1 = r * solved / mass
    return Predictions(
        r1=r1,
        r2=(joint * solved + (s - joint) * failed) / mass,
        c1=r1 * left[1] + (1 - r1) * left[0],
        c2=world.strong_usd * price * (tilted * solved + (1 - tilted) * failed) / mass,
    )


def both_positive(h: np.ndarray, g: np.ndarray, rho: Any) -> np.ndarray:
    """P(X < h, Y < g) of two standard normals with correlation rho, by Owen's T (Owen 1956)."""
    root = np.sqrt(1 - rho**2)
    opposite = np.where((h * g < 0) | ((h * g == 0) & (h + g < 0)), 0.5, 0.0)
    first, second = (g / h - rho) / root, (h / g - rho) / root
    return (ndtr(h) + ndtr(g)) / 2 - owens_t(h, first) - owens_t(g, second) - opposite


def judged(told: Predictions, **baselines: Predictions) -> Judged:
    """Predictions as one and the same router's: as if one fold had judged every row."""
    return Judged(told, baselines, np.zeros(len(told.r1), np.int64))


def table_of(runs: Runs, shown: np.ndarray | None = None) -> tuple[Table, Predictions]:
    """The runs as a table (with `shown`, only so many turns of a run, and no end) and what is true of every row."""
    upto = np.full(len(runs.task), runs.world.longest + 1) if shown is None else shown
    ats, turns, ends, tolds = [], [], [], []
    for k in (*(k for k in SCHEDULE if k < runs.world.longest), None):
        at = np.flatnonzero(runs.length < upto if k is None else (runs.length > k) & (upto >= k))
        told = known_at_end(runs) if k is None else known(runs, k)
        ats.append(at)
        turns.append(runs.length[at] if k is None else np.full(len(at), k))
        ends.append(np.full(len(at), k is None))
        tolds.append(np.column_stack([told.r1, told.r2, told.c1, told.c2])[at])
    at, turn, ended, told = (np.concatenate(parts) for parts in (ats, turns, ends, tolds))
    order = np.lexsort((turn, ended, at))
    at, turn, ended = at[order], turn[order], ended[order]
    return Table(_meta(runs, at, turn, ended), _features(runs, at, turn, ended), NAMES), Predictions(
        *told[order].T.copy()
    )


def _meta(runs: Runs, at: np.ndarray, turn: np.ndarray, ended: np.ndarray) -> pd.DataFrame:
    paid = np.where(np.arange(runs.world.longest) < turn[:, None], runs.prices[at], 0).sum(axis=1)
    return pd.DataFrame(
        {
            "run_id": _column("run", len(runs.task)).take(at),
            "task_id": _column("task", len(runs.task)).take(runs.task[at]),
            "repo": _column("repo", runs.world.repos).take(runs.repo[at]),
            "harness": _column("simulator", 1).take(np.zeros(len(at), int)),
            "weak_model": _column("small", 1).take(np.zeros(len(at), int)),
            "k": turn.astype(float),
            "at_end": ended.astype(float),
            "y_weak": runs.y_weak[at],
            "cost_weak_usd": runs.cost_weak[at],
            "spent_usd": paid,
            "y_strong": runs.y_strong[at],
            "cost_strong_usd": runs.cost_strong[at],
        }
    )


def ids(word: str, n: int) -> np.ndarray:
    """Names that sort by their number."""
    return np.array([f"{word}{i:05}" for i in range(n)], dtype=object)


@cache
def _column(word: str, n: int) -> Any:
    """The same as pandas has them: converting them for hundreds of tables would take most of the time."""
    return pd.Series(ids(word, n)).array


def _features(runs: Runs, at: np.ndarray, turn: np.ndarray, ended: np.ndarray) -> np.ndarray:
    read = np.arange(1, runs.world.longest + 1) <= turn[:, None]
    mean = np.where(read, runs.hints[at, 1:], 0).sum(axis=1) / np.maximum(turn, 1)
    answer = np.where(ended, runs.answer[at], 0.0)
    return np.column_stack([_offset(runs)[at], runs.hints[at, 0], mean, answer, runs.noise[at]])


def escalation_chance(runs: Runs, turn: int) -> np.ndarray:
    """What the logging router of `one_armed` does: harder tasks are escalated more often, none surely."""
    return np.clip(expit(1.5 * _own(runs, turn)[0]), 0.1, 0.9)


def one_armed(runs: Runs, turn: int, seed: int) -> tuple[Table, Predictions]:
    """The log of a router that drew each run's route after `turn` turns: the other arm's outcome is not known."""
    chance = escalation_chance(runs, turn)
    asked = runs.length > turn
    strong = asked & (np.random.default_rng(seed).random(len(chance)) < chance)
    table, told = table_of(runs, np.where(strong, turn, runs.world.longest + 1))
    place = table.meta["run_id"].str[3:].astype(int).to_numpy()
    over, meta = strong[place], table.meta
    hidden = {name: meta[name].mask(over) for name in ("y_weak", "cost_weak_usd")}
    hidden |= {name: meta[name].mask(~over) for name in ("y_strong", "cost_strong_usd")}
    drawn = np.where(asked, np.where(strong, chance, 1 - chance), np.nan)[place]
    logged = {"route": np.array(["weak", "strong"], object)[over.astype(int)], "propensity": drawn}
    turns = np.where(asked, float(turn), np.nan)[place]
    return Table(meta.assign(**hidden, **logged, route_turn=turns), table.x, table.names), told


@cache
def population(world: World) -> Runs:
    """The whole world, as good as."""
    return draw(world, MANY // world.runs, seed=2**20)


@cache
def told_at(world: World, k: int) -> Predictions:
    return known(population(world), k)


def _going(world: World, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """r1, y_weak and repository of those of the population that still go on at turn k."""
    runs = population(world)
    going = runs.length > k
    return told_at(world, k).r1[going], runs.y_weak[going], runs.repo[going]


def true_auroc(world: World, k: int) -> float:
    r1, y, _ = _going(world, k)
    right, pairs = _ranked_rightly(r1, y)
    return right / pairs


def true_within_auroc(world: World, k: int) -> float:
    r1, y, repo = _going(world, k)
    found = [_ranked_rightly(r1[repo == one], y[repo == one]) for one in range(world.repos)]
    return sum(right for right, _ in found) / sum(pairs for _, pairs in found)


def _ranked_rightly(score: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Mann and Whitney's U, and the pairs it is out of."""
    positive = y.sum()
    return rankdata(score)[y == 1].sum() - positive * (positive + 1) / 2, positive * (len(y) - positive)


def true_brier(world: World, k: int) -> float:
    """E[r1 (1 - r1)]: of the truth itself only the outcome's own variance is left."""
    r1, _, _ = _going(world, k)
    return float(np.mean(r1 * (1 - r1)))


def true_logloss(world: World, k: int) -> float:
    """The mean entropy of r1."""
    r1, _, _ = _going(world, k)
    return float(-np.mean(r1 * np.log(r1) + (1 - r1) * np.log1p(-r1)))


def true_route_auc(world: World, k: int, value: float, slices: int = 4000) -> float:
    """Area under resolved against cost, by slices of the population in the order of y2 - y1 at turn k."""
    runs, scores = population(world), told_at(world, k).scores(value)
    alive = np.flatnonzero(runs.length > k)
    parts = np.array_split(alive[np.argsort(-scores[alive])], slices)
    dearer = runs.spent(k) + runs.cost_strong - runs.cost_weak
    x = np.cumsum([0.0, *(dearer[part].sum() for part in parts)]) / (runs.cost_strong - runs.cost_weak).sum()
    better = runs.y_strong - runs.y_weak
    y = np.cumsum([0.0, *(better[part].sum() for part in parts)]) / better.sum()
    grid = np.linspace(0, 1, 20_001)
    return float(np.trapezoid(np.interp(grid, x, y), grid))


@dataclass(frozen=True)
class Earned:
    """What a policy comes to, a run: USD net of cost, share solved, USD spent."""

    net: float
    resolved: float
    cost: float

    @property
    def usd_per_solved(self) -> float:
        return self.cost / self.resolved


def rule_earns(world: World, value: float) -> Earned:
    """Of the rule y1 >= y2 at every turn and at the end, followed run by run."""
    runs = population(world)
    resolved, cost = runs.y_weak.copy(), runs.cost_weak.copy()
    open_ = np.ones(len(resolved), bool)
    for k in [*(k for k in SCHEDULE if k < world.longest), None]:
        told = known_at_end(runs) if k is None else told_at(world, k)
        here = open_ & (told.scores(value) > 0) & (True if k is None else runs.length > k)
        paid = runs.cost_weak if k is None else runs.spent(k)
        resolved[here], cost[here] = runs.y_strong[here], (paid + runs.cost_strong)[here]
        open_ &= ~here
    return _earned(resolved, cost, value)


def constants_earn(world: World, value: float) -> dict[str, Earned]:
    runs = population(world)
    nothing = np.zeros(len(runs.task))
    return {
        "always-weak": _earned(runs.y_weak, runs.cost_weak, value),
        "always-strong": _earned(runs.y_strong, runs.cost_strong, value),
        "stop": _earned(nothing, nothing, value),
    }


def break_even(world: World) -> float:
    """The value at which always-weak and always-strong earn the same."""
    earned = constants_earn(world, 1.0)
    weak, strong = earned["always-weak"], earned["always-strong"]
    return (strong.cost - weak.cost) / (strong.resolved - weak.resolved)


def _earned(resolved: np.ndarray, cost: np.ndarray, value: float) -> Earned:
    return Earned(float(np.mean(resolved * value - cost)), float(resolved.mean()), float(cost.mean()))


def true_co_failure(world: World) -> float:
    """Share of the tasks that no run and not the strong model solves."""
    runs = population(world)
    solved = np.maximum(runs.y_weak, runs.y_strong).reshape(-1, world.runs).max(axis=1)
    return float(np.mean(solved == 0))


def true_from_turn(world: World, turn: int, value: float, escalate: Callable[[Predictions], np.ndarray]) -> float:
    """USD a run still going at `turn`, spent and earned from there on, where a policy decides there, once."""
    runs = population(world)
    going = runs.length > turn
    weak = runs.y_weak * value - (runs.cost_weak - runs.spent(turn))
    strong = runs.y_strong * value - runs.cost_strong
    return float(np.where(escalate(told_at(world, turn)), strong, weak)[going].mean())


def plain_table(
    y_weak: np.ndarray, y_strong: np.ndarray, *, turns: Any = 3, signal: float = 0.0, repos: int = 10, seed: int = 0
) -> Table:
    """A table with outcomes of one's choice, one run a task; feature 0 gives y_weak away from turn 1 on by `signal`.

    A weak run costs 1 USD, a strong one 10.
    """
    n = len(y_weak)
    length = np.broadcast_to(turns, n)
    run = np.repeat(np.arange(n), length + 1)
    k = np.concatenate([np.arange(turn + 1) for turn in length]).astype(float)
    meta = pd.DataFrame(
        {
            "run_id": ids("run", n)[run],
            "task_id": ids("task", n)[run],
            "repo": ids("repo", repos)[run % repos],
            "harness": "harness",
            "weak_model": "small",
            "k": k,
            "at_end": (k == length[run]).astype(float),
            "y_weak": np.asarray(y_weak, float)[run],
            "cost_weak_usd": 1.0,
            "spent_usd": k / length[run],
            "y_strong": np.asarray(y_strong, float)[run],
            "cost_strong_usd": 10.0,
        }
    )
    x = np.random.default_rng(seed).normal(size=(len(meta), 4))
    x[:, 0] += signal * meta["y_weak"].to_numpy() * (k > 0)
    return Table(meta, x, ("a", "b", "c", "d"))
