"""What a visitor reads when the app takes no more."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from pixelart.ui.create.tab import REFUSED
from tests.browser.conftest import OpenStudio
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving_app

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


def test_a_full_queue_is_told_on_the_page_and_the_next_press_draws(open_studio: OpenStudio) -> None:
    with serving_app(FakeEngine(size=32)) as (app, url):
        studio, queue = open_studio(url), app._queue
        queue.max_size, limit = 0, queue.max_size
        studio.page.click("#generate")
        expect(studio.page.get_by_text("currently busy")).to_be_visible()
        expect(studio.page.locator("#status")).to_have_text(REFUSED)
        queue.max_size = limit
        studio.errors.clear()  # a browser notes every answer of 503
        studio.generate()


def test_a_body_beyond_the_limit_is_told_on_the_page(open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving_app(FakeEngine(size=32)) as (app, url):
        studio = open_studio(url)
        limit = _body_limit(app.app.middleware_stack)
        monkeypatch.setattr(limit, "limit", 1000)
        studio.page.click("#complete")
        expect(studio.page.get_by_text("The request is too large; the limit is 0 MiB.")).to_be_visible()
        studio.errors.clear()


def _body_limit(layer: Any) -> Any:
    while type(layer).__name__ != "BodyLimit":
        layer = layer.app
    return layer
