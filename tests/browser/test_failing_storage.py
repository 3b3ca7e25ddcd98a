"""Storage of the browser that is full or closed, or has no locks: what can be stored is, and the page tells it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.browser.test_kept_work import came_back, kept, wait_for_canvas
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
NOT_STORED = "The browser could not store your work. Save what you want to keep."
ID = "sessionStorage.getItem('pixelart-studio')"
FULL = """{
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (record) {
        if (window.isFull && record.part === 'canvas') throw new DOMException('full', 'QuotaExceededError');
        return put.call(this, record);
    };
}"""
DATABASES = """{
    const { open } = IDBFactory.prototype;
    window.databases = [];
    IDBFactory.prototype.open = function (...asked) {
        const request = open.apply(this, asked);
        request.addEventListener('success', () => window.databases.push(request.result));
        return request;
    };
}"""
NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })"


@pytest.fixture(scope="module")
def fake_url() -> Iterator[str]:
    with serving(FakeEngine(size=32)) as url:
        yield url


def with_script(open_studio: OpenStudio, url: str, script: str) -> StudioPage:
    """A page that runs the script first."""
    studio = open_studio(url)
    studio.page.add_init_script(script)
    studio.page.reload()
    wait_for_canvas(studio.page)
    return studio


def test_full_storage_is_told_once_and_later_work_is_stored(open_studio: OpenStudio, fake_url: str) -> None:
    studio = with_script(open_studio, fake_url, FULL)
    page, message = studio.page, studio.page.locator("#canvas .message")
    studio.stroke((1, 1))
    kept(studio, "canvas")
    page.evaluate("window.isFull = true")
    studio.stroke((3, 3), (9, 9))
    expect(message).to_have_text(NOT_STORED)
    page.evaluate("document.querySelector('#canvas .message').textContent = ''")
    studio.stroke((3, 9))
    page.wait_for_timeout(800)
    expect(message).to_have_text("")
    painted = studio.picture()
    page.evaluate("window.isFull = false")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.reload()
    came_back(studio)
    assert np.array_equal(studio.picture(), painted), "what was not stored is tried again"


def test_storage_that_the_browser_closed_is_opened_again(open_studio: OpenStudio, fake_url: str) -> None:
    studio = with_script(open_studio, fake_url, DATABASES)
    page = studio.page
    studio.stroke((1, 1))
    kept(studio, "canvas")
    page.evaluate("""window.databases.filter(({ name }) => name === 'pixelart-studio').forEach((database) => {
        database.close();
        database.dispatchEvent(new Event('close'));
    })""")
    studio.stroke((3, 3), (9, 9))
    page.wait_for_timeout(1000)  # it is stored in an idle moment
    painted = studio.picture()
    page.reload()
    came_back(studio)
    assert np.array_equal(studio.picture(), painted)
    expect(page.locator("#canvas .message")).not_to_have_text(NOT_STORED)


def test_without_locks_a_closed_tab_is_continued_and_a_copied_one_gets_its_own_work(
    open_studio: OpenStudio, fake_url: str
) -> None:
    studio = with_script(open_studio, fake_url, NO_LOCKS)
    context, own = studio.page.context, studio.page.evaluate(ID)
    context.add_init_script(NO_LOCKS)
    studio.stroke((3, 3), (9, 9))
    painted = studio.picture()
    kept(studio, "canvas")
    copy = context.new_page()
    copy.add_init_script(f"if (!{ID}) sessionStorage.setItem('pixelart-studio', '{own}')")
    copy.goto(fake_url)
    wait_for_canvas(copy)
    copy.wait_for_function(f"{ID} !== '{own}'")
    copy.close()
    studio.page.reload()
    came_back(studio)
    assert studio.page.evaluate(ID) == own and np.array_equal(studio.picture(), painted)
    studio.page.close()
    later = StudioPage(context.new_page(), fake_url)
    came_back(later)
    assert np.array_equal(later.picture(), painted)
