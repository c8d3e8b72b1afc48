"""A real bash in a fresh repository, with an environment narrow enough that its output is the same everywhere."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

#: The only programs an agent finds. Anything else is "command not found" on every machine.
PROGRAMS = [
    "bash",
    "cat",
    "cp",
    "diff",
    "echo",
    "env",
    "find",
    "git",
    "grep",
    "head",
    "ls",
    "mkdir",
    "mv",
    "nl",
    "rm",
    "sed",
    "sleep",
    "sort",
    "tail",
    "timeout",
    "true",
    "wc",
]
#: Characters of an answer that the agent gets to see: first and last, as harnesses cut.
FIRST, LAST = 4000, 2000
#: Seconds before a command is killed; only the endless loop of one seeded bug ever gets there.
LIMIT = 4

#: The interpreter's own lines move from one patch release to the next.
_LIBRARY = re.compile(r"""(<frozen [\w.]+>:|File "/usr/lib/python3/[^"\n]+", line )(\d+)""")
_SECONDS = re.compile(r"\bin \d+\.\d+s( \(\d:\d\d:\d\d\))?")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{8,16}\b")
_PLATFORM = re.compile(r"^(platform \w+) -- .*$", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """What a tool said. `exit_code` is None where no process ran, `is_error` None where the exit code tells."""

    text: str
    exit_code: int | None = None
    is_error: bool | None = None

    @property
    def failed(self) -> bool:
        return bool(self.is_error) or self.exit_code not in (0, None)


def _python_paths() -> dict[str, str]:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    paths = {}
    for prefix in (sys.prefix, sys.base_prefix):
        paths[f"{prefix}/lib/{version}"] = "/usr/lib/python3"
    return paths


def _programs(text: str) -> str:
    for prefix in (sys.prefix, sys.base_prefix):
        text = re.sub(re.escape(f"{prefix}/bin/python") + r"(?:\d(?:\.\d{1,2})?)?", "/usr/bin/python3", text)
    return text


class Sandbox:
    """A repository at `root`, which the agent knows as /repo.

    `patience`: how many times as long as it says a limit really is. On a slow machine, what ends must end.
    """

    def __init__(self, patience: int = 1) -> None:
        self._patience = patience
        self._folder = tempfile.TemporaryDirectory()
        base = Path(self._folder.name).resolve()
        self.root, self._home, self._bin = base / "repo", base / "user", base / "bin"
        for folder in (self.root, self._home, self._bin):
            folder.mkdir()
        for name in PROGRAMS:
            found = shutil.which(name)
            if found is None:
                raise RuntimeError(f"the recorder needs the program {name!r}")
            (self._bin / name).symlink_to(found)
        # A script and not a link: through a link Python would not find its virtual environment.
        self._script("python", f'exec "{sys.executable}" "$@"')
        if patience != 1:
            (self._bin / "timeout").unlink()
            self._script("timeout", f'exec "{shutil.which("timeout")}" $(({patience} * $1)) "${{@:2}}"')
        # Longest first: a path that holds another one must be replaced before it.
        paths = {str(self.root): "/repo", str(self._bin): "/usr/bin", **_python_paths()}
        self._scrubbed = sorted(paths.items(), key=lambda pair: -len(pair[0]))

    def _script(self, name: str, line: str) -> None:
        path = self._bin / name
        path.write_text(f"#!{shutil.which('bash')}\n{line}\n", encoding="utf-8")
        path.chmod(0o755)

    def close(self) -> None:
        self._folder.cleanup()

    def _environment(self) -> dict[str, str]:
        stamp = "2024-01-01T00:00:00+0000"
        return {
            "PATH": str(self._bin),
            "HOME": str(self._home),
            "LC_ALL": "C",
            "TERM": "dumb",
            "COLUMNS": "80",
            "TZ": "UTC",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "-p no:cacheprovider",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_PAGER": "cat",
            "GIT_AUTHOR_NAME": "Sam Example",
            "GIT_AUTHOR_EMAIL": "sam@example.org",
            "GIT_AUTHOR_DATE": stamp,
            "GIT_COMMITTER_NAME": "Sam Example",
            "GIT_COMMITTER_EMAIL": "sam@example.org",
            "GIT_COMMITTER_DATE": stamp,
        }

    def bash(self, command: str) -> Answer:
        """Runs one command line in the repository; stdout and stderr together, as a terminal shows them."""
        process = subprocess.Popen(
            ["bash", "--norc", "-c", command.replace("/repo", str(self.root))],
            cwd=self.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=LIMIT * self._patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Answer(f"The command was killed: it did not end within {LIMIT} seconds.", 124)
        text = self.scrub(output.decode("utf-8", "replace"))
        if re.match(r"(cd /repo && )?(grep -r|find|ls -R)", command):
            text = _sorted(text)
        return Answer(_cut(text.rstrip("\n")), process.returncode)

    def scrub(self, text: str) -> str:
        """Takes out what differs between two machines or two moments, and nothing else."""
        for path, name in self._scrubbed:
            text = text.replace(path, name)
        text = _LIBRARY.sub(lambda line: line[1] + "1" + "0" * (len(line[2]) - 1), _programs(text))
        text = _SECONDS.sub("in 0.02s", text)
        text = _ADDRESS.sub("0x7f2a4c1d9e50", text)
        return _PLATFORM.sub(rf"\1 -- Python {sys.version_info.major}.{sys.version_info.minor}", text)


def _cut(text: str) -> str:
    if len(text) <= FIRST + LAST:
        return text
    left_out = len(text) - FIRST - LAST
    return f"{text[:FIRST]}\n[... {left_out} characters left out ...]\n{text[-LAST:]}"


def _sorted(text: str) -> str:
    """grep -r and find follow the order of the folder on disk; sorted by file, the lines of one file as they are."""
    return "\n".join(sorted(text.splitlines(), key=lambda line: line.split(":")[0]))
