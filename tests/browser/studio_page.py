"""What a visitor can do and see, in the words of the tests."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import ConsoleMessage, Frame, Page, Request, TimeoutError, expect

Cell = tuple[int, int]
READ_PIXELS = """(name) => {
    const shown = document.querySelector('#canvas .' + name), copy = document.createElement('canvas');
    copy.width = shown.width;
    copy.height = shown.height;
    const pen = copy.getContext('2d', {willReadFrequently: true});
    pen.drawImage(shown, 0, 0);
    const data = pen.getImageData(0, 0, copy.width, copy.height).data;
    let text = '';
    for (let i = 0; i < data.length; i += 0x8000) text += String.fromCharCode(...data.subarray(i, i + 0x8000));
    return [copy.width, btoa(text)];
}"""


def option_of(name: str) -> re.Pattern[str]:
    """What a list shows of `name`: the name, and for a model what it is for."""
    return re.compile("^" + re.escape(name).replace("/", r"\/") + "( ·|$)")


def _carries_mask(request: Request) -> bool:
    return request.method == "POST" and '"mask"' in (request.post_data or "")


LEAVING = "this document is being left"


class StudioPage:
    """One open page. `errors` collects everything bad that its console says; but not what gradio says of the streams
    that it cuts itself while a document is being left."""

    def __init__(self, page: Page, url: str, *, side: int = 32) -> None:
        self.page, self.side = page, side
        self.errors: list[str] = []
        self._leaving = False
        page.add_init_script(f"addEventListener('beforeunload', () => console.debug('{LEAVING}'))")
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._bad(str(error)))
        page.on("framenavigated", self._arrived)
        page.goto(url)
        page.wait_for_selector("#canvas .swatch.on")
        page.wait_for_function(f"document.querySelector('#canvas .picture').width === {side}")

    def _said(self, message: ConsoleMessage) -> None:
        self._leaving |= message.text == LEAVING
        if message.type in ("error", "warning"):
            self._bad(message.text)

    def _bad(self, text: str) -> None:
        if not self._leaving:
            self.errors.append(text)

    def _arrived(self, frame: Frame) -> None:
        if frame == self.page.main_frame:
            self._leaving = False

    def at(self, cell: Cell) -> tuple[float, float]:
        """The middle of a cell (x, y) on the screen."""
        box = self.page.locator("#canvas .picture").bounding_box()
        assert box is not None
        return (
            box["x"] + (cell[0] + 0.5) * box["width"] / self.side,
            box["y"] + (cell[1] + 0.5) * box["height"] / self.side,
        )

    def stroke(self, *cells: Cell, button: Any = "left") -> None:
        self.page.mouse.move(*self.at(cells[0]))
        self.page.mouse.down(button=button)
        for cell in cells[1:]:
            self.page.mouse.move(*self.at(cell))
        self.page.mouse.up(button=button)

    def tool(self, name: str) -> None:
        self.page.click(f"#canvas [data-tool={name}]")

    def command(self, name: str) -> None:
        button = self.page.locator(f"#canvas [data-do={name}]")
        menu = button.evaluate("b => b.closest('[popover]')?.dataset.name")
        if menu:
            self.page.click(f"#canvas [data-menu={menu}]")
        button.click()

    def new_picture(self) -> None:
        """An empty picture of the model's size."""
        self.command("blank")
        self.page.click("#canvas dialog.new .main")

    def key(self, key: str) -> None:
        self.page.keyboard.press(key)

    def active_tool(self) -> str | None:
        return self.page.locator("#canvas [data-tool].on").get_attribute("data-tool")

    def colour(self, index: int) -> None:
        self.page.locator("#canvas .swatch").nth(index).click()

    def picture(self) -> NDArray[np.uint8]:
        """What is shown, uint8 (H, W, 4)."""
        return self.pixels_of("picture")

    def pixels_of(self, name: str) -> NDArray[np.uint8]:
        """The picture's own canvas, or the layer `name` above it, uint8 (H, W, 4)."""
        width, data = self.page.evaluate(READ_PIXELS, name)
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(-1, width, 4)

    def wait_for_picture(self, wanted: NDArray[np.uint8]) -> None:
        """Waits until exactly this is shown."""
        for _ in range(50):
            if np.array_equal(self.picture(), wanted):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError("the canvas shows something else")

    def mask_sent_by(self, button: str) -> NDArray[np.bool_]:
        """Presses a button whose handler takes the canvas; the mask that Python gets.

        A button in an accordion that was just opened may be there a moment before it is wired: then once more.
        """
        for _ in range(3):
            try:
                return self._mask_of_click(button, timeout=5_000)
            except TimeoutError:
                continue
        return self._mask_of_click(button, timeout=10_000)

    def _mask_of_click(self, button: str, *, timeout: float) -> NDArray[np.bool_]:
        with self.page.expect_request(_carries_mask, timeout=timeout) as caught:
            self.page.locator(button).dispatch_event("click")
        data = (caught.value.post_data_json or {})["data"]
        canvas = next(v for v in data if isinstance(v, dict) and "mask" in v)
        return np.frombuffer(base64.b64decode(canvas["mask"]), np.uint8).reshape(self.side, self.side) == 1

    def mask(self) -> NDArray[np.bool_]:
        """The mask as Python gets it."""
        if not self.page.locator("#save").count():
            self.page.click("#export > button")
        return self.mask_sent_by("#save")

    def set_number(self, name: str, value: str) -> None:
        box = self.page.locator(f"#{name} input[type=number]")
        box.fill(value)
        box.press("Tab")

    def choose_class(self, name: str) -> None:
        self.choose("class", name)

    def choose(self, box: str, name: str) -> None:
        """Picks from a drop-down list."""
        self.page.locator(f"#{box} input").click()
        self.page.locator(f"#{box}").get_by_role("option", name=option_of(name)).click()

    def wait_for_status(self, pattern: str) -> None:
        # The first drawing of a fresh installation compiles the kernels, which a busy machine takes its time for.
        expect(self.page.locator("#status")).to_have_text(re.compile(pattern), timeout=60_000)

    def generate(self) -> None:
        """Generates, and waits for the results."""
        self.page.click("#generate")
        self.wait_for_status(r"pictures? in")

    @contextmanager
    def draws_other_results(self) -> Iterator[None]:
        """What is done inside replaces the results; waits for the new ones. A status of a moment may be missed."""
        first = self.page.locator("#results .thumbnail-item img").first
        before = first.get_attribute("src") or ""
        yield
        expect(first).not_to_have_attribute("src", before, timeout=60_000)
        self.wait_for_status(r"pictures? in")

    def captions(self) -> list[str]:
        return self.page.locator("#results .caption-label").all_inner_texts()
