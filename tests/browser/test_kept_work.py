"""What a reload, Back, a closed tab or a program that starts again must not lose, in a real browser."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.tiers import a_long
from tests.ui.create.test_any_palette import AnyEngine
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
BACK = "Your picture is back"
RECORDS = """async (change) => {
    const asked = indexedDB.open('pixelart-studio', 1);
    await new Promise((resolve) => { asked.onsuccess = resolve; });
    const records = asked.result.transaction('work', 'readwrite').objectStore('work'), all = records.getAll();
    await new Promise((resolve) => { all.onsuccess = resolve; });
    if (change) for (const record of all.result) records.put(eval(change)(record));
    await new Promise((resolve) => { records.transaction.oncomplete = resolve; });
    asked.result.close();
    return all.result.map(({ tab, part, value }) => [tab, part, part === 'canvas' ? value?.undo?.length : 0]);
}"""

VALUES = RECORDS[: RECORDS.index("return all")] + "return all.result.filter(({ part }) => part === 'create');\n}"


def came_back(studio: StudioPage) -> None:
    expect(studio.page.locator("#status")).to_contain_text(BACK, timeout=20_000)


def kept(studio: StudioPage, part: str) -> None:
    """Waits until the browser has kept something of a part. What waits for an idle moment is written before."""
    studio.page.evaluate("dispatchEvent(new Event('pagehide'))")
    studio.page.wait_for_function(f"async (part) => (await ({RECORDS})()).some((r) => r[1] === part)", arg=part)


def wait_for_canvas(page: Page) -> None:
    page.wait_for_function("document.querySelector('#canvas .picture')?.width === 32", timeout=20_000)


def work_of(studio: StudioPage) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Something painted, masked, drawn and set; returned are the picture before and after it was drawn, and what is
    written below the results."""
    studio.choose_class("hero")
    studio.set_number("seed", "40")
    studio.set_number("images", "3")
    studio.colour(3)
    studio.stroke((3, 3), (9, 9))
    studio.tool("mask")
    studio.stroke((12, 12), (15, 12))
    painted = studio.picture()
    studio.generate()
    kept(studio, "results")
    kept(studio, "create")
    return painted, studio.picture(), studio.captions()


def check_work(studio: StudioPage, painted: np.ndarray, drawn: np.ndarray, captions: list[str]) -> None:
    came_back(studio)
    studio.wait_for_picture(drawn)
    assert studio.captions() == captions and studio.active_tool() == "mask"
    expect(studio.page.locator("#class input")).to_have_value("hero")
    expect(studio.page.locator("#seed input")).to_have_value("40")
    expect(studio.page.locator("#images input[type=number]")).to_have_value("3")
    studio.page.locator("#results .thumbnail-item").nth(1).click()
    studio.wait_for_status("Seed 41 is on the canvas")
    studio.command("undo")
    studio.command("undo")
    assert np.array_equal(studio.picture(), painted)
    want = np.zeros((32, 32), np.bool_)
    want[12, 12:16] = True
    assert np.array_equal(studio.mask(), want)
    studio.command("redo")
    assert np.array_equal(studio.picture(), drawn)


def test_a_reload_loses_nothing(studio: StudioPage) -> None:
    work = work_of(studio)
    studio.page.reload()
    check_work(studio, *work)


def test_a_palette_of_the_visitor_is_there_after_a_reload_and_so_is_its_name(open_studio: OpenStudio) -> None:
    with serving(AnyEngine(size=32)) as url:
        studio = open_studio(url)
        wait_for_canvas(studio.page)
        studio.page.click("#palette > button")
        studio.choose("palette-choice", "Game Boy")
        count = studio.page.locator("#colours .count")
        expect(count).to_have_text("5 of 5", timeout=20_000)
        studio.stroke((3, 3), (9, 9))
        kept(studio, "canvas")
        studio.page.wait_for_function(
            f"async () => JSON.stringify(await ({VALUES})()).includes('0f380f')", timeout=20_000
        )
        studio.page.reload()
        came_back(studio)
        studio.page.click("#palette > button")
        expect(count).to_have_text("5 of 5", timeout=20_000)
        expect(studio.page.locator("#palette-choice input")).to_have_value("Game Boy")


def test_a_stroke_right_before_a_reload_is_there(studio: StudioPage) -> None:
    for x in range(5):
        studio.stroke((x, 20), (x, 25))
    painted = studio.picture()
    studio.page.reload()
    came_back(studio)
    assert np.array_equal(studio.picture(), painted)
    for _ in range(5):
        studio.command("undo")
    assert not studio.picture().any()
    studio.command("redo")
    assert np.argwhere(studio.picture()[..., 3])[:, 1].tolist() == [0] * 6


def test_back_and_forward_lose_nothing(studio: StudioPage, fake_url: str) -> None:
    work = work_of(studio)
    studio.page.goto("about:blank")
    studio.page.go_back()
    studio.page.wait_for_selector("#canvas .swatch.on")
    check_work(studio, *work)


def test_a_closed_tab_comes_back_in_a_new_one_and_a_second_tab_begins_anew(studio: StudioPage, fake_url: str) -> None:
    work, context = work_of(studio), studio.page.context
    second = StudioPage(context.new_page(), fake_url)
    assert not second.picture().any() and second.captions() == []
    second.stroke((1, 1))
    second.page.close()
    studio.page.close()
    third = StudioPage(context.new_page(), fake_url)
    came_back(third)
    assert np.argwhere(third.picture()[..., 3]).tolist() == [[1, 1]], "what was painted last"
    fourth = StudioPage(context.new_page(), fake_url)
    check_work(fourth, *work)
    assert np.argwhere(third.picture()[..., 3]).tolist() == [[1, 1]]
    assert not third.errors and not fourth.errors


def test_a_duplicated_tab_begins_with_a_copy_of_its_own(studio: StudioPage, fake_url: str) -> None:
    studio.stroke((3, 3))
    kept(studio, "canvas")
    with studio.page.expect_popup() as opened:
        studio.page.evaluate("url => { window.open(url); }", fake_url)  # sessionStorage goes along
    copy = opened.value
    copy.wait_for_selector("#canvas .swatch.on")
    expect(copy.locator("#status")).to_contain_text(BACK, timeout=20_000)
    tabs = [page.evaluate("sessionStorage.getItem('pixelart-studio')") for page in (studio.page, copy)]
    assert tabs[0] != tabs[1] and all(re.fullmatch("[0-9a-f]{32}", tab) for tab in tabs)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_a_program_that_starts_again_loses_nothing(open_studio: OpenStudio) -> None:
    port = free_port()
    with serving(FakeEngine(size=32), port=port) as url:
        studio = open_studio(url)
        painted, drawn, captions = work_of(studio)
    with serving(FakeEngine(size=32), port=port) as again:
        assert again == url
        studio.errors.clear()  # the page said that the program was gone
        studio.page.locator("#results .thumbnail-item").nth(2).click()
        studio.wait_for_status("Seed 42 is on the canvas|" + BACK)  # gradio may load the page again by itself
        studio.page.reload()
        came_back(studio)
        assert studio.captions() == captions
        studio.page.locator("#results .thumbnail-item").nth(0).click()
        studio.wait_for_picture(drawn)
        studio.errors.clear()
        studio.page.click("#reuse")
        expect(studio.page.locator("#seed input")).to_have_value("40")
        while studio.page.locator("#canvas [data-do=undo]").is_enabled():
            studio.command("undo")
            if np.array_equal(studio.picture(), painted):
                break
        assert np.array_equal(studio.picture(), painted)


def test_work_is_stored_while_the_page_is_open_and_without_a_cancelled_stroke(studio: StudioPage) -> None:
    studio.stroke((3, 3), (9, 9))
    painted = studio.picture()
    stored = f"async () => (await ({RECORDS})()).find((r) => r[1] === 'canvas')?.[2] >= 1"
    studio.page.wait_for_function(stored)  # in an idle moment
    studio.stroke((12, 3), (12, 9))
    studio.page.mouse.move(*studio.at((20, 20)))
    studio.page.mouse.down()
    studio.page.mouse.move(*studio.at((25, 25)))
    studio.page.wait_for_timeout(1000)  # what the stroke before it left is written now
    studio.key("Escape")
    studio.page.mouse.up()
    shown = studio.picture()
    studio.page.reload()
    wait_for_canvas(studio.page)
    studio.wait_for_picture(shown)
    studio.command("undo")
    assert np.array_equal(studio.picture(), painted)


def test_a_new_picture_is_one_undo_step(studio: StudioPage) -> None:
    studio.stroke((3, 3), (9, 9))
    painted = studio.picture()
    studio.new_picture()
    assert not studio.picture().any()
    studio.command("undo")
    assert np.array_equal(studio.picture(), painted)


HOSTILE = {
    "no document": "(r) => ({ ...r, value: 3 })",
    "null": "(r) => ({ ...r, value: null })",
    "huge": "(r) => ({ ...r, value: { ...r.value, now: { ...r.value.now, width: 1e9, height: 1e9 } } })",
    "short": "(r) => ({ ...r, value: { ...r.value, now: { ...r.value.now, pixels: new Uint8ClampedArray(5) } } })",
    "text": "(r) => ({ ...r, value: { ...r.value, now: { ...r.value.now, pixels: '<img onerror=window.ran=1>' } } })",
    "mask": "(r) => ({ ...r, value: { ...r.value, now: { ...r.value.now, mask: new Uint8Array(1024).fill(7) } } })",
    "not whole": "(r) => ({ ...r, value: { ...r.value, now: { ...r.value.now, width: 32.5 } } })",
    "tab": "(r) => ({ ...r, tab: '<img src=x onerror=window.ran=1>' })",
}  # fmt: skip


@pytest.mark.parametrize("name", [name if name in ("huge", "text") else a_long(name) for name in HOSTILE])
def test_what_lies_there_is_not_believed(studio: StudioPage, name: str) -> None:
    studio.stroke((3, 3), (9, 9))
    kept(studio, "canvas")
    studio.page.evaluate(RECORDS, HOSTILE[name])
    if name == "tab":
        studio.page.evaluate("sessionStorage.setItem('pixelart-studio', '<img src=x onerror=window.ran=1>')")
    studio.page.reload()
    wait_for_canvas(studio.page)
    if name != "tab":
        assert not studio.picture().any()
    studio.stroke((1, 1))
    assert studio.picture()[1, 1].any() and studio.page.evaluate("window.ran") is None
    studio.generate()


def test_bad_steps_and_tools_leave_the_painting(studio: StudioPage) -> None:
    studio.stroke((3, 3), (9, 9))
    painted = studio.picture()
    kept(studio, "canvas")
    tools = "{ tool: '<b>', sizes: { pencil: 1e9 }, colour: ['x', 300, 0, 0], mirror: 'yes', showGrid: 1 }"
    studio.page.evaluate(RECORDS, f"(r) => ({{ ...r, value: {{ ...r.value, undo: [{{}}, 3], tools: {tools} }} }})")
    studio.page.reload()
    came_back(studio)
    assert np.array_equal(studio.picture(), painted) and studio.active_tool() == "pencil"
    assert studio.page.locator("#canvas [data-do=undo]").is_disabled()


def test_no_more_than_six_tabs_and_thirty_days_are_kept(studio: StudioPage, fake_url: str) -> None:
    context, seen = studio.page.context, set[str]()
    studio.stroke((2, 2))
    kept(studio, "canvas")
    fill = """async (days) => {
        const asked = indexedDB.open('pixelart-studio', 1);
        await new Promise((resolve) => { asked.onsuccess = resolve; });
        const records = asked.result.transaction('work', 'readwrite').objectStore('work');
        const now = Date.now();
        const old = (age, i) => ({ tab: String(i).padStart(32, 'a'), part: 'canvas', time: now - age * 864e5 });
        days.forEach((age, i) => records.put(old(age, i)));
        await new Promise((resolve) => { records.transaction.oncomplete = resolve; });
        asked.result.close();
    }"""  # fmt: skip
    studio.page.evaluate(fill, [1, 2, 3, 4, 5, 6, 7, 8, 31])
    other = StudioPage(context.new_page(), fake_url)
    other.page.wait_for_function(f"async () => new Set((await ({RECORDS})()).map((r) => r[0])).size <= 6")
    seen |= {record[0] for record in other.page.evaluate(RECORDS)}
    assert studio.page.evaluate("sessionStorage.getItem('pixelart-studio')") in seen and len(seen) == 6


@pytest.fixture
def without_storage(open_studio: OpenStudio, fake_url: str) -> Iterator[Page]:
    studio = open_studio(fake_url)
    studio.page.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined })")
    studio.page.reload()
    wait_for_canvas(studio.page)
    yield studio.page


def test_a_browser_without_storage_keeps_nothing_and_works(without_storage: Page) -> None:
    without_storage.click("#generate")
    expect(without_storage.locator("#status")).to_contain_text(re.compile("4 pictures in"), timeout=20_000)
