"""Shell completion: the script that a shell asks featrouter with, and what it is answered about bundles."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable

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


def offering(
    known: Callable[[click.Context], Iterable[str]],
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Click's `shell_complete` of an option: those of the known words that begin as it was typed."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in sorted(known(ctx)) if word.startswith(incomplete)]

    return complete


def families(ctx: click.Context) -> Iterable[str]:
    from featrouter.catalogue import FAMILIES

    return FAMILIES


def formats(ctx: click.Context) -> Iterable[str]:
    from featrouter.importers import FORMATS

    return [known.name for known in FORMATS]


def policies(ctx: click.Context) -> Iterable[str]:
    """Those of the bundle that was typed before, or of the default one."""
    return _in_bundle(ctx, "policies")


def references(ctx: click.Context) -> Iterable[str]:
    """The harnesses that the bundle knows."""
    return _in_bundle(ctx, "references")


def _in_bundle(ctx: click.Context, field: str) -> Iterable[str]:
    from featrouter.bundle import BundleError
    from featrouter.cli.harnesses import bundle_of

    # An option that still lacks its value stops click from telling arguments apart: BUNDLE comes first.
    first = [*ctx.args, "default"] if isinstance(ctx.command.params[0].type, BundleName) else ["default"]
    try:
        found: Iterable[str] = getattr(bundle_of(ctx.params.get("bundle") or first[0]), field)
    except (BundleError, OSError, ValueError):  # a shell that asks is told nothing
        return ()
    return found


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
