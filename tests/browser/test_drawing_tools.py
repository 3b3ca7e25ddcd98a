"""Shapes, the selection, documents and masks as files, with their exact pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from pixelart.images.io import encode_png
from tests.browser.studio_page import Cell, StudioPage
from tests.ui.fake_engine import CODEC
from tests.ui.serving import GRADIO_WARNINGS

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


def painted(studio: StudioPage) -> set[Cell]:
    return {(int(x), int(y)) for y, x in np.argwhere(studio.picture()[..., 3] > 0)}


def box(left: int, top: int, right: int, bottom: int) -> set[Cell]:
    """The cells of a filled rectangle."""
    return {(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)}


def test_a_shape_is_shown_while_it_is_dragged_bent_by_shift_and_cancelled_by_escape(studio: StudioPage) -> None:
    studio.key("r")
    studio.page.mouse.move(*studio.at((4, 4)))
    studio.page.mouse.down()
    studio.page.mouse.move(*studio.at((9, 6)))
    assert painted(studio) == box(4, 4, 9, 6) - box(5, 5, 8, 5)
    studio.page.keyboard.down("Shift")
    assert painted(studio) == box(4, 4, 9, 9) - box(5, 5, 8, 8)
    studio.page.keyboard.up("Shift")
    studio.key("Escape")
    studio.page.mouse.move(*studio.at((12, 12)))
    studio.page.mouse.up()
    assert painted(studio) == set()
    studio.key("f")
    studio.key("x")
    studio.stroke((2, 2), (3, 8), (4, 4))
    assert painted(studio) == box(2, 2, 4, 4) | box(27, 2, 29, 4)
    studio.key("Control+z")
    assert painted(studio) == set()


def test_a_selection_moves_by_pointer_and_keys_turns_and_is_one_undo_step(studio: StudioPage) -> None:
    studio.stroke((2, 2), (6, 2))
    studio.key("v")
    studio.stroke((2, 2), (6, 4))
    studio.stroke((3, 3), (4, 9))
    assert painted(studio) == box(3, 8, 7, 8)
    studio.key("Shift+ArrowRight")
    studio.key("ArrowUp")
    assert painted(studio) == box(11, 7, 15, 7)
    studio.key("Shift+R")
    assert painted(studio) == box(14, 6, 14, 10)
    studio.key("b")
    studio.key("Control+z")
    assert painted(studio) == box(2, 2, 6, 2)
    studio.key("Control+Shift+z")
    assert painted(studio) == box(14, 6, 14, 10)


def test_cut_and_paste_and_the_menu(studio: StudioPage) -> None:
    studio.stroke((2, 2), (6, 2))
    studio.key("v")
    studio.stroke((2, 2), (4, 2))
    studio.key("Control+x")
    assert painted(studio) == box(5, 2, 6, 2)
    studio.command("paste")
    studio.key("ArrowDown")
    studio.key("Control+d")
    assert painted(studio) == box(5, 2, 6, 2) | box(2, 3, 4, 3)
    studio.key("Control+a")
    studio.key("Delete")
    assert painted(studio) == set()


CLIPBOARD = """async () => {
    let data = null;
    while (!data) {    // the browser writes a picture some moments later
        await new Promise((resolve) => setTimeout(resolve, 50));
        data = await navigator.clipboard.read().then(([item]) => item.getType('image/png')).catch(() => null);
    }
    const url = URL.createObjectURL(data);
    const image = await createImageBitmap(await (await fetch(url)).blob());
    const copy = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    const pen = copy.getContext('2d');
    pen.drawImage(image, 0, 0);
    return [image.width, image.height, [...pen.getImageData(0, 0, image.width, image.height).data]];
}"""


def test_a_copy_is_on_the_systems_clipboard_and_comes_back_from_there(studio: StudioPage, fake_url: str) -> None:
    studio.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=fake_url.rstrip("/"))
    studio.stroke((2, 2), (6, 4))
    studio.key("v")
    studio.stroke((1, 1), (8, 5))
    whole = studio.picture()
    copied = whole[1:6, 1:9]
    studio.key("Control+c")
    expect(studio.page.locator("#canvas .message")).to_have_text("Copied 8 x 5 pixels")
    width, height, values = studio.page.evaluate(CLIPBOARD)
    assert np.array_equal(np.array(values, np.uint8).reshape(height, width, 4), copied)
    studio.page.reload()  # the canvas's own copy is gone
    studio.page.wait_for_selector("#canvas .swatch.on")
    studio.wait_for_picture(whole)
    studio.key("Control+v")
    dialog = studio.page.locator("#canvas dialog.import")
    dialog.locator("input[value=open]").check(timeout=20_000)
    dialog.locator(".main").click()
    studio.wait_for_picture(copied)


def test_a_new_picture_canvas_size_and_crop_are_undone(studio: StudioPage) -> None:
    studio.colour(3)
    studio.stroke((0, 0), (2, 0))
    old = studio.picture()
    studio.key("n")
    studio.page.get_by_label("Width").first.fill("48")
    studio.page.get_by_role("radio", name="The chosen colour").check()
    studio.key("Enter")
    assert studio.picture().shape == (32, 48, 4) and (studio.picture() == CODEC.table[3]).all()
    studio.key("Control+z")
    assert np.array_equal(studio.picture(), old)
    studio.command("canvasSize")
    dialog = studio.page.locator("#canvas dialog.canvas-size")
    dialog.get_by_label("Width").fill("40")
    dialog.get_by_label("Bottom right").check()
    dialog.get_by_role("button", name="Resize").click()
    assert np.array_equal(studio.picture()[:, 8:], old) and not studio.picture()[:, :8].any()
    studio.key("Control+z")
    studio.key("v")
    studio.stroke((0, 0), (9, 7))
    studio.key("k")
    assert np.array_equal(studio.picture(), old[:8, :10])


def test_a_mask_goes_to_a_file_and_back(studio: StudioPage) -> None:
    studio.key("v")
    studio.stroke((4, 4), (7, 7))
    studio.key("d")
    studio.key(">")
    with studio.page.expect_download() as caught:
        studio.key("Shift+P")
    with Image.open(io.BytesIO(Path(caught.value.path()).read_bytes())) as image:
        saved = np.asarray(image.convert("L"))
    assert {(int(x), int(y)) for y, x in np.argwhere(saved == 255)} == (
        box(3, 4, 8, 7) | box(4, 3, 7, 8)
    ) and saved.shape == (32, 32)  # fmt: skip
    upside = np.repeat(saved[::-1, :, None], 4, 2)
    upside[..., 3] = 255
    file = {"name": "mask.png", "mimeType": "image/png", "buffer": encode_png(upside)}
    studio.page.set_input_files("#canvas .mask-file", file)  # pyright: ignore[reportArgumentType]
    studio.page.wait_for_timeout(300)
    assert np.array_equal(studio.mask(), saved[::-1] == 255)


def test_the_question_mark_lists_the_keys(studio: StudioPage) -> None:
    studio.key("?")
    keys = studio.page.locator("#canvas dialog.keys")
    expect(keys).to_contain_text("Magic wand")
    studio.key("b")
    studio.key("Escape")
    expect(keys).to_be_hidden()
