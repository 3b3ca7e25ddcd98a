"""A headless Chromium, and the app to look at with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.studio_page import StudioPage
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import serving

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
REQUIRED = os.environ.get("CI_REQUIRES_BROWSER") == "1"
OpenStudio = Callable[..., StudioPage]


def missing(what: str) -> None:
    """Skips, or fails where the browser tests must run."""
    if REQUIRED:
        pytest.fail(f"CI_REQUIRES_BROWSER=1, but {what}")
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        missing("no chromium on PATH (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def fake_engine() -> FakeEngine:
    return FakeEngine(size=32)


@pytest.fixture(scope="module")
def fake_url(fake_engine: FakeEngine) -> Iterator[str]:
    with serving(fake_engine) as url:
        yield url


@pytest.fixture
def open_studio(browser: Browser) -> Iterator[OpenStudio]:
    """Opens the app at a URL; at the end no page may have written an error to its console."""
    pages: list[StudioPage] = []

    def opener(url: str, *, width: int = 1280, height: int = 900, touch: bool = False, side: int = 32) -> StudioPage:
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch)
        pages.append(StudioPage(context.new_page(), url, side=side))
        return pages[-1]

    yield opener
    errors = [error for page in pages for error in page.errors]
    for page in pages:
        page.page.context.close()
    assert errors == []


@pytest.fixture
def studio(open_studio: OpenStudio, fake_engine: FakeEngine, fake_url: str) -> StudioPage:
    """The app over a fake engine that draws a row every 10 ms."""
    fake_engine.row_seconds, fake_engine.fault, fake_engine.fault_row = 0.01, None, 3
    return open_studio(fake_url)
