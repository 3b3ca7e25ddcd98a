"""Where things stand on the page: nothing jumps, hides or fades that is to be read or pressed."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import FloatRect, Page, expect

from pixelart.images.io import encode_png
from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.ui.serving import GRADIO_WARNINGS

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


def box_of(page: Page, selector: str) -> FloatRect:
    """The place of an element on the screen: x, y, width, height."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box


def import_sheet(page: Page) -> None:
    """Chooses a file of 96 x 64 pixels, which opens the dialog of an import."""
    data = encode_png(np.full((64, 96, 4), 255, np.uint8))
    sheet = {"name": "sheet.png", "mimeType": "image/png", "buffer": data}
    page.set_input_files("#canvas .file", files=[sheet])  # pyright: ignore[reportArgumentType]
    page.wait_for_selector("dialog.import[open]")


def test_the_caption_of_a_result_below_the_pointer_is_not_faint(studio: StudioPage) -> None:
    studio.generate()
    item = studio.page.locator("#results .thumbnail-item").first
    item.hover()
    assert item.locator(".caption-label").evaluate("e => getComputedStyle(e).opacity") == "1"


def test_the_switch_transparent_stays_where_it_is(studio: StudioPage) -> None:
    studio.page.click("#export > button")
    studio.page.wait_for_selector("#save")
    left = box_of(studio.page, "#transparent label")["x"]
    assert left == pytest.approx(box_of(studio.page, "#save")["x"], abs=1)
    studio.page.locator("#transparent input").uncheck()
    studio.page.wait_for_selector("#background .dialog-button")
    assert box_of(studio.page, "#transparent label")["x"] == pytest.approx(left, abs=1)


def test_the_dialog_of_an_import_keeps_its_width(studio: StudioPage) -> None:
    import_sheet(studio.page)
    widths = set[int]()
    for choice in ("open", "place", "cut", "crop", "fit"):
        studio.page.locator(f"dialog.import input[value={choice}]").check()
        widths.add(round(box_of(studio.page, "dialog.import")["width"]))
    assert len(widths) == 1


def test_a_message_does_not_cover_the_number_of_the_page(studio: StudioPage) -> None:
    page = studio.page
    import_sheet(page)
    page.locator("dialog.import input[value=cut]").check()
    page.click("dialog.import .main")
    expect(page.locator("#canvas .page-line")).to_have_text("Picture 1 of 6")
    studio.command("copy")
    expect(page.locator("#canvas .message")).not_to_have_text("")
    message, line = box_of(page, "#canvas .message"), box_of(page, "#canvas .page-line")
    assert message["y"] + message["height"] <= line["y"]


def test_on_a_phone_the_list_of_models_takes_the_free_room(open_studio: OpenStudio, fake_url: str) -> None:
    page = open_studio(fake_url, width=390, height=844, touch=True).page
    models, tabs = box_of(page, "#model"), box_of(page, "#workspace")
    assert models["x"] + models["width"] == pytest.approx(tabs["x"] + tabs["width"], abs=2)


def test_on_a_phone_the_whole_picker_is_in_sight(open_studio: OpenStudio, fake_url: str) -> None:
    page = open_studio(fake_url, width=390, height=844, touch=True).page
    page.click("#canvas [data-do=picker]")
    picker = box_of(page, "#canvas .picker")
    assert picker["y"] >= 0 and picker["y"] + picker["height"] <= 844


def test_on_a_phone_the_list_of_keys_starts_at_its_top(open_studio: OpenStudio, fake_url: str) -> None:
    studio = open_studio(fake_url, width=390, height=844, touch=True)
    studio.command("keys")
    expect(studio.page.locator("dialog.keys h2")).to_be_in_viewport()
