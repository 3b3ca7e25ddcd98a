"""The form of the tab Train comes back with the page, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pixelart.jobs import Jobs
from pixelart.ui.security.hosting import Hosting
from tests.browser.conftest import OpenStudio
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
KEPT = """async (text) => {
    const asked = indexedDB.open('pixelart-studio', 1);
    await new Promise((resolve) => { asked.onsuccess = resolve; });
    const all = asked.result.transaction('work').objectStore('work').getAll();
    await new Promise((resolve) => { all.onsuccess = resolve; });
    asked.result.close();
    return all.result.some(({ part, value }) => part === 'train' && JSON.stringify(value).includes(text));
}"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The app of a desktop over two models."""
    engine = FakeEngine(names=("tiny", "large"), size=32)
    with (
        Jobs(tmp_path / "jobs", checkpoints=tmp_path) as jobs,
        serving(engine, jobs, hosting=Hosting("desktop")) as address,
    ):
        yield address


def open_train(page: Page, base: str) -> None:
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#base input")).to_have_value(re.compile(f"^{base} "), timeout=30_000)


def test_what_was_set_is_there_after_a_reload(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url)
    page = studio.page
    open_train(page, "tiny")
    studio.choose("base", "large")
    page.get_by_role("radio", name="Folder").check(force=True)
    page.locator("#folder :is(input, textarea)").fill("/home/me/sprites")
    page.locator("#job-name :is(input, textarea)").fill("my-sprites")
    page.get_by_role("radio", name="Best").check(force=True)
    page.locator("#flip input").uncheck()
    page.get_by_role("button", name="Advanced").last.click()
    page.get_by_label("Batch size").fill("24")
    page.get_by_label("Batch size").press("Tab")
    for text in ('"batch_size":24', '"name":"my-sprites"', '"folder":"/home/me/sprites"'):
        page.wait_for_function(f"async (text) => await ({KEPT})(text)", arg=text)
    page.reload()
    page.wait_for_selector("#canvas .swatch.on")
    open_train(page, "large")
    expect(page.get_by_role("radio", name="Folder")).to_be_checked()
    expect(page.locator("#folder :is(input, textarea)")).to_have_value("/home/me/sprites")
    expect(page.locator("#job-name :is(input, textarea)")).to_have_value("my-sprites")
    expect(page.get_by_role("radio", name="Best")).to_be_checked()
    expect(page.locator("#flip input")).not_to_be_checked()
    page.get_by_role("button", name="Advanced").last.click()
    expect(page.get_by_label("Batch size")).to_have_value("24")
    open_train(page, "large")
