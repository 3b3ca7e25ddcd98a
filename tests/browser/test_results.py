"""The first view, the examples, and what a visitor does with results. The layout does not move while drawing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pixelart.images.io import decode_picture, encode_png
from pixelart.ui.create.examples import examples
from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
CHECKPOINT, EXAMPLES = examples()
SHIFTS = """() => new PerformanceObserver((list) => {
    window.shifts = [...(window.shifts ?? []), ...list.getEntries().map(({ value, sources }) =>
        [value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 120))])];
}).observe({ type: 'layout-shift' })"""

BLOCKED = """{
    const storage = window.localStorage;    // gradio's own scripts need it
    Object.defineProperty(window, 'localStorage', { get() {
        if (/results|stars/.test(new Error().stack)) throw new DOMException('blocked', 'SecurityError');
        return storage;
    } });
    Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined });
}"""


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine(names=(CHECKPOINT, "tiny"), size=32)


@pytest.fixture(scope="module")
def url(engine: FakeEngine) -> Iterator[str]:
    with serving(engine) as address:
        yield address


def in_sight(page: Page, selector: str) -> bool:
    """Whether a press there, without scrolling, reaches the element."""
    script = """(name) => {
        const element = document.querySelector(name), box = element.getBoundingClientRect();
        return element.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
    }"""
    return page.evaluate("scrollY") == 0 and page.evaluate(script, selector)


def item(studio: StudioPage, number: int) -> Locator:
    """A result, counted from 1."""
    return studio.page.locator("#results .thumbnail-item").nth(number - 1)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (1920, 1080)])
def test_one_click_completes_the_first_view_and_three_export_it(
    open_studio: OpenStudio, url: str, width: int, height: int
) -> None:
    studio = open_studio(url, width=width, height=height, touch=width < 760)
    page, first = studio.page, EXAMPLES[0]
    studio.wait_for_picture(first.picture)
    expect(page.locator("#class input")).to_have_value(first.class_name)
    page.wait_for_selector("#canvas .canvas.masked")
    assert in_sight(page, "#complete") and in_sight(page, "#generate")
    accent = page.evaluate("getComputedStyle(document.querySelector('#complete')).backgroundColor")
    assert accent != page.evaluate("getComputedStyle(document.querySelector('#generate')).backgroundColor")
    page.wait_for_timeout(1000)  # the page has settled
    page.evaluate(SHIFTS)
    page.click("#complete")  # the first click
    studio.wait_for_status("4 pictures in")
    page.wait_for_timeout(300)
    moved = page.evaluate("window.shifts ?? []")
    assert sum(value for value, *_ in moved) < 0.0005, moved
    done = studio.picture()
    assert np.array_equal(done[~first.mask], first.picture[~first.mask]) and not np.array_equal(done, first.picture)
    results, canvas = (page.locator(name).bounding_box() for name in ("#results", "#canvas"))
    assert results and canvas
    assert (results["x"] >= canvas["x"] + canvas["width"]) == (width >= 1500), "beside the canvas if there is space"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    item(studio, 2).click(button="right")  # the second
    with page.expect_download() as caught:
        page.click("#result-tools [data-do=download]")  # the third
    exported = decode_picture(caught.value.path().read_bytes(), name="result")
    studio.key("2")
    studio.wait_for_picture(exported)
    page.wait_for_timeout(1000)  # the page keeps its values
    page.reload()
    page.wait_for_selector("#canvas .swatch.on")
    studio.wait_for_picture(exported)


def test_own_sprites_take_four_clicks_and_export_two_more(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url)
    page = studio.page
    studio.wait_for_picture(EXAMPLES[0].picture)
    own = np.zeros((32, 32, 4), np.uint8)
    own[4:28, 4:28] = (239, 125, 87, 255)
    with page.expect_file_chooser() as chooser:
        page.click("#canvas [data-do=import]")  # 1
    chooser.value.set_files({"name": "own.png", "mimeType": "image/png", "buffer": encode_png(own)})
    studio.wait_for_picture(own)
    studio.tool("mask")  # 2
    studio.stroke((8, 8), (20, 8))  # 3
    page.click("#complete")  # 4
    studio.wait_for_status("4 pictures in")
    item(studio, 1).click(button="right")  # 5
    with page.expect_download() as caught:
        page.click("#result-tools [data-do=download]")  # 6
    page.mouse.move(5, 5)
    studio.wait_for_picture(decode_picture(caught.value.path().read_bytes(), name="result"))


def test_results_are_shown_in_place_picked_starred_and_used(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url)
    page = studio.page
    studio.wait_for_picture(EXAMPLES[0].picture)
    page.click("#generate")
    studio.wait_for_status("4 pictures in")
    shown = studio.picture()
    item(studio, 3).hover()
    page.wait_for_selector("#canvas .canvas.peeking")
    third = studio.picture()
    assert not np.array_equal(third, shown)
    undo = page.locator("#canvas [data-do=undo]").is_enabled()
    page.mouse.move(5, 5)
    studio.wait_for_picture(shown)
    assert page.locator("#canvas [data-do=undo]").is_enabled() == undo, "the picture did not change"
    studio.key("3")
    studio.wait_for_status("is on the canvas")
    studio.wait_for_picture(third)
    studio.key("1")
    studio.wait_for_picture(shown)

    page.locator("#results .gallery-item").nth(2).locator(".star").click()
    starred = page.locator("#result-tools .starred button")
    expect(starred).to_have_count(1)
    with studio.draws_other_results():
        page.click("#generate")
    page.wait_for_timeout(1000)  # the page keeps its values
    page.reload()
    page.wait_for_selector("#canvas .swatch.on")
    expect(starred).to_have_count(1)
    starred.click()
    studio.wait_for_picture(third)
    studio.command("undo")
    starred.click(button="right")
    page.click("#result-tools [data-do=mask]")
    assert np.array_equal(studio.mask(), third[..., 3] >= 128)

    page.evaluate("scrollTo(0, 0)")
    starred.click(button="right")
    with studio.draws_other_results():
        page.click("#result-tools [data-share='50']")
    page.mouse.move(5, 5)
    assert not np.array_equal(studio.picture(), third)
    assert (studio.picture() == third).all(-1).mean() >= 0.5, "half of it is the same"
    starred.click(button="right")
    page.click("#result-tools [data-do=star]")
    expect(starred).to_have_count(0)


def test_results_work_where_the_browser_blocks_storage_and_copying(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url)
    page = studio.page
    page.add_init_script(BLOCKED)
    page.reload()
    page.wait_for_selector("#canvas .swatch.on")
    studio.wait_for_picture(EXAMPLES[0].picture)
    page.click("#generate")
    studio.wait_for_status("4 pictures in")
    page.locator("#results .gallery-item").nth(1).locator(".star").click()
    expect(page.locator("#canvas .message")).to_have_text("The browser could not store the star.")
    item(studio, 2).click(button="right")
    page.click("#result-tools [data-do=copy]")
    expect(page.locator("#canvas .message")).to_have_text("The browser does not allow copying.")


def test_an_example_brings_its_settings_and_other_models_have_none(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url)
    page = studio.page
    studio.wait_for_picture(EXAMPLES[0].picture)
    names = [example.name for example in EXAMPLES]
    for name in ("Silhouette", "Tile"):
        example = EXAMPLES[names.index(name)]
        page.locator("#examples button", has_text=name).click()
        studio.wait_for_picture(example.picture)
        studio.wait_for_status(example.about[:30])
        assert np.array_equal(studio.mask(), example.mask)
    strip = page.locator("#examples button")
    assert strip.evaluate_all("(all) => all.filter(({ tabIndex }) => tabIndex === 0).length") == 1, "one Tab stop"
    strip.first.focus()
    page.keyboard.press("ArrowRight")
    expect(strip.nth(1)).to_be_focused()
    page.locator("#examples button", has_text="Palette").click()
    studio.wait_for_status("Game Boy")
    expect(page.locator("#palette-choice input")).to_have_count(0)  # the panel is closed
    studio.command("undo")
    studio.wait_for_picture(EXAMPLES[names.index("Tile")].picture)
    studio.choose("model", "tiny")
    expect(page.locator("#examples")).to_have_count(0)
