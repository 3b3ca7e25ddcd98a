"""Makes the pictures of the running app for README.md and docs/guide: `python -m docs.screenshot [PAGE ...]`.

Light theme, two device pixels a CSS pixel. Needs the checkpoints studio and dungeon-gated, playwright
(requirements-dev.txt) and a chromium on PATH. Seeds are fixed.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from PIL import Image, ImageChops
from playwright.sync_api import Browser

from docs.app_page import ROOT, AppPage, open_app, open_browser

COLOURS, MOST_CHANGE = 256, 40
SEED = 3
HEAD = [(10, 2), (21, 2), (21, 6), (10, 6), (10, 10), (21, 10), (21, 13), (10, 13)]
CLOAK = [(12, 10), (19, 10), (19, 15), (12, 15)]
MARGIN = 8


@dataclass
class Camera:
    """Opens pages of the app at `url`, and writes pictures into `out`."""

    browser: Browser
    url: str
    out: Path

    def open(self, width: int = 1120, height: int = 760, scale: float = 2) -> AppPage:
        """A fresh page."""
        return AppPage(self.browser, self.url, width=width, height=height, scale=scale)

    def take(self, page: AppPage, name: str, *parts: str) -> None:
        """Writes what the window shows, or the box around the elements `parts`."""
        if not parts:
            page.page.evaluate("scrollTo(0, 0)")
        page.calm()
        clip = None
        if parts:
            page.page.locator(parts[0]).first.scroll_into_view_if_needed()
            boxes = [box for part in parts if (box := page.page.locator(part).first.bounding_box())]
            left, top = (max(0, min(box[key] for box in boxes) - MARGIN) for key in ("x", "y"))
            right, bottom = (max(b[key] + b[side] for b in boxes) for key, side in (("x", "width"), ("y", "height")))
            clip = {"x": left, "y": top, "width": right + MARGIN - left, "height": bottom + MARGIN - top}
        data = page.page.screenshot(clip=clip)  # pyright: ignore[reportArgumentType]
        path = self.out / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        smaller(Image.open(io.BytesIO(data)).convert("RGB")).save(path, optimize=True)


def smaller(shot: Image.Image) -> Image.Image:
    """The picture with COLOURS colours if no pixel changes visibly, else as it is."""
    few = shot.quantize(COLOURS, dither=Image.Dither.NONE)
    worst = max(high for _, high in cast(Any, ImageChops.difference(shot, few.convert("RGB"))).getextrema())
    return few if worst <= MOST_CHANGE else shot


def readme(camera: Camera) -> None:
    """A hero, completed under a mask, with the candidates below; on a desktop and on a phone."""
    for name, width, height in (("app", 1280, 860), ("phone", 390, 844)):
        page = camera.open(width, height, scale=1)
        page.choose("class", "hero")
        page.set_number("seed", SEED)
        page.draw("#generate")
        paint_mask(page, CLOAK, size=5)
        page.set_number("images", 8)
        page.draw("#complete")
        camera.take(page, name)
        page.close()


def first_sprite(camera: Camera) -> None:
    """The page as it opens, after one press, and the menu of a result."""
    page = camera.open()
    camera.take(page, "guide/first-view")
    page.set_number("seed", SEED)
    page.draw("#complete")
    camera.take(page, "guide/first-results")
    page.page.locator("#results .thumbnail-item").nth(1).click(button="right")
    camera.take(page, "guide/result-menu", "#results", ".result-menu")
    page.page.keyboard.press("Escape")
    page.click("#export > button")
    page.page.wait_for_timeout(600)
    camera.take(page, "guide/export", "#export")
    page.close()


def complete(camera: Camera) -> None:
    """A painted mask, the wild brush, and Inspect."""
    page = camera.open()
    page.page.locator("#examples button").nth(7).click()
    page.page.wait_for_timeout(1500)
    page.command("clear")
    paint_mask(page, HEAD, size=4)
    camera.take(page, "guide/mask", "#canvas")
    page.command("clear")
    page.click("#canvas [data-tool=temperature]")
    for level, cells in (("1", [(8, 24), (24, 24)]), ("5", HEAD)):
        page.page.keyboard.press(level)
        for _ in range(3):
            page.page.keyboard.press("]")
        page.stroke(cells)
    camera.take(page, "guide/wild", "#canvas .stage", "#canvas .levels")
    page.command("clearTemperature")
    page.click("#canvas [data-tool=inspect]")
    page.page.mouse.move(*page.places([(16, 12)])[0])
    page.page.wait_for_selector("#canvas .likely button:not(:disabled)", timeout=60_000)
    camera.take(page, "guide/inspect", "#canvas")
    page.close()


def my_palette(camera: Camera) -> None:
    """The picker with a ramp, and the same sprite in other colours."""
    page = camera.open()
    page.command("clear")
    page.click("#canvas [data-do=picker]")
    page.page.fill("#canvas .picker .hex", "#2e4482")
    page.page.keyboard.press("Tab")
    page.click("#canvas .picker [data-end=from]")
    page.page.fill("#canvas .picker .hex", "#ffe0a3")
    page.page.keyboard.press("Tab")
    page.click("#canvas .picker [data-end=to]")
    camera.take(page, "guide/picker", "#canvas .palette", "#canvas .picker")
    page.page.keyboard.press("Escape")
    page.command("recolour")
    page.page.locator("#canvas dialog.recolour select").select_option(index=2)
    camera.take(page, "guide/recolour")
    page.close()


def tiles(camera: Camera) -> None:
    """A floor that is repeated around itself, and the switches that make it tile."""
    page = camera.open()
    page.page.locator("#examples button").nth(1).click()
    page.page.wait_for_timeout(1500)
    page.command("clear")
    page.command("tile")
    camera.take(page, "guide/tiled", "#canvas")
    page.click("#advanced > button")
    page.page.wait_for_timeout(600)
    camera.take(page, "guide/seamless", "#seamless")
    page.close()


def variations(camera: Camera) -> None:
    """The panel of variations."""
    page = camera.open(1120, 1200)
    page.click("#variations > button")
    page.page.wait_for_timeout(600)
    camera.take(page, "guide/variations", "#variations")
    page.close()


def train(camera: Camera) -> None:
    """The report on a set of pictures, and the choice of how long."""
    page = camera.open(1120, 900)
    page.tab("Train")
    page.page.wait_for_timeout(1000)
    page.page.set_input_files("#train-zip input[type=file]", ROOT / "examples" / "dungeon.zip")
    page.page.wait_for_selector("#report .classes", timeout=120_000)
    page.page.wait_for_timeout(3000)
    page.page.locator("#job-name input, #job-name textarea").first.fill("my-sprites")
    camera.take(page, "guide/train")
    page.close()


def share(camera: Camera) -> None:
    """The line that loads a model."""
    page = camera.open()
    page.click("#load-open")
    page.page.wait_for_timeout(600)
    camera.take(page, "guide/load-model", "#load-repository", "#load-zip", "#load-open")
    page.close()


def paint_mask(page: AppPage, cells: list[tuple[int, int]], *, size: int) -> None:
    """Paints a mask with a brush of `size` pixels."""
    page.click("#canvas [data-tool=mask]")
    for _ in range(1, size):
        page.page.keyboard.press("]")
    page.stroke(cells)


PAGES: dict[str, Callable[[Camera], None]] = {
    "readme": readme, "first-sprite": first_sprite, "complete": complete, "my-palette": my_palette, "tiles": tiles,
    "variations": variations, "train": train, "share": share,
}  # fmt: skip


def main() -> None:
    """Starts the app, takes the pictures, stops the app."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("pages", nargs="*", metavar="PAGE", help=f"some of {', '.join(PAGES)}; without: all")
    options.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the pictures")
    chosen = options.parse_args()
    if unknown := set(chosen.pages) - set(PAGES):
        options.error(f"no such page: {', '.join(sorted(unknown))}")
    with open_app() as url, open_browser() as browser:
        for name in chosen.pages or PAGES:
            PAGES[name](Camera(browser, url, chosen.out))


if __name__ == "__main__":
    main()
