"""Defaults of options from outside: FEATROUTER_* variables, and [tool.featrouter] in pyproject.toml."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

#: Of these the general variable is somebody else's: LiteLLM's plugin follows FEATROUTER_POLICY, `train` would make it.
_OWN = {("train", "policy"), ("evaluate", "policy")}


def name_of(option: click.Option) -> str:
    """The name of an option as it is spelled, without the dashes in front: `max-rejects`."""
    return max((*option.opts, *option.secondary_opts), key=lambda told: (told in option.opts, len(told))).lstrip("-")


def options_of(command: click.Command) -> dict[str, click.Option]:
    """The options that may have a default from outside, by name."""
    found = [one for one in command.params if isinstance(one, click.Option) and one.name not in ("help", "version")]
    return {name_of(one): one for one in found}


def let_variables_in(verb: str, command: click.Command) -> None:
    """Each option reads FEATROUTER_VERB_OPTION, and where that is not set FEATROUTER_OPTION."""
    for name, option in options_of(command).items():
        general = () if (verb, name) in _OWN else (variable(name),)
        option.envvar = [variable(verb, name), *general]


def variable(*names: str) -> str:
    return "_".join(("FEATROUTER", *names)).upper().replace("-", "_")


def project(start: Path) -> tuple[Path, Mapping[str, Any]] | None:
    """The nearest pyproject.toml upwards that has [tool.featrouter], and that table. UsageError where it is no TOML."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        try:
            text = path.read_bytes()
        except OSError:
            continue
        try:
            table = tomllib.loads(text.decode()).get("tool", {}).get("featrouter")
        except (ValueError, AttributeError) as error:
            raise click.UsageError(f"{path}: cannot be read for [tool.featrouter]: {error}") from None
        if table is not None:
            if not isinstance(table, dict):
                raise click.UsageError(f"{path}: tool.featrouter is no table")
            return path, table
    return None


def map_of(path: Path, table: Mapping[str, Any], verbs: Mapping[str, click.Command]) -> dict[str, dict[str, Any]]:
    """Click's default_map: by verb and parameter, what the table says for all verbs and, before it, for this one.

    UsageError for a key that is no option, naming the file, the key and the nearest that is known.
    """
    by_verb = {verb: options_of(command) for verb, command in verbs.items()}
    general = {key: value for key, value in table.items() if not isinstance(value, dict)}
    every = {name for options in by_verb.values() for name in options}
    _check(path, "[tool.featrouter]", general, every)
    tables = [key for key, value in table.items() if isinstance(value, dict)]
    _check(path, "[tool.featrouter]", tables, set(verbs))
    found: dict[str, dict[str, Any]] = {}
    for verb, options in by_verb.items():
        own = table.get(verb, {})
        _check(path, f"[tool.featrouter.{verb}]", own, set(options))
        told = {spelled(key): value for key, value in (general | own).items()}
        found[verb] = {str(options[name].name): value for name, value in told.items() if name in options}
    return found


def spelled(key: str) -> str:
    return key.replace("_", "-")


def _check(path: Path, where: str, keys: Any, known: set[str]) -> None:
    for key in keys:
        if spelled(key) not in known:
            near = difflib.get_close_matches(spelled(key), sorted(known), n=1)
            mend = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
            raise click.UsageError(f"{path}, {where}: unknown key {key!r:.60}; {mend}")


def source_of(error: click.BadParameter, path: Path | None) -> str:
    """Where a bad value came from, if not from the command line: a variable or the file; else nothing."""
    ctx, param = error.ctx, error.param
    if ctx is None or param is None or param.name is None:
        return ""
    source = ctx.get_parameter_source(param.name)
    if source is ParameterSource.ENVIRONMENT:
        names = [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()
        return next((f"from the variable {name}" for name in names if os.environ.get(name)), "")
    return f"from [tool.featrouter] in {path}" if source is ParameterSource.DEFAULT_MAP and path else ""
