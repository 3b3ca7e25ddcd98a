"""A picture stays what its artist made it: models, lists, imports and completions, in a real browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from pixelart.engine import Engine
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from tests.browser.conftest import OpenStudio, missing
from tests.browser.studio_page import StudioPage, option_of
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
BRIGHT = [250, 30, 90, 255]
SOFT = [10, 200, 30, 160]


@pytest.fixture(scope="module")
def models() -> FakeEngine:
    return FakeEngine(size=32, names=("tiny", "large", "scales"), row_seconds=0.01)


@pytest.fixture(scope="module")
def url(models: FakeEngine) -> Iterator[str]:
    with serving(models) as address:
        yield address


def sprite() -> Picture:
    """A cross in two colours that no model here has, one of them half transparent, on nothing."""
    picture = np.zeros((32, 32, 4), np.uint8)
    picture[14:18, 4:28] = BRIGHT
    picture[4:28, 14:18] = SOFT
    return picture


def put_in(studio: StudioPage, picture: Picture, name: str = "cross.png") -> None:
    file = {"name": name, "mimeType": "image/png", "buffer": encode_png(picture)}
    studio.page.set_input_files("#canvas .file", file)  # pyright: ignore[reportArgumentType]
    studio.wait_for_status(f"Imported {name}")


def sent(studio: StudioPage) -> Picture:
    """The canvas as Python gets it, half transparent colours exactly: a canvas element rounds these."""
    if not studio.page.locator("#save").count():
        studio.page.click("#export > button")
        expect(studio.page.locator("#save")).to_be_visible()
    studio.page.wait_for_timeout(500)
    studio.page.locator("#format label").nth(1).click()
    with studio.page.expect_download() as caught:
        studio.page.click("#save")
    with Image.open(io.BytesIO(Path(caught.value.path()).read_bytes())) as image:
        return np.asarray(image.convert("RGBA"))


def test_a_list_of_models_that_is_opened_and_left_changes_nothing(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url)
    studio.choose_class("hero")
    studio.set_number("images", "3")
    studio.set_number("seed", "5")
    studio.colour(3)
    studio.stroke((3, 3), (9, 9))
    studio.generate()
    drawn, told = studio.picture(), studio.page.locator("#status").inner_text()
    asked = list[str]()
    studio.page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    for leave in ("Escape", "Tab", "click"):
        studio.page.locator("#model input").click()
        expect(studio.page.get_by_role("option", name=option_of("large"))).to_be_visible()
        if leave == "click":
            studio.page.locator("#title").click()
        else:
            studio.key(leave)
        studio.page.locator("#model input").blur()
    studio.page.locator("#model input").click()
    studio.page.get_by_role("option", name=option_of("tiny")).click()
    studio.page.wait_for_timeout(500)
    assert asked == [] and studio.captions() == ["seed 5", "seed 6", "seed 7"]
    assert np.array_equal(studio.picture(), drawn) and studio.page.locator("#status").inner_text() == told
    expect(studio.page.locator("#class input")).to_have_value("hero")


def test_a_list_of_palettes_that_is_opened_and_left_changes_nothing(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url)
    studio.page.click("#palette > button")
    studio.choose("palette-choice", "Black and white")
    studio.wait_for_status("Drawn with the 2 nearest colours of tiny")
    studio.page.locator("#colours .swatch").nth(3).click()
    count = studio.page.locator("#colours .count")
    expect(count).to_have_text("4 of 9")
    for name in ("palette-choice", "model"):
        studio.page.locator(f"#{name} input").click()
        studio.key("Escape")
        studio.page.locator(f"#{name} input").blur()
    studio.page.wait_for_timeout(500)
    expect(count).to_have_text("4 of 9")
    expect(studio.page.locator("#palette-choice input")).to_have_value("Custom")


def test_a_list_that_is_opened_during_a_drawing_does_not_end_it(
    open_studio: OpenStudio, models: FakeEngine, url: str
) -> None:
    studio = open_studio(url)
    models.row_seconds = 0.05
    studio.page.click("#generate")
    studio.wait_for_status(r"Row \d+ of 32")
    studio.page.locator("#model input").click()
    studio.key("Escape")
    studio.page.locator("#model input").blur()
    models.row_seconds = 0.0
    studio.wait_for_status("4 pictures in")


def test_another_model_keeps_results_class_and_picture_and_each_result_its_model(
    open_studio: OpenStudio, models: FakeEngine, url: str
) -> None:
    studio = open_studio(url)
    models.row_seconds = 0.0
    studio.choose_class("wall")
    studio.set_number("images", "1")
    studio.set_number("seed", "5")
    studio.generate()
    drawn = studio.picture()
    studio.choose("model", "large")
    studio.wait_for_status("large · it draws 64 x 64; Complete mask fits your 32 x 32 picture to it")
    assert np.array_equal(studio.picture(), drawn) and studio.captions() == ["seed 5"]
    expect(studio.page.locator("#class input")).to_have_value("wall")
    studio.new_picture()
    studio.side = 64
    assert studio.picture().shape == (64, 64, 4)
    studio.page.locator("#results .thumbnail-item").click()
    studio.wait_for_status("Seed 5 is on the canvas. tiny drew it.")
    studio.wait_for_picture(drawn)
    studio.page.click("#export > button")
    studio.page.get_by_label("Result", exact=True).check(force=True)
    with studio.page.expect_download() as caught:
        studio.page.click("#save")
    assert caught.value.suggested_filename == "wall_5_32x32.png"


def test_a_large_picture_keeps_its_size_with_a_small_model(
    open_studio: OpenStudio, models: FakeEngine, url: str
) -> None:
    studio = open_studio(url)
    models.row_seconds = 0.0
    studio.choose("model", "large")
    studio.page.wait_for_function("document.querySelector('#canvas .picture').width === 64")
    studio.side = 64
    studio.colour(3)
    studio.stroke((1, 1), (60, 50))
    studio.tool("mask")
    studio.stroke((7, 40), (20, 40))
    painted, mask = studio.picture(), studio.mask()
    studio.choose("model", "tiny")
    assert np.array_equal(studio.picture(), painted)
    studio.page.click("#complete")
    studio.wait_for_status("4 pictures in")
    done = studio.picture()
    assert done.shape == (64, 64, 4) and np.array_equal(done[~mask], painted[~mask])
    assert not np.array_equal(done, painted)


def test_an_imported_sprite_keeps_every_colour_on_the_canvas_through_completion_and_export(
    open_studio: OpenStudio, models: FakeEngine, url: str
) -> None:
    studio = open_studio(url)
    models.row_seconds = 0.0
    put_in(studio, sprite())
    studio.wait_for_status("every colour kept · .* in colours that the model lacks")
    assert np.array_equal(sent(studio), sprite())
    studio.page.evaluate("scrollTo(0, 0)")  # Export, which is open now, is below
    studio.tool("mask")
    studio.stroke((2, 2), (6, 6))
    kept = ~studio.mask_sent_by("#complete")
    studio.wait_for_status("4 pictures in")
    after = sent(studio)
    assert kept.sum() == 32 * 32 - 5 and np.array_equal(after[kept], sprite()[kept])


def test_the_eyedropper_takes_the_exact_colour_and_the_pencil_draws_it(
    open_studio: OpenStudio, models: FakeEngine, url: str
) -> None:
    studio = open_studio(url)
    put_in(studio, sprite())
    want = sprite()
    current = studio.page.locator("#canvas .current")
    for cell, to, colour, said in (
        ((5, 15), (1, 1), BRIGHT, "Colour #fa1e5a"),
        ((15, 5), (3, 1), SOFT, "Colour #0ac81e, 63 % opaque"),
    ):
        studio.tool("pick")
        studio.stroke(cell)
        expect(current).to_have_attribute("title", said)
        studio.tool("pencil")
        studio.stroke(to)
        want[to[1], to[0]] = colour
    assert np.array_equal(sent(studio), want)
    studio.choose("model", "large")
    studio.wait_for_status("large")
    expect(current).to_have_attribute("title", "Colour #0ac81e, 63 % opaque")
    assert studio.page.locator("#canvas .swatch.on").count() == 0


@pytest.fixture(scope="module")
def real_url() -> Iterator[str]:
    engine = Engine(CHECKPOINTS)
    if "dungeon-gated" not in [info.name for info in engine.list_checkpoints()]:
        missing("no checkpoint dungeon-gated")
    with serving(engine) as address:
        yield address


def test_a_completion_uses_the_artists_colours_and_the_models_where_it_is_told_so(
    open_studio: OpenStudio, real_url: str
) -> None:
    studio = open_studio(real_url)
    picture = np.zeros((32, 32, 4), np.uint8)
    picture[:] = [255, 0, 0, 255]
    picture[::4] = [128, 255, 0, 255]
    put_in(studio, picture)
    studio.tool("mask")
    for y in range(12, 20):
        studio.stroke((8, y), (23, y))
    studio.set_number("seed", "3")
    studio.page.click("#complete")
    studio.wait_for_status("4 pictures in")
    own = studio.picture()
    hole = np.zeros((32, 32), np.bool_)
    hole[12:20, 8:24] = True
    colours = {bytes(c) for c in picture.reshape(-1, 4)}
    assert np.array_equal(own[~hole], picture[~hole])
    assert {bytes(c) for c in own[hole]} & colours
    studio.command("undo")
    studio.page.click("#palette > button")
    switch = studio.page.locator("#own-colours input")
    expect(switch).to_be_checked()
    switch.uncheck()
    with studio.draws_other_results():
        studio.page.click("#complete")
    plain = studio.picture()
    assert not {bytes(c) for c in plain[hole]} & colours and np.array_equal(plain[~hole], picture[~hole])
    same = (own == plain).all(-1)
    assert same[~hole].all() and not same[hole].all()


def test_a_picture_of_the_models_own_colours_is_where_it_was(open_studio: OpenStudio, url: str) -> None:
    studio = open_studio(url)
    flat = CODEC.table[np.full((32, 32), 3)]
    put_in(studio, flat)
    studio.wait_for_status(r"Imported cross.png · every colour kept\s*$")
    assert np.array_equal(studio.picture(), flat)
