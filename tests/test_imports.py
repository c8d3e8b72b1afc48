"""What a process that only routes loads, held to an allow-list in a child process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# What Cython compiled registers Cython's runtime, too: numpy 1.26 does.
SEEN = """
seen = {name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(*sorted(name for name in seen if 'cython' not in name))
"""


@pytest.fixture
def loaded(child: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What some Python in a process of its own prints; `before` holds the modules that it starts with."""
    # Where coverage is measured, the child would start with all that measures it.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)

    def told(code: str, *arguments: object) -> list[str]:
        done = child("import sys\nbefore = set(sys.modules)\n" + code, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return told


def test_importing_featrouter_loads_numpy_and_the_standard_library(loaded: Callable[..., list[str]]) -> None:
    assert loaded("import featrouter\n" + SEEN) == ["featrouter numpy"]


def test_routing_a_text_run_loads_nothing_that_training_or_the_command_line_needs(
    loaded: Callable[..., list[str]], bundle_file: Path
) -> None:
    code = """
import featrouter
session = featrouter.Router.load(sys.argv[1], guard=False, harness='recorded-bash').session("fix it")
session.observe(featrouter.Turn("I look around first, then I read.", "", ""))
decision = session.decide()
assert decision.turn == 1 and not decision.fallback, decision
assert session.explain(2)
"""
    (seen,) = loaded(code + SEEN, bundle_file)
    assert set(seen.split()) == {"featrouter", "numpy"}


def test_the_first_decision_of_the_default_bundle_loads_nothing_more_than_it_needs(
    loaded: Callable[..., list[str]],
) -> None:
    # What numpy loads by itself, pathlib among it in some versions, is not ours to judge.
    code = """
import numpy
before = set(sys.modules)
import featrouter
decision = featrouter.Router.load(guard=False, harness='openhands').session("fix it").decide()
assert decision.turn == 0 and not decision.fallback, decision
print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))
"""
    (seen,) = loaded(code)
    needless = "tree_sitter re2 pandas sklearn lightgbm click joblib scipy logging pathlib tempfile subprocess"
    assert not {name for name in seen.split() if name.startswith(tuple(needless.split()))}
    assert not set(seen.split()) & {"lzma", "csv", "multiprocessing", "concurrent", "asyncio", "email", "zipfile"}
    assert "featrouter" in seen.split()


def test_routing_with_commands_adds_parsers_at_most(loaded: Callable[..., list[str]], bundle_file: Path) -> None:
    code = """
import featrouter
turns = [("look", "cat a.py", "x = 1"), ("run", "python -m pytest -q", "1 failed in 0.1s")]
session = featrouter.Router.load(sys.argv[1], guard=False, harness='recorded-bash').session("fix it")
for turn in turns:
    session.observe(featrouter.Turn(*turn))
assert not session.decide().fallback
"""
    (seen,) = loaded(code + SEEN, bundle_file)
    rest = {name for name in seen.split() if not name.lstrip("_").startswith(("tree_sitter", "re2"))}
    assert rest == {"featrouter", "numpy"}


def test_the_command_line_imports_its_work_inside_the_verb(loaded: Callable[..., list[str]]) -> None:
    (seen,) = loaded("import featrouter.cli\n" + SEEN)
    assert not {"lightgbm", "pandas", "sklearn", "scipy", "joblib"} & set(seen.split())
