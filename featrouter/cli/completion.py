"""Shell completion: the script that a shell asks featrouter with, and what it is answered about bundles."""

from __future__ import annotations

import glob

import click
from click.shell_completion import CompletionItem, get_completion_class

from featrouter.cli.painting import echo

#: Where each shell looks for it.
_HOMES = {
    "bash": "~/.local/share/bash-completion/completions/featrouter",
    "zsh": "~/.zfunc/_featrouter  (with fpath+=~/.zfunc before compinit in ~/.zshrc)",
    "fish": "~/.config/fish/completions/featrouter.fish",
}


class BundleName(click.Path):
    """A bundle's file, or `default`."""

    name = "bundle"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        words = [CompletionItem("default", help="the shipped bundle")] if "default".startswith(incomplete) else []
        words += [CompletionItem(path) for path in sorted(glob.glob(f"{glob.escape(incomplete)}*.featrouter"))]
        return words or [CompletionItem(incomplete, type="file")]


@click.command()
@click.argument("shell", type=click.Choice(list(_HOMES)))
def completion(shell: str) -> None:
    """Print the script that lets your shell complete verbs, options, bundles and files.

    \b
    Examples:
      featrouter completion bash > ~/.local/share/bash-completion/completions/featrouter
      featrouter completion zsh > ~/.zfunc/_featrouter
      featrouter completion fish > ~/.config/fish/completions/featrouter.fish
    """
    from featrouter.cli import main

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(kind(main, {}, "featrouter", "_FEATROUTER_COMPLETE").source())
    echo(f"put it where {shell} looks for it: {_HOMES[shell]}", "faint", err=True)
