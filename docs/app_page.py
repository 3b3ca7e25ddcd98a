"""The running app in a headless Chromium, for pictures and measurements."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from pixelart.engine import Engine
from pixelart.jobs import Jobs
from pixelart.ui import build, launch_settings
from pixelart.ui.security.hosting import find_hosting

ROOT = Path(__file__).parents[1]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
MODELS = ("studio", "dungeon-gated")
DRAWN, DRAWING_MS = "/pictures? in/.test(document.querySelector('#status').innerText)", 300_000
Cell = tuple[int, int]


@contextmanager
def open_app(models: Sequence[str] = MODELS) -> Iterator[str]:
    """The address of the app on a free port, with copies of `models`; what it trains and draws is deleted."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Path(folder, "checkpoints")
        for name in models:
            shutil.copytree(ROOT / "checkpoints" / name, checkpoints / name)
        with Jobs(Path(folder, "jobs"), checkpoints=checkpoints) as jobs:
            hosting = find_hosting({})
            app, settings = build(Engine(checkpoints), jobs, hosting=hosting), launch_settings(hosting)
            _, url, _ = app.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, **settings)
            try:
                yield url
            finally:
                app.close(verbose=False)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A headless Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or sys.exit("no chromium on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


class AppPage:
    """One page of the app. `clicks` counts the presses of `click`, `choose` and `stroke`."""

    def __init__(
        self, browser: Browser, url: str, *, width: int = 1280, height: int = 900, scale: float = 1, dark: bool = False
    ) -> None:
        is_phone = width < 500
        settings: dict[str, Any] = {"has_touch": True, "is_mobile": True} if is_phone else {}
        size: Any = {"width": width, "height": height}
        context = browser.new_context(viewport=size, device_scale_factor=scale, reduced_motion="reduce", **settings)
        self.page: Page = context.new_page()
        self.clicks = 0
        self.page.goto(f"{url}?__theme={'dark' if dark else 'light'}")
        self.page.wait_for_selector("#canvas .swatch.on", timeout=120_000)
        self.page.wait_for_function("document.querySelector('#canvas .picture').width > 1")
        self.page.wait_for_timeout(1500)  # gradio wires the buttons

    def close(self) -> None:
        """Closes the page and forgets what its browser stored."""
        self.page.context.close()

    def click(self, selector: str) -> None:
        """Clicks a visible element."""
        self.clicks += 1
        self.page.locator(selector).first.click()

    def tab(self, name: str) -> None:
        """Opens a tab."""
        self.clicks += 1
        self.page.get_by_role("tab", name=name).click()

    def command(self, name: str) -> None:
        """Presses a button of the canvas; one in a menu after its menu."""
        menu = self.page.locator(f"#canvas [data-do={name}]").evaluate("b => b.closest('[popover]')?.dataset.name")
        if menu:
            self.click(f"#canvas [data-menu={menu}]")
        self.click(f"#canvas [data-do={name}]")

    def choose(self, box: str, name: str) -> None:
        """Picks from a drop-down list what starts with `name`."""
        self.click(f"#{box} input")
        self.clicks += 1
        self.page.locator(f"#{box}").get_by_role("option", name=name).first.click()

    def set_number(self, name: str, value: int) -> None:
        """Types into a number box."""
        box = self.page.locator(f"#{name} input[type=number]")
        box.fill(str(value))
        box.press("Tab")

    def draw(self, button: str) -> None:
        """Presses a button that draws and waits for its results."""
        self.click(button)
        self.page.wait_for_function(f"!{DRAWN}", timeout=DRAWING_MS)
        self.wait_until_drawn()

    def wait_until_drawn(self) -> None:
        """Waits for the results of a drawing."""
        self.page.wait_for_function(DRAWN, timeout=DRAWING_MS)
        self.page.wait_for_timeout(600)  # the last frames arrive

    def open_file(self, path: Path) -> None:
        """Opens a picture file on the canvas, at its own size."""
        self.page.set_input_files("#canvas .file", path)
        self.page.wait_for_timeout(1500)
        if self.page.locator("dialog.import[open]").count():
            self.page.check("dialog.import [value=open]")
            self.page.click("dialog.import .main")

    def places(self, cells: Sequence[Cell]) -> list[tuple[float, float]]:
        """The middles of cells (x, y) of the picture on the page."""
        shown = self.page.locator("#canvas .picture")
        box, side = shown.bounding_box(), shown.evaluate("c => c.width")
        if box is None:
            sys.exit("the canvas is not shown")
        cell = box["width"] / side
        return [(box["x"] + (x + 0.5) * cell, box["y"] + (y + 0.5) * cell) for x, y in cells]

    def stroke(self, cells: Sequence[Cell]) -> None:
        """Drags over cells with the chosen tool."""
        self.clicks += 1
        first, *others = self.places(cells)
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for place in others:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()

    def calm(self) -> None:
        """Takes pointer and focus away, so that a picture shows neither."""
        self.page.mouse.move(1, 1)
        self.page.evaluate("document.activeElement.blur()")
        self.page.wait_for_timeout(800)
