"""Names that carry a script, in a real browser: they are shown, and never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from pixelart.engine import CheckpointInfo
from pixelart.images.io import encode_png
from tests.browser.conftest import OpenStudio
from tests.browser.studio_page import option_of
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
SCRIPTS = (
    "<script>window.ran=1</script>", "<img src=x onerror=window.ran=1>", "<svg onload=window.ran=1>",
    "'\"><img src=x onerror=window.ran=1>", "</span><img src=x onerror=window.ran=1>", "{{constructor}}${window.ran=1}",
    "<iframe srcdoc='<script>parent.ran=1</script>'>", "<a href=javascript:window.ran=1>x</a>", 
    "<b onmouseover=window.ran=1>",
    "<details open ontoggle=window.ran=1>", "<style onload=window.ran=1></style>", "javascript:window.ran=1",
    "[x](javascript:window.ran=1)", "![x](x \"onerror=window.ran=1\")", "<math><mtext><img src=x onerror=window.ran=1>",
    "&lt;img src=x onerror=window.ran=1&gt;", "<input autofocus onfocus=window.ran=1>", "<body onload=window.ran=1>",
    "<video><source onerror=window.ran=1>", "<img/src=x/onerror=window.ran=1>",
)  # fmt: skip
"""Of file names a browser keeps what follows the last slash, so some have none."""


class ScriptedEngine(FakeEngine):
    """Its classes, its device and its second model are named by an enemy."""

    device_name = "CPU"

    def info(self, checkpoint: str) -> CheckpointInfo:
        return replace(super().info(checkpoint), classes=SCRIPTS)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(ScriptedEngine(names=("tiny", *SCRIPTS[:3]), size=32)) as url:
        yield url


def test_names_with_scripts_are_shown_and_not_run(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url)
    page = studio.page
    data = encode_png(CODEC.table[[[1, 2], [3, 4]]])
    for name in SCRIPTS:
        files = [{"name": name, "mimeType": "image/png", "buffer": data}]
        page.locator("#canvas input[type=file]").first.set_input_files(files)  # pyright: ignore[reportArgumentType]
        shown = re.escape(name.rsplit("/", 1)[-1][:80].strip()) or "picture"
        expect(page.locator("#status")).to_have_text(re.compile(shown))
        assert page.evaluate("window.ran") is None, name
        page.wait_for_selector("#canvas dialog.import[open]")  # it names it too
        page.keyboard.press("Escape")
    for name in SCRIPTS[:3]:
        page.locator("#class input").click()
        page.locator("#class").get_by_role("option", name=name, exact=True).click()
        studio.generate()
        page.locator("#model input").click()
        page.locator("#model").get_by_role("option", name=option_of(name)).click()
        studio.wait_for_status(re.escape(name) + "|Press Generate")
        assert page.evaluate("window.ran") is None, name
    for frame in page.frames:
        assert frame.evaluate("window.ran") is None


def test_a_page_of_another_site_reads_and_asks_nothing(open_studio: OpenStudio, url: str) -> None:
    page = open_studio(url).page
    other = page.context.new_page()
    other.route("http://evil.example/**", lambda route: route.fulfill(body="<h1>evil</h1>", content_type="text/html"))
    other.goto("http://evil.example/")
    read = (
        "async (url) => { try { return (await fetch(url, {credentials: 'include'})).status } catch { return 'none' } }"
    )
    assert other.evaluate(read, f"{url}config") in ("none", 403)
    other.set_content(f'<iframe src="{url}"></iframe>')
    other.wait_for_timeout(1500)
    assert not any(frame.locator("#canvas").count() for frame in other.frames[1:])
