"""The page's modules when they are slow, missing, behind a proxy, or used by two canvases at once."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from pixelart.ui import launch_settings
from pixelart.ui.components import PixelCanvas
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.security.safe_blocks import SafeBlocks
from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import StudioPage
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving, without_resource_warnings

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
MODULES = "**/studio/**"
RED = (255, 0, 0, 255)
BESIDE = ("/manifest.json", "/favicon.ico")
"""What gradio asks for at the root of its host, whatever its root path is."""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def late(seconds: float) -> Any:
    """A handler of requests that answers late, all at the same time."""
    until = time.monotonic() + seconds

    def answer(route: Route) -> None:
        time.sleep(max(0.0, until - time.monotonic()))
        route.continue_()

    return answer


def test_nothing_that_python_sends_before_the_modules_are_there_is_lost(page: Page, fake_url: str) -> None:
    page.route(MODULES, late(5))
    studio = StudioPage(page, fake_url)  # waits for the colours and the size of the model
    assert page.locator("#canvas .swatch").count() == 9
    studio.generate()
    assert studio.picture()[..., 3].any() and studio.errors == []


def test_work_is_restored_when_the_modules_are_late(page: Page, fake_url: str) -> None:
    studio = StudioPage(page, fake_url)
    studio.stroke((3, 3), (9, 3))
    painted = studio.picture()
    page.wait_for_timeout(500)
    page.route(MODULES, late(5))
    again = StudioPage(page, fake_url)
    again.wait_for_picture(painted)
    again.key("Control+z")
    assert not again.picture()[..., 3].any()


def test_a_part_whose_module_is_missing_says_so(page: Page, fake_url: str) -> None:
    page.route("**/canvas/main.js", lambda route: route.abort())
    page.goto(fake_url)
    page.wait_for_selector("#canvas")
    expect(page.locator("#canvas")).to_contain_text("could not be loaded. Reload the page.")


@contextmanager
def two_canvases() -> Iterator[str]:
    """A page of two canvases and a button for each, which paints it red; the URL."""
    red = np.full((8, 8, 4), RED, np.uint8)
    with without_resource_warnings(), SafeBlocks(analytics_enabled=False) as app:
        for name in ("left", "right"):
            canvas = PixelCanvas(Canvas(np.zeros_like(red)), elem_id=name)
            gr.Button(name, elem_id=f"paint-{name}").click(lambda: Canvas(red), None, canvas)
    app.queue(api_open=False)
    with without_resource_warnings():
        _, url, _ = app.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, **launch_settings())
    try:
        yield url
    finally:
        with without_resource_warnings():
            app.close(verbose=False)


def shown(page: Page, name: str) -> list[int]:
    """Alpha of each pixel of a canvas."""
    read = """c => [...c.getContext("2d").getImageData(0, 0, 8, 8).data].filter((_, i) => i % 4 === 3)"""
    return page.locator(f"#{name} .picture").evaluate(read)


def test_two_canvases_of_one_page_share_nothing(page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with two_canvases() as url:
        page.goto(url)
        for name in ("left", "right"):
            page.wait_for_function(f"document.querySelector('#{name} .picture')?.width === 8")
        page.click("#left [data-tool=fill]")
        page.locator("#left .stage").click()
        assert shown(page, "left") == [255] * 64 and shown(page, "right") == [0] * 64
        expect(page.locator("#right [data-tool].on")).to_have_attribute("data-tool", "pencil")
        expect(page.locator("#right [data-do=undo]")).to_be_disabled()
        page.click("#paint-right")
        expect(page.locator("#right [data-do=undo]")).to_be_enabled()
        page.click("#left [data-do=undo]")
        assert shown(page, "left") == [0] * 64 and shown(page, "right") == [255] * 64
    assert errors == []


@contextmanager
def proxy(url: str, path: str) -> Iterator[str]:
    """Serves the app below `path` of another port; the URL."""
    inner = urlsplit(url).netloc

    class Forward(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(path):
                self.send_response(204 if self.path in BESIDE else 404)
                self.end_headers()
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            client = http.client.HTTPConnection(inner)
            headers = {**self.headers, "Host": inner, "X-Forwarded-Host": self.headers["Host"]}
            client.request(self.command, self.path[len(path) - 1 :], body, headers)
            answer = client.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.end_headers()
            while piece := answer.read1(2**16):
                self.wfile.write(piece)
                self.wfile.flush()
            client.close()

        do_POST = do_HEAD = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Forward) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{path}"
        finally:
            server.shutdown()


def test_the_page_works_below_a_path_of_a_proxy(open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/art")
    with serving(FakeEngine(size=32)) as url, proxy(url, "/art/") as outside:
        studio = open_studio(outside)
        studio.stroke((3, 3), (9, 3))
        assert studio.picture()[3, 5].any()
        studio.generate()
