"""By keyboard, by touch, by screen reader, and at every width."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


def focus_canvas(studio: StudioPage) -> None:
    """As the Tab key does: from the last control before it."""
    studio.page.locator("#canvas [data-do=import]").focus()
    studio.key("Tab")
    assert studio.page.evaluate("document.activeElement.className") == "stage"


def painted(studio: StudioPage) -> list[list[int]]:
    return np.argwhere(studio.picture()[..., 3] > 0)[:, ::-1].tolist()


def test_the_arrow_keys_move_a_cursor_that_space_and_enter_paint_with(studio: StudioPage) -> None:
    studio.colour(3)
    focus_canvas(studio)
    expect(studio.page.locator("#canvas .position")).to_have_text("16, 16")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Space"):
        studio.key(key)
    assert painted(studio) == [[18, 17]]
    studio.key("Shift+ArrowLeft")
    studio.key("Enter")
    assert painted(studio) == [[10, 17], [18, 17]]
    assert studio.picture()[17, 10].tolist() == CODEC.table[3].tolist()
    expect(studio.page.locator("#canvas .spoken")).to_have_text(f"10, 17, #{bytes(CODEC.table[3, :3]).hex()}")
    for _ in range(40):
        studio.key("ArrowUp")
    expect(studio.page.locator("#canvas .position")).to_have_text("10, 0")


def test_a_held_key_draws_a_line_that_is_one_undo_step(studio: StudioPage) -> None:
    focus_canvas(studio)
    studio.page.keyboard.down("Space")
    for _ in range(4):
        studio.key("ArrowRight")
    studio.page.keyboard.up("Space")
    studio.key("ArrowRight")
    assert painted(studio) == [[x, 16] for x in range(16, 21)]
    studio.key("Control+z")
    assert painted(studio) == []


def test_keys_mask_and_unmask_and_are_read_out(studio: StudioPage) -> None:
    focus_canvas(studio)
    studio.key("m")
    studio.page.keyboard.down("Space")
    studio.key("ArrowRight")
    studio.page.keyboard.up("Space")
    expect(studio.page.locator("#canvas .spoken")).to_have_text("17, 16, transparent, masked")
    studio.key("Shift+Space")
    expect(studio.page.locator("#canvas .spoken")).to_have_text("17, 16, transparent")
    want = np.zeros((32, 32), np.bool_)
    want[16, 16] = True
    assert np.array_equal(studio.mask(), want)


def cursor_pixels(studio: StudioPage) -> int:
    return int((studio.pixels_of("cursor")[..., 3] > 0).sum())


def test_the_cursor_shows_with_the_keyboards_focus_and_goes_with_the_pointer(studio: StudioPage) -> None:
    help_line = studio.page.locator("#canvas .message")
    studio.key("]")
    studio.stroke((3, 3))
    studio.page.mouse.move(2, 2)
    assert cursor_pixels(studio) == 0
    expect(help_line).to_have_text("", timeout=1)
    focus_canvas(studio)
    assert cursor_pixels(studio) > 200
    expect(help_line).to_contain_text("Arrow keys move")
    studio.page.mouse.click(5, 5)
    assert cursor_pixels(studio) == 0


def test_the_cursor_stays_in_sight_when_zoomed_in(studio: StudioPage) -> None:
    focus_canvas(studio)
    for _ in range(12):
        studio.key("+")
    for _ in range(20):
        studio.key("ArrowLeft")
        studio.key("ArrowUp")
    x, y = studio.at((0, 0))
    box = studio.page.locator("#canvas .stage").bounding_box()
    assert box and box["x"] <= x <= box["x"] + box["width"] and box["y"] <= y <= box["y"] + box["height"]


def test_the_colours_are_one_stop_of_the_tab_key_and_the_arrows_choose(studio: StudioPage) -> None:
    swatches = studio.page.locator("#canvas .swatch")
    studio.colour(2)
    assert studio.page.locator("#canvas .swatch[tabindex='0']").count() == 1
    for key, index in (("ArrowRight", 3), ("ArrowLeft", 2), ("ArrowLeft", 1), ("ArrowLeft", 0), ("ArrowLeft", 8)):
        studio.key(key)
        expect(swatches.nth(index)).to_be_focused()
        expect(studio.page.get_by_role("radio", checked=True).and_(swatches)).to_have_count(1)
        expect(swatches.nth(index)).to_have_attribute("aria-checked", "true")


def allowed(studio: StudioPage) -> list[int]:
    pressed = studio.page.locator("#colours .swatch").evaluate_all("all => all.map(s => s.ariaPressed === 'true')")
    return [i for i, on in enumerate(pressed) if on]


def test_palette_colours_are_clicked_dragged_and_toggled_by_key(studio: StudioPage) -> None:
    studio.page.click("#palette > button")
    studio.page.click("#colours [data-set=none]")
    swatches = studio.page.locator("#colours .swatch")
    swatches.nth(4).click()
    assert allowed(studio) == [4]
    boxes = [swatches.nth(i).bounding_box() for i in (1, 3)]
    (x, y), (end, _) = [(b["x"] + 5, b["y"] + 5) for b in boxes if b]
    studio.page.mouse.move(x, y)
    studio.page.mouse.down()
    studio.page.mouse.move(end, y, steps=12)
    studio.page.mouse.move(x, y, steps=12)
    studio.page.mouse.up()
    assert allowed(studio) == [1, 2, 3, 4]
    swatches.nth(2).focus()
    studio.key("Space")
    assert allowed(studio) == [1, 3, 4]
    expect(swatches.nth(2)).to_be_focused()
    expect(studio.page.locator("#colours .count")).to_have_text("3 of 9")
    choice = studio.page.locator("#palette-choice input")
    expect(choice).to_have_value("Custom")
    studio.page.click("#colours [data-set=all]")
    expect(choice).to_have_value("All colours")


def touch(kind: str, *places: tuple[float, float]) -> dict[str, Any]:
    return {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in places]}


def test_a_finger_that_scrolls_over_the_palette_changes_nothing(
    open_studio: OpenStudio, fake_engine: FakeEngine, fake_url: str
) -> None:
    fake_engine.row_seconds, fake_engine.fault = 0.0, None
    page = open_studio(fake_url, width=390, height=600, touch=True)
    page.page.locator("#palette > button").tap()
    swatch = page.page.locator("#colours .swatch").nth(2)
    swatch.scroll_into_view_if_needed()
    box = swatch.bounding_box()
    assert box
    finger = page.page.context.new_cdp_session(page.page)
    finger.send("Input.dispatchTouchEvent", touch("touchStart", (box["x"] + 5, box["y"] + 5)))
    for step in range(1, 11):
        place = (box["x"] + 5 + 4 * step, box["y"] + 5 - 12 * step)
        finger.send("Input.dispatchTouchEvent", touch("touchMove", place))
    finger.send("Input.dispatchTouchEvent", touch("touchEnd"))
    assert allowed(page) == list(range(9))
    swatch.tap()
    assert allowed(page) == [0, 1, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("width", [320, 390, 768, 820, 1000, 1001, 1280])
def test_the_canvas_is_large_and_nothing_scrolls_sideways(
    open_studio: OpenStudio, fake_engine: FakeEngine, fake_url: str, width: int
) -> None:
    fake_engine.row_seconds, fake_engine.fault = 0.0, None
    page = open_studio(fake_url, width=width, height=1000)
    picture = page.page.locator("#canvas .picture").bounding_box()
    bar = page.page.locator("#canvas .bar").bounding_box()
    assert picture and bar
    assert picture["width"] >= min(0.6 * width, 416), picture
    assert width <= 760 or bar["height"] < 60, "one line"
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    page.key("s")
    page.page.mouse.move(*page.at((3, 4)))
    likely = page.page.locator("#canvas .likely button")
    expect(likely.last).to_be_enabled()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(likely.evaluate_all("all => all.map(b => b.scrollWidth <= b.clientWidth)")), "nothing is cut off"


UNNAMED = """() => [...document.querySelectorAll('button, input, select, textarea, [role=slider], [role=button]')]
    .filter((e) => e.checkVisibility() && !e.ariaLabel && !e.labels?.length && !e.textContent.trim() && !e.title
        && !e.hasAttribute('aria-labelledby'))
    .map((e) => e.outerHTML.slice(0, 120))"""


def test_every_control_has_a_name_in_menus_dialogs_and_tabs_too(
    open_studio: OpenStudio, fake_engine: FakeEngine, fake_url: str
) -> None:
    fake_engine.row_seconds, fake_engine.fault = 0.0, None
    studio = open_studio(fake_url)
    page = studio.page
    studio.generate()
    for accordion in ("palette", "variations", "advanced", "export"):
        page.click(f"#{accordion} > button")
    assert page.evaluate(UNNAMED) == []
    for menu in ("picture", "select", "mask", "view"):
        page.click(f"#canvas [data-menu={menu}]")
        assert page.evaluate(UNNAMED) == [], menu
        studio.key("Escape")
    for key in ("n", "Shift+C", "j", "?", "Shift+J", "q", "a"):
        studio.key(key)
        assert page.evaluate(UNNAMED) == [], key
        studio.key("Escape")
    page.locator("#results .thumbnail-item").first.click(button="right")
    assert page.evaluate(UNNAMED) == []
    studio.key("Escape")
    for tab in ("History", "Train"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        assert page.evaluate(UNNAMED) == [], tab


def test_two_fingers_undo_and_three_redo(open_studio: OpenStudio, fake_engine: FakeEngine, fake_url: str) -> None:
    fake_engine.row_seconds, fake_engine.fault = 0.0, None
    studio = open_studio(fake_url, width=390, height=844, touch=True)
    fingers = studio.page.context.new_cdp_session(studio.page)

    def tap(count: int) -> None:
        studio.page.evaluate("scrollTo(0, 0)")
        places = [studio.at(cell) for cell in ((6, 6), (20, 8), (26, 20))[:count]]
        fingers.send("Input.dispatchTouchEvent", touch("touchStart", *places))
        fingers.send("Input.dispatchTouchEvent", touch("touchEnd"))
        studio.page.wait_for_timeout(200)

    studio.colour(3)
    tap(1)
    assert painted(studio) == [[6, 6]]
    tap(2)
    assert painted(studio) == []
    tap(3)
    assert painted(studio) == [[6, 6]]
    studio.tool("fill")
    tap(2)
    assert painted(studio) == [], "what the first finger has filled is not what is undone"


def test_the_focus_goes_to_the_next_picture_when_one_is_deleted_from_the_history(studio: StudioPage) -> None:
    studio.set_number("images", "2")
    studio.generate()
    page = studio.page
    page.get_by_role("tab", name="History").click()
    items = page.locator("#past .item")
    expect(items).to_have_count(2)
    items.first.focus()
    studio.key("Delete")
    expect(items).to_have_count(1)
    expect(items.first).to_be_focused()
    studio.key("Delete")
    expect(page.locator("#past [data-do=read]")).to_be_focused()


def test_the_colours_that_may_be_drawn_are_one_tab_stop(studio: StudioPage) -> None:
    studio.page.click("#palette > button")
    swatches = studio.page.locator("#palette .swatches .swatch")
    expect(swatches.first).to_be_visible()
    stops = "swatches => swatches.filter(({ tabIndex }) => tabIndex === 0).length"
    assert swatches.count() > 2 and swatches.evaluate_all(stops) == 1
    swatches.first.focus()
    studio.key("ArrowRight")
    expect(swatches.nth(1)).to_be_focused()
    studio.key("Space")
    expect(swatches.nth(1)).to_have_attribute("aria-pressed", "false")
    expect(swatches.nth(1)).to_be_focused()
    assert swatches.evaluate_all(stops) == 1
