"""features/README.md, generated: every feature, and how to teach featrouter a new one."""

from __future__ import annotations

from featrouter.catalogue import FAMILIES, feature_set, lexicon

_HEAD = """<!-- Generated: featrouter features --markdown > features/README.md -->
# What featrouter can recognise

{count} features in {families} families. A family is one file of words here (`NAME.toml`) and one module of arithmetic
(`featrouter/families/NAME.py`); a feature's name is `family_feature`. Direction: what more of it is believed to mean for
success (`+`, `-`, `?`: depends); it is shown to people and never forced on the model. An unknown value is NaN, never 0.

**Teach it a test runner or an error, without Python:** add a `[patterns.NAME]` table to `testruns.toml` or
`traces.toml`: a `regex`, the literal `gates` without which it is not tried, a `style` (the comment in the file says which),
and under it `matches` and `rejects`, its own examples, which the tests execute. Then retrain: a bundle is bound to the
catalogue it was trained with.

**Teach it a feature:** add a `[features.NAME]` table (unit, meaning, direction, phrase) and the number of the same name to the
family's `row()`, at the same place.
"""


def page() -> str:
    """The page in Markdown, a newline at its end."""
    lines = [_HEAD.format(count=len(feature_set()), families=len(FAMILIES))]
    for family in FAMILIES:
        lex = lexicon(family)
        lines.append(f"\n## {family}\n\n{lex.summary}\n\n| feature | unit | direction | meaning |\n|---|---|---|---|\n")
        lines += [f"| `{f.name}` | {f.unit} | {f.direction} | {f.meaning} |\n" for f in lex.features]
        if lex.patterns:
            lines.append(f"\nReads: {', '.join(f'`{name}`' for name in lex.patterns)}.\n")
    return "".join(lines)
