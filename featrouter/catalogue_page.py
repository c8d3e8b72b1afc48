"""features/README.md, generated: every feature, and how to teach featrouter a new one."""

from __future__ import annotations

from featrouter.catalogue import FAMILIES, feature_set, lexicon

_HEAD = """<!-- Generated: featrouter features --markdown > features/README.md -->
# What featrouter can recognise

{count} features in {families} families. A family is one file of words here (`NAME.toml`) and one module of arithmetic
(`featrouter/families/NAME.py`); a feature's name is `family_feature`. Direction: what more of it is believed to mean for
success (`+`, `-`, `?`: depends); it is shown to people and never forced on the model. An unknown value is NaN, never 0.

## Teach it something, without Python

**A test runner.** Add a table to `testruns.toml`. It is tried only where one of its `gates` stands literally in the output;
`style` says how a match is read (`counts`: numbers beside words, `tally`: each match is one test, its first group the
verdict), `join` what several summaries in one output mean (`last` or `sum`). `matches` and `rejects` are its own examples,
and the tests execute them:

```toml
[patterns.quokka]
style = "counts"
join = "last"
regex = '(?m)^quokka: (\\d{{1,7}} passed), (\\d{{1,7}} failed)$'
lines = true
gates = ["quokka: "]
matches = [{{ text = "quokka: 12 passed, 3 failed", passed = 12, failed = 3 }}]
rejects = ["12 passed, 3 failed"]
```

**An error.** Add a table to `traces.toml` in the same way; the comment there lists its styles. **A word** (of hedging,
planning, certainty): add it to its list under `[words]` in `thoughts.toml`. Then, from a checkout:

```sh
python -m pytest -q tests/test_catalogue.py tests/test_patterns.py   # its examples hold, and no text makes it slow
featrouter features --markdown > features/README.md                  # this page
```

and extract and train again: a bundle is bound to the catalogue that it was trained with.

**A feature** is a number, and so takes a line of Python: a `[features.NAME]` table (unit, meaning, direction, phrase), and
the number of the same name at the same place in the family's `row()`.
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
