"""Defaults of options from outside: FEATROUTER_* variables, and [tool.featrouter] in pyproject.toml."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

#: LiteLLM's plugin follows these general variables. They mean the same to verbs that ask a router, and to no other: `train`
#: makes a policy, `evaluate --bundle` does not cross-validate, --harness of most verbs leaves runs out.
_PLUGIN = {"bundle", "harness", "policy"}
_ASKING = {"decide", "explain", "view", "watch"}


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
        general = () if name in _PLUGIN and verb not in _ASKING else (variable(name),)
        option.envvar = [variable(verb, name), *general]


def variable(*names: str) -> str:
    return "_".join(("FEATROUTER", *names)).upper().replace("-", "_")


def project() -> tuple[Path, Mapping[str, Any]] | None:
    """The nearest pyproject.toml upwards that has [tool.featrouter], and that table. UsageError where it is no TOML."""
    try:
        start = Path.cwd()
    except FileNotFoundError:  # somebody has removed the folder: it has no file, either
        return None
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        try:
            text = path.read_bytes()
        except OSError:
            continue
        try:
            tool = tomllib.loads(text.decode()).get("tool")
        except (ValueError, RecursionError) as error:
            raise click.UsageError(f"{path}: cannot be read for {_EVERY}: {error}") from None
        table = tool.get("featrouter") if isinstance(tool, dict) else None
        if table is not None:
            if not isinstance(table, dict):
                raise click.UsageError(f"{path}: tool.featrouter = {table!r:.60} is no table; want {_EVERY}")
            return path, table
    return None


def map_of(
    path: Path, table: Mapping[str, Any], verb: str, verbs: Mapping[str, click.Command]
) -> dict[str, dict[str, Any]]:
    """Click's default_map for a verb: by parameter, what its own table says, else what the table for all verbs does.

    UsageError for a key that no verb knows, or a value of another type, naming the file, the key and what is wanted.
    """
    by_verb = {name: options_of(command) for name, command in verbs.items()}
    general = {key: value for key, value in table.items() if not isinstance(value, dict)}
    _check(path, _EVERY, general, {name for options in by_verb.values() for name in options})
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    _check(path, _EVERY, tables, set(verbs))
    for name, own in tables.items():
        _check(path, _own(name), own, set(by_verb[name]))
    found: dict[str, Any] = {}
    for where, told in ((_EVERY, general), (_own(verb), tables.get(verb, {}))):
        for key, value in told.items():
            if option := by_verb[verb].get(_spelled(key)):
                found[str(option.name)] = _fitting(option, value, f"{path}, {where}: {key}")
    return {verb: found}


def _fitting(option: click.Option, value: Any, where: str) -> Any:
    """The value as click wants it: of an option that may be repeated, one value is a list of one."""
    kind, types = _wanted(option)
    values = value if option.multiple and isinstance(value, list) else [value]
    for one in values:
        parts = one if option.nargs > 1 else [one]
        if not isinstance(parts, list) or len(parts) != option.nargs or not {type(part) for part in parts} <= types:
            each = kind if option.nargs == 1 else f"a list of {option.nargs}, each {kind}"
            raise click.UsageError(
                f"{where} = {value!r:.60}: want {each}{', or a list of such' if option.multiple else ''}"
            )
    return values if option.multiple else value


def _wanted(option: click.Option) -> tuple[str, set[type]]:
    if option.is_flag:
        return "true or false", {bool}
    if isinstance(option.type, type(click.INT)):
        return "a whole number", {int}
    if isinstance(option.type, type(click.FLOAT)):
        return "a number", {int, float}
    return "text in quotes", {str}


_EVERY = "[tool.featrouter]"


def _own(verb: str) -> str:
    return f"[tool.featrouter.{verb}]"


def _spelled(key: str) -> str:
    return key.replace("_", "-")


def _check(path: Path, where: str, keys: Iterable[str], known: set[str]) -> None:
    for key in keys:
        if _spelled(key) not in known:
            near = difflib.get_close_matches(_spelled(key), sorted(known), n=1)
            mend = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
            raise click.UsageError(f"{path}, {where}: unknown key {key!r:.60}; {mend}")


def source_of(error: click.BadParameter) -> str:
    """Where a bad value came from, if not from the command line: a variable, or a key of the file; else nothing."""
    ctx, param = error.ctx, error.param
    if ctx is None or not isinstance(param, click.Option) or param.name is None:
        return ""
    source = ctx.get_parameter_source(param.name)
    if source is ParameterSource.ENVIRONMENT:
        names = [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()
        return next((f"from the variable {name}" for name in names if os.environ.get(name)), "")
    if source is ParameterSource.DEFAULT_MAP and (found := project()):
        path, table = found
        verb = str(ctx.info_name)
        own = name_of(param) in map(_spelled, table.get(verb, {}))
        return f"from {name_of(param)} in {_own(verb) if own else _EVERY}, {path}"
    return ""
