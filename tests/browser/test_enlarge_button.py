"""The button Enlarge in a real browser: where it is offered, what it does to the canvas, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The app over a model that enlarges and one that does not."""
    with serving(FakeEngine(names=("scales", "tiny"), size=32, row_seconds=0.01)) as address:
        yield address


def test_the_canvas_grows_with_the_result_and_undo_brings_back_what_was_painted(
    open_studio: OpenStudio, url: str
) -> None:
    page = open_studio(url)
    page.colour(3)
    page.stroke((4, 5), (20, 25))
    page.tool("mask")
    page.stroke((9, 9))
    before = page.picture()
    page.page.click("#enlarge")
    page.wait_for_status(r"4 pictures in .*now 64 x 64")
    after = page.picture()
    assert after.shape == (64, 64, 4) and np.array_equal(after[::2, ::2], before)
    page.command("undo")
    assert np.array_equal(page.picture(), before) and page.mask()[9, 9] and page.mask().sum() == 1
    page.page.locator("#results img").first.click()
    page.wait_for_status("is on the canvas")
    page.wait_for_picture(after)


def test_with_a_model_that_cannot_enlarge_another_does_it_and_is_named(open_studio: OpenStudio, url: str) -> None:
    page = open_studio(url)
    page.choose("model", "tiny")
    page.wait_for_status("Press Generate")
    before = page.picture()
    page.page.click("#enlarge")
    page.wait_for_status("scales enlarged it: tiny cannot")
    assert np.array_equal(page.picture()[::2, ::2], before)
    expect(page.page.locator("#model input")).to_have_value(re.compile("^tiny"))


@pytest.mark.parametrize("width", [390, 800, 1024, 1280])
def test_the_buttons_have_room(open_studio: OpenStudio, url: str, width: int) -> None:
    page = open_studio(url, width=width)
    expect(page.page.locator("#enlarge")).to_be_visible()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    tops = set[float]()
    for name in ("generate", "complete", "enlarge", "stop"):
        box = page.page.locator(f"#{name}").bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
        clipped = f"(e => e.scrollWidth > e.clientWidth)(document.querySelector('#{name}'))"
        assert not page.page.evaluate(clipped), name
        tops.add(box["y"])
    assert len(tops) == 1 or width > 1000, "one line where they lie below the canvas"


def test_it_is_not_offered_where_no_model_can(studio: StudioPage) -> None:
    expect(studio.page.locator("#generate")).to_be_visible()
    expect(studio.page.locator("#enlarge")).to_be_hidden()
