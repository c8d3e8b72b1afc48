"""features/README.md, generated: every feature, and how to teach featrouter a new one."""

from __future__ import annotations

from featrouter.catalogue import FAMILIES, VOCABULARIES, feature_set, lexicon

_HEAD = """<!-- Generated: featrouter features --markdown > features/README.md -->
# What featrouter recognises

A router is only as believable as the numbers it reads. So each of these {count} features is a number that an engineer
would look at, too, in a natural unit and within bounds; {free} of them have no sign that common sense could give.

A family is one file here (`NAME.toml`: words) and one module (`featrouter/families/NAME.py`: arithmetic). `runners.toml`,
`errors.toml` and `speech.toml` hold no features: they say how the output of test runners is read, what an error looks like,
and what an agent's words mean.

- **Sign**: what more of it means for solving the task, `+` or `-`. `free`: common sense does not tell.
- **Weight**: what a unit of it is worth before anything is learned, in log-odds of solving the task. Training does not use
  it yet, nor the sign: what a bundle learned may point the other way, and `featrouter explain` shows what it learned.
- **0 or unknown (NaN)** means that nothing of the kind was seen. A value beyond its range counts as the bound.
- Counts without a bound (tests passed, lines added, errors in a row, …) are **facts**: `Extractor.facts()`.

## Teach it something, without Python

**A test runner.** Add a table to `runners.toml`; the comment at its head explains the keys. `matches` and `rejects` are
examples that the tests execute:

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

**An error.** Add a table to `errors.toml`; the comment there lists its styles. **A word** of hedging, certainty or
failure: add it to its list under `[words]` in `thoughts.toml`. Then, from a checkout:

```sh
python -m pytest -q tests/test_catalogue.py tests/test_patterns.py   # the examples hold, and no text makes a pattern slow
featrouter features --markdown > features/README.md                  # this page
```

Then extract and train again: a bundle is bound to the catalogue that it was trained with.

**A feature** takes a line of Python: add a `[features.NAME]` table (unit, range, sign, weight, meaning, phrase), and
write the number into the row in the family's `observe()`.
"""


def page() -> str:
    """The page in Markdown, a newline at its end."""
    lines = [_HEAD.format(count=len(feature_set()), free=sum(f.sign == "free" for f in feature_set()))]
    for family in FAMILIES:
        lex = lexicon(family)
        lines.append(
            f"\n## {family}\n\n{lex.summary}\n\n| feature | unit | range | sign | weight | meaning |\n|---|---|---|---|---|---|\n"
        )
        lines += [
            f"| `{f.name}` | {f.unit} | {f.low:g} to {f.high:g} | {f.sign} | {f.weight or ''} | {f.meaning} |\n"
            for f in lex.features
        ]
        if lex.patterns:
            lines.append(f"\nReads: {', '.join(f'`{name}`' for name in lex.patterns)}.\n")
    for name in VOCABULARIES:
        lex = lexicon(name)
        lines.append(f"\n## {name}\n\n{lex.summary}\n\nReads: {', '.join(f'`{one}`' for one in lex.patterns)}.\n")
    return "".join(lines)
