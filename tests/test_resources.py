"""The package's data is found in a checkout, in an editable install and inside a wheel; and a wheel holds no more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from featrouter.catalogue import FAMILIES, VOCABULARIES, feature_set
from featrouter.resources import resource

ROOT = Path(__file__).parent.parent
SHIPPED = [*(f"features/{family}.toml" for family in (*FAMILIES, *VOCABULARIES)), "models/default/default.featrouter"]

CHILD = """
import pathlib, sys
import featrouter
from featrouter.extractor import extract
from featrouter.resources import resource
trajectory = featrouter.Trajectory("fix it", (featrouter.Turn("look", "cat a.py", "x = 1", "bash"),))
features = extract(trajectory)
print(featrouter.__file__)
print(resource("features/loops.toml"))
print(resource("models/default"))
print(len(features), features["effort_length"])
"""


def child(site: Path, cwd: Path, before: str = "") -> tuple[Path, Path, Path, str]:
    """Where a fresh interpreter, which does not know this checkout, finds package, features and models."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    code = before or f"import sys; sys.path.insert(0, {str(site)!r})"
    done = subprocess.run(
        [sys.executable, *(["-S"] if before else []), "-c", f"{code}\n{CHILD}"],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    package, features, models, count = done.stdout.splitlines()
    return Path(package), Path(features), Path(models), count


@pytest.mark.parametrize("name", SHIPPED)
def test_a_checkout_has_it_beside_the_package(name: str) -> None:
    assert resource(name) == ROOT / name


def test_what_is_nowhere_is_named_with_both_places() -> None:
    with pytest.raises(FileNotFoundError) as error:
        resource("features/nosuch.toml")
    for place in (ROOT / "featrouter", ROOT):
        assert str(place / "features" / "nosuch.toml") in str(error.value)


def test_an_editable_install_finds_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "featrouter.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    # Without the interpreter's own .pth files, of which one may name a checkout; numpy comes by its folder.
    packages = str(Path(np.__file__).parents[1])
    before = f"import site, sys; site.addsitedir({str(tmp_path)!r}); sys.path.append({packages!r})"
    package, features, models, _ = child(tmp_path, tmp_path, before)
    assert package == ROOT / "featrouter" / "__init__.py"
    assert (features, models) == (ROOT / "features" / "loops.toml", ROOT / "models" / "default")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("featrouter", "features", "models", "tests", "data"):
        if name == "data":  # enough to notice if it were packed
            (source / name).mkdir()
            (source / name / "README.md").write_text("data", encoding="utf-8")
        elif name == "tests":
            (source / name).mkdir()
            shutil.copy(__file__, source / name)
        else:
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_a_wheel_holds_the_package_its_words_and_its_model_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    for name in SHIPPED:
        assert f"featrouter/{name}" in names
    assert {path.name for path in (ROOT / "models" / "default").iterdir()} == {
        name.rpartition("/")[2] for name in names if name.startswith("featrouter/models/default/")
    }
    queries = {f"featrouter/{path.relative_to(ROOT)}" for path in (ROOT / "features").rglob("*.scm")}
    assert queries <= names
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "featrouter").rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}
    pages = {
        str(path.relative_to(ROOT))
        for kind in ("html", "css", "js")
        for path in (ROOT / "featrouter").rglob(f"*.{kind}")
    }
    assert len(pages) >= 8 and pages <= names
    assert "featrouter/py.typed" in names
    tops = {name.partition("/")[0] for name in names}
    assert len(tops) == 2 and "featrouter" in tops
    assert all(top == "featrouter" or top.endswith(".dist-info") for top in tops)
    assert not [name for name in names if {"tests", "data"} & set(name.split("/"))]
    assert len(names) == len({name.lower() for name in names})


def test_an_unpacked_wheel_works_far_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)
    package, features, models, count = child(site, tmp_path)
    inside = site / "featrouter"
    assert package == inside / "__init__.py"
    assert (features, models) == (inside / "features" / "loops.toml", inside / "models" / "default")
    assert count == f"{len(feature_set())} 1.0"
