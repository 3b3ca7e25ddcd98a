"""The app in a real browser. Skipped where there is no Chromium; CI_REQUIRES_BROWSER=1 makes that a failure."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from pixelart.engine import Engine
from pixelart.images.io import encode_png
from tests.browser.conftest import OpenStudio, missing
from tests.browser.studio_page import StudioPage
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
CHECKPOINT = "dungeon-gated"
CLEAR = [0, 0, 0, 0]


def cells(*found: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((32, 32), np.bool_)
    for x, y in found:
        mask[y, x] = True
    return mask


@pytest.fixture(scope="module")
def real_engine() -> Engine:
    engine = Engine(CHECKPOINTS)
    if CHECKPOINT not in [info.name for info in engine.list_checkpoints()]:
        missing(f"no checkpoint {CHECKPOINT}")
    return engine


@pytest.fixture(scope="module")
def real_url(real_engine: Engine) -> Iterator[str]:
    with serving(real_engine) as url:
        yield url


def test_an_exact_mask_is_completed_by_the_real_model(
    real_engine: Engine, real_url: str, open_studio: OpenStudio
) -> None:
    page = open_studio(real_url)
    page.choose("model", CHECKPOINT)
    page.page.wait_for_timeout(2000)  # its classes and the numbers of its style arrive
    page.choose_class("hero")
    page.set_number("seed", "7")
    page.set_number("images", "1")
    page.generate()
    page.command("clear")
    before = page.picture()
    page.tool("mask")
    page.stroke((10, 10), (20, 10), (20, 20))
    page.key("]")
    page.key("]")
    page.stroke((5, 25), (9, 25))
    want = np.zeros((32, 32), np.bool_)
    want[10, 10:21] = want[10:21, 20] = want[24:27, 4:11] = True
    assert np.array_equal(page.mask_sent_by("#complete"), want)
    page.wait_for_status(r"Row|Loading")
    page.wait_for_status(r"1 picture in")
    after = page.picture()
    assert np.array_equal(after[~want], before[~want])
    request = real_engine.request(CHECKPOINT, class_weights={"hero": 1.0}, seed=7)
    assert np.array_equal(after, real_engine.complete(request, before, want)[0].picture)
    assert not np.array_equal(after[want], before[want])
    page.command("undo")
    assert np.array_equal(page.picture(), before)


def test_pencil_eraser_fill_pick_and_brush_sizes(studio: StudioPage) -> None:
    red, green = CODEC.table[3], CODEC.table[6]
    studio.colour(3)
    studio.stroke((0, 0))
    studio.stroke((31, 31))
    picture = studio.picture()
    assert picture[0, 0].tolist() == red.tolist() == picture[31, 31].tolist() and (picture[..., 3] > 0).sum() == 2
    studio.stroke((2, 4), (9, 8), (9, 12))
    assert (studio.picture()[..., 3] > 0).sum() == 2 + 8 + 4
    studio.tool("eraser")
    studio.stroke((9, 8), (9, 12))
    assert (studio.picture()[..., 3] > 0).sum() == 2 + 7
    for _ in range(3):
        studio.key("]")
    studio.stroke((0, 0))
    assert studio.picture()[0, 0].tolist() == CLEAR
    studio.colour(6)  # chooses the pencil, which has a size of its own
    for _ in range(3):
        studio.key("]")
    studio.stroke((20, 20))
    assert (studio.picture() == green).all(-1).nonzero()[0].size == 16
    for _ in range(20):
        studio.key("[")
    studio.colour(3)
    studio.tool("fill")
    studio.stroke((20, 20))
    assert (studio.picture() == red).all(-1).sum() >= 16 and not (studio.picture() == green).all(-1).any()
    studio.colour(0)
    studio.tool("pick")
    studio.stroke((20, 20))
    assert studio.page.locator("#canvas .swatch.on").get_attribute("data-colour") == bytes(red[:3]).hex()


def test_tiles_repeat_the_picture_and_the_pencil_crosses_its_edges(studio: StudioPage) -> None:
    stage = studio.page.locator("#canvas .stage").bounding_box()
    studio.key("x")
    studio.colour(3)
    studio.tool("fill")
    studio.stroke((0, 5))
    studio.key("t")
    assert stage and (studio.picture() == CODEC.table[3]).all()
    for x, y in ((-32, -32), (63, 63)):
        left, top = studio.at((x, y))
        assert stage["x"] < left < stage["x"] + stage["width"] and stage["y"] < top < stage["y"] + stage["height"]
    studio.colour(6)
    studio.tool("pencil")
    studio.stroke((-3, 4))
    studio.stroke((0, 31), (2, 31))
    picture = studio.picture()
    want = [[4, 2], [4, 29], *([31, x] for x in (0, 1, 2, 29, 30, 31))]
    assert np.argwhere((picture == CODEC.table[6]).all(-1)).tolist() == want
    around = np.tile(picture, (3, 3, 1))
    around[32:64, 32:64] = 0
    assert np.array_equal(studio.pixels_of("tiles"), around)
    studio.key("Control+z")
    studio.key("Control+z")
    assert (studio.pixels_of("tiles")[:32, :32] == CODEC.table[3]).all()
    studio.tool("inspect")
    heat = studio.page.locator("#canvas .heat")
    expect(heat).to_be_visible()
    assert heat.bounding_box() == studio.page.locator("#canvas .picture").bounding_box()
    studio.command("tile")
    assert studio.page.locator("#canvas .tiles").is_hidden()
    (left, _), (right, _) = studio.at((0, 0)), studio.at((31, 0))
    assert right - left > stage["width"] / 2


def test_every_item_of_the_toolbar_is_there_and_has_its_key(studio: StudioPage) -> None:
    titles = studio.page.locator("#canvas [data-tool], #canvas [data-do]").evaluate_all("all => all.map(b => b.title)")
    keys = {"Pencil": "B", "Eraser": "E", "Pick colour": "I", "Fill": "G", "Mask": "M", "Unmask": "U", "Undo": "Ctrl+Z"}
    keys |= {"Redo": "Ctrl+Shift+Z", "Mirror left and right": "X", "Grid": "#", "Zoom out": "-", "Zoom in": "+"}
    keys |= {"Smaller brush": "[", "Larger brush": "]", "Invert mask": "Shift+I", "Clear mask": "Shift+M"}
    keys |= {"Line": "L", "Rectangle": "R", "Ellipse": "O", "Select": "V", "Replace colour": "C", "Copy": "Ctrl+C"}
    for name, key in keys.items():
        assert any(t.startswith(name) and f"({key}" in t for t in titles), name
    for key, name in {"#": "grid", "x": "mirror", "t": "tile"}.items():
        button = studio.page.locator(f"#canvas [data-do={name}]")
        for state in ("true", "false"):
            studio.key(key)
            expect(button).to_have_attribute("aria-pressed", state)


def test_mask_unmask_shift_mirror_invert_and_clear(studio: StudioPage) -> None:
    studio.tool("mask")
    studio.stroke((3, 3), (8, 3))
    studio.page.keyboard.down("Shift")
    studio.stroke((5, 3))
    studio.page.keyboard.up("Shift")
    studio.tool("unmask")
    studio.stroke((8, 3))
    studio.tool("mask")
    studio.key("x")
    studio.stroke((0, 9))
    want = cells((3, 3), (4, 3), (6, 3), (7, 3), (0, 9), (31, 9))
    assert np.array_equal(studio.mask(), want)
    studio.command("invert")
    assert np.array_equal(studio.mask(), ~want)
    studio.command("clear")
    assert not studio.mask().any()
    studio.key("Control+z")
    assert np.array_equal(studio.mask(), ~want)


def test_undo_and_redo_cover_paint_generate_and_import(studio: StudioPage) -> None:
    states = [studio.picture()]
    studio.stroke((4, 4), (12, 9))
    states.append(studio.picture())
    studio.generate()
    states.append(studio.picture())
    file = {"name": "flat.png", "mimeType": "image/png", "buffer": encode_png(np.full((32, 32, 4), 255, np.uint8))}
    studio.page.set_input_files("#canvas .file", file)  # pyright: ignore[reportArgumentType]
    studio.wait_for_status("Imported flat.png · every colour kept")
    states.append(studio.picture())
    assert len({s.tobytes() for s in states}) == 4
    for state in states[-2::-1]:
        studio.key("Control+z")
        assert np.array_equal(studio.picture(), state)
    assert studio.page.locator("#canvas [data-do=undo]").is_disabled()
    for state, key in zip(states[1:], ("Control+Shift+Z", "Control+y", "Control+y"), strict=True):
        studio.key(key)
        assert np.array_equal(studio.picture(), state)


def test_hotkeys_choose_tools_but_not_while_typing(studio: StudioPage) -> None:
    for key, name in {"e": "eraser", "i": "pick", "g": "fill", "m": "mask", "u": "unmask", "b": "pencil"}.items():
        studio.key(key)
        assert studio.active_tool() == name
    studio.page.locator("#class input").click()
    studio.page.keyboard.type("me")
    assert studio.active_tool() == "pencil"
    studio.key("Escape")


def test_zoom_keeps_cells_exact_and_wheel_and_fit_work(studio: StudioPage) -> None:
    width = studio.page.locator("#canvas .picture").evaluate("c => c.getBoundingClientRect().width")
    assert width % 32 == 0
    studio.page.mouse.move(*studio.at((3, 3)))
    studio.page.mouse.wheel(0, -300)
    studio.page.mouse.wheel(0, -300)
    larger = studio.page.locator("#canvas .picture").evaluate("c => c.getBoundingClientRect().width")
    assert larger > width and larger % 32 == 0
    studio.colour(3)
    studio.stroke((3, 3))
    assert np.argwhere(studio.picture()[..., 3]).tolist() == [[3, 3]]
    studio.key("0")
    assert studio.page.locator("#canvas .picture").evaluate("c => c.getBoundingClientRect().width") == width


def test_rows_appear_then_results_each_with_its_seed(studio: StudioPage, fake_engine: FakeEngine) -> None:
    fake_engine.row_seconds = 0.03
    studio.set_number("seed", "40")
    studio.set_number("images", "3")
    studio.page.click("#generate")
    studio.wait_for_status(r"Row \d+ of 32")
    drawn = studio.picture()
    while not drawn[:4].any():
        drawn = studio.picture()
    assert not drawn[-4:].any()
    studio.wait_for_status("3 pictures")
    assert studio.captions() == ["seed 40", "seed 41", "seed 42"]
    first = studio.picture()
    studio.page.locator("#results .thumbnail-item").nth(2).click()
    studio.wait_for_status("Seed 42")
    assert not np.array_equal(studio.picture(), first)
    studio.page.click("#reuse")
    expect(studio.page.locator("#seed input")).to_have_value("42")
    studio.key("Control+z")
    assert np.array_equal(studio.picture(), first)


def test_stop_keeps_the_rows_and_is_one_undo_step(studio: StudioPage, fake_engine: FakeEngine) -> None:
    fake_engine.row_seconds = 0.1
    studio.stroke((30, 31))
    before = studio.picture()
    studio.page.click("#generate")
    studio.wait_for_status(r"Row [3-9] of 32")
    studio.page.click("#stop")
    studio.wait_for_status(r"Stopped. \d+ % drawn")
    drawn = studio.picture()
    assert drawn[0].any() and not drawn[-5:].any()
    assert not fake_engine.running.is_set()
    studio.command("undo")
    assert np.array_equal(studio.picture(), before)


def test_an_error_keeps_the_canvas(studio: StudioPage, fake_engine: FakeEngine) -> None:
    fake_engine.fault = RuntimeError("a detail nobody should see")
    studio.stroke((3, 3), (9, 9))
    before = studio.picture()
    studio.page.click("#generate")
    studio.wait_for_status("Something went wrong")
    assert np.array_equal(studio.picture(), before) and "a detail" not in studio.page.content()
    studio.set_number("seed", "")
    studio.page.click("#generate")
    studio.wait_for_status("Seed: must be a number")
    assert np.array_equal(studio.picture(), before)
    studio.stroke((12, 3))
    assert not np.array_equal(studio.picture(), before)


def test_an_empty_mask_is_a_plain_message(studio: StudioPage) -> None:
    studio.page.click("#complete")
    expect(studio.page.locator(".toast-body")).to_contain_text("Paint a mask first.")


def test_the_canvas_and_all_results_are_downloaded_as_the_panel_says(studio: StudioPage) -> None:
    studio.set_number("images", "3")
    studio.generate()
    studio.page.click("#export > button")
    columns, background = studio.page.locator("#columns"), studio.page.locator("#background")
    expect(columns).to_be_hidden()
    expect(background).to_be_hidden()
    studio.page.locator("#scale label").nth(2).click()
    with studio.page.expect_download() as caught:
        studio.page.click("#save")
    assert caught.value.suggested_filename == "canvas_128x128.png"
    with Image.open(io.BytesIO(Path(caught.value.path()).read_bytes())) as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image.convert("RGBA"))[::4, ::4], studio.picture())
    studio.page.get_by_label("Sprite sheet").check(force=True)
    studio.page.locator("#transparent input").uncheck()
    expect(columns).to_be_visible()
    expect(background).to_be_visible()
    expect(studio.page.locator("#export-picture")).to_be_hidden()
    studio.set_number("columns", "2")
    with studio.page.expect_download() as caught:
        studio.page.click("#save")
    assert caught.value.suggested_filename == "sheet_3_256x256.png"
    with Image.open(io.BytesIO(Path(caught.value.path()).read_bytes())) as image:
        shown = np.asarray(image.convert("RGBA"))[::4, ::4]
    assert (shown[..., 3] == 255).all() and (shown[32:, 32:] == 255).all()
    first = studio.picture()
    assert np.array_equal(shown[:32, :32], np.where(first[..., 3:] > 0, first, np.uint8(255)))


def test_only_allowed_colours_are_drawn(studio: StudioPage) -> None:
    studio.page.click("#palette > button")
    studio.page.click("#colours [data-set=none]")
    studio.page.locator("#colours .swatch").nth(2).click()
    studio.page.locator("#colours .swatch").nth(5).click()
    studio.generate()
    drawn = {tuple(c) for c in studio.picture().reshape(-1, 4).tolist()}
    assert drawn == {tuple(CODEC.table[i].tolist()) for i in (2, 5)}


def test_a_palette_file_and_snapped_colours(studio: StudioPage) -> None:
    studio.page.click("#palette > button")
    wanted = [CODEC.table[i] for i in (3, 6)]
    text = "\n".join(bytes(c[:3]).hex() for c in wanted).encode()
    studio.page.set_input_files("#colours .file", {"name": "two.hex", "mimeType": "", "buffer": text})
    studio.wait_for_status("two.hex: 2 colours")
    expect(studio.page.locator("#colours .count")).to_have_text("3 of 9")
    studio.generate()
    drawn = {tuple(c) for c in studio.picture().reshape(-1, 4).tolist()}
    assert drawn == {tuple(c.tolist()) for c in [CODEC.table[0], *wanted]}
    studio.choose("palette-choice", "All colours")
    expect(studio.page.locator("#colours .count")).to_have_text("9 of 9")
    studio.page.locator("#snap input").check()
    odd = np.full((32, 32, 4), [9, 87, 65, 255], np.uint8)
    studio.page.set_input_files(
        "#canvas .file", {"name": "odd.png", "mimeType": "image/png", "buffer": encode_png(odd)}
    )
    studio.wait_for_status("1024 pixels snapped to the palette")
    assert (studio.picture() == CODEC.table[2]).all()


def test_a_phone_has_no_sideways_scroll_and_paints_by_touch(
    open_studio: OpenStudio, fake_engine: FakeEngine, fake_url: str
) -> None:
    fake_engine.row_seconds, fake_engine.fault = 0.0, None
    page = open_studio(fake_url, width=390, height=844, touch=True)
    page.page.touchscreen.tap(*page.at((7, 5)))
    assert np.argwhere(page.picture()[..., 3]).tolist() == [[5, 7]]
    page.page.locator("#canvas [data-tool=mask]").tap()
    page.page.touchscreen.tap(*page.at((9, 9)))
    assert np.array_equal(page.mask(), cells((9, 9)))
    page.page.locator("#complete").tap()
    page.wait_for_status("4 pictures in")
    for name in ("palette", "advanced", "export"):
        page.page.locator(f"#{name} > button").tap()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    canvas, button, chosen = (page.page.locator(s).bounding_box() for s in ("#canvas", "#generate", "#class"))
    assert canvas and button and chosen and canvas["y"] < chosen["y"]
    assert button["y"] + button["height"] <= 844, "under the thumb"


def test_without_a_model_the_page_says_what_to_do(open_studio: OpenStudio, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    with serving(Engine(tmp_path)) as url:
        page = open_studio(url)
        expect(page.page.locator("#notice")).to_contain_text("No model is installed")
        page.stroke((1, 1))
        assert page.picture()[1, 1].any()
        page.page.click("#generate")
        page.wait_for_status("No model is installed")
