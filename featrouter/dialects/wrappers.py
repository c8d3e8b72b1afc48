"""What stands before the program that matters: sudo and timeout, containers, package runners, other shells."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from featrouter.dialects.tasks import TESTERS, is_test_task
from featrouter.lazy_pattern import lazy_pattern

DEEPEST = 8
ASSIGNMENT = lazy_pattern(r"[A-Za-z_]\w*=")
PYTHON = lazy_pattern(r"(?:python|pypy|ipython)[\d.]*w?")
WINDOWS_ENDS = (".exe", ".cmd", ".bat", ".com")


class Wrapper(NamedTuple):
    """A program that starts another: options that take a value, operands of its own, options that open the command."""

    valued: frozenset[str] = frozenset()
    operands: int = 0
    opens: frozenset[str] = frozenset()


def _wrapper(text: str) -> Wrapper:
    """`-u -g 1 :-c`: options with values, the number of operands, and behind `:` what opens the command."""
    words = text.split()
    numbers = [int(word) for word in words if word.isdigit()]
    opens = frozenset(word[1:] for word in words if word.startswith(":"))
    valued = frozenset(word for word in words if word.startswith("-"))
    return Wrapper(valued, numbers[0] if numbers else 0, opens)


_RUN = "-e --env -v --volume -p --publish -u --user -w --workdir --name --network --net --entrypoint --env-file -l --label "
_RUN += "--mount -m --memory --cpus --shm-size --gpus --platform --add-host --pull -h --hostname --restart --ulimit --tmpfs "
_RUN += (
    "--cap-add --cap-drop --device --security-opt --log-driver --ip --dns --volumes-from --link --expose --ipc --pid 1"
)
_EXEC = "-e --env -u --user -w --workdir --env-file --index --detach-keys -c --container -n --namespace 1"
_COMPOSE = {"exec": _EXEC, "run": _RUN}
_CONTAINER = {"exec": _EXEC, "run": _RUN, "compose": "=docker-compose", "container": "=docker"}
_PYTHON = (
    "-n --name -p --prefix --with --with-editable --with-requirements --python --source --rcfile --env-file --extra "
)
_PYTHON += "--group --from --spec --directory --project --package --only-group --index --pip-args -e --environment -G"
_NODE = "-p --package -w --workspace --prefix -C --dir --filter -F --cwd"
_UP = "--"

#: Programs that are looked through, with those of their options that take a value and how many operands they have.
PLAIN = {
    "sudo": "-u -g -h -p -C -D -R -T --user --group --chdir", "doas": "-u -C", "gosu": "1", "su-exec": "1",
    "timeout": "-k -s --signal --kill-after 1", "gtimeout": "-k -s --signal --kill-after 1",
    "env": "-u -C -S --unset --chdir", "command": "", "exec": "-a", "builtin": "", "nohup": "", "time": "-f -o",
    "nice": "-n", "ionice": "-c -n -p", "chrt": "1", "taskset": "-c -p", "numactl": "", "stdbuf": "-i -o -e", "setsid": "",
    "unbuffer": "", "setarch": "1", "arch": "", "caffeinate": "-t -w", "chronic": "", "flock": "-w -E 1", "chroot": "1",
    "xargs": "-I -n -P -L -d -a -E -s --max-args --max-procs --delimiter --replace",
    "parallel": "-j --jobs --timeout --joblog -n", "xvfb-run": "-s -n -e", "dbus-run-session": "--config-file",
    "strace": "-e -o -p", "ltrace": "-e -o", "valgrind": "", "winpty": "", "wine": "", "entr": "", "fakeroot": "",
    "faketime": "1", "firejail": "", "systemd-run": "-p -u --property --unit -t", "torsocks": "", "proxychains": "",
    "dumb-init": "", "tini": "", "catchsegv": "", "cross-env": "", "cross-env-shell": "", "dotenvx": "-f", "sshpass": "-p -f",
    "env-cmd": "-f -e", "nyc": "--reporter -r --report-dir --temp-dir", "c8": "--reporter -r --reports-dir -o",
    "npx": _NODE, "bunx": _NODE, "pnpx": _NODE, "uvx": _PYTHON, "dotenv": "-e -f -c -v", "kernprof": "-o",
    "wsl": "-d -u --cd --distribution --user", "spring": "", "appraisal": "1", "watchexec": "-e -w -i -f -d --exts --watch",
    "call": "", "start": "", "flatpak-spawn": "--env --directory", "runuser": "-u -g -G -l", "ddtrace-run": "",
    "newrelic-admin": "1",
    "opentelemetry-instrument": "", "xcrun": "--sdk --toolchain", "proot": "-r -b -w", "bwrap": "", "chpst": "-u",
}  # fmt: skip
#: Programs one of whose verbs starts another; `=NAME` stands for a program of that name.
VERBS: dict[str, dict[str, str]] = {
    "docker": _CONTAINER, "podman": _CONTAINER, "nerdctl": _CONTAINER, "docker-compose": _COMPOSE,
    "podman-compose": _COMPOSE, "kubectl": {"exec": _EXEC, "run": "--image 1"}, "oc": {"exec": _EXEC, "rsh": _EXEC},
    "k3s": {"kubectl": "=kubectl"}, "minikube": {"kubectl": "=kubectl", "ssh": ""}, "lxc": {"exec": "1"},
    "incus": {"exec": "1"}, "multipass": {"exec": "1"}, "limactl": {"shell": "1"}, "colima": {"ssh": ""},
    "apptainer": {"exec": "--bind -B --env 1"}, "singularity": {"exec": "--bind -B --env 1"},
    "toolbox": {"run": "-c --container -r -d"}, "distrobox": {"enter": "-n --name 1 :-e"}, "flatpak": {"run": "--env 1"},
    "devcontainer": {"exec": "--workspace-folder --container-id --config --remote-env --id-label"},
    "devbox": {"run": "-c --config"}, "devenv": {"shell": ""}, "ddev": {"exec": "-s -d"}, "heroku": {"run": "-a --app"},
    "lando": {"ssh": "-s -u :-c"}, "dapr": {"run": "--app-id"}, "direnv": {"exec": "1"}, "dotenvx": {"run": "-f"},
    "dotenv": {"run": "-f -e"}, "doppler": {"run": "-p -c"}, "op": {"run": "--env-file"}, "infisical": {"run": "--env"},
    "aws-vault": {"exec": "1"}, "chamber": {"exec": "1"}, "teller": {"run": ""}, "sops": {"exec-env": "1"},
    "nix": {"develop": "1 :-c :--command", "shell": "1 :-c :--command", "run": "1"}, "guix": {"shell": ""},
    "mise": {"exec": "", "x": ""}, "rtx": {"exec": "", "x": ""}, "asdf": {"exec": ""}, "rbenv": {"exec": ""},
    "pyenv": {"exec": ""}, "nodenv": {"exec": ""}, "rvm": {"do": ""}, "opam": {"exec": "--switch"}, "bundle": {"exec": ""},
    "fvm": {"flutter": "=flutter", "dart": "=dart", "exec": ""}, "volta": {"run": "--node --npm"}, "nvm": {"exec": "1"},
    "fnm": {"exec": "--using"}, "corepack": dict.fromkeys(("npm", "yarn", "pnpm"), ""), "symfony": {"php": "=php"},
    "sail": {"artisan": "=artisan", "npm": "=npm", "php": "=php", "composer": "=composer", "yarn": "=yarn"},
    "poetry": {"run": ""}, "pipenv": {"run": ""}, "uv": {"run": _PYTHON, "tool": "=uv-tool"}, "uv-tool": {"run": _PYTHON},
    "hatch": {"run": ""}, "rye": {"run": ""}, "pdm": {"run": "-p"}, "pixi": {"run": _PYTHON}, "pipx": {"run": _PYTHON},
    "conda": {"run": _PYTHON}, "mamba": {"run": _PYTHON}, "micromamba": {"run": _PYTHON}, "coverage": {"run": _PYTHON},
    "memray": {"run": "-o"}, "py-spy": {"record": "-o -r -d", "top": ""}, "perf": {"stat": "-e -r", "record": "-e -o -F"},
    "rr": {"record": ""}, "yarn": {"exec": "", "dlx": _NODE, "node": "=node"}, "pnpm": {"exec": "", "dlx": _NODE},
    "npm": {"exec": _NODE, "x": _NODE}, "bun": {"x": _NODE}, "lerna": {"exec": ""}, "rush": {"exec": ""},
}  # fmt: skip
#: Options with values that stand before the verb.
BEFORE_VERB = {
    "docker": "-H --host -c --context -l --log-level --config", "kubectl": "-n --namespace --context --kubeconfig",
    "docker-compose": "-f --file -p --project-name --profile --env-file --project-directory --ansi", "pdm": "-p --project",
    "podman": "--connection -c --url --log-level", "hatch": "-e --env -p --project", "poetry": "-C --directory -P --project",
    "uv": "--directory --project", "npm": _NODE, "pnpm": _NODE, "yarn": _NODE, "bun": _NODE, "nix": "--option",
    "fly": "-a --app", "flyctl": "-a --app", "oc": "-n --namespace", "conda": "-n -p",
    "podman-compose": "-f -p", "bundle": "--gemfile", "mise": "-C --cd",
}  # fmt: skip
_PLAIN = {name: _wrapper(text) for name, text in PLAIN.items()}
_VERBS = {
    name: {verb: text[1:] if text.startswith("=") else _wrapper(text) for verb, text in verbs.items()}
    for name, verbs in VERBS.items()
}
_BEFORE = {name: frozenset(text.split()) for name, text in BEFORE_VERB.items()}
NAMES = _PLAIN.keys() | _VERBS.keys()
#: Their command is what stands behind `--`, wherever their own options stand.
DASHED = frozenset(
    "kubectl oc multipass flatpak-spawn distrobox dotenv dotenvx op doppler limactl wsl npm mise rtx".split()
)
FETCHERS = frozenset("npx bunx pnpx uvx pipx uv uv-tool npm pnpm yarn bun".split())
#: Those whose command may be a task of their own.
TASKED = frozenset("poetry pipenv uv hatch rye pdm pixi devbox".split())
SCOPED = {
    "@angular/cli": "ng",
    "@playwright/test": "playwright",
    "@web/test-runner": "wtr",
    "@vscode/test-cli": "vscode-test",
}


@lru_cache(maxsize=512)
def basename(word: str) -> str:
    """The program a word names: no directories, no `.exe`, `python` for any Python."""
    name = word[-256:].rstrip("/")
    name = (name.replace("\\", "/") if "\\" in name else name).rpartition("/")[2]
    if name.lower().endswith(WINDOWS_ENDS) and len(name) > 4:
        name = name[:-4]
    if name.startswith(("python", "pypy", "ipython")) and PYTHON.fullmatch(name):
        return "python"
    return "python" if name == "py" else name[:64]


def unwrap(words: list[str]) -> list[str]:
    """The words from the program that matters on; a wrapper that wraps nothing is the program itself."""
    for _ in range(DEEPEST):
        name = basename(words[0]) if words else ""
        if name not in NAMES:
            return words
        inner = _inner(name, words)
        if not inner:
            return words
        words = inner
    return words


def _inner(name: str, words: list[str]) -> list[str]:
    if name == "command" and len(words) > 1 and words[1] in ("-v", "-V"):
        return ["which", *words[2:]]
    if name == "runuser" and "-c" in words:
        return []
    verb = ""
    at, wrapper = 1, _PLAIN.get(name)
    verbs = _VERBS.get(name)
    while verbs:
        start = _behind_options(words, at, _BEFORE.get(name, frozenset()))
        verb = words[start] if start < len(words) else ""
        found = verbs.get(verb)
        if found is None:
            break
        at = start + 1
        if isinstance(found, Wrapper):
            wrapper = found
            break
        if found not in _VERBS:
            return [found, *words[at:]]
        name, verbs = found, _VERBS[found]
    if wrapper is None:
        return []
    start = at
    at = _behind(name, words, at, wrapper)
    inner = words[at:]
    if verb == "run" and wrapper.operands and "--entrypoint" in words[start:at]:
        entry = words.index("--entrypoint", start) + 1
        return [*words[entry].split(), *inner] or inner
    if not inner:  # `docker compose run tests`: the service is named after what it does
        return ["test.sh"] if name.endswith("-compose") and is_test_task(words[-1]) else []
    if (
        name in TASKED
        and inner[0] not in TESTERS
        and "." not in inner[0]
        and "/" not in inner[0]
        and is_test_task(inner[0])
    ):
        return []
    if name in FETCHERS:
        program = SCOPED.get(inner[0]) or inner[0]
        inner = [program.partition("@")[0] if "@" in program[1:] and program[0] != "@" else program, *inner[1:]]
    if name == "coverage" or (name == "uv" and any(word in ("-m", "--module") for word in words[start:at])):
        return ["python", *(["-m"] if name == "uv" else []), *inner]
    return inner


def _behind_options(words: list[str], at: int, valued: frozenset[str]) -> int:
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in valued else 1
    return at


def _behind(name: str, words: list[str], at: int, wrapper: Wrapper) -> int:
    """Where the command starts: behind the wrapper's options, assignments and operands."""
    if name in DASHED and _UP in words[at:]:
        return words.index(_UP, at) + 1
    if wrapper.opens:
        opened = [words.index(option, at) + 1 for option in wrapper.opens if option in words[at:]]
        return min(opened, default=len(words))
    if name == "coverage" and words[at : at + 1] == ["-m"]:
        return at
    operands = wrapper.operands
    while at < len(words):
        word = words[at]
        if word == _UP:
            return at + 1
        if word.startswith(("-", "+")) and len(word) > 1:
            if name == "coverage" and word == "-m":
                return at
            at += 2 if word in wrapper.valued else 1
        elif operands:
            operands -= 1
            at += 1
        elif ASSIGNMENT.match(word):
            at += 1
        else:
            break
    return at


SHELLS = frozenset("bash sh zsh dash ksh fish ash csh tcsh".split())
#: Options whose value is a command line, for programs that are no shells.
SCRIPTED = {
    "su": "-c --command", "runuser": "-c --command", "script": "-c --command -qc -qec -ec -qefc -efqc -qfc", "sg": "-c",
    "nix-shell": "--run --command", "vagrant": "-c --command", "fly": "-C --command", "flyctl": "-C --command",
    "gcloud": "--command", "npx": "-c --call", "npm": "-c --call", "nodemon": "--exec -x", "flock": "-c --command",
    "entr": "-s", "lando": "-c", "chokidar": "-c --command", "newgrp": "-c", "devenv": "-c", "tsc-watch": "--onSuccess",
}  # fmt: skip
_SCRIPTED = {name: frozenset(text.split()) for name, text in SCRIPTED.items()}
ENTER = frozenset(("Enter", "C-m", "KPEnter"))
SSH_VALUED = frozenset("-p -i -l -o -F -J -L -R -D -b -c -E -e -m -Q -S -W -w -B -I".split())
WATCH_VALUED = frozenset("-n --interval -w --warmup -r --runs -e".split())
WINDOWS_SHELLS = frozenset("pwsh powershell cmd".split())
#: Programs that may run a command line that one of their words holds.
CARRIERS = (
    SHELLS | WINDOWS_SHELLS | _SCRIPTED.keys() | frozenset("eval ssh watch hyperfine tmux concurrently runuser".split())
)


def shell_script(words: list[str], stdin: str = "") -> tuple[str, bool] | None:
    """The text that `bash -lc "..."`, `ssh host '...'` and their kin run, and whether a shell of Windows runs it.

    None when the command is no such thing.
    """
    name = basename(words[0])
    if name not in CARRIERS:
        return None
    if name == "eval":
        return " ".join(words[1:]), False
    if name in SHELLS:
        return _of_shell(words, stdin)
    if name in WINDOWS_SHELLS:
        return _of_windows(name, words)
    options = _SCRIPTED.get(name)
    if options:
        for at, word in enumerate(words[1:-1], 1):
            if word in options:
                return words[at + 1], False
        joined = next((word for word in words[1:] if word.startswith(("--command=", "--exec=", "--run="))), "")
        if joined:
            return joined.partition("=")[2], False
        if name == "script":  # BSD's: script -q /dev/null pytest
            at = _behind_options(words, 1, frozenset())
            return (" ".join(words[at + 1 :]), False) if at + 1 < len(words) else None
        return None
    if name == "tmux":
        return _of_tmux(words)
    at = _behind_options(words, 1, SSH_VALUED if name == "ssh" else WATCH_VALUED)
    if name == "ssh":
        at += 1
    rest = words[at:]
    if name == "concurrently":
        return "; ".join(rest), False
    if rest:
        return (rest[0] if name == "hyperfine" else " ".join(rest)), False
    return (stdin, False) if stdin else None


def _of_shell(words: list[str], stdin: str) -> tuple[str, bool] | None:
    for at, word in enumerate(words[1:6], 1):
        if word == "--command" or (word.startswith("-") and word.endswith("c") and not word.startswith("--")):
            return (words[at + 1], False) if at + 1 < len(words) else None
        if not word.startswith(("-", "+")):
            return None
        if word == "-s":
            break
    return (stdin, False) if stdin else None


def _of_windows(name: str, words: list[str]) -> tuple[str, bool] | None:
    for at, word in enumerate(words[1:12], 1):
        low = word.lower()
        if name == "cmd":
            if low in ("/c", "/k", "//c", "//k", "/r"):
                return " ".join(words[at + 1 :]), True
        elif low in ("-f", "-file", "-encodedcommand", "-ec", "-e"):
            return None
        elif len(low) > 1 and low[0] in "-/" and "command".startswith(low[1:]):
            return " ".join(words[at + 1 :]), True
    return None


def _of_tmux(words: list[str]) -> tuple[str, bool] | None:
    at = 1
    verb = words[at] if at < len(words) else ""
    if verb in ("send-keys", "send"):
        at = _behind_options(words, 2, frozenset(("-t", "-N")))
        keys = [word for word in words[at:] if word not in ENTER]
        # Without Enter, or in an editor, keys are no command line.
        return (" ".join(keys), False) if 0 < len(keys) < len(words) - at and keys[0][:1] not in ":\x1b" else None
    if verb in ("new-session", "new", "new-window", "neww", "split-window", "respawn-pane"):
        at = _behind_options(words, 2, frozenset("-s -t -n -c -x -y -e -F".split()))
        return (" ".join(words[at:]), False) if at < len(words) else None
    return None
