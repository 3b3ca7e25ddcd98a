"""What an artist's hand and eye meet on the page: the Tab key, focus, contrast, thumbnails, lines, fingers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
FOCUSED = """() => { const e = document.activeElement, inner = e.closest('#canvas');
    return inner ? 'canvas' : e.id || e.getAttribute('aria-label') || e.textContent.trim(); }"""
CONTRASTS = """() => {
    const numbers = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => sum + part * linear(c[i] / 255), 0);
    const over = (top, below) => [0, 1, 2].map((i) => top[i] * (top[3] ?? 1) + below[i] * (1 - (top[3] ?? 1)));
    const style = (e) => getComputedStyle(e);
    const ground = (e) => (e ? over(numbers(style(e).backgroundColor), ground(e.parentElement)) : [255, 255, 255]);
    const isFaint = (e) => e && (style(e).opacity < 1 || isFaint(e.parentElement));
    const bad = [];
    for (const e of document.querySelectorAll('body *')) {
        if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
        if (!e.checkVisibility() || e.closest('[disabled], script, style, .hide') || isFaint(e)) continue;
        const back = ground(e), [a, b] = [light(over(numbers(style(e).color), back)), light(back)];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) bad.push([e.textContent.trim().slice(0, 30), Math.round(ratio * 100) / 100]);
    }
    return bad;
}"""
SMALL = """() => [...document.querySelectorAll('button')].map((b) => [b, b.getBoundingClientRect()])
    .filter(([b, box]) => b.checkVisibility() && !b.closest('.visually-hidden') && (box.width < 44 || box.height < 44))
    .map(([b, box]) => [b.id || b.dataset.do || b.textContent.trim() || b.className, box.width, box.height])"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(FakeEngine(names=("tiny", "scales"), size=32, row_seconds=0.002)) as address:
        yield address


def test_after_the_canvas_the_tab_key_comes_to_generate(open_studio: OpenStudio, url: str) -> None:
    page = open_studio(url).page
    page.locator("#examples").wait_for(state="hidden")  # this model has none
    page.locator("#canvas [data-tool].on").focus()
    stops = list[str]()
    while "generate" not in stops and len(stops) < 12:
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
    assert stops[-1] == "generate" and stops[:-1] == ["canvas"] * (len(stops) - 1) and len(stops) <= 6


def test_the_arrows_go_through_a_toolbar_and_it_is_left_and_found_again_where_it_was(
    open_studio: OpenStudio, url: str
) -> None:
    page = open_studio(url).page
    tool = "document.activeElement.dataset.tool"
    page.locator("#canvas [data-tool].on").focus()
    for key, there in (("ArrowDown", "eraser"), ("ArrowRight", "pick"), ("End", "inspect"), ("ArrowDown", "pencil")):
        page.keyboard.press(key)
        assert page.evaluate(tool) == there
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(tool) == "eraser"
    page.keyboard.press("Enter")
    expect(page.locator("#canvas [data-tool=eraser]")).to_have_attribute("aria-pressed", "true")


def test_a_list_that_the_tab_key_leaves_is_closed_and_nothing_is_chosen(open_studio: OpenStudio, url: str) -> None:
    page = open_studio(url).page
    for box in ("class", "model"):
        before = page.locator(f"#{box} input").input_value()
        page.click(f"#{box} input")
        expect(page.locator("ul").get_by_role("option").first).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.locator("ul").get_by_role("option")).to_have_count(0)
        assert page.locator(f"#{box} input").input_value() == before
        assert page.evaluate("document.activeElement.tagName") != "BODY"


def test_a_slider_shows_that_it_has_the_focus(open_studio: OpenStudio, url: str) -> None:
    page = open_studio(url).page
    for slider in page.locator("input[type=range]:visible").all():
        slider.focus()
        page.keyboard.press("ArrowRight")
        style: Any = slider.evaluate("e => [getComputedStyle(e).outlineStyle, getComputedStyle(e).outlineWidth]")
        assert style == ["solid", "2px"], slider


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["Create", "Train"])
def test_every_text_can_be_read(open_studio: OpenStudio, url: str, theme: str, tab: str) -> None:
    studio = open_studio(f"{url}?__theme={theme}")
    studio.generate()
    if tab != "Create":
        studio.page.get_by_role("tab", name=tab).click()
    studio.page.wait_for_timeout(500)
    assert studio.page.evaluate(CONTRASTS) == []


def test_shift_draws_a_line_with_the_pencil_from_where_the_last_stroke_ended(studio: StudioPage) -> None:
    studio.colour(3)
    studio.stroke((4, 4))
    studio.page.keyboard.down("Shift")
    studio.stroke((12, 4))
    studio.stroke((12, 9))
    studio.page.keyboard.up("Shift")
    drawn = np.argwhere((studio.picture() == CODEC.table[3]).all(-1)).tolist()
    assert drawn == [[4, x] for x in range(4, 13)] + [[y, 12] for y in range(5, 10)]
    studio.tool("eraser")
    studio.page.keyboard.down("Shift")
    studio.stroke((12, 4))
    studio.page.keyboard.up("Shift")
    assert np.argwhere(studio.picture()[..., 3] > 0).tolist() == [[4, x] for x in range(4, 12)]
    for _ in range(4):
        studio.key("Control+z")
    assert not studio.picture()[..., 3].any()
    studio.tool("mask")
    studio.stroke((1, 1), (5, 1))
    studio.page.keyboard.down("Shift")
    studio.stroke((3, 1))
    studio.page.keyboard.up("Shift")
    assert np.argwhere(studio.mask()).tolist() == [[1, 1], [1, 2], [1, 4], [1, 5]], "with the mask Shift takes away"


def test_what_is_refused_is_no_longer_said_to_be_imported(studio: StudioPage) -> None:
    bad = {"name": "huge.png", "mimeType": "image/png", "buffer": b"no picture"}
    studio.page.set_input_files("#canvas .file", files=[bad])  # pyright: ignore[reportArgumentType]
    studio.wait_for_status("huge.png: ")
    expect(studio.page.locator("#canvas .message")).to_have_text("", timeout=1000)


@pytest.mark.parametrize("width", [390, 1280, 1500])
def test_pixels_are_shown_a_whole_number_of_times_on_a_chequer_of_whole_pixels(
    open_studio: OpenStudio, url: str, width: int
) -> None:
    studio = open_studio(url, width=width)
    studio.generate()
    studio.page.wait_for_timeout(300)
    for wide, high, natural, chequer in studio.page.locator("#results img").evaluate_all(
        "all => all.map(i => [i.clientWidth, i.clientHeight, i.naturalWidth, parseFloat(i.style.backgroundSize)])"
    ):
        times = wide / natural
        assert wide == high and times == int(times) >= 1 and chequer / times % 2 == 0
    cell, square = studio.page.evaluate(
        "() => { const p = document.querySelector('#canvas .picture');"
        "return [parseFloat(p.style.width) / p.width, parseFloat(p.style.backgroundSize)] }"
    )
    assert square / cell == pytest.approx(round(square / cell)) and round(square / cell) % 2 == 0


def test_fingers_find_every_button_of_a_phone(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url, width=390, height=844, touch=True)
    studio.generate()
    for accordion in ("Palette", "Advanced", "Export"):
        studio.page.get_by_role("button", name=accordion).first.click()
    studio.page.wait_for_timeout(500)
    assert studio.page.evaluate(SMALL) == []
    assert studio.page.evaluate("document.documentElement.scrollWidth") <= 390
    studio.page.get_by_role("tab", name="Train").click()
    assert studio.page.evaluate(SMALL) == []


COVERED = """() => {
    const all = [...document.querySelectorAll("#actions button")].filter((one) => one.offsetParent);
    return all.filter((one) => {
        const { x, y, width, height } = one.getBoundingClientRect();
        return !one.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }).map((one) => one.id);
}"""
"""The buttons that draw whose middle is covered by something else."""


def test_nothing_lies_over_the_buttons_of_a_phone_wherever_it_is_scrolled(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url, width=390, height=844, touch=True)
    for accordion in ("Palette", "Advanced", "Export"):
        studio.page.get_by_role("button", name=accordion).first.click()
    studio.page.wait_for_timeout(500)
    height = studio.page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, height, 15):
        studio.page.evaluate(f"window.scrollTo(0, {top})")
        assert studio.page.evaluate(COVERED) == [], top
