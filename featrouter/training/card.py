"""A bundle's model card: what it learned from, how well, what carries it, and what it must not be used for."""

from __future__ import annotations

from typing import Any

from featrouter.bundle import Bundle
from featrouter.policy import NEVER
from featrouter.training.importances import by_family
from featrouter.training.words import escaped, number, with_interval

_LIMITS = """
## Limits

- It serves the harnesses named above: `Router.load(..., harness=...)` where there are several. Of any other nothing is known, and
  every decision is the configured default until it is adapted (`featrouter adapt`, a few dozen runs without outcomes) or trained
  again on your own log; so are rows outside the range of the reference runs. `decision.fallback` says so.
- Do not use it to judge people, models or benchmarks, nor where a wrong *continue* does harm: it was made to save money.
- r2 and the costs are those of one strong model at one time; prices change, `Costs` overrides them.
- Better probabilities do not by themselves make routing pay: run `featrouter evaluate` on your pair first.
- The intervals are over tasks of these benchmarks, not over other people's work.
"""


def page(bundle: Bundle, name: str) -> str:
    """The card in Markdown, generated from the bundle alone."""
    about = bundle.provenance
    runs = ", ".join(f"{escaped(harness)} ({count} runs)" for harness, count in about["harnesses"].items())
    lines = [
        f"# {name}\n",
        f"Weak: {', '.join(map(escaped, about['weak_models']))}. Strong: {escaped(about['strong_model'] or 'none')}.",
        f"Learned from {about['runs']} runs of {about['tasks']} tasks, {about['rows']} decision points: {runs}.",
        f"Made by featrouter {about['featrouter']}, lightgbm {about['lightgbm']}, scikit-learn {about['scikit-learn']}.\n",
        "## Is it better than a constant?\n",
        "Out of fold (folds by task), over all decision points, 95 % task-bootstrap intervals. r1, r2: weak and strong while",
        "the agent works; `_end`: once it has submitted.\n",
        "| head | made by | calibration | AUROC | Brier (constant) | log-loss gained over the base rate | base rate |",
        "|---|---|---|---|---|---|---|",
    ]
    for head, row in sorted(bundle.metrics.items()):
        ends = row["logloss_gain_ci"]
        gained = f"{number(row['logloss_gain'], 4, True)} [{number(ends[0], 4, True)}, {number(ends[1], 4, True)}]"
        lines.append(
            f"| {head} | {row['recipe']['kind']}{', panel labels' if row['recipe']['panel'] else ''} | {row['calibration']} "
            f"| {with_interval(row['auroc'], row['auroc_ci'])} | {number(row['brier'], 3)} "
            f"({number(row['brier_constant'], 3)}) | {gained} | {number(row['resolved'], 3)} |"
        )
    lines += _by_model(bundle)
    lines += _unseen(about.get("unseen", {}))
    lines += [
        f"\n**Promise:** {flag[9:]}" if flag.startswith("promise: ") else f"\n**Flag:** {escaped(flag)}"
        for flag in bundle.flags
    ]
    lines += _policies(bundle)
    costs = bundle.costs
    strong = "unknown" if costs["strong"] is None else f"{costs['strong']:.3g} USD"
    heads = [head for head in ("c1", "c2") if head in bundle.heads]
    lines += [
        "\n## Costs\n",
        f"Value of a solved task: {costs['value']:g} USD (a knob). A strong run: {strong} on average. "
        f"Learned cost heads: {', '.join(heads) or 'none (means are used)'}.",
        "\n## What carries it\n",
        "| family | gain | splits | permutation (nats, held out) | mean abs. SHAP (log-odds) |",
        "|---|---|---|---|---|",
    ]
    for family, row in sorted(by_family(bundle.importances).items(), key=lambda item: -(item[1]["shap"] or 0)):
        cells = (
            number(row["gain"], 0),
            number(row["split"], 0),
            number(row["permutation"], 4, True),
            number(row["shap"], 3),
        )
        lines.append(f"| {family} | {' | '.join(cells)} |")
    top = sorted(bundle.importances.items(), key=lambda item: -(item[1]["shap"] or 0))[:15]
    lines += ["\n| feature | mean abs. SHAP | permutation |", "|---|---|---|"]
    lines += [f"| `{f}` | {number(row['shap'], 3)} | {number(row['permutation'], 4, True)} |" for f, row in top]
    return "\n".join(lines) + "\n" + _LIMITS


def _policies(bundle: Bundle) -> list[str]:
    lines = [
        f"\n## Policy\n\nIt follows *{bundle.policy}*. Thresholds on y2 - y1 were fitted at {bundle.costs['value']:g} USD a "
        "solved task.\n",
        "| policy | escalates where y2 - y1 exceeds, from turn | at the end |",
        "|---|---|---|",
    ]
    for name, policy in sorted(bundle.policies.items()):
        steps = ", ".join(f"{turn}: {_limit(threshold)}" for turn, threshold in policy.turns)
        lines.append(f"| {name} | {steps or 'never'} | {_limit(policy.end)} |")
    return lines


def _limit(threshold: float) -> str:
    return {NEVER: "never", -NEVER: "always"}.get(threshold, f"{threshold:.3g}")


def _unseen(found: dict[str, Any]) -> list[str]:
    """What routers of the other harnesses know of each harness: all that may be hoped for on yet another one."""
    if not found:
        return []
    lines = [
        "\n## On a harness that it never saw\n",
        "r1 of routers made like this one from the other harnesses alone, tasks of the test left out; the harness's own values",
        "are known (`featrouter adapt`), its outcomes are not. smECE: smooth calibration error (below chance none is shown), as",
        "transferred, and once the share of solved tasks is told (`--resolved`).\n",
        "| left out | runs | AUROC | r1, mean | resolved | smECE (chance) | smECE, rate told (chance) |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in found.items():
        errors = [f"{number(row[key], 3)} ({number(row[f'{key}_chance'], 3)})" for key in ("smece", "smece_told")]
        cells = [
            str(row["runs"]),
            with_interval(row["auroc"], row["auroc_ci"]),
            number(row["predicted"]),
            number(row["resolved"]),
        ]
        lines.append(f"| {escaped(name)} | {' | '.join([*cells, *errors])} |")
    return lines


def _by_model(bundle: Bundle) -> list[str]:
    """AUROC of each weak model of several."""
    found = {
        head: row["auroc_by_weak_model"] for head, row in sorted(bundle.metrics.items()) if "auroc_by_weak_model" in row
    }
    if not found:
        return []
    lines = [
        "\nAUROC is among the runs of one weak model, since telling a good agent from a bad one is no skill. By model:\n",
        f"| weak model | {' | '.join(found)} |",
        f"|---|{'---|' * len(found)}",
    ]
    models = sorted({model for row in found.values() for model in row})
    return lines + [f"| {escaped(m)} | {' | '.join(number(row.get(m)) for row in found.values())} |" for m in models]
