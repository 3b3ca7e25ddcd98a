"""Documents: imports at true size, sheets, the model's window, and the history, in a real browser."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import expect

from pixelart.engine import Drawing, Request
from pixelart.engine.completion import run_lengths
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.plain_json import to_json
from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


class TellingEngine(FakeEngine):
    """Its settings say what the real engine's say."""

    def _draw(
        self, request: Request, picture: Picture, mask: NDArray[np.bool_], on_row: Any, cancel: Any
    ) -> list[Drawing]:
        size = {"size": f"{mask.shape[1]}x{mask.shape[0]}", "mask": run_lengths(mask)}
        drawn = super()._draw(request, picture, mask, on_row, cancel)
        return [replace(d, settings=json.loads(to_json({**request.settings(), **size, "seed": d.seed}))) for d in drawn]


@pytest.fixture(scope="module")
def telling_url() -> Iterator[str]:
    with serving(TellingEngine(size=32)) as url:
        yield url


def noise(height: int, width: int, seed: int = 1) -> Picture:
    return CODEC.table[np.random.default_rng(seed).integers(1, CODEC.levels, size=(height, width))]


def put_in(studio: StudioPage, picture: Picture, name: str = "art.png", scale: int = 1) -> None:
    file = {"name": name, "mimeType": "image/png", "buffer": encode_png(picture, scale=scale)}
    studio.page.set_input_files("#canvas .file", file)  # pyright: ignore[reportArgumentType]


def decide(studio: StudioPage, choice: str, **numbers: int) -> None:
    dialog = studio.page.locator("#canvas dialog.import")
    expect(dialog).to_be_visible(timeout=20_000)
    dialog.locator(f"input[value={choice}]").check()
    for name, value in numbers.items():
        dialog.locator(f"[name={name}]").fill(str(value))
    dialog.locator(".main").click()
    expect(dialog).to_be_hidden()


def pixels_in(data: bytes) -> Picture:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGBA"))


def saved(studio: StudioPage, button: str) -> bytes:
    with studio.page.expect_download() as caught:
        studio.page.locator(button).first.click()
    return Path(caught.value.path()).read_bytes()


def test_pictures_come_in_at_their_true_size_and_are_completed_where_the_window_is(studio: StudioPage) -> None:
    page, picture = studio.page, noise(48, 60)
    put_in(studio, picture, scale=2)
    expect(page.locator("#canvas .import-grid")).to_have_text("2 x 2", timeout=20_000)
    assert page.locator("#canvas dialog.import input[name=choice]:checked").get_attribute("value") == "grid"
    decide(studio, "grid")
    studio.wait_for_picture(picture)
    line = page.locator("#canvas .window-line")
    expect(line).to_have_text("Model's window: 32 x 32 at 14, 8")
    studio.side = 60
    studio.tool("mask")
    studio.stroke((4, 4), (8, 4))
    expect(line).to_have_text("Complete uses this window: 32 x 32 at 0, 0")
    studio.key("a")
    studio.stroke((10, 10), (13, 12))
    expect(line).to_have_text("Complete uses this window: 32 x 32 at 3, 2")
    page.reload()
    expect(line).to_have_text("Complete uses this window: 32 x 32 at 3, 2", timeout=20_000)
    page.locator("#canvas .stage").focus()
    studio.key("Shift+ArrowRight")
    expect(line).to_contain_text("Complete uses several")
    studio.key("ArrowLeft")
    studio.key("Escape")
    expect(line).to_have_text("Complete uses this window: 32 x 32 at 0, 0")
    sheet = np.concatenate([noise(16, 16, seed) for seed in (1, 2, 3)], axis=1)
    put_in(studio, sheet, "sheet.png")
    decide(studio, "cut", cellWidth=16, cellHeight=16)
    studio.wait_for_picture(noise(16, 16, 1))
    studio.side = 16
    studio.key(".")
    studio.wait_for_picture(noise(16, 16, 2))
    expect(page.locator("#canvas .page-line")).to_have_text("Picture 2 of 3")
    put_in(studio, noise(40, 260), "large.png")
    decide(studio, "open")
    expect(line).to_have_text("Larger than 256 pixels: Complete fits this picture to 32 x 32")
    studio.key(",")
    studio.key(",")
    studio.wait_for_picture(noise(16, 16, 3))
    put_in(studio, picture)
    decide(studio, "place")
    studio.wait_for_picture(picture[:16, :16])
    studio.key("Escape")
    studio.tool("select")
    studio.stroke((2, 3), (6, 5))
    page.click("#export > button")
    page.locator("label", has=page.get_by_label("Selection", exact=True)).click()  # waits for the panel to be open
    expect(page.get_by_label("Selection", exact=True)).to_be_checked()
    assert np.array_equal(pixels_in(saved(studio, "#save")), picture[3:6, 2:7])


def test_the_history_keeps_every_picture_with_its_settings(open_studio: OpenStudio, telling_url: str) -> None:
    studio = open_studio(telling_url)
    page = studio.page
    studio.set_number("images", "2")
    studio.set_number("seed", "5")
    studio.generate()
    first = studio.picture()
    studio.set_number("seed", "9")
    studio.set_number("images", "1")
    studio.generate()
    studio.wait_for_status("1 picture in")
    other = studio.picture()
    assert not np.array_equal(first, other)
    items = page.locator("#past .item")
    page.get_by_role("tab", name="History").click()
    expect(items).to_have_count(3)  # the browser has stored them: it does so after the status
    page.reload()
    page.wait_for_selector("#canvas .swatch.on")
    page.get_by_role("tab", name="History").click()
    expect(items).to_have_count(3)
    names = [items.nth(i).get_attribute("aria-label") for i in range(3)]
    assert names == ["hero_9", "hero_5", "hero_6"], "newest first"
    items.nth(0).click()
    page.get_by_role("button", name="Compare").click()
    items.nth(1).click()
    expect(page.locator("#past figure")).to_have_count(2)
    expect(page.locator("#past figure").first.locator(".differs")).to_have_text(["9"])
    with zipfile.ZipFile(io.BytesIO(saved(studio, "#past [data-do=zip]"))) as archive:
        assert archive.testzip() is None and archive.namelist()[1] == "hero_5_32x32.png"
        data = archive.read("hero_5_32x32.png")
    with Image.open(io.BytesIO(data)) as image:
        assert json.loads(image.info["pixelart"])["seed"] == 5
    assert np.array_equal(pixels_in(data), first)
    page.locator("#past figure").nth(1).get_by_role("button", name="To canvas").click()
    studio.wait_for_picture(first)
    page.get_by_role("tab", name="History").click()
    items.nth(2).focus()
    studio.key("Delete")
    expect(items).to_have_count(2)
    file: Any = {"name": "mine.png", "mimeType": "image/png", "buffer": data}
    page.set_input_files("#past .file", file)
    expect(page.locator("#past figure")).to_have_count(1)
    expect(page.locator("#past dl")).to_contain_text("generated")
    page.get_by_role("button", name="Send to Create").click()
    studio.wait_for_status("Settings of seed 5 are set. Press Generate for the same picture.")
    expect(page.locator("#seed input")).to_have_value("5")
    studio.key("Delete")
    studio.generate()
    studio.wait_for_picture(first)
    stranger = open_studio(telling_url)
    stranger.page.get_by_role("tab", name="History").click()
    expect(stranger.page.locator("#past .count")).to_have_text("Nothing is drawn yet")
