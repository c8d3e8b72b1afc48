"""`python -m tests.browser -o data` takes the README's two pictures anew, of a report and of a replayed run."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.browser.chromium import browser

ROOT = Path(__file__).parents[2]
RUN = "unitconv__minutes__3"
RECORDED = ROOT / "data" / "recorded"
NUMBERS = [ROOT / "data" / f"public-runs.{form}.csv.xz" for form in ("features", "outcomes")]
#: A pair of the public runs for which routing is shown to pay.
PAIR = ("--weak", "CodeQwen1.5-7B-Chat", "--strong", "gpt-4-0613")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "data")
    folder = parser.parse_args().output
    with tempfile.TemporaryDirectory() as place, browser() as chromium:
        report, view, bundle = (Path(place, name) for name in ("report.html", "view.html", "CodeQwen.featrouter"))
        featrouter("train", *NUMBERS, *PAIR, "--value", 0.5, "-o", bundle)
        featrouter("report", bundle, *NUMBERS, *PAIR, "-o", report)
        small = bundle.with_name("recorded.featrouter")
        featrouter("train", RECORDED, "--strong", "scripted-strong", "--value", 0.15, "-o", small)
        featrouter("view", RECORDED, "--run", RUN, "--bundle", small, "-o", view)
        page = opened(chromium, report)
        page.screenshot(path=folder / "report.png")
        page = opened(chromium, view)
        page.locator("#step-3 > summary").click()
        page.locator("#step-3 .body pre").first.wait_for()
        page.screenshot(path=folder / "view.png")


def featrouter(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "featrouter", *map(str, arguments)], check=True)


def opened(chromium: Any, path: Path) -> Any:
    page = chromium.new_page(viewport={"width": 1280, "height": 1300})
    page.goto(path.as_uri())
    return page


if __name__ == "__main__":
    main()
