"""The promises that hold over every family, every pattern and every way of installing, in one place."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featrouter import Call, Router, Trajectory, Turn
from featrouter.catalogue import FAMILIES, Pattern, feature_set, lexicon
from featrouter.catalogue_page import page
from featrouter.extractor import Extractor, rows
from featrouter.families import FAMILIES as CLASSES
from featrouter.families.testruns import result_by, result_of

ROOT = Path(__file__).parent.parent
PATTERNS = [
    pytest.param(family, pattern, id=f"{family}.{pattern.name}")
    for family in FAMILIES
    for pattern in lexicon(family).patterns.values()
]


@pytest.mark.parametrize(("family", "pattern"), PATTERNS)
def test_a_pattern_does_what_its_own_examples_say(family: str, pattern: Pattern) -> None:
    for example in pattern.matches:
        text = str(example["text"])
        match = pattern.search(text)
        assert match, text
        if "found" in example:
            assert example["found"] in (match.group(0), *match.groups())
        if family == "testruns" and pattern.style not in ("", "none"):
            result = result_by(pattern, text)
            assert result == result_of(text)
            stated = {key: value for key, value in example.items() if key != "text"}
            assert {key: getattr(result, key) for key in stated} == stated
    for text in pattern.rejects:
        assert not pattern.search(text), text


def test_every_family_answers_in_the_order_of_the_catalogue() -> None:
    names = tuple(name for family in CLASSES for name in family("a task").row())
    assert names == feature_set().names
    assert 80 <= len(names) <= 150


def test_the_generated_catalogue_page_has_not_drifted() -> None:
    assert (ROOT / "features" / "README.md").read_text(encoding="utf-8") == page()


SNIPPETS = st.sampled_from(
    [
        "cat src/a.py",
        "python -m pytest -q",
        "sed -i 's/a/b/' src/a.py",
        "grep -rn x .",
        "cat > t.py <<'EOF'\nprint(1)\nEOF",
        '{"command": "str_replace", "path": "/repo/a.py", "old_str": "x", "new_str": "y"}',
        "==== 2 failed, 3 passed in 0.1s ====",
        'Traceback (most recent call last):\n  File "a.py", line 3, in f\nValueError: bad 3',
        "bash: foo: command not found",
        "<returncode>1</returncode>",
        "",
    ]
)
TEXT = st.one_of(SNIPPETS, st.text(max_size=80), st.text(alphabet=st.characters(), max_size=40))
MAYBE = st.one_of(st.none(), st.floats(), st.integers(-5, 10**6))
CALLS = st.builds(Call, action=TEXT, observation=TEXT, tool=st.sampled_from(["", "bash", "str_replace_editor", "sql"]))
TURNS = st.builds(
    Turn,
    thought=TEXT,
    action=TEXT,
    observation=TEXT,
    tool=st.sampled_from(["", "bash", "str_replace_editor", "python", "Edit"]),
    calls=st.one_of(st.just(()), st.lists(CALLS, max_size=3).map(tuple)),
    cost=MAYBE,
    prompt_tokens=MAYBE,
)


@settings(max_examples=60, deadline=None)
@given(TEXT, st.lists(TURNS, max_size=12), st.data())
def test_no_feature_knows_how_the_run_goes_on(task: str, turns: list[Turn], data: st.DataObject) -> None:
    whole = dict(rows(Trajectory(task, tuple(turns))))
    k = data.draw(st.integers(0, len(turns)))
    prefix = Extractor(task)
    for turn in turns[:k]:
        prefix.observe(turn)
    assert prefix.row().tobytes() == whole[k].tobytes()
    assert not np.isinf(whole[k]).any()


@pytest.mark.skipif(not (ROOT.parent / "shared" / "data").is_dir(), reason="needs ../shared/data")
def test_no_feature_knows_how_a_real_run_goes_on() -> None:
    from featrouter.logs import Logs

    data = ROOT.parent / "shared" / "data"
    logs = Logs([data / "terminalbench.turns.csv.xz", data / "terminalbench.runs.csv.xz"])
    for number, (_, trajectory) in enumerate(logs.trajectories()):
        whole = dict(rows(trajectory))
        k = (number * 7) % (len(trajectory) + 1)
        prefix = Extractor(trajectory.task)
        for turn in trajectory.turns[:k]:
            prefix.observe(turn)
        assert prefix.row().tobytes() == whole[k].tobytes()
        if number == 15:
            return


@pytest.mark.parametrize(
    "junk", [None, "text", {"a": 1}, Turn(None, b"\xff", object()), Turn("\ud800", "\0", "\x1b[1m")]
)
def test_nothing_a_host_hands_in_is_ever_raised(junk: object, capfd: pytest.CaptureFixture[str]) -> None:
    session = Router.load().session("task")
    session.observe(junk)
    assert session.decide().choice in ("continue", "escalate")
    session.end()
    assert session.decide().choice in ("accept", "escalate")
    assert isinstance(session.explain(3), list)
    assert capfd.readouterr() == ("", "")


def test_a_failure_inside_falls_back_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("boom")

    router = Router.load(default="escalate")
    session = router.session("task")
    monkeypatch.setattr(Extractor, "observe", fail)
    session.observe(Turn("", "ls", "a"))
    assert session.decide().fallback == "RuntimeError: boom"
    assert session.decide().escalate


def run_python(code: str, path: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"PYTHONPATH": str(path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=path.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


LIGHT = """
import sys
before = set(sys.modules)
import featrouter
third = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(sorted(third))
session = featrouter.Router.load().session("fix it")
session.observe(featrouter.Turn("look", "cat a.py", "x = 1"))
session.decide()
heavy = {"lightgbm", "pandas", "sklearn", "scipy", "click", "joblib", "unidiff"} & set(sys.modules)
print(sorted(heavy), featrouter.__file__)
"""


def test_a_process_that_routes_stays_light() -> None:
    third, rest = run_python(LIGHT, ROOT).splitlines()
    assert third == "['featrouter', 'numpy']"
    assert rest.startswith("[] ")


def test_a_wheel_carries_the_catalogue_and_the_default_and_works(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    inside = tmp_path / "site"
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        file.extractall(inside)
    for family in FAMILIES:
        assert f"featrouter/features/{family}.toml" in names
    assert "featrouter/models/default/default.featrouter" in names
    assert "featrouter/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "data/", "features/"))]
    assert str(inside) in run_python(LIGHT, inside).splitlines()[1]


def test_an_editable_install_finds_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "editable.pth").write_text(str(ROOT), encoding="utf-8")
    code = f"import site; site.addsitedir({str(tmp_path)!r})\n{LIGHT}"
    assert str(ROOT) in run_python(code, tmp_path).splitlines()[1]
