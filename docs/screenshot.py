"""Makes docs/app.png and docs/phone.png from the running app: `python -m docs.screenshot`.

Needs the checkpoint dungeon-gated, playwright (requirements-dev.txt) and a chromium on PATH.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from pixelart.engine import Engine
from pixelart.jobs import Jobs
from pixelart.ui import build, launch_settings
from pixelart.ui.security.hosting import find_hosting

ROOT = Path(__file__).parents[1]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
SEED = 3
MASK = [(12, 10), (19, 10), (19, 15), (12, 15)]


def main() -> None:
    """Starts the app, takes both pictures, stops the app."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=SEED, help="of the hero on the canvas")
    options.add_argument("--dark", action="store_true", help="dark theme")
    options.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of app.png and phone.png")
    chosen = options.parse_args()
    chromium = shutil.which("chromium") or sys.exit("no chromium on PATH")
    engine, hosting = Engine(ROOT / "checkpoints"), find_hosting({})
    with tempfile.TemporaryDirectory() as folder, Jobs(Path(folder), checkpoints=ROOT / "checkpoints") as jobs:
        app = build(engine, jobs, hosting=hosting)
        _, url, _ = app.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, **launch_settings())
        take_all(url + ("?__theme=dark" if chosen.dark else "?__theme=light"), chromium, chosen.out, seed=chosen.seed)
        app.close(verbose=False)


def take_all(url: str, chromium: str, out: Path, *, seed: int) -> None:
    """Both pictures of the app at `url`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        take(browser, url, out / "app.png", width=1280, height=860, seed=seed)
        take(browser, url, out / "phone.png", width=390, height=844, seed=seed)
        browser.close()


def take(browser: Browser, url: str, path: Path, *, width: int, height: int, seed: int) -> None:
    """One picture: a hero, completed under a mask, with the candidates below."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(url)
    page.wait_for_selector("#canvas .swatch.on")
    page.locator("#class input").click()
    page.get_by_role("option", name="hero").click()
    set_number(page, "seed", seed)
    draw(page, "#generate")
    page.click("#canvas [data-tool=mask]")
    for _ in range(4):
        page.keyboard.press("]")
    stroke(page, MASK)
    set_number(page, "images", 8)
    draw(page, "#complete")
    page.mouse.move(1, 1)
    page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
    page.wait_for_timeout(800)
    page.screenshot(path=path)
    page.close()


def set_number(page: Page, name: str, value: int) -> None:
    """Types into a number box."""
    box = page.locator(f"#{name} input[type=number]")
    box.fill(str(value))
    box.press("Tab")


def draw(page: Page, button: str) -> None:
    """Presses a button and waits for its results."""
    page.click(button)
    page.wait_for_function("/pictures? in/.test(document.querySelector('#status').innerText)", timeout=120_000)


def stroke(page: Page, cells: list[tuple[int, int]]) -> None:
    """Drags over cells (x, y) of a 32 x 32 picture."""
    box = page.locator("#canvas .picture").bounding_box()
    if box is None:
        sys.exit("the canvas is not shown")
    points = [(box["x"] + (x + 0.5) * box["width"] / 32, box["y"] + (y + 0.5) * box["height"] / 32) for x, y in cells]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()


if __name__ == "__main__":
    main()
