"""Five tasks of an artist, as a walk through the page: what it looks like, and how many clicks each takes.

    python -m benchmarks.walk --out walk/

Saves a screenshot after each step, at the widths of a desktop and of a phone, and prints the clicks as JSON. Limits:
the first completed sprite takes 1, an own sprite completed 4 and exported 6. A stroke counts as a click; a dropped file
does not. The exit code is 1 if a limit is missed or the page scrolls sideways.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser

from docs.app_page import AppPage, open_app, open_browser
from pixelart.images.io import encode_png
from pixelart.training.data.pictures import read_pictures

DATA = Path(__file__).parents[1] / "examples" / "dungeon.zip"
LIMITS = {"first sprite": 1, "own sprite": 4, "exported": 6}
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
PICTURE = 40
"""Which picture of DATA is the artist's own."""


def main() -> None:
    """Walks at each width."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, required=True, help="folder of the screenshots")
    options.add_argument("--dark", action="store_true", help="dark theme")
    chosen = options.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    with open_app() as url, open_browser() as browser:
        clicks = {name: Walk(browser, url, chosen.out, name, dark=chosen.dark).all() for name in SIZES}
    print(json.dumps(clicks, indent=1))
    raise SystemExit(any(found[task] > most for found in clicks.values() for task, most in LIMITS.items()))


class Walk:
    """A visitor at one width; `clicks` by task."""

    def __init__(self, browser: Browser, url: str, out: Path, name: str, *, dark: bool) -> None:
        width, height = SIZES[name]
        self.page = AppPage(browser, url, width=width, height=height, dark=dark)
        self.out, self.name, self.width = out, f"{name}-dark" if dark else name, width
        self.steps = 0
        self.clicks = dict[str, int]()

    def all(self) -> dict[str, int]:
        """Does the tasks one after the other."""
        self.shoot("opened")
        self.do("first sprite", lambda: self.page.draw("#complete"))
        self.do("own sprite", self.complete_own)
        self.do("exported", self.export, after="own sprite")
        self.do("recoloured", self.recolour)
        self.do("found again", self.find_again)
        self.page.tab("Train")
        self.page.page.wait_for_timeout(1500)
        self.shoot("train")
        self.page.close()
        return self.clicks

    def do(self, task: str, act: Callable[[], None], after: str = "") -> None:
        """One task; `after`: its clicks count too."""
        before = self.page.clicks
        act()
        self.clicks[task] = self.page.clicks - before + self.clicks.get(after, 0)
        self.shoot(task)

    def shoot(self, step: str) -> None:
        """Saves what the window shows, and checks that the page does not scroll sideways."""
        self.steps += 1
        name = f"{self.name}-{self.steps}-{step.replace(' ', '-')}.png"
        self.page.page.wait_for_timeout(500)
        self.page.page.screenshot(path=self.out / name)
        if self.page.page.evaluate("document.documentElement.scrollWidth") > self.width:
            raise SystemExit(f"{name}: the page scrolls sideways")

    def complete_own(self) -> None:
        """Drop a file, paint a mask over it, complete."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "mine.png")
            path.write_bytes(encode_png(np.asarray(read_pictures(DATA).pictures[PICTURE])))
            self.page.open_file(path)
        self.page.page.evaluate("scrollTo(0, 0)")
        self.page.click("#canvas [data-tool=mask]")
        self.page.stroke([(x, y) for y in range(6, 14) for x in (8, 24)])
        self.shoot("masked")
        self.page.draw("#complete")

    def export(self) -> None:
        """Download the picture on the canvas."""
        self.page.click("#export > button")
        self.page.page.wait_for_timeout(600)
        with self.page.page.expect_download(timeout=60_000) as file:
            self.page.click("#save")
        if not file.value.suggested_filename.endswith(".png"):
            raise SystemExit(f"exported as {file.value.suggested_filename}")

    def recolour(self) -> None:
        """The nearest colours of a palette."""
        self.page.command("recolour")
        self.page.page.locator("#canvas dialog.recolour select").select_option(index=2)
        self.shoot("recolour")
        self.page.click("#canvas dialog.recolour .main")

    def find_again(self) -> None:
        """Open the newest picture of the History."""
        self.page.tab("History")
        self.page.page.wait_for_timeout(1500)
        self.page.click("#past .shelf [role=option]")


if __name__ == "__main__":
    main()
