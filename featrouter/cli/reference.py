"""`python -m featrouter.cli.reference > featrouter/cli/README.md`: every verb's help as one page."""

from __future__ import annotations

from typing import Any

import click

from featrouter.cli import EXIT_CODES, main

_WIDE = 110
_HEAD = """\
<!-- Generated: python -m featrouter.cli.reference > featrouter/cli/README.md -->
# Command line

Results go to stdout, everything else (progress, notes, errors) to stderr. `--json` prints one JSON document. Tables are coloured
on a terminal alone; `NO_COLOR=1` forbids it, `FORCE_COLOR=1` asks for it. Errors name file, row and field, and how to mend it.

| exit code | means |
|---|---|
{codes}

## Defaults of your own

What is not on the command line comes from the first of these that has it:

1. the variable `FEATROUTER_VERB_OPTION`, such as `FEATROUTER_TRAIN_VALUE=5`
2. the variable `FEATROUTER_OPTION`, such as `FEATROUTER_STRONG=gpt-4`, for every verb that has the option (but
   `FEATROUTER_BUNDLE`, `_HARNESS` and `_POLICY`, which LiteLLM's plugin follows, for `decide`, `explain`, `view`, `watch` alone)
3. the table `[tool.featrouter.VERB]` in the nearest `pyproject.toml` upwards that has a table `[tool.featrouter]`
4. `[tool.featrouter]` itself, for every verb that has the option

```toml
[tool.featrouter]
strong = "gpt-4"
value = 5
jobs = 2

[tool.featrouter.train]
policy = "anytime"
without = ["prompt"]
```

Keys are options as they are spelled, with dashes or underscores; values have the option's type, one or a list of an option that
may be repeated; a variable holds several parted by blanks. A key that no verb knows, or a value of another type, is an error
that names the file and the key. `--help` shows the defaults of the file, and not those of variables.

## Completion

`featrouter completion bash`, `zsh` or `fish` prints a script for your shell, and says where to put it.

## Verbs
"""


def page() -> str:
    """The page in Markdown, whatever the terminal, the environment and the folder it is made in."""
    codes = "\n".join(f"| {code} | {means} |" for code, means in EXIT_CODES.items())
    parts = [_HEAD.format(codes=codes)]
    wide: dict[str, Any] = {"max_content_width": _WIDE, "terminal_width": _WIDE}
    root = click.Context(main, info_name="featrouter", **{**main.context_settings, **wide})
    for verb, command in sorted(main.commands.items()):
        ctx = click.Context(command, root, verb)
        parts.append(f"\n### {verb}\n\n```text\n{command.get_help(ctx)}\n```\n")
    return "".join(parts)


if __name__ == "__main__":
    click.echo(page(), nl=False)
