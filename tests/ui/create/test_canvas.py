"""Models, import, results and export with a fake engine."""

from __future__ import annotations

import base64
import copy
import io
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from pixelart.engine import Drawing
from pixelart.errors import WeightsRejected
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.images.sprite_sheets import Grid
from pixelart.settings import SETTINGS
from pixelart.ui.browser_storage import NOTHING_KEPT
from pixelart.ui.create.canvas import PictureHandlers
from pixelart.ui.create.canvas_value import Canvas, Imported, Swatches, blank_canvas, canvas_to_payload
from pixelart.ui.create.form import ANY_CLASS
from pixelart.ui.create.palette_value import AllowedColours, everything_allowed
from pixelart.ui.results import ResultFiles
from pixelart.ui.session import Session
from pixelart.ui.status import WELCOME
from tests.ui.fake_engine import CODEC, FakeEngine


def over(engine: FakeEngine) -> PictureHandlers:
    return PictureHandlers(engine, ResultFiles(Path(gettempdir())))  # pyright: ignore[reportArgumentType]


def pictures(**settings: Any) -> PictureHandlers:
    return over(FakeEngine(**settings))


def sprite() -> Picture:
    return CODEC.table[np.random.default_rng(1).integers(CODEC.levels, size=(16, 16))]


def sent(data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def sent_file(content: bytes, name: str = "hero.png") -> gr.EventData:
    return sent({"name": name, "data": base64.b64encode(content).decode()})


def drawing(seed: int) -> Drawing:
    return Drawing(sprite(), seed, -10.0, {"class_weights": {"hero": 1.0}})


def test_a_fresh_page_shows_the_first_model() -> None:
    session = Session()
    same, notice, model, classes, canvas, colours, gallery, _ = pictures(names=("a", "b")).load(session, NOTHING_KEPT)
    assert same is session, "gradio frees only what a handler has returned"
    assert notice.visible is False and model.value == "a" and [c[0] for c in classes.choices] == ["Any", "hero", "wall"]
    assert canvas.picture.shape == (16, 16, 4) and len(canvas.palette) == len(CODEC.colours) and gallery == []
    assert len(colours.allowed) == CODEC.levels


@pytest.mark.parametrize("fault", [None, WeightsRejected("config.json: damaged"), OSError("no such folder")])
def test_without_a_model_the_page_says_so_and_can_be_painted_on(fault: Exception | None) -> None:
    engine = FakeEngine(names=())
    if fault:

        def broken() -> Any:
            raise fault

        engine.list_checkpoints = broken
    _, notice, model, _, canvas, _, _, status = over(engine).load(Session(), NOTHING_KEPT)
    assert notice.visible is True and model.value is None and canvas.picture.shape == (32, 32, 4)
    assert "install a model" in status


def test_a_larger_result_is_chosen_in_its_own_size() -> None:
    large = replace(drawing(3), picture=sprite().repeat(2, 0))
    session, page = Session(drawings=[large]), pictures(names=("scales",))
    canvas, _ = page.choose(session, 0, sent({"index": 0}))
    assert np.array_equal(canvas.picture, large.picture) and canvas.mask is None
    canvas = page.select_model(session, 0, canvas, "scales")[1]
    assert isinstance(canvas, Swatches) and canvas.size == (16, 16), "another model leaves the picture as it is"


def test_another_model_keeps_the_painting_the_results_the_class_and_the_colours() -> None:
    session, page = Session(drawings=[drawing(1)]), pictures(names=("tiny", "large"))
    some = AllowedColours(everything_allowed(CODEC.table).colours, (True, False) * 4 + (True,))
    classes, canvas, colours, status = page.select_model(session, 0, Canvas(sprite()), "large", "wall", some)
    assert canvas == Swatches(tuple(c for c in some.colours if c), (32, 32)) and len(session.drawings) == 1
    assert classes.value == "wall" and not isinstance(colours, AllowedColours)
    assert "large" in status and "it draws 32 x 32; Complete mask fits your 16 x 16 picture to it" in status
    assert page.select_model(session, 0, Canvas(sprite()), "tiny", "dragon")[0].value == ANY_CLASS


def test_colours_of_another_palette_are_all_allowed_again() -> None:
    other = AllowedColours(("", "123456"), (True, False))
    colours = pictures().select_model(Session(), 0, Canvas(sprite()), "tiny", "Any", other)[2]
    assert colours == everything_allowed(CODEC.table)


def test_what_another_model_would_see_is_said() -> None:
    picture = sprite()
    picture[3, 4] = [250, 1, 2, 255]
    status = pictures(names=("tiny", "large")).select_model(Session(), 0, Canvas(picture), "large")[3]
    assert "it reads 4 pixels as its nearest colours" in status
    assert WELCOME in pictures().select_model(Session(), 0, Canvas(sprite()), "tiny")[3]


def test_a_model_without_transparency_is_told_of() -> None:
    def opaque(checkpoint: str, picture: Picture) -> tuple[Picture, int]:
        filled = picture.copy()
        filled[..., 3] = 255
        return filled, int((picture[..., 3] == 0).sum())

    page, picture = pictures(), sprite()
    page.engine.snap = opaque  # pyright: ignore[reportAttributeAccessIssue]
    picture[:] = CODEC.table[3]
    picture[:2] = 0
    status = page.select_model(Session(), 0, Canvas(picture), "tiny")[3]
    assert "it has no transparency and reads 32 pixels as filled" in status and "nearest" not in status


def test_an_empty_canvas_gets_the_size_of_the_model() -> None:
    page = pictures(names=("tiny", "large"))
    canvas = page.select_model(Session(), 0, blank_canvas(16, 16), "large")[1]
    assert isinstance(canvas, Canvas) and canvas.picture.shape == (32, 32, 4) and not canvas.picture.any()
    masked = Canvas(np.zeros((16, 16, 4), np.uint8), np.ones((16, 16), np.bool_))
    assert isinstance(page.select_model(Session(), 0, masked, "large")[1], Swatches)


def test_a_damaged_model_leaves_the_painting_and_says_so() -> None:
    def broken(*_: Any) -> Any:
        raise WeightsRejected("model.safetensors: damaged")

    page = pictures()
    page.engine.snap = broken  # pyright: ignore[reportAttributeAccessIssue]
    picture = np.random.default_rng(2).integers(0, 256, (16, 16, 4), np.uint8)
    _, canvas, _, status = page.select_model(Session(), 0, Canvas(picture), "tiny")
    assert isinstance(canvas, Swatches) and "model.safetensors: damaged" in status
    _, canvas, _, status = page.select_model(Session(), 0, Canvas(picture), "gone")
    assert isinstance(canvas, Swatches) and "gone" in status


def test_another_model_picture_or_result_leaves_the_drawings_so_far() -> None:
    page = pictures()
    for leave in (
        lambda s: page.select_model(s, 3, Canvas(sprite()), "tiny"),
        lambda s: page.import_picture(s, 3, "tiny", sent_file(encode_png(sprite()))),
        lambda s: page.choose(s, 3, sent({"index": 0})),
    ):
        session = Session(drawings=[drawing(1)])
        leave(session)
        assert session.has_left(3) and session.is_stopped(3) and not session.has_left(4)


def test_import_keeps_every_colour_and_tells_what_the_model_does_not_have() -> None:
    picture = sprite()
    picture[3, 4] = [250, 1, 2, 255]
    picture[5, 6] = [1, 250, 2, 200]
    imported, status = pictures().import_picture(Session(), 0, "tiny", sent_file(encode_png(picture, scale=4)))
    assert np.array_equal(imported.picture, picture.repeat(4, 0).repeat(4, 1)), "at its true size"
    assert "every colour kept" in status and "32 pixels in colours that the model lacks" in status


def test_import_tells_the_page_the_grid_snaps_where_it_is_asked_to_and_says_so() -> None:
    picture = sprite()
    picture[3, 4] = [250, 1, 2, 255]
    picture[5, 6] = [1, 250, 2, 255]
    event = sent_file(encode_png(picture, scale=4))
    imported, status = pictures().import_picture(Session(), 0, "tiny", event, True)
    assert imported.grid == Grid(4, 0, 0) and imported.open is False
    changed = (imported.picture[::4, ::4] != sprite()).any(-1)
    assert set(map(tuple, np.argwhere(changed).tolist())) <= {(3, 4), (5, 6)}
    assert "32 pixels snapped to the palette" in status
    sent_to_page = canvas_to_payload(imported)["imported"]
    assert sent_to_page["grid"] == {"factor": 4, "top": 0, "left": 0} and sent_to_page["width"] == 64
    assert base64.b64decode(sent_to_page["pixels"]) == imported.picture.tobytes()


def test_a_file_larger_than_the_page_shows_is_imported_if_it_is_enlarged_pixel_art(warnings_shown: list[str]) -> None:
    small = sprite()
    large = encode_png(small, scale=100)
    imported, _ = pictures().import_picture(Session(), 0, "tiny", sent_file(large))
    assert np.array_equal(imported.picture, small) and not warnings_shown
    noise = np.random.default_rng(0).integers(0, 2, (1100, 40, 1), np.uint8).repeat(4, 2) * 255
    pictures().import_picture(Session(), 0, "tiny", sent_file(encode_png(noise)))
    assert warnings_shown == ["hero.png: 40 x 1100; the limit is 1024 pixels a side"]


def test_a_picture_of_the_history_is_opened_without_a_question() -> None:
    event = sent({**base64_of(encode_png(sprite())), "open": True})
    assert pictures().import_picture(Session(), 0, "tiny", event)[0].open is True


def test_import_keeps_a_fitting_picture_exactly() -> None:
    canvas, status = pictures().import_picture(Session(), 0, "tiny", sent_file(encode_png(sprite())))
    assert np.array_equal(canvas.picture, sprite()) and "every colour kept" in status


def too_large() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (5000, 5000)).save(buffer, "PNG")
    return buffer.getvalue()


def base64_of(content: bytes) -> dict[str, str]:
    return {"name": "hero.png", "data": base64.b64encode(content).decode()}


BAD_IMPORTS = {
    "null": None,
    "list": [],
    "name number": {"name": 3, "data": "AAAA"},
    "data null": {"name": "a.png", "data": None},
    "not base64": {"name": "a.png", "data": "not base64!"},
    "too many bytes": {"name": "a.png", "data": "A" * (SETTINGS.max_file_bytes * 2)},
    "no bytes": base64_of(b""),
    "svg": base64_of(b"<svg/>"),
    "cut off": base64_of(encode_png(sprite())[:60]),
    "too large": base64_of(too_large()),
}


@pytest.mark.parametrize("name", BAD_IMPORTS)
def test_a_bad_import_is_a_plain_message(name: str, warnings_shown: list[str]) -> None:
    canvas, status = pictures().import_picture(Session(), 0, "tiny", sent(BAD_IMPORTS[name]))
    assert not isinstance(canvas, Canvas | Imported) and len(warnings_shown) == 1 and "status" in status
    assert len(warnings_shown[0]) < 200 and "\n" not in warnings_shown[0]


def test_the_name_of_an_import_is_shown_without_markup_or_folders() -> None:
    status = pictures().import_picture(Session(), 0, "tiny", sent_file(encode_png(sprite()), "../../<b>x.png"))[1]
    assert "&lt;b&gt;x.png" in status and ".." not in status


def test_a_click_on_a_result_puts_it_on_the_canvas() -> None:
    session = Session(drawings=[drawing(3), drawing(9)])
    canvas, status = pictures().choose(session, 0, sent({"index": 1}))
    assert np.array_equal(canvas.picture, sprite()) and canvas.mask is None and "Seed 9" in status
    assert pictures().reuse_seed(session)[0] == 9


@pytest.mark.parametrize("index", [5, -1, None, "0", [0, 1], 10**30])
def test_a_click_on_nothing_changes_nothing(index: Any) -> None:
    session = Session(drawings=[drawing(3)])
    assert not isinstance(pictures().choose(session, 0, sent({"index": index}))[0], Canvas)
    assert session.chosen == 0


def test_reuse_without_a_result_says_so() -> None:
    seed, status = pictures().reuse_seed(Session())
    assert not isinstance(seed, int) and "Draw a picture first" in status


@pytest.mark.parametrize("snap", [False, None, "no", 0, 1, []])
def test_without_snapping_a_picture_keeps_its_colours_bit_for_bit(snap: Any) -> None:
    picture = sprite()
    picture[3, 4] = [250, 1, 2, 255]
    picture[5, 6] = [9, 8, 7, 0]
    canvas, status = pictures().import_picture(Session(), 0, "tiny", sent_file(encode_png(picture)), snap)
    assert np.array_equal(canvas.picture, picture)
    assert "1 pixel in colours that the model lacks" in status and "snapped" not in status


def test_sessions_share_nothing() -> None:
    first = Session(drawings=[drawing(1)])
    assert copy.deepcopy(first).drawings == [] and copy.deepcopy(first) is not first


def test_a_freed_session_keeps_nothing_and_ends_its_drawings() -> None:
    session = Session(drawings=[drawing(1)])
    session.free()
    assert not session.drawings and session.is_stopped(10**9)
    session.keep(10**9, [drawing(2)])
    assert not session.drawings
