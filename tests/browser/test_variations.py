"""The accordion Variations: what its buttons draw, what the page shows of it, and the files."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from pixelart.images.corner_tiles import sheet_order
from pixelart.images.io import decode_picture
from tests.browser.conftest import OpenStudio
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(*GRADIO_WARNINGS)]


def test_variations_are_drawn_shown_and_saved(open_studio: OpenStudio) -> None:
    with serving(FakeEngine(size=32)) as url:
        studio = open_studio(url, width=390, height=844, touch=True)
        page, made = studio.page, studio.page.locator("#result-set")

        def press(button: str, done: str) -> None:
            page.locator(button).dispatch_event("click")
            studio.wait_for_status(done)

        def saved(button: str) -> bytes:
            with page.expect_download() as caught:
                page.click(button)
            return caught.value.path().read_bytes()

        page.click("#variations > button")
        studio.choose("blend-class", "wall")
        page.wait_for_timeout(500)  # the accordion's buttons are wired
        press("#sweep", "pictures in .* One seed")
        expect(page.locator("#results .caption-label").first).to_have_text("temperature 0.6")
        assert len(studio.captions()) == 5
        expect(made).to_be_hidden()
        tile = studio.picture()

        press("#tileset", "16 pictures in")
        expect(page.locator(".result-set .tiles")).to_be_visible()
        expect(page.locator("#save-gif")).to_be_hidden()
        assert np.array_equal(studio.picture(), tile), "the canvas keeps its tile"
        with zipfile.ZipFile(io.BytesIO(saved("#save-sheet"))) as archive:
            sheet = decode_picture(archive.read("tileset.png"), name="sheet")
            frames = json.loads(archive.read("tileset.json"))["frames"]
        assert list(frames) == [f"tile_{n}" for n in sheet_order().flatten()]
        place = frames["tile_15"]["frame"]
        assert np.array_equal(sheet[place["y"] : place["y"] + 32, place["x"] : place["x"] + 32], tile)

        page.evaluate("scrollTo(0, 0)")
        studio.tool("mask")
        studio.stroke((4, 4), (20, 4))
        press("#animate", "3 pictures in")
        expect(page.locator(".result-set .frames")).to_be_visible()
        style = "getComputedStyle(document.querySelector('.result-set .frames'))"
        assert page.evaluate(f"{style}.animationName + {style}.animationTimingFunction") == (
            "play-framessteps(3, jump-none)"
        )
        with Image.open(io.BytesIO(saved("#save-gif"))) as image:
            assert (image.format, image.n_frames) == ("GIF", 3)  # pyright: ignore[reportAttributeAccessIssue]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.wait_for_timeout(1000)  # the page keeps its values
        page.reload()
        page.wait_for_selector("#canvas .swatch.on")
        expect(page.locator(".result-set .frames")).to_be_visible()
        page.click("#variations > button")
        expect(page.locator("#blend-class input")).to_have_value("wall")

        press("#extend", "now 48 x 32")
        studio.side = 48
        assert np.array_equal(studio.picture()[:, :32], tile) and studio.picture().shape == (32, 48, 4)
        expect(made).to_be_hidden()
