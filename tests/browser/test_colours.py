"""The panel of colours and the temperature brush, by keys and pointer, with exact pixels."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


def _names(studio: StudioPage) -> list[str]:
    return studio.page.locator("#canvas .swatch").evaluate_all("all => all.map((one) => one.dataset.colour)")[1:]


def _sent(studio: StudioPage) -> dict[str, str]:
    """The canvas as Generate posts it."""
    with studio.page.expect_request(lambda r: r.method == "POST" and '"mask"' in (r.post_data or "")) as caught:
        studio.page.click("#generate")
    data = (caught.value.post_data_json or {})["data"]
    studio.page.wait_for_timeout(300)  # the status may still be that of the drawing before
    studio.wait_for_status(r"pictures? in")
    studio.page.wait_for_selector("#canvas .canvas:not(.busy)")
    return next(v for v in data if isinstance(v, dict) and "mask" in v)


def test_own_colours_are_picked_made_into_a_ramp_locked_and_put_on_the_picture(studio: StudioPage) -> None:
    page, panel = studio.page, studio.page.locator("#canvas")
    studio.colour(3)
    studio.stroke((2, 2), (9, 2))
    before = studio.picture()
    studio.key("j")
    panel.locator(".hex").fill("#204080")
    studio.key("Tab")
    panel.locator("[data-end=from]").click()
    panel.locator(".field").focus()
    for key in ("Shift+ArrowUp", "ArrowLeft"):
        studio.key(key)
    assert panel.locator(".hex").input_value() not in ("", "#204080")
    panel.locator(".steps").fill("3")
    panel.locator("[data-add=ramp]").click()
    ramp = _names(studio)
    assert ramp[0] == "204080" and ramp[2] == "ffffff" and len(ramp) == 3
    studio.key("Escape")
    lock = panel.locator("[data-do=lock]")
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#status")).to_contain_text("Locked: 3 colours")
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "false")
    studio.key("Shift+J")
    shown = {bytes(colour).hex() for colour in studio.picture()[2, 2:10]}
    assert shown <= {name + "ff" for name in ramp} and len(shown) == 1
    page.locator("#canvas dialog.recolour").get_by_role("button", name="Cancel").click()
    assert np.array_equal(studio.picture(), before)
    studio.key("Shift+J")
    page.locator("#canvas dialog.recolour").get_by_role("button", name="Apply").click()
    assert not np.array_equal(studio.picture(), before)
    studio.key("Control+z")
    assert np.array_equal(studio.picture(), before)
    page.select_option("#canvas .source", "picture")
    assert _names(studio) == [bytes(CODEC.table[3, :3]).hex()]
    page.select_option("#canvas .source", "CGA")
    studio.key("Shift+S")
    assert _names(studio)[0] == "ffffff" and len(_names(studio)) == 16


def test_temperature_is_painted_undone_sent_and_kept_on_reload(
    open_studio: OpenStudio, fake_engine: FakeEngine, fake_url: str
) -> None:
    fake_engine.row_seconds = 0.001
    studio = open_studio(fake_url)
    page = studio.page
    studio.key("q")
    studio.stroke((4, 4), (9, 4))
    studio.key("1")
    studio.stroke((4, 8), (6, 8))
    studio.stroke((4, 4), button="right")
    studio.stroke((20, 20))
    studio.key("Control+z")
    wanted = np.full((32, 32), 100, np.uint8)
    wanted[4, 5:10], wanted[8, 4:7] = 160, 50
    assert not studio.picture().any()
    sent = np.frombuffer(base64.b64decode(_sent(studio)["temperature"]), np.uint8).reshape(32, 32)
    assert np.array_equal(sent, wanted)
    page.reload()
    studio.wait_for_status("Your picture is back")
    expect(page.locator("#canvas .levels")).to_be_visible()
    expect(page.locator("#canvas [data-percent='50']")).to_have_attribute("aria-checked", "true")
    assert _sent(studio)["temperature"] == base64.b64encode(wanted.tobytes()).decode()
    studio.key("Shift+Q")
    assert _sent(studio)["temperature"] is None
