"""Every code block of every README is executed: here, or by what stands beside it in ELSEWHERE."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from featrouter import Bundle
from featrouter.logs import Logs
from featrouter.training.bundling import train
from featrouter.training.learn import Settings
from featrouter.training.table import join_strong, table_of

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "data" / "recorded"
PAGES = sorted(
    path.relative_to(ROOT)
    for path in ROOT.rglob("README.md")
    if not any(p.startswith(".") for p in path.relative_to(ROOT).parts)
)

HOSTS = "featrouter/integrations/README.md"
#: Blocks that something else executes: (page, what the block begins with) -> the file, and a word that it must hold.
ELSEWHERE = {
    ("README.md", "python3 -m venv .venv && .venv/bin/pip install -q -e . &&"): (
        "tests/test_demo.py",
        "main(['demo'])",
    ),
    ("README.md", "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]'"): (".ci/run", "^python3 -m venv"),
    ("data/README.md", "python -m tests.public_logs ../shared/data"): ("tests/test_default.py", 'documented("train")'),
    ("featrouter/cli/README.md", "[tool.featrouter]"): ("tests/test_cli_help.py", "```toml"),
    (HOSTS, "model_list:\n  - {model_name: agent, litellm_params"): (
        "tests/hosts/test_host_litellm.py",
        "litellm",
    ),
    (HOSTS, "pip install 'featrouter[litellm]'"): (".ci/hosts", "litellm"),
    (HOSTS, "# featrouter_hook.py"): (
        "tests/hosts/test_host_litellm.py",
        "litellm-hook-file",
    ),
    (HOSTS, "FEATROUTER_WEAK=agent"): (
        "tests/hosts/test_host_litellm.py",
        "FEATROUTER_WEAK",
    ),
    (HOSTS, "from litellm import Router"): (
        "tests/hosts/test_host_litellm.py",
        "litellm-sdk",
    ),
    (HOSTS, "ANTHROPIC_BASE_URL="): ("README.md", "tried by hand"),
    (HOSTS, "featrouter adapt default log"): ("tests/hosts/test_flywheel.py", "adapt"),
    (HOSTS, "model:\n  model_name: featrouter"): (
        "tests/hosts/test_host_mini.py",
        "EscalatingModel",
    ),
    (HOSTS, "from langchain.agents"): (
        "tests/hosts/test_host_langchain.py",
        'run("LangChain"',
    ),
    (HOSTS, "from pydantic_ai"): (
        "tests/hosts/test_host_pydantic_ai.py",
        'run("pydantic-ai"',
    ),
    (HOSTS, "from agents"): (
        "tests/hosts/test_host_openai_agents.py",
        'run("OpenAI Agents SDK"',
    ),
    (HOSTS, "from smolagents"): (
        "tests/hosts/test_host_smolagents.py",
        'run("smolagents"',
    ),
    (HOSTS, "from openhands"): ("tests/hosts/test_host_openhands.py", 'readme.run("OpenHands SDK"'),
}
#: Commands that take long, run with the campaigns.
SLOW = (
    *(f"featrouter {verb} " for verb in ("evaluate", "report", "bench", "train", "study", "adapt", "drift")),
    "python -m pytest",
)
#: Blocks that are read, not run: what a command prints.
OUTPUT = ("text",)


class Block(NamedTuple):
    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            found.append(Block(page.as_posix(), text.count("\n", 0, match.start()) + 1, match[1], match[2]))
    return found


def elsewhere(block: Block) -> tuple[str, str] | None:
    return next(
        (told for (page, start), told in ELSEWHERE.items() if block.page == page and block.code.startswith(start)), None
    )


HERE = [block for block in blocks() if block.language not in OUTPUT and elsewhere(block) is None]
COMMANDS = [
    (block, line.split("#")[0].strip())
    for block in HERE
    if block.language == "sh"
    for line in block.code.replace("\\\n", " ").splitlines()
    if line.split("#")[0].strip()
]


def test_every_block_is_of_a_language_that_something_executes() -> None:
    assert {block.language for block in HERE} == {"sh", "python", "toml", "csv"}
    assert len(blocks()) - len(HERE) > len(ELSEWHERE) and len(PAGES) >= 6


@pytest.mark.parametrize("key", ELSEWHERE, ids=lambda key: f"{key[0]}: {key[1][:40]!r}")
def test_what_is_executed_elsewhere_is(key: tuple[str, str]) -> None:
    assert any(block.page == key[0] and block.code.startswith(key[1]) for block in blocks()), "no such block any more"
    file, word = ELSEWHERE[key]
    assert word in (ROOT / file).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the logs, the run and the bundle that the pages speak of; models and harness are named as they are there."""
    folder = tmp_path_factory.mktemp("readme")
    runs, turns = (
        pd.read_csv(RECORDED / f"{form}.csv", dtype=str, keep_default_na=False) for form in ("runs", "turns")
    )
    runs["harness"] = "mini-swe-agent"
    for prefix, kept in (("", runs), ("new-", runs[::2])):
        kept.to_csv(folder / f"{prefix}runs.csv", index=False)
        turns[turns["run_id"].isin(kept["run_id"])].to_csv(folder / f"{prefix}turns.csv", index=False)
    outcomes = (RECORDED / "outcomes.csv").read_text(encoding="utf-8").replace("scripted-strong", "gpt-4")
    (folder / "outcomes.csv").write_text(outcomes, encoding="utf-8")
    shutil.copy(ROOT / "tests/importers/samples/mini-swe-agent/toolcall.traj.json", folder / "run.traj.json")
    (folder / "log").mkdir()
    for name in ("turns.csv", "runs.csv", "outcomes.csv"):
        shutil.copy(folder / name, folder / "log")
    logs = Logs([folder / f"{form}.csv" for form in ("turns", "runs", "outcomes")])
    table = join_strong(table_of(logs), logs, "gpt-4")
    train(table, strong="gpt-4", settings=Settings(head="lightgbm", panel=False)).save(folder / "my.featrouter")
    return folder


def done(command: str, folder: Path) -> None:
    """Run a line as somebody would type it, who has no terminal open but has this Python first on the path."""
    bin_ = folder / ".bin"
    bin_.mkdir(exist_ok=True)
    for name, told in (("featrouter", "-m featrouter"), ("python", "")):
        (bin_ / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {told} "$@"\n', encoding="utf-8")
        (bin_ / name).chmod(0o755)
    environment = unmeasured() | {
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    shell = ["bash", "-e", "-o", "pipefail", "-c", command]
    told = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, f"{command}\n{told.stdout[-2000:]}{told.stderr[-2000:]}"


def unmeasured() -> dict[str, str]:
    """The environment, but for what measures coverage: it would count a copy of the package as another one."""
    return {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"}


def cases() -> Iterator[Any]:
    for block, command in COMMANDS:
        marks = [pytest.mark.campaign] if command.startswith(SLOW) else []
        yield pytest.param(block, command, id=f"{block} {command[:60]}", marks=marks)


@pytest.mark.parametrize(("block", "command"), list(cases()))
def test_a_command_of_a_page_runs(block: Block, command: str, workspace: Path, tmp_path: Path) -> None:
    if block.page == "features/README.md":  # these speak of a checkout
        shutil.copytree(ROOT, tmp_path / "checkout", ignore=shutil.ignore_patterns(".*", "*.xz", "__pycache__"))
        done(command, tmp_path / "checkout")
    else:
        done(command, workspace)


@pytest.mark.parametrize("block", [block for block in HERE if block.language == "csv"], ids=str)
def test_a_log_of_a_page_is_read_without_a_word_of_blame(block: Block, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(block.code, encoding="utf-8")
    read = Logs([tmp_path / "log.csv"])
    rows = len(list(csv.reader(io.StringIO(block.code)))) - 1
    assert rows and read.rejected == 0 and f"{rows} rows read" in " ".join(map(str, read.summary()))


def test_the_logs_of_the_page_belong_together(tmp_path: Path) -> None:
    for number, block in enumerate(block for block in HERE if block.language == "csv"):
        (tmp_path / f"{number}.csv").write_text(block.code, encoding="utf-8")
    logs = Logs(sorted(tmp_path.glob("*.csv")))
    table = join_strong(table_of(logs), logs, "gpt-4")
    assert (
        table.meta["run_id"].nunique() == 2
        and table.meta["y_strong"].eq(1).all()
        and table.meta["y_weak"].nunique() == 2
    )


class Agent:
    """The agent of the README's loop: a recorded run that goes on, whoever is its model."""

    def __init__(self, bundle: Path) -> None:
        run, trajectory = next(iter(Logs([RECORDED]).trajectories()))
        self.task, self.model, self.turns = run.task, "weak", trajectory.turns

    def __iter__(self) -> Iterator[Any]:
        for turn in self.turns:
            yield type(
                "Step",
                (),
                {"thought": turn.thought, "command": turn.action, "output": turn.observation, "usd": turn.cost},
            )


@pytest.mark.parametrize("page", sorted({block.page for block in HERE if block.language == "python"}))
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: str, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shutil.copytree(workspace, tmp_path / "w"))
    if page == "data/README.md":  # it begins a log of its own
        for form in ("turns", "runs"):
            (tmp_path / "w" / f"{form}.csv").unlink()
    agent = Agent(workspace)
    messages = [{"role": "user", "content": agent.task}, {"role": "assistant", "content": "I look."}]
    names: dict[str, Any] = {"agent": agent, "issue_text": agent.task, "strong": "strong", "messages": messages}
    for block in HERE:
        if block.page == page and block.language == "python":
            exec(compile(block.code, str(block), "exec"), names)
    if page == "README.md":
        assert names["decision"].turn > 0
        assert agent.model == ("strong" if names["decision"].escalate else "weak")
        assert ("log-odds" in capsys.readouterr().out) is False
    if page == "data/README.md":
        read = Logs([tmp_path / "w" / "turns.csv", tmp_path / "w" / "runs.csv"])
        assert read.rejected == 0 and list(read.runs) == ["r3"]
    if page == "models/README.md":
        assert (tmp_path / "w" / "evaluation.png").stat().st_size > 10_000
        assert isinstance(names["bundle"], Bundle)


@pytest.fixture
def taught(tmp_path: Path) -> Callable[[str, str], str]:
    """Runs some Python beside a catalogue whose file has a block more."""

    def run(block: str, code: str) -> str:
        for name in ("featrouter", "features", "models"):
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        with open(tmp_path / "features" / "runners.toml", encoding="utf-8") as file:
            head, words = file.read().split("\n[words]\n")
        (tmp_path / "features" / "runners.toml").write_text(f"{head}\n{block}\n[words]\n{words}", encoding="utf-8")
        environment = unmeasured() | {"PYTHONPATH": str(tmp_path)}
        told = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr
        return told.stdout

    return run


def test_a_runner_is_taught_without_python(taught: Callable[[str, str], str]) -> None:
    (block,) = [block for block in HERE if block.language == "toml"]
    ((name, table),) = tomllib.loads(block.code)["patterns"].items()
    code = f"""
from featrouter.catalogue import lexicon
from featrouter.extractor import Extractor
from featrouter.observations.test_results import result_by
from featrouter import Turn
pattern = lexicon("runners")[{name!r}]
for example in {table["matches"]!r}:
    found = result_by(pattern, example.pop("text"))
    assert example and all(getattr(found, key) == value for key, value in example.items()), found
assert not any(pattern.search(text) for text in {table["rejects"]!r})
extractor = Extractor("fix it")
extractor.observe(Turn("", "quokka run", "quokka: 4 passed, 2 failed", "bash", 1))
facts = extractor.facts()
print(facts["testruns_passed_last"], facts["testruns_failed_last"])
"""
    assert taught(block.code, code).split() == ["4.0", "2.0"]
